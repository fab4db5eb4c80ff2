// SPDX-License-Identifier: BSD-2-Clause
// Lists of buffers by size.
#include "dnsproxy/base/buffers.h"

#include "dnsproxy/base/permit.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
enum { KEEP_BYTES = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { KEEP_BYTES = 0 };
#else
enum { KEEP_BYTES = 4 << 20 };
#endif
#else
enum { KEEP_BYTES = 4 << 20 };
#endif

struct buffer {
  struct buffer *next;
};

// The last but one holds the largest message, with room for what is added to it.
static const size_t buffer_sizes[BUFFER_SIZES] = {512, 1024, 2048, 4608, 8192, 16384, 32768, 65536 + 512, 131072};

// BUFFER_SIZES: none of these.
static unsigned
buffers_list_of(size_t size)
{
  unsigned list = 0;
  while (list < BUFFER_SIZES && buffer_sizes[list] < size)
    list++;
  return list;
}

void *
buffers_take(struct buffers *b, size_t size, size_t *capacity)
{
  unsigned list = buffers_list_of(size);
  *capacity = list < BUFFER_SIZES ? buffer_sizes[list] : size;
  if (b != NULL && list < BUFFER_SIZES && b->free[list] != NULL) {
    struct buffer *first = b->free[list];
    b->free[list] = first->next;
    b->count[list]--;
    return first;
  }
  PERMIT("a buffer of a size that is not at hand");
  return malloc(*capacity);
}

void
buffers_give(struct buffers *b, void *old, size_t capacity)
{
  if (old == NULL)
    return;
  unsigned list = buffers_list_of(capacity);
  if (b != NULL && list < BUFFER_SIZES && buffer_sizes[list] == capacity && b->count[list] < KEEP_BYTES / capacity) {
    struct buffer *first = old;
    first->next = b->free[list];
    b->free[list] = first;
    b->count[list]++;
    return;
  }
  PERMIT("more buffers than are kept");
  free(old);
}

void *
buffers_grow(struct buffers *b, void *old, size_t used, size_t size, size_t *capacity)
{
  size_t had = *capacity, has;
  void *new = buffers_take(b, size, &has);
  if (new == NULL)
    return NULL;
  if (used > 0)
    memcpy(new, old, used);
  buffers_give(b, old, had);
  *capacity = has;
  return new;
}

void
buffers_fini(struct buffers *b)
{
  for (unsigned list = 0; list < BUFFER_SIZES; list++) {
    for (struct buffer *at = b->free[list], *next; at != NULL; at = next) {
      next = at->next;
      free(at);
    }
    b->free[list] = NULL;
    b->count[list] = 0;
  }
}
