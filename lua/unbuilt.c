// SPDX-License-Identifier: BSD-2-Clause
// Names of the dialect whose parts do not exist yet: configurations that use them load all the same.
#include "lua/unbuilt.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/config/draft.h"
#include "lua/binder.h"

#include <lauxlib.h>

enum unbuilt_kind {
  UNBUILT_MOOT,
  UNBUILT_CONFIG,
  UNBUILT_FUNCTION,
  UNBUILT_NUMBER,
  UNBUILT_TABLE,
  UNBUILT_TEXT,
  UNBUILT_OBJECT,
  UNBUILT_SELECTOR,
  UNBUILT_ACTION
};

struct unbuilt {
  const char *name;
  enum unbuilt_kind kind;
};

static const struct unbuilt rows[] = {
#define UNBUILT(which, word) {.name = #word, .kind = UNBUILT_##which},
#include "lua/unbuilt.def"
#undef UNBUILT
};

enum { ROWS = sizeof rows / sizeof *rows };

static bool warned[ROWS]; // under the Lua lock

static const char inert_name[] = "dnsproxy.inert";

// Checking a configuration answers with one line, and a client prints results alone.
static void
warn_once(const struct unbuilt *row)
{
  bool *told = &warned[row - rows];
  if (*told || draft.phase == PHASE_CHECK || draft.phase == PHASE_CLIENT)
    return;
  *told = true;
  if (row->kind == UNBUILT_MOOT)
    log_verbose("config", "%s is accepted and has no effect: dnsproxy needs no such tuning", row->name);
  else
    log_warning("config", "%s is accepted and has no effect: this version of dnsproxy does not have it", row->name);
}

static int
inert_method(lua_State *lua)
{
  (void)lua;
  return 0;
}

// Whatever is asked of the object is a method that does nothing.
static int
inert_index(lua_State *lua)
{
  lua_pushcfunction(lua, inert_method);
  return 1;
}

static void
push_inert(lua_State *lua)
{
  lua_newuserdata(lua, 1);
  if (luaL_newmetatable(lua, inert_name)) {
    lua_pushcfunction(lua, inert_index);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, inert_method);
    lua_setfield(lua, -2, "__newindex");
  }
  lua_setmetatable(lua, -2);
}

// What a script can go on with.
static int
push_answer(lua_State *lua, enum unbuilt_kind kind)
{
  switch (kind) {
  case UNBUILT_NUMBER:
    lua_pushinteger(lua, 0);
    return 1;
  case UNBUILT_TABLE:
    lua_newtable(lua);
    return 1;
  case UNBUILT_TEXT:
    lua_pushliteral(lua, "");
    return 1;
  case UNBUILT_OBJECT:
    push_inert(lua);
    return 1;
  default:
    return 0;
  }
}

static int
call_unbuilt(lua_State *lua)
{
  const struct unbuilt *row = lua_touserdata(lua, lua_upvalueindex(1));
  if (row->kind == UNBUILT_SELECTOR || row->kind == UNBUILT_ACTION)
    return luaL_error(lua, "Caught exception: %s needs a part that this version of dnsproxy does not have", row->name);
  if (draft.phase == PHASE_RUNNING && (row->kind == UNBUILT_MOOT || row->kind == UNBUILT_CONFIG)) {
    binder_refuse(row->name, "%s cannot be used at runtime!", row->name);
    return 0;
  }
  warn_once(row);
  return push_answer(lua, row->kind);
}

void
unbuilt_register(lua_State *lua)
{
  for (unsigned i = 0; i < ROWS; i++) {
    lua_pushlightuserdata(lua, (void *)&rows[i]);
    lua_pushcclosure(lua, call_unbuilt, 1);
    lua_setglobal(lua, rows[i].name);
  }
}

void
unbuilt_each(void (*visit)(const char *name, void *arg), void *arg)
{
  for (unsigned i = 0; i < ROWS; i++)
    visit(rows[i].name, arg);
}
