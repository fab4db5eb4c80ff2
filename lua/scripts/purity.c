// SPDX-License-Identifier: BSD-2-Clause
// Places and values: what is written, what is read, what can be copied.
#include "lua/scripts/purity_private.h"

#include "dnsproxy/base/memory.h"
#include "lua/binder/classes.h"
#include "lua/binder/handles.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- places ----

static bool
same_place(struct place a, struct place b)
{
  return a.kind == b.kind && a.id == b.id;
}

bool
places_have(const struct places *p, struct place place)
{
  for (size_t i = 0; i < p->count; i++)
    if (same_place(p->items[i], place))
      return true;
  return false;
}

void
note_place(struct places *p, struct place place)
{
  if (places_have(p, place))
    return;
  if ((p->count & (p->count - 1)) == 0)
    p->items = memory_resize(p->items, p->count == 0 ? 1 : 2 * p->count, sizeof *p->items);
  p->items[p->count++] = place;
}

bool
purity_conflict(const struct purity *writer, const struct purity *reader, struct place *which)
{
  for (size_t i = 0; i < writer->writes.count; i++)
    if (places_have(&reader->reads, writer->writes.items[i])) {
      *which = writer->writes.items[i];
      return true;
    }
  *which = (struct place){0};
  return writer->anything && reader->reads.count > 0;
}

void
purity_fini(struct purity *p)
{
  free(p->reads.items);
  free(p->writes.items);
  free(p->globals.items);
  free(p->loops.items);
  free(p->functions.items);
  *p = (struct purity){0};
}

void
found_sharing(struct search *s, const char *format, ...)
{
  va_list list;
  if (s->found->shares)
    return;
  s->found->shares = true;
  va_start(list, format);
  vsnprintf(s->found->reason, sizeof s->found->reason, format, list);
  va_end(list);
}

void
found_writing(struct search *s, struct place place)
{
  note_place(&s->found->writes, place);
}

// ---- values ----

struct register_value
value_at(struct search *s, int index)
{
  lua_State *lua = s->lua;
  if (index < 0)
    index = lua_gettop(lua) + 1 + index;
  int type = lua_type(lua, index);
  if (type != LUA_TTABLE && type != LUA_TFUNCTION && type != LUA_TUSERDATA && type != LUA_TTHREAD && type <= LUA_TTHREAD)
    return (struct register_value){.held = HELD_SCALAR};
  lua_pushvalue(lua, index); // the same value has the same number
  lua_rawget(lua, s->known);
  int number = (int)lua_tointeger(lua, -1);
  lua_pop(lua, 1);
  if (number == 0) {
    number = ++s->known_count;
    lua_pushvalue(lua, index);
    lua_rawseti(lua, s->known, number);
    lua_pushvalue(lua, index);
    lua_pushinteger(lua, number);
    lua_rawset(lua, s->known);
  }
  return (struct register_value){.held = HELD_KNOWN, .index = number};
}

void
push_known(struct search *s, const struct register_value *v)
{
  lua_rawgeti(s->lua, s->known, v->index);
}

// ---- members of our types ----

// The types that go with a query: their members touch nothing else.
static bool
is_of_query(const struct lua_class *class)
{
  return class == &class_question || class == &class_response || class == &class_header || class == &class_edns_view;
}

static bool
class_member_safe(const struct lua_class *class, const char *name)
{
  for (const struct lua_function *m = class->methods; m != NULL && m->name != NULL; m++)
    if (strcmp(m->name, name) == 0)
      return is_of_query(class) || (m->flags & (FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD)) != 0;
  return true;
}

bool
member_is_safe(const struct lua_class *class, const char *name)
{
  if (class != NULL)
    return class_member_safe(class, name);
  for (const struct lua_class *const *c = lua_classes; *c != NULL; c++)
    if (!class_member_safe(*c, name))
      return false;
  return true;
}

// ---- reaching ----

// Handles whose objects any thread may use: sets are replaced, never changed, while somebody else holds them; the last four
// are made to be shared.
static bool
can_be_copied(const struct lua_class *class)
{
  return class == &class_name || class == &class_address || class == &class_netmask || class == &class_timespec ||
         class == &class_suffix_match_node || class == &class_name_set || class == &class_netmask_group ||
         class == &class_limiter || class == &class_shared_counter || class == &class_shared_table || class == &class_timed_ip_set;
}

bool
is_dangerous(struct search *s, int index)
{
  if (!lua_isfunction(s->lua, index))
    return false;
  enum library_kind kind = library_find(s->lua, index).kind;
  return kind == LIBRARY_UNKNOWN ? lua_iscfunction(s->lua, index) : kind != LIBRARY_PURE && kind != LIBRARY_ITERATES;
}

static void
reach_table(struct search *s, int table)
{
  lua_State *lua = s->lua;
  struct place place = {PLACE_VALUE, lua_topointer(lua, table)};
  if (places_have(&s->found->reads, place))
    return;
  note_place(&s->found->reads, place);
  if (lua_getmetatable(lua, table)) {
    lua_pop(lua, 1);
    found_sharing(s, "reaches a table with a metatable");
    return;
  }
  if (s->depth >= DEPTH_MAX || !lua_checkstack(lua, 16)) {
    found_sharing(s, "reaches tables within each other too deeply");
    return;
  }
  s->depth++;
  int top = lua_gettop(lua);
  for (lua_pushnil(lua); !s->cut && lua_next(lua, table) != 0; lua_pop(lua, 1)) {
    reach_value(s, lua_gettop(lua) - 1);
    reach_value(s, lua_gettop(lua));
    s->keeps_library |= is_dangerous(s, lua_gettop(lua));
  }
  lua_settop(lua, top);
  s->depth--;
}

static void
reach_handle(struct search *s, int index)
{
  const struct lua_class *class = binder_class_at(s->lua, index);
  note_place(&s->found->reads, (struct place){PLACE_VALUE, lua_topointer(s->lua, index)});
  if (class == NULL || !can_be_copied(class))
    found_sharing(s, "reaches a %s, which is not copied",
                  class != NULL                                 ? class->name
                  : lua_type(s->lua, index) == LUA_TUSERDATA ? "userdata of a library"
                                                                : "value of ffi");
}

void
note_reached(struct search *s, int index)
{
  int number = value_at(s, index).index;
  for (size_t i = 0; i < s->reached_count; i++)
    if (s->reached[i] == number)
      return;
  s->reached = memory_resize(s->reached, s->reached_count + 1, sizeof *s->reached);
  s->reached[s->reached_count++] = number;
}

void
note_call(struct search *s, uint32_t queries)
{
  for (unsigned i = 0; i < s->call_count; i++)
    if (s->calls[i] == queries)
      return;
  if (s->call_count == sizeof s->calls / sizeof *s->calls)
    found_sharing(s, "calls functions of tables in too many ways");
  else
    s->calls[s->call_count++] = queries;
}

// Any of them may be meant: walking one may reach more, and call more.
static void
walk_reached(struct search *s)
{
  for (unsigned call = 0; call < s->call_count; call++)
    for (size_t i = 0; i < s->reached_count; i++) {
      lua_rawgeti(s->lua, s->known, s->reached[i]);
      walk_function(s, lua_gettop(s->lua), s->calls[call]);
      lua_pop(s->lua, 1);
    }
}

static void
reach_function(struct search *s, int index)
{
  struct library_entry entry = library_find(s->lua, index);
  if (entry.kind == LIBRARY_UNKNOWN && !lua_iscfunction(s->lua, index))
    note_reached(s, index);
  else if (entry.kind == LIBRARY_UNKNOWN || entry.kind == LIBRARY_FORBIDDEN || entry.kind == LIBRARY_OUTSIDE)
    found_sharing(s, "reaches %s", entry.path != NULL ? entry.path : "a function of a library");
}

// A state of another thread has the library as it was at first.
void
reach_library(struct search *s, int index)
{
  if (library_changed(lua_topointer(s->lua, index)))
    found_sharing(s, "uses %s, which was changed", library_find(s->lua, index).path);
}

// Counts a value, a long text as several.
static bool
too_many(struct search *s, int index)
{
  s->values += 1 + (lua_type(s->lua, index) == LUA_TSTRING ? lua_objlen(s->lua, index) / VALUE_SIZE : 0);
  if (s->values > VALUES_MAX && !s->cut) {
    s->cut = true;
    found_sharing(s, "reaches more than %d values", VALUES_MAX);
  }
  return s->cut;
}

void
reach_value(struct search *s, int index)
{
  if (too_many(s, index))
    return;
  switch (lua_type(s->lua, index)) {
  case LUA_TNIL:
  case LUA_TBOOLEAN:
  case LUA_TNUMBER:
  case LUA_TSTRING:
    break;
  case LUA_TTABLE:
    if (library_find(s->lua, index).kind != LIBRARY_TABLE)
      reach_table(s, index);
    else
      reach_library(s, index);
    break;
  case LUA_TUSERDATA:
  case LUA_TCDATA:
    reach_handle(s, index);
    break;
  case LUA_TFUNCTION:
    reach_function(s, index);
    break;
  default:
    found_sharing(s, "reaches a %s", lua_type(s->lua, index) == LUA_TTHREAD ? "coroutine" : "value that is not copied");
  }
}

void
purity_find(lua_State *lua, int function, struct purity *out)
{
  *out = (struct purity){0};
  int top = lua_gettop(lua);
  if (function < 0)
    function = top + 1 + function;
  if (!lua_checkstack(lua, 64)) {
    out->shares = out->anything = true;
    return;
  }
  lua_newtable(lua);
  struct search s = {.lua = lua, .found = out, .known = top + 1};
  if (library_changed_everywhere())
    found_sharing(&s, "may use methods of strings, or globals, that were changed");
  walk_function(&s, function, 1);
  for (size_t before = SIZE_MAX; before != s.visit_count;) {
    before = s.visit_count;
    walk_reached(&s);
  }
  if (s.cut && s.call_count > 0) // one of those that nobody looked at may be called
    out->anything = true;
  if (s.keeps_library && s.call_count > 0) {
    out->anything = true;
    found_sharing(&s, "may call functions of a library that it keeps in tables");
  }
  for (size_t i = 0; i < s.visit_count; i++)
    note_place(&out->functions, (struct place){PLACE_VALUE, s.visits[i].function});
  free(s.visits);
  free(s.reached);
  lua_settop(lua, top);
}
