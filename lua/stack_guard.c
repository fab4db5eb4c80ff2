// SPDX-License-Identifier: BSD-2-Clause
// A look at the stack pointer before library functions that call back.
#include "lua/stack_guard.h"

#include <assert.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdint.h>

// Enough for hundreds of gsub() within gsub(), or thousands of coroutines; a stack may be small, too: then a quarter is kept
// for whatever is called when it is nearly used up.
enum { ENOUGH = 2 * 1024 * 1024 };

static _Thread_local uintptr_t lowest; // address that the stack may grow down to; 0: not known yet

static void
find_lowest(void)
{
  pthread_attr_t attributes;
  void *start;
  size_t size;
  int error = pthread_getattr_np(pthread_self(), &attributes);
  assert(error == 0);
  pthread_attr_getstack(&attributes, &start, &size);
  pthread_attr_destroy(&attributes);
  uintptr_t top = (uintptr_t)start + size, quarter = size / 4;
  lowest = size - quarter > ENOUGH ? top - ENOUGH : (uintptr_t)start + quarter;
}

bool
stack_guard_low(void)
{
  if (lowest == 0)
    find_lowest();
  return (uintptr_t)__builtin_frame_address(0) < lowest;
}

// Calls upvalue 1 with the same arguments.
static int
guarded(lua_State *lua)
{
  if (stack_guard_low())
    return luaL_error(lua, "stack overflow");
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_insert(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
  return lua_gettop(lua);
}

// coroutine.wrap(): what it returns is what resumes.
static int
guarded_wrap(lua_State *lua)
{
  guarded(lua);
  lua_settop(lua, 1);
  lua_pushcclosure(lua, guarded, 1);
  return 1;
}

static void
guard(lua_State *lua, const char *library, const char *name, lua_CFunction function)
{
  lua_getglobal(lua, library);
  lua_getfield(lua, -1, name);
  assert(lua_isfunction(lua, -1));
  lua_pushcclosure(lua, function, 1);
  lua_setfield(lua, -2, name);
  lua_pop(lua, 1);
}

void
stack_guard_open(lua_State *lua)
{
  guard(lua, "string", "gsub", guarded);
  guard(lua, "table", "sort", guarded);
  guard(lua, "coroutine", "resume", guarded);
  guard(lua, "coroutine", "wrap", guarded_wrap);
}
