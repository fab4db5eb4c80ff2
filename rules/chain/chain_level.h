// SPDX-License-Identifier: BSD-2-Clause
// A level of an index: an immutable hash table from keys to the rules that have them, in chain order.
//
//   key --> slot --> one rule, or a run of rules in the order of their labels
//
// Counted: chains share it while nothing in it changes. Built at publish, read by any worker. Rules are known by rank (their
// order in the level), label (their order in the chain) and seat (where the chain keeps them).
//
// Memory is one piece per level; what a lookup touches is a slot and, if there is a rule, its run.
#ifndef RULES_CHAIN_CHAIN_LEVEL_H
#define RULES_CHAIN_CHAIN_LEVEL_H

#include "dnsproxy/base/object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUCKET_SLOTS = 8, RULE_CHANGES = 1 };

// One cache line. Slots fill from the first; a full bucket goes on in the next.
struct level_bucket {
  uint32_t tags[BUCKET_SLOTS];   // lower half of the hash; 0: free
  uint32_t values[BUCKET_SLOTS]; // a rank, or LEVEL_SHARED and the last of a ring of nodes
};
struct level_node {
  uint32_t rank, next;
};
enum { LEVEL_SHARED = INT32_MIN };

struct level_rule {
  uint64_t label;
  uint32_t seat, flags; // RULE_CHANGES: it may change what keys are made of
};

struct chain_level {
  struct object object;
  struct level_bucket *buckets;
  struct level_node *nodes;
  struct level_rule *rules; // by rank
  uint32_t bucket_count, node_count, node_capacity, rule_count;
};

// Room for so many of each. Rules are added in chain order, each with all its keys.
struct chain_level *chain_level_new(uint32_t rules, size_t keys);
void chain_level_add(struct chain_level *, struct level_rule, const uint64_t *keys, size_t count);
size_t chain_level_memory(const struct chain_level *); // bytes

static inline uint32_t
level_tag(uint64_t hash)
{
  return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

static inline uint32_t
level_home(const struct chain_level *l, uint64_t hash)
{
  return (uint32_t)((hash >> 32) * l->bucket_count >> 32);
}

// Where the rules of one key begin: the value of its slot. False: no rule has it.
static inline bool
level_find(const struct chain_level *l, uint64_t hash, uint32_t *value)
{
  uint32_t tag = level_tag(hash);
  for (uint32_t at = level_home(l, hash);; at = at + 1 == l->bucket_count ? 0 : at + 1) {
    const struct level_bucket *b = &l->buckets[at];
    for (unsigned i = 0; i < BUCKET_SLOTS; i++)
      if (b->tags[i] == tag) {
        *value = b->values[i];
        return true;
      }
    if (b->tags[BUCKET_SLOTS - 1] == 0)
      return false;
  }
}

#endif
