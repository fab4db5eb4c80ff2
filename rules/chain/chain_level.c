// SPDX-License-Identifier: BSD-2-Clause
// Building the hash table of a level.
#include "rules/chain/chain_level.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { KEYS_PER_BUCKET = 5 };

static void
chain_level_free(struct object *o)
{
  struct chain_level *l = (struct chain_level *)(void *)o;
  free(l->buckets);
  free(l->nodes);
  free(l->rules);
  free(l);
}

static const struct object_class level_class = {.name = "ChainLevel", .free = chain_level_free};

struct chain_level *
chain_level_new(uint32_t rules, size_t keys)
{
  struct chain_level *l = memory_new(sizeof *l);
  object_init(&l->object, &level_class);
  assert(keys < UINT32_MAX / 2);
  l->bucket_count = (uint32_t)(keys / KEYS_PER_BUCKET) + 1;
  l->buckets = memory_table(l->bucket_count * sizeof *l->buckets);
  l->rules = memory_array(rules, sizeof *l->rules);
  return l;
}

static uint32_t
chain_level_node_new(struct chain_level *l, uint32_t rank)
{
  if (l->node_count == l->node_capacity) {
    l->node_capacity = l->node_capacity * 2 + 16;
    l->nodes = memory_resize(l->nodes, l->node_capacity, sizeof *l->nodes);
  }
  l->nodes[l->node_count].rank = rank;
  return l->node_count++;
}

// A second rule has the key: ranks go into a ring of nodes, of which the slot knows the last.
static void
chain_level_share(struct chain_level *l, uint32_t *value, uint32_t rank)
{
  uint32_t last;
  if ((*value & (uint32_t)LEVEL_SHARED) == 0) {
    if (*value == rank) // it has the key twice
      return;
    last = chain_level_node_new(l, *value);
    l->nodes[last].next = last;
  } else {
    last = *value & ~(uint32_t)LEVEL_SHARED;
    if (l->nodes[last].rank == rank)
      return;
  }
  uint32_t node = chain_level_node_new(l, rank);
  l->nodes[node].next = l->nodes[last].next;
  l->nodes[last].next = node;
  *value = (uint32_t)LEVEL_SHARED | node;
}

static void
chain_level_add_key(struct chain_level *l, uint64_t hash, uint32_t rank)
{
  uint32_t tag = level_tag(hash), at = level_home(l, hash);
  for (;;) {
    struct level_bucket *b = &l->buckets[at];
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
      if (b->tags[i] == tag) {
        chain_level_share(l, &b->values[i], rank);
        return;
      }
      if (b->tags[i] == 0) {
        b->tags[i] = tag;
        b->values[i] = rank;
        return;
      }
    }
    at = at + 1 == l->bucket_count ? 0 : at + 1;
  }
}

void
chain_level_add(struct chain_level *l, struct level_rule rule, const uint64_t *keys, size_t count)
{
  uint32_t rank = l->rule_count++;
  assert(rank < (uint32_t)LEVEL_SHARED);
  l->rules[rank] = rule;
  for (size_t i = 0; i < count; i++)
    chain_level_add_key(l, keys[i], rank);
}

size_t
chain_level_memory(const struct chain_level *l)
{
  return sizeof *l + l->bucket_count * sizeof *l->buckets + l->node_capacity * sizeof *l->nodes +
         l->rule_count * sizeof *l->rules;
}
