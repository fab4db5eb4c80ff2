// SPDX-License-Identifier: BSD-2-Clause
// The packet cache: answers by question, shared by all workers, fixed in size, evicting when full (SIEVE).
//
// A counted object; Lua handles and pools hold references. Lookups take no lock: entries are immutable and freed
// through epochs (base/epoch.h), so a caller must be inside epoch_enter(). Inserts lock one small part of the table
// by try-lock (deferrableInsertLock). Memory for entries comes from chunks the cache keeps, not from malloc per insert.
// Facts of behaviour: reference semantics.md section 10.
#ifndef DNSPROXY_CACHE_PACKET_CACHE_H
#define DNSPROXY_CACHE_PACKET_CACHE_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/cache_key.h"
#include "dnsproxy/wire/message.h"

struct packet_cache;
extern const struct object_class packet_cache_class; // "PacketCache"

struct packet_cache_options {
  uint32_t max_ttl_s;               // 86400
  uint32_t min_ttl_s;               // 0
  uint32_t max_negative_ttl_s;      // 3600
  uint32_t temporary_failure_ttl_s; // 60
  uint32_t truncated_ttl_s;         // 0
  uint32_t stale_ttl_s;             // 60
  uint32_t maximum_entry_size;      // 4096 bytes
  uint32_t shards;                  // 20: accepted and reported, expunge() shares out by it
  bool dont_age, keep_stale, parse_ecs, cookie_hashing, deferrable_insert_lock, shuffle;
  uint16_t skip_options[32]; // EDNS options whose content is left out of the key
  uint8_t skip_count;
  uint16_t payload_ranks[16]; // ascending; the EDNS size is rounded down to one of them when hashing
  uint8_t rank_count;
};
#define PACKET_CACHE_OPTIONS_DEFAULT                                                                                   \
  {.max_ttl_s = 86400, .max_negative_ttl_s = 3600, .temporary_failure_ttl_s = 60, .stale_ttl_s = 60,                   \
   .maximum_entry_size = 4096, .shards = 20, .deferrable_insert_lock = true, .skip_options = {10, 12}, .skip_count = 2}

struct packet_cache *packet_cache_new(size_t max_entries, const struct packet_cache_options *); // max_entries > 0
const struct packet_cache_options *packet_cache_options(const struct packet_cache *);

// From the query as it would be sent. edns as parsed from it.
void packet_cache_key(const struct packet_cache *, const uint8_t *query, size_t size, const struct question *, const struct edns *,
                      bool over_tcp, struct cache_key *);
void packet_cache_prefetch(const struct packet_cache *, uint64_t hash); // touches the bucket: call for a batch, then look up

struct cache_find {
  const struct cache_key *key;
  const struct name *qname; // the query's casing: goes into the answer
  uint16_t id;              // goes into the answer
  uint32_t now_s;           // monotonic seconds
  uint32_t stale_s;         // an entry expired for less than this is good (0: no)
  bool refuse_truncated;    // a TC=1 entry is a miss
};
enum cache_result { CACHE_MISS, CACHE_HIT, CACHE_STALE };
// Copies the answer, aged (or with staleTTL), with the query's id and name bytes, into out (capacity bytes); *size is its size.
enum cache_result packet_cache_lookup(struct packet_cache *, const struct cache_find *, uint8_t *out, size_t capacity, size_t *size);

struct cache_answer {
  const uint8_t *data;
  size_t size;
  uint32_t now_s;
  bool received_over_udp;
  int64_t temporary_failure_ttl_s; // per-query override, -1: the cache's
};
// Decides by rcode, TTLs and sizes whether and for how long, then stores or counts why not.
void packet_cache_insert(struct packet_cache *, const struct cache_key *, const struct name *qname, const struct cache_answer *);

struct packet_cache_stats {
  uint64_t entries, max_entries, hits, misses, deferred_inserts, deferred_lookups, lookup_collisions, insert_collisions,
      ttl_too_shorts, cleanup_count, evictions;
};
void packet_cache_stats(const struct packet_cache *, struct packet_cache_stats *);

// Control thread.
size_t packet_cache_purge_expired(struct packet_cache *, size_t keep, uint32_t now_s); // until `keep` entries remain
size_t packet_cache_expunge(struct packet_cache *, size_t keep);
size_t packet_cache_expunge_name(struct packet_cache *, const struct name *, uint16_t qtype /* ANY: all */, bool suffix);
struct packet_cache_entry { // as seen by a visitor, valid during the call
  struct name qname;
  uint16_t qtype, qclass;
  const uint8_t *answer;
  size_t size;
  int64_t ttl_left_s; // negative when expired
  uint32_t added_s;   // monotonic
  uint64_t hash;
  uint8_t flags[2];
  bool dnssec_ok, received_over_udp;
};
void packet_cache_each(struct packet_cache *, uint32_t now_s, void (*visit)(const struct packet_cache_entry *, void *), void *arg);

#endif
