// SPDX-License-Identifier: BSD-2-Clause
// A Lua state in which users' functions are called for queries: the shared one, or a thread's with copies.
//
// Owner: lua/control_state (Lua lock), lua/thread_state (its thread).
#ifndef LUA_SCRIPT_HOST_H
#define LUA_SCRIPT_HOST_H

#include "lua/copies.h"
#include "lua/question_access.h"

struct server_table; // lua/policy_lua.c: the servers of a pool as policies are given them, kept from query to query

struct script_host {
  lua_State *lua;
  struct scopes scopes;
  struct copies copies; // of a thread
  struct server_table *servers; // NULL: no policy was asked yet
};

struct script_host *control_host(void); // Lua lock held
struct script_host *thread_host(void);  // of the calling thread; NULL: no memory

#endif
