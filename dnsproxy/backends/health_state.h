// SPDX-License-Identifier: BSD-2-Clause
// What is known about a backend's health, and what the next result makes of it: no sockets, no clocks.
//
// One per backend, part of it. Under its own lock: keeper (results, ticks) and control (forced states, parameters).
// Workers only add samples, without the lock. Time is counted in ticks of the keeper, one per second.
#ifndef DNSPROXY_BACKENDS_HEALTH_STATE_H
#define DNSPROXY_BACKENDS_HEALTH_STATE_H

#include "dnsproxy/backends/health.h"

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
