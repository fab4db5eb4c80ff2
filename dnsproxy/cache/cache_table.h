// SPDX-License-Identifier: BSD-2-Clause
// The index of the packet cache: buckets of one cache line, each with twelve one-byte tags and references to entries.
//
//   hash --> bucket | 12 tags | overflow | 12 references of 32 bits, in units of 16 bytes |  --> entries
//
// A lookup compares all tags of a bucket at once, as words, and follows the references whose tag is right: nearly always one
// or none. So a miss is one cache line, and a hit two with the entry. The few buckets that are overfull have a chain through
// their entries, which is bounded, whatever the hashes.
//
// cache_table_find() takes no lock, its caller is inside an epoch. The rest needs the lock of the bucket's region.
// A hash has at most one entry. A find that runs beside a change may miss an entry that stays, never the reverse.
#ifndef DNSPROXY_CACHE_CACHE_TABLE_H
#define DNSPROXY_CACHE_CACHE_TABLE_H

#include "dnsproxy/cache/cache_entry.h"

enum { BUCKET_SLOTS = 12, ENTRY_UNIT = 16 };

struct cache_bucket {
  _Alignas(64) _Atomic uint64_t tags; // slots 0 to 7, lowest byte first; 0: empty
  _Atomic uint32_t more_tags;         // slots 8 to 11
  _Atomic uint32_t overflow;          // first of a chain, for the few buckets that are overfull
  _Atomic uint32_t refs[BUCKET_SLOTS];
};

struct cache_table {
  struct cache_bucket *buckets;
  uint32_t count;
  uint8_t *base;      // of the entries: a reference counts units of 16 bytes from here, 0 is none
  size_t mapped_size;
};

bool cache_table_init(struct cache_table *, uint32_t buckets, uint8_t *base); // all memory touched; false: none to be had
void cache_table_fini(struct cache_table *);

static inline struct cache_entry *
cache_table_entry(const struct cache_table *t, uint32_t ref)
{
  return (struct cache_entry *)(t->base + (size_t)ref * ENTRY_UNIT);
}

// Buckets are dealt by the upper half of the hash, tags by the lowest byte.
static inline uint32_t
cache_table_index(const struct cache_table *t, uint64_t hash)
{
  return (uint32_t)((hash >> 32) * t->count >> 32);
}

uint32_t cache_table_find(const struct cache_table *, uint64_t hash); // reference, or 0
void cache_table_prefetch_entry(const struct cache_table *, uint64_t hash); // whatever find would look at first
void cache_table_add(struct cache_table *, uint64_t hash, uint32_t ref);
// Before an add to a bucket that is far too full: the entry that has to go, else 0. Chains are short, whatever the hashes.
uint32_t cache_table_surplus(const struct cache_table *, uint64_t hash);
void cache_table_replace(struct cache_table *, uint64_t hash, uint32_t old, uint32_t ref);
void cache_table_remove(struct cache_table *, uint64_t hash, uint32_t ref);
// Visits every entry of a bucket; the visitor may remove the one it is at.
typedef void (*cache_table_visit_fn)(uint32_t ref, void *arg);
void cache_table_each(struct cache_table *, uint32_t bucket, cache_table_visit_fn, void *arg);

#endif
