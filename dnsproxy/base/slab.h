// SPDX-License-Identifier: BSD-2-Clause
// Pools of equal pieces of memory for one worker's packet path.
//
// Owner and thread: one worker. slab_take() never calls malloc; slab_refill(), called between batches, grows the
// slab in steps up to its limit. Memory is given back only by slab_fini().
#ifndef DNSPROXY_BASE_SLAB_H
#define DNSPROXY_BASE_SLAB_H

#include <stddef.h>

struct slab {
  void *free; // list of pieces, linked through their first word
  size_t piece, step, limit; // bytes; pieces per step; most pieces
  size_t total, available;
  void *chunks;
};

void slab_init(struct slab *, size_t piece, size_t step, size_t limit); // takes the first step
void slab_fini(struct slab *);
void *slab_take(struct slab *); // not zeroed; NULL when empty
void slab_give(struct slab *, void *piece);
void slab_refill(struct slab *); // grows by a step if less than half a step is available

#endif
