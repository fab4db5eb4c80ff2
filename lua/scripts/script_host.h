// SPDX-License-Identifier: BSD-2-Clause
// A Lua state in which users' functions are called for queries: the shared one, or a thread's with copies.
//
// Owner: lua/scripts/control_state (Lua lock), lua/scripts/thread_state (its thread).
#ifndef LUA_SCRIPTS_SCRIPT_HOST_H
#define LUA_SCRIPTS_SCRIPT_HOST_H

#include "lua/scripts/copies.h"
#include "lua/scripts/question_access.h"

struct server_table; // lua/scripts/policy_lua.c: the servers of a pool as policies are given them, kept from query to query

struct script_host {
  lua_State *lua;
  struct scopes scopes;
  struct copies copies; // of a thread
  struct server_table *servers; // NULL: no policy was asked yet
};

struct script_host *control_host(void); // Lua lock held
struct script_host *thread_host(void);  // of the calling thread; NULL: no memory

#endif
