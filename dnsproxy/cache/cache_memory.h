// SPDX-License-Identifier: BSD-2-Clause
// Memory for entries: pieces of a few sizes, cut from chunks, given out again once no reader can see them any more.
//
//   arena (of the cache) --> chunks --> regions: each cuts its chunks into pieces of one size class
//   piece: free --> live --> retired (under a stamp of base/epoch) --> free
//
// One arena per cache, reserved at once and touched chunk by chunk; it hands chunks to regions. A region's memory
// belongs to the holder of the region's lock. A piece never leaves its chunk; an empty chunk may take another size.
//
// There are steps of 16 bytes for small pieces and four per doubling for larger ones, so that rounding up wastes little.
// Retired pieces wait in batches under one stamp, a few of which are looked at per call: a bounded work, whoever makes it.
//
// Large maps ask the kernel for huge pages: entries are read here and there.
#ifndef DNSPROXY_CACHE_CACHE_MEMORY_H
#define DNSPROXY_CACHE_CACHE_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_CLASSES = 64, CACHE_BATCHES = 32 };

struct cache_chunk {
  uint32_t free;       // list of pieces given back
  uint32_t prev, next; // among the chunks of its size that have room; 0: end
  uint32_t sibling;    // ring of the region's chunks
  uint16_t used, cut;  // pieces in use or retired; pieces ever cut
  uint8_t class;
  bool listed, clearing;
};

struct cache_arena {
  uint8_t *base;
  size_t mapped_size, chunks_mapped_size;
  struct cache_chunk *chunks;     // chunk 0 is never used, so that no reference is 0
  uint32_t chunk_size;            // bytes, a power of two
  unsigned chunk_shift;
  uint32_t chunk_count;
  _Atomic uint32_t next_chunk;
  size_t used_before, touched;    // bytes, of cache_arena_grow() alone
  unsigned class_count;
  uint32_t class_size[CACHE_CLASSES]; // bytes, ascending, multiples of 16
};

bool cache_arena_init(struct cache_arena *, uint32_t largest_piece, uint32_t chunks); // false: none to be had
void cache_arena_fini(struct cache_arena *);
uint32_t cache_arena_chunk_size(uint32_t largest_piece);

// Retired together, free once the stamp has passed.
struct cache_batch {
  uint64_t stamp;
  uint32_t first;
};

struct cache_memory {
  struct cache_arena *arena;
  uint32_t chunks_left;              // how many more it may take from the arena
  uint32_t empty;                    // list of its chunks without pieces, through next
  uint32_t siblings;                 // any chunk of its ring
  uint32_t clearing;                 // chunk whose pieces are not given out again
  uint32_t with_room[CACHE_CLASSES]; // chunks with free or uncut pieces
  uint32_t available[CACHE_CLASSES]; // pieces in them
  uint32_t retired[CACHE_CLASSES];   // pieces waiting for readers
  struct cache_batch batches[CACHE_BATCHES];
  unsigned oldest_batch, batch_count;
  uint32_t open, open_count; // being retired, not stamped yet
};

void cache_memory_init(struct cache_memory *, struct cache_arena *, uint32_t chunks);
unsigned cache_memory_class(const struct cache_arena *, size_t size);
// A piece of the class, or 0: nothing free now. Takes back what readers have left.
uint32_t cache_memory_take(struct cache_memory *, unsigned class);
// The piece was unlinked; readers may still look at it.
void cache_memory_retire(struct cache_memory *, uint32_t ref);
unsigned cache_memory_class_of(const struct cache_memory *, uint32_t ref);
// Is the class about to run dry, with no chunk to be had and nothing on its way back?
bool cache_memory_is_low(const struct cache_memory *, unsigned class);
// Has the visitor retire all live pieces of a chunk of another class, which is then, once readers have gone, free for
// any class. Until then cache_memory_is_low() says no.
void cache_memory_clear_chunk(struct cache_memory *, unsigned class, void (*retire)(uint32_t ref, void *), void *arg);
// Has the kernel provide what the next inserts will take. For arenas in huge pages, whose first use takes long.
void cache_arena_grow(struct cache_arena *);
size_t cache_arena_used(const struct cache_arena *); // bytes in chunks that were handed out

// ---- memory of the kernel ----

enum { CACHE_HUGE_PAGE = 2 << 20 };

// Zeroed, not touched yet, aligned to a huge page if larger than one. *size is rounded up. NULL: none to be had.
void *cache_map_new(size_t *size);
void cache_map_free(void *, size_t size); // NULL is fine
void cache_map_use_huge_pages(void *, size_t size);
// Makes the kernel provide the memory now; what is in it stays. Others may use it meanwhile.
void cache_map_touch(void *, size_t size);

#endif
