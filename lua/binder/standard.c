// SPDX-License-Identifier: BSD-2-Clause
// The standard libraries, with print() and io on streams of ours.
#include "lua/binder/standard.h"

#include "dnsproxy/base/log.h"

#include <lauxlib.h>
#include <lualib.h>
#include <unistd.h>

// As print() of Lua: tostring() as it is at the time, tabs between, one piece.
static int
standard_print(lua_State *lua)
{
  int count = lua_gettop(lua);
  luaL_Buffer line;
  lua_getglobal(lua, "tostring");
  for (int i = 1; i <= count; i++) {
    lua_pushvalue(lua, count + 1);
    lua_pushvalue(lua, i);
    lua_call(lua, 1, 1);
    if (!lua_isstring(lua, -1))
      return luaL_error(lua, LUA_QL("tostring") " must return a string to " LUA_QL("print"));
    lua_replace(lua, i);
  }
  lua_settop(lua, count);
  luaL_buffinit(lua, &line);
  for (int i = 1; i <= count; i++) {
    if (i > 1)
      luaL_addchar(&line, '\t');
    lua_pushvalue(lua, i);
    luaL_addvalue(&line);
  }
  luaL_addchar(&line, '\n');
  luaL_pushresult(&line);
  size_t size;
  const char *bytes = lua_tolstring(lua, -1, &size);
  fwrite(bytes, 1, size, log_stream(STDOUT_FILENO));
  return 0;
}

// A file of the library io begins with its stream.
static void
standard_redirect(lua_State *lua, const char *name, int fd)
{
  lua_getglobal(lua, "io");
  lua_getfield(lua, -1, name);
  FILE **file = lua_touserdata(lua, -1);
  *file = log_stream(fd);
  lua_pop(lua, 2);
}

void
standard_libraries_open(lua_State *lua)
{
  luaL_openlibs(lua);
  lua_register(lua, "print", standard_print);
  standard_redirect(lua, "stdout", STDOUT_FILENO);
  standard_redirect(lua, "stderr", STDERR_FILENO);
}
