// SPDX-License-Identifier: BSD-2-Clause
// What the files of the walk share: the rooms as functions (made from rooms.def), running a chain, trying another backend.
//
// A room's prototype is its row in rooms.def: who adds one writes the row where it is walked through, the function at the
// same place in query_path.c or answer_path.c, and returns it from the room before. explain/ calls the same functions.
//
// run_chain() is the only way into rules: it knows queries that come back from a suspension, whose chain is behind them, and
// dry ones, whose rules are told one by one. Trying again elsewhere is asked from two sides: by the hook when a connection
// broke, and by the room of an answer that rules did not like.
//
// Internal to walk/ and explain/. Thread: the worker.
#ifndef DNSPROXY_WALK_ROOMS_H
#define DNSPROXY_WALK_ROOMS_H

#include "dnsproxy/backends/backend.h"
#include "dnsproxy/walk/path.h"
#include "rules/chain/chain.h"

struct listener;
struct snapshot;

#define ROOM(id, function, label, help) enum room function(struct query *);
#include "dnsproxy/walk/rooms.def"
#undef ROOM

// What a dry query does to a chain: rule by rule, each told to the explanation that is being made. Set by explain/ while
// there is one; Lua lock.
extern enum verdict (*run_chain_dry)(const struct chain *, struct query *);
// A query that went over a stream and got no answer may be asked again, of another backend of its pool: is there one; ask it.
bool walk_has_elsewhere(const struct query *);
bool walk_send_elsewhere(struct query *); // false: there is none, or it could not be sent

// Must what comes from this peer have a PROXY header? It then need not be in the ACL.
bool walk_expects_header(const struct snapshot *, const struct listener *, const struct address *peer);

// A chain of the query's configuration. VERDICT_PARKED: the query is somebody else's, and must not be looked at again.
enum verdict run_chain(struct query *, enum chain_id);

#endif
