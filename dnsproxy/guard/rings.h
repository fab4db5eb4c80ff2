// SPDX-License-Identifier: BSD-2-Clause
// Rings: the newest queries and answers, for inspection, tables of the top ones and dynamic blocks.
//
// Owner: the worker, one ring for queries and one for answers, each of the full configured size. The worker alone
// writes, without locks; anybody reads, at any time: an entry that is overwritten while it is read is left out.
// Memory is taken as it is first written.
//
// TO READ, newest first, from all workers together, never more entries than one ring has:
//
//   struct ring_entry e;
//   struct ring_reader *r = ring_reader_new(RING_ANSWERS, clock_mono_us() - seconds * 1000000);
//   while (ring_reader_next(r, &e))
//     if (!ring_entry_timed_out(&e) && ring_entry_rcode(&e) == RCODE_NXDOMAIN)
//       n++;
//   ring_reader_free(&r);
//   n *= rings_weight(); // what was left out by sampling
#ifndef DNSPROXY_GUARD_RINGS_H
#define DNSPROXY_GUARD_RINGS_H

#include "dnsproxy/core/query.h"

enum ring_kind { RING_QUERIES, RING_ANSWERS, RING_KINDS };

// setRingBuffersSize() and setRingBuffersOptions(). Written while the configuration is loaded, constant once there are workers.
struct rings_options {
  uint32_t size;          // entries per ring; 0: nothing is recorded
  bool record[RING_KINDS];
  uint32_t sampling_rate; // one in n is recorded; 0 and 1: all
};
extern struct rings_options rings_options;

// What readers see of an entry.
struct ring_entry {
  enum ring_kind kind;
  const struct transport *protocol;     // queries, cache hits and self-made answers: the client's; other answers: the backend's
  uint64_t when_us;            // monotonic (clock_mono_us())
  struct address client;
  struct name qname;           // the client's casing
  uint16_t qtype;
  uint16_t size;               // of the packet; 0 for a time-out
  uint8_t header[HEADER_SIZE]; // of the query as received, or of the answer as sent
  struct address backend;      // answers; 0.0.0.0:0 for cache hits and self-made answers, and for queries
  uint32_t latency_us;         // answers; RING_TIMED_OUT: none came
};
#define RING_TIMED_OUT UINT32_MAX

static inline unsigned
ring_entry_rcode(const struct ring_entry *e)
{
  return message_rcode(e->header);
}
static inline bool
ring_entry_timed_out(const struct ring_entry *e)
{
  return e->kind == RING_ANSWERS && e->latency_us == RING_TIMED_OUT;
}
// Is it an answer, with this rcode? A time-out has the header of an answer that never came: no rcode is its own.
static inline bool
ring_entry_has_rcode(const struct ring_entry *e, unsigned rcode)
{
  return e->kind == RING_ANSWERS && !ring_entry_timed_out(e) && ring_entry_rcode(e) == rcode;
}
// An answer that no backend gave: what the dialect counts as a cache hit.
static inline bool
ring_entry_is_hit(const struct ring_entry *e)
{
  return e->kind == RING_ANSWERS && address_is_any(&e->backend) && address_port(&e->backend) == 0;
}
// How many queries or answers an entry stands for.
static inline uint32_t
rings_weight(void)
{
  return rings_options.sampling_rate > 1 ? rings_options.sampling_rate : 1;
}

struct ring_reader;
// since_us: entries older than that are left out; 0: all. Any thread, before the workers are freed.
struct ring_reader *ring_reader_new(enum ring_kind, uint64_t since_us);
bool ring_reader_next(struct ring_reader *, struct ring_entry *); // false: no more
void ring_reader_free(struct ring_reader **);
// All of them at once, oldest first: free() it. NULL when there are none.
struct ring_entry *ring_read_all(enum ring_kind, uint64_t since_us, size_t *count);

// Both kinds in one order of time, of all workers: an answer stands behind its query. Otherwise as above.
struct ring_entry *ring_read_both(uint64_t since_us, size_t *count);

// The writer's side. Before the worker starts:
void rings_open(struct worker *);
void rings_close(struct worker *); // nobody reads any more
// Worker thread.
void rings_record_query(const struct query *);
// The answer in q->packet. backend: NULL for cache hits and self-made answers, whose latency is 0.
void rings_record_answer(const struct query *, const struct address *backend, const struct transport *, uint32_t latency_us);
// No answer came from the backend.
void rings_record_timeout(const struct query *, const struct address *backend, const struct transport *);

// An entry of a ring as it lies in memory: two cache lines of words, and a tail that only long names touch.
//
// Private to guard/. The worker writes, anybody reads. Each word is stored with release order and loaded with acquire
// order, so that who reads a word of a newer entry also sees that the sequence has changed.

enum ring_word {
  RING_SEQUENCE, // 2 * position + 1 while it is written, 2 * position + 2 when it is whole, 0 at first
  RING_WHEN,
  RING_CLIENT, // 4 or 16 bytes
  RING_CLIENT_2,
  RING_FACTS, // client's port, qtype, size, protocol, size of the name, from the lowest bit up
  RING_HEADER,
  RING_HEADER_2, // the last 4 bytes of the header, latency
  RING_MORE,     // scope of the client's address, backend's port, families
  RING_BACKEND,
  RING_BACKEND_2,
  RING_NAME,
  RING_WORDS = 16
};
enum { RING_NAME_WORDS = RING_WORDS - RING_NAME, RING_TAIL_WORDS = (NAME_MAX_SIZE + 7) / 8 - RING_NAME_WORDS };
enum { RING_CLIENT_IS_V6 = 1, RING_BACKEND_IS_V6 = 2, RING_HAS_BACKEND = 4 };

struct ring {
  _Atomic uint64_t written; // entries, ever
  uint32_t slot;            // of the next one
  uint32_t pass;            // how many of the next ones sampling leaves out
  _Atomic uint64_t (*entries)[RING_WORDS]; // NULL: not recorded
  _Atomic uint64_t (*tails)[RING_TAIL_WORDS];
};

struct rings {
  struct ring ring[RING_KINDS];
};

// A word that does not begin at a multiple of 8 is the last one of a longer name: its bytes overlap.
static inline size_t
ring_name_offset(size_t size, size_t word)
{
  return size >= 8 && 8 * word + 8 > size ? size - 8 : 8 * word;
}

#endif
