// SPDX-License-Identifier: BSD-2-Clause
// Chains: the verbs of a rule list, the walk, hit counts and their slots, the tables.
#include "tests/fake_worker.h"
#include "tests/rule_spec.h"

#include "rules/chain/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLAIN "1234 0100 0001 0000 0000 0000 03'www'07'example'03'com'00 0001 0001"

static struct rule *
make(const char *selector, const char *action, const char *name, const char *uuid)
{
  struct selector *s = spec_selector(selector, NULL);
  struct action *a = spec_action(action, NULL);
  struct uuid id;
  if (uuid != NULL)
    assert_true(uuid_parse(&id, uuid));
  struct rule *r = rule_new(s, a, name, uuid != NULL ? &id : NULL);
  object_unref(&s);
  object_unref(&a);
  return r;
}

static void
add(struct rule_list *list, const char *selector, const char *action, const char *name)
{
  struct rule *r = make(selector, action, name, NULL);
  rule_list_add(list, r);
  object_unref(&r);
}

// The names of the rules in order, as one text.
static const char *
order(const struct rule_list *list)
{
  static char names[64];
  names[0] = '\0';
  for (uint32_t i = 0; i < list->count; i++)
    strcat(names, list->rules[i]->name);
  return names;
}

static void
fill(struct rule_list *list, const char *letters)
{
  rule_list_clear(list);
  for (; *letters != '\0'; letters++)
    add(list, "AllRule()", "NoneAction()", (char[]){*letters, '\0'});
  list->changed = false;
}

static void
moving(void **state)
{
  (void)state;
  static const struct {
    int64_t from, to;
    const char *after; // NULL: refused
    bool changed;
  } rows[] = {
      {0, 2, "bacd", true},  {0, 4, "bcda", true}, {3, 0, "dabc", true},    {2, 1, "acbd", true},  {1, 1, "abcd", false},
      {1, 2, "abcd", false}, {4, 0, NULL, false},  {-1, 0, NULL, false},    {0, -1, NULL, false},  {0, 5, NULL, false},
      {0, INT64_MAX, NULL, false}, {3, 4, "abcd", false},
  };
  struct rule_list list = {.rules = NULL};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    fill(&list, "abcd");
    assert_int_equal(rule_list_move(&list, rows[i].from, rows[i].to), rows[i].after != NULL);
    assert_string_equal(order(&list), rows[i].after != NULL ? rows[i].after : "abcd");
    assert_int_equal(list.changed, rows[i].changed);
  }
  rule_list_move_to_top(&list);
  assert_string_equal(order(&list), "dabc");
  rule_list_clear(&list);
  list.changed = false;
  rule_list_move_to_top(&list); // nothing to move
  assert_false(list.changed);
  assert_false(rule_list_move(&list, 0, 0));
}

static void
removing(void **state)
{
  (void)state;
  struct rule_list list = {.rules = NULL};
  fill(&list, "abcb");
  assert_false(rule_list_remove_at(&list, 4));
  assert_false(list.changed);
  assert_true(rule_list_remove_at(&list, 0));
  assert_string_equal(order(&list), "bcb");
  assert_int_equal(rule_list_remove_named(&list, "x"), 0);
  assert_int_equal(rule_list_remove_named(&list, "b"), 2); // every one
  assert_string_equal(order(&list), "c");
  add(&list, "AllRule()", "NoneAction()", "");
  add(&list, "AllRule()", "NoneAction()", NULL);
  assert_int_equal(rule_list_remove_named(&list, ""), 2); // all that have no name
  assert_string_equal(order(&list), "c");
  rule_list_clear(&list);
}

static void
names_and_uuids(void **state)
{
  (void)state;
  static const char *const id = "0a1b2c3d-1111-4222-8333-444455556666";
  struct rule_list list = {.rules = NULL};
  struct rule *named_like_it = make("AllRule()", "NoneAction()", id, NULL);
  struct rule *first = make("AllRule()", "NoneAction()", "n", id), *second = make("AllRule()", "NoneAction()", "n", id);
  rule_list_add(&list, named_like_it);
  rule_list_add(&list, first);
  rule_list_add(&list, second);
  assert_ptr_equal(rule_list_find(&list, "n"), first);
  assert_ptr_equal(rule_list_find(&list, id), first); // a name in UUID form is never found
  assert_ptr_equal(rule_list_find(&list, "0A1B2C3D-1111-4222-8333-444455556666"), first);
  assert_null(rule_list_find(&list, "m"));
  assert_int_equal(rule_list_remove_named(&list, id), 2);
  assert_ptr_equal(list.rules[0], named_like_it);
  assert_false(uuid_equal(&named_like_it->uuid, &first->uuid)); // random ones are given
  assert_true(first->creation_order < second->creation_order);
  uint64_t next = rule_next_creation_order();
  assert_int_equal(next, second->creation_order + 1);
  rule_list_set(&list, (struct rule *[]){second, named_like_it, second}, 3);
  assert_int_equal(list.count, 3);
  rule_list_set(&list, list.rules, 1); // its own rules
  assert_ptr_equal(list.rules[0], second);
  rule_list_clear(&list);
  object_unref(&named_like_it);
  object_unref(&first);
  object_unref(&second);
}

static void
walking(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct rule_list list = {.rules = NULL};
  add(&list, "TCPRule(true)", "DropAction()", "a");
  add(&list, "AllRule()", "SetTagAction(t|1)", "b");
  add(&list, "TagRule(t|1)", "PoolAction(p)", "c"); // sees what the rule before did
  add(&list, "AllRule()", "DropAction()", "d");
  struct chain *chain = chain_build(&list);
  struct query *q = fake_query(&f, PLAIN);
  assert_int_equal(chain_run(chain, q), VERDICT_STOP);
  assert_string_equal(q->pool_name, "p");
  static const uint64_t hits[] = {0, 1, 1, 0};
  for (unsigned i = 0; i < 4; i++)
    assert_int_equal(rule_hits(list.rules[i]), hits[i]);
  q->arrival.transport = &transport_tcp;
  assert_int_equal(chain_run(chain, q), VERDICT_DROP);
  assert_int_equal(q->drop, DROP_RULE);
  assert_int_equal(rule_hits(list.rules[0]), 1);
  fake_query_free(&q);
  // The chain keeps its rules when the list loses them.
  rule_list_clear(&list);
  q = fake_query(&f, PLAIN);
  assert_int_equal(chain_run(chain, q), VERDICT_STOP);
  object_unref(&chain);
  chain = chain_build(&list);
  assert_int_equal(chain_run(chain, q), VERDICT_NEXT);
  object_unref(&chain);
  rule_list_clear(&list);
  fake_query_free(&q);
  fake_worker_close(&f);
}

static bool
cannot_decide(const struct selector *s, struct query *q)
{
  (void)s;
  q->selector_failed = true;
  q->drop = DROP_NO_POOL;
  return true;
}

static const struct selector_kind failing = {
    .name = "FailingRule", .size = sizeof(struct selector), .match = cannot_decide, .text = "fails"};

// A selector that cannot decide drops the query, also when a NotRule hides it.
static void
failing_selectors(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct selector *bad = selector_new(&failing, NULL, NULL);
  struct value inner = {.given = true, .object = bad};
  struct selector *hidden = selector_new(selector_kind_find("NotRule"), &inner, NULL);
  struct action *none = spec_action("NoneAction()", NULL);
  struct selector *both[] = {bad, hidden};
  for (unsigned i = 0; i < 2; i++) {
    struct rule_list list = {.rules = NULL};
    struct rule *r = rule_new(both[i], none, "", NULL);
    rule_list_add(&list, r);
    struct chain *chain = chain_build(&list);
    struct query *q = fake_query(&f, PLAIN);
    assert_int_equal(chain_run(chain, q), VERDICT_DROP);
    assert_int_equal(q->drop, DROP_NO_POOL);
    assert_int_equal(rule_hits(r), 0);
    fake_query_free(&q);
    object_unref(&chain);
    rule_list_clear(&list);
    object_unref(&r);
  }
  object_unref(&none);
  object_unref(&hidden);
  object_unref(&bad);
  fake_worker_close(&f);
}

static void
slots_are_reused_from_zero(void **state)
{
  (void)state;
  struct fake_worker f, g;
  fake_worker_open(&f);
  struct rule *r = make("AllRule()", "NoneAction()", "", NULL);
  fake_worker_open(&g); // a worker that came later has no page yet
  rule_hit(r, f.worker);
  rule_hit(r, f.worker);
  rule_hit(r, g.worker);
  assert_int_equal(rule_hits(r), 3);
  uint32_t slot = r->slot;
  object_unref(&r);
  r = make("AllRule()", "NoneAction()", "", NULL);
  assert_int_equal(r->slot, slot);
  assert_int_equal(rule_hits(r), 0);
  object_unref(&r);
  // More rules than a page holds.
  struct rule_list list = {.rules = NULL};
  for (unsigned i = 0; i < 2 * HIT_PAGE_SLOTS; i++)
    add(&list, "AllRule()", "NoneAction()", "");
  struct chain *chain = chain_build(&list);
  struct query *q = fake_query(&f, PLAIN);
  assert_int_equal(chain_run(chain, q), VERDICT_NEXT);
  for (uint32_t i = 0; i < list.count; i++)
    assert_int_equal(rule_hits(list.rules[i]), 1);
  fake_query_free(&q);
  object_unref(&chain);
  rule_list_clear(&list);
  fake_worker_close(&g);
  fake_worker_close(&f);
}

// A selector counts the hits of all rules that have it, those that are gone too.
static void
selectors_count(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct selector *s = spec_selector("AllRule()", NULL);
  struct action *a = spec_action("NoneAction()", NULL);
  struct rule *one = rule_new(s, a, "", NULL), *two = rule_new(s, a, "", NULL);
  rule_hit(one, f.worker);
  rule_hit(two, f.worker);
  rule_hit(two, f.worker);
  assert_int_equal(selector_matches(s), 3);
  object_unref(&two);
  assert_int_equal(selector_matches(s), 3);
  object_unref(&one);
  assert_int_equal(selector_matches(s), 3);
  object_unref(&s);
  object_unref(&a);
  fake_worker_close(&f);
}

static void
tables(void **state)
{
  (void)state;
  struct fake_worker f;
  fake_worker_open(&f);
  struct rule_list list = {.rules = NULL};
  struct rule *r = make("QTypeRule(ANY)", "RCodeAction(4)", "no-any", "0a1b2c3d-1111-4222-8333-444455556666");
  r->creation_order = 4;
  rule_list_add(&list, r);
  add(&list, "QNameSuffixRule(bad.example,worse.example)", "DropAction()", "");
  for (unsigned i = 0; i < 17; i++)
    rule_hit(r, f.worker);
  struct text t;
  text_init(&t);
  rule_table_print(list.rules, list.count, &(struct rule_table){.truncate_rule = -1}, &t);
  assert_string_equal(
      t.data,
      "#   Name                             Matches Rule                                                     Action\n"
      "0   no-any                                17 qtype==ANY                                               set rcode 4\n"
      "1                                          0 qname in bad.example., worse.example.                    drop\n");
  text_clear(&t);
  rule_table_print(list.rules, 1, &(struct rule_table){.uuids = true, .truncate_rule = -1}, &t);
  assert_string_equal(
      t.data,
      "#   Name                           UUID                                   Cr. Order   Matches Rule                   "
      "                                  Action\n"
      "0   no-any                         0a1b2c3d-1111-4222-8333-444455556666           4        17 qtype==ANY             "
      "                                  set rcode 4\n");
  text_clear(&t);
  rule_table_print(list.rules, 2, &(struct rule_table){.truncate_rule = 5}, &t);
  assert_non_null(strstr(t.data, " qtype                                                    set rcode 4\n"));
  text_clear(&t);
  rule_table_print(list.rules, 2, &(struct rule_table){.truncate_rule = 0}, &t);
  assert_null(strstr(t.data, "qtype"));
  text_fini(&t);
  struct rule *top[2];
  rule_hit(list.rules[1], f.worker);
  assert_int_equal(rule_list_top(&list, 10, top), 2);
  assert_ptr_equal(top[0], r);
  for (unsigned i = 0; i < 20; i++)
    rule_hit(list.rules[1], f.worker);
  assert_int_equal(rule_list_top(&list, 1, top), 1);
  assert_ptr_equal(top[0], list.rules[1]);
  assert_int_equal(rule_list_top(&list, 0, top), 0);
  rule_list_clear(&list);
  object_unref(&r);
  fake_worker_close(&f);
}

static void
rows_of_the_chains(void **state)
{
  (void)state;
  assert_int_equal(CHAIN_COUNT, 8);
  assert_string_equal(chain_rows[CHAIN_CACHE_MISS].word, "CacheMiss");
  assert_int_equal(chain_rows[CHAIN_CACHE_MISS].side, SIDE_QUERY);
  assert_int_equal(chain_rows[CHAIN_TIMEOUT].side, SIDE_RESPONSE);
  struct rule *r = make("AllRule()", "AllowResponseAction()", "", NULL);
  assert_ptr_equal(r->object.class, &response_rule_class);
  object_unref(&r);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(moving),
      cmocka_unit_test(removing),
      cmocka_unit_test(names_and_uuids),
      cmocka_unit_test(walking),
      cmocka_unit_test(failing_selectors),
      cmocka_unit_test(slots_are_reused_from_zero),
      cmocka_unit_test(selectors_count),
      cmocka_unit_test(tables),
      cmocka_unit_test(rows_of_the_chains),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
