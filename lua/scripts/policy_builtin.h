// SPDX-License-Identifier: BSD-2-Clause
// The function behind a policy, as scripts call it: function(servers, dq) -> index. Lua lock held.
#ifndef LUA_SCRIPTS_POLICY_BUILTIN_H
#define LUA_SCRIPTS_POLICY_BUILTIN_H

#include "dnsproxy/backends/pool.h"

#include <lua.h>

// A script's own function, or one that asks the built-in policy.
void policy_push_function(lua_State *, struct policy *);

struct builtin_policies { // private
  struct pool_state turns; // the turn of roundrobin goes on from call to call
  // The last pool with hash points: its ring is costly, and the next call mostly brings the same servers.
  struct pool *pool; // counted; NULL: none yet
  int32_t *weights;
};
void policy_builtin_open(struct builtin_policies *);
void policy_builtin_close(struct builtin_policies *);

#endif
