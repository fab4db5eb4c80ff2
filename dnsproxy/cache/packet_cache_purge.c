// SPDX-License-Identifier: BSD-2-Clause
// Walking the whole cache: purging, expunging, listing.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/cache/packet_cache_private.h"
#include "dnsproxy/wire/codes.h"

#include <stdlib.h>

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
fetch_buckets(struct cache_table *t, uint32_t from, uint32_t to)
{
  for (uint32_t i = from; i < to; i++)
    for (unsigned slot = 0; slot < BUCKET_SLOTS; slot++)
      __builtin_prefetch(cache_table_entry(t, atomic_load_explicit(&t->buckets[i].refs[slot], memory_order_relaxed)));
}

static void
walk_region(struct walk *w, uint32_t region, uint32_t step, cache_table_visit_fn visit)
{
  struct packet_cache *cache = w->cache;
  uint32_t end = (region + 1) * cache->buckets_per_region;
  w->region = &cache->regions[region];
  for (uint32_t at = region * cache->buckets_per_region; at < end;) {
    uint32_t until = at + step < end ? at + step : end;
    fetch_buckets(&cache->table, at, until);
    pthread_mutex_lock(&w->region->lock);
    for (; at < until; at++)
      cache_table_each(&cache->table, at, visit, w);
    pthread_mutex_unlock(&w->region->lock);
  }
}

static void
walk(struct walk *w, cache_table_visit_fn visit)
{
  for (uint32_t i = 0; i < w->cache->region_count; i++)
    walk_region(w, i, BUCKETS_PER_LOCK, visit);
}

static const struct cache_entry *
walk_entry(const struct walk *w, uint32_t ref)
{
  return cache_table_entry(&w->cache->table, ref);
}

static size_t *
shard_of(const struct walk *w, uint32_t ref)
{
  return &w->shards[(walk_entry(w, ref)->hash >> 8 & UINT32_MAX) % w->cache->options.shards];
}

static void
remove_entry(struct walk *w, uint32_t ref)
{
  cache_region_remove(w->region, ref);
  w->removed++;
}

static void
count_entry(uint32_t ref, void *arg)
{
  ++*shard_of(arg, ref);
}

static void
purge_entry(uint32_t ref, void *arg)
{
  struct walk *w = arg;
  if (walk_entry(w, ref)->expires_s > w->now_s)
    return;
  size_t *in_shard = w->shards != NULL ? shard_of(w, ref) : NULL;
  if (in_shard != NULL && *in_shard <= w->keep)
    return;
  if (in_shard != NULL)
    --*in_shard;
  remove_entry(w, ref);
}

static void
expunge_entry(uint32_t ref, void *arg)
{
  struct walk *w = arg;
  if (w->shards != NULL) {
    size_t *kept = shard_of(w, ref);
    if (*kept < w->keep) {
      ++*kept;
      return;
    }
  }
  remove_entry(w, ref);
}

static void
set_keep(struct walk *w, size_t keep)
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
  set_keep(&w, keep);
  atomic_fetch_add_explicit(&cache->cleanup_count, 1, memory_order_relaxed);
  if (w.shards != NULL)
    walk(&w, count_entry);
  walk(&w, purge_entry);
  free(w.shards);
  return w.removed;
}

size_t
packet_cache_expunge(struct packet_cache *cache, size_t keep)
{
  struct walk w = {.cache = cache};
  set_keep(&w, keep);
  walk(&w, expunge_entry);
  free(w.shards);
  return w.removed;
}

static void
expunge_named(uint32_t ref, void *arg)
{
  struct walk *w = arg;
  const struct cache_entry *e = walk_entry(w, ref);
  const uint8_t *name = entry_question(e);
  bool named = w->suffix ? name_bytes_is_part_of(name, e->name_size, w->name)
                         : name_bytes_equal(name, e->name_size, w->name->bytes, w->name->size);
  if (named && (w->qtype == QTYPE_ANY || message_u16(name + e->name_size) == w->qtype))
    remove_entry(w, ref);
}

size_t
packet_cache_expunge_name(struct packet_cache *cache, const struct name *name, uint16_t qtype, bool suffix)
{
  struct walk w = {.cache = cache, .name = name, .qtype = qtype, .suffix = suffix};
  walk(&w, expunge_named);
  return w.removed;
}

static void
show_entry(uint32_t ref, void *arg)
{
  struct walk *w = arg;
  const struct cache_entry *e = walk_entry(w, ref);
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
    walk_region(&w, i, 1, show_entry);
}
