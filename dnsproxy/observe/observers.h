// SPDX-License-Identifier: BSD-2-Clause
// tell(), and the observers that are always there: counters, latency, rings, verbose lines.
//
//   walk: tell(q, EVENT_...) --> functions of the query's snapshot, by event (core/observer)
//                                --> counters (observers.c), latency, rings (guard/rings), verbose lines
//
// To watch queries (telemetry, a trace): write a struct observer and add it to the configuration, with configuration_observe(), as observers_part does.
// Most counters are counted here, from what happened; those that a room decides about (which chain, which verdict) stay in
// the room.
//
// Queries that explain() makes up are told to nobody. Worker thread; observers_part: as each configuration is made.
#ifndef DNSPROXY_OBSERVE_OBSERVERS_H
#define DNSPROXY_OBSERVE_OBSERVERS_H

#include "dnsproxy/config/snapshot.h"

// The one place that tells what happened. Worker thread.
static inline void
tell(const struct query *q, enum walk_event event)
{
  if (!q->rehearsal.dry)
    observers_tell(q->lease->snapshot->observers, q, event);
}

struct configuration_part;
extern const struct configuration_part observers_part; // adds those that are always there to each configuration

#endif
