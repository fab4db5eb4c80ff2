// SPDX-License-Identifier: BSD-2-Clause
// Lua functions kept by C. Whoever drops the last reference may hold no lock: the registry forgets them later.
#include "lua/script.h"

#include "dnsproxy/base/memory.h"
#include "lua/control_state.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct script {
  struct object object;
  int reference; // into the registry
  char *where;
  struct script *next; // of those that are to be forgotten
};

static _Atomic(struct script *) dropped;

static void
script_free(struct object *object)
{
  struct script *s = (struct script *)(void *)object;
  s->next = atomic_load(&dropped);
  while (!atomic_compare_exchange_weak(&dropped, &s->next, s))
    ;
}

const struct object_class script_class = {.name = "function", .free = script_free};

static char *
defined_at(lua_State *lua, int index)
{
  lua_Debug where;
  char text[LUA_IDSIZE + 16];
  lua_pushvalue(lua, index);
  lua_getinfo(lua, ">S", &where);
  snprintf(text, sizeof text, "%s:%d", where.short_src, where.linedefined);
  return memory_string(text);
}

struct script *
script_new(lua_State *lua, int index)
{
  assert(lua_isfunction(lua, index));
  struct script *s = memory_new(sizeof *s);
  object_init(&s->object, &script_class);
  s->where = defined_at(lua, index);
  lua_pushvalue(lua, index);
  s->reference = luaL_ref(lua, LUA_REGISTRYINDEX);
  return s;
}

void
script_push(lua_State *lua, const struct script *s)
{
  lua_rawgeti(lua, LUA_REGISTRYINDEX, s->reference);
}

const char *
script_where(const struct script *s)
{
  return s->where;
}

void
scripts_forget(lua_State *lua)
{
  if (atomic_load_explicit(&dropped, memory_order_relaxed) == NULL)
    return;
  for (struct script *s = atomic_exchange(&dropped, NULL), *next; s != NULL; s = next) {
    next = s->next;
    if (lua != NULL)
      luaL_unref(lua, LUA_REGISTRYINDEX, s->reference);
    free(s->where);
    free(s);
  }
}
