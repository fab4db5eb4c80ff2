// SPDX-License-Identifier: BSD-2-Clause
// The rooms as functions: made from rooms.def. Internal to walk/ and explain/.
#ifndef DNSPROXY_WALK_ROOMS_H
#define DNSPROXY_WALK_ROOMS_H

#include "dnsproxy/walk/path.h"
#include "dnsproxy/backends/backend.h"
#include "rules/chain/chain.h"

#define ROOM(id, function, label, help) enum room function(struct query *);
#include "dnsproxy/walk/rooms.def"
#undef ROOM

// What a dry query does to a chain: rule by rule, each told to the explanation that is being made. Set by explain/ while
// there is one; Lua lock.
extern enum verdict (*run_chain_dry)(const struct chain *, struct query *);
// A query that went over a stream and got no answer may be asked again, of another backend of its pool: is there one; ask it.
bool walk_has_elsewhere(const struct query *);
bool walk_send_elsewhere(struct query *); // false: there is none, or it could not be sent

// A chain of the query's configuration. VERDICT_PARKED: the query is somebody else's, and must not be looked at again.
enum verdict run_chain(struct query *, enum chain_id);

#endif
