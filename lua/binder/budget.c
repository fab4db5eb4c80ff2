// SPDX-License-Identifier: BSD-2-Clause
// Deadlines and the hook that looks at them.
#include "lua/binder/budget.h"

#include "dnsproxy/base/clock.h"

#include <lauxlib.h>
#include <luajit.h>
#include <stdbool.h>

enum { INSTRUCTIONS = 10000 }; // between two looks at the clock: well under a millisecond

static _Thread_local uint64_t deadline_us, allowed_ms;

// From then on at every instruction: behind a pcall() that caught the error it is raised again, until nothing catches it.
static void
budget_look(lua_State *lua, lua_Debug *where)
{
  (void)where;
  if (deadline_us == 0 || clock_mono_us() < deadline_us)
    return;
  lua_sethook(lua, budget_look, LUA_MASKCOUNT, 1);
  luaL_error(lua, "still running after %d ms: ended (setScriptBudget() says how long a function may take)", (int)allowed_ms);
}

static void
budget_watch(lua_State *lua, bool on)
{
  luaJIT_setmode(lua, 0, LUAJIT_MODE_ENGINE | (on ? LUAJIT_MODE_OFF : LUAJIT_MODE_ON));
  lua_sethook(lua, on ? budget_look : NULL, on ? LUA_MASKCOUNT : 0, INSTRUCTIONS);
}

void
budget_begin(struct budget *b, lua_State *lua, uint64_t ms)
{
  uint64_t end = clock_mono_us() + ms * 1000;
  b->outer_us = deadline_us;
  b->outer_ms = allowed_ms;
  if (deadline_us == 0 || end < deadline_us) {
    deadline_us = end;
    allowed_ms = ms;
  }
  b->outermost = lua_gethook(lua) != budget_look;
  if (b->outermost)
    budget_watch(lua, true);
}

void
budget_end(const struct budget *b, lua_State *lua)
{
  deadline_us = b->outer_us;
  allowed_ms = b->outer_ms;
  budget_watch(lua, !b->outermost); // an error may have made it look at every instruction
}
