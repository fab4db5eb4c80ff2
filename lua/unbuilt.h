// SPDX-License-Identifier: BSD-2-Clause
// Names of the dialect that are accepted but not built (unbuilt.def). Lua lock held.
#ifndef LUA_UNBUILT_H
#define LUA_UNBUILT_H

#include <lua.h>

// Sets the globals. Call it before the built functions are registered: those win.
void unbuilt_register(lua_State *);
void unbuilt_each(void (*visit)(const char *name, void *arg), void *arg);

#endif
