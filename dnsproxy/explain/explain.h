// SPDX-License-Identifier: BSD-2-Clause
// What would happen to a query, room by room: a query that is made up walks through the rooms that real ones walk through,
// on a guest worker and with nothing left behind. The walk ends where the query would go to a backend, be answered or be
// dropped.
//
//   explain_request --> query on a guest --> room, room, ... (walk/rooms.def) --> end
//                                              | run_chain_dry: rule by rule, what it matched and did
//                                              v
//   json: query, rooms with rules and changes, end, answer --explain_text()--> lines for people
//
// The trick is that nothing is told twice: the rooms are the program's own. `rehearsal.dry` in the query says to rules that
// keep state, to limits and to counters that this one only looks; a guest is a worker that is in no table and whose counters
// nobody sums. What a room or rule did is found out from outside: the facts of the query before and after (explain_facts)
// are compared. What sends is not run, and a user's function is run only if it is proven to share nothing, or if the caller
// asks for it; else the explanation says that it could not be told.
//
// Thread: any but a worker's, Lua lock held. One explanation at a time: a script that explains while it is explained gets
// none.
#ifndef DNSPROXY_EXPLAIN_EXPLAIN_H
#define DNSPROXY_EXPLAIN_EXPLAIN_H

#include "dnsproxy/base/netmask.h"
#include "dnsproxy/config/snapshot.h"

#include <jansson.h>

struct explain_request {
  struct name name;
  uint16_t type, class;
  struct address client, local;
  bool tcp;
  bool rd, ad, cd;
  uint16_t payload;   // of EDNS; 0: the query has none
  bool dnssec_ok;     // needs EDNS
  struct netmask ecs; // sent along if has_ecs, needs EDNS
  bool has_ecs;
  bool scripts;       // run functions that may do more than look
  int rcode;          // the walk goes on as if the backend answered so; -1: it ends there
};
#define EXPLAIN_REQUEST_INIT {.class = 1, .rd = true, .rcode = -1}

// {"query": {...}, "rooms": [{"room", ...}, ...], "end": {"what", ...}, "answer": {...}, "untold": bool}. NULL: no memory, or another is being made.
json_t *explain(const struct explain_request *, struct snapshot *);
// The same for people.
void explain_text(const json_t *explanation, struct text *out);

#endif
