// SPDX-License-Identifier: BSD-2-Clause
// Queries and answers that a script has suspended: parked under a pair of numbers until a script resumes or drops them, or
// their time is over: then they go on as if nothing had happened.
//
//   action: suspend(pair, time) --> parked --suspended_take()--> a script's --suspended_resume()--> its worker: the room where
//                                     |                                     --suspended_drop()----> it was suspended, again
//                                     +-- time over --> goes on
//
// Ownership: the table has a parked query; suspended_take() gives it to one script, which holds the Lua lock whenever it
// looks at it; its worker gets it back by suspended_resume(), suspended_drop(), or when the time is over. Memory of the
// worker's slabs is never exchanged meanwhile (query_make_portable()), because a script may be on any thread.
//
// The table is one for the process, under a lock of its own, as whoever takes a query back may be anywhere. It goes back by
// a post to its worker. Threads: as each function says.
#ifndef DNSPROXY_WALK_SUSPENDED_H
#define DNSPROXY_WALK_SUSPENDED_H

#include "dnsproxy/base/object.h"
#include "dnsproxy/core/query.h"

enum { SUSPENDED_MAX = 65536 }; // of the process

struct suspended {
  struct object object;
  uint16_t async_id, query_id;
  bool response; // it was suspended as an answer
  struct suspended_place *place; // private
};

// ---- of the worker that walks the query ----

// From an action, about the query it runs for: its place is kept, nobody finds it yet. False: not in this chain, the pair
// is in use, too many are suspended, or no memory.
bool suspend(struct query *, uint16_t async_id, uint16_t query_id, uint32_t timeout_ms);
// The action has returned: from here on the query is its place's, not the caller's. The action's verdict is VERDICT_PARKED.
void suspended_park(struct query *);
void suspended_drain(struct worker *); // all go on now; those to come do at once
void suspended_close(struct worker *); // all are dropped

// ---- of scripts, Lua lock held ----

// NULL: it is gone, or somebody else has it. *view is the query, until it is the script's no longer: then NULL. The
// reference is the caller's.
struct suspended *suspended_take(uint16_t async_id, uint16_t query_id, struct query **view);
// Gives it back to its worker. False: it was over already.
bool suspended_resume(struct suspended *);
bool suspended_drop(struct suspended *);
// The script has lost interest: others can find it again until its time is over.
void suspended_give_back(struct suspended *);

// ---- of any thread, without the Lua lock ----

// Runs `change` on the query that waits under the pair, and then gives it back to its worker, to be dropped if it returns
// false. It may ask for no random numbers and no memory of the worker's. False: it is gone, or somebody has it.
bool suspended_change(uint16_t async_id, uint16_t query_id, bool (*change)(struct query *, bool response, void *), void *arg);

#endif
