// SPDX-License-Identifier: BSD-2-Clause
// Pools of equal pieces of memory for one worker's packet path: queries, their extras, buffers.
//
//   slab --> chunks of `step` pieces --> free pieces        slab_take(): the first of the first open chunk
//                                                           slab_give(): back to its chunk, which its address tells
//
// Owner and thread: one worker. slab_take() never calls malloc; slab_refill(), called between batches, grows the slab in
// steps up to its limit, so that a crowd finds pieces ready, and gives steps back that a burst has left unused: one at a
// time, once three quarters of all pieces have been free for a while.
//
// The trick is the alignment: a chunk begins at a multiple of its size, so that a piece finds its chunk by cutting its own
// address, and no piece carries a header. An empty slab is a drop reason, not an error.
#ifndef DNSPROXY_BASE_SLAB_H
#define DNSPROXY_BASE_SLAB_H

#include <stddef.h>

struct slab_chunk;

struct slab {
  struct slab_chunk *open; // those with free pieces; the first is taken from
  size_t piece, step, limit; // bytes; pieces per step; most pieces
  size_t alignment;          // of a chunk, at least its size
  size_t total, available;
  size_t idle;               // chunks of which nothing is taken
  size_t least;              // available, at each slab_refill() of this window
  size_t spare;              // pieces that were never needed in the window before, and are still here
  unsigned refills;          // of this window
  struct slab_chunk *chunks;      // all of them
};

void slab_init(struct slab *, size_t piece, size_t step, size_t limit); // takes the first step
void slab_fini(struct slab *);
void *slab_take(struct slab *); // not zeroed; NULL when empty
void slab_give(struct slab *, void *piece);
void slab_refill(struct slab *); // grows by a step if less than half a step is available; gives one back that nobody needs

#endif
