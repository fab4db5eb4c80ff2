// SPDX-License-Identifier: BSD-2-Clause
// Insertion and eviction in a region.
#include "dnsproxy/cache/cache_region.h"

#include <string.h>

enum {
  HAND_STEPS = 64,     // entries the hand passes at most for one eviction
  MEMORY_VICTIMS = 8,  // entries evicted at most for memory, per insertion
};

void
cache_region_init(struct cache_region *r, struct cache_table *table, uint32_t capacity)
{
  memset(r, 0, sizeof *r);
  pthread_mutex_init(&r->lock, NULL);
  r->table = table;
  r->capacity = capacity;
}

void
cache_region_fini(struct cache_region *r)
{
  pthread_mutex_destroy(&r->lock);
}

static struct cache_entry *
cache_region_entry_at(const struct cache_region *r, uint32_t ref)
{
  return cache_table_entry(r->table, ref);
}

static void
cache_region_change_entries(struct cache_region *r, uint32_t by)
{
  atomic_store_explicit(&r->entries, atomic_load_explicit(&r->entries, memory_order_relaxed) + by, memory_order_relaxed);
}

static void
cache_region_enqueue(struct cache_region *r, uint32_t ref)
{
  struct cache_entry *e = cache_region_entry_at(r, ref);
  e->newer = 0;
  e->older = r->newest;
  if (r->newest != 0)
    cache_region_entry_at(r, r->newest)->newer = ref;
  else
    r->oldest = ref;
  r->newest = ref;
  cache_region_change_entries(r, 1);
}

static void
cache_region_dequeue(struct cache_region *r, uint32_t ref)
{
  struct cache_entry *e = cache_region_entry_at(r, ref);
  if (e->newer != 0)
    cache_region_entry_at(r, e->newer)->older = e->older;
  else
    r->newest = e->older;
  if (e->older != 0)
    cache_region_entry_at(r, e->older)->newer = e->newer;
  else
    r->oldest = e->newer;
  if (r->hand == ref)
    r->hand = e->newer;
  cache_region_change_entries(r, (uint32_t)-1);
}

void
cache_region_remove(struct cache_region *r, uint32_t ref)
{
  cache_table_remove(r->table, cache_region_entry_at(r, ref)->hash, ref);
  cache_region_dequeue(r, ref);
  cache_memory_retire(&r->memory, ref);
}

static void
cache_region_evict(struct cache_region *r, uint32_t ref)
{
  cache_region_remove(r, ref);
  counter_add(&r->evictions, 1);
}

static bool
cache_region_is_visited(const struct cache_entry *e)
{
  return atomic_load_explicit(&e->visited, memory_order_relaxed) != 0;
}

// Moves the hand to the next victim. The queue is not empty. If all on the way are asked for, which a single packet
// does not wait to see to its end, the last comer goes, unless it too was asked for.
static uint32_t
cache_region_sieve(struct cache_region *r, uint32_t now_s)
{
  uint32_t at = r->hand != 0 ? r->hand : r->oldest;
  unsigned steps = 0;
  for (; steps < HAND_STEPS; steps++) {
    struct cache_entry *e = cache_region_entry_at(r, at);
    if (e->expires_s <= now_s || !cache_region_is_visited(e))
      break;
    atomic_store_explicit(&e->visited, 0, memory_order_relaxed);
    at = e->newer != 0 ? e->newer : r->oldest;
  }
  r->hand = at;
  return steps < HAND_STEPS || cache_region_is_visited(cache_region_entry_at(r, r->newest)) ? at : r->newest;
}

struct expired_search {
  const struct cache_region *region;
  uint32_t now_s, found;
};

static void
cache_region_note_expired(uint32_t ref, void *arg)
{
  struct expired_search *s = arg;
  if (cache_region_entry_at(s->region, ref)->expires_s <= s->now_s)
    s->found = ref;
}

// An expired neighbour in the bucket, which is at hand anyway, or what the hand finds.
static void
cache_region_make_room(struct cache_region *r, uint64_t hash, uint32_t now_s)
{
  struct expired_search s = {.region = r, .now_s = now_s};
  cache_table_each(r->table, cache_table_index(r->table, hash), cache_region_note_expired, &s);
  cache_region_evict(r, s.found != 0 ? s.found : cache_region_sieve(r, now_s));
}

static void
cache_region_evict_piece(uint32_t ref, void *arg)
{
  cache_region_evict(arg, ref);
}

// Evicts until enough pieces of the class are on their way back. If no victim is of the class, other sizes hold the
// memory: a chunk of theirs is emptied.
static void
cache_region_make_memory(struct cache_region *r, unsigned class, uint32_t now_s)
{
  bool found = false;
  for (unsigned i = 0; i < MEMORY_VICTIMS && r->oldest != 0 && cache_memory_is_low(&r->memory, class); i++) {
    uint32_t victim = cache_region_sieve(r, now_s);
    found |= cache_memory_class_of(&r->memory, victim) == class;
    cache_region_evict(r, victim);
  }
  if (!found)
    cache_memory_clear_chunk(&r->memory, class, cache_region_evict_piece, r);
}

// The same hash is there: keep it if it is another question's and lives, or lives longer.
static bool
cache_region_keeps_old(struct cache_region *r, const struct cache_entry *old, const struct entry_draft *d)
{
  if (old->expires_s > d->answer->now_s && !entry_matches(old, d->key, d->qname)) {
    counter_add(&r->insert_collisions, 1);
    return true;
  }
  return d->expires_s <= old->expires_s;
}

static void
cache_region_replace(struct cache_region *r, uint32_t old, uint32_t ref)
{
  struct cache_entry *was = cache_region_entry_at(r, old), *is = cache_region_entry_at(r, ref);
  // A refreshed answer keeps its standing.
  atomic_store_explicit(&is->visited, atomic_load_explicit(&was->visited, memory_order_relaxed), memory_order_relaxed);
  cache_table_replace(r->table, was->hash, old, ref);
  cache_region_dequeue(r, old);
  cache_memory_retire(&r->memory, old);
}

enum region_result
cache_region_insert(struct cache_region *r, const struct entry_draft *d)
{
  uint32_t now_s = d->answer->now_s, old = cache_table_find(r->table, d->key->hash);
  if (old != 0 && cache_region_keeps_old(r, cache_region_entry_at(r, old), d))
    return REGION_KEPT_OLD;
  bool is_full = old == 0 && atomic_load_explicit(&r->entries, memory_order_relaxed) >= r->capacity;
  if (is_full && d->expires_s <= now_s)
    return REGION_KEPT_OLD; // nobody's place for an answer that has expired already
  unsigned class = cache_memory_class(r->memory.arena, entry_size(d));
  uint32_t ref = cache_memory_take(&r->memory, class);
  if (cache_memory_is_low(&r->memory, class))
    cache_region_make_memory(r, class, now_s);
  if (ref == 0)
    return REGION_NO_MEMORY;
  entry_write(cache_region_entry_at(r, ref), d);
  old = cache_table_find(r->table, d->key->hash); // may have been evicted for memory
  if (old != 0)
    cache_region_replace(r, old, ref);
  else if (atomic_load_explicit(&r->entries, memory_order_relaxed) >= r->capacity)
    cache_region_make_room(r, d->key->hash, now_s);
  if (old == 0) {
    uint32_t surplus = cache_table_surplus(r->table, d->key->hash);
    if (surplus != 0)
      cache_region_evict(r, surplus);
    cache_table_add(r->table, d->key->hash, ref);
  }
  cache_region_enqueue(r, ref);
  return REGION_STORED;
}
