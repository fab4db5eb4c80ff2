// SPDX-License-Identifier: BSD-2-Clause
// One health check on the wire: a query, fresh and alone, the way that queries go, and the verdict on its answer.
//
//   check (health.c) --> probe --> over a stream: backend_connect(), a connection (net/connection) that speaks DNS
//                              --> over UDP: backend_socket_open()                 both in backend_socket.h, as for queries
//
// What is asked for of the way (protocol, source, interface, class, fast open, a PROXY header) is thus the same for checks and
// queries, and so is whatever byte layer a backend gets: a check over TLS is a handshake more in backend_connect().
//
// Life: started; then done() once, from the loop; or cancelled before. Its connection may outlive it until the end of the turn.
// All probes live on one event base at a time; probes_close() ends what they share. Thread: the one that runs it (keeper).
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
void probes_close(void); // no probe is under way. Before the base goes

// Why these bytes are no proof of health; NULL: they are (semantics.md 12).
const char *probe_verdict(const struct health_query *, uint16_t id, bool must_resolve, const uint8_t *answer, size_t size);

#endif
