// SPDX-License-Identifier: BSD-2-Clause
// Making the values of an image in another state.
#include "lua/scripts/image_private.h"

#include "lua/binder/handles.h"
#include "lua/binder/library.h"

#include <assert.h>
#include <lauxlib.h>
#include <luajit.h>
#include <string.h>

struct source {
  const char *at;
  int made;        // stack index: number -> value
  int met;
  int environment; // stack index
  const struct image *image;
};

static void
get(struct source *s, void *out, size_t size)
{
  memcpy(out, s->at, size);
  s->at += size;
}

static const char *
get_bytes(struct source *s, size_t *size)
{
  get(s, size, sizeof *size);
  const char *bytes = s->at;
  s->at += *size;
  return bytes;
}

static int
barred(lua_State *lua)
{
  return luaL_error(lua, "this function was not copied");
}

static void
keep(lua_State *lua, struct source *s)
{
  lua_pushvalue(lua, -1);
  lua_rawseti(lua, s->made, ++s->met);
}

static bool read_value(lua_State *, struct source *); // false: TAG_END

static void
read_function(lua_State *lua, struct source *s)
{
  size_t size;
  bool loops;
  const char *dump = get_bytes(s, &size);
  get(s, &loops, sizeof loops);
  if (luaL_loadbuffer(lua, dump, size, "copy") != 0)
    lua_error(lua);
  keep(lua, s);
  int function = lua_gettop(lua);
  lua_pushvalue(lua, s->environment);
  lua_setfenv(lua, function);
  if (loops) // a hook counts their instructions, and compiled code takes no hooks
    luaJIT_setmode(lua, function, LUAJIT_MODE_ALLFUNC | LUAJIT_MODE_OFF);
  for (int i = 1; read_value(lua, s); i++)
    lua_setupvalue(lua, function, i);
}

static void
read_library(lua_State *lua, struct source *s)
{
  size_t size;
  const char *path = get_bytes(s, &size);
  lua_pushlstring(lua, path, size);
  struct library_entry entry = {.path = lua_tostring(lua, -1)};
  get(s, &entry.function, sizeof entry.function);
  if (!library_push(lua, &entry))
    luaL_error(lua, "%s is not there", entry.path);
  lua_remove(lua, -2);
}

static void
read_table(lua_State *lua, struct source *s)
{
  lua_newtable(lua);
  keep(lua, s);
  while (read_value(lua, s)) {
    read_value(lua, s);
    lua_rawset(lua, -3);
  }
}

static bool
read_value(lua_State *lua, struct source *s)
{
  luaL_checkstack(lua, 8, "too deep");
  switch ((enum tag)*s->at++) {
  case TAG_NIL:
    lua_pushnil(lua);
    break;
  case TAG_TRUE:
  case TAG_FALSE:
    lua_pushboolean(lua, s->at[-1] == TAG_TRUE);
    break;
  case TAG_NUMBER: {
    double number;
    get(s, &number, sizeof number);
    lua_pushnumber(lua, number);
    break;
  }
  case TAG_STRING: {
    size_t size;
    const char *bytes = get_bytes(s, &size);
    lua_pushlstring(lua, bytes, size);
    break;
  }
  case TAG_AGAIN: {
    int number;
    get(s, &number, sizeof number);
    lua_rawgeti(lua, s->made, number);
    break;
  }
  case TAG_TABLE:
    read_table(lua, s);
    break;
  case TAG_END:
    return false;
  case TAG_FUNCTION:
    read_function(lua, s);
    break;
  case TAG_LIBRARY:
    read_library(lua, s);
    break;
  case TAG_OBJECT: {
    void *object;
    get(s, &object, sizeof object);
    binder_push_object(lua, object);
    break;
  }
  case TAG_VALUE: {
    const struct lua_class *class;
    get(s, &class, sizeof class);
    get(s, binder_push_value(lua, class), class->size);
    break;
  }
  case TAG_UNCALLED:
    lua_pushcfunction(lua, barred);
    keep(lua, s);
    break;
  case TAG_BARRED:
    lua_pushcfunction(lua, barred);
    break;
  default:
    assert(false);
  }
  return true;
}

// lua_cpcall() form cannot return: the table comes as upvalue, lua_pcall() form it is.
static int
read_all(lua_State *lua)
{
  struct source *s = lua_touserdata(lua, 1);
  lua_newtable(lua);
  s->made = lua_gettop(lua);
  lua_newtable(lua);
  s->environment = lua_gettop(lua);
  while (read_value(lua, s)) {
    read_value(lua, s);
    lua_rawset(lua, s->environment);
  }
  lua_newtable(lua);
  for (size_t i = 0; i < s->image->count; i++) {
    read_value(lua, s);
    lua_rawseti(lua, -2, (int)i + 1);
  }
  return 1;
}

bool
image_load(lua_State *lua, const struct image *image)
{
  struct source s = {.at = image->bytes.data, .image = image};
  lua_pushcfunction(lua, read_all);
  lua_pushlightuserdata(lua, &s);
  if (lua_pcall(lua, 1, 1, 0) == 0)
    return true;
  lua_pop(lua, 1);
  return false;
}
