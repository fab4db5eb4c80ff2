// SPDX-License-Identifier: BSD-2-Clause
// Health checks: active rounds, lazy windows, transitions (semantics.md section 12).
//
// Thread: the keeper, on its own event base; health_result() may come from any worker. Functions that need Lua
// (checkFunction, state-change callbacks) are called through the hooks given at start, which post to control.
#ifndef DNSPROXY_BACKENDS_HEALTH_H
#define DNSPROXY_BACKENDS_HEALTH_H

#include "dnsproxy/backends/backend.h"

#include <event2/event.h>

struct health_query { // what a check asks; a checkFunction may change it
  struct name name;
  uint16_t type, class;
  uint8_t flags[2]; // header bytes 2 and 3
  bool over_stream; // whatever the backend's way is
};
struct health_hooks {
  // Asks the script of the backend, if it has one, to change the query; calls done(arg) on the keeper thread later, or at once.
  // The query stays valid until done() or health_stop().
  void (*prepare)(struct backend *, struct health_query *, void (*done)(void *arg), void *arg);
  // Asks the validator of the backend about an answer that passed all other checks (the bytes are borrowed for the call).
  // Only called for backends that have one; NULL: none are asked.
  void (*validate)(struct backend *, const uint8_t *answer, size_t size, void (*done)(void *arg, bool valid), void *arg);
  void (*changed)(struct backend *, bool up); // after every transition, and once at the initial check
};

// Checks every backend once and waits for the results (at most the longest time-out, or until event_base_loopbreak()):
// start-up. Keeper's base not yet running.
void health_initial_round(struct event_base *, const struct health_hooks *);
void health_start(struct event_base *, const struct health_hooks *); // periodic checks from now on
void health_stop(void);
// The backends to watch: replaces the list (the snapshot's). Any thread; taken at the next tick. A backend that is new at
// run time is checked at once.
struct backend_list;
void health_watch(struct backend_list *);
// An outcome of a real query, for lazy mode. Any worker; cheap.
void health_result(struct backend *, bool timed_out, unsigned rcode);
void health_log_failures(bool); // setVerboseHealthChecks(). Any thread
// Console: setUp(), setDown(), setAuto()... (objects.tsv). A forced state suspends the checks; the health state stays.
void backend_force(struct backend *, enum health_forced); // setUp(), setDown()
// Back to health checks in this mode. status: NULL leaves the health state as it is. setAuto(): the mode in use.
void backend_set_mode(struct backend *, enum health_mode, const bool *status);
void backend_set_up_status(struct backend *, bool up); // the attribute upStatus: until the next check says otherwise
struct health_params {
  uint32_t timeout_ms, interval_s, max_failures, rise; // setHealthCheckParams(): 0 leaves it as it is
};
void backend_set_health_params(struct backend *, const struct health_params *);

#endif
