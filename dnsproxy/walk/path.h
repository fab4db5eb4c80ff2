// SPDX-License-Identifier: BSD-2-Clause
// The walk: who calls it, and the rooms by name. START READING in rooms.def, then query_path.c and answer_path.c.
//
// Thread: the worker that owns the query.
#ifndef DNSPROXY_WALK_PATH_H
#define DNSPROXY_WALK_PATH_H

#include "dnsproxy/core/query.h"

enum room {
#define ROOM(id, function, label, help) ROOM_##id,
#include "dnsproxy/walk/rooms.def"
#undef ROOM
  ROOM_COUNT,
  ROOM_PARKED, // somebody else owns the query now
  ROOM_DONE,   // handed to the client's transport
  ROOM_DROP    // q->drop says why
};


struct room_row {
  const char *label, *help;
  enum room (*enter)(struct query *);
};
extern const struct room_row room_rows[ROOM_COUNT];

// Walks from `room` until the query is parked, answered or dropped (and counted).
void path_walk(struct query *, enum room);
// Ends a query that nobody else has, for a reason that is counted.
void path_drop(struct query *, unsigned drop);
// The hooks that transports and upstreams call.
extern const struct walk_hooks path_hooks;

#endif
