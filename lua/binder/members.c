// SPDX-License-Identifier: BSD-2-Clause
// Puts the compiled members into the metatables of a state.
#include "lua/binder/members.h"

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/wire/name.h"
#include "lua/binder/classes.h"

#include <assert.h>
#include <lauxlib.h>

static const char headers_key; // registry: dq.dh by level, from 1

static const struct lua_class *const classes[] = {&class_question, &class_response, &class_header, &class_name,
                                                  &class_address};

static void
members_push_calls(lua_State *lua, int ffi)
{
  lua_newtable(lua);
  for (const struct member_call *c = member_calls; c->name != NULL; c++) {
    lua_getfield(lua, ffi, "cast");
    lua_pushstring(lua, c->type);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)c->function);
    lua_call(lua, 2, 1);
    lua_setfield(lua, -2, c->name);
  }
}

static void
members_push_bits(lua_State *lua)
{
  lua_newtable(lua);
  for (unsigned i = 0; header_bit_name(i) != NULL; i++) {
    lua_pushinteger(lua, (lua_Integer)i);
    lua_setfield(lua, -2, header_bit_name(i));
  }
}

// By class: its metatable, and the table of its members, which is an upvalue of all our metamethods.
static void
members_push_classes(lua_State *lua)
{
  lua_newtable(lua);
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    lua_newtable(lua);
    lua_pushlightuserdata(lua, (void *)classes[i]);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    lua_getfield(lua, -1, "__index");
    const char *name = lua_getupvalue(lua, -1, 1);
    assert(name != NULL && lua_istable(lua, -1));
    lua_setfield(lua, -4, "members");
    lua_pop(lua, 1);
    lua_setfield(lua, -2, "metatable");
    lua_setfield(lua, -2, classes[i]->name);
  }
}

static void
members_load_text(lua_State *lua)
{
  struct text text;
  text_init(&text);
  for (const char *const *piece = members_text; *piece != NULL; piece++)
    text_printf(&text, "%s\n", *piece);
  int failed = luaL_loadbuffer(lua, text.data, text.size, "=members");
  text_fini(&text);
  if (failed != 0)
    lua_error(lua);
}

// LuaJIT's own functions keep what it needs as long as there are cdata: a script that forgets them all (package.loaded emptied)
// would have the state end in memory that is gone.
static void
members_keep_library(lua_State *lua, int ffi)
{
  lua_newtable(lua);
  for (lua_pushnil(lua); lua_next(lua, ffi) != 0;) {
    lua_pushvalue(lua, -2);
    lua_insert(lua, -2);
    lua_rawset(lua, -4);
  }
  luaL_ref(lua, LUA_REGISTRYINDEX);
}

void
members_open(lua_State *lua)
{
  lua_getglobal(lua, "require");
  lua_pushliteral(lua, "ffi");
  lua_call(lua, 1, 1);
  int ffi = lua_gettop(lua);
  members_keep_library(lua, ffi);
  members_load_text(lua);
  lua_pushvalue(lua, ffi);
  members_push_calls(lua, ffi);
  members_push_bits(lua);
  members_push_classes(lua);
  lua_pushinteger(lua, sizeof(struct name));
  lua_pushinteger(lua, sizeof(struct address));
  lua_pushlightuserdata(lua, (void *)&headers_key);
  lua_newtable(lua);
  lua_pushvalue(lua, -1);
  lua_insert(lua, -3);
  lua_rawset(lua, LUA_REGISTRYINDEX);
  lua_call(lua, 7, 0);
  lua_settop(lua, ffi - 1);
}

void
members_note_header(lua_State *lua, unsigned level)
{
  lua_pushlightuserdata(lua, (void *)&headers_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  if (lua_istable(lua, -1)) {
    lua_pushvalue(lua, -2);
    lua_rawseti(lua, -2, (int)level + 1);
  }
  lua_pop(lua, 1);
}
