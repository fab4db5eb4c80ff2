// SPDX-License-Identifier: BSD-2-Clause
// Tables of blocks, by address or by suffix: what sets and drafts of guard/dynblock.h are made of.
//
//   table --> 1024 shards, by the upper bits of the hash --> blocks, open addressing in each shard
//
// Copying a table takes a reference to each shard. A shard that somebody else may see is copied when it changes, so that
// publishing one block more copies one shard, however many blocks there are, and nothing is ever rehashed as a whole.
// Lookups try each *shape* of key (family, bits, port bits; labels) that some block has, the longest first.
//
// Giving a large table back takes long. Whoever drops the last reference to a set or empties the draft only puts its table
// on a list; dynblock_reap(), on control, frees a bounded number of blocks at a time.
//
// Owner: the set or draft. Those of sets are never changed, and read by any thread; those of the draft: Lua lock.
#ifndef DNSPROXY_GUARD_DYNBLOCK_TABLE_H
#define DNSPROXY_GUARD_DYNBLOCK_TABLE_H

#include "dnsproxy/guard/dynblock.h"

struct dynblock_shape {
  bool v6;
  uint8_t bits, port_bits; // of names: bits are labels
  size_t blocks;
};

enum { DYNBLOCK_SHARD_BITS = 10, DYNBLOCK_SHARDS = 1 << DYNBLOCK_SHARD_BITS };

struct dynblock_table {
  uint64_t seed;
  size_t count;
  struct dynblock_shape *shapes; // the longest first
  unsigned shape_count;
  unsigned given_back;           // shards, while it waits to be freed
  struct dynblock_table *next;   // likewise
  struct dynblock_shard *shards[DYNBLOCK_SHARDS]; // NULL: empty
};

struct dynblock_table *dynblock_table_new(void);
void dynblock_table_free(struct dynblock_table **);                        // soon: see dynblock_reap()
struct dynblock_table *dynblock_table_copy(const struct dynblock_table *); // of the same blocks
struct dynblock *dynblock_table_get(const struct dynblock_table *, const struct dynblock_key *); // NULL: no such block
void dynblock_table_put(struct dynblock_table *, struct dynblock *);       // takes over the reference
// Removes blocks of shard *at and the next ones whose time is over, until `enough` have been looked at; *at is where to go
// on, DYNBLOCK_SHARDS at the end. Have some gone?
bool dynblock_table_sweep(struct dynblock_table *, unsigned *at, size_t enough, uint64_t now_us);
void dynblock_table_each(const struct dynblock_table *, void (*visit)(struct dynblock *, void *), void *arg); // in no order

// dynblock.c: clears what the key leaves out. bits: at most the family's; port_bits: at most 16.
void dynblock_mask(struct address *, unsigned bits, unsigned port_bits);

static inline struct dynblock *
dynblock_unexpired(struct dynblock *b, uint64_t now_us)
{
  return b != NULL && b->until_us > now_us ? b : NULL;
}

#endif
