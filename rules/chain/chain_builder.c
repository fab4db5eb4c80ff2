// SPDX-License-Identifier: BSD-2-Clause
// From a list of rules to a chain: seats, labels and keys for what is new, levels, and the rules that have no keys.
#include "rules/chain/chain_builder.h"

#include "dnsproxy/base/memory.h"
#include "rules/chain/chain.h"
#include "rules/chain/chain_plan.h"

#include <assert.h>
#include <stdlib.h>

// Below this many rules with keys, walking is as fast. The small level may grow to a share of the base.
enum { INDEX_MIN = 8, RECENT_MIN = 512, RECENT_SHARE = 64, VACATED_SHARE = 4 };
static const uint64_t FIRST_LABEL = UINT64_C(1) << 62, LABEL_GAP = UINT64_C(1) << 32;

struct seat_list {
  uint32_t *seats, count, capacity;
};

struct chain_builder {
  struct chain_seats seats;
  struct rule_plan *plans; // by seat
  uint32_t seat_count, seat_capacity;
  struct seat_list spare;   // free
  struct seat_list vacated; // free when the base, which may know them, is rebuilt
  struct key_store store;
  size_t dead_keys; // of vacated seats
  struct key_crowd crowd;
  struct chain_level *base; // NULL: to be built
  uint32_t based, always;   // rules of the list that are in the base; that have no keys
  bool reordered;           // labels do not ascend
};

static void
chain_builder_seat_push(struct seat_list *l, uint32_t seat)
{
  if (l->count == l->capacity) {
    l->capacity = l->capacity * 2 + 16;
    l->seats = memory_resize(l->seats, l->capacity, sizeof *l->seats);
  }
  l->seats[l->count++] = seat;
}

void
chain_builder_free(struct chain_builder **slot)
{
  struct chain_builder *b = *slot;
  *slot = NULL;
  if (b == NULL)
    return;
  chain_seats_fini(&b->seats);
  key_store_fini(&b->store);
  key_crowd_fini(&b->crowd);
  object_unref(&b->base);
  free(b->plans);
  free(b->spare.seats);
  free(b->vacated.seats);
  free(b);
}

void
chain_builder_vacate(struct chain_builder *b, uint32_t seat)
{
  chain_seats_set(&b->seats, seat, NULL);
  b->dead_keys += b->plans[seat].count;
  b->always -= b->plans[seat].always;
  chain_builder_seat_push(&b->vacated, seat);
}

void
chain_builder_reorder(struct chain_builder *b)
{
  b->reordered = true;
}

// ---- seats and keys for new rules ----

static uint32_t
chain_builder_seat_take(struct chain_builder *b)
{
  if (b->spare.count > 0)
    return b->spare.seats[--b->spare.count];
  if (b->seat_count == b->seat_capacity) {
    b->seat_capacity = b->seat_capacity * 2 + 16;
    b->plans = memory_resize(b->plans, b->seat_capacity, sizeof *b->plans);
  }
  return b->seat_count++;
}

// Conjunctions choose their keys knowing what the others could choose.
static void
chain_builder_count_new(struct chain_builder *b, const struct rule_list *list)
{
  size_t offers = 0;
  for (uint32_t i = 0; b->crowd.size == 0 && i < list->count; i++)
    if (list->places[i].seat == NO_SEAT)
      offers += selector_offers(list->rules[i]->selector);
  if (offers > 0)
    key_crowd_init(&b->crowd, offers);
  for (uint32_t i = 0; b->crowd.size > 0 && i < list->count; i++)
    if (list->places[i].seat == NO_SEAT)
      key_crowd_count(&b->crowd, list->rules[i]->selector);
}

static void
chain_builder_seat_new(struct chain_builder *b, struct rule_list *list)
{
  for (uint32_t i = 0; i < list->count; i++) {
    struct rule_place *place = &list->places[i];
    if (place->seat != NO_SEAT)
      continue;
    place->seat = chain_builder_seat_take(b);
    place->in_base = false;
    chain_seats_set(&b->seats, place->seat, list->rules[i]);
    rule_plan_make(&b->plans[place->seat], list->rules[i], &b->crowd, &b->store);
    place->always = b->plans[place->seat].always;
    b->always += place->always;
  }
}

// ---- labels: numbers in chain order with room between them ----

// Labels for the new rules [from, to). False: no room.
static bool
chain_builder_label_run(struct rule_list *list, uint32_t from, uint32_t to)
{
  uint64_t new = to - from, first = FIRST_LABEL, gap = LABEL_GAP;
  if (from > 0 && to < list->count) {
    uint64_t before = list->places[from - 1].label;
    gap = (list->places[to].label - before) / (new + 1);
    first = before + gap;
  } else if (from > 0) {
    if (list->places[from - 1].label > UINT64_MAX - (new + 1) * gap)
      return false;
    first = list->places[from - 1].label + gap;
  } else if (to < list->count) {
    if (list->places[to].label <= new * gap)
      return false;
    first = list->places[to].label - new * gap;
  }
  for (uint32_t i = from; i < to; i++)
    list->places[i].label = first + (i - from) * gap;
  return gap > 0;
}

// Before the seats are given: who has none is new.
static bool
chain_builder_label_new(struct rule_list *list)
{
  for (uint32_t i = 0; i < list->count; i++) {
    if (list->places[i].seat != NO_SEAT)
      continue;
    uint32_t from = i;
    while (i < list->count && list->places[i].seat == NO_SEAT)
      i++;
    if (!chain_builder_label_run(list, from, i))
      return false;
  }
  return true;
}

static void
chain_builder_label_all(struct chain_builder *b, struct rule_list *list)
{
  for (uint32_t i = 0; i < list->count; i++)
    list->places[i].label = FIRST_LABEL + i * LABEL_GAP;
  b->reordered = false;
  object_unref(&b->base); // it has the old ones
}

// ---- levels ----

// Gives back the keys of rules that are gone.
static void
chain_builder_compact_store(struct chain_builder *b, const struct rule_list *list)
{
  struct key_store old = b->store;
  if (b->dead_keys <= old.count / 4)
    return;
  b->store = (struct key_store){.shape = old.shape};
  key_store_reserve(&b->store, old.count - b->dead_keys);
  for (uint32_t i = 0; i < list->count; i++) {
    struct rule_plan *p = &b->plans[list->places[i].seat];
    for (uint32_t k = 0; k < p->count; k++)
      b->store.keys[b->store.count + k] = old.keys[p->first + k];
    p->first = b->store.count;
    b->store.count += p->count;
  }
  b->dead_keys = 0;
  key_store_fini(&old);
}

// Over the rules of the list that are not in the base.
static struct chain_level *
chain_builder_build_level(const struct chain_builder *b, const struct rule_list *list)
{
  uint32_t rules = 0;
  size_t keys = 0;
  for (uint32_t i = 0; i < list->count; i++)
    if (!list->places[i].in_base) {
      const struct rule_plan *p = &b->plans[list->places[i].seat];
      rules += p->count > 0;
      keys += p->count;
    }
  if (rules == 0)
    return NULL;
  struct chain_level *level = chain_level_new(rules, keys);
  for (uint32_t i = 0; i < list->count; i++) {
    const struct rule_place *place = &list->places[i];
    if (place->in_base)
      continue;
    const struct rule_plan *p = &b->plans[place->seat];
    struct level_rule r = {.label = place->label, .seat = place->seat, .flags = p->changes ? RULE_CHANGES : 0};
    if (p->count > 0)
      chain_level_add(level, r, b->store.keys + p->first, p->count);
  }
  return level;
}

// Nothing knows the seats of rules that left any more, but chains that keep their own copies.
static void
chain_builder_retire_base(struct chain_builder *b, struct rule_list *list)
{
  object_unref(&b->base);
  chain_builder_compact_store(b, list);
  for (uint32_t i = 0; i < b->vacated.count; i++)
    chain_builder_seat_push(&b->spare, b->vacated.seats[i]);
  b->vacated.count = 0;
  for (uint32_t i = 0; i < list->count; i++)
    list->places[i].in_base = false;
  b->based = 0;
}

static void
chain_builder_build_base(struct chain_builder *b, struct rule_list *list)
{
  chain_builder_retire_base(b, list);
  b->base = chain_builder_build_level(b, list);
  for (uint32_t i = 0; i < list->count; i++)
    list->places[i].in_base = true;
  b->based = list->count;
}

static bool
chain_builder_base_outlived(const struct chain_builder *b, const struct rule_list *list)
{
  uint32_t recent = 0;
  if (b->base == NULL || b->vacated.count > RECENT_MIN + b->based / VACATED_SHARE)
    return true;
  for (uint32_t i = 0; i < list->count; i++)
    recent += !list->places[i].in_base;
  return recent > RECENT_MIN + b->based / RECENT_SHARE;
}

// ---- the chain ----

static void
chain_builder_collect_always(struct chain *c, const struct chain_builder *b, const struct rule_list *list)
{
  c->always = memory_array(b->always, sizeof *c->always);
  for (uint32_t i = 0; i < list->count; i++) {
    const struct rule_place *place = &list->places[i];
    if (place->always)
      c->always[c->always_count++] = (struct chain_always){
          .label = place->label, .rule = list->rules[i], .changes = b->plans[place->seat].changes};
  }
  assert(c->always_count == b->always);
}

static void
chain_builder_add_index(struct chain *c, struct chain_builder *b, struct rule_list *list)
{
  if (chain_builder_base_outlived(b, list))
    chain_builder_build_base(b, list);
  c->indexed = true;
  c->base = object_ref(b->base);
  c->recent = chain_builder_build_level(b, list);
  c->shape = b->store.shape;
  chain_builder_collect_always(c, b, list);
}

struct chain *
chain_build(struct rule_list *list)
{
  if (list->builder == NULL)
    list->builder = memory_new(sizeof *list->builder);
  struct chain_builder *b = list->builder;
  chain_builder_count_new(b, list);
  bool labelled = !b->reordered && chain_builder_label_new(list);
  chain_builder_seat_new(b, list);
  if (!labelled)
    chain_builder_label_all(b, list);
  struct chain *c = memory_new(sizeof *c);
  object_init(&c->object, &chain_class);
  c->count = list->count;
  c->rules = memory_array(list->count, sizeof *c->rules);
  for (uint32_t i = 0; i < list->count; i++)
    c->rules[i] = list->rules[i];
  chain_seats_copy(&c->seats, &b->seats);
  if (!list->plain && list->count - b->always >= INDEX_MIN)
    chain_builder_add_index(c, b, list);
  else
    chain_builder_retire_base(b, list);
  rule_pages_open();
  return c;
}
