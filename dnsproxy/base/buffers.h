// SPDX-License-Identifier: BSD-2-Clause
// Buffers of a few sizes that one thread uses again and again: output and input of connections, large packets.
//
//   buffers_take(2500) --> the list of 4608 --> one that was given back; if there is none, malloc
//   buffers_give()     --> the same list, up to a few megabytes of each size; what is beyond, free
//
// A slab (base/slab.h) has pieces of one size, counted and limited: for what every query needs. Buffers are for what some need for
// a moment, in sizes that nobody knows before. Both keep malloc off the path of a packet: after a crowd has been there once, the
// next one of its size finds everything (base/permit.h says "a buffer of a size that is not at hand" else).
//
// Sizes beyond the largest are malloc's. A buffer is always plain memory of malloc, so that who has no buffers (NULL) may free it, or
// give one from elsewhere. With the address sanitizer nothing is kept, so that it sees who uses a buffer too long.
// Owner and thread: one.
#ifndef DNSPROXY_BASE_BUFFERS_H
#define DNSPROXY_BASE_BUFFERS_H

#include <stddef.h>
#include <stdint.h>

enum { BUFFER_SIZES = 9 };

struct buffers {
  struct buffer *free[BUFFER_SIZES];
  uint32_t count[BUFFER_SIZES]; // kept
};

// At least so many bytes; *capacity says how many. NULL: no memory. buffers NULL: of malloc.
void *buffers_take(struct buffers *, size_t size, size_t *capacity);
// A larger one with the first `used` bytes of the old one (NULL: none), which is given back. NULL: no memory, the old one stays.
void *buffers_grow(struct buffers *, void *old, size_t used, size_t size, size_t *capacity); // *capacity: of the old one, then the new
void buffers_give(struct buffers *, void *, size_t capacity); // NULL: nothing
void buffers_fini(struct buffers *);

#endif
