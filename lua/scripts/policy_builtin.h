// SPDX-License-Identifier: BSD-2-Clause
// The function behind a policy, as scripts call it: function(servers, dq) -> index. Lua lock held.
#ifndef LUA_SCRIPTS_POLICY_BUILTIN_H
#define LUA_SCRIPTS_POLICY_BUILTIN_H

#include "dnsproxy/backends/pool.h"

#include <lua.h>

// A script's own function, or one that asks the built-in policy.
void policy_push_function(lua_State *, struct policy *);
void policy_builtin_close(void); // lets go of what it keeps

#endif
