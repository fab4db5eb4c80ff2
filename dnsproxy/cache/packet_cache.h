// SPDX-License-Identifier: BSD-2-Clause
// The packet cache: answers by question, shared by all workers, fixed in size, evicting when full (SIEVE).
//
//   query -> key (hash of all that counts) -> bucket of 12 tags and references -> entry: TTL offsets, answer
//            cache_key.c                      cache_table                         cache_entry, in a piece of cache_memory
//
// A counted object; Lua handles and pools hold references. The cache is cut into regions, each with a lock, an eviction queue
// and memory of its own (cache_region). Lookups take no lock: an entry never changes once it can be found, and its piece is
// used again only when every worker has passed a batch boundary (base/epoch.h), so a caller must be inside epoch_enter().
// Inserts try the region's lock (deferrableInsertLock) and give up if it is taken.
//
// The trick: a hit is one cache line of the index and the entry itself. Both are prefetched for the whole batch before the first
// lookup; TTLs are not parsed, their offsets were noted at the insert.
//
// Nothing of one client comes out to another: id and casing are the asker's, options that do not tell queries apart (cookies)
// are taken out of what is kept. Keys are hashed with a secret, and no bucket holds more than 28 entries.
//
// Memory. The index takes about 8.5 bytes per possible entry, touched when the cache is made. Entries take 38 bytes, 2 per
// record and the answer, rounded up by 14 % on average; their memory is reserved when the cache is made, touched as it fills, in
// order (packet_cache_grow() does it a little ahead), and given back with the cache. It is bounded by 1 KiB per possible entry,
// in all at least 4 MiB (128 of the largest entries if that is more): a cache of larger answers evicts before it has max_entries.
#ifndef DNSPROXY_CACHE_PACKET_CACHE_H
#define DNSPROXY_CACHE_PACKET_CACHE_H

#include "dnsproxy/base/netmask.h"
#include "dnsproxy/core/cache_key.h"
#include "dnsproxy/wire/message.h"

struct packet_cache;
extern const struct object_class packet_cache_class; // "PacketCache"

enum { PACKET_CACHE_LIST = 256 };

struct packet_cache_options {
  uint32_t max_ttl_s;               // 86400
  uint32_t min_ttl_s;               // 0
  uint32_t max_negative_ttl_s;      // 3600
  uint32_t temporary_failure_ttl_s; // 60
  uint32_t truncated_ttl_s;         // 0
  uint32_t stale_ttl_s;             // 60
  uint32_t maximum_entry_size;      // 4096 bytes
  uint32_t shards;                  // 20, at most max_entries: expunge() shares out by it, locks are apart from it
  bool dont_age, keep_stale, parse_ecs, cookie_hashing, deferrable_insert_lock, shuffle;
  uint16_t skip_count, rank_count;
  uint16_t skip_options[PACKET_CACHE_LIST]; // EDNS options whose content is left out of the key
  uint16_t payload_ranks[PACKET_CACHE_LIST]; // ascending; the EDNS size is rounded down to one of them when hashing
};
#define PACKET_CACHE_OPTIONS_DEFAULT                                                                                   \
  {.max_ttl_s = 86400, .max_negative_ttl_s = 3600, .temporary_failure_ttl_s = 60, .stale_ttl_s = 60,                   \
   .maximum_entry_size = 4096, .shards = 20, .deferrable_insert_lock = true, .skip_options = {10, 12}, .skip_count = 2}

enum { PACKET_CACHE_BYTES_PER_ENTRY = 1024, PACKET_CACHE_LEAST_CHUNKS = 128 };

// max_entries > 0. NULL if the memory cannot be reserved.
struct packet_cache *packet_cache_new(size_t max_entries, const struct packet_cache_options *);
const struct packet_cache_options *packet_cache_options(const struct packet_cache *);

// From the query as it would be sent. edns as parsed from it (NULL: none).
void packet_cache_key(const struct packet_cache *, const uint8_t *query, size_t size, const struct question *, const struct edns *,
                      bool over_tcp, struct cache_key *);
// For a batch: the keys of all, then this for all (touches the index), then the second for all (touches what the index
// points to), then look up.
void packet_cache_prefetch(const struct packet_cache *, uint64_t hash);
void packet_cache_prefetch_entry(const struct packet_cache *, uint64_t hash); // inside an epoch

struct cache_find {
  const struct cache_key *key;
  const struct name *qname; // the query's casing: goes into the answer
  uint16_t id;              // goes into the answer
  uint32_t now_s;           // monotonic seconds
  uint32_t stale_s;         // an entry expired for less than this is good (0: no)
  bool refuse_truncated;    // a TC=1 entry is a miss
  bool only_looks;          // nothing is counted, nothing remembers that it was asked for
  bool another_follows;     // a miss is not counted: the same query is looked up by another key next
};
enum cache_result { CACHE_MISS, CACHE_HIT, CACHE_STALE, CACHE_NO_ROOM };
// Copies the answer, aged (or with staleTTL), with the query's id and name bytes, into out (capacity bytes); *size is its size.
// CACHE_NO_ROOM: it would be a hit, but does not fit; nothing is counted, *size is what it needs. Any thread, inside an epoch.
enum cache_result packet_cache_lookup(struct packet_cache *, const struct cache_find *, uint8_t *out, size_t capacity, size_t *size);

struct cache_answer {
  const uint8_t *data;
  size_t size;
  uint32_t now_s;
  bool received_over_udp;
  int64_t temporary_failure_ttl_s; // per-query override, -1: the cache's
};
// Decides by rcode, TTLs and sizes whether and for how long, then stores or counts why not. Any thread.
void packet_cache_insert(struct packet_cache *, const struct cache_key *, const struct name *qname, const struct cache_answer *);

struct packet_cache_stats {
  uint64_t entries, max_entries;
  uint64_t hits, misses;      // lookups; stale hits are hits
  uint64_t deferred_inserts;  // given up: the lock was taken, or no memory was free at once
  uint64_t deferred_lookups;  // always 0
  uint64_t lookup_collisions; // misses because the entry with this hash answers another question
  uint64_t insert_collisions, ttl_too_shorts;
  uint64_t cleanup_count;     // calls of purge_expired
  uint64_t evictions;         // entries removed to make room
  uint64_t memory_bytes;      // handed out by the kernel or about to be: index and entries
};
void packet_cache_stats(const struct packet_cache *, struct packet_cache_stats *);

// Every second or so: has the kernel provide memory for the inserts to come, so that no packet waits for it (large
// caches are in huge pages, about 0.1 ms each). Never needed, always the same thread, no epoch.
void packet_cache_grow(struct packet_cache *);

// Control thread, outside of epochs. They hold the locks for a few microseconds at a time and return how many entries they removed.
// `keep` is dealt over the shards: each keeps up to keep / shards entries.
size_t packet_cache_purge_expired(struct packet_cache *, size_t keep, uint32_t now_s); // expired ones alone
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
  bool has_ecs;
  struct netmask ecs; // has_ecs: the query's subnet
};
// The visitor must not call the cache: a lock is held.
void packet_cache_each(struct packet_cache *, uint32_t now_s, void (*visit)(const struct packet_cache_entry *, void *), void *arg);

#endif
