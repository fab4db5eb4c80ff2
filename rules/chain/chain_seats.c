// SPDX-License-Identifier: BSD-2-Clause
// Chunks of rules, copied on write.
#include "rules/chain/chain_seats.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdlib.h>

static void
chain_seats_chunk_free(struct object *o)
{
  struct seat_chunk *c = (struct seat_chunk *)(void *)o;
  for (unsigned i = 0; i < CHUNK_SEATS; i++)
    object_unref(&c->rules[i]);
  free(c);
}

static const struct object_class chunk_class = {.name = "SeatChunk", .free = chain_seats_chunk_free};

static struct seat_chunk *
chain_seats_chunk_new(void)
{
  struct seat_chunk *c = memory_new(sizeof *c);
  object_init(&c->object, &chunk_class);
  return c;
}

static void
chain_seats_chunk_writable(struct seat_chunk **chunk)
{
  if (object_refs(*chunk) == 1)
    return;
  struct seat_chunk *copy = chain_seats_chunk_new();
  for (unsigned i = 0; i < CHUNK_SEATS; i++)
    copy->rules[i] = object_ref((*chunk)->rules[i]);
  object_unref(chunk);
  *chunk = copy;
}

void
chain_seats_fini(struct chain_seats *s)
{
  for (uint32_t i = 0; i < s->count; i++)
    object_unref(&s->chunks[i]);
  free(s->chunks);
  *s = (struct chain_seats){.count = 0};
}

void
chain_seats_copy(struct chain_seats *s, const struct chain_seats *from)
{
  s->count = s->capacity = from->count;
  s->chunks = memory_array(from->count, sizeof *s->chunks);
  for (uint32_t i = 0; i < from->count; i++)
    s->chunks[i] = object_ref(from->chunks[i]);
}

void
chain_seats_set(struct chain_seats *s, uint32_t seat, struct rule *r)
{
  uint32_t chunk = seat / CHUNK_SEATS;
  assert(chunk <= s->count);
  if (chunk == s->count) {
    if (s->count == s->capacity) {
      s->capacity = s->capacity * 2 + 4;
      s->chunks = memory_resize(s->chunks, s->capacity, sizeof *s->chunks);
    }
    s->chunks[s->count++] = chain_seats_chunk_new();
  }
  chain_seats_chunk_writable(&s->chunks[chunk]);
  struct rule **at = &s->chunks[chunk]->rules[seat % CHUNK_SEATS];
  object_unref(at);
  *at = object_ref(r);
}
