// SPDX-License-Identifier: BSD-2-Clause
// Chains: their life and the two walks through them, of which the indexed one does what the plain one would.
#include "rules/chain/chain.h"

#include "dnsproxy/base/memory.h"
#include "rules/chain/rule_cost.h"

#include <stdlib.h>

const struct chain_row chain_rows[CHAIN_COUNT] = {
#define CHAIN(id, of, between, verb, text)                                                                             \
  [CHAIN_##id] = {.side = (of), .infix = (between), .word = (verb), .help = (text)},
#include "rules/chain/chains.def"
#undef CHAIN
};

// ---- life ----

// Chains that workers were the last to hold. A stack that is only emptied whole.
static _Atomic(struct chain *) graveyard;

static void
chain_give_back(struct chain *c)
{
  chain_seats_fini(&c->seats);
  object_unref(&c->base);
  object_unref(&c->recent);
  free(c->always);
  free(c->rules);
  free(c);
}

static void
chain_free(struct object *o)
{
  struct chain *c = (struct chain *)(void *)o;
  if (worker_current() == NULL || c->count == 0) {
    chain_give_back(c);
    return;
  }
  c->next = atomic_load_explicit(&graveyard, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&graveyard, &c->next, c, memory_order_release, memory_order_relaxed))
    ;
}

const struct object_class chain_class = {.name = "Chain", .free = chain_free};

void
chains_reap(void)
{
  struct chain *c = atomic_exchange_explicit(&graveyard, NULL, memory_order_acquire);
  while (c != NULL) {
    struct chain *next = c->next;
    chain_give_back(c);
    c = next;
  }
}

size_t
chain_memory(const struct chain *c)
{
  size_t sum = sizeof *c + c->count * sizeof *c->rules + c->always_count * sizeof *c->always;
  sum += c->seats.count * (sizeof *c->seats.chunks + sizeof **c->seats.chunks);
  sum += c->base == NULL ? 0 : chain_level_memory(c->base);
  return sum + (c->recent == NULL ? 0 : chain_level_memory(c->recent));
}

// ---- the plain walk ----

static inline enum verdict
chain_evaluate(const struct rule *r, struct query *q)
{
  if (!selector_match(r->selector, q))
    return VERDICT_NEXT;
  if (q->selector_failed)
    return VERDICT_DROP;
  rule_hit(r, q->worker);
  return r->action->kind->run(r->action, q);
}

// One walk in so many: how long did it take?
static enum verdict
chain_evaluate_timed(const struct rule *r, struct query *q)
{
  struct rule_timer timer;
  rule_timer_begin(&timer);
  enum verdict v = chain_evaluate(r, q);
  rule_timer_end(&timer, r);
  return v;
}

// A failure that a NotRule turned into "no match" still counts.
static enum verdict
chain_end_of_chain(const struct query *q)
{
  return q->selector_failed ? VERDICT_DROP : VERDICT_NEXT;
}

enum verdict
chain_run_plain(const struct chain *c, struct query *q)
{
  for (uint32_t i = 0; i < c->count; i++) {
    enum verdict v = chain_evaluate(c->rules[i], q);
    if (v != VERDICT_NEXT)
      return v;
  }
  return chain_end_of_chain(q);
}

static enum verdict
chain_run_plain_timed(const struct chain *c, struct query *q, uint32_t *evaluated)
{
  for (uint32_t i = 0; i < c->count; i++) {
    enum verdict v = chain_evaluate_timed(c->rules[i], q);
    *evaluated = i + 1;
    if (v != VERDICT_NEXT)
      return v;
  }
  return chain_end_of_chain(q);
}

static enum verdict
chain_run_timed(const struct chain *c, struct query *q, bool indexed)
{
  enum { INDEXED_FEW = 8 }; // an index leaves few rules to evaluate
  struct worker *w = q->worker;
  uint32_t evaluated = INDEXED_FEW + c->always_count;
  w->timed = true;
  enum verdict v = indexed ? chain_run_indexed(c, q) : chain_run_plain_timed(c, q, &evaluated);
  w->timed = false;
  cost_next(w, evaluated);
  return v;
}

enum verdict
chain_run(const struct chain *c, struct query *q)
{
  bool indexed = c->indexed && q->qname.size > 0;
  if (__builtin_expect(cost_is_due(q->worker), 0))
    return chain_run_timed(c, q, indexed);
  return indexed ? chain_run_indexed(c, q) : chain_run_plain(c, q);
}

// ---- the indexed walk ----

// The rules that have one of the query's keys, in chain order.
struct cursor {
  uint64_t label; // of the rule it stands at
  const struct chain_level *level;
  uint32_t rank;
  uint32_t node, last; // of the ring, if the key is shared
};

struct indexed_walk {
  const struct chain *chain;
  struct query *query;
  const struct chain_always *always, *always_end;
  unsigned count; // of cursors
  struct cursor cursors[CHAIN_LEVELS * QUERY_KEYS_MAX];
};

static inline void
chain_cursor_stand(struct cursor *c, uint32_t rank)
{
  c->rank = rank;
  c->label = c->level->rules[rank].label;
}

// False: it has no more rules.
static inline bool
chain_cursor_step(struct cursor *c)
{
  if (c->node == c->last)
    return false;
  c->node = c->level->nodes[c->node].next;
  chain_cursor_stand(c, c->level->nodes[c->node].rank);
  return true;
}

static void
chain_add_cursor(struct indexed_walk *w, const struct chain_level *level, uint32_t value, uint64_t behind)
{
  struct cursor *c = &w->cursors[w->count];
  c->level = level;
  if ((value & (uint32_t)LEVEL_SHARED) == 0) {
    c->node = c->last = 0;
    chain_cursor_stand(c, value);
  } else {
    c->last = value & ~(uint32_t)LEVEL_SHARED;
    c->node = level->nodes[c->last].next;
    chain_cursor_stand(c, level->nodes[c->node].rank);
  }
  while (c->label <= behind)
    if (!chain_cursor_step(c))
      return;
  w->count++;
}

// Finds the rules behind a label that have a key of the query as it is now.
static void
chain_look_up(struct indexed_walk *w, uint64_t behind)
{
  const struct chain *c = w->chain;
  uint64_t keys[QUERY_KEYS_MAX];
  uint32_t value;
  unsigned count = query_keys(w->query, &c->shape, keys);
  for (unsigned i = 0; c->base != NULL && i < count; i++)
    __builtin_prefetch(&c->base->buckets[level_home(c->base, keys[i])]);
  w->count = 0;
  for (unsigned i = 0; c->recent != NULL && i < count; i++)
    if (level_find(c->recent, keys[i], &value))
      chain_add_cursor(w, c->recent, value, behind);
  for (unsigned i = 0; c->base != NULL && i < count; i++)
    if (level_find(c->base, keys[i], &value))
      chain_add_cursor(w, c->base, value, behind);
}

static inline enum verdict
chain_evaluate_here(const struct rule *r, struct query *q)
{
  return __builtin_expect(q->worker->timed, 0) ? chain_evaluate_timed(r, q) : chain_evaluate(r, q);
}

// Evaluates a rule that may change what keys are made of; if it did, the rules behind it are looked up anew.
static enum verdict
chain_evaluate_changing(struct indexed_walk *w, const struct rule *r, uint64_t label)
{
  uint64_t before = query_keys_stamp(w->query);
  enum verdict v = chain_evaluate_here(r, w->query);
  if (v == VERDICT_NEXT && query_keys_stamp(w->query) != before)
    chain_look_up(w, label);
  return v;
}

// The rules without keys before a label.
static inline enum verdict
chain_walk_always(struct indexed_walk *w, uint64_t until)
{
  for (; w->always < w->always_end && w->always->label < until;) {
    const struct chain_always *a = w->always++;
    enum verdict v = a->changes ? chain_evaluate_changing(w, a->rule, a->label) : chain_evaluate_here(a->rule, w->query);
    if (v != VERDICT_NEXT)
      return v;
    if (a->changes) // the next rule with keys may be another one now
      return VERDICT_NEXT;
  }
  return VERDICT_NEXT;
}

static inline const struct cursor *
chain_least_cursor(const struct indexed_walk *w)
{
  const struct cursor *least = NULL;
  for (unsigned i = 0; i < w->count; i++)
    if (least == NULL || w->cursors[i].label < least->label)
      least = &w->cursors[i];
  return least;
}

// Every cursor that stands at the rule goes on: it is evaluated once, however many keys led to it. Labels would not
// do: a rule that came later may have that of one that has left.
static void
chain_step_over(struct indexed_walk *w, const struct chain_level *level, uint32_t rank)
{
  for (unsigned i = 0; i < w->count;)
    if (w->cursors[i].level != level || w->cursors[i].rank != rank || chain_cursor_step(&w->cursors[i]))
      i++;
    else
      w->cursors[i] = w->cursors[--w->count];
}

static enum verdict
chain_evaluate_found(struct indexed_walk *w, const struct cursor *at)
{
  struct level_rule found = at->level->rules[at->rank];
  const struct rule *r = chain_seats_get(&w->chain->seats, found.seat);
  chain_step_over(w, at->level, at->rank);
  if (r == NULL) // it has left since the base was built
    return VERDICT_NEXT;
  return (found.flags & RULE_CHANGES) != 0 ? chain_evaluate_changing(w, r, found.label) : chain_evaluate_here(r, w->query);
}

enum verdict
chain_run_indexed(const struct chain *c, struct query *q)
{
  struct indexed_walk w;
  w.chain = c;
  w.query = q;
  w.always = c->always;
  w.always_end = c->always + c->always_count;
  chain_look_up(&w, 0);
  for (;;) {
    const struct cursor *next = chain_least_cursor(&w);
    uint64_t until = next == NULL ? UINT64_MAX : next->label;
    bool before = w.always < w.always_end && w.always->label < until;
    if (!before && next == NULL)
      return chain_end_of_chain(q);
    enum verdict v = before ? chain_walk_always(&w, until) : chain_evaluate_found(&w, next);
    if (v != VERDICT_NEXT)
      return v;
  }
}
