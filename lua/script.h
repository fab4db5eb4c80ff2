// SPDX-License-Identifier: BSD-2-Clause
// Forgetting scripts that nobody holds any more; what everybody else needs of them is in control_state.h.
#ifndef LUA_SCRIPT_H
#define LUA_SCRIPT_H

#include <lua.h>

// Lua lock held; NULL: the state is gone.
void scripts_forget(lua_State *);

#endif
