// SPDX-License-Identifier: BSD-2-Clause
// What happens to a query, told in one place: the walk calls tell(), and whoever is interested has a function for it.
//
//   walk: tell(q, EVENT_ANSWERED) --> observers of the query's snapshot --> counters, latency, rings, verbose lines, ...
//
// An *observer* is a name and a function per event that it wants; one with facts of its own embeds it and casts back. It is
// added to the configuration (configuration_observe()), and each snapshot has the functions of those that are on in one array per event, so
// that an observer that is off costs nothing and the others cost a call. A query is told to the observers of the snapshot
// that it began under. Queries that explain() makes up are told to nobody.
//
// Functions run on the worker, between two rooms: they may look at everything in the query, change nothing in it, and must
// not wait. What takes longer goes through a lane to a thread of its own (observe/exporter.h).
#ifndef DNSPROXY_CORE_OBSERVER_H
#define DNSPROXY_CORE_OBSERVER_H

#include "dnsproxy/base/object.h"
#include "dnsproxy/core/query.h"

enum walk_event {
  EVENT_ARRIVED,   // admitted; nothing of the packet was looked at
  EVENT_SEEN,      // its question is known
  EVENT_SENT,      // on its way to q->backend; again when it is sent again
  EVENT_ANSWERED,  // the client is about to get q->packet
  EVENT_DROPPED,   // it ends without an answer: q->drop says why
  EVENT_TIMED_OUT, // q->backend gave no answer, and no other one is asked; EVENT_DROPPED follows, or a rule helps
  EVENT_COUNT
};

struct observer;
typedef void (*observe_fn)(const struct observer *, const struct query *);

struct observer {
  const char *name;
  bool (*is_on)(const struct observer *); // asked whenever a snapshot is built; NULL: always
  observe_fn told[EVENT_COUNT];           // NULL: not wanted
};

enum { OBSERVERS_MAX = 16 };

// Those that are on, by event. Immutable, shared by snapshots.
struct observers {
  struct object object;
  uint8_t count[EVENT_COUNT];
  struct told {
    observe_fn function;
    const struct observer *observer;
  } told[EVENT_COUNT][OBSERVERS_MAX];
};
// A reference for the caller; `last` itself if nothing differs. An observer must outlive every snapshot with it.
struct observers *observers_build(const struct observer *const *all, size_t count, struct observers *last);

static inline void
observers_tell(const struct observers *o, const struct query *q, enum walk_event event)
{
  for (unsigned i = 0; i < o->count[event]; i++)
    o->told[event][i].function(o->told[event][i].observer, q);
}

#endif
