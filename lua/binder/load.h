// SPDX-License-Identifier: BSD-2-Clause
// Running a file of configuration: the main one, and those that it includes; and where a function was called.
//
//   load_chunk(path) --> bytes --> luaL_loadbuffer() under the file's own name --> protected call --> fault: "path:line: what"
//
// The name that a chunk is loaded under is what errors and warnings show to people, so it is the file's path. A stack of
// files tells which one runs; a file that includes itself, or too many in each other, is refused before C's stack is. Lua
// lock held.
//
// Declared here for those below; the code is of the state's (lua/scripts/control_state).
#ifndef LUA_BINDER_LOAD_H
#define LUA_BINDER_LOAD_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/base/text.h"

#include <lua.h>

// Lua lock held. FAULT_CAUGHT: a run-time error; FAULT_PLAIN: syntax, or the file cannot be read.
bool load_chunk(lua_State *, const char *path, struct fault *, struct text *detail);
// The same for a file that another one includes: a failure is logged with the file's name, which the main file's own
// error, raised further, does not have.
bool load_included(lua_State *, const char *path, struct fault *, struct text *detail);
// Starts what a source will want once it runs, where that takes time: looks for the names of the functions. Before any
// source is compiled; may wait, but not on a worker.
void load_prepare(const char *source, size_t size);
const char *load_current_path(void); // of the file that runs, an included one too; NULL: none does
// Where in the configuration the running function was called: "/etc/dnsproxy.conf:12", "console". Returns `out`, which
// has PLACE_TEXT_SIZE bytes.
enum { PLACE_TEXT_SIZE = 1100 };
const char *load_place(lua_State *, char *out);

#endif
