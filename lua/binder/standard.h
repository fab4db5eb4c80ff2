// SPDX-License-Identifier: BSD-2-Clause
// The standard libraries of Lua, for every state that scripts run in. What they print goes the way of log lines: it is queued
// while the process serves, because a worker that prints must not wait for whoever reads standard output.
#ifndef LUA_BINDER_STANDARD_H
#define LUA_BINDER_STANDARD_H

#include <lua.h>

void standard_libraries_open(lua_State *); // may raise: no memory

#endif
