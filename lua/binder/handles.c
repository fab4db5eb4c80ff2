// SPDX-License-Identifier: BSD-2-Clause
// Handles and values of the types that scripts see: made, recognised, read, written, given back.
#include "lua/binder/handles.h"

#include "lua/binder/arguments.h"
#include "lua/binder/classes.h"
#include "lua/binder/members.h"
#include "lua/binder/scratch.h"

#include <assert.h>
#include <lauxlib.h>
#include <string.h>

static const char class_key; // metatable[&class_key] = class: nobody but us can make such a metatable

// Every cdata has room for a pointer; scripts without ffi cannot make one that holds the address of a class.
static struct handle *
handles_made_by_member(lua_State *lua, int index)
{
  struct handle *h = (struct handle *)(uintptr_t)lua_topointer(lua, index);
  return h->class == &class_name || h->class == &class_address ? h : NULL;
}

struct handle *
handle_test(lua_State *lua, int index)
{
  if (lua_type(lua, index) == LUA_TCDATA)
    return handles_made_by_member(lua, index);
  struct handle *h = lua_touserdata(lua, index);
  if (h == NULL || lua_islightuserdata(lua, index) || !lua_getmetatable(lua, index))
    return NULL;
  lua_pushlightuserdata(lua, (void *)&class_key);
  lua_rawget(lua, -2);
  const struct lua_class *class = lua_touserdata(lua, -1);
  lua_pop(lua, 2);
  // debug.setmetatable() puts ours onto other things. Collected objects have no class any more.
  return class != NULL && lua_objlen(lua, index) > sizeof h->class && h->class == class ? h : NULL;
}

const struct lua_class *
binder_class_at(lua_State *lua, int index)
{
  const struct handle *h = handle_test(lua, index);
  return h == NULL ? NULL : h->class;
}

void *
binder_test(lua_State *lua, int index, const struct lua_class *class)
{
  struct handle *h = handle_test(lua, index);
  if (h == NULL || h->class != class)
    return NULL;
  return class->object != NULL ? h->object : (void *)&h->value;
}

static struct handle *
handles_push_handle(lua_State *lua, const struct lua_class *class)
{
  size_t size = class->object != NULL ? sizeof(struct handle) : offsetof(struct handle, value) + class->size;
  struct handle *h = lua_newuserdata(lua, size);
  memset(h, 0, size);
  h->class = class;
  lua_pushlightuserdata(lua, (void *)class);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  assert(lua_istable(lua, -1));
  lua_setmetatable(lua, -2);
  return h;
}

void
binder_push_object(lua_State *lua, void *object)
{
  if (object == NULL) {
    lua_pushnil(lua);
    return;
  }
  const struct lua_class *const *class = lua_classes;
  while (*class != NULL && (*class)->object != ((struct object *)object)->class)
    class++;
  assert(*class != NULL);
  handles_push_handle(lua, *class)->object = object_ref(object);
}

void *
binder_push_value(lua_State *lua, const struct lua_class *class)
{
  assert(class->object == NULL);
  return &handles_push_handle(lua, class)->value;
}

// ---- metamethods; upvalue 1: the table of members, upvalue 2: the class ----

static int
handles_collect(lua_State *lua)
{
  struct handle *h = handle_test(lua, 1);
  if (h == NULL)
    return 0;
  const struct lua_class *class = h->class;
  h->class = NULL; // finalizers of scripts may still see it: it is nothing any more
  if (class->object != NULL)
    object_unref(&h->object);
  else if (class->fini != NULL)
    class->fini(&h->value);
  return 0;
}

static void
handles_call_init(struct call *c, lua_State *lua, struct handle *h, struct scratch *scratch)
{
  *c = (struct call){.lua = lua, .scratch = scratch};
  c->self = h->class->object != NULL ? h->object : (void *)&h->value;
  c->slot = h->class->object != NULL ? &h->object : NULL;
}

static int
handles_call_end(struct call *c, int results)
{
  scratch_fini(c->scratch);
  return results >= 0 ? results : binder_raise(c->lua, &c->fault);
}

static struct handle *
handles_self_of(lua_State *lua)
{
  struct handle *h = handle_test(lua, 1);
  if (h == NULL || h->class != lua_touserdata(lua, lua_upvalueindex(2)))
    luaL_error(lua, "Unable to convert parameter from %s to object", luaL_typename(lua, 1));
  return h;
}

static const struct lua_attribute *
handles_attribute_of(lua_State *lua)
{
  lua_pushvalue(lua, 2);
  lua_rawget(lua, lua_upvalueindex(1));
  return lua_islightuserdata(lua, -1) ? lua_touserdata(lua, -1) : NULL;
}

static int
handles_get_member(lua_State *lua)
{
  struct handle *h = handles_self_of(lua);
  struct scratch scratch = {0};
  struct call c;
  const struct lua_attribute *attribute = handles_attribute_of(lua);
  if (attribute == NULL)
    return 1; // a method, or nil
  handles_call_init(&c, lua, h, &scratch);
  return handles_call_end(&c, attribute->get(&c));
}

static int
handles_set_member(lua_State *lua)
{
  struct handle *h = handles_self_of(lua);
  struct scratch scratch = {0};
  struct call c;
  struct value value;
  const struct lua_attribute *attribute = handles_attribute_of(lua);
  if (attribute == NULL)
    return binder_raise(lua, NULL);
  if (attribute->set == NULL)
    return 0;
  const struct param row = {.name = attribute->name,
                            .type = attribute->type,
                            .least = attribute->least,
                            .most = attribute->most,
                            .outside = attribute->outside,
                            .why = attribute->why};
  handles_call_init(&c, lua, h, &scratch);
  binder_effects.changed = true;
  bool good = call_read(&c, 3, &row, &value);
  return handles_call_end(&c, !good ? -1 : c.moot ? 0 : attribute->set(&c, &value));
}

static int
handles_to_string(lua_State *lua)
{
  struct handle *h = handles_self_of(lua);
  struct scratch scratch = {0};
  struct call c;
  if (h->class->tostring == NULL) {
    lua_pushfstring(lua, "userdata %p", (void *)h);
    return 1;
  }
  handles_call_init(&c, lua, h, &scratch);
  return handles_call_end(&c, h->class->tostring(&c));
}

static int
handles_are_equal(lua_State *lua)
{
  struct handle *h = handles_self_of(lua), *other = handle_test(lua, 2);
  struct scratch scratch = {0};
  struct call c;
  if (other == NULL || other->class != h->class)
    return 0;
  handles_call_init(&c, lua, h, &scratch);
  return handles_call_end(&c, h->class->equal(&c, h->class->object != NULL ? other->object : (void *)&other->value));
}

static void
handles_set_closure(lua_State *lua, const struct lua_class *class, const char *name, lua_CFunction function)
{
  int members = lua_gettop(lua), table = members - 1;
  lua_pushvalue(lua, members);
  lua_pushlightuserdata(lua, (void *)class);
  lua_pushcclosure(lua, function, 2);
  lua_setfield(lua, table, name);
}

static void
handles_push_method(lua_State *lua, const struct lua_class *class, const struct lua_function *method)
{
  lua_pushlightuserdata(lua, (void *)method);
  lua_pushlightuserdata(lua, (void *)class);
  lua_pushcclosure(lua, binder_dispatch, 2);
}

static void
handles_push_members(lua_State *lua, const struct lua_class *class)
{
  lua_newtable(lua);
  for (const struct lua_function *m = class->methods; m != NULL && m->name != NULL; m++) {
    handles_push_method(lua, class, m);
    lua_setfield(lua, -2, m->name);
  }
  for (const struct lua_attribute *a = class->attributes; a != NULL && a->name != NULL; a++) {
    lua_pushlightuserdata(lua, (void *)a);
    lua_setfield(lua, -2, a->name);
  }
}

static void
handles_class_open(lua_State *lua, const struct lua_class *class)
{
  lua_newtable(lua);
  int table = lua_gettop(lua);
  handles_push_members(lua, class);
  handles_set_closure(lua, class, "__index", handles_get_member);
  handles_set_closure(lua, class, "__newindex", handles_set_member);
  handles_set_closure(lua, class, "__tostring", handles_to_string);
  if (class->equal != NULL)
    handles_set_closure(lua, class, "__eq", handles_are_equal);
  lua_pop(lua, 1);
  if (class->call != NULL) {
    handles_push_method(lua, class, class->call);
    lua_setfield(lua, table, "__call");
  }
  // Values that own nothing go without: a finalizer costs the collector more than the value itself.
  if (class->object != NULL || class->fini != NULL) {
    lua_pushcfunction(lua, handles_collect);
    lua_setfield(lua, table, "__gc");
  }
  lua_pushstring(lua, class->name); // what getmetatable() gives: scripts cannot reach ours
  lua_setfield(lua, table, "__metatable");
  lua_pushlightuserdata(lua, (void *)&class_key);
  lua_pushlightuserdata(lua, (void *)class);
  lua_rawset(lua, table);
  lua_pushlightuserdata(lua, (void *)class);
  lua_insert(lua, table);
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

void
handles_open(lua_State *lua)
{
  for (const struct lua_class *const *class = lua_classes; *class != NULL; class++)
    handles_class_open(lua, *class);
  members_open(lua);
}
