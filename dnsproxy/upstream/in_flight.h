// SPDX-License-Identifier: BSD-2-Clause
// Queries in flight over one UDP socket to a backend: an array of slots by id.
//
//   sequence 0, 1, 2, ... --keyed permutation--> id on the wire          so that ids neither repeat early nor can be foreseen
//            \--modulo the size--> slot                                   an answer's id leads back to its slot, no search
//
// Time-outs need no list or wheel: queries were sent in the order of their sequence, so that walking the sequence from the
// oldest finds those that are over first. A query that is slow keeps its slot; newer ones go around it, the table grows if
// there are many such (between batches, up to the limit), and at the limit the oldest gives way.
//
// Owner: the socket. Thread: the worker. The limit is setMaxUDPOutstanding().
#ifndef DNSPROXY_UPSTREAM_IN_FLIGHT_H
#define DNSPROXY_UPSTREAM_IN_FLIGHT_H

#include "dnsproxy/base/random.h"
#include "dnsproxy/core/query.h"

struct in_flight {
  struct query **slots; // slots[sequence & mask]; q->sequence tells which
  uint32_t mask;        // size - 1
  uint32_t used;
  uint32_t limit;       // most queries, up to 65536
  uint32_t size_most;   // most slots, a power of two
  uint64_t next, oldest; // sequence numbers: oldest <= every one in flight < next
  struct permutation16 ids;
};

void in_flight_init(struct in_flight *, uint32_t limit);
void in_flight_fini(struct in_flight *); // must be empty
// Puts the query into a slot and gives its id. *evicted: the query that had to give way (setMaxUDPOutstanding), or NULL.
uint16_t in_flight_add(struct in_flight *, struct query *, struct query **evicted);
struct query *in_flight_peek(const struct in_flight *, uint16_t id); // NULL: nobody waits for this id
void in_flight_take(struct in_flight *, struct query *);
// The oldest query if it was sent at or before `sent_us`, taken out; else NULL.
struct query *in_flight_expire(struct in_flight *, uint64_t sent_us);
// Doubles the table if more than half of it is used: between batches.
void in_flight_grow(struct in_flight *);

#endif
