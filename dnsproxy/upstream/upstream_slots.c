// SPDX-License-Identifier: BSD-2-Clause
// Slots by id: a table at most half full, doubled when it is not.
#include "dnsproxy/upstream/upstream_slots.h"

#include "dnsproxy/base/permit.h"

#include <assert.h>
#include <stdlib.h>

enum { SLOTS_MIN = 4, SLOTS_MAX = 65536 };

static bool
upstream_slots_reserve(struct upstream_slots *s)
{
  uint32_t taken = s->queries + s->abandoned;
  if (2 * (taken + 1) <= s->size)
    return true;
  PERMIT("more queries in flight than ever");
  uint32_t larger = s->size == 0 ? SLOTS_MIN : 2 * s->size;
  struct upstream_slot *list = larger <= SLOTS_MAX ? calloc(larger, sizeof *list) : NULL;
  if (list == NULL)
    return false;
  // Ids that differ modulo the old size differ modulo the new one: nobody collides.
  for (uint32_t i = 0; i < s->size; i++)
    if (s->list[i].taken)
      list[s->list[i].id % larger] = s->list[i];
  free(s->list);
  s->list = list;
  s->size = larger;
  return true;
}

struct upstream_slot *
upstream_slots_add(struct upstream_slots *s, struct query *q)
{
  if (!upstream_slots_reserve(s))
    return NULL;
  while (s->list[s->next_id % s->size].taken)
    s->next_id++;
  uint16_t id = s->next_id++;
  struct upstream_slot *slot = &s->list[id % s->size];
  *slot = (struct upstream_slot){.query = q, .id = id, .taken = true};
  s->queries++;
  s->ids_used++;
  q->sequence = id;
  return slot;
}

struct upstream_slot *
upstream_slots_find(const struct upstream_slots *s, uint16_t id)
{
  struct upstream_slot *slot = s->size > 0 ? &s->list[id % s->size] : NULL;
  return slot != NULL && slot->taken && slot->id == id ? slot : NULL;
}

struct query *
upstream_slots_clear(struct upstream_slots *s, struct upstream_slot *slot)
{
  struct query *q = slot->query;
  assert(slot->taken);
  *slot = (struct upstream_slot){.query = NULL};
  if (q != NULL)
    s->queries--;
  else
    s->abandoned--;
  return q;
}

void
upstream_slots_abandon(struct upstream_slots *s, struct upstream_slot *slot)
{
  assert(slot->query != NULL);
  slot->query = NULL;
  s->queries--;
  s->abandoned++;
}

void
upstream_slots_forget_abandoned(struct upstream_slots *s)
{
  for (uint32_t i = 0; s->abandoned > 0 && i < s->size; i++)
    if (s->list[i].taken && s->list[i].query == NULL)
      upstream_slots_clear(s, &s->list[i]);
}

void
upstream_slots_fini(struct upstream_slots *s)
{
  assert(s->queries == 0);
  free(s->list);
  *s = (struct upstream_slots){.list = NULL};
}
