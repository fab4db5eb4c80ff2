// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/pool: backends, their sums and load; the pool draft and the tables built from it.
#include "tests/pool_fixture.h"

#include <pthread.h>

static int
set_up(void **state)
{
  static struct fixture f;
  fixture_open(&f);
  *state = &f;
  return 0;
}

static int
tear_down(void **state)
{
  fixture_close(*state);
  return 0;
}

static void
names_of_a_backend(void **state)
{
  (void)state;
  char text[40];
  struct backend *b = fixture_backend(1, 1, 1);
  assert_string_equal(backend_name(b), "b1");
  assert_string_equal(backend_full_name(b), "b1 (192.0.2.1:53)");
  const char *old = backend_name(b);
  backend_set_name(b, "");
  assert_string_equal(old, "b1"); // somebody may still be reading it
  assert_string_equal(backend_name_with_address(b, text, sizeof text), "192.0.2.1:53");
  assert_string_equal(backend_name_with_address(b, text, 6), "192.0");
  assert_string_equal(b->options.protocol->name, "DoUDP");
  object_unref(&b);
}

static void
a_backend_without_id_gets_one(void **state)
{
  (void)state;
  struct backend *a = fixture_backend(1, 1, 1), *b = fixture_backend(2, 1, 1);
  assert_false(uuid_equal(&a->options.id, &b->options.id));
  assert_false(uuid_equal(&a->options.id, &(struct uuid){{0}}));
  object_unref(&a);
  object_unref(&b);
}

static void
up_means_forced_state_then_health(void **state)
{
  (void)state;
  struct backend *b = fixture_backend(1, 1, 1);
  assert_true(backend_is_up(b));
  b->forced = FORCED_DOWN;
  assert_false(backend_is_up(b));
  b->up = false;
  b->forced = FORCED_UP;
  assert_true(backend_is_up(b));
  b->retired = true;
  assert_false(backend_is_up(b));
  object_unref(&b);
}

static void
weights_and_limits_are_checked(void **state)
{
  (void)state;
  struct backend *b = fixture_backend(1, 1, 7);
  assert_false(backend_set_weight(b, 0));
  assert_false(backend_set_weight(b, -1));
  assert_false(backend_set_weight(b, (int64_t)INT32_MAX + 1));
  assert_int_equal(b->weight, 7);
  assert_true(backend_set_weight(b, INT32_MAX));
  uint64_t now = 1000000000;
  assert_true(backend_take_token(b, now));
  backend_set_qps(b, 2);
  assert_true(backend_take_token(b, now));
  assert_true(backend_has_token(b, now));
  backend_set_qps(b, 2); // the same again: no new burst
  assert_true(backend_take_token(b, now));
  assert_false(backend_has_token(b, now));
  assert_false(backend_take_token(b, now));
  backend_set_qps(b, 0);
  assert_true(backend_take_token(b, now));
  backend_set_qps(b, -5);
  assert_true(backend_has_token(b, now));
  object_unref(&b);
}

static void
load_is_own_exactly_and_others_a_millisecond_old(void **state)
{
  struct fixture *f = *state;
  struct worker *other = worker_new(NULL);
  struct backend *b = fixture_backend(1, 1, 1);
  struct backend_counters *mine = b->counters[f->worker->id], *theirs = b->counters[other->id];
  f->worker->now_us = 5000000;
  counter_add(&mine->outstanding, 3);
  counter_add(&theirs->outstanding, 10);
  assert_int_equal(backend_load(b, f->worker), 13);
  assert_int_equal(backend_outstanding(b), 13);
  counter_add(&mine->outstanding, 1);
  counter_add(&theirs->outstanding, 10);
  f->worker->now_us += 999;
  assert_int_equal(backend_load(b, f->worker), 14);
  f->worker->now_us += 1;
  assert_int_equal(backend_load(b, f->worker), 24);
  object_unref(&b);
  worker_free(&other);
}

static void
latency_is_the_mean_of_those_who_measured(void **state)
{
  struct fixture *f = *state;
  struct worker *other = worker_new(NULL);
  struct backend *b = fixture_backend(1, 1, 1);
  struct backend_counters *mine = b->counters[f->worker->id], *theirs = b->counters[other->id];
  assert_true(backend_latency_us(b, false) == 0);
  atomic_store(&theirs->latency_us, 400.0);
  assert_true(backend_latency_us(b, false) == 400.0);
  atomic_store(&mine->latency_us, 100.0);
  assert_true(backend_latency_us(b, false) == 250.0);
  assert_true(backend_latency_us(b, true) == 0);
  counter_add(&theirs->responses, 2); // weights 1 to 3
  assert_true(backend_latency_us(b, false) == 325.0);
  backend_reset_latency(b);
  assert_true(backend_latency_us(b, false) == 0);
  object_unref(&b);
  worker_free(&other);
}

static void
backends_are_sorted_by_order_then_age(void **state)
{
  struct fixture *f = *state;
  struct backend *first = fixture_add(f, "", 1, 2, 1), *second = fixture_add(f, "", 2, 1, 1);
  struct backend *third = fixture_add(f, "", 3, 2, 1), *fourth = fixture_add(f, "", 4, 1, 1);
  const struct pool *pool = fixture_build(f, "");
  struct backend *expected[] = {second, fourth, first, third};
  struct backend_list *list = backend_list_build(&f->draft);
  assert_int_equal(pool->count, 4);
  assert_int_equal(list->count, 4);
  for (unsigned i = 0; i < 4; i++) {
    assert_ptr_equal(pool->backends[i], expected[i]);
    assert_ptr_equal(list->items[i], expected[i]);
  }
  object_unref(&list);
}

static void
a_backend_is_in_a_pool_once(void **state)
{
  struct fixture *f = *state;
  struct backend *b = fixture_add(f, "", 1, 1, 1);
  struct pool_entry *e = pool_draft_get(&f->draft, "");
  assert_false(pool_entry_add(e, b));
  assert_int_equal(fixture_build(f, "")->count, 1);
  assert_true(pool_entry_remove(e, b));
  assert_false(pool_entry_remove(e, b));
  assert_int_equal(fixture_build(f, "")->count, 0);
}

static void
pools_are_found_by_name(void **state)
{
  struct fixture *f = *state;
  char name[16];
  for (unsigned i = 0; i < 100; i++) {
    snprintf(name, sizeof name, "pool%u", i);
    pool_draft_get(&f->draft, name);
  }
  fixture_build(f, "");
  assert_int_equal(f->table->count, 101);
  assert_string_equal(f->table->pools[100]->name, ""); // newest first, the default last
  assert_string_equal(f->table->pools[0]->name, "pool99");
  for (unsigned i = 0; i < 100; i++) {
    snprintf(name, sizeof name, "pool%u", i);
    assert_string_equal(pool_find(f->table, name)->name, name);
  }
  assert_string_equal(pool_find(f->table, "")->name, "");
  assert_null(pool_find(f->table, "pool100"));
  assert_null(pool_find(f->table, "POOL1"));
}

static void
what_did_not_change_is_shared(void **state)
{
  struct fixture *f = *state;
  fixture_add(f, "", 1, 1, 1);
  fixture_add(f, "own", 2, 1, 1);
  pool_entry_set_policy(pool_draft_get(&f->draft, "own"), policy_builtin("wrandom"));
  const struct pool *other_was = fixture_build(f, "own"), *was = object_ref((void *)(uintptr_t)pool_find(f->table, ""));
  f->draft.changed = false;
  fixture_add(f, "", 3, 1, 1);
  assert_true(f->draft.changed);
  const struct pool *now = fixture_build(f, "");
  assert_ptr_not_equal(now, was);
  assert_ptr_equal(now->state, was->state);
  assert_ptr_equal(pool_find(f->table, "own"), other_was);
  assert_int_equal(was->count, 1); // the old one is as it was
  // Another default policy concerns those without one of their own.
  pool_draft_set_default_policy(&f->draft, policy_builtin("roundrobin"));
  assert_string_equal(fixture_build(f, "")->policy->name, "roundrobin");
  assert_false(pool_find(f->table, "")->has_own_policy);
  assert_ptr_equal(pool_find(f->table, "own"), other_was);
  assert_string_equal(f->table->default_policy->name, "roundrobin");
  pool_entry_set_policy(pool_draft_get(&f->draft, "own"), NULL);
  assert_string_equal(fixture_build(f, "own")->policy->name, "roundrobin");
  object_unref(&was);
}

static void
a_removed_backend_retires(void **state)
{
  struct fixture *f = *state;
  struct backend *b = fixture_add(f, "", 1, 1, 1);
  pool_entry_add(pool_draft_get(&f->draft, "two"), b);
  object_ref(b);
  const struct pool *old = object_ref((void *)(uintptr_t)fixture_build(f, "two"));
  assert_true(pool_has_server_up(old));
  assert_true(pool_draft_remove_backend(&f->draft, b));
  assert_false(pool_draft_remove_backend(&f->draft, b));
  assert_int_equal(fixture_build(f, "two")->count, 0);
  assert_int_equal(pool_find(f->table, "")->count, 0);
  assert_int_equal(old->count, 1);
  assert_false(pool_has_server_up(old)); // who walks under the old snapshot skips it
  object_unref(&old);
  assert_int_equal(object_refs(b), 1);
  object_unref(&b);
}

static struct backend *
add_with_ecs(struct fixture *f, unsigned n, bool use_client_subnet)
{
  struct backend_options o;
  struct fault fault = FAULT_INIT;
  backend_options_default(&o);
  assert_true(address_parse(&o.address, "192.0.2.1", (uint16_t)n, &fault));
  o.use_client_subnet = use_client_subnet;
  struct backend *b = backend_new(&o);
  pool_entry_add(pool_draft_get(&f->draft, ""), b);
  return b;
}

static void
backends_that_agree_speak_for_the_pool(void **state)
{
  struct fixture *f = *state;
  struct pool_entry *e = pool_draft_get(&f->draft, "");
  e->use_ecs = true;
  pool_entry_touch(e);
  const struct pool *pool = fixture_build(f, "");
  assert_true(pool->consistent && pool->use_ecs && pool->zero_scope && !pool->plain); // nobody there: as the script said
  struct backend *a = add_with_ecs(f, 1, false);
  pool = fixture_build(f, "");
  assert_true(pool->consistent && !pool->use_ecs && pool->zero_scope && pool->plain);
  struct backend *b = add_with_ecs(f, 2, true);
  pool = fixture_build(f, "");
  assert_true(!pool->consistent && pool->use_ecs && !pool->plain);
  pool_entry_remove(e, a);
  pool = fixture_build(f, "");
  assert_true(pool->consistent && pool->use_ecs);
  object_unref(&a);
  object_unref(&b);
}

// Readers see one whole name or the other while control renames (for the thread sanitizer).
static void *
rename_often(void *arg)
{
  for (unsigned i = 0; i < 200; i++) {
    backend_set_name(arg, i % 2 ? "odd" : "even");
    backend_set_qps(arg, i % 3);
  }
  return NULL;
}

static void
renaming_under_readers(void **state)
{
  (void)state;
  struct backend *b = fixture_backend(1, 1, 1);
  pthread_t thread;
  backend_set_name(b, "odd");
  assert_int_equal(pthread_create(&thread, NULL, rename_often, b), 0);
  for (unsigned i = 0; i < 2000; i++) {
    const char *name = backend_name(b);
    assert_true(strcmp(name, "odd") == 0 || strcmp(name, "even") == 0);
    backend_take_token(b, i);
  }
  pthread_join(thread, NULL);
  assert_string_equal(backend_name(b), "odd");
  object_unref(&b);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_of_a_backend),
      cmocka_unit_test(a_backend_without_id_gets_one),
      cmocka_unit_test(up_means_forced_state_then_health),
      cmocka_unit_test(weights_and_limits_are_checked),
      cmocka_unit_test_setup_teardown(load_is_own_exactly_and_others_a_millisecond_old, set_up, tear_down),
      cmocka_unit_test_setup_teardown(latency_is_the_mean_of_those_who_measured, set_up, tear_down),
      cmocka_unit_test_setup_teardown(backends_are_sorted_by_order_then_age, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_backend_is_in_a_pool_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(pools_are_found_by_name, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_did_not_change_is_shared, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_removed_backend_retires, set_up, tear_down),
      cmocka_unit_test_setup_teardown(backends_that_agree_speak_for_the_pool, set_up, tear_down),
      cmocka_unit_test(renaming_under_readers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
