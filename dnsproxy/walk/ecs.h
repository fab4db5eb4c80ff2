// SPDX-License-Identifier: BSD-2-Clause
// Client subnet (RFC 7871) on the walk: whether a query gets one, which, and how the answer loses it again.
//
//   room ecs:     wanted? --> the client's network, or the one that a rule set --> added, replaced, or kept as it came
//   room restore: off again, with the OPT if that was ours too; is the answer good for everybody (scope 0)?
//
// Whether it is wanted is said by backends (useClientSubnet) and pools; those of a pool that disagree have their backend
// chosen first. Cutting the client's address to the configured bits is what keeps it private, so the prefix is bounded where
// it is set. An answer of scope 0 is kept in the cache under the key from before the subnet was added (subnet.hash_for_all),
// and found by clients of any subnet.
//
// What was done is in q->subnet, and only that is undone. Thread: the worker.
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
