// SPDX-License-Identifier: BSD-2-Clause
// Queries in flight on one TCP connection, by the id that they have there.
//
//   upstream_slots_add(): next id --> slot id % size          answer with the id --> slot --> query
//   the query's time is over: abandoned                       its late answer --> slot without a query: ignored, and free
//
// Ids count up and are ours, so that clients' ids do not meet on a shared connection; the client's comes back in room
// check_answer. A query may be abandoned: its slot stays taken, because a late answer is to be expected, and to be ignored.
// The list is made with the first query and doubles when half of it is taken. Only the peer of the connection can answer, so
// ids need not be unforeseeable.
//
// Owner: the connection. Internal to upstream/. Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_SLOTS_H
#define DNSPROXY_UPSTREAM_UPSTREAM_SLOTS_H

#include "dnsproxy/core/query.h"

struct upstream_slot {
  struct query *query;
  uint16_t id;
  bool taken;
};

struct upstream_slots {
  struct upstream_slot *list; // list[id % size]; NULL until the first query
  uint32_t size;              // a power of two
  uint32_t queries;           // slots with one
  uint32_t abandoned;         // slots taken without
  uint32_t ids_used;          // in all
  uint16_t next_id;
};

// Gives the query an id (q->sequence, slot->id). NULL: no memory. At most 32768 may be taken at a time.
struct upstream_slot *upstream_slots_add(struct upstream_slots *, struct query *);
struct upstream_slot *upstream_slots_find(const struct upstream_slots *, uint16_t id); // NULL: nobody asked
struct query *upstream_slots_clear(struct upstream_slots *, struct upstream_slot *);   // its query; NULL if abandoned
void upstream_slots_abandon(struct upstream_slots *, struct upstream_slot *);
void upstream_slots_forget_abandoned(struct upstream_slots *); // no answer can come any more
void upstream_slots_fini(struct upstream_slots *);             // without queries

#endif
