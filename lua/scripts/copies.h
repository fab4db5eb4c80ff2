// SPDX-License-Identifier: BSD-2-Clause
// Which functions of users run on every worker, and keeping their copies true.
//
// A function whose purity (purity.h) says that it shares nothing, and that nobody who runs for queries writes what it
// reads, gets a copy on each thread that calls it. Copies are renewed before the result of whatever may have changed what
// they reach can be seen: copies_renew() before the Lua lock is given up. Everything else runs in the shared state.
#ifndef LUA_SCRIPTS_COPIES_H
#define LUA_SCRIPTS_COPIES_H

#include "lua/scripts/image.h"
#include "lua/scripts/script.h"

void copies_open(lua_State *);  // once, before anything of a user's runs
void copies_close(void);
void copies_touched(void);      // Lua ran that may have changed values: a command, maintenance(), a hook. Lua lock held
void copies_renew(lua_State *); // if so, or functions came or went. Lua lock held, outermost
extern _Atomic bool copies_enabled; // setLuaCopies(false): everything in the shared state

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
