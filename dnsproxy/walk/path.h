// SPDX-License-Identifier: BSD-2-Clause
// The walk: who calls it, and the rooms by name. START READING in rooms.def, then query_path.c and answer_path.c.
//
//   datagrams, streams --query(), queries()--> admit ... forward --> upstream/ --answer(), failed()--> check_answer ... reply
//                                                |                                    or timeout_rules -^
//                                                +--> answered on the way (cache, rules): joins at cache_hit_rules or
//                                                     self_answered_rules
//
// A room is a function that does one thing and returns the next room; path.c is the loop that calls them. Three returns end
// the loop: ROOM_PARKED, somebody else has the query now and must not be raced for it; ROOM_DONE, the client's transport has
// it; ROOM_DROP, with the reason in q->drop, which is counted. Nothing ends in another way, so that queries = answers +
// drops + parked.
//
// A query begins with a lease of the newest configuration and ends under it, however often that is replaced meanwhile.
// Whoever parked it brings it back through path_walk(), or through the hooks that transports and upstream/ were given.
//
// Thread: the worker that owns the query. Nothing here blocks or allocates but from slabs.
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
