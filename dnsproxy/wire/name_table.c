// SPDX-License-Identifier: BSD-2-Clause
// Open addressing with linear probing; removal closes the gap, so that there are no tombstones.
#include "dnsproxy/wire/name_table.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 8, FIRST_ARENA = 128, DEAD_ENOUGH = 4096 };

void
name_table_fini(struct name_table *t)
{
  free(t->arena);
  free(t->slots);
  memset(t, 0, sizeof *t);
}

// Index of the slot that holds the name, or of the free slot where it belongs.
static size_t
name_table_find_slot(const struct name_table *t, uint32_t tag, const uint8_t *bytes, size_t size)
{
  size_t mask = t->slot_count - 1, i = tag & mask;
  for (; t->slots[i].at != 0; i = (i + 1) & mask) {
    const uint8_t *stored = t->arena + t->slots[i].at;
    if (t->slots[i].tag == tag && name_bytes_equal(stored, name_bytes_size(stored), bytes, size))
      break;
  }
  return i;
}

uint32_t
name_table_find(const struct name_table *t, uint64_t hash, const uint8_t *bytes, size_t size)
{
  return t->count == 0 ? 0 : t->slots[name_table_find_slot(t, (uint32_t)hash, bytes, size)].at;
}

// Tags hold all the bits that a bigger table needs: the names need not be hashed again.
static void
name_table_resize_slots(struct name_table *t, size_t slot_count)
{
  struct name_slot *old = t->slots;
  size_t old_count = t->slot_count, mask = slot_count - 1;
  assert(slot_count <= UINT32_MAX);
  t->slots = memory_table(slot_count * sizeof *t->slots);
  t->slot_count = slot_count;
  for (size_t i = 0; i < old_count; i++) {
    if (old[i].at == 0)
      continue;
    size_t to = old[i].tag & mask;
    while (t->slots[to].at != 0)
      to = (to + 1) & mask;
    t->slots[to] = old[i];
  }
  free(old);
}

static uint32_t
name_table_store(struct name_table *t, const uint8_t *bytes, size_t size)
{
  if (t->arena_size == 0)
    t->arena_size = 1;
  if (t->arena_size + size > t->arena_capacity) {
    size_t grown = t->arena_capacity + t->arena_capacity / 2 + FIRST_ARENA;
    t->arena_capacity = grown > t->arena_size + size ? grown : t->arena_size + size;
    t->arena = memory_resize(t->arena, t->arena_capacity, 1);
  }
  assert(t->arena_size + size <= UINT32_MAX);
  size_t at = t->arena_size;
  memcpy(t->arena + at, bytes, size);
  t->arena_size += size;
  return (uint32_t)at;
}

bool
name_table_add(struct name_table *t, uint64_t hash, const uint8_t *bytes, size_t size)
{
  if (t->slot_count == 0)
    name_table_resize_slots(t, FIRST_SLOTS);
  size_t i = name_table_find_slot(t, (uint32_t)hash, bytes, size);
  if (t->slots[i].at != 0)
    return false;
  if (t->count + 1 > t->slot_count / 4 * 3) {
    name_table_resize_slots(t, t->slot_count * 2);
    i = name_table_find_slot(t, (uint32_t)hash, bytes, size);
  }
  t->slots[i] = (struct name_slot){.tag = (uint32_t)hash, .at = name_table_store(t, bytes, size)};
  t->count++;
  return true;
}

// Moves back the slots behind a hole that were pushed past it.
static void
name_table_close_gap(struct name_table *t, size_t hole)
{
  size_t mask = t->slot_count - 1;
  for (size_t i = (hole + 1) & mask; t->slots[i].at != 0; i = (i + 1) & mask) {
    size_t home = t->slots[i].tag & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      t->slots[hole] = t->slots[i];
      hole = i;
    }
  }
  t->slots[hole].at = 0;
}

// Gives back the bytes of removed names.
static void
name_table_compact_arena(struct name_table *t)
{
  uint8_t *old = t->arena;
  t->arena_capacity = t->arena_size - t->arena_dead;
  t->arena = memory_new(t->arena_capacity);
  t->arena_size = 1;
  t->arena_dead = 0;
  for (size_t i = 0; i < t->slot_count; i++)
    if (t->slots[i].at != 0)
      t->slots[i].at = name_table_store(t, old + t->slots[i].at, name_bytes_size(old + t->slots[i].at));
  free(old);
}

bool
name_table_remove(struct name_table *t, uint64_t hash, const uint8_t *bytes, size_t size)
{
  if (t->count == 0)
    return false;
  size_t i = name_table_find_slot(t, (uint32_t)hash, bytes, size);
  if (t->slots[i].at == 0)
    return false;
  t->arena_dead += size;
  name_table_close_gap(t, i);
  t->count--;
  if (t->arena_dead > DEAD_ENOUGH && t->arena_dead > t->arena_size / 2)
    name_table_compact_arena(t);
  return true;
}

void
name_table_copy(struct name_table *t, const struct name_table *from)
{
  if (from->count == 0)
    return;
  *t = *from;
  t->arena_capacity = t->arena_size;
  t->arena = memory_array(t->arena_size, 1);
  memcpy(t->arena, from->arena, t->arena_size);
  t->slots = memory_table(t->slot_count * sizeof *t->slots);
  memcpy(t->slots, from->slots, t->slot_count * sizeof *t->slots);
}
