// SPDX-License-Identifier: BSD-2-Clause
// A slab is a list of chunks, each cut into a step of pieces, with a list of those of them that are free.
#include "dnsproxy/base/slab.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/permit.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

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

enum { LINE = 64, PAGE = 4096, SLAB_WINDOW = 64 }; // pieces that are not small begin on a cache line

struct slab_chunk {
  struct slab_chunk *next, *next_open;
  void *free;           // list of pieces, linked through their first word
  size_t taken, pieces; // pieces of it
  char padding[LINE - 3 * sizeof(void *) - 2 * sizeof(size_t)];
};
_Static_assert(sizeof(struct slab_chunk) == LINE, "pieces begin on a cache line");

static size_t
slab_round_up(size_t size, size_t to)
{
  return (size + to - 1) / to * to;
}

static void
slab_push(struct slab *s, struct slab_chunk *c, void *piece)
{
  if (c->free == NULL) {
    c->next_open = s->open;
    s->open = c;
  }
  *(void **)piece = c->free;
  c->free = piece;
  s->available++;
  POISON(piece, s->piece);
}

// One more step, or what the limit leaves of it. False without memory.
static bool
slab_grow(struct slab *s)
{
  size_t count = s->limit - s->total < s->step ? s->limit - s->total : s->step;
  if (count == 0)
    return true;
  assert(count <= (SIZE_MAX - 2 * LINE) / s->piece);
  struct slab_chunk *c;
  void *memory;
  PERMIT("a step of a slab");
  if (posix_memalign(&memory, s->alignment, sizeof *c + count * s->piece) != 0)
    return false;
  c = memory;
  *c = (struct slab_chunk){.next = s->chunks, .pieces = count};
  s->chunks = c;
  s->total += count;
  s->idle++;
  char *pieces = (char *)(c + 1);
  while (count-- > 0) // the lowest address is taken first
    slab_push(s, c, pieces + count * s->piece);
  return true;
}

// Memory of a chunk, back to the kernel whatever malloc does with its addresses.
static void
slab_free_chunk(const struct slab *s, struct slab_chunk *c)
{
  PERMIT("a step of a slab");
  size_t size = sizeof *c + c->pieces * s->piece;
  UNPOISON(c, size);
  if (size >= 2 * PAGE)
    madvise((char *)c + (s->alignment >= PAGE ? 0 : PAGE), (size - PAGE) / PAGE * PAGE, MADV_DONTNEED);
  free(c);
}

static void
slab_unlink(struct slab_chunk **at, const struct slab_chunk *c, bool open)
{
  while (*at != c)
    at = open ? &(*at)->next_open : &(*at)->next;
  *at = open ? c->next_open : c->next;
}

static void
slab_shrink(struct slab *s)
{
  struct slab_chunk *c = s->open;
  while (c->taken > 0)
    c = c->next_open;
  slab_unlink(&s->open, c, true);
  slab_unlink(&s->chunks, c, false);
  s->total -= c->pieces;
  s->available -= c->pieces;
  s->idle--;
  slab_free_chunk(s, c);
}

void
slab_init(struct slab *s, size_t piece, size_t step, size_t limit)
{
  assert(piece > 0 && step > 0 && limit > 0);
  *s = (struct slab){.piece = slab_round_up(piece, piece >= LINE ? LINE : 16), .step = step, .limit = limit};
  for (s->alignment = LINE; s->alignment < sizeof(struct slab_chunk) + step * s->piece;)
    s->alignment *= 2;
  if (!slab_grow(s))
    memory_exhausted();
}

void
slab_fini(struct slab *s)
{
  for (struct slab_chunk *c = s->chunks, *next; c != NULL; c = next) {
    next = c->next;
    free(c);
  }
  *s = (struct slab){.open = NULL};
}

void *
slab_take(struct slab *s)
{
  struct slab_chunk *c = s->open;
  if (c == NULL)
    return NULL;
  void *piece = c->free;
  UNPOISON(piece, s->piece);
  c->free = *(void **)piece;
  if (c->free == NULL)
    s->open = c->next_open;
  s->idle -= c->taken++ == 0;
  s->available--;
  return piece;
}

void
slab_give(struct slab *s, void *piece)
{
  assert(piece != NULL && s->available < s->total);
  struct slab_chunk *c = (struct slab_chunk *)((uintptr_t)piece & ~(uintptr_t)(s->alignment - 1));
  slab_push(s, c, piece);
  s->idle += --c->taken == 0;
}

void
slab_refill(struct slab *s)
{
  if (s->available < (s->step + 1) / 2 && s->total < s->limit)
    (void)slab_grow(s); // without memory the next batch tries again
  if (s->available < s->least)
    s->least = s->available;
  if (++s->refills < SLAB_WINDOW && s->spare == 0)
    return;
  // What was never needed in all of a window may go, a step at a time: bursts that come again find their memory.
  if (s->refills >= SLAB_WINDOW) {
    s->spare = s->least > 2 * s->step && s->least / 3 > s->total / 4 ? s->least - 2 * s->step : 0;
    s->refills = 0;
    s->least = s->available;
  }
  if (s->spare >= s->step && s->idle > 1 && s->available > 2 * s->step) {
    slab_shrink(s);
    s->spare -= s->step;
  } else {
    s->spare = 0;
  }
}
