// SPDX-License-Identifier: BSD-2-Clause
// Places and values: what is written, what is read, what can be copied.
#include "lua/scripts/purity_private.h"

#include "dnsproxy/base/memory.h"
#include "lua/binder/classes.h"
#include "lua/binder/errors.h"
#include "lua/binder/handles.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- places ----

static bool
purity_same_place(struct place a, struct place b)
{
  return a.kind == b.kind && a.id == b.id;
}

static size_t
purity_place_hash(struct place place)
{
  uint64_t h = ((uint64_t)(uintptr_t)place.id ^ (uint64_t)place.kind << 60) * 0x9e3779b97f4a7c15u;
  return (size_t)(h >> 20);
}

static const struct place *
purity_places_find(const struct places *p, struct place place)
{
  if (p->slots == NULL) {
    for (size_t i = 0; i < p->count; i++)
      if (purity_same_place(p->items[i], place))
        return &p->items[i];
    return NULL;
  }
  for (size_t at = purity_place_hash(place) & p->mask; p->slots[at] != 0; at = (at + 1) & p->mask)
    if (purity_same_place(p->items[p->slots[at] - 1], place))
      return &p->items[p->slots[at] - 1];
  return NULL;
}

static void
purity_places_put_slot(struct places *p, size_t item)
{
  size_t at = purity_place_hash(p->items[item]) & p->mask;
  while (p->slots[at] != 0)
    at = (at + 1) & p->mask;
  p->slots[at] = (uint32_t)item + 1;
}

static void
purity_places_grow(struct places *p)
{
  enum { FEW = 16 };
  p->items = memory_resize(p->items, p->count == 0 ? 1 : 2 * p->count, sizeof *p->items);
  if (p->count < FEW)
    return;
  free(p->slots);
  p->mask = 4 * p->count - 1; // twice the room
  p->slots = memory_array(p->mask + 1, sizeof *p->slots);
  for (size_t i = 0; i < p->count; i++)
    purity_places_put_slot(p, i);
}

void
places_add(struct places *p, struct place place)
{
  if (purity_places_find(p, place) != NULL)
    return;
  if ((p->count & (p->count - 1)) == 0)
    purity_places_grow(p);
  p->items[p->count] = place;
  if (p->slots != NULL)
    purity_places_put_slot(p, p->count);
  p->count++;
}

// ---- closures: a table and all that is within it, looked at once for all functions that reach it ----

struct closure {
  struct object object;
  const void *root;
  struct closure *next; // of the look
  struct purity found;  // reads: every table and handle within
  struct search within; // what it came to: reached, values, keeps_library, cut
};

static void
purity_closure_free(struct object *o)
{
  struct closure *c = (struct closure *)(void *)o;
  purity_fini(&c->found);
  places_fini(&c->within.reached);
  free(c);
}
static const struct object_class closure_class = {.name = "closure", .free = purity_closure_free};

enum { CLOSURE_SLOTS = 1024 };
struct look {
  unsigned depth;
  int known;       // in the registry: value -> number and number -> value
  int known_count;
  struct closure *closures[CLOSURE_SLOTS]; // by root; a reference each
};
static _Thread_local struct look *look; // under the Lua lock; NULL: nobody looks

void
purity_begin(lua_State *lua)
{
  if (look != NULL) {
    look->depth++;
    return;
  }
  lua_newtable(lua); // an error leaves nothing begun
  int known = luaL_ref(lua, LUA_REGISTRYINDEX);
  look = memory_new(sizeof *look);
  look->depth = 1;
  look->known = known;
}

void
purity_end(lua_State *lua)
{
  if (--look->depth > 0)
    return;
  luaL_unref(lua, LUA_REGISTRYINDEX, look->known);
  for (unsigned i = 0; i < CLOSURE_SLOTS; i++)
    while (look->closures[i] != NULL) {
      struct closure *c = look->closures[i];
      look->closures[i] = c->next;
      object_unref(&c);
    }
  free(look);
  look = NULL;
}

void
purity_abandon(lua_State *lua)
{
  if (look == NULL)
    return;
  look->depth = 1;
  purity_end(lua);
}

bool
places_have(const struct places *p, struct place place)
{
  if (purity_places_find(p, place) != NULL)
    return true;
  for (size_t i = 0; i < p->closure_count; i++)
    if (purity_places_find(&p->closures[i]->found.reads, place) != NULL)
      return true;
  return false;
}

void
places_fini(struct places *p)
{
  for (size_t i = 0; i < p->closure_count; i++)
    object_unref(&p->closures[i]);
  free(p->closures);
  free(p->items);
  free(p->slots);
  *p = (struct places){0};
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
  return writer->anything && (reader->reads.count > 0 || reader->reads.closure_count > 0);
}

bool
purity_reads_any(const struct purity *p, const struct places *written)
{
  for (size_t i = 0; i < written->count; i++)
    if (places_have(&p->reads, written->items[i]) || places_have(&p->globals, written->items[i]))
      return true;
  return false;
}

void
purity_fini(struct purity *p)
{
  places_fini(&p->reads);
  places_fini(&p->writes);
  places_fini(&p->globals);
  places_fini(&p->loops);
  places_fini(&p->functions);
  *p = (struct purity){0};
}

void
purity_drop(struct purity **slot)
{
  if (*slot == NULL)
    return;
  purity_fini(*slot);
  free(*slot);
  *slot = NULL;
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
  places_add(&s->found->writes, place);
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
    number = ++look->known_count;
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
purity_is_of_query(const struct lua_class *class)
{
  return class == &class_question || class == &class_response || class == &class_header || class == &class_edns_view;
}

static bool
purity_class_member_safe(const struct lua_class *class, const char *name)
{
  for (const struct lua_function *m = class->methods; m != NULL && m->name != NULL; m++)
    if (strcmp(m->name, name) == 0)
      return purity_is_of_query(class) || (m->flags & (FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD)) != 0;
  return true;
}

bool
member_is_safe(const struct lua_class *class, const char *name)
{
  if (class != NULL)
    return purity_class_member_safe(class, name);
  for (const struct lua_class *const *c = lua_classes; *c != NULL; c++)
    if (!purity_class_member_safe(*c, name))
      return false;
  return true;
}

// ---- reaching ----

// Handles whose objects any thread may use: sets are replaced, never changed, while somebody else holds them; the last four
// are made to be shared.
static bool
purity_can_be_copied(const struct lua_class *class)
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

bool
is_volatile(const struct search *s, struct place place)
{
  return s->volatile_places != NULL && places_have(s->volatile_places, place);
}

// Within a closure: everything below, once.
static void
purity_reach_table(struct search *s, int table)
{
  lua_State *lua = s->lua;
  struct place place = {PLACE_VALUE, lua_topointer(lua, table)};
  if (purity_places_find(&s->found->reads, place) != NULL)
    return;
  places_add(&s->found->reads, place);
  if (lua_getmetatable(lua, table)) {
    lua_pop(lua, 1);
    s->found->hidden = true;
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
purity_reach_handle(struct search *s, int index)
{
  const struct lua_class *class = binder_class_at(s->lua, index);
  places_add(&s->found->reads, (struct place){PLACE_VALUE, lua_topointer(s->lua, index)});
  if (class == NULL || !purity_can_be_copied(class))
    found_sharing(s, "reaches a %s, which is not copied",
                  class != NULL                                 ? class->name
                  : lua_type(s->lua, index) == LUA_TUSERDATA ? "userdata of a library"
                                                                : "value of ffi");
}

static struct place
purity_number_place(int number)
{
  return (struct place){PLACE_VALUE, (const void *)(intptr_t)number};
}

void
note_reached(struct search *s, int index)
{
  places_add(&s->reached, purity_number_place(value_at(s, index).index));
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
purity_walk_reached(struct search *s)
{
  for (unsigned call = 0; call < s->call_count; call++)
    for (size_t i = 0; i < s->reached.count; i++) {
      lua_rawgeti(s->lua, s->known, (int)(intptr_t)s->reached.items[i].id);
      walk_function(s, lua_gettop(s->lua), s->calls[call]);
      lua_pop(s->lua, 1);
    }
}

static void
purity_reach_function(struct search *s, int index)
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
  if (library_changed(s->lua, lua_topointer(s->lua, index)))
    found_sharing(s, "uses %s, which was changed", library_find(s->lua, index).path);
}

// Counts a value, a long text as several.
static bool
purity_too_many(struct search *s, int index)
{
  s->values += 1 + (lua_type(s->lua, index) == LUA_TSTRING ? lua_objlen(s->lua, index) / VALUE_SIZE : 0);
  if (s->values > VALUES_MAX && !s->cut) {
    s->cut = true;
    found_sharing(s, "reaches more than %d values", VALUES_MAX);
  }
  return s->cut;
}

static struct closure *
purity_closure_of(struct search *s, int table)
{
  const void *root = lua_topointer(s->lua, table);
  struct closure **slot = &look->closures[purity_place_hash((struct place){PLACE_VALUE, root}) % CLOSURE_SLOTS];
  for (struct closure *c = *slot; c != NULL; c = c->next)
    if (c->root == root)
      return c;
  struct closure *c = memory_new(sizeof *c);
  object_init(&c->object, &closure_class);
  c->root = root;
  c->within = (struct search){.lua = s->lua, .found = &c->found, .known = s->known, .in_closure = true};
  c->next = *slot;
  *slot = c; // the look frees it, should there be an error
  purity_reach_table(&c->within, table);
  return c;
}

// Everything within a table: what was found when it was first reached holds for all who do.
static void
purity_reach_closure(struct search *s, int table)
{
  struct closure *c = purity_closure_of(s, table);
  struct places *reads = &s->found->reads;
  for (size_t i = 0; i < reads->closure_count; i++)
    if (reads->closures[i] == c)
      return;
  reads->closures = memory_resize(reads->closures, reads->closure_count + 1, sizeof(struct closure *));
  reads->closures[reads->closure_count++] = object_ref(c);
  s->values += c->within.values;
  s->keeps_library |= c->within.keeps_library;
  s->found->hidden |= c->found.hidden;
  if (c->found.shares && !c->within.cut)
    found_sharing(s, "%s", c->found.reason);
  for (size_t i = 0; i < c->within.reached.count; i++)
    places_add(&s->reached, c->within.reached.items[i]);
  if ((c->within.cut || s->values > VALUES_MAX) && !s->cut) {
    s->cut = true;
    found_sharing(s, "reaches more than %d values", VALUES_MAX);
  }
}

void
reach_value(struct search *s, int index)
{
  if (purity_too_many(s, index))
    return;
  switch (lua_type(s->lua, index)) {
  case LUA_TNIL:
  case LUA_TBOOLEAN:
  case LUA_TNUMBER:
  case LUA_TSTRING:
    break;
  case LUA_TTABLE:
    if (library_find(s->lua, index).kind != LIBRARY_TABLE && s->in_closure)
      purity_reach_table(s, index);
    else if (library_find(s->lua, index).kind != LIBRARY_TABLE)
      purity_reach_closure(s, index);
    else
      reach_library(s, index);
    break;
  case LUA_TUSERDATA:
  case LUA_TCDATA:
    purity_reach_handle(s, index);
    break;
  case LUA_TFUNCTION:
    purity_reach_function(s, index);
    break;
  default:
    found_sharing(s, "reaches a %s", lua_type(s->lua, index) == LUA_TTHREAD ? "coroutine" : "value that is not copied");
  }
}

// ---- looking ----

// What an error is not to leave behind lives here, outside of the protected call.
struct inquiry {
  struct search search;
  struct purity *out;
  const struct places *others;   // of effects; NULL: these are not wanted
  struct places unsure, written; // of effects
};

static void
purity_inquiry_fini(struct inquiry *q)
{
  free(q->search.visits);
  places_fini(&q->search.reached);
  places_fini(&q->unsure);
  places_fini(&q->written);
}

// The function is at 1.
static void
purity_search(lua_State *lua, struct inquiry *q, const struct places *volatile_places)
{
  struct search *s = &q->search;
  struct purity *out = q->out;
  int top = lua_gettop(lua);
  if (!lua_checkstack(lua, 64)) {
    out->shares = out->anything = true;
    return;
  }
  purity_begin(lua);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, look->known);
  *s = (struct search){.lua = lua, .found = out, .known = top + 1, .volatile_places = volatile_places};
  if (library_changed_everywhere(lua)) {
    out->hidden = true;
    found_sharing(s, "may use methods of strings, or globals, that were changed");
  }
  walk_function(s, 1, 1);
  for (size_t before = SIZE_MAX; before != s->visit_count;) {
    before = s->visit_count;
    purity_walk_reached(s);
  }
  if (s->cut && s->call_count > 0) // one of those that nobody looked at may be called
    out->anything = true;
  if (s->keeps_library && s->call_count > 0) {
    out->anything = true;
    found_sharing(s, "may call functions of a library that it keeps in tables");
  }
  for (size_t i = 0; i < s->visit_count; i++)
    places_add(&out->functions, (struct place){PLACE_VALUE, s->visits[i].function});
  free(s->visits);
  s->visits = NULL;
  places_fini(&s->reached);
  lua_settop(lua, top);
  purity_end(lua);
}

// Following it with what it writes unknown may find that it writes more: until nothing is added.
static void
purity_search_effects(lua_State *lua, struct inquiry *q)
{
  struct purity *out = q->out;
  for (size_t i = 0; i < q->others->count; i++)
    places_add(&q->unsure, q->others->items[i]);
  purity_search(lua, q, &q->unsure);
  while (!out->anything && !out->hidden && out->writes.count > q->written.count) {
    for (size_t i = 0; i < out->writes.count; i++) {
      places_add(&q->written, out->writes.items[i]);
      places_add(&q->unsure, out->writes.items[i]);
    }
    purity_fini(out);
    purity_search(lua, q, &q->unsure);
    for (size_t i = 0; i < q->written.count; i++)
      places_add(&out->writes, q->written.items[i]);
  }
}

static int
purity_step(lua_State *lua)
{
  struct inquiry *q = lua_touserdata(lua, 2);
  lua_settop(lua, 1);
  if (q->others != NULL)
    purity_search_effects(lua, q);
  else
    purity_search(lua, q, NULL);
  return 0;
}

// An error, for want of memory, goes on to whoever called: the look ends here, for what it knew may not hold at the next.
static void
purity_inquire(lua_State *lua, int function, struct inquiry *q)
{
  *q->out = (struct purity){0};
  lua_pushvalue(lua, function);
  lua_pushcfunction(lua, purity_step);
  lua_insert(lua, -2);
  lua_pushlightuserdata(lua, q);
  int status = lua_pcall(lua, 2, 0, 0);
  purity_inquiry_fini(q);
  if (status == 0)
    return;
  purity_fini(q->out);
  purity_abandon(lua);
  errors_make_room(lua, status);
  lua_error(lua);
}

void
purity_find(lua_State *lua, int function, struct purity *out)
{
  purity_inquire(lua, function, &(struct inquiry){.out = out});
}

void
purity_find_effects(lua_State *lua, int function, const struct places *others, struct purity *out)
{
  purity_inquire(lua, function, &(struct inquiry){.out = out, .others = others});
}
