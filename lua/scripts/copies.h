// SPDX-License-Identifier: BSD-2-Clause
// Which functions of users run on every worker, and keeping their copies true.
//
// A function whose purity (purity.h) says that it shares nothing, and that nobody who runs for queries writes what it
// reads, gets a copy on each thread that calls it; everything else runs in the shared state. All copied functions, with
// the values that they reach, are one *image*: bytes that each thread loads when it next calls one of them.
//
// The trick is to know when an image is out of date without looking at values. Values of the shared state change only when
// Lua runs there: a command, maintenance(), a callback. Whoever runs one says so beforehand (copies_will_run()), and what
// that function can write is found in its bytecode: these globals, variables and tables, or "cannot be told".
// copies_renew(), before the Lua lock is given up, looks again only at the functions that read one of these, and makes a
// new image only if such a one is copied. So a program whose scripts do not change what rules read does nothing here,
// however large that is, and an answered command is seen by every query that comes after it.
//
// Lua lock, except for copies_push() and copies_drop(): the thread that calls.
#ifndef LUA_SCRIPTS_COPIES_H
#define LUA_SCRIPTS_COPIES_H

#include "lua/scripts/image.h"
#include "lua/scripts/purity.h"
#include "lua/scripts/script.h"

#include <pthread.h>

// Of a configuration: the image of its functions, and what is known of whether that holds. Private.
struct copies_source {
  bool enabled;          // setLuaCopies(false): everything in the shared state. Lua lock
  bool readable;         // this LuaJIT's instructions are known
  // What changed since the last renewal. Lua lock.
  bool everything;       // or whatever: nobody can tell
  struct places written; // these, at least
  uint64_t scripts;      // generation of the list, then
  uint64_t looks;
  uint64_t again_us;     // when the next try may be, after one that failed; 0: any time
  struct places unread;  // written before, and nobody who is known reads them: nothing to do when they are again
  struct places shared;  // what functions that run for queries in the shared state may write at any time
  pthread_mutex_t lock;  // of `current`
  struct image *current; // one reference; NULL: nothing is copied
  _Atomic uint64_t generation; // of `current`; never that of another configuration's
};
void copies_open(struct copies_source *, lua_State *); // before anything of a user's runs
void copies_close(struct copies_source *);
// The function at `index` is about to run in the shared state.
void copies_will_run(lua_State *, int index);
void copies_will_run_script(lua_State *, struct script *); // the same, remembering what was found
void copies_touched(void);      // anything may have changed
void copies_renew(lua_State *); // if something did, or functions came or went. Outermost hold of the lock
uint64_t copies_looks(void);    // functions looked at since the start: what renewing costs

// What a thread has loaded; its own. Zero to begin with.
struct copies {
  uint64_t generation;
  struct image *image; // one reference
  int functions;       // table in the registry of the thread's state
};
// Pushes the function's copy. False: it has none that is up to date.
bool copies_push(lua_State *, struct copies *, const struct script *);
void copies_drop(struct copies *); // the state is gone

#endif
