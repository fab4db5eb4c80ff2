// SPDX-License-Identifier: BSD-2-Clause
// A cached answer as it lies in memory: what it answers, when it ends, where its TTLs are, its bytes.
//
//   struct cache_entry | offsets of TTLs | subnet of the query, if any | question, if the answer has none | answer
//
// Written once, before it can be found; afterwards readers on any thread see it unchanged, which is what lets lookups go
// without a lock. `older`, `newer` and `state` belong to the holder of the region's lock, `chain` and `visited` are atomic.
//
// Serving one copies the answer into the query's packet, lowers the TTLs at the offsets that were noted at the insert
// (nothing is parsed), and puts in what is the asker's: id, RD, CD, and the casing of the name. Comparing one checks
// everything that the key says besides the hash, so that a collision is a miss.
//
// Life: a piece of cache_memory, written, put into the table and the queue of its region; unlinked by eviction, expiry or
// replacement; its piece is used again when every worker has passed a batch boundary.
#ifndef DNSPROXY_CACHE_CACHE_ENTRY_H
#define DNSPROXY_CACHE_CACHE_ENTRY_H

#include "dnsproxy/cache/packet_cache.h"

#include <stdatomic.h>

enum piece_state { PIECE_FREE, PIECE_LIVE, PIECE_RETIRED };

enum {
  ENTRY_DNSSEC_OK = 1,
  ENTRY_OVER_TCP = 2,
  ENTRY_ECS = 4,
  ENTRY_RECEIVED_OVER_UDP = 8,
  ENTRY_OWN_QUESTION = 16, // the answer has no question of its own: it is kept apart
};

struct cache_entry {
  uint64_t hash;
  uint32_t added_s, expires_s;
  uint32_t older, newer;  // neighbours in the eviction queue; `older` also links retired and free pieces
  _Atomic uint32_t chain; // next entry of an overfull bucket
  uint16_t size;          // of the answer
  uint16_t ttl_count;
  uint8_t flags[2];
  uint8_t name_size;
  uint8_t bits;
  _Atomic uint8_t visited; // looked up since the eviction hand came by
  uint8_t state;
  uint8_t data[]; // TTL offsets (from the answer's start, host order), ECS, question if kept apart, answer
};

// An answer ready to be stored.
struct entry_draft {
  const struct cache_key *key;
  const struct name *qname;
  const struct cache_answer *answer;
  const uint16_t *ttl_offsets;
  size_t ttl_count;
  uint32_t expires_s;
  bool own_question;
};

size_t entry_size(const struct entry_draft *); // bytes it will take
void entry_write(struct cache_entry *, const struct entry_draft *);
const uint8_t *entry_answer(const struct cache_entry *);
const uint8_t *entry_question(const struct cache_entry *); // name, type, class
bool entry_subnet(const struct cache_entry *, struct netmask *); // false: none, or of no family that we know
// Does the answer begin with the question asked?
bool entry_has_question(const struct cache_answer *, const struct cache_key *, const struct name *qname);
bool entry_matches(const struct cache_entry *, const struct cache_key *, const struct name *qname);
// Copies the answer with id and name of the query; out has room for entry->size bytes.
void entry_copy(const struct cache_entry *, const struct cache_find *, uint8_t *out);
void entry_age(const struct cache_entry *, uint8_t *out, uint32_t age_s); // not below 0
void entry_set_ttls(const struct cache_entry *, uint8_t *out, uint32_t ttl_s);
// Rotates the data of neighbouring A or AAAA records of one owner by turn % their number.
void entry_rotate(const struct cache_entry *, uint8_t *out, uint32_t turn);

#endif
