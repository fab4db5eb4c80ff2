// SPDX-License-Identifier: BSD-2-Clause
// One health check on the wire: a query from a fresh socket, over UDP or TCP, and the verdict on its answer.
//
// Thread: the one that runs the event base (keeper).
#ifndef DNSPROXY_BACKENDS_HEALTH_PROBE_H
#define DNSPROXY_BACKENDS_HEALTH_PROBE_H

#include "dnsproxy/backends/health.h"

struct probe;

struct probe_result {
  const char *error;     // why it failed; NULL: the answer is good
  bool shortage;         // ... for want of something on this machine: no verdict
  const uint8_t *answer; // valid during the call, when error is NULL
  size_t size;
};
typedef void (*probe_done_fn)(void *arg, const struct probe_result *);

// done() is called once, from the loop and never from here; the probe is gone afterwards. The backend and, until then,
// the query must stay.
struct probe *probe_start(struct event_base *, struct backend *, const struct health_query *, uint32_t timeout_ms,
                          probe_done_fn done, void *arg);
void probe_cancel(struct probe **); // before done()

// Why these bytes are no proof of health; NULL: they are (semantics.md 12).
const char *probe_verdict(const struct health_query *, uint16_t id, bool must_resolve, const uint8_t *answer, size_t size);

#endif
