// SPDX-License-Identifier: BSD-2-Clause
// The writer's side of the rings: what a worker remembers of queries and answers.
#include "dnsproxy/guard/rings.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/guard/ring_entry.h"

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
