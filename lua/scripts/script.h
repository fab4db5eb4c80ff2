// SPDX-License-Identifier: BSD-2-Clause
// The functions of users that C keeps: where each is from, what calls it, and where it runs.
//
// Counted; dropped on any thread. What calls them is in script_call.h.
#ifndef LUA_SCRIPTS_SCRIPT_H
#define LUA_SCRIPTS_SCRIPT_H

#include "dnsproxy/base/object.h"
#include "dnsproxy/core/worker.h"
#include "lua/scripts/control_state.h"

#include <pthread.h>
#include <stdatomic.h>

// Written by one worker each; the last is for all other threads, under the Lua lock.
struct script_counts {
  _Alignas(64) _Atomic uint64_t calls, errors, sampled_calls, sampled_us;
};

// Where the function runs.
enum script_mode {
  SCRIPT_ONCE,   // called by events: hooks, checks, handlers; in the shared state
  SCRIPT_SHARED, // by queries, in the shared state under its lock
  SCRIPT_COPIED, // by queries, in copies on every worker
};

struct purity;

// The scripts of one configuration. Counted: each holds it, for there may be some when its Lua state is gone.
struct script_list {
  struct object object;
  struct scripts *scripts; // NULL: closed
  pthread_mutex_t lock;    // of the rest
  struct script *alive, *_Atomic dropped;
  _Atomic uint64_t changes; // of those alive and of users
};
struct script_list *script_list_new(struct scripts *);
void script_list_close(struct script_list **); // the Lua state is closed. Lua lock held

struct script {
  struct object object;
  struct script_list *list;
  int reference; // into the registry of the shared state
  char *where;   // "file:line"
  struct script *next, **previous; // of those alive; `next` also of those to be forgotten
  const char *user;         // "LuaAction": what calls it for queries; NULL: events do. Set before queries can come
  bool may_copy;            // the user can call a copy
  _Atomic uint8_t mode;     // enum script_mode
  _Atomic bool endless;     // it may go on for ever: its calls are watched
  _Atomic bool harmless;    // calling it changes nothing but its query
  _Atomic int position;     // in the image of copies, as a guess
  bool told;                // start-up named it
  char *reason;             // why it is shared. Lua lock
  struct purity *purity;    // what it touches, as of the last look (copies.h); NULL: not looked at, or out of date. Lua lock
  struct purity *effects;   // the same for one that runs whole in the shared state: of events
  _Atomic(struct script_counts *) counts; // worker_count() + 1 of them, once it was called
};

// Says who calls it for queries. Lua lock held.
void script_used_by(struct script *, const char *user, bool may_copy);
// Moves when a script comes, goes or gets a user. Any thread.
uint64_t scripts_generation(const struct script_list *);
// Every script alive, Lua lock held; the visitor makes and drops none.
void scripts_each(struct script_list *, void (*visit)(struct script *, void *), void *arg);
// May it be called for this query? False, and the query is untold, for one that is made up and a function that may do more
// than look. Any thread.
bool script_may_run(const struct script *, struct query *);
// The counters for the calling thread's query; NULL: it is made up, there are no workers yet, or no memory.
struct script_counts *script_counts(struct script *, const struct query *);
void scripts_forget(struct script_list *); // gives up what was dropped. Lua lock held
// Where it runs, and the lock of that. Whoever calls it knows a snapshot, or something else, that keeps it open.
struct scripts *script_home(const struct script *);
lua_State *script_lock(const struct script *); // returns the state; control_unlock() gives it up
// The same for who knows nothing that keeps it open. NULL: its configuration is gone, and there is nothing to unlock.
lua_State *script_list_enter(struct script_list *);
lua_State *script_enter(const struct script *);

#endif
