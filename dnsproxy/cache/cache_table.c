// SPDX-License-Identifier: BSD-2-Clause
// Finding and changing entries in buckets of tags.
#include "dnsproxy/cache/cache_table.h"
#include "dnsproxy/cache/cache_memory.h"

#include <assert.h>
#include <string.h>

enum { LOW_SLOTS = 8, TAG_BITS = 8 };

bool
cache_table_init(struct cache_table *t, uint32_t buckets, uint8_t *base)
{
  t->count = buckets;
  t->base = base;
  t->mapped_size = (size_t)buckets * sizeof *t->buckets;
  t->buckets = cache_map_new(&t->mapped_size);
  if (t->buckets == NULL)
    return false;
  if (t->mapped_size >= CACHE_HUGE_PAGE)
    cache_map_use_huge_pages(t->buckets, t->mapped_size);
  cache_map_touch(t->buckets, t->mapped_size);
  return true;
}

void
cache_table_fini(struct cache_table *t)
{
  cache_map_free(t->buckets, t->mapped_size);
  t->buckets = NULL;
}

static uint8_t
cache_table_tag_of(uint64_t hash)
{
  uint8_t tag = (uint8_t)hash;
  return tag != 0 ? tag : 1;
}

// The top bit of each byte of `tags` that equals `tag` (and rarely of a byte above one that does: callers verify).
static uint64_t
cache_table_tag_matches(uint64_t tags, uint8_t tag)
{
  const uint64_t ones = 0x0101010101010101u;
  uint64_t x = tags ^ ones * tag;
  return (x - ones) & ~x & ones << 7;
}

static uint32_t
cache_table_load_ref(const _Atomic uint32_t *ref)
{
  return atomic_load_explicit(ref, memory_order_acquire);
}

static void
cache_table_store_ref(_Atomic uint32_t *ref, uint32_t value)
{
  atomic_store_explicit(ref, value, memory_order_release);
}

// A bit set per slot whose tag matches, 8 bits apart: slot = bit / 8 of the first, 8 + bit / 8 of the second.
struct matches {
  uint64_t low, high;
};

static struct matches
cache_table_bucket_matches(const struct cache_bucket *b, uint8_t tag)
{
  uint64_t more = atomic_load_explicit(&b->more_tags, memory_order_acquire);
  return (struct matches){cache_table_tag_matches(atomic_load_explicit(&b->tags, memory_order_acquire), tag),
                          cache_table_tag_matches(more, tag) & 0xffffffffu};
}

static int
cache_table_next_match(struct matches *m)
{
  uint64_t *word = m->low != 0 ? &m->low : &m->high;
  if (*word == 0)
    return -1;
  int slot = __builtin_ctzll(*word) / TAG_BITS + (word == &m->high ? LOW_SLOTS : 0);
  *word &= *word - 1;
  return slot;
}

static uint32_t
cache_table_find_in_chain(const struct cache_table *t, const struct cache_bucket *b, uint64_t hash)
{
  uint32_t ref = cache_table_load_ref(&b->overflow);
  while (ref != 0 && cache_table_entry(t, ref)->hash != hash)
    ref = cache_table_load_ref(&cache_table_entry(t, ref)->chain);
  return ref;
}

uint32_t
cache_table_find(const struct cache_table *t, uint64_t hash)
{
  const struct cache_bucket *b = &t->buckets[cache_table_index(t, hash)];
  struct matches m = cache_table_bucket_matches(b, cache_table_tag_of(hash));
  for (int slot = cache_table_next_match(&m); slot >= 0; slot = cache_table_next_match(&m)) {
    uint32_t ref = cache_table_load_ref(&b->refs[slot]);
    if (ref != 0 && cache_table_entry(t, ref)->hash == hash)
      return ref;
  }
  return cache_table_find_in_chain(t, b, hash);
}

void
cache_table_prefetch_entry(const struct cache_table *t, uint64_t hash)
{
  const struct cache_bucket *b = &t->buckets[cache_table_index(t, hash)];
  struct matches m = cache_table_bucket_matches(b, cache_table_tag_of(hash));
  int slot = cache_table_next_match(&m);
  if (slot < 0)
    return;
  const char *entry = (const char *)cache_table_entry(t, cache_table_load_ref(&b->refs[slot]));
  __builtin_prefetch(entry);
  __builtin_prefetch(entry + 64);
  __builtin_prefetch(entry + 111); // a third line, or the second again
}

static void
cache_table_set_tag(struct cache_bucket *b, int slot, uint8_t tag)
{
  int shift = slot % LOW_SLOTS * TAG_BITS;
  if (slot < LOW_SLOTS) {
    uint64_t tags = atomic_load_explicit(&b->tags, memory_order_relaxed);
    tags = (tags & ~(0xffull << shift)) | (uint64_t)tag << shift;
    atomic_store_explicit(&b->tags, tags, memory_order_release);
  } else {
    uint32_t tags = atomic_load_explicit(&b->more_tags, memory_order_relaxed);
    tags = (tags & ~(0xffu << shift)) | (uint32_t)tag << shift;
    atomic_store_explicit(&b->more_tags, tags, memory_order_release);
  }
}

static int
cache_table_slot_with(const struct cache_bucket *b, uint32_t ref)
{
  for (int slot = 0; slot < BUCKET_SLOTS; slot++)
    if (atomic_load_explicit(&b->refs[slot], memory_order_relaxed) == ref)
      return slot;
  return -1;
}

// The place in the chain that refers to ref.
static _Atomic uint32_t *
cache_table_chain_link(const struct cache_table *t, struct cache_bucket *b, uint32_t ref)
{
  _Atomic uint32_t *link = &b->overflow;
  while (*link != ref) {
    assert(*link != 0);
    link = &cache_table_entry(t, *link)->chain;
  }
  return link;
}

static void
cache_table_fill_slot(struct cache_bucket *b, int slot, uint64_t hash, uint32_t ref)
{
  cache_table_store_ref(&b->refs[slot], ref);
  cache_table_set_tag(b, slot, cache_table_tag_of(hash));
}

void
cache_table_add(struct cache_table *t, uint64_t hash, uint32_t ref)
{
  struct cache_bucket *b = &t->buckets[cache_table_index(t, hash)];
  int slot = cache_table_slot_with(b, 0);
  if (slot >= 0) {
    cache_table_fill_slot(b, slot, hash, ref);
    return;
  }
  atomic_store_explicit(&cache_table_entry(t, ref)->chain, b->overflow, memory_order_relaxed);
  cache_table_store_ref(&b->overflow, ref);
}

uint32_t
cache_table_surplus(const struct cache_table *t, uint64_t hash)
{
  enum { CHAIN_MOST = 16 };
  uint32_t ref = cache_table_load_ref(&t->buckets[cache_table_index(t, hash)].overflow), last = 0;
  unsigned length = 0;
  for (; ref != 0; ref = cache_table_load_ref(&cache_table_entry(t, ref)->chain), length++)
    last = ref;
  return length >= CHAIN_MOST ? last : 0;
}

void
cache_table_replace(struct cache_table *t, uint64_t hash, uint32_t old, uint32_t ref)
{
  struct cache_bucket *b = &t->buckets[cache_table_index(t, hash)];
  int slot = cache_table_slot_with(b, old);
  if (slot >= 0) {
    cache_table_store_ref(&b->refs[slot], ref);
    return;
  }
  atomic_store_explicit(&cache_table_entry(t, ref)->chain, cache_table_entry(t, old)->chain, memory_order_relaxed);
  cache_table_store_ref(cache_table_chain_link(t, b, old), ref);
}

void
cache_table_remove(struct cache_table *t, uint64_t hash, uint32_t ref)
{
  struct cache_bucket *b = &t->buckets[cache_table_index(t, hash)];
  int slot = cache_table_slot_with(b, ref);
  if (slot < 0) {
    cache_table_store_ref(cache_table_chain_link(t, b, ref), cache_table_entry(t, ref)->chain);
    return;
  }
  uint32_t chained = b->overflow;
  if (chained == 0) {
    cache_table_set_tag(b, slot, 0);
    cache_table_store_ref(&b->refs[slot], 0);
  } else { // keep chains short
    cache_table_fill_slot(b, slot, cache_table_entry(t, chained)->hash, chained);
    cache_table_store_ref(&b->overflow, cache_table_entry(t, chained)->chain);
  }
}

// The chain first: a removal from a slot pulls one of the chain, already visited, into it.
void
cache_table_each(struct cache_table *t, uint32_t bucket, cache_table_visit_fn visit, void *arg)
{
  struct cache_bucket *b = &t->buckets[bucket];
  for (uint32_t ref = b->overflow, next; ref != 0; ref = next) {
    next = cache_table_entry(t, ref)->chain;
    visit(ref, arg);
  }
  for (int slot = 0; slot < BUCKET_SLOTS; slot++) {
    uint32_t ref = b->refs[slot];
    if (ref != 0)
      visit(ref, arg);
  }
}
