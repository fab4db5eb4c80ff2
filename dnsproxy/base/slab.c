// SPDX-License-Identifier: BSD-2-Clause
// A slab is a list of chunks, each cut into a step of pieces.
#include "dnsproxy/base/slab.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_POISON 1
#endif
#endif
#ifdef SLAB_POISON
#include <sanitizer/asan_interface.h>
// The address sanitizer reports whoever uses a piece that was given back.
#define POISON(piece, size) ASAN_POISON_MEMORY_REGION(piece, size)
#define UNPOISON(piece, size) ASAN_UNPOISON_MEMORY_REGION(piece, size)
#else
#define POISON(piece, size) ((void)0)
#define UNPOISON(piece, size) ((void)0)
#endif

enum { LINE = 64 }; // pieces that are not small begin on a cache line

struct chunk {
  struct chunk *next;
  char padding[LINE - sizeof(struct chunk *)];
};

static size_t
round_up(size_t size, size_t to)
{
  return (size + to - 1) / to * to;
}

static void
push(struct slab *s, void *piece)
{
  *(void **)piece = s->free;
  s->free = piece;
  s->available++;
  POISON(piece, s->piece);
}

// One more step, or what the limit leaves of it. False without memory.
static bool
grow(struct slab *s)
{
  size_t count = s->limit - s->total < s->step ? s->limit - s->total : s->step;
  if (count == 0)
    return true;
  assert(count <= (SIZE_MAX - 2 * LINE) / s->piece);
  struct chunk *c = aligned_alloc(LINE, round_up(sizeof *c + count * s->piece, LINE));
  if (c == NULL)
    return false;
  c->next = s->chunks;
  s->chunks = c;
  s->total += count;
  char *pieces = (char *)(c + 1);
  while (count-- > 0) // the lowest address is taken first
    push(s, pieces + count * s->piece);
  return true;
}

void
slab_init(struct slab *s, size_t piece, size_t step, size_t limit)
{
  assert(piece > 0 && step > 0 && limit > 0);
  *s = (struct slab){.piece = round_up(piece, piece >= LINE ? LINE : 16), .step = step, .limit = limit};
  if (!grow(s))
    memory_exhausted();
}

void
slab_fini(struct slab *s)
{
  for (struct chunk *c = s->chunks, *next; c != NULL; c = next) {
    next = c->next;
    free(c);
  }
  *s = (struct slab){.free = NULL};
}

void *
slab_take(struct slab *s)
{
  void *piece = s->free;
  if (piece == NULL)
    return NULL;
  UNPOISON(piece, s->piece);
  s->free = *(void **)piece;
  s->available--;
  return piece;
}

void
slab_give(struct slab *s, void *piece)
{
  assert(piece != NULL && s->available < s->total);
  push(s, piece);
}

void
slab_refill(struct slab *s)
{
  if (s->available < (s->step + 1) / 2 && s->total < s->limit)
    (void)grow(s); // without memory the next batch tries again
}
