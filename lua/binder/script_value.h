// SPDX-License-Identifier: BSD-2-Clause
// What a Lua function becomes when it is an argument: a counted handle that C keeps.
//
// The binder makes one per PARAM_FUNCTION argument; lua/scripts says how the function is kept, copied to other threads
// and called. Thread: Lua lock, except where said.
#ifndef LUA_BINDER_SCRIPT_VALUE_H
#define LUA_BINDER_SCRIPT_VALUE_H

#include "dnsproxy/base/object.h"

#include <lua.h>

// A Lua function kept by C: counted; may be dropped on any thread.
struct script;
extern const struct object_class script_class;
struct script *script_new(lua_State *, int index);
// Pushes the function. Lua lock held.
void script_push(lua_State *, const struct script *);
// Where it was defined: "file:line".
const char *script_where(const struct script *);

#endif
