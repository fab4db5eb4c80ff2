// SPDX-License-Identifier: BSD-2-Clause
// A key is inside when the number of turns at or before it is odd. The upper halves of the turns are searched; only
// IPv6 prefixes beyond /64 need the lower halves.
#include "dnsproxy/base/prefix_index.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCK = 16, LEVELS = 9, LINE = 64, HUGE = 2 << 20 }; // 16^9 keys are more than the 32-bit `first` can count

struct prefix_index {
  unsigned levels;
  size_t counts[LEVELS];         // keys of each level: level 0 has all of them
  const uint64_t *keys[LEVELS];  // line-aligned; the last block is filled up with UINT64_MAX
  uint64_t *memory;              // of all levels
  uint32_t *first;               // per upper half: its first turn, and one more at the end; NULL: one turn each, low 0
  uint64_t *lows;                // per turn, in order
};

// The turns while they are collected.
struct turns {
  prefix_key *keys;
  size_t count, capacity;
};

static void
prefix_index_collect(prefix_key start, bool yes, void *arg)
{
  struct turns *t = arg;
  if ((t->count % 2 == 1) == yes)
    return;
  if (t->count > 0 && t->keys[t->count - 1] == start) { // turned here already: back again
    t->count--;
    return;
  }
  if (t->count == t->capacity) {
    t->capacity = t->capacity * 2 + 16;
    t->keys = memory_resize(t->keys, t->capacity, sizeof *t->keys);
  }
  t->keys[t->count++] = start;
}

static size_t
prefix_index_padded(size_t count)
{
  return (count + BLOCK - 1) / BLOCK * BLOCK;
}

// Memory for `count` keys and the levels above them.
static void
prefix_index_make_levels(struct prefix_index *x, size_t count)
{
  size_t total = 0;
  do {
    assert(x->levels < LEVELS);
    x->counts[x->levels++] = count;
    total += prefix_index_padded(count);
    count = prefix_index_padded(count) / BLOCK;
  } while (x->counts[x->levels - 1] > BLOCK);
  size_t size = total * sizeof *x->memory, alignment = size < HUGE ? LINE : HUGE;
  size = (size + alignment - 1) / alignment * alignment;
  x->memory = aligned_alloc(alignment, size);
  if (x->memory == NULL)
    memory_exhausted();
  if (alignment == HUGE) // a lookup costs a few cache misses: let it not cost as many page walks
    madvise(x->memory, size, MADV_HUGEPAGE);
  memset(x->memory, 0xff, total * sizeof *x->memory);
}

// Fills level 0 and, from it, the others.
static void
prefix_index_fill_levels(struct prefix_index *x, const struct turns *t)
{
  uint64_t *keys = x->memory;
  size_t made = 0;
  for (size_t i = 0; i < t->count; i++) {
    uint64_t high = (uint64_t)(t->keys[i] >> 64);
    if (i == 0 || high != keys[made - 1])
      keys[made++] = high;
  }
  for (unsigned level = 0; level < x->levels; level++) {
    uint64_t *next = keys + prefix_index_padded(x->counts[level]);
    x->keys[level] = keys;
    for (size_t i = 0; level + 1 < x->levels && i < x->counts[level + 1]; i++)
      next[i] = keys[i * BLOCK];
    keys = next;
  }
}

static void
prefix_index_fill_lows(struct prefix_index *x, const struct turns *t, size_t highs)
{
  x->first = memory_array(highs + 1, sizeof *x->first);
  x->lows = memory_array(t->count, sizeof *x->lows);
  size_t high = 0;
  for (size_t i = 0; i < t->count; i++) {
    x->lows[i] = (uint64_t)t->keys[i];
    if (i == 0 || (uint64_t)(t->keys[i] >> 64) != (uint64_t)(t->keys[i - 1] >> 64))
      x->first[high++] = (uint32_t)i;
  }
  assert(high == highs);
  x->first[highs] = (uint32_t)t->count;
}

struct prefix_index *
prefix_index_new(const struct prefix_tree *tree)
{
  struct prefix_index *x = memory_new(sizeof *x);
  struct turns t = {.count = 0};
  prefix_tree_ranges(tree, prefix_index_collect, &t);
  assert(t.count < UINT32_MAX);
  size_t highs = 0;
  bool low = false;
  for (size_t i = 0; i < t.count; i++) {
    highs += i == 0 || (uint64_t)(t.keys[i] >> 64) != (uint64_t)(t.keys[i - 1] >> 64);
    low |= (uint64_t)t.keys[i] != 0;
  }
  if (highs > 0) {
    prefix_index_make_levels(x, highs);
    prefix_index_fill_levels(x, &t);
    if (low)
      prefix_index_fill_lows(x, &t, highs);
  }
  free(t.keys);
  return x;
}

void
prefix_index_free(struct prefix_index **slot)
{
  struct prefix_index *x = *slot;
  *slot = NULL;
  if (x == NULL)
    return;
  free(x->memory);
  free(x->first);
  free(x->lows);
  free(x);
}

// How many upper halves are at or before `high`.
static inline size_t
prefix_index_highs_until(const struct prefix_index *x, uint64_t high)
{
  size_t block = 0;
  for (unsigned level = x->levels; level-- > 0;) {
    const uint64_t *keys = x->keys[level] + block * BLOCK;
    size_t until = 0;
    for (unsigned i = 0; i < BLOCK; i++)
      until += keys[i] <= high;
    until += block * BLOCK;
    if (until > x->counts[level]) // `high` is what the last block is filled up with
      until = x->counts[level];
    if (level == 0 || until == 0)
      return until;
    block = until - 1;
  }
  return 0;
}

bool
prefix_index_find(const struct prefix_index *x, prefix_key key)
{
  size_t until = prefix_index_highs_until(x, (uint64_t)(key >> 64));
  if (x->first == NULL || until == 0)
    return until % 2 == 1;
  size_t from = x->first[until - 1], to = x->first[until];
  if (x->keys[0][until - 1] != (uint64_t)(key >> 64))
    return to % 2 == 1;
  while (from < to) { // the first turn behind the key
    size_t middle = from + (to - from) / 2;
    if (x->lows[middle] <= (uint64_t)key)
      from = middle + 1;
    else
      to = middle;
  }
  return from % 2 == 1;
}
