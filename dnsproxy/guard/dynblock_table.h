// SPDX-License-Identifier: BSD-2-Clause
// Tables of blocks, by address or by suffix: what sets and drafts of guard/dynblock.h are made of.
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

struct dynblock_table {
  uint64_t seed;
  size_t count, capacity;  // a power of two, at least twice the count
  struct dynblock **slots; // one reference each
  struct dynblock_shape *shapes;    // the longest first
  unsigned shape_count;
};

struct dynblock_table *dynblock_table_new(void);
void dynblock_table_free(struct dynblock_table **);
struct dynblock_table *dynblock_table_copy(const struct dynblock_table *); // of the same blocks
struct dynblock **dynblock_table_slot(const struct dynblock_table *, const struct dynblock_key *); // empty: no such block
void dynblock_table_put(struct dynblock_table *, struct dynblock *); // takes over the reference

// dynblock.c: clears what the key leaves out. bits: at most the family's; port_bits: at most 16.
void dynblock_mask(struct address *, unsigned bits, unsigned port_bits);

static inline struct dynblock *
dynblock_unexpired(struct dynblock *b, uint64_t now_us)
{
  return b != NULL && b->until_us > now_us ? b : NULL;
}

#endif
