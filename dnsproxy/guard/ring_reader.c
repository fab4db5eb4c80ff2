// SPDX-License-Identifier: BSD-2-Clause
// Reading the rings of all workers as one, newest first.
#include "dnsproxy/guard/ring_entry.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>
#include <string.h>

// Where the reader stands in one worker's ring. Positions count from the first entry ever written.
struct cursor {
  const struct ring *ring;
  uint64_t left, oldest; // the next one is left - 1
  uint64_t when_us;      // of that
};

struct ring_reader {
  enum ring_kind kind;
  uint64_t since_us;
  uint32_t left; // entries that may still be given
  unsigned count;
  struct cursor cursors[];
};

static inline uint64_t
ring_reader_get(const _Atomic uint64_t *word)
{
  return atomic_load_explicit(word, memory_order_acquire);
}

static const _Atomic uint64_t *
ring_reader_entry_at(const struct ring *ring, uint64_t position)
{
  return ring->entries[position % rings_options.size];
}

// Still the entry of that position?
static bool
ring_reader_is_whole(const _Atomic uint64_t *entry, uint64_t position)
{
  return ring_reader_get(&entry[RING_SEQUENCE]) == 2 * position + 2;
}

// The cursor's next entry is there and young enough; otherwise the cursor is done, older ones would not be either.
static void
ring_reader_look_ahead(struct cursor *c, uint64_t since_us)
{
  if (c->left > c->oldest) {
    const _Atomic uint64_t *entry = ring_reader_entry_at(c->ring, c->left - 1);
    if (ring_reader_is_whole(entry, c->left - 1)) {
      c->when_us = ring_reader_get(&entry[RING_WHEN]);
      if (c->when_us >= since_us && ring_reader_is_whole(entry, c->left - 1))
        return;
    }
  }
  c->left = c->oldest = 0;
}

struct ring_reader *
ring_reader_new(enum ring_kind kind, uint64_t since_us)
{
  unsigned workers_now = worker_count();
  struct ring_reader *r = memory_new(sizeof *r + workers_now * sizeof r->cursors[0]);
  r->kind = kind;
  r->since_us = since_us;
  r->left = rings_options.size;
  for (unsigned i = 0; i < workers_now; i++) {
    const struct rings *rings = workers[i]->rings;
    if (rings == NULL || rings->ring[kind].entries == NULL)
      continue;
    struct cursor *c = &r->cursors[r->count++];
    c->ring = &rings->ring[kind];
    c->left = ring_reader_get(&c->ring->written);
    c->oldest = c->left > rings_options.size ? c->left - rings_options.size : 0;
    ring_reader_look_ahead(c, since_us);
  }
  return r;
}

void
ring_reader_free(struct ring_reader **slot)
{
  free(*slot);
  *slot = NULL;
}

// ---- entries ----

static void
ring_reader_get_address(struct address *a, const uint64_t *words, bool v6, uint16_t port)
{
  address_from_raw(a, words, v6 ? 16 : 4, port);
}

static void
ring_reader_get_name(struct name *name, const struct ring *ring, uint64_t position, const uint64_t *words, uint8_t size)
{
  const _Atomic uint64_t *tail = ring->tails[position % rings_options.size];
  name->size = size;
  for (size_t i = 0; 8 * i < size; i++) {
    uint64_t word = i < RING_NAME_WORDS ? words[RING_NAME + i] : ring_reader_get(&tail[i - RING_NAME_WORDS]);
    memcpy(name->bytes + ring_name_offset(size, i), &word, size < 8 ? size : 8);
  }
}

static void
ring_reader_decode(struct ring_entry *e, const uint64_t *words)
{
  uint64_t facts = words[RING_FACTS], more = words[RING_MORE], families = more >> 48;
  e->when_us = words[RING_WHEN];
  ring_reader_get_address(&e->client, &words[RING_CLIENT], (families & RING_CLIENT_IS_V6) != 0, (uint16_t)facts);
  if ((families & RING_CLIENT_IS_V6) != 0)
    e->client.v6.sin6_scope_id = (uint32_t)more;
  e->qtype = (uint16_t)(facts >> 16);
  e->size = (uint16_t)(facts >> 32);
  e->protocol = transports[(facts >> 48 & 0xff) % TRANSPORT_COUNT];
  memcpy(e->header, &words[RING_HEADER], 8);
  memcpy(e->header + 8, &words[RING_HEADER_2], 4);
  e->latency_us = (uint32_t)(words[RING_HEADER_2] >> 32);
  static const uint64_t none[2];
  ring_reader_get_address(&e->backend, (families & RING_HAS_BACKEND) != 0 ? &words[RING_BACKEND] : none,
                          (families & RING_BACKEND_IS_V6) != 0, (uint16_t)(more >> 32));
}

// False: it was overwritten meanwhile, and so are those before it.
static bool
ring_reader_read_entry(const struct ring *ring, uint64_t position, struct ring_entry *e)
{
  const _Atomic uint64_t *entry = ring_reader_entry_at(ring, position);
  uint64_t words[RING_WORDS];
  if (!ring_reader_is_whole(entry, position))
    return false;
  for (unsigned i = 0; i < RING_WORDS; i++)
    words[i] = ring_reader_get(&entry[i]);
  ring_reader_get_name(&e->qname, ring, position, words, (uint8_t)(words[RING_FACTS] >> 56));
  if (!ring_reader_is_whole(entry, position))
    return false;
  ring_reader_decode(e, words);
  return true;
}

static struct cursor *
ring_reader_newest(struct ring_reader *r)
{
  struct cursor *best = NULL;
  for (unsigned i = 0; i < r->count; i++) {
    struct cursor *c = &r->cursors[i];
    if (c->left > c->oldest && (best == NULL || c->when_us > best->when_us))
      best = c;
  }
  return best;
}

bool
ring_reader_next(struct ring_reader *r, struct ring_entry *e)
{
  struct cursor *c;
  while (r->left > 0 && (c = ring_reader_newest(r)) != NULL) {
    if (!ring_reader_read_entry(c->ring, c->left - 1, e)) {
      c->left = c->oldest = 0;
      continue;
    }
    e->kind = r->kind;
    c->left--;
    ring_reader_look_ahead(c, r->since_us);
    r->left--;
    return true;
  }
  return false;
}

struct ring_entry *
ring_read_all(enum ring_kind kind, uint64_t since_us, size_t *count)
{
  struct ring_entry *entries = NULL;
  size_t room = 0;
  struct ring_reader *r = ring_reader_new(kind, since_us);
  *count = 0;
  for (struct ring_entry e; ring_reader_next(r, &e); entries[(*count)++] = e)
    if (*count == room)
      entries = memory_resize(entries, room = 2 * room + 256, sizeof *entries);
  ring_reader_free(&r);
  for (size_t i = 0; i < *count / 2; i++) {
    struct ring_entry e = entries[i];
    entries[i] = entries[*count - 1 - i];
    entries[*count - 1 - i] = e;
  }
  return entries;
}

struct ring_entry *
ring_read_both(uint64_t since_us, size_t *count)
{
  size_t counts[RING_KINDS], next[RING_KINDS] = {0};
  struct ring_entry *kinds[RING_KINDS];
  // Answers first: what is told between the two readings has its query in the list at least.
  for (unsigned i = RING_KINDS; i-- > 0;)
    kinds[i] = ring_read_all((enum ring_kind)i, since_us, &counts[i]);
  *count = counts[RING_QUERIES] + counts[RING_ANSWERS];
  struct ring_entry *entries = *count == 0 ? NULL : memory_array(*count, sizeof *entries);
  for (size_t i = 0; i < *count; i++) {
    const struct ring_entry *query = &kinds[RING_QUERIES][next[RING_QUERIES]], *answer = &kinds[RING_ANSWERS][next[RING_ANSWERS]];
    bool query_next = next[RING_ANSWERS] == counts[RING_ANSWERS] ||
                      (next[RING_QUERIES] < counts[RING_QUERIES] && query->when_us <= answer->when_us);
    entries[i] = query_next ? *query : *answer;
    next[query_next ? RING_QUERIES : RING_ANSWERS]++;
  }
  for (unsigned i = 0; i < RING_KINDS; i++)
    free(kinds[i]);
  return entries;
}
