// SPDX-License-Identifier: BSD-2-Clause
// Queries in flight on one TCP connection, by the id that they have there. Internal to pool/. Thread: the worker.
//
// Ids count up and are ours, so that clients' ids do not meet. A query may be abandoned: its slot stays taken, because
// a late answer is to be expected, and to be ignored.
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
