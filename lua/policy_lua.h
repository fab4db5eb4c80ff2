// SPDX-License-Identifier: BSD-2-Clause
// Policies whose choice is a user's function. Lua lock held.
#ifndef LUA_POLICY_LUA_H
#define LUA_POLICY_LUA_H

#include "lua/binder.h"

// newServerPolicy(), setServerPolicyLua(), setPoolServerPolicyLua(): closed by a NULL name.
extern const struct lua_function lua_policy_functions[];
// policy_ffi.c: setServerPolicyLuaFFI() and its kin.
extern const struct lua_function ffi_policy_functions[];
// Forgets the tables of servers that were made for functions: the state is about to close.
void lua_policies_close(void);

#endif
