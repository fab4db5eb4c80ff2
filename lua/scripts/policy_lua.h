// SPDX-License-Identifier: BSD-2-Clause
// Policies whose choice is a user's function. Lua lock held, or of a thread's own state.
#ifndef LUA_SCRIPTS_POLICY_LUA_H
#define LUA_SCRIPTS_POLICY_LUA_H

#include "lua/binder/binder.h"

// newServerPolicy(), setServerPolicyLua(), setPoolServerPolicyLua(): closed by a NULL name.
extern const struct lua_function lua_policy_functions[];
// policy_ffi.c: setServerPolicyLuaFFI() and its kin.
extern const struct lua_function ffi_policy_functions[];
// Forgets the tables of servers that were made for functions of a state, which is about to close or gone.
struct script_host;
void lua_policies_close(struct script_host *);

#endif
