// SPDX-License-Identifier: BSD-2-Clause
// The tree's nodes lie in one array and point to each other by index: growing and copying move them as a whole. Behind the
// tree: the index.
#include "dnsproxy/base/prefix_tree.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct prefix_node {
  uint64_t high, low; // the key, in two words: 32 bytes per node, two nodes per cache line
  uint32_t child[2];  // by the bit behind the prefix; of a spare node, child[0] is the next spare one
  uint8_t bits;
  uint8_t verdict; // PREFIX_NONE: a fork that only exists for its two children
};

void
prefix_tree_init(struct prefix_tree *t)
{
  *t = (struct prefix_tree){.nodes = NULL, .size = 1};
}

void
prefix_tree_fini(struct prefix_tree *t)
{
  free(t->nodes);
  prefix_tree_init(t);
}

static inline prefix_key
prefix_tree_node_key(const struct prefix_node *n)
{
  return (prefix_key)n->high << 64 | n->low;
}

static inline unsigned
prefix_tree_bit_at(prefix_key key, unsigned bit)
{
  return (unsigned)(key >> (127 - bit)) & 1;
}

// How many of the first `most` bits two keys share.
static inline unsigned
prefix_tree_shared_bits(prefix_key a, prefix_key b, unsigned most)
{
  prefix_key difference = a ^ b;
  uint64_t high = (uint64_t)(difference >> 64), low = (uint64_t)difference;
  unsigned same = high != 0  ? (unsigned)__builtin_clzll(high)
                  : low != 0 ? 64 + (unsigned)__builtin_clzll(low)
                             : 128;
  return same < most ? same : most;
}

static inline prefix_key
prefix_tree_cut(prefix_key key, unsigned bits)
{
  return bits == 0 ? 0 : key >> (128 - bits) << (128 - bits);
}

// Room for two more nodes, so that links into the array stay good while they are made.
static void
prefix_tree_reserve(struct prefix_tree *t)
{
  if (t->nodes != NULL && t->capacity - t->size >= 2)
    return;
  assert(t->capacity < UINT32_MAX / 2);
  uint32_t capacity = t->capacity < 4 ? 8 : t->capacity * 2;
  t->nodes = memory_resize(t->nodes, capacity, sizeof *t->nodes);
  t->capacity = capacity;
}

static uint32_t
prefix_tree_node_new(struct prefix_tree *t, prefix_key key, unsigned bits, enum prefix_verdict verdict)
{
  uint32_t index = t->spare;
  if (index != 0)
    t->spare = t->nodes[index].child[0];
  else
    index = t->size++;
  t->nodes[index] = (struct prefix_node){
      .high = (uint64_t)(key >> 64), .low = (uint64_t)key, .bits = (uint8_t)bits, .verdict = (uint8_t)verdict};
  return index;
}

static void
prefix_tree_node_give(struct prefix_tree *t, uint32_t index)
{
  t->nodes[index].child[0] = t->spare;
  t->spare = index;
}

// Puts a new prefix above the node at *link, whose prefix differs from it after `same` bits or is longer.
static void
prefix_tree_add_above(struct prefix_tree *t, uint32_t *link, prefix_key key, unsigned bits, enum prefix_verdict verdict,
                      unsigned same)
{
  uint32_t below = *link, added = prefix_tree_node_new(t, key, bits, verdict), above = added;
  if (same < bits) {
    above = prefix_tree_node_new(t, prefix_tree_cut(key, same), same, PREFIX_NONE);
    t->nodes[above].child[prefix_tree_bit_at(key, same)] = added;
  }
  t->nodes[above].child[prefix_tree_bit_at(prefix_tree_node_key(&t->nodes[below]), same)] = below;
  *link = above;
}

void
prefix_tree_add(struct prefix_tree *t, prefix_key key, unsigned bits, enum prefix_verdict verdict)
{
  assert(bits <= 128 && verdict != PREFIX_NONE);
  prefix_tree_reserve(t);
  key = prefix_tree_cut(key, bits);
  uint32_t *link = &t->root;
  while (*link != 0) {
    struct prefix_node *n = &t->nodes[*link];
    unsigned same = prefix_tree_shared_bits(key, prefix_tree_node_key(n), bits < n->bits ? bits : n->bits);
    if (same < n->bits) {
      prefix_tree_add_above(t, link, key, bits, verdict, same);
      t->count++;
      return;
    }
    if (bits == n->bits) {
      t->count += n->verdict == PREFIX_NONE;
      n->verdict = (uint8_t)verdict;
      return;
    }
    link = &n->child[prefix_tree_bit_at(key, n->bits)];
  }
  *link = prefix_tree_node_new(t, key, bits, verdict);
  t->count++;
}

// A node without a verdict must have two children: takes it out if it has fewer.
static void
prefix_tree_tidy(struct prefix_tree *t, uint32_t *link)
{
  uint32_t index = *link;
  struct prefix_node *n = &t->nodes[index];
  if (n->verdict != PREFIX_NONE || (n->child[0] != 0 && n->child[1] != 0))
    return;
  *link = n->child[0] != 0 ? n->child[0] : n->child[1];
  prefix_tree_node_give(t, index);
}

bool
prefix_tree_remove(struct prefix_tree *t, prefix_key key, unsigned bits)
{
  key = prefix_tree_cut(key, bits);
  uint32_t *link = &t->root, *above = NULL;
  while (*link != 0) {
    struct prefix_node *n = &t->nodes[*link];
    if (n->bits > bits || prefix_tree_cut(key, n->bits) != prefix_tree_node_key(n))
      return false;
    if (n->bits < bits) {
      above = link;
      link = &n->child[prefix_tree_bit_at(key, n->bits)];
      continue;
    }
    if (n->verdict == PREFIX_NONE)
      return false;
    n->verdict = PREFIX_NONE;
    t->count--;
    prefix_tree_tidy(t, link);
    if (above != NULL)
      prefix_tree_tidy(t, above);
    return true;
  }
  return false;
}

enum prefix_verdict
prefix_tree_find(const struct prefix_tree *t, prefix_key key)
{
  enum prefix_verdict best = PREFIX_NONE;
  for (uint32_t index = t->root; index != 0;) {
    const struct prefix_node *n = &t->nodes[index];
    if (prefix_tree_shared_bits(key, prefix_tree_node_key(n), n->bits) < n->bits)
      break;
    if (n->verdict != PREFIX_NONE)
      best = n->verdict;
    if (n->bits == 128)
      break;
    index = n->child[prefix_tree_bit_at(key, n->bits)];
  }
  return best;
}

// At most 129 calls deep: every level is a longer prefix.
static void
prefix_tree_each_below(const struct prefix_tree *t, uint32_t index, prefix_visit_fn *visit, void *arg)
{
  if (index == 0)
    return;
  const struct prefix_node *n = &t->nodes[index];
  prefix_tree_each_below(t, n->child[0], visit, arg);
  prefix_tree_each_below(t, n->child[1], visit, arg);
  if (n->verdict != PREFIX_NONE)
    visit(prefix_tree_node_key(n), n->bits, n->verdict, arg);
}

void
prefix_tree_each(const struct prefix_tree *t, prefix_visit_fn *visit, void *arg)
{
  prefix_tree_each_below(t, t->root, visit, arg);
}

static void
prefix_tree_ranges_below(const struct prefix_tree *t, uint32_t index, bool around, prefix_range_fn *range, void *arg)
{
  if (index == 0)
    return;
  const struct prefix_node *n = &t->nodes[index];
  prefix_key start = prefix_tree_node_key(n);
  bool yes = n->verdict == PREFIX_NONE ? around : n->verdict == PREFIX_YES;
  range(start, yes, arg);
  prefix_tree_ranges_below(t, n->child[0], yes, range, arg);
  prefix_tree_ranges_below(t, n->child[1], yes, range, arg);
  prefix_key behind = n->bits == 0 ? 0 : start + ((prefix_key)1 << (128 - n->bits));
  if (behind != 0) // else it reaches to the last key
    range(behind, around, arg);
}

void
prefix_tree_ranges(const struct prefix_tree *t, prefix_range_fn *range, void *arg)
{
  prefix_tree_ranges_below(t, t->root, false, range, arg);
}

static uint32_t
prefix_tree_copy_below(struct prefix_tree *t, const struct prefix_tree *from, uint32_t index)
{
  if (index == 0)
    return 0;
  uint32_t copy = t->size++;
  t->nodes[copy] = from->nodes[index];
  t->nodes[copy].child[0] = prefix_tree_copy_below(t, from, from->nodes[index].child[0]);
  t->nodes[copy].child[1] = prefix_tree_copy_below(t, from, from->nodes[index].child[1]);
  return copy;
}

void
prefix_tree_copy(struct prefix_tree *t, const struct prefix_tree *from)
{
  prefix_tree_init(t);
  if (from->root == 0)
    return;
  t->capacity = from->size;
  t->nodes = memory_resize(NULL, t->capacity, sizeof *t->nodes);
  t->root = prefix_tree_copy_below(t, from, from->root);
  t->count = from->count;
}

// A key is inside when the number of turns at or before it is odd. The upper halves of the turns are searched; only
// IPv6 prefixes beyond /64 need the lower halves.

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
prefix_tree_collect(prefix_key start, bool yes, void *arg)
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
prefix_tree_padded(size_t count)
{
  return (count + BLOCK - 1) / BLOCK * BLOCK;
}

// Memory for `count` keys and the levels above them.
static void
prefix_tree_make_levels(struct prefix_index *x, size_t count)
{
  size_t total = 0;
  do {
    assert(x->levels < LEVELS);
    x->counts[x->levels++] = count;
    total += prefix_tree_padded(count);
    count = prefix_tree_padded(count) / BLOCK;
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
prefix_tree_fill_levels(struct prefix_index *x, const struct turns *t)
{
  uint64_t *keys = x->memory;
  size_t made = 0;
  for (size_t i = 0; i < t->count; i++) {
    uint64_t high = (uint64_t)(t->keys[i] >> 64);
    if (i == 0 || high != keys[made - 1])
      keys[made++] = high;
  }
  for (unsigned level = 0; level < x->levels; level++) {
    uint64_t *next = keys + prefix_tree_padded(x->counts[level]);
    x->keys[level] = keys;
    for (size_t i = 0; level + 1 < x->levels && i < x->counts[level + 1]; i++)
      next[i] = keys[i * BLOCK];
    keys = next;
  }
}

static void
prefix_tree_fill_lows(struct prefix_index *x, const struct turns *t, size_t highs)
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
  prefix_tree_ranges(tree, prefix_tree_collect, &t);
  assert(t.count < UINT32_MAX);
  size_t highs = 0;
  bool low = false;
  for (size_t i = 0; i < t.count; i++) {
    highs += i == 0 || (uint64_t)(t.keys[i] >> 64) != (uint64_t)(t.keys[i - 1] >> 64);
    low |= (uint64_t)t.keys[i] != 0;
  }
  if (highs > 0) {
    prefix_tree_make_levels(x, highs);
    prefix_tree_fill_levels(x, &t);
    if (low)
      prefix_tree_fill_lows(x, &t, highs);
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
prefix_tree_highs_until(const struct prefix_index *x, uint64_t high)
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
  size_t until = prefix_tree_highs_until(x, (uint64_t)(key >> 64));
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
