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

#endif
