// SPDX-License-Identifier: BSD-2-Clause
// A look at the stack pointer before library functions that call back.
#include "lua/binder/stack_guard.h"

#include <assert.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdint.h>

// Enough for hundreds of gsub() within gsub(). Coroutines take less of the stack, but each that fails puts its position
// before the message: thousands within each other would make gigabytes of text.
enum { ENOUGH = 2 * 1024 * 1024, ENOUGH_FOR_COROUTINES = 256 * 1024 };

// Addresses that the stack may grow down to; 0: not known yet. A small stack keeps a quarter for whatever is called last.
static _Thread_local uintptr_t lowest, lowest_for_coroutines;

static void
stack_guard_find_lowest(void)
{
  pthread_attr_t attributes;
  void *start;
  size_t size;
  int error = pthread_getattr_np(pthread_self(), &attributes);
  assert(error == 0);
  pthread_attr_getstack(&attributes, &start, &size);
  pthread_attr_destroy(&attributes);
  // What lies above the first look is not counted: on the main thread that is the environment, too.
  uintptr_t top = (uintptr_t)__builtin_frame_address(0), reserved = (uintptr_t)start + size / 4;
  lowest = top - ENOUGH > reserved ? top - ENOUGH : reserved;
  lowest_for_coroutines = top - ENOUGH_FOR_COROUTINES > lowest ? top - ENOUGH_FOR_COROUTINES : lowest;
}

bool
stack_guard_low(void)
{
  if (lowest == 0)
    stack_guard_find_lowest();
  return (uintptr_t)__builtin_frame_address(0) < lowest;
}

// Calls upvalue 1 with the same arguments.
static int
stack_guard_call_through(lua_State *lua)
{
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_insert(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
  return lua_gettop(lua);
}

static int
stack_guard_guarded(lua_State *lua)
{
  return stack_guard_low() ? luaL_error(lua, "stack overflow") : stack_guard_call_through(lua);
}

static int
stack_guard_guarded_resume(lua_State *lua)
{
  bool low = stack_guard_low() || (uintptr_t)__builtin_frame_address(0) < lowest_for_coroutines;
  return low ? luaL_error(lua, "too many coroutines within coroutines") : stack_guard_call_through(lua);
}

// coroutine.wrap(): what it returns is what resumes.
static int
stack_guard_guarded_wrap(lua_State *lua)
{
  stack_guard_call_through(lua);
  lua_settop(lua, 1);
  lua_pushcclosure(lua, stack_guard_guarded_resume, 1);
  return 1;
}

static void
stack_guard_guard(lua_State *lua, const char *library, const char *name, lua_CFunction function)
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
  stack_guard_guard(lua, "string", "gsub", stack_guard_guarded);
  stack_guard_guard(lua, "table", "sort", stack_guard_guarded);
  stack_guard_guard(lua, "coroutine", "resume", stack_guard_guarded_resume);
  stack_guard_guard(lua, "coroutine", "wrap", stack_guard_guarded_wrap);
}
