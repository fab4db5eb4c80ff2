// SPDX-License-Identifier: BSD-2-Clause
// What a packet cache consists of: for the files of this folder alone.
#ifndef DNSPROXY_CACHE_PACKET_CACHE_PRIVATE_H
#define DNSPROXY_CACHE_PACKET_CACHE_PRIVATE_H

#include "dnsproxy/cache/cache_region.h"

// What lookups count. Each of the first threads has a line of its own; the last line is for all the others.
enum { TALLIES = 160 };
struct cache_tally {
  _Alignas(64) _Atomic uint64_t hits, misses, collisions;
};

struct packet_cache {
  struct object object;
  struct packet_cache_options options;
  uint64_t seed;
  struct cache_table table;
  struct cache_arena arena;
  struct cache_region *regions;
  uint32_t region_count, buckets_per_region;
  size_t max_entries;
  _Atomic uint64_t deferred_inserts, ttl_too_shorts, cleanup_count;
  struct cache_tally *tallies;
  size_t tallies_size;
};

// Is the content of this option left out of keys?
bool cache_skips_option(const struct packet_cache_options *, uint16_t code);

static inline struct cache_region *
packet_cache_region(const struct packet_cache *cache, uint64_t hash)
{
  return &cache->regions[(hash >> 32) * cache->region_count >> 32];
}

#endif
