// SPDX-License-Identifier: BSD-2-Clause
// Arguments that are lists and tables: their elements are copied, so that they outlive the walk over the table.
#include "lua/binder/arguments.h"

// Lists are counted first: their elements then lie in one piece.
size_t
argument_list_size(lua_State *lua, int stack)
{
  size_t count = 0;
  for (lua_pushnil(lua); lua_next(lua, stack) != 0; lua_pop(lua, 1))
    count++;
  return count;
}

bool
strings_read(struct call *c, int stack, struct value *v)
{
  lua_State *lua = c->lua;
  if (lua_isstring(lua, stack)) {
    v->list.count = 1;
    v->list.strings = call_alloc(c, sizeof *v->list.strings);
    return text_read(c, stack, &v->list.strings[0]);
  }
  if (!lua_istable(lua, stack))
    return false;
  size_t size = argument_list_size(lua, stack);
  v->list.strings = call_alloc(c, (size + 1) * sizeof *v->list.strings);
  v->list.count = 0;
  // A plain list is read by position: next() may meet elements that were appended in another order.
  for (size_t i = 1; size == lua_objlen(lua, stack) && i <= size; i++) {
    lua_rawgeti(lua, stack, (int)i);
    if (!element_read(c, lua_gettop(lua), &v->list.strings[v->list.count++]))
      return false;
    lua_pop(lua, 1);
  }
  if (v->list.count > 0)
    return true;
  for (lua_pushnil(lua); lua_next(lua, stack) != 0; lua_pop(lua, 1))
    if (!element_key_good(c, lua_gettop(lua) - 1) ||
        !element_read(c, lua_gettop(lua), &v->list.strings[v->list.count++]))
      return false;
  return true;
}

bool
integers_read(struct call *c, int stack, struct value *v)
{
  lua_State *lua = c->lua;
  bool single = lua_isnumber(lua, stack);
  if (!single && !lua_istable(lua, stack))
    return false;
  v->list.integers = call_alloc(c, ((single ? 1 : argument_list_size(lua, stack)) + 1) * sizeof *v->list.integers);
  v->list.count = 0;
  if (single) {
    v->list.integers[v->list.count++] = argument_whole(lua_tonumber(lua, stack));
    return true;
  }
  for (lua_pushnil(lua); lua_next(lua, stack) != 0; lua_pop(lua, 1)) {
    if (!element_key_good(c, lua_gettop(lua) - 1))
      return false;
    if (!lua_isnumber(lua, -1))
      return call_wrong_type(c, lua_gettop(lua), "integer") == 0;
    v->list.integers[v->list.count++] = argument_whole(lua_tonumber(lua, -1));
  }
  return true;
}

bool
map_read(struct call *c, int stack, struct value *v)
{
  lua_State *lua = c->lua;
  if (!lua_istable(lua, stack))
    return false;
  v->list.strings = call_alloc(c, (2 * argument_list_size(lua, stack) + 1) * sizeof *v->list.strings);
  v->list.count = 0;
  for (lua_pushnil(lua); lua_next(lua, stack) != 0; lua_pop(lua, 1)) {
    struct bytes *pair = &v->list.strings[v->list.count];
    if (!element_read(c, lua_gettop(lua) - 1, &pair[0]) || !element_read(c, lua_gettop(lua), &pair[1]))
      return false;
    v->list.count += 2;
  }
  return true;
}
