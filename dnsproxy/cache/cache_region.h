// SPDX-License-Identifier: BSD-2-Clause
// A region: the share of the cache that one lock guards, with its own eviction queue (SIEVE) and memory.
//
//   hash --upper bits--> region: lock, queue from the oldest to the newest, memory, its part of the table
//
// Every function but cache_region_init() and _fini() needs the region's lock. Whoever inserts tries it and gives up if it is
// taken; lookups never take it.
//
// SIEVE: entries stand in the order of their coming. A hand walks from the oldest to the newest, clears the visited mark of
// those that have one and evicts the first that has none (or has expired), then stays there. A flood of names asked once is
// evicted as it comes, and the hand does not get to entries that are asked for. A hit writes one mark, and that only if it
// is not set: no list is moved, which is what a queue by last use would cost.
//
// What one insertion may do is bounded: steps of the hand, and evictions for memory.
#ifndef DNSPROXY_CACHE_CACHE_REGION_H
#define DNSPROXY_CACHE_CACHE_REGION_H

#include "dnsproxy/cache/cache_memory.h"
#include "dnsproxy/cache/cache_table.h"
#include "dnsproxy/core/counters.h"

#include <pthread.h>

struct cache_region {
  _Alignas(64) pthread_mutex_t lock;
  struct cache_table *table;     // all regions share it, each its own buckets
  uint32_t newest, oldest, hand; // the queue
  uint32_t capacity;             // entries
  _Atomic uint32_t entries;
  _Atomic uint64_t evictions, insert_collisions;
  struct cache_memory memory;
};

enum region_result { REGION_STORED, REGION_KEPT_OLD, REGION_NO_MEMORY };

void cache_region_init(struct cache_region *, struct cache_table *, uint32_t capacity);
void cache_region_fini(struct cache_region *);
// Stores, replaces, or keeps what is there; evicts to make room.
enum region_result cache_region_insert(struct cache_region *, const struct entry_draft *);
void cache_region_remove(struct cache_region *, uint32_t ref);

#endif
