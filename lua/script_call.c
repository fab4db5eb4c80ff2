// SPDX-License-Identifier: BSD-2-Clause
// Calling users' functions for queries.
#include "lua/script_call.h"

#include "lua/errors.h"

#include <lauxlib.h>

enum { STACK_NEEDED = 16 };

static const char handler_key; // registry: on_error

// What was thrown, as one string with its traceback.
static int
on_error(lua_State *lua)
{
  const char *text = binder_error_text(lua, 1);
  if (text == NULL && lua_isstring(lua, 1)) {
    lua_settop(lua, 1);
  } else {
    luaL_where(lua, 2);
    if (binder_error_is_unknown_field(lua, 1))
      lua_pushliteral(lua, "an unknown field was written");
    else if (text != NULL)
      lua_pushstring(lua, text);
    else
      lua_pushfstring(lua, "an error of type %s was raised", luaL_typename(lua, 1));
    lua_concat(lua, 2);
  }
  luaL_traceback(lua, lua, lua_tostring(lua, -1), 1);
  return 1;
}

static int
make_ready(lua_State *lua)
{
  lua_pushlightuserdata(lua, (void *)&handler_key);
  lua_pushcfunction(lua, on_error);
  lua_rawset(lua, LUA_REGISTRYINDEX);
  return scope_objects(lua);
}

// Later calls allocate nothing: what they need is in the registry.
static bool
push_handler(lua_State *lua)
{
  lua_pushlightuserdata(lua, (void *)&handler_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  if (!lua_isnil(lua, -1))
    return true;
  lua_pop(lua, 1);
  if (lua_cpcall(lua, make_ready, NULL) != 0)
    return false;
  lua_pushlightuserdata(lua, (void *)&handler_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  return true;
}

bool
script_call_begin(struct script_call *call, const struct script *script, struct query *q, enum action_side side)
{
  *call = (struct script_call){.lua = control_lock()};
  call->base = lua_gettop(call->lua);
  if (!lua_checkstack(call->lua, STACK_NEEDED) || !push_handler(call->lua)) {
    call->error = "no memory for the call";
    return false;
  }
  call->scope = scope_enter(q, side);
  if (call->scope == NULL) {
    call->error = "too many calls within calls";
    return false;
  }
  script_push(call->lua, script);
  return true;
}

void
script_call_push_question(struct script_call *call)
{
  scope_push_question(call->lua, call->scope);
}

bool
script_call_run(struct script_call *call, int arguments, int results)
{
  if (lua_pcall(call->lua, arguments, results, call->base + 1) == 0)
    return true;
  call->error = lua_isstring(call->lua, -1) ? lua_tostring(call->lua, -1) : "unknown error";
  return false;
}

void
script_call_end(struct script_call *call)
{
  if (call->scope != NULL)
    scope_leave(call->scope);
  lua_settop(call->lua, call->base);
  control_unlock();
}
