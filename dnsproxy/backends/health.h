// SPDX-License-Identifier: BSD-2-Clause
// Health checks: active rounds, lazy windows, transitions (semantics.md section 12).
//
//   tick, once a second --> book of the backend: is a check due? --> script (prepare) --> probe on the wire (health_probe)
//                                 ^                                                             |
//   workers: health_result() -----+<---- decide: rise, fall, window <---- script (validate) <---+ verdict
//
// A check is a small object from "due" to "decided"; one at a time per backend. The book counts failures and successes in a row,
// keeps the window of a lazy backend's last queries, and says when the state changes, which is then told (log, hooks). It knows
// no sockets and no clocks: time comes in ticks, so that tests play years of it. Queries over streams have a health of their
// own: trouble is learnt from traffic, and a check over a stream says when it is over.
//
// Thread: the keeper, on its own event base; health_result() may come from any worker, without the book's lock. Results and ticks
// (keeper) and forced states and parameters (control) are under it. Functions that need Lua (checkFunction, state-change
// callbacks) are called through the hooks given at start, which post to control.
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

// ---- the book of a backend: what is known about its health, and what the next result makes of it. No sockets, no clocks ----

enum health_change { HEALTH_SAME, HEALTH_CAME_UP, HEALTH_WENT_DOWN, HEALTH_STARTS_UP, HEALTH_STARTS_DOWN };
enum lazy_status { LAZY_HEALTHY, LAZY_POTENTIAL_FAILURE, LAZY_FAILED };

struct health *health_new(const struct backend_options *);
void health_free(struct health **);

// A tick has passed. True: a check is due; it is under way until health_decide() or health_abandon().
bool health_tick(struct backend *);
// A first check, outside of the ticks: false when the state is forced or the backend was checked before.
bool health_begin_first(struct backend *);
// A lazy backend that is new at run time: up and Healthy without a check. False when it is not lazy.
bool health_trust(struct backend *);
// The result of the check under way. The first one decides alone.
enum health_change health_decide(struct backend *, bool success);
void health_abandon(struct backend *);

enum lazy_status health_lazy_status(struct backend *);
struct health_params health_params(struct backend *);

#endif
