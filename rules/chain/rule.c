// SPDX-License-Identifier: BSD-2-Clause
// Rules: their life, and the slots of their hit counters.
#include "rules/chain/rule.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Slots are taken by control and given back by whoever drops the last reference to a rule, perhaps a worker that leaves
// an old snapshot. Never taken for a packet.
static struct {
  pthread_mutex_t mutex;
  uint32_t *given_back; // stack of free slots below `next`
  uint32_t count, capacity;
  uint32_t next; // never used yet
} slots = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static _Atomic uint64_t creation_order;

static _Atomic uint64_t *
rule_hit_counter(struct worker *w, uint32_t slot)
{
  uint64_t *page = atomic_load_explicit(&w->hits[slot / HIT_PAGE_SLOTS], memory_order_acquire);
  return page == NULL ? NULL : (_Atomic uint64_t *)&page[slot % HIT_PAGE_SLOTS];
}

static uint64_t
rule_slot_hits(uint32_t slot)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < worker_count(); i++) {
    _Atomic uint64_t *c = workers[i] == NULL ? NULL : rule_hit_counter(workers[i], slot);
    if (c != NULL)
      sum += atomic_load_explicit(c, memory_order_relaxed);
  }
  return sum;
}

static bool
rule_slot_take(uint32_t *slot)
{
  if (slots.count > 0)
    *slot = slots.given_back[--slots.count];
  else if (slots.next < HIT_PAGES * HIT_PAGE_SLOTS)
    *slot = slots.next++;
  else
    return false;
  return true;
}

// Nobody can count into the slot any more: its rule is gone. It starts from zero for the next one.
static void
rule_slot_give(uint32_t slot)
{
  for (unsigned i = 0; i < worker_count(); i++) {
    _Atomic uint64_t *c = workers[i] == NULL ? NULL : rule_hit_counter(workers[i], slot);
    if (c != NULL)
      atomic_store_explicit(c, 0, memory_order_relaxed);
  }
  if (slots.count == slots.capacity) {
    slots.capacity = slots.capacity == 0 ? 64 : 2 * slots.capacity;
    slots.given_back = memory_resize(slots.given_back, slots.capacity, sizeof *slots.given_back);
  }
  slots.given_back[slots.count++] = slot;
}

static uint64_t *
rule_page_open_it(struct worker *w, uint32_t page)
{
  uint64_t *counters = atomic_load_explicit(&w->hits[page], memory_order_acquire);
  if (counters == NULL) {
    counters = memory_array(HIT_PAGE_SLOTS, sizeof *counters);
    atomic_store_explicit(&w->hits[page], counters, memory_order_release);
  }
  return counters;
}

void
rule_pages_open(void)
{
  pthread_mutex_lock(&slots.mutex);
  for (unsigned i = 0; i < worker_count(); i++)
    for (uint32_t page = 0; workers[i] != NULL && page * HIT_PAGE_SLOTS < slots.next; page++)
      rule_page_open_it(workers[i], page);
  pthread_mutex_unlock(&slots.mutex);
}

uint64_t *
rule_page_open(struct worker *w, uint32_t slot)
{
  pthread_mutex_lock(&slots.mutex);
  uint64_t *counters = rule_page_open_it(w, slot / HIT_PAGE_SLOTS);
  pthread_mutex_unlock(&slots.mutex);
  return counters;
}

static void
rule_free(struct object *o)
{
  struct rule *r = (struct rule *)(void *)o;
  pthread_mutex_lock(&slots.mutex);
  r->selector->matches_before += rule_slot_hits(r->slot);
  *r->link = r->next;
  if (r->next != NULL)
    r->next->link = r->link;
  rule_slot_give(r->slot);
  pthread_mutex_unlock(&slots.mutex);
  object_unref(&r->selector);
  object_unref(&r->action);
  free(r->cost);
  free(r->name);
  free(r);
}

const struct object_class rule_class = {.name = "RuleAction", .free = rule_free};
const struct object_class response_rule_class = {.name = "ResponseRuleAction", .free = rule_free};

uint64_t
rule_next_creation_order(void)
{
  return atomic_fetch_add_explicit(&creation_order, 1, memory_order_relaxed);
}

static bool
rule_uuid_is_zero(const struct uuid *u)
{
  static const struct uuid zero;
  return uuid_equal(u, &zero);
}

struct rule *
rule_new(struct selector *selector, struct action *action, const char *name, const struct uuid *uuid)
{
  struct rule *r = memory_new(sizeof *r);
  pthread_mutex_lock(&slots.mutex);
  bool taken = rule_slot_take(&r->slot);
  if (taken) {
    r->next = selector->rules;
    if (r->next != NULL)
      r->next->link = &r->next;
    r->link = &selector->rules;
    selector->rules = r;
  }
  pthread_mutex_unlock(&slots.mutex);
  if (!taken) {
    free(r);
    return NULL;
  }
  object_init(&r->object, action->kind->side == SIDE_QUERY ? &rule_class : &response_rule_class);
  r->selector = object_ref(selector);
  r->action = object_ref(action);
  r->name = memory_string(name == NULL ? "" : name);
  r->creation_order = rule_next_creation_order();
  if (uuid == NULL || rule_uuid_is_zero(uuid))
    uuid_random(&r->uuid);
  else
    r->uuid = *uuid;
  return r;
}

uint64_t
rule_hits(const struct rule *r)
{
  return rule_slot_hits(r->slot);
}

uint64_t
selector_matches(const struct selector *s)
{
  pthread_mutex_lock(&slots.mutex);
  uint64_t sum = s->matches_before;
  for (const struct rule *r = s->rules; r != NULL; r = r->next)
    sum += rule_slot_hits(r->slot);
  pthread_mutex_unlock(&slots.mutex);
  return sum;
}
