// SPDX-License-Identifier: BSD-2-Clause
// Rings: pages, the worker's side that writes, the other side that reads and puts entries together again.
#include "dnsproxy/guard/rings.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct rings_options rings_options = {.size = 10000, .record = {true, true}};

// ---- memory ----

// Fresh pages: what no entry was written to takes no memory.
static void *
rings_take_pages(size_t size)
{
  void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED)
    memory_exhausted();
  return pages;
}

static void
rings_ring_open(struct ring *ring)
{
  ring->entries = rings_take_pages(rings_options.size * sizeof *ring->entries);
  ring->tails = rings_take_pages(rings_options.size * sizeof *ring->tails);
}

static void
rings_ring_close(struct ring *ring)
{
  if (ring->entries == NULL)
    return;
  munmap(ring->entries, rings_options.size * sizeof *ring->entries);
  munmap(ring->tails, rings_options.size * sizeof *ring->tails);
}

void
rings_open(struct worker *w)
{
  w->rings = memory_new(sizeof *w->rings);
  for (unsigned i = 0; i < RING_KINDS; i++)
    if (rings_options.size > 0 && rings_options.record[i])
      rings_ring_open(&w->rings->ring[i]);
}

void
rings_close(struct worker *w)
{
  if (w->rings == NULL)
    return;
  for (unsigned i = 0; i < RING_KINDS; i++)
    rings_ring_close(&w->rings->ring[i]);
  free(w->rings);
  w->rings = NULL;
}

// ---- writing ----

static inline void
rings_put(_Atomic uint64_t *word, uint64_t value)
{
  atomic_store_explicit(word, value, memory_order_release);
}

static inline uint64_t
rings_load(const void *bytes, size_t count)
{
  uint64_t word = 0;
  memcpy(&word, bytes, count);
  return word;
}

// NULL: this one is not recorded.
static inline _Atomic uint64_t *
rings_begin_entry(struct ring *ring)
{
  if (ring->entries == NULL)
    return NULL;
  if (ring->pass > 0) {
    ring->pass--;
    return NULL;
  }
  if (rings_options.sampling_rate > 1)
    ring->pass = rings_options.sampling_rate - 1;
  _Atomic uint64_t *entry = ring->entries[ring->slot];
  rings_put(&entry[RING_SEQUENCE], 2 * atomic_load_explicit(&ring->written, memory_order_relaxed) + 1);
  return entry;
}

static inline void
rings_end_entry(struct ring *ring, _Atomic uint64_t *entry)
{
  uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed) + 1;
  rings_put(&entry[RING_SEQUENCE], 2 * written);
  rings_put(&ring->written, written);
  if (++ring->slot == rings_options.size)
    ring->slot = 0;
  // The next entry has long left the nearer caches: it comes back while the packet goes on.
  __builtin_prefetch((const void *)ring->entries[ring->slot], 1);
  __builtin_prefetch((const void *)&ring->entries[ring->slot][RING_WORDS / 2], 1);
}

static inline void
rings_put_name(struct ring *ring, _Atomic uint64_t *entry, const struct name *name)
{
  size_t size = name->size, words = (size + 7) / 8;
  if (size < 8) {
    rings_put(&entry[RING_NAME], rings_load(name->bytes, size));
    return;
  }
  for (size_t i = 0; i < words && i < RING_NAME_WORDS; i++)
    rings_put(&entry[RING_NAME + i], rings_load(name->bytes + ring_name_offset(size, i), 8));
  for (size_t i = RING_NAME_WORDS; i < words; i++)
    rings_put(&ring->tails[ring->slot][i - RING_NAME_WORDS], rings_load(name->bytes + ring_name_offset(size, i), 8));
}

// Address bytes into two words; is it IPv6?
static inline bool
rings_put_address(_Atomic uint64_t *words, const struct address *a)
{
  if (a->sa.sa_family != AF_INET6) {
    rings_put(&words[0], a->v4.sin_addr.s_addr);
    return false;
  }
  rings_put(&words[0], rings_load(a->v6.sin6_addr.s6_addr, 8));
  rings_put(&words[1], rings_load(a->v6.sin6_addr.s6_addr + 8, 8));
  return true;
}

// What queries and answers have in common: all but the header, latency and backend.
static inline void
rings_put_facts(struct ring *ring, _Atomic uint64_t *entry, const struct query *q, const struct transport *protocol,
                size_t size)
{
  rings_put(&entry[RING_WHEN], q->worker->now_us);
  rings_put(&entry[RING_FACTS], (uint64_t)ntohs(q->arrival.client.v4.sin_port) | (uint64_t)q->qtype << 16 |
                              (uint64_t)(uint16_t)size << 32 | (uint64_t)protocol->number << 48 | (uint64_t)q->qname.size << 56);
  rings_put_name(ring, entry, &q->qname);
}

static inline uint64_t
rings_client_families(_Atomic uint64_t *entry, const struct query *q)
{
  bool v6 = rings_put_address(&entry[RING_CLIENT], &q->arrival.client);
  return v6 ? q->arrival.client.v6.sin6_scope_id | (uint64_t)RING_CLIENT_IS_V6 << 48 : 0;
}

static inline void
rings_put_header(_Atomic uint64_t *entry, const uint8_t *header, uint32_t latency_us)
{
  rings_put(&entry[RING_HEADER], rings_load(header, 8));
  rings_put(&entry[RING_HEADER_2], rings_load(header + 8, 4) | (uint64_t)latency_us << 32);
}

void
rings_record_query(const struct query *q)
{
  if (q->worker->rings == NULL)
    return;
  struct ring *ring = &q->worker->rings->ring[RING_QUERIES];
  _Atomic uint64_t *entry = rings_begin_entry(ring);
  if (entry == NULL)
    return;
  rings_put_facts(ring, entry, q, q->arrival.transport, q->packet.size);
  rings_put_header(entry, q->packet.data, 0);
  rings_put(&entry[RING_MORE], rings_client_families(entry, q));
  rings_end_entry(ring, entry);
}

// What the client was told.
struct told {
  const struct address *backend;
  const struct transport *protocol;
  const uint8_t *header;
  size_t size;
  uint32_t latency_us;
};

static inline void
rings_record_told(const struct query *q, const struct told *t)
{
  if (q->worker->rings == NULL)
    return;
  struct ring *ring = &q->worker->rings->ring[RING_ANSWERS];
  _Atomic uint64_t *entry = rings_begin_entry(ring);
  if (entry == NULL)
    return;
  rings_put_facts(ring, entry, q, t->protocol, t->size);
  rings_put_header(entry, t->header, t->latency_us);
  uint64_t more = rings_client_families(entry, q);
  if (t->backend != NULL) {
    bool v6 = rings_put_address(&entry[RING_BACKEND], t->backend);
    more |= (uint64_t)ntohs(t->backend->v4.sin_port) << 32 |
            (uint64_t)(RING_HAS_BACKEND | (v6 ? RING_BACKEND_IS_V6 : 0)) << 48;
  }
  rings_put(&entry[RING_MORE], more);
  rings_end_entry(ring, entry);
}

void
rings_record_answer(const struct query *q, const struct address *backend, const struct transport *protocol, uint32_t latency_us)
{
  rings_record_told(q, &(struct told){.backend = backend,
                                      .protocol = protocol,
                                      .header = q->packet.data,
                                      .size = q->packet.size,
                                      .latency_us = latency_us});
}

// The header is one that was never received: the client's id and flags, no rcode, no counts.
void
rings_record_timeout(const struct query *q, const struct address *backend, const struct transport *protocol)
{
  uint8_t header[HEADER_SIZE] = {[2] = (uint8_t)(q->flags[0] | FLAG2_QR), [3] = q->flags[1] & (uint8_t)~FLAG3_RCODE};
  message_put_u16(header, q->id);
  rings_record_told(q, &(struct told){.backend = backend,
                                      .protocol = protocol,
                                      .header = header,
                                      .latency_us = RING_TIMED_OUT});
}

// ---- reading: the rings of all workers as one, newest first ----

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
rings_get(const _Atomic uint64_t *word)
{
  return atomic_load_explicit(word, memory_order_acquire);
}

static const _Atomic uint64_t *
rings_entry_at(const struct ring *ring, uint64_t position)
{
  return ring->entries[position % rings_options.size];
}

// Still the entry of that position?
static bool
rings_is_whole(const _Atomic uint64_t *entry, uint64_t position)
{
  return rings_get(&entry[RING_SEQUENCE]) == 2 * position + 2;
}

// The cursor's next entry is there and young enough; otherwise the cursor is done, older ones would not be either.
static void
rings_look_ahead(struct cursor *c, uint64_t since_us)
{
  if (c->left > c->oldest) {
    const _Atomic uint64_t *entry = rings_entry_at(c->ring, c->left - 1);
    if (rings_is_whole(entry, c->left - 1)) {
      c->when_us = rings_get(&entry[RING_WHEN]);
      if (c->when_us >= since_us && rings_is_whole(entry, c->left - 1))
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
    c->left = rings_get(&c->ring->written);
    c->oldest = c->left > rings_options.size ? c->left - rings_options.size : 0;
    rings_look_ahead(c, since_us);
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
rings_get_address(struct address *a, const uint64_t *words, bool v6, uint16_t port)
{
  address_from_raw(a, words, v6 ? 16 : 4, port);
}

static void
rings_get_name(struct name *name, const struct ring *ring, uint64_t position, const uint64_t *words, uint8_t size)
{
  const _Atomic uint64_t *tail = ring->tails[position % rings_options.size];
  name->size = size;
  for (size_t i = 0; 8 * i < size; i++) {
    uint64_t word = i < RING_NAME_WORDS ? words[RING_NAME + i] : rings_get(&tail[i - RING_NAME_WORDS]);
    memcpy(name->bytes + ring_name_offset(size, i), &word, size < 8 ? size : 8);
  }
}

static void
rings_decode(struct ring_entry *e, const uint64_t *words)
{
  uint64_t facts = words[RING_FACTS], more = words[RING_MORE], families = more >> 48;
  e->when_us = words[RING_WHEN];
  rings_get_address(&e->client, &words[RING_CLIENT], (families & RING_CLIENT_IS_V6) != 0, (uint16_t)facts);
  if ((families & RING_CLIENT_IS_V6) != 0)
    e->client.v6.sin6_scope_id = (uint32_t)more;
  e->qtype = (uint16_t)(facts >> 16);
  e->size = (uint16_t)(facts >> 32);
  e->protocol = transports[(facts >> 48 & 0xff) % TRANSPORT_COUNT];
  memcpy(e->header, &words[RING_HEADER], 8);
  memcpy(e->header + 8, &words[RING_HEADER_2], 4);
  e->latency_us = (uint32_t)(words[RING_HEADER_2] >> 32);
  static const uint64_t none[2];
  rings_get_address(&e->backend, (families & RING_HAS_BACKEND) != 0 ? &words[RING_BACKEND] : none,
                    (families & RING_BACKEND_IS_V6) != 0, (uint16_t)(more >> 32));
}

// False: it was overwritten meanwhile, and so are those before it.
static bool
rings_read_entry(const struct ring *ring, uint64_t position, struct ring_entry *e)
{
  const _Atomic uint64_t *entry = rings_entry_at(ring, position);
  uint64_t words[RING_WORDS];
  if (!rings_is_whole(entry, position))
    return false;
  for (unsigned i = 0; i < RING_WORDS; i++)
    words[i] = rings_get(&entry[i]);
  rings_get_name(&e->qname, ring, position, words, (uint8_t)(words[RING_FACTS] >> 56));
  if (!rings_is_whole(entry, position))
    return false;
  rings_decode(e, words);
  return true;
}

static struct cursor *
rings_newest(struct ring_reader *r)
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
  while (r->left > 0 && (c = rings_newest(r)) != NULL) {
    if (!rings_read_entry(c->ring, c->left - 1, e)) {
      c->left = c->oldest = 0;
      continue;
    }
    e->kind = r->kind;
    c->left--;
    rings_look_ahead(c, r->since_us);
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
