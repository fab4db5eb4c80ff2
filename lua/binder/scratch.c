// SPDX-License-Identifier: BSD-2-Clause
// Memory and references of a call.
#include "lua/binder/scratch.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/object.h"

#include <stdlib.h>

void *
scratch_alloc(struct scratch *s, size_t size)
{
  struct scratch_block *block = memory_new(sizeof *block + size);
  block->next = s->blocks;
  s->blocks = block;
  return block->data;
}

void
scratch_own(struct scratch *s, void *object)
{
  s->owned = memory_resize(s->owned, s->owned_count + 1, sizeof *s->owned);
  s->owned[s->owned_count++] = object;
}

void
scratch_fini(struct scratch *s)
{
  for (size_t i = 0; i < s->owned_count; i++)
    object_unref(&s->owned[i]);
  free(s->owned);
  for (struct scratch_block *b = s->blocks, *next; b != NULL; b = next) {
    next = b->next;
    free(b);
  }
  *s = (struct scratch){0};
}
