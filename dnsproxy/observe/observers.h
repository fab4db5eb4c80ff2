// SPDX-License-Identifier: BSD-2-Clause
// tell(), and the observers that are always there: counters, latency, rings, verbose lines.
//
// To watch queries (telemetry, a trace): write a struct observer and give it to configuration_observe().
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
