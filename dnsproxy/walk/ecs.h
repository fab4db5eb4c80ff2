// SPDX-License-Identifier: BSD-2-Clause
// Client subnet on the walk: whether a query gets one, which, and how the answer loses it again. Thread: the worker.
#ifndef DNSPROXY_WALK_ECS_H
#define DNSPROXY_WALK_ECS_H

#include "dnsproxy/core/query.h"

// Of pools that are not plain: does the backend, or its pool if none is chosen yet, want the client's subnet?
bool ecs_is_wanted(const struct query *);
// May an answer that is good for everybody be looked up without a subnet? Its cache must tell subnets apart.
bool ecs_has_zero_scope(const struct query *);
// Adds or replaces it as the query's verdicts say. False: it does not fit.
bool ecs_add(struct query *);
// Takes off the answer what was added to the query, and notes whether the answer is good for everybody.
bool ecs_take_off(struct query *); // false: the answer cannot be read, and must not go to the client

#endif
