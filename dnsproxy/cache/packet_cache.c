// SPDX-License-Identifier: BSD-2-Clause
// The packet cache: keys, making one, looking up, storing, counting, walking over all of it.
#include "dnsproxy/cache/packet_cache.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/cache/cache_memory.h"
#include "dnsproxy/cache/cache_region.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/rewrite.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

static inline struct cache_region *
packet_cache_region(const struct packet_cache *cache, uint64_t hash)
{
  return &cache->regions[(hash >> 32) * cache->region_count >> 32];
}

// ---- keys: a seeded hash of everything that may change an answer, and what a hit is checked against ----

// Bytes are gathered and hashed at once, for nearly every query in a single call.
struct gather {
  uint64_t hash;
  size_t size;
  uint8_t bytes[192];
};

static void
packet_cache_gather_flush(struct gather *g)
{
  g->hash = hash_bytes(g->bytes, g->size, g->hash);
  g->size = 0;
}

static void
packet_cache_gather_add(struct gather *g, const uint8_t *bytes, size_t count)
{
  if (count > sizeof g->bytes - g->size)
    packet_cache_gather_flush(g);
  if (count > sizeof g->bytes) {
    g->hash = hash_bytes(bytes, count, g->hash);
    return;
  }
  memcpy(g->bytes + g->size, bytes, count);
  g->size += count;
}

// The list may replace padding, but the cookie is skipped unless it is wanted.
static bool
cache_skips_option(const struct packet_cache_options *o, uint16_t code)
{
  if (code == EDNS_COOKIE)
    return !o->cookie_hashing;
  for (unsigned i = 0; i < o->skip_count; i++)
    if (o->skip_options[i] == code)
      return true;
  return false;
}

static uint16_t
packet_cache_rounded_payload(const struct packet_cache_options *o, uint16_t payload)
{
  uint16_t rounded = payload;
  for (unsigned i = 0; i < o->rank_count && o->payload_ranks[i] <= payload; i++)
    rounded = o->payload_ranks[i];
  return rounded;
}

// What cannot be read as options counts as it is.
static void
packet_cache_add_options(const struct packet_cache_options *o, const uint8_t *query, const struct edns *edns, struct gather *g)
{
  enum { OPTION_HEADER = 4 };
  uint16_t cursor = edns->options, code, data, data_size;
  size_t done = edns->options;
  while (edns_option_next(query, edns, &cursor, &code, &data, &data_size)) {
    packet_cache_gather_add(g, query + data - OPTION_HEADER,
                            cache_skips_option(o, code) ? OPTION_HEADER : OPTION_HEADER + (size_t)data_size);
    done = (size_t)data + data_size;
  }
  size_t end = (size_t)edns->options + edns->options_size;
  packet_cache_gather_add(g, query + done, end - done);
}

static void
packet_cache_add_behind_name(const struct packet_cache_options *o, const uint8_t *query, size_t size, size_t from,
                             const struct edns *edns, struct gather *g)
{
  enum { OPT_PAYLOAD = 3, OPT_BEHIND_PAYLOAD = 5 }; // offsets inside an OPT record
  if (edns == NULL || edns->offset == 0) {
    packet_cache_gather_add(g, query + from, size - from);
    return;
  }
  uint8_t payload[2];
  message_put_u16(payload, packet_cache_rounded_payload(o, edns->payload));
  packet_cache_gather_add(g, query + from, edns->offset + (size_t)OPT_PAYLOAD - from);
  packet_cache_gather_add(g, payload, sizeof payload);
  packet_cache_gather_add(g, query + edns->offset + OPT_BEHIND_PAYLOAD,
                          (size_t)edns->options - edns->offset - OPT_BEHIND_PAYLOAD);
  packet_cache_add_options(o, query, edns, g);
  size_t end = (size_t)edns->offset + edns->size;
  packet_cache_gather_add(g, query + end, size - end);
}

static void
packet_cache_read_ecs(const uint8_t *query, const struct edns *edns, struct cache_key *key)
{
  enum { ECS_FIXED = 4 };
  uint16_t cursor = edns->options, code, data, data_size;
  while (edns_option_next(query, edns, &cursor, &code, &data, &data_size)) {
    if (code != EDNS_ECS || data_size < ECS_FIXED || data_size > ECS_FIXED + sizeof key->ecs.bytes)
      continue;
    key->has_ecs = true;
    key->ecs.family = (uint8_t)message_u16(query + data);
    key->ecs.source_bits = query[data + 2];
    memcpy(key->ecs.bytes, query + data + ECS_FIXED, (size_t)data_size - ECS_FIXED);
    return;
  }
}

void
packet_cache_key(const struct packet_cache *cache, const uint8_t *query, size_t size, const struct question *question,
                 const struct edns *edns, bool over_tcp, struct cache_key *key)
{
  const struct packet_cache_options *o = &cache->options;
  bool has_edns = edns != NULL && edns->offset != 0;
  assert(size >= (size_t)HEADER_SIZE + question->name.size);
  *key = (struct cache_key){.qtype = question->type, .qclass = question->class, .flags = {query[2], query[3]},
                            .dnssec_ok = has_edns && edns->dnssec_ok, .over_tcp = over_tcp};
  struct gather g;
  g.size = 0;
  g.hash = name_bytes_hash(question->name.bytes, question->name.size, cache->seed);
  packet_cache_gather_add(&g, query + 2, HEADER_SIZE - 2);
  packet_cache_gather_add(&g, (const uint8_t[]){over_tcp}, 1);
  packet_cache_add_behind_name(o, query, size, (size_t)HEADER_SIZE + question->name.size, edns, &g);
  packet_cache_gather_flush(&g);
  key->hash = g.hash;
  if (o->parse_ecs && has_edns)
    packet_cache_read_ecs(query, edns, key);
}

// ---- making one ----

enum {
  LARGEST_REGION_COUNT = 16,
  SMALLEST_REGION = 4096,          // entries
  MOST_RECORDS = MESSAGE_MAX_SIZE / 11, // a record has at least a root name and ten bytes
};

static void packet_cache_free_cache(struct object *);
const struct object_class packet_cache_class = {.name = "PacketCache", .free = packet_cache_free_cache};

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t process_seed;

static void
packet_cache_make_seed(void)
{
  random_bytes(&process_seed, sizeof process_seed);
}

static uint32_t
packet_cache_region_count(size_t max_entries)
{
  uint32_t count = LARGEST_REGION_COUNT;
  while (count > 1 && max_entries / count < SMALLEST_REGION)
    count /= 2;
  return count;
}

static uint32_t
packet_cache_largest_piece(const struct packet_cache_options *o)
{
  size_t question = NAME_MAX_SIZE + 4, ecs = 18, ttls = o->maximum_entry_size / 11 * sizeof(uint16_t);
  return (uint32_t)(sizeof(struct cache_entry) + o->maximum_entry_size + ttls + question + ecs);
}

static uint32_t
packet_cache_chunks_per_region(const struct packet_cache *cache)
{
  size_t chunk = cache_arena_chunk_size(packet_cache_largest_piece(&cache->options));
  size_t wanted = cache->max_entries * PACKET_CACHE_BYTES_PER_ENTRY / chunk / cache->region_count;
  return wanted > PACKET_CACHE_LEAST_CHUNKS ? (uint32_t)wanted : PACKET_CACHE_LEAST_CHUNKS;
}

// Nine entries to a bucket of twelve slots when full would overflow often, six waste memory.
static uint32_t
packet_cache_buckets_per_region(const struct packet_cache *cache)
{
  size_t entries = (cache->max_entries + cache->region_count - 1) / cache->region_count;
  return (uint32_t)(entries * 2 / 15 + 1);
}

static void
packet_cache_open_regions(struct packet_cache *cache, uint32_t chunks)
{
  cache->regions = aligned_alloc(64, cache->region_count * sizeof *cache->regions);
  assert(cache->regions != NULL);
  for (uint32_t i = 0; i < cache->region_count; i++) {
    size_t capacity = cache->max_entries * (i + 1) / cache->region_count - cache->max_entries * i / cache->region_count;
    cache_region_init(&cache->regions[i], &cache->table, (uint32_t)capacity);
    cache_memory_init(&cache->regions[i].memory, &cache->arena, chunks);
  }
}

struct packet_cache *
packet_cache_new(size_t max_entries, const struct packet_cache_options *options)
{
  assert(max_entries > 0);
  pthread_once(&seed_once, packet_cache_make_seed);
  struct packet_cache *cache = memory_new(sizeof *cache);
  object_init(&cache->object, &packet_cache_class);
  cache->options = *options;
  if (cache->options.maximum_entry_size > MESSAGE_MAX_SIZE)
    cache->options.maximum_entry_size = MESSAGE_MAX_SIZE;
  if (cache->options.shards > max_entries || cache->options.shards == 0)
    cache->options.shards = cache->options.shards == 0 ? 1 : (uint32_t)max_entries;
  cache->seed = process_seed;
  cache->max_entries = max_entries;
  cache->region_count = packet_cache_region_count(max_entries);
  cache->buckets_per_region = packet_cache_buckets_per_region(cache);
  cache->tallies_size = TALLIES * sizeof *cache->tallies;
  cache->tallies = cache_map_new(&cache->tallies_size);
  uint32_t chunks = packet_cache_chunks_per_region(cache);
  if (cache->tallies == NULL ||
      !cache_arena_init(&cache->arena, packet_cache_largest_piece(&cache->options), chunks * cache->region_count) ||
      !cache_table_init(&cache->table, cache->buckets_per_region * cache->region_count, cache->arena.base)) {
    object_unref(&cache);
    return NULL;
  }
  packet_cache_open_regions(cache, chunks);
  return cache;
}

static void
packet_cache_free_cache(struct object *object)
{
  struct packet_cache *cache = (struct packet_cache *)object;
  for (uint32_t i = 0; cache->regions != NULL && i < cache->region_count; i++)
    cache_region_fini(&cache->regions[i]);
  free(cache->regions);
  cache_table_fini(&cache->table);
  cache_arena_fini(&cache->arena);
  cache_map_free(cache->tallies, cache->tallies_size);
  free(cache);
}

const struct packet_cache_options *
packet_cache_options(const struct packet_cache *cache)
{
  return &cache->options;
}

void
packet_cache_grow(struct packet_cache *cache)
{
  cache_arena_grow(&cache->arena);
}

void
packet_cache_prefetch(const struct packet_cache *cache, uint64_t hash)
{
  __builtin_prefetch(&cache->table.buckets[cache_table_index(&cache->table, hash)]);
}

void
packet_cache_prefetch_entry(const struct packet_cache *cache, uint64_t hash)
{
  cache_table_prefetch_entry(&cache->table, hash);
}

// The calling thread's line of counters, 1 based.
static _Atomic uint32_t tally_threads;
static _Thread_local uint32_t tally_thread;

static struct cache_tally *
packet_cache_my_tally(struct packet_cache *cache)
{
  if (tally_thread == 0)
    tally_thread = 1 + atomic_fetch_add_explicit(&tally_threads, 1, memory_order_relaxed);
  return &cache->tallies[(tally_thread < TALLIES ? tally_thread : TALLIES) - 1];
}

static void
packet_cache_tally(_Atomic uint64_t *counter)
{
  if (tally_thread < TALLIES)
    counter_add(counter, 1);
  else
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static enum cache_result
packet_cache_miss(struct packet_cache *cache, const struct cache_find *find)
{
  if (!find->another_follows && !find->only_looks)
    packet_cache_tally(&packet_cache_my_tally(cache)->misses);
  return CACHE_MISS;
}

static enum cache_result
packet_cache_freshness(const struct cache_entry *e, const struct cache_find *find)
{
  if (find->now_s < e->expires_s)
    return CACHE_HIT;
  return find->now_s - e->expires_s < find->stale_s ? CACHE_STALE : CACHE_MISS;
}

static void
packet_cache_serve(struct packet_cache *cache, const struct cache_entry *e, const struct cache_find *find, bool stale, uint8_t *out)
{
  entry_copy(e, find, out);
  if (stale)
    entry_set_ttls(e, out, cache->options.stale_ttl_s);
  else if (!cache->options.dont_age && find->now_s > e->added_s)
    entry_age(e, out, find->now_s - e->added_s);
  if (find->only_looks)
    return;
  struct cache_tally *mine = packet_cache_my_tally(cache);
  packet_cache_tally(&mine->hits);
  if (cache->options.shuffle) { // multiplied, so that names asked for in turn do not always get the same turn
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    entry_rotate(e, out, (uint32_t)(atomic_load_explicit(&mine->hits, memory_order_relaxed) * odd >> 32));
  }
}

enum cache_result
packet_cache_lookup(struct packet_cache *cache, const struct cache_find *find, uint8_t *out, size_t capacity,
                    size_t *size)
{
  uint32_t ref = cache_table_find(&cache->table, find->key->hash);
  if (ref == 0)
    return packet_cache_miss(cache, find);
  struct cache_entry *e = cache_table_entry(&cache->table, ref);
  enum cache_result result = packet_cache_freshness(e, find);
  if (result == CACHE_MISS)
    return packet_cache_miss(cache, find);
  if (!entry_matches(e, find->key, find->qname)) {
    if (!find->only_looks)
      packet_cache_tally(&packet_cache_my_tally(cache)->collisions);
    return packet_cache_miss(cache, find);
  }
  if (find->refuse_truncated && entry_answer(e)[2] & FLAG2_TC)
    return packet_cache_miss(cache, find);
  *size = e->size;
  if (e->size > capacity)
    return CACHE_NO_ROOM;
  if (!find->only_looks && atomic_load_explicit(&e->visited, memory_order_relaxed) == 0) // a store would take the line from the others
    atomic_store_explicit(&e->visited, 1, memory_order_relaxed);
  packet_cache_serve(cache, e, find, result == CACHE_STALE, out);
  return result;
}

static int64_t
packet_cache_failure_ttl(const struct packet_cache_options *o, const struct cache_answer *a)
{
  int64_t ttl = a->temporary_failure_ttl_s >= 0 ? a->temporary_failure_ttl_s : o->temporary_failure_ttl_s;
  return ttl > 0 ? ttl : -1;
}

// How long the answer may live, in seconds; negative: it is not to be stored.
static int64_t
packet_cache_answer_ttl(struct packet_cache *cache, const struct cache_answer *a, const struct ttl_list *ttls)
{
  const struct packet_cache_options *o = &cache->options;
  unsigned rcode = message_rcode(a->data);
  if (rcode == RCODE_SERVFAIL || rcode == RCODE_REFUSED)
    return packet_cache_failure_ttl(o, a);
  int64_t ttl = ttls->minimum;
  if (ttls->count == 0) {
    if (o->truncated_ttl_s == 0 || !(a->data[2] & FLAG2_TC))
      return -1;
    ttl = o->truncated_ttl_s;
  }
  bool negative = rcode == RCODE_NXDOMAIN || (rcode == RCODE_NOERROR && ttls->soa_in_authority);
  uint32_t cap = negative ? o->max_negative_ttl_s : o->max_ttl_s;
  if (ttl > cap)
    ttl = cap;
  if (ttl >= o->min_ttl_s)
    return ttl;
  atomic_fetch_add_explicit(&cache->ttl_too_shorts, 1, memory_order_relaxed);
  return -1;
}

static uint32_t
packet_cache_expiry(uint32_t now_s, int64_t ttl)
{
  uint64_t at = (uint64_t)now_s + (uint64_t)ttl;
  return at < UINT32_MAX ? (uint32_t)at : UINT32_MAX;
}

static void
packet_cache_store(struct packet_cache *cache, const struct entry_draft *draft)
{
  struct cache_region *region = packet_cache_region(cache, draft->key->hash);
  bool locked = true;
  if (cache->options.deferrable_insert_lock)
    locked = pthread_mutex_trylock(&region->lock) == 0;
  else
    pthread_mutex_lock(&region->lock);
  enum region_result result = locked ? cache_region_insert(region, draft) : REGION_NO_MEMORY;
  if (locked)
    pthread_mutex_unlock(&region->lock);
  if (result == REGION_NO_MEMORY)
    atomic_fetch_add_explicit(&cache->deferred_inserts, 1, memory_order_relaxed);
}

static void
packet_cache_keep(struct packet_cache *cache, const struct cache_key *key, const struct name *qname, const struct cache_answer *answer)
{
  uint16_t offsets[MOST_RECORDS];
  struct ttl_list ttls = {.offsets = offsets, .capacity = MOST_RECORDS};
  if (!message_ttls(answer->data, answer->size, &ttls) || ttls.odd_opt) // whose options would nobody find?
    return;
  int64_t ttl = packet_cache_answer_ttl(cache, answer, &ttls);
  bool has_question = entry_has_question(answer, key, qname);
  // What answers another question is not kept; what has none (a bare failure) is.
  if (ttl < 0 || (!has_question && message_count(answer->data, 0) != 0))
    return;
  packet_cache_store(cache, &(struct entry_draft){.key = key, .qname = qname, .answer = answer, .ttl_offsets = offsets,
                                     .ttl_count = ttls.count, .expires_s = packet_cache_expiry(answer->now_s, ttl),
                                     .own_question = !has_question});
}

// Is the option meant for one client or connection only? So is what an answer says to an option that keys do not tell
// apart; what the server says of itself or of the answer is for all.
static bool
packet_cache_is_private(uint16_t code, const void *options)
{
  const struct packet_cache_options *o = options;
  if (code == EDNS_EDE || code == EDNS_NSID || (code == EDNS_ECS && o->parse_ecs))
    return false;
  return code == EDNS_KEEPALIVE || cache_skips_option(o, code);
}

static bool
packet_cache_has_private_options(const struct packet_cache *cache, const struct cache_answer *a)
{
  struct edns edns;
  if (message_count(a->data, 3) == 0 || !message_edns(a->data, a->size, 0, &edns))
    return false;
  uint16_t cursor = edns.options, code, data, size;
  while (edns_option_next(a->data, &edns, &cursor, &code, &data, &size))
    if (packet_cache_is_private(code, &cache->options))
      return true;
  return edns.offset != 0 && cursor != edns.options + edns.options_size; // who knows what the rest is
}

// Keeps a copy without what is private. If that cannot be taken out, nothing is kept.
static void
packet_cache_keep_public(struct packet_cache *cache, const struct cache_key *key, const struct name *qname,
                         const struct cache_answer *answer)
{
  uint8_t bytes[MESSAGE_MAX_SIZE];
  struct wire_buffer b = {.data = bytes, .size = answer->size, .capacity = sizeof bytes};
  memcpy(bytes, answer->data, answer->size);
  if (!message_drop_options(&b, packet_cache_is_private, &cache->options))
    return;
  struct cache_answer bare = *answer;
  bare.data = bytes;
  bare.size = b.size;
  packet_cache_keep(cache, key, qname, &bare);
}

void
packet_cache_insert(struct packet_cache *cache, const struct cache_key *key, const struct name *qname,
                    const struct cache_answer *answer)
{
  if (answer->size < HEADER_SIZE || answer->size > cache->options.maximum_entry_size || key->qtype == QTYPE_AXFR ||
      key->qtype == QTYPE_IXFR)
    return;
  if (packet_cache_has_private_options(cache, answer))
    packet_cache_keep_public(cache, key, qname, answer);
  else
    packet_cache_keep(cache, key, qname, answer);
}

void
packet_cache_stats(const struct packet_cache *cache, struct packet_cache_stats *stats)
{
  *stats = (struct packet_cache_stats){
    .max_entries = cache->max_entries,
    .deferred_inserts = atomic_load_explicit(&cache->deferred_inserts, memory_order_relaxed),
    .ttl_too_shorts = atomic_load_explicit(&cache->ttl_too_shorts, memory_order_relaxed),
    .cleanup_count = atomic_load_explicit(&cache->cleanup_count, memory_order_relaxed),
    .memory_bytes = cache->table.mapped_size + cache_arena_used(&cache->arena),
  };
  for (unsigned i = 0; i < TALLIES; i++) {
    stats->hits += atomic_load_explicit(&cache->tallies[i].hits, memory_order_relaxed);
    stats->misses += atomic_load_explicit(&cache->tallies[i].misses, memory_order_relaxed);
    stats->lookup_collisions += atomic_load_explicit(&cache->tallies[i].collisions, memory_order_relaxed);
  }
  for (uint32_t i = 0; i < cache->region_count; i++) {
    stats->entries += atomic_load_explicit(&cache->regions[i].entries, memory_order_relaxed);
    stats->evictions += atomic_load_explicit(&cache->regions[i].evictions, memory_order_relaxed);
    stats->insert_collisions += atomic_load_explicit(&cache->regions[i].insert_collisions, memory_order_relaxed);
  }
}

// ---- the whole cache: purging, expunging, listing ----

enum { BUCKETS_PER_LOCK = 8 };

struct walk {
  struct packet_cache *cache;
  struct cache_region *region; // locked
  size_t removed;
  size_t keep;    // per shard
  size_t *shards; // entries counted per shard, NULL when keep is 0
  uint32_t now_s;
  const struct name *name;
  uint16_t qtype;
  bool suffix;
  void (*visit)(const struct packet_cache_entry *, void *);
  void *arg;
};

// Brings the entries of the next buckets near, so that the lock is held briefly.
static void
packet_cache_fetch_buckets(struct cache_table *t, uint32_t from, uint32_t to)
{
  for (uint32_t i = from; i < to; i++)
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
      __builtin_prefetch(cache_table_entry(t, atomic_load_explicit(&t->buckets[i].refs[slot], memory_order_relaxed)));
}

static void
packet_cache_walk_region(struct walk *w, uint32_t region, uint32_t step, cache_table_visit_fn visit)
{
  struct packet_cache *cache = w->cache;
  uint32_t end = (region + 1) * cache->buckets_per_region;
  w->region = &cache->regions[region];
  for (uint32_t at = region * cache->buckets_per_region; at < end;) {
    uint32_t until = at + step < end ? at + step : end;
    packet_cache_fetch_buckets(&cache->table, at, until);
    pthread_mutex_lock(&w->region->lock);
    for (; at < until; at++)
      cache_table_each(&cache->table, at, visit, w);
    pthread_mutex_unlock(&w->region->lock);
  }
}

static void
packet_cache_walk(struct walk *w, cache_table_visit_fn visit)
{
  for (uint32_t i = 0; i < w->cache->region_count; i++)
    packet_cache_walk_region(w, i, BUCKETS_PER_LOCK, visit);
}

static const struct cache_entry *
packet_cache_walk_entry(const struct walk *w, uint32_t ref)
{
  return cache_table_entry(&w->cache->table, ref);
}

static size_t *
packet_cache_shard_of(const struct walk *w, uint32_t ref)
{
  return &w->shards[(packet_cache_walk_entry(w, ref)->hash >> 8 & UINT32_MAX) % w->cache->options.shards];
}

static void
packet_cache_remove_entry(struct walk *w, uint32_t ref)
{
  cache_region_remove(w->region, ref);
  w->removed++;
}

static void
packet_cache_count_entry(uint32_t ref, void *arg)
{
  ++*packet_cache_shard_of(arg, ref);
}

static void
packet_cache_purge_entry(uint32_t ref, void *arg)
{
  struct walk *w = arg;
  if (packet_cache_walk_entry(w, ref)->expires_s > w->now_s)
    return;
  size_t *in_shard = w->shards != NULL ? packet_cache_shard_of(w, ref) : NULL;
  if (in_shard != NULL && *in_shard <= w->keep)
    return;
  if (in_shard != NULL)
    --*in_shard;
  packet_cache_remove_entry(w, ref);
}

static void
packet_cache_expunge_entry(uint32_t ref, void *arg)
{
  struct walk *w = arg;
  if (w->shards != NULL) {
    size_t *kept = packet_cache_shard_of(w, ref);
    if (*kept < w->keep) {
      ++*kept;
      return;
    }
  }
  packet_cache_remove_entry(w, ref);
}

static void
packet_cache_set_keep(struct walk *w, size_t keep)
{
  uint32_t shards = w->cache->options.shards;
  w->keep = keep / shards;
  if (w->keep > 0)
    w->shards = memory_array(shards, sizeof *w->shards);
}

size_t
packet_cache_purge_expired(struct packet_cache *cache, size_t keep, uint32_t now_s)
{
  struct walk w = {.cache = cache, .now_s = now_s};
  packet_cache_set_keep(&w, keep);
  atomic_fetch_add_explicit(&cache->cleanup_count, 1, memory_order_relaxed);
  if (w.shards != NULL)
    packet_cache_walk(&w, packet_cache_count_entry);
  packet_cache_walk(&w, packet_cache_purge_entry);
  free(w.shards);
  return w.removed;
}

size_t
packet_cache_expunge(struct packet_cache *cache, size_t keep)
{
  struct walk w = {.cache = cache};
  packet_cache_set_keep(&w, keep);
  packet_cache_walk(&w, packet_cache_expunge_entry);
  free(w.shards);
  return w.removed;
}

static void
packet_cache_expunge_named(uint32_t ref, void *arg)
{
  struct walk *w = arg;
  const struct cache_entry *e = packet_cache_walk_entry(w, ref);
  const uint8_t *name = entry_question(e);
  bool named = w->suffix ? name_bytes_is_part_of(name, e->name_size, w->name)
                         : name_bytes_equal(name, e->name_size, w->name->bytes, w->name->size);
  if (named && (w->qtype == QTYPE_ANY || message_u16(name + e->name_size) == w->qtype))
    packet_cache_remove_entry(w, ref);
}

size_t
packet_cache_expunge_name(struct packet_cache *cache, const struct name *name, uint16_t qtype, bool suffix)
{
  struct walk w = {.cache = cache, .name = name, .qtype = qtype, .suffix = suffix};
  packet_cache_walk(&w, packet_cache_expunge_named);
  return w.removed;
}

static void
packet_cache_show_entry(uint32_t ref, void *arg)
{
  struct walk *w = arg;
  const struct cache_entry *e = packet_cache_walk_entry(w, ref);
  const uint8_t *question = entry_question(e);
  struct packet_cache_entry seen = {
    .qtype = message_u16(question + e->name_size),
    .qclass = message_u16(question + e->name_size + 2),
    .answer = entry_answer(e),
    .size = e->size,
    .ttl_left_s = (int64_t)e->expires_s - w->now_s,
    .added_s = e->added_s,
    .hash = e->hash,
    .flags = {e->flags[0], e->flags[1]},
    .dnssec_ok = e->bits & ENTRY_DNSSEC_OK,
    .received_over_udp = e->bits & ENTRY_RECEIVED_OVER_UDP,
  };
  name_from_wire(&seen.qname, question, e->name_size);
  seen.has_ecs = entry_subnet(e, &seen.ecs);
  w->visit(&seen, w->arg);
}

void
packet_cache_each(struct packet_cache *cache, uint32_t now_s, void (*visit)(const struct packet_cache_entry *, void *),
                  void *arg)
{
  struct walk w = {.cache = cache, .now_s = now_s, .visit = visit, .arg = arg};
  for (uint32_t i = 0; i < cache->region_count; i++)
    packet_cache_walk_region(&w, i, 1, packet_cache_show_entry);
}
