// SPDX-License-Identifier: BSD-2-Clause
// Chunks, pieces and the wait for readers; large maps from the kernel.
#include "dnsproxy/cache/cache_memory.h"

#include "dnsproxy/base/epoch.h"
#include "dnsproxy/cache/cache_table.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum {
  SMALLEST_PIECE = 64,
  FINE_STEPS_UP_TO = 128,   // steps of 16 bytes up to here, then 4 per doubling
  SMALLEST_CHUNK = 1 << 15,
  SMALLEST_HUGE = 64 << 20, // an arena of huge pages
  BATCH_SIZE = 16,          // pieces under one stamp
  REAP_SIZE = 2 * BATCH_SIZE, // pieces taken back at most per call
  LOW = 2 * BATCH_SIZE,     // pieces: one batch may wait while another is taken back
  SPARE_CANDIDATES = 16,
  AHEAD_SHARE = 8, // of the memory in use may be provided before it is needed
};

uint32_t
cache_arena_chunk_size(uint32_t largest_piece)
{
  uint32_t size = SMALLEST_CHUNK;
  while (size < largest_piece)
    size *= 2;
  return size;
}

static uint32_t
cache_memory_next_class_size(uint32_t size)
{
  if (size < FINE_STEPS_UP_TO)
    return size + ENTRY_UNIT;
  uint32_t doubling = 1u << (31 - __builtin_clz(size));
  return size + doubling / 4;
}

bool
cache_arena_init(struct cache_arena *a, uint32_t largest_piece, uint32_t chunks)
{
  *a = (struct cache_arena){.chunk_size = cache_arena_chunk_size(largest_piece), .chunk_count = chunks + 1};
  a->chunk_shift = (unsigned)__builtin_ctz(a->chunk_size);
  atomic_init(&a->next_chunk, 1);
  for (uint32_t size = SMALLEST_PIECE;; size = cache_memory_next_class_size(size)) {
    assert(a->class_count < CACHE_CLASSES);
    a->class_size[a->class_count++] = size < a->chunk_size ? size : a->chunk_size;
    if (size >= largest_piece)
      break;
  }
  a->mapped_size = (size_t)a->chunk_count * a->chunk_size;
  a->chunks_mapped_size = a->chunk_count * sizeof *a->chunks;
  if (a->mapped_size / ENTRY_UNIT > UINT32_MAX)
    return false;
  a->base = cache_map_new(&a->mapped_size);
  a->chunks = a->base != NULL ? cache_map_new(&a->chunks_mapped_size) : NULL;
  if (a->chunks == NULL)
    cache_arena_fini(a);
  else if (a->mapped_size >= SMALLEST_HUGE)
    cache_map_use_huge_pages(a->base, a->mapped_size);
  return a->chunks != NULL;
}

// What was used since the last call will be used twice until the next; but what waits for use is little beside what is in
// use, and a packet that comes to a new page sooner waits for one page.
void
cache_arena_grow(struct cache_arena *a)
{
  if (a->mapped_size < SMALLEST_HUGE)
    return;
  size_t used = a->chunk_size + cache_arena_used(a);
  size_t ahead = 2 * (used - a->used_before);
  size_t wanted = used + (ahead < used / AHEAD_SHARE ? ahead : used / AHEAD_SHARE);
  a->used_before = used;
  wanted = wanted < a->mapped_size ? wanted / CACHE_HUGE_PAGE * CACHE_HUGE_PAGE : a->mapped_size;
  size_t from = a->touched > used ? a->touched : used / CACHE_HUGE_PAGE * CACHE_HUGE_PAGE;
  if (wanted <= from)
    return;
  cache_map_touch(a->base + from, wanted - from);
  a->touched = wanted;
}

void
cache_arena_fini(struct cache_arena *a)
{
  cache_map_free(a->base, a->mapped_size);
  cache_map_free(a->chunks, a->chunks_mapped_size);
  a->base = NULL;
  a->chunks = NULL;
}

size_t
cache_arena_used(const struct cache_arena *a)
{
  uint32_t next = atomic_load_explicit(&a->next_chunk, memory_order_relaxed);
  return (size_t)((next < a->chunk_count ? next : a->chunk_count) - 1) * a->chunk_size;
}

void
cache_memory_init(struct cache_memory *m, struct cache_arena *arena, uint32_t chunks)
{
  memset(m, 0, sizeof *m);
  m->arena = arena;
  m->chunks_left = chunks;
}

unsigned
cache_memory_class(const struct cache_arena *a, size_t size)
{
  unsigned class = 0;
  while (a->class_size[class] < size) {
    class++;
    assert(class < a->class_count);
  }
  return class;
}

static struct cache_entry *
cache_memory_piece(const struct cache_memory *m, uint32_t ref)
{
  return (struct cache_entry *)(m->arena->base + (size_t)ref * ENTRY_UNIT);
}

static uint32_t
cache_memory_chunk_of(const struct cache_memory *m, uint32_t ref)
{
  return (uint32_t)((size_t)ref * ENTRY_UNIT >> m->arena->chunk_shift);
}

static uint32_t
cache_memory_chunk_pieces(const struct cache_memory *m, unsigned class)
{
  return m->arena->chunk_size / m->arena->class_size[class];
}

static uint32_t
cache_memory_nth_piece(const struct cache_memory *m, uint32_t chunk, uint32_t n)
{
  const struct cache_arena *a = m->arena;
  return (uint32_t)(((size_t)chunk * a->chunk_size + (size_t)n * a->class_size[a->chunks[chunk].class]) / ENTRY_UNIT);
}

unsigned
cache_memory_class_of(const struct cache_memory *m, uint32_t ref)
{
  return m->arena->chunks[cache_memory_chunk_of(m, ref)].class;
}

static void
cache_memory_list_chunk(struct cache_memory *m, uint32_t chunk)
{
  struct cache_chunk *all = m->arena->chunks, *c = &all[chunk];
  c->prev = 0;
  c->next = m->with_room[c->class];
  if (c->next != 0)
    all[c->next].prev = chunk;
  m->with_room[c->class] = chunk;
  c->listed = true;
}

static void
cache_memory_unlist_chunk(struct cache_memory *m, uint32_t chunk)
{
  struct cache_chunk *all = m->arena->chunks, *c = &all[chunk];
  if (c->prev != 0)
    all[c->prev].next = c->next;
  else
    m->with_room[c->class] = c->next;
  if (c->next != 0)
    all[c->next].prev = c->prev;
  c->listed = false;
}

static uint32_t
cache_memory_new_chunk(struct cache_memory *m)
{
  if (m->chunks_left == 0)
    return 0;
  m->chunks_left--;
  uint32_t chunk = atomic_fetch_add_explicit(&m->arena->next_chunk, 1, memory_order_relaxed);
  assert(chunk < m->arena->chunk_count);
  struct cache_chunk *all = m->arena->chunks;
  all[chunk].sibling = chunk;
  if (m->siblings != 0) {
    all[chunk].sibling = all[m->siblings].sibling;
    all[m->siblings].sibling = chunk;
  }
  m->siblings = chunk;
  return chunk;
}

static bool
cache_memory_add_chunk(struct cache_memory *m, unsigned class)
{
  uint32_t chunk = m->empty;
  struct cache_chunk *all = m->arena->chunks;
  if (chunk != 0)
    m->empty = all[chunk].next;
  else if ((chunk = cache_memory_new_chunk(m)) == 0)
    return false;
  struct cache_chunk *c = &all[chunk];
  c->free = 0;
  c->used = c->cut = 0;
  c->class = (uint8_t)class;
  cache_memory_list_chunk(m, chunk);
  m->available[class] += cache_memory_chunk_pieces(m, class);
  return true;
}

static void
cache_memory_empty_chunk(struct cache_memory *m, uint32_t chunk)
{
  struct cache_chunk *c = &m->arena->chunks[chunk];
  if (c->clearing) {
    c->clearing = false;
    m->clearing = 0;
  } else {
    cache_memory_unlist_chunk(m, chunk);
    m->available[c->class] -= cache_memory_chunk_pieces(m, c->class);
  }
  c->next = m->empty;
  m->empty = chunk;
}

// A piece that nobody can see goes back to its chunk; a chunk without pieces in use is free for any class.
static void
cache_memory_give(struct cache_memory *m, uint32_t ref)
{
  uint32_t chunk = cache_memory_chunk_of(m, ref);
  struct cache_chunk *c = &m->arena->chunks[chunk];
  struct cache_entry *p = cache_memory_piece(m, ref);
  p->state = PIECE_FREE;
  p->older = c->free;
  c->free = ref;
  c->used--;
  m->retired[c->class]--;
  if (!c->clearing) {
    m->available[c->class]++;
    if (!c->listed)
      cache_memory_list_chunk(m, chunk);
  }
  if (c->used == 0)
    cache_memory_empty_chunk(m, chunk);
}

static void
cache_memory_close_batch(struct cache_memory *m)
{
  unsigned at = (m->oldest_batch + m->batch_count++) % CACHE_BATCHES;
  m->batches[at] = (struct cache_batch){.stamp = epoch_stamp(), .first = m->open};
  m->open = 0;
  m->open_count = 0;
}

// Takes back a few pieces whose readers have gone; few, because a packet waits.
static void
cache_memory_reap(struct cache_memory *m)
{
  if (m->batch_count == 0 && m->open_count > 0)
    cache_memory_close_batch(m);
  for (unsigned done = 0; m->batch_count > 0 && done < REAP_SIZE;) {
    struct cache_batch *b = &m->batches[m->oldest_batch];
    if (!epoch_passed(b->stamp))
      return;
    for (; b->first != 0 && done < REAP_SIZE; done++) {
      uint32_t ref = b->first;
      b->first = cache_memory_piece(m, ref)->older;
      cache_memory_give(m, ref);
    }
    if (b->first == 0) {
      m->oldest_batch = (m->oldest_batch + 1) % CACHE_BATCHES;
      m->batch_count--;
    }
  }
}

static uint32_t
cache_memory_take_from(struct cache_memory *m, uint32_t chunk)
{
  struct cache_chunk *c = &m->arena->chunks[chunk];
  uint32_t ref = c->free;
  if (ref != 0)
    c->free = cache_memory_piece(m, ref)->older;
  else
    ref = cache_memory_nth_piece(m, chunk, c->cut++);
  c->used++;
  m->available[c->class]--;
  if (c->used == cache_memory_chunk_pieces(m, c->class))
    cache_memory_unlist_chunk(m, chunk);
  cache_memory_piece(m, ref)->state = PIECE_LIVE;
  return ref;
}

uint32_t
cache_memory_take(struct cache_memory *m, unsigned class)
{
  if (m->with_room[class] == 0)
    cache_memory_reap(m);
  if (m->with_room[class] == 0 && !cache_memory_add_chunk(m, class))
    return 0;
  return cache_memory_take_from(m, m->with_room[class]);
}

void
cache_memory_retire(struct cache_memory *m, uint32_t ref)
{
  struct cache_entry *p = cache_memory_piece(m, ref);
  p->state = PIECE_RETIRED;
  p->older = m->open;
  m->open = ref;
  m->open_count++;
  m->retired[cache_memory_class_of(m, ref)]++;
  if (m->open_count >= BATCH_SIZE && m->batch_count < CACHE_BATCHES)
    cache_memory_close_batch(m);
}

bool
cache_memory_is_low(const struct cache_memory *m, unsigned class)
{
  return m->chunks_left == 0 && m->empty == 0 && m->clearing == 0 &&
         m->available[class] + m->retired[class] < LOW;
}

// Of a few chunks in turn the one of another class with the fewest bytes in use, 0: none.
static uint32_t
cache_memory_spare_chunk(struct cache_memory *m, unsigned class)
{
  const struct cache_arena *a = m->arena;
  uint32_t best = 0, best_used = UINT32_MAX;
  for (unsigned i = 0; i < SPARE_CANDIDATES && m->siblings != 0; i++) {
    uint32_t chunk = m->siblings = a->chunks[m->siblings].sibling;
    const struct cache_chunk *c = &a->chunks[chunk];
    uint32_t used = c->used * a->class_size[c->class];
    if (c->class != class && used > 0 && used < best_used) {
      best = chunk;
      best_used = used;
    }
  }
  return best;
}

void
cache_memory_clear_chunk(struct cache_memory *m, unsigned class, void (*retire)(uint32_t ref, void *), void *arg)
{
  uint32_t chunk = cache_memory_spare_chunk(m, class);
  if (chunk == 0)
    return;
  struct cache_chunk *c = &m->arena->chunks[chunk];
  if (c->listed) {
    cache_memory_unlist_chunk(m, chunk);
    m->available[c->class] -= cache_memory_chunk_pieces(m, c->class) - c->used;
  }
  c->clearing = true;
  m->clearing = chunk;
  for (uint32_t i = 0; i < c->cut; i++) {
    uint32_t ref = cache_memory_nth_piece(m, chunk, i);
    if (cache_memory_piece(m, ref)->state == PIECE_LIVE)
      retire(ref, arg);
  }
}

// ---- memory of the kernel ----

enum { HUGE_PAGE = CACHE_HUGE_PAGE, PAGE = 4096 };
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14; older kernels refuse it, and then the first user pays
#endif

static size_t
cache_memory_round_up(size_t size, size_t to)
{
  return (size + to - 1) / to * to;
}

static uint8_t *
cache_memory_map(size_t size)
{
  void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? NULL : at;
}

void *
cache_map_new(size_t *size)
{
  if (*size < HUGE_PAGE) {
    *size = cache_memory_round_up(*size, PAGE);
    return cache_memory_map(*size);
  }
  *size = cache_memory_round_up(*size, HUGE_PAGE);
  uint8_t *all = cache_memory_map(*size + HUGE_PAGE);
  if (all == NULL)
    return NULL;
  size_t before = (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE;
  if (before > 0)
    munmap(all, before);
  munmap(all + before + *size, HUGE_PAGE - before);
  return all + before;
}

void
cache_map_free(void *at, size_t size)
{
  if (at != NULL)
    munmap(at, size);
}

void
cache_map_use_huge_pages(void *at, size_t size)
{
  madvise(at, size, MADV_HUGEPAGE);
}

void
cache_map_touch(void *at, size_t size)
{
  madvise(at, size, MADV_POPULATE_WRITE);
}
