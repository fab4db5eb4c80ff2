// SPDX-License-Identifier: BSD-2-Clause
// Error objects, protected calls and tracebacks.
#include "lua/binder/errors.h"

#include "lua/binder/binder.h"
#include "lua/binder/budget.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static const char error_key; // registry: the metatable of error objects

struct error {
  bool unknown_field;
  char text[sizeof((struct fault *)0)->text];
};

static struct error *
errors_error_at(lua_State *lua, int index)
{
  struct error *e = lua_touserdata(lua, index);
  if (e == NULL || lua_islightuserdata(lua, index) || !lua_getmetatable(lua, index))
    return NULL;
  lua_pushlightuserdata(lua, (void *)&error_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  bool is = lua_rawequal(lua, -1, -2);
  lua_pop(lua, 2);
  return is ? e : NULL;
}

const char *
binder_error_text(lua_State *lua, int index)
{
  const struct error *e = errors_error_at(lua, index);
  return e == NULL ? NULL : e->text;
}

bool
binder_error_is_unknown_field(lua_State *lua, int index)
{
  const struct error *e = errors_error_at(lua, index);
  return e != NULL && e->unknown_field;
}

static int
errors_error_to_string(lua_State *lua)
{
  const struct error *e = errors_error_at(lua, 1);
  lua_pushstring(lua, e == NULL ? "No exception" : e->text);
  return 1;
}

void
errors_open(lua_State *lua)
{
  lua_pushlightuserdata(lua, (void *)&error_key);
  lua_newtable(lua);
  lua_pushcfunction(lua, errors_error_to_string);
  lua_setfield(lua, -2, "__tostring");
  lua_pushliteral(lua, "error");
  lua_setfield(lua, -2, "__metatable");
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

static int
errors_raise_object(lua_State *lua, const char *text, bool unknown_field)
{
  struct error *e = lua_newuserdata(lua, sizeof *e);
  e->unknown_field = unknown_field;
  snprintf(e->text, sizeof e->text, "%s", text);
  lua_pushlightuserdata(lua, (void *)&error_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  lua_setmetatable(lua, -2);
  return lua_error(lua);
}

// No fault: an unknown field was written.
int
binder_raise(lua_State *lua, const struct fault *fault)
{
  if (fault == NULL)
    return errors_raise_object(lua, "No exception", true);
  if (fault->kind == FAULT_ADDRESS)
    return errors_raise_object(lua, fault->text, false);
  luaL_where(lua, 1);
  lua_pushstring(lua, fault->kind == FAULT_CAUGHT ? "Caught exception: " : "");
  lua_pushstring(lua, fault->text);
  lua_concat(lua, 3);
  return lua_error(lua);
}

void
failure_init(struct failure *f)
{
  text_init(&f->message);
  text_init(&f->detail);
}

void
failure_fini(struct failure *f)
{
  text_fini(&f->message);
  text_fini(&f->detail);
}

// The last level of a traceback may be the door by which C came in, which has no name: nobody wants to read its address.
static size_t
errors_without_door(const char *text, size_t size)
{
  static const char door[] = "\n\t[C]: at 0x";
  size_t line = size;
  while (line > 0 && text[line - 1] != '\n')
    line--;
  return line > 0 && strncmp(text + line - 1, door, strlen(door)) == 0 ? line - 1 : size;
}

// Message handler; upvalue 1: the failure to fill. Runs where the error happened, so that the stack is still there.
static int
errors_on_error(lua_State *lua)
{
  struct failure *f = lua_touserdata(lua, lua_upvalueindex(1));
  const struct error *e = errors_error_at(lua, 1);
  if (e != NULL && e->unknown_field) {
    text_puts(&f->message, "Unknown Lua error");
    return 0;
  }
  if (e != NULL) {
    text_puts(&f->detail, e->text);
    lua_pushliteral(lua, "Exception thrown by a callback function called by Lua. ");
  } else if (lua_isstring(lua, 1)) {
    lua_pushvalue(lua, 1);
  } else {
    lua_pushfstring(lua, "Trying to cast a lua variable from \"%s\" to \"string\"", luaL_typename(lua, 1));
  }
  luaL_traceback(lua, lua, lua_tostring(lua, -1), 1);
  size_t size;
  const char *text = lua_tolstring(lua, -1, &size);
  text_add(&f->message, text, errors_without_door(text, size));
  return 1;
}

// ---- protection ----

struct errors_entry {
  void (*step)(lua_State *, void *);
  void *arg;
};

static int
errors_enter(lua_State *lua)
{
  const struct errors_entry *entry = lua_touserdata(lua, 1);
  lua_settop(lua, 0);
  entry->step(lua, entry->arg);
  return 0;
}

static int
errors_collect(lua_State *lua)
{
  lua_gc(lua, LUA_GCCOLLECT, 0);
  return 0;
}

void
errors_make_room(lua_State *lua, int status)
{
  // Twice: what finalizers hold goes the second time.
  for (int i = 0; status == LUA_ERRMEM && i < 2; i++)
    if (lua_cpcall(lua, errors_collect, NULL) != 0)
      lua_pop(lua, 1);
}

bool
errors_protect(lua_State *lua, void (*step)(lua_State *, void *), void *arg, struct text *message)
{
  int top = lua_gettop(lua);
  int status = lua_cpcall(lua, errors_enter, &(struct errors_entry){step, arg});
  if (status != 0) {
    const char *text = binder_error_text(lua, -1);
    // No conversion: that may take memory.
    text_puts(message, text != NULL ? text : lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "an error that is no text");
  }
  lua_settop(lua, top);
  errors_make_room(lua, status);
  return status == 0;
}

static const struct errors_frame *errors_frame;

void
errors_use_frame(const struct errors_frame *frame)
{
  errors_frame = frame;
}

// Commands, maintenance() and other callbacks in the shared state may not go on for ever: everybody waits for its lock.
static int
errors_watched_pcall(lua_State *lua, int arguments, int results, int handler, uint64_t ms)
{
  struct budget budget;
  if (ms != 0)
    budget_begin(&budget, lua, ms);
  int status = lua_pcall(lua, arguments, results, handler);
  if (ms != 0)
    budget_end(&budget, lua);
  return status;
}

static int
errors_framed_pcall(lua_State *lua, int arguments, int results, int handler)
{
  uint64_t ms = errors_frame != NULL ? errors_frame->begin(lua) : 0;
  int status = errors_watched_pcall(lua, arguments, results, handler, ms);
  if (errors_frame != NULL)
    errors_frame->end(lua, status == 0);
  errors_make_room(lua, status);
  return status;
}

bool
errors_call(lua_State *lua, int arguments, int results, struct failure *f)
{
  int base = lua_gettop(lua) - arguments;
  lua_pushlightuserdata(lua, f);
  lua_pushcclosure(lua, errors_on_error, 1);
  lua_insert(lua, base);
  int status = errors_framed_pcall(lua, arguments, results, base);
  lua_remove(lua, base);
  if (status == 0)
    return true;
  if (f->message.size == 0) // no memory, or the handler itself failed
    text_puts(&f->message, lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "Lua failed");
  lua_settop(lua, base - 1);
  return false;
}

bool
errors_call_short(lua_State *lua, int arguments, int results, struct text *message)
{
  if (errors_framed_pcall(lua, arguments, results, 0) == 0)
    return true;
  const char *text = binder_error_text(lua, -1);
  if (text == NULL)
    text = lua_isstring(lua, -1) ? lua_tostring(lua, -1) : luaL_typename(lua, -1);
  text_puts(message, text);
  lua_pop(lua, 1);
  return false;
}
