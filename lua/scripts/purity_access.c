// SPDX-License-Identifier: BSD-2-Clause
// What instructions read and write outside of their registers: globals, upvalues, tables.
#include "lua/scripts/purity_walk.h"

#include "lua/binder/classes.h"

#include <lauxlib.h>

// ---- globals and upvalues ----

// Lua keeps one copy of a text: it is held for good, so that its address stays its own.
struct place
global_place(struct search *s, const char *name)
{
  lua_pushstring(s->lua, name);
  lua_pushvalue(s->lua, -1);
  struct place place = {PLACE_GLOBAL, lua_tostring(s->lua, -1)};
  lua_pushboolean(s->lua, 1);
  lua_rawset(s->lua, LUA_REGISTRYINDEX);
  lua_pop(s->lua, 1);
  return place;
}

struct register_value
read_global(struct walk *w, const char *name)
{
  struct search *s = w->search;
  lua_pushstring(s->lua, name);
  lua_rawget(s->lua, LUA_GLOBALSINDEX);
  struct place place = global_place(s, name);
  places_add(&s->found->globals, place);
  if (lua_rawequal(s->lua, -1, LUA_GLOBALSINDEX))
    found_sharing(s, "reaches all globals through '%s'", name);
  if (library_find(s->lua, -1).kind == LIBRARY_TABLE) {
    reach_library(s, lua_gettop(s->lua));
  } else if (library_find(s->lua, -1).kind == LIBRARY_UNKNOWN) {
    places_add(&s->found->reads, place);
    if (!lua_rawequal(s->lua, -1, LUA_GLOBALSINDEX))
      reach_value(s, lua_gettop(s->lua));
  }
  struct register_value v = is_volatile(s, place) ? held_unknown : value_at(s, -1);
  lua_pop(s->lua, 1);
  return v;
}

// The upvalue of an inner function: followed outwards. *own: a variable of the call itself.
static struct register_value
upvalue(struct walk *w, const struct surroundings *around, const struct bytecode *code, unsigned i, bool *own,
        struct place *place)
{
  struct search *s = w->search;
  *own = false;
  if (around->function != 0) {
    const char *name = lua_getupvalue(s->lua, around->function, (int)i + 1);
    if (name == NULL)
      return held_unknown;
    *place = (struct place){PLACE_UPVALUE, lua_upvalueid(s->lua, around->function, (int)i + 1)};
    struct register_value v = value_at(s, -1);
    lua_pop(s->lua, 1);
    return v;
  }
  if (i >= code->upvalue_count || around->outer == NULL)
    return held_unknown;
  uint16_t u = code->upvalues[i];
  if (!(u & UPVALUE_LOCAL))
    return upvalue(w, around->outer, around->outer->code, u & UPVALUE_INDEX, own, place);
  *own = true;
  unsigned reg = u & 0xff;
  return (u & UPVALUE_IMMUTABLE) && around->captured != NULL ? around->captured[reg] : held_unknown;
}

struct register_value
read_upvalue(struct walk *w, unsigned i)
{
  struct place place;
  bool own;
  struct register_value v = upvalue(w, w->around, w->code, i, &own, &place);
  if (own || v.held == HELD_UNKNOWN)
    return v;
  places_add(&w->search->found->reads, place);
  return is_volatile(w->search, place) ? held_unknown : v;
}

void
write_upvalue(struct walk *w, unsigned i)
{
  struct place place;
  bool own;
  struct register_value v = upvalue(w, w->around, w->code, i, &own, &place);
  if (own)
    return;
  if (v.held == HELD_UNKNOWN)
    w->search->found->anything = true;
  else
    found_writing(w->search, place);
  found_sharing(w->search, "writes a variable of the file around it");
}

// ---- tables ----

static struct register_value
known_member(struct search *s, const struct register_value *v, const char *name)
{
  push_known(s, v);
  struct register_value member = held_unknown;
  const struct lua_class *class = binder_class_at(s->lua, -1);
  if (class != NULL) {
    reach_value(s, lua_gettop(s->lua));
    member = (struct register_value){.held = HELD_MEMBER, .name = name, .class = class};
  } else if (lua_istable(s->lua, -1)) {
    bool library = library_find(s->lua, -1).kind == LIBRARY_TABLE;
    if (library)
      reach_library(s, lua_gettop(s->lua));
    else
      places_add(&s->found->reads, (struct place){PLACE_VALUE, lua_topointer(s->lua, -1)});
    if (lua_getmetatable(s->lua, -1)) {
      lua_pop(s->lua, 1);
      s->found->hidden = true;
      found_sharing(s, "reaches a table with a metatable");
    }
    struct place table = {PLACE_VALUE, lua_topointer(s->lua, -1)};
    lua_pushstring(s->lua, name);
    lua_rawget(s->lua, -2);
    member = is_volatile(s, table) ? held_unknown : value_at(s, -1);
    if (library && lua_istable(s->lua, -1) && library_find(s->lua, -1).kind != LIBRARY_TABLE)
      found_sharing(s, "reaches '%s' within a library", name); // package.loaded
    lua_pop(s->lua, 1);
  } else {
    found_sharing(s, "looks up '%s' in a %s", name, luaL_typename(s->lua, -1));
  }
  lua_pop(s->lua, 1);
  return member;
}

struct register_value
read_field(struct walk *w, const struct register_value *from, const char *name)
{
  if (from->held == HELD_KNOWN)
    return known_member(w->search, from, name);
  w->search->found->hidden |= from->held == HELD_UNKNOWN || from->held == HELD_VOLATILE; // it may have a metatable
  const struct lua_class *class = from->held == HELD_QUERY ? &class_question : NULL;
  bool reached = from->held == HELD_MEMBER ? from->reached : from->held != HELD_QUERY && from->held != HELD_OBJECT && !is_scalar(from);
  return (struct register_value){.held = HELD_MEMBER, .name = name, .class = class, .reached = reached};
}

// Of a library: which of its functions may be meant?
void
note_members(struct search *s, int table)
{
  if (library_find(s->lua, table).kind != LIBRARY_TABLE)
    return;
  for (lua_pushnil(s->lua); lua_next(s->lua, table) != 0; lua_pop(s->lua, 1))
    s->keeps_library |= lua_istable(s->lua, -1) || is_dangerous(s, lua_gettop(s->lua));
}

struct register_value
read_computed(struct walk *w, const struct register_value *from)
{
  struct search *s = w->search;
  if (from->held == HELD_KNOWN) {
    push_known(s, from);
    bool table = lua_istable(s->lua, -1);
    bool changes = is_volatile(s, (struct place){PLACE_VALUE, lua_topointer(s->lua, -1)});
    reach_value(s, lua_gettop(s->lua));
    note_members(s, lua_gettop(s->lua));
    lua_pop(s->lua, 1);
    return table && !changes ? (struct register_value){.held = HELD_REACHED} : held_unknown;
  }
  s->found->hidden |= from->held == HELD_UNKNOWN || from->held == HELD_VOLATILE; // it may have a metatable
  return held_unknown;
}

void
write_field(struct walk *w, const struct register_value *into, const char *name)
{
  struct search *s = w->search;
  if (into->held == HELD_OWN || is_scalar(into) || (into->held == HELD_QUERY && name != NULL))
    return;
  if (into->held == HELD_KNOWN) {
    push_known(s, into);
    if (!lua_rawequal(s->lua, -1, LUA_GLOBALSINDEX))
      found_writing(s, (struct place){PLACE_VALUE, lua_topointer(s->lua, -1)});
    else if (name != NULL)
      found_writing(s, global_place(s, name));
    else
      s->found->anything = true;
    lua_pop(s->lua, 1);
  } else {
    s->found->anything = true;
  }
  found_sharing(s, name == NULL ? "writes into a table that it did not make" : "writes '%s' into a table that it did not make", name);
}
