// SPDX-License-Identifier: BSD-2-Clause
// The indexed walk against the plain one, on random chains that are edited at random, and queries of all kinds.
#include "rules/chain/chain.h"
#include "rules/chain/chain_plan.h"
#include "tests/random_rules.h"
#include "tests/rule_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

// Two of everything: what one side does with the index, the other does without.
struct side {
  struct fake_worker worker;
  struct spies spies;
  struct rule_list list;
  struct chain *chain;
};

static void
side_open(struct side *s, uint64_t seed)
{
  memset(s, 0, sizeof *s);
  fake_worker_open(&s->worker);
  s->worker.worker->random = random_seeded(seed);
  s->worker.worker->now_us = 1000000;
}

static void
side_close(struct side *s)
{
  object_unref(&s->chain);
  rule_list_clear(&s->list);
  fake_worker_close(&s->worker);
}

static void
add_rules(struct side *s, uint64_t seed, uint32_t count, enum action_side side)
{
  struct random_state r = random_seeded(seed);
  for (uint32_t i = 0; i < count; i++) {
    struct rule *rule = random_rule(&r, &s->spies, side);
    rule_list_add(&s->list, rule);
    object_unref(&rule);
  }
}

static void
edit(struct side *s, uint64_t seed, enum action_side side)
{
  struct random_state r = random_seeded(seed);
  uint32_t count = s->list.count;
  switch (count == 0 ? 0 : random_below(&r, 8)) {
  case 0:
    add_rules(s, seed, 1 + random_below(&r, 4), side);
    break;
  case 1:
    rule_list_remove_at(&s->list, random_below(&r, count));
    break;
  case 2:
    rule_list_move_to_top(&s->list);
    break;
  case 3: // often to the same place: labels run out
    for (unsigned i = 0; i < 40; i++)
      rule_list_move(&s->list, (int64_t)count - 1, count / 2);
    break;
  case 4: { // some of its own rules in another order, and one of them twice
    struct rule *rules[64];
    uint32_t n = count < 63 ? count : 63;
    memcpy(rules, s->list.rules + (count - n), n * sizeof *rules);
    rules[n] = rules[0];
    for (uint32_t i = 0; i < n; i++) {
      uint32_t other = random_below(&r, n);
      struct rule *kept = rules[i];
      rules[i] = rules[other];
      rules[other] = kept;
    }
    if (random_below(&r, 4) == 0)
      rule_list_set(&s->list, rules, n + 1);
    break;
  }
  default:
    rule_list_move(&s->list, random_below(&r, count), random_below(&r, count + 1));
  }
}

static void
publish(struct side *s, bool plain)
{
  s->list.plain = plain;
  struct chain *next = chain_build(&s->list);
  object_unref(&s->chain);
  s->chain = next;
  for (uint32_t i = 1; i < s->list.count; i++)
    assert_true(s->list.places[i - 1].label < s->list.places[i].label);
}

static void
assert_same_tags(const struct query *a, const struct query *b)
{
  const struct tag *t = query_tags(a), *u = query_tags(b);
  for (; t != NULL && u != NULL; t = t->next, u = u->next) {
    assert_string_equal(t->key, u->key);
    assert_string_equal(t->value, u->value);
  }
  assert_true(t == NULL && u == NULL);
}

static void
assert_same_errors(const struct query *a, const struct query *b)
{
  const struct extended_error *e = a->extra == NULL ? NULL : a->extra->errors;
  const struct extended_error *g = b->extra == NULL ? NULL : b->extra->errors;
  for (; e != NULL && g != NULL; e = e->next, g = g->next)
    assert_int_equal(e->code, g->code);
  assert_true(e == NULL && g == NULL);
}

static void
assert_same_query(const struct query *a, const struct query *b)
{
  assert_int_equal(a->packet.size, b->packet.size);
  assert_memory_equal(a->packet.data, b->packet.data, a->packet.size);
  assert_int_equal(a->qname.size, b->qname.size);
  assert_memory_equal(a->qname.bytes, b->qname.bytes, a->qname.size);
  assert_true(address_equal(&a->arrival.client, &b->arrival.client));
  assert_string_equal(a->pool_name, b->pool_name);
  assert_int_equal(a->qtype, b->qtype);
  assert_int_equal(a->drop, b->drop);
  assert_int_equal(a->selector_failed, b->selector_failed);
  assert_int_equal(a->skip_cache, b->skip_cache);
  assert_int_equal(a->subnet.wanted, b->subnet.wanted);
  assert_int_equal(a->subnet.override, b->subnet.override);
  assert_int_equal(a->subnet.prefix_v6, b->subnet.prefix_v6);
  assert_int_equal(a->limits.delay_ms, b->limits.delay_ms);
  assert_int_equal(a->limits.failure_ttl, b->limits.failure_ttl);
  assert_int_equal(a->limits.max_ttl, b->limits.max_ttl);
  assert_same_tags(a, b);
  assert_same_errors(a, b);
}

static void
assert_same_hits(const struct side *a, const struct side *b)
{
  assert_int_equal(a->list.count, b->list.count);
  for (uint32_t i = 0; i < a->list.count; i++)
    assert_int_equal(rule_hits(a->list.rules[i]), rule_hits(b->list.rules[i]));
}

// The first rule that counted something else.
static void
explain_difference(const struct side *a, const struct side *b)
{
  struct text shown;
  text_init(&shown);
  for (uint32_t i = 0; i < a->list.count; i++)
    if (rule_hits(a->list.rules[i]) != rule_hits(b->list.rules[i])) {
      selector_show(a->list.rules[i]->selector, &shown);
      print_message("rule %u: %llu with the index, %llu without: %s\n", i,
                    (unsigned long long)rule_hits(a->list.rules[i]), (unsigned long long)rule_hits(b->list.rules[i]),
                    shown.data);
      break;
    }
  text_fini(&shown);
}

static void
compare(struct side *with, struct side *without, uint64_t seed, unsigned queries, enum action_side side)
{
  struct random_state r = random_seeded(seed), again = r;
  for (unsigned i = 0; i < queries; i++) {
    struct query *a = random_query(&r, &with->worker, side), *b = random_query(&again, &without->worker, side);
    enum verdict v = chain_run(with->chain, a), w = chain_run(without->chain, b);
    if (v != w || with->spies.asked != without->spies.asked)
      explain_difference(with, without);
    assert_int_equal(v, w);
    assert_int_equal(with->spies.asked, without->spies.asked);
    assert_same_query(a, b);
    fake_query_free(&a);
    fake_query_free(&b);
    with->worker.worker->now_us += 50000;
    without->worker.worker->now_us += 50000;
  }
  assert_same_hits(with, without);
}

// One life of a chain: made, edited and published over and over, with queries in between. Returns how many of the
// chains had an index.
static unsigned
live(uint64_t seed, uint32_t rules, unsigned edits, unsigned queries)
{
  struct side with, without;
  unsigned indexed = 0;
  enum action_side side = seed % 2 == 0 ? SIDE_QUERY : SIDE_RESPONSE;
  side_open(&with, seed);
  side_open(&without, seed);
  add_rules(&with, seed, rules, side);
  add_rules(&without, seed, rules, side);
  for (unsigned i = 0; i < edits; i++) {
    publish(&with, seed % 16 == 5 && i % 3 == 0); // switched off and on again
    publish(&without, true);
    indexed += with.chain->indexed;
    compare(&with, &without, seed * 1000 + i, queries, side);
    edit(&with, seed * 77 + i, side);
    edit(&without, seed * 77 + i, side);
  }
  side_close(&without); // workers leave in reverse order
  side_close(&with);
  return indexed;
}

static uint64_t
first_seed(void)
{
  const char *given = getenv("CHAIN_SEED");
  struct random_state r;
  random_seed(&r);
  uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : random_next(&r) % 1000000007;
  printf("CHAIN_SEED=%llu\n", (unsigned long long)seed);
  return seed;
}

static void
short_chains(void **state)
{
  (void)state;
  uint64_t seed = first_seed();
  unsigned indexed = 0;
  for (unsigned i = 0; i < 1500; i++)
    indexed += live(seed + i, (uint32_t)(seed + i) % 60, 6, 8);
  assert_true(indexed > 2000); // or nothing was compared
}

static void
long_chains(void **state)
{
  (void)state;
  uint64_t seed = first_seed();
  for (unsigned i = 0; i < 4; i++)
    assert_true(live(seed + i, 1500, 60, 30) > 0);
}

// More edits than the small level holds: the base is rebuilt, and seats are used again.
static void
many_edits(void **state)
{
  (void)state;
  uint64_t seed = first_seed();
  assert_true(live(2 * seed, 900, 1500, 2) > 0);
}

static void
every_kind_has_a_template(void **state)
{
  (void)state;
  // These need pools: PoolAvailableRule, PoolOutstandingRule. A spy stands for them: it fails, too.
  for (const struct selector_kind *const *kind = selector_kinds; *kind != NULL; kind++)
    if (strncmp((*kind)->name, "Pool", 4) != 0 && !random_rules_know((*kind)->name))
      fail_msg("%s has no template in tests/random_rules.c", (*kind)->name);
}

// ---- what is looked up by what ----

static struct rule_plan
plan_of(const char *selector, const char *action, struct key_store *store)
{
  struct rule_plan plan;
  struct selector *s = spec_selector(selector, NULL);
  struct action *a = spec_action(action, NULL);
  struct rule *r = rule_new(s, a, "", NULL);
  rule_plan_make(&plan, r, &(struct key_crowd){.size = 0}, store);
  object_unref(&r);
  object_unref(&s);
  object_unref(&a);
  return plan;
}

static void
plans(void **state)
{
  (void)state;
  static const struct {
    const char *selector;
    int keys; // -1: it is always evaluated
  } rows[] = {
      {"QNameRule(a.b)", 1},
      {"QNameSetRule(a.b,c.d)", 2},
      {"QNameSuffixRule(a.b,c.d,.)", 3},
      {"NetmaskGroupRule(10.0.0.0/8,!10.1.0.0/16,::/0)", 2},
      {"NetmaskGroupRule(!10.1.0.0/16)", 0},
      {"NetmaskGroupRule(10.0.0.0/8|false)", -1}, // the destination
      {"NetmaskGroupRule()", 0},
      {"QTypeRule(A)", 1},
      {"RDRule()", -1},
      {"NotRule(QNameRule(a))", -1},
      {"AndRule()", -1},
      {"OrRule()", 0},
      {"AndRule(RDRule(),QNameRule(a))", 1},
      {"AndRule(RDRule(),TCPRule(true))", -1},
      {"AndRule(MaxQPSRule(1),QNameRule(a))", -1}, // the rate counts every query
      {"AndRule(QNameRule(a),MaxQPSRule(1))", 1},
      {"AndRule(AndRule(QNameRule(a),MaxQPSRule(1)),QTypeRule(A))", 1},
      {"AndRule(OrRule(QNameRule(a),MaxQPSRule(1)),QTypeRule(A))", -1},
      {"AndRule(NotRule(MaxQPSRule(1)),QTypeRule(A))", -1},
      {"OrRule(QNameRule(a),QTypeRule(A))", 2},
      {"OrRule(QNameRule(a),RDRule())", -1},
      {"OrRule(QNameRule(a),AndRule(QTypeRule(A),NetmaskGroupRule(10.0.0.0/24)))", 2},
      {"AndRule(OrRule(QNameRule(a),QNameRule(b)),QTypeRule(A))", 2},
      {"AndRule(QNameSuffixRule(com),NetmaskGroupRule(10.0.0.1,10.0.0.2,10.0.0.3))", 3}, // rarer than .com
      {"AndRule(NetmaskGroupRule(127.0.0.0/8),QNameSuffixRule(a.b,c.d))", 2},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct key_store store = {.keys = NULL};
    struct rule_plan plan = plan_of(rows[i].selector, "NoneAction()", &store);
    if (plan.always != (rows[i].keys < 0) || (!plan.always && plan.count != (uint32_t)rows[i].keys))
      fail_msg("%s: always %d, %u keys", rows[i].selector, plan.always, plan.count);
    assert_false(plan.changes);
    key_store_fini(&store);
  }
  struct key_store store = {.keys = NULL};
  assert_true(plan_of("QTypeRule(A)", "ContinueAction(NoneAction())", &store).changes); // it may run a script
  key_store_fini(&store);
}

// Conjunctions that share one part are looked up by the other, whichever that is.
static void
crowds(void **state)
{
  (void)state;
  struct rule_list list = {.rules = NULL};
  struct fake_worker f;
  fake_worker_open(&f);
  for (unsigned i = 0; i < 200; i++) {
    char spec[128];
    snprintf(spec, sizeof spec, i % 2 == 0 ? "AndRule(QNameRule(same.name),NetmaskGroupRule(10.0.%u.0/24))"
                                           : "AndRule(NetmaskGroupRule(10.9.9.0/24),QNameRule(n%u))", i);
    struct selector *s = spec_selector(spec, NULL);
    struct action *a = spec_action("NoneAction()", NULL);
    struct rule *r = rule_new(s, a, "", NULL);
    rule_list_add(&list, r);
    object_unref(&r);
    object_unref(&s);
    object_unref(&a);
  }
  struct chain *c = chain_build(&list);
  assert_true(c->indexed);
  assert_int_equal(c->base->node_count, 0); // no key has two rules
  object_unref(&c);
  rule_list_clear(&list);
  fake_worker_close(&f);
}

// ---- edits while queries walk ----

enum { WALKERS = 2, EDITS = 400 };

// Without spies: they are not made for threads.
static void
add_plain_rule(struct rule_list *list, struct random_state *r)
{
  struct spies spies = {.count = 0};
  struct rule *rule;
  for (;;) {
    rule = random_rule(r, &spies, SIDE_QUERY);
    if (spies.count == 0)
      break;
    object_unref(&rule);
    spies.count = 0;
  }
  rule_list_add(list, rule);
  object_unref(&rule);
}

static struct {
  pthread_mutex_t lock;
  struct chain *chain; // newest
  bool over;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct chain *
newest(bool *over)
{
  pthread_mutex_lock(&shared.lock);
  struct chain *c = object_ref(shared.chain);
  *over = shared.over;
  pthread_mutex_unlock(&shared.lock);
  return c;
}

static void *
walk_chains(void *arg)
{
  struct fake_worker *f = arg;
  struct random_state r = random_seeded(f->worker->id);
  worker_adopt(f->worker); // the last to hold a chain leaves it for chains_reap()
  for (bool over = false; !over;) {
    struct chain *c = newest(&over);
    struct query *q = random_query(&r, f, SIDE_QUERY);
    chain_run(c, q);
    fake_query_free(&q);
    object_unref(&c);
  }
  return NULL;
}

static void
edits_while_queries_walk(void **state)
{
  (void)state;
  uint64_t seed = first_seed();
  struct fake_worker walkers[WALKERS];
  pthread_t threads[WALKERS];
  struct rule_list list = {.rules = NULL};
  struct random_state r = random_seeded(seed);
  for (unsigned i = 0; i < WALKERS; i++)
    fake_worker_open(&walkers[i]);
  for (unsigned i = 0; i < 200; i++)
    add_plain_rule(&list, &r);
  shared.chain = chain_build(&list);
  for (unsigned i = 0; i < WALKERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, walk_chains, &walkers[i]), 0);
  for (unsigned i = 0; i < EDITS; i++) {
    add_plain_rule(&list, &r);
    rule_list_remove_at(&list, random_below(&r, list.count));
    rule_list_move(&list, random_below(&r, list.count), random_below(&r, list.count));
    list.plain = i % 50 == 49;
    struct chain *next = chain_build(&list), *old = shared.chain;
    pthread_mutex_lock(&shared.lock);
    shared.chain = next;
    pthread_mutex_unlock(&shared.lock);
    object_unref(&old);
    chains_reap();
  }
  pthread_mutex_lock(&shared.lock);
  shared.over = true;
  pthread_mutex_unlock(&shared.lock);
  for (unsigned i = 0; i < WALKERS; i++)
    pthread_join(threads[i], NULL);
  uint64_t hits = 0;
  for (uint32_t i = 0; i < list.count; i++)
    hits += rule_hits(list.rules[i]);
  assert_true(hits > 0);
  object_unref(&shared.chain);
  chains_reap();
  rule_list_clear(&list);
  for (unsigned i = WALKERS; i-- > 0;)
    fake_worker_close(&walkers[i]);
}

// A rule that comes where another left gets its label, perhaps: the index still knows the one that left.
static void
labels_come_again(void **state)
{
  (void)state;
  struct side s;
  side_open(&s, 1);
  struct action *a = spec_action("NoneAction()", NULL);
  struct selector *x = spec_selector("QNameRule(www.example.com)", NULL);
  for (unsigned i = 0; i < 20; i++) {
    struct rule *r = rule_new(x, a, "", NULL);
    rule_list_add(&s.list, r);
    object_unref(&r);
  }
  publish(&s, false);
  uint64_t label = s.list.places[19].label;
  rule_list_remove_at(&s.list, 19);
  struct rule *r = rule_new(x, a, "", NULL);
  rule_list_add(&s.list, r);
  publish(&s, false);
  assert_true(s.chain->indexed && s.chain->recent != NULL);
  assert_int_equal(s.list.places[19].label, label);
  struct query *q = fake_query(&s.worker, "1234 0100 0001 0000 0000 0000 03'WWW'07'example'03'com'00 0001 0001");
  assert_int_equal(chain_run(s.chain, q), VERDICT_NEXT);
  for (unsigned i = 0; i < 20; i++)
    assert_int_equal(rule_hits(s.list.rules[i]), 1);
  fake_query_free(&q);
  object_unref(&r);
  object_unref(&x);
  object_unref(&a);
  side_close(&s);
}

// A rule that left is given back with the last chain that had it, not with the index that knew it.
static void
removed_rules_end(void **state)
{
  (void)state;
  struct side s;
  side_open(&s, 1);
  add_rules(&s, 3, 40, SIDE_QUERY);
  struct action *a = spec_action("NoneAction()", NULL);
  struct selector *x = spec_selector("QNameRule(a)", NULL);
  struct rule *r = rule_new(x, a, "it", NULL);
  rule_list_add(&s.list, r);
  publish(&s, false);
  assert_true(s.chain->indexed);
  assert_int_equal(rule_list_remove_named(&s.list, "it"), 1);
  assert_int_equal(object_refs(r), 2); // ours and the chain's
  publish(&s, false);
  assert_int_equal(object_refs(r), 1);
  object_unref(&r);
  object_unref(&x);
  object_unref(&a);
  side_close(&s);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plans),         cmocka_unit_test(crowds),
      cmocka_unit_test(short_chains),  cmocka_unit_test(long_chains),
      cmocka_unit_test(many_edits),    cmocka_unit_test(every_kind_has_a_template),
      cmocka_unit_test(removed_rules_end), cmocka_unit_test(labels_come_again),
      cmocka_unit_test(edits_while_queries_walk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
