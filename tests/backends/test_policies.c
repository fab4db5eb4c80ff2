// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the built-in policies (semantics.md 11): who is chosen, how often, and when nobody is.
#include "tests/pool_fixture.h"

#include <stdlib.h>

enum { DRAWS = 40000 };

static int
set_up(void **state)
{
  static struct fixture f;
  fixture_open(&f);
  fixture_name(&f, "www.example.test");
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
use_policy(struct fixture *f, const char *name)
{
  struct policy *policy = policy_builtin(name);
  assert_non_null(policy);
  pool_draft_set_default_policy(&f->draft, policy);
}

static void
set_outstanding(struct fixture *f, struct backend *b, uint64_t n)
{
  atomic_store(&b->counters[f->worker->id]->outstanding, n);
}

static void
set_latency(struct fixture *f, struct backend *b, double us)
{
  atomic_store(&b->counters[f->worker->id]->latency_us, us);
  f->worker->now_us += BACKEND_LOAD_AGE_US; // policies look again
}

static unsigned
share(struct fixture *f, const struct pool *pool, const struct backend *b)
{
  unsigned hits = 0;
  for (unsigned i = 0; i < DRAWS; i++)
    hits += fixture_choose(f, pool) == b;
  return hits;
}

// Every policy: none when the pool is empty or all are down (roundrobin is asked to fail), and the only one that is up.
static void
nobody_and_the_only_one(void **state)
{
  struct fixture *f = *state;
  f->settings.round_robin_fail = true;
  for (struct policy *const *p = builtin_policies; *p != NULL; p++) {
    pool_draft_set_default_policy(&f->draft, *p);
    assert_int_equal(fixture_build(f, "")->count, 0);
    assert_null(fixture_choose(f, pool_find(f->table, "")));
  }
  struct backend *b[3];
  for (unsigned i = 0; i < 3; i++)
    b[i] = fixture_add(f, "", i + 1, (int32_t)i, 10);
  for (struct policy *const *p = builtin_policies; *p != NULL; p++) {
    pool_draft_set_default_policy(&f->draft, *p);
    const struct pool *pool = fixture_build(f, "");
    for (unsigned i = 0; i < 3; i++)
      b[i]->up = false;
    assert_null(fixture_choose(f, pool));
    b[1]->up = true;
    for (unsigned i = 0; i < 20; i++)
      assert_ptr_equal(fixture_choose(f, pool), b[1]);
  }
}

static void
policies_have_the_dialect_s_names(void **state)
{
  (void)state;
  assert_string_equal(builtin_policies[0]->name, "leastOutstanding");
  assert_null(policy_builtin("leastoutstanding"));
  assert_null(policy_builtin("nothing"));
  for (struct policy *const *p = builtin_policies; *p != NULL; p++)
    assert_true((*p)->help != NULL && (*p)->help[0] != '\0');
}

static void
least_outstanding_then_order_then_latency(void **state)
{
  struct fixture *f = *state;
  struct backend *a = fixture_add(f, "", 1, 1, 1), *b = fixture_add(f, "", 2, 1, 1), *c = fixture_add(f, "", 3, 2, 1);
  const struct pool *pool = fixture_build(f, "");
  set_outstanding(f, a, 5);
  set_outstanding(f, b, 4);
  set_outstanding(f, c, 3);
  assert_ptr_equal(fixture_choose(f, pool), c);
  set_outstanding(f, c, 5);
  set_outstanding(f, b, 5);
  set_latency(f, a, 900);
  set_latency(f, b, 800);
  set_latency(f, c, 1);
  assert_ptr_equal(fixture_choose(f, pool), b); // c is of a higher order
  set_latency(f, b, 900);
  assert_ptr_equal(fixture_choose(f, pool), a); // all equal: the first
  atomic_store(&b->counters[f->worker->id]->tcp_latency_us, 1);
  atomic_store(&a->counters[f->worker->id]->tcp_latency_us, 2);
  f->worker->now_us += BACKEND_LOAD_AGE_US;
  f->query->over_tcp = true;
  assert_ptr_equal(fixture_choose(f, pool), b);
  b->up = false;
  assert_ptr_equal(fixture_choose(f, pool), a);
}

static void
first_available_honours_the_limits(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "firstAvailable");
  struct backend *second = fixture_add(f, "", 1, 2, 1), *first = fixture_add(f, "", 2, 1, 1);
  const struct pool *pool = fixture_build(f, "");
  backend_set_qps(first, 2);
  backend_set_qps(second, 1);
  f->worker->now_us = 1000000000;
  for (unsigned i = 0; i < 3; i++) {
    struct backend *b = fixture_choose(f, pool);
    assert_ptr_equal(b, i < 2 ? first : second);
    assert_true(backend_take_token(b, f->worker->now_us)); // as the forward room does
  }
  set_outstanding(f, first, 9);
  assert_ptr_equal(fixture_choose(f, pool), second); // no token anywhere: leastOutstanding
  f->worker->now_us += 500000;
  assert_ptr_equal(fixture_choose(f, pool), first); // refilled: first in line whatever it has to do
}

static void
wrandom_follows_the_weights(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "wrandom");
  struct backend *a = fixture_add(f, "", 1, 1, 1), *b = fixture_add(f, "", 2, 9, 3), *c = fixture_add(f, "", 3, 1, 96);
  const struct pool *pool = fixture_build(f, "");
  c->up = false;
  assert_in_range(share(f, pool, a), DRAWS / 4 - DRAWS / 50, DRAWS / 4 + DRAWS / 50);
  b->weight = 1; // live: no publish needed
  assert_in_range(share(f, pool, a), DRAWS / 2 - DRAWS / 50, DRAWS / 2 + DRAWS / 50);
}

static void
wrandom_with_huge_weights(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "wrandom");
  struct backend *a = fixture_add(f, "", 1, 1, INT32_MAX);
  for (unsigned i = 2; i <= 4; i++)
    fixture_add(f, "", i, 1, INT32_MAX);
  const struct pool *pool = fixture_build(f, "");
  assert_in_range(share(f, pool, a), DRAWS / 4 - DRAWS / 50, DRAWS / 4 + DRAWS / 50);
}

// How many of `count` names each backend gets.
static void
spread(struct fixture *f, const struct pool *pool, unsigned count, struct backend **owner)
{
  char name[32];
  for (unsigned i = 0; i < count; i++) {
    snprintf(name, sizeof name, "host%u.example.test", i);
    fixture_name(f, name);
    owner[i] = fixture_choose(f, pool);
  }
}

static unsigned
owned(struct backend *const *owner, unsigned count, const struct backend *b)
{
  unsigned n = 0;
  for (unsigned i = 0; i < count; i++)
    n += owner[i] == b;
  return n;
}

static void
hashes_ignore_casing_and_follow_the_seed(void **state)
{
  struct fixture *f = *state;
  static const char *const kinds[] = {"whashed", "chashed"};
  for (unsigned i = 1; i <= 8; i++)
    fixture_add(f, "", i, 1, 100);
  for (unsigned k = 0; k < 2; k++) {
    static struct backend *before[400], *after[400];
    use_policy(f, kinds[k]);
    f->settings.hash_perturbation = 4711;
    const struct pool *pool = fixture_build(f, "");
    fixture_name(f, "www.example.test");
    struct backend *b = fixture_choose(f, pool);
    fixture_name(f, "wWw.EXAMPLE.tesT");
    assert_ptr_equal(fixture_choose(f, pool), b);
    spread(f, pool, 400, before);
    spread(f, pool, 400, after);
    assert_memory_equal(before, after, sizeof before);
    f->settings.hash_perturbation = 4712;
    spread(f, pool, 400, after);
    assert_memory_not_equal(before, after, sizeof before);
  }
}

static void
whashed_follows_the_weights(void **state)
{
  struct fixture *f = *state;
  static struct backend *owner[8000];
  use_policy(f, "whashed");
  struct backend *a = fixture_add(f, "", 1, 1, 1), *b = fixture_add(f, "", 2, 1, 3);
  spread(f, fixture_build(f, ""), 8000, owner);
  assert_in_range(owned(owner, 8000, a), 1700, 2300);
  assert_int_equal(owned(owner, 8000, a) + owned(owner, 8000, b), 8000);
}

static void
chashed_follows_the_weights(void **state)
{
  struct fixture *f = *state;
  static struct backend *owner[8000];
  use_policy(f, "chashed");
  struct backend *a = fixture_add(f, "", 1, 1, 1000), *b = fixture_add(f, "", 2, 1, 3000);
  const struct pool *pool = fixture_build(f, "");
  assert_int_equal(pool->point_count, 4000);
  for (uint32_t i = 1; i < pool->point_count; i++)
    assert_true(pool->points[i - 1].hash <= pool->points[i].hash);
  spread(f, pool, 8000, owner);
  assert_in_range(owned(owner, 8000, a), 1500, 2500);
  // A new weight means new points at the next publish.
  assert_true(backend_set_weight(b, 1000));
  pool_draft_reweighed(&f->draft, b);
  assert_int_equal(fixture_build(f, "")->point_count, 2000);
}

// Consistent: only the names of the one that left move, whether it is down, removed, or comes back.
static void
chashed_moves_few_names(void **state)
{
  struct fixture *f = *state;
  enum { NAMES = 4000 };
  static struct backend *before[NAMES], *down[NAMES], *removed[NAMES];
  use_policy(f, "chashed");
  struct backend *b[5];
  for (unsigned i = 0; i < 5; i++)
    b[i] = fixture_add(f, "", i + 1, 1, 200);
  const struct pool *pool = fixture_build(f, "");
  spread(f, pool, NAMES, before);
  for (unsigned i = 0; i < 5; i++)
    assert_in_range(owned(before, NAMES, b[i]), NAMES / 10, NAMES * 3 / 10);
  b[2]->up = false;
  spread(f, pool, NAMES, down);
  for (unsigned i = 0; i < NAMES; i++)
    if (before[i] != b[2])
      assert_ptr_equal(down[i], before[i]);
    else
      assert_ptr_not_equal(down[i], b[2]);
  b[2]->up = true;
  object_ref(b[2]);
  assert_true(pool_draft_remove_backend(&f->draft, b[2]));
  spread(f, fixture_build(f, ""), NAMES, removed);
  assert_memory_equal(removed, down, sizeof down);
  object_unref(&b[2]);
}

static void
chashed_scales_huge_weights(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "chashed");
  fixture_add(f, "", 1, 1, INT32_MAX);
  fixture_add(f, "", 2, 1, 1);
  const struct pool *pool = fixture_build(f, "");
  assert_in_range(pool->point_count, 1 << 19, (1 << 20) + 2);
  assert_non_null(fixture_choose(f, pool));
}

static void
only_consistent_hashing_has_points(void **state)
{
  struct fixture *f = *state;
  fixture_add(f, "", 1, 1, 100);
  assert_null(fixture_build(f, "")->points);
  use_policy(f, "chashed");
  assert_int_equal(fixture_build(f, "")->point_count, 100);
  use_policy(f, "whashed");
  assert_null(fixture_build(f, "")->points);
}

static void
roundrobin_takes_turns(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "roundrobin");
  struct backend *b[4];
  for (unsigned i = 0; i < 4; i++)
    b[i] = fixture_add(f, "", i + 1, 1, 1);
  const struct pool *pool = fixture_build(f, "");
  for (unsigned i = 0; i < 9; i++)
    assert_ptr_equal(fixture_choose(f, pool), b[i % 4]);
  // The counter survives a publish: turn 9 is next.
  fixture_add(f, "other", 9, 1, 1);
  pool_entry_touch(pool_draft_get(&f->draft, ""));
  assert_ptr_equal(fixture_choose(f, fixture_build(f, "")), b[1]);
  pool = pool_find(f->table, "");
  b[2]->up = false; // turn 10 is its own: 10 modulo the three that are up
  assert_ptr_equal(fixture_choose(f, pool), b[1]);
  assert_ptr_equal(fixture_choose(f, pool), b[3]);
}

static void
roundrobin_with_everybody_down(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "roundrobin");
  struct backend *a = fixture_add(f, "", 1, 1, 1), *b = fixture_add(f, "", 2, 1, 1);
  const struct pool *pool = fixture_build(f, "");
  a->up = b->up = false;
  assert_ptr_equal(fixture_choose(f, pool), a);
  assert_ptr_equal(fixture_choose(f, pool), b);
  f->settings.round_robin_fail = true;
  assert_null(fixture_choose(f, pool));
  f->settings.round_robin_fail = false;
  a->retired = b->retired = true;
  assert_null(fixture_choose(f, pool));
}

static void
ordered_wrand_untag_avoids_tags(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "orderedWrandUntag");
  struct backend *a = fixture_add(f, "", 1, 1, 1), *b = fixture_add(f, "", 2, 1, 3), *c = fixture_add(f, "", 3, 2, 1);
  const struct pool *pool = fixture_build(f, "");
  assert_in_range(share(f, pool, a), DRAWS / 4 - DRAWS / 50, DRAWS / 4 + DRAWS / 50);
  assert_int_equal(share(f, pool, c), 0);
  assert_true(query_tag_set(f->query, "b1 (192.0.2.1:53)", "", 0));
  assert_int_equal(share(f, pool, b), DRAWS);
  assert_true(query_tag_set(f->query, "b2 (192.0.2.2:53)", "x", 1));
  assert_int_equal(share(f, pool, c), DRAWS);
  assert_true(query_tag_set(f->query, "b3 (192.0.2.3:53)", "", 0));
  assert_null(fixture_choose(f, pool));
  query_tag_unset(f->query, "b1 (192.0.2.1:53)");
  assert_ptr_equal(fixture_choose(f, pool), a);
}

// eligible: outstanding <= weight * factor * (1 + sum of outstanding) / sum of weights
static void
bounded_load_of_weighted_policies(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "wrandom");
  struct backend *a = fixture_add(f, "", 1, 1, 1), *b = fixture_add(f, "", 2, 1, 1);
  const struct pool *pool = fixture_build(f, "");
  set_outstanding(f, a, 9);
  set_outstanding(f, b, 2);
  assert_in_range(share(f, pool, a), DRAWS / 2 - DRAWS / 50, DRAWS / 2 + DRAWS / 50);
  f->settings.weighted_balancing_factor = 1.49; // 8.94 allowed
  assert_int_equal(share(f, pool, a), 0);
  f->settings.weighted_balancing_factor = 1.5; // 9 allowed: just
  assert_in_range(share(f, pool, a), DRAWS / 2 - DRAWS / 50, DRAWS / 2 + DRAWS / 50);
  b->up = false; // alone it may have everything: 1 * 1.5 * 10 / 1
  assert_ptr_equal(fixture_choose(f, pool), a);
}

static void
bounded_load_of_consistent_hashing(void **state)
{
  struct fixture *f = *state;
  use_policy(f, "chashed");
  struct backend *a = fixture_add(f, "", 1, 1, 200), *b = fixture_add(f, "", 2, 1, 200);
  const struct pool *pool = fixture_build(f, "");
  struct backend *owner = fixture_choose(f, pool), *other = owner == a ? b : a;
  set_outstanding(f, owner, 10);
  f->settings.weighted_balancing_factor = 1; // not its setting
  assert_ptr_equal(fixture_choose(f, pool), owner);
  f->settings.consistent_balancing_factor = 1.2;
  assert_ptr_equal(fixture_choose(f, pool), other);
  set_outstanding(f, other, 10);
  assert_ptr_equal(fixture_choose(f, pool), owner);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(nobody_and_the_only_one),
      TEST(policies_have_the_dialect_s_names),
      TEST(least_outstanding_then_order_then_latency),
      TEST(first_available_honours_the_limits),
      TEST(wrandom_follows_the_weights),
      TEST(wrandom_with_huge_weights),
      TEST(hashes_ignore_casing_and_follow_the_seed),
      TEST(whashed_follows_the_weights),
      TEST(chashed_follows_the_weights),
      TEST(chashed_moves_few_names),
      TEST(chashed_scales_huge_weights),
      TEST(only_consistent_hashing_has_points),
      TEST(roundrobin_takes_turns),
      TEST(roundrobin_with_everybody_down),
      TEST(ordered_wrand_untag_avoids_tags),
      TEST(bounded_load_of_weighted_policies),
      TEST(bounded_load_of_consistent_hashing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
