// SPDX-License-Identifier: BSD-2-Clause
// The table of queries in flight: ids, slots, time-outs in order of sending.
#include "dnsproxy/upstream/in_flight.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/permit.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_SIZE = 1024, SKIPS = 5, SEQUENCES = 65536 };

// Half of the slots stay free at the limit, so that slow queries are seldom in the way.
static uint32_t
in_flight_slots_for(uint32_t limit)
{
  uint32_t p = 1;
  while (p < 2 * limit && p < SEQUENCES)
    p *= 2;
  return p;
}

void
in_flight_init(struct in_flight *t, uint32_t limit)
{
  // 65535 is the dialect's way to say "all ids".
  t->limit = limit == 0 ? 1 : limit < SEQUENCES - 1 ? limit : SEQUENCES;
  t->size_most = in_flight_slots_for(t->limit);
  uint32_t size = t->size_most < FIRST_SIZE ? t->size_most : FIRST_SIZE;
  t->slots = memory_array(size, sizeof *t->slots);
  t->mask = size - 1;
  t->used = 0;
  t->next = t->oldest = 0;
  permutation16_init(&t->ids);
}

void
in_flight_fini(struct in_flight *t)
{
  assert(t->used == 0);
  free(t->slots);
  t->slots = NULL;
}

// A slow query keeps its slot while others go around it.
static void
in_flight_skip_taken(struct in_flight *t)
{
  for (unsigned i = 0; i < SKIPS && t->slots[t->next & t->mask] != NULL; i++)
    t->next++;
}

// Twice the slots. False: at the limit, or no memory; the table stays as it is.
static bool
in_flight_enlarge(struct in_flight *t)
{
  PERMIT("more queries in flight than ever");
  uint32_t size = t->mask + 1;
  struct query **slots = size < t->size_most ? calloc(size * 2, sizeof *slots) : NULL;
  if (slots == NULL)
    return false;
  for (uint32_t i = 0; i < size; i++)
    if (t->slots[i] != NULL)
      slots[t->slots[i]->sequence & (size * 2 - 1)] = t->slots[i];
  free(t->slots);
  t->slots = slots;
  t->mask = size * 2 - 1;
  return true;
}

uint16_t
in_flight_add(struct in_flight *t, struct query *q, struct query **evicted)
{
  if (t->used == 0)
    t->oldest = t->next;
  in_flight_skip_taken(t);
  // A crowd of slow ones in the way: more room rather than one that gives way before its time.
  while (t->slots[t->next & t->mask] != NULL && in_flight_enlarge(t))
    in_flight_skip_taken(t);
  uint64_t sequence = t->next++;
  struct query **slot = &t->slots[sequence & t->mask];
  *evicted = *slot;
  if (*slot == NULL && t->used == t->limit)
    *evicted = in_flight_expire(t, UINT64_MAX);
  if (*slot == NULL)
    t->used++;
  *slot = q;
  q->sequence = sequence;
  return permutation16(&t->ids, (uint16_t)sequence);
}

struct query *
in_flight_peek(const struct in_flight *t, uint16_t id)
{
  uint16_t low = permutation16_inverse(&t->ids, id);
  struct query *q = t->slots[low & t->mask];
  return q != NULL && (uint16_t)q->sequence == low ? q : NULL;
}

void
in_flight_take(struct in_flight *t, struct query *q)
{
  assert(t->slots[q->sequence & t->mask] == q);
  t->slots[q->sequence & t->mask] = NULL;
  t->used--;
}

struct query *
in_flight_expire(struct in_flight *t, uint64_t sent_us)
{
  for (; t->used > 0 && t->oldest < t->next; t->oldest++) {
    struct query *q = t->slots[t->oldest & t->mask];
    if (q == NULL || q->sequence != t->oldest)
      continue;
    if (q->sent_us > sent_us)
      return NULL;
    in_flight_take(t, q);
    return q;
  }
  return NULL;
}

void
in_flight_grow(struct in_flight *t)
{
  if (t->used > (t->mask + 1) / 2)
    (void)in_flight_enlarge(t); // else older queries give way earlier
}
