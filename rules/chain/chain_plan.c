// SPDX-License-Identifier: BSD-2-Clause
// Choosing keys: a conjunction needs those of one part, a disjunction those of all.
#include "rules/chain/chain_plan.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>

// A set beyond this is not spread over the index: it is asked itself, which costs about what a few keys cost.
enum { SET_KEYS_MAX = 16384, ASKED_ONE_BY_ONE = 64 };
static const uint64_t NO_KEYS = UINT64_MAX;

// ---- how many queries will have a key, in units of a rare name ----

static unsigned
chain_plan_suffix_weight(unsigned labels)
{
  static const uint8_t weights[] = {64, 16, 2};
  return labels < sizeof weights ? weights[labels] : 1;
}

static unsigned
chain_plan_source_weight(const struct key *k)
{
  unsigned half = k->v6 ? k->measure / 2u : k->measure; // a /48 is to IPv6 what a /24 is to IPv4
  return half >= 24 ? 2 : half >= 16 ? 4 : half >= 8 ? 16 : 64;
}

static unsigned
chain_plan_weight_of(const struct key *k)
{
  switch (k->family) {
  case KEYS_SUFFIX:
    return chain_plan_suffix_weight(k->measure);
  case KEYS_SOURCE:
    return chain_plan_source_weight(k);
  case KEYS_QTYPE:
    return 16;
  default:
    return 1;
  }
}

void
key_crowd_init(struct key_crowd *c, size_t keys)
{
  for (c->size = 1024; c->size < 4 * keys && c->size < 1u << 22;)
    c->size *= 2;
  c->counts = memory_array(c->size, sizeof *c->counts);
}

void
key_crowd_fini(struct key_crowd *c)
{
  free(c->counts);
  *c = (struct key_crowd){.size = 0};
}

static void
chain_plan_count_key(const struct key *k, void *arg)
{
  struct key_crowd *c = arg;
  uint16_t *count = &c->counts[k->hash & (c->size - 1)];
  *count += *count < UINT16_MAX;
}

static unsigned
chain_plan_crowd_of(const struct key_crowd *c, const struct key *k)
{
  unsigned count = c->size == 0 ? 0 : c->counts[k->hash & (c->size - 1)];
  return count == 0 ? 1 : count;
}

static const struct selector_list *
chain_plan_parts_of(const struct selector *s)
{
  return s->kind->key == KEY_AND || s->kind->key == KEY_OR ? s->kind->key_value(s) : NULL;
}

static size_t
chain_plan_leaves(const struct selector *s, struct key_crowd *c)
{
  const struct selector_list *parts = chain_plan_parts_of(s);
  size_t sum = 0;
  for (size_t i = 0; parts != NULL && i < parts->count; i++)
    sum += chain_plan_leaves(parts->items[i], c);
  if (parts != NULL || !selector_has_keys(s))
    return sum;
  sum = selector_key_count(s);
  if (sum > ASKED_ONE_BY_ONE)
    return 0;
  if (c != NULL)
    selector_keys(s, chain_plan_count_key, c);
  return sum;
}

size_t
selector_offers(const struct selector *s)
{
  return chain_plan_parts_of(s) == NULL ? 0 : chain_plan_leaves(s, NULL);
}

void
key_crowd_count(struct key_crowd *c, const struct selector *s)
{
  if (chain_plan_parts_of(s) != NULL && c->size > 0)
    chain_plan_leaves(s, c);
}

// ---- the choice ----

struct cost {
  const struct key_crowd *crowd;
  uint64_t sum;
};

static void
chain_plan_add_cost(const struct key *k, void *arg)
{
  struct cost *cost = arg;
  cost->sum += (uint64_t)chain_plan_weight_of(k) * chain_plan_crowd_of(cost->crowd, k);
}

static uint64_t
chain_plan_leaf_cost(const struct selector *s, const struct key_crowd *crowd)
{
  struct cost cost = {.crowd = crowd};
  if (!selector_has_keys(s) || s->kind->effect != EFFECT_PURE || selector_key_count(s) > SET_KEYS_MAX)
    return NO_KEYS;
  if (selector_key_count(s) > ASKED_ONE_BY_ONE)
    return selector_key_count(s) * 4;
  selector_keys(s, chain_plan_add_cost, &cost);
  return cost.sum;
}

static uint64_t chain_plan_cost_of(const struct selector *, const struct key_crowd *);

// The cheapest part of a conjunction. What stands behind a part that does more than decide is evaluated only if that
// part matched: without it being looked at, nothing behind it may decide.
static const struct selector *
chain_plan_best_part(const struct selector_list *parts, const struct key_crowd *crowd, uint64_t *least)
{
  const struct selector *best = NULL;
  *least = NO_KEYS;
  for (size_t i = 0; i < parts->count; i++) {
    uint64_t cost = chain_plan_cost_of(parts->items[i], crowd);
    if (cost < *least) {
      *least = cost;
      best = parts->items[i];
    }
    if (selector_effect(parts->items[i]) != EFFECT_PURE)
      break;
  }
  return best;
}

static uint64_t
chain_plan_sum_of_parts(const struct selector_list *parts, const struct key_crowd *crowd)
{
  uint64_t sum = 0;
  for (size_t i = 0; i < parts->count; i++) {
    uint64_t cost = chain_plan_cost_of(parts->items[i], crowd);
    if (cost == NO_KEYS)
      return NO_KEYS;
    sum += cost;
  }
  return sum;
}

// A part that does more than decide has a cost only if what it would do waits for its own keys.
static uint64_t
chain_plan_cost_of(const struct selector *s, const struct key_crowd *crowd)
{
  uint64_t least;
  switch (s->kind->key) {
  case KEY_AND:
    chain_plan_best_part(chain_plan_parts_of(s), crowd, &least);
    return least;
  case KEY_OR:
    return chain_plan_sum_of_parts(chain_plan_parts_of(s), crowd);
  default:
    return chain_plan_leaf_cost(s, crowd);
  }
}

size_t
key_store_reserve(struct key_store *store, size_t keys)
{
  if (store->capacity - store->count < keys) {
    store->capacity = store->capacity * 2 + keys;
    store->keys = memory_resize(store->keys, store->capacity, sizeof *store->keys);
  }
  return store->count;
}

static void
chain_plan_store_key(const struct key *k, void *arg)
{
  struct key_store *store = arg;
  key_store_reserve(store, 1);
  store->keys[store->count++] = k->hash;
  key_shape_add(&store->shape, k);
}

// Only for a selector that has a cost.
static void
chain_plan_store_keys(const struct selector *s, const struct key_crowd *crowd, struct key_store *store)
{
  const struct selector_list *parts = chain_plan_parts_of(s);
  uint64_t least;
  if (s->kind->key == KEY_AND) {
    chain_plan_store_keys(chain_plan_best_part(parts, crowd, &least), crowd, store);
  } else if (s->kind->key == KEY_OR) {
    for (size_t i = 0; i < parts->count; i++)
      chain_plan_store_keys(parts->items[i], crowd, store);
  } else {
    selector_keys(s, chain_plan_store_key, store);
  }
}

void
rule_plan_make(struct rule_plan *p, const struct rule *r, const struct key_crowd *crowd, struct key_store *store)
{
  enum effect action = r->action->kind->effect;
  uint64_t cost = chain_plan_cost_of(r->selector, crowd);
  *p = (struct rule_plan){.first = store->count};
  p->changes = action == EFFECT_STATE || action == EFFECT_LUA || selector_effect(r->selector) == EFFECT_LUA;
  p->always = cost == NO_KEYS;
  if (p->always)
    return;
  chain_plan_store_keys(r->selector, crowd, store);
  p->count = (uint32_t)(store->count - p->first);
}

void
key_store_fini(struct key_store *store)
{
  free(store->keys);
  *store = (struct key_store){.keys = NULL};
}
