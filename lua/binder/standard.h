// SPDX-License-Identifier: BSD-2-Clause
// The standard libraries of Lua, for every state that scripts run in.
//
//   standard_open(lua): base, string, table, math, io, os, ffi, jit, ...; print() and io.write() end in the log's queue
//
// What they print goes the way of log lines: it is queued while the process serves, because a worker that prints must not
// wait for whoever reads standard output (base/log_sink). All states have the same ones, so that a function that was copied
// finds what it knew.
//
// Thread: that of the state.
#ifndef LUA_BINDER_STANDARD_H
#define LUA_BINDER_STANDARD_H

#include <lua.h>

void standard_libraries_open(lua_State *); // may raise: no memory

#endif
