// SPDX-License-Identifier: BSD-2-Clause
// The key of a cached answer, carried by its query from the lookup to the insert.
//
//   room ecs: made from the query as it will be sent --> room cache_lookup --> ... the backend ... --> room cache_insert
//
// It has a hash of all that may change the answer (name without casing, type, class, flags, options but those that are left
// out) and, beside it, what a hit is checked against, so that a collision of hashes is a miss. It is made once; by the time
// of the insert rules may have changed the packet, and what the answer is for was settled at the lookup.
//
// It is here and not in cache/, because the query has it in it. A value; any thread.
#ifndef DNSPROXY_CORE_CACHE_KEY_H
#define DNSPROXY_CORE_CACHE_KEY_H

#include <stdbool.h>
#include <stdint.h>

// What identifies an answer. Made once per query, kept with it until the insert.
struct cache_key {
  uint64_t hash; // of all that counts: seeded per process, so that nobody outside can aim at collisions
  uint16_t qtype, qclass;
  uint8_t flags[2];   // header bytes 2 and 3 of the query
  bool dnssec_ok;
  bool over_tcp;      // answers to be got over TCP are kept apart
  bool has_ecs;       // with parseECS: the query's subnet
  struct {
    uint8_t family, source_bits;
    uint8_t bytes[16];
  } ecs;
};

#endif
