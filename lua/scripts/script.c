// SPDX-License-Identifier: BSD-2-Clause
// Lua functions kept by C. Whoever drops the last reference may hold no lock: the registry forgets them later.
#include "lua/scripts/script.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/core/query.h"
#include "lua/scripts/purity.h"
#include "lua/scripts/scripts.h"
#include "lua/binder/load.h"

#include <assert.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- the list ----

static void
script_list_free(struct object *object)
{
  struct script_list *l = (struct script_list *)(void *)object;
  pthread_mutex_destroy(&l->lock);
  free(l);
}

static const struct object_class script_list_class = {.name = "scripts", .free = script_list_free};

struct script_list *
script_list_new(struct scripts *scripts)
{
  struct script_list *l = memory_new(sizeof *l);
  object_init(&l->object, &script_list_class);
  l->scripts = scripts;
  pthread_mutex_init(&l->lock, NULL);
  return l;
}

static void
script_free_memory(struct script *s)
{
  free(s->where);
  free(s->reason);
  purity_drop(&s->purity);
  purity_drop(&s->effects);
  free(s->counts);
  object_unref(&s->list);
  free(s);
}

void
scripts_forget(struct script_list *l)
{
  if (atomic_load_explicit(&l->dropped, memory_order_relaxed) == NULL)
    return;
  pthread_mutex_lock(&l->lock);
  struct script *s = l->dropped, *next;
  l->dropped = NULL;
  pthread_mutex_unlock(&l->lock);
  for (; s != NULL; s = next) {
    next = s->next;
    if (l->scripts->host.lua != NULL)
      luaL_unref(l->scripts->host.lua, LUA_REGISTRYINDEX, s->reference);
    script_free_memory(s);
  }
}

void
script_list_close(struct script_list **slot)
{
  struct script_list *l = *slot;
  scripts_forget(l);
  pthread_mutex_lock(&l->lock);
  l->scripts = NULL;
  struct script *s = l->dropped, *next; // meanwhile
  l->dropped = NULL;
  pthread_mutex_unlock(&l->lock);
  for (; s != NULL; s = next) {
    next = s->next;
    script_free_memory(s);
  }
  object_unref(slot);
}

struct scripts *
script_home(const struct script *s)
{
  return s->list->scripts;
}

lua_State *
script_lock(const struct script *s)
{
  return control_lock_of(script_home(s)->configuration);
}

// Once the lock is held it cannot be closed, whoever drops the last reference.
lua_State *
script_list_enter(struct script_list *l)
{
  pthread_mutex_lock(&l->lock);
  struct configuration *c = l->scripts == NULL ? NULL : object_ref_living(l->scripts->configuration);
  pthread_mutex_unlock(&l->lock);
  if (c == NULL)
    return NULL;
  lua_State *lua = control_lock_of(c);
  object_unref(&c);
  return lua;
}

lua_State *
script_enter(const struct script *s)
{
  return script_list_enter(s->list);
}

// ---- a script ----

// Whoever drops it may hold no lock: the registry of the Lua state forgets it later.
static void
script_free(struct object *object)
{
  struct script *s = (struct script *)(void *)object;
  struct script_list *l = s->list;
  pthread_mutex_lock(&l->lock);
  atomic_fetch_add_explicit(&l->changes, 1, memory_order_relaxed);
  *s->previous = s->next;
  if (s->next != NULL)
    s->next->previous = s->previous;
  bool closed = l->scripts == NULL;
  if (!closed) {
    s->next = l->dropped;
    l->dropped = s;
  }
  pthread_mutex_unlock(&l->lock);
  if (closed)
    script_free_memory(s);
}

const struct object_class script_class = {.name = "function", .free = script_free};

// "file:line"; what came over the console has its own words instead of a file.
static char *
script_defined_at(lua_State *lua, int index)
{
  lua_Debug where;
  char text[LUA_IDSIZE + 256];
  lua_pushvalue(lua, index);
  lua_getinfo(lua, ">S", &where);
  const char *path = where.source[0] == '@' ? where.source + 1 : NULL; // short_src cuts long ones
  snprintf(text, sizeof text, "%s:%d", path != NULL ? path : where.short_src, where.linedefined);
  return memory_string(text);
}

struct script *
script_new(lua_State *lua, int index)
{
  assert(lua_isfunction(lua, index));
  struct script *s = memory_new(sizeof *s);
  object_init(&s->object, &script_class);
  s->where = script_defined_at(lua, index);
  lua_pushvalue(lua, index);
  s->reference = luaL_ref(lua, LUA_REGISTRYINDEX);
  struct script_list *l = s->list = object_ref(control_scripts()->list);
  pthread_mutex_lock(&l->lock);
  s->previous = &l->alive;
  s->next = l->alive;
  if (l->alive != NULL)
    l->alive->previous = &s->next;
  l->alive = s;
  pthread_mutex_unlock(&l->lock);
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
script_used_by(struct script *s, const char *user, bool may_copy)
{
  s->user = user;
  atomic_fetch_add_explicit(&s->list->changes, 1, memory_order_relaxed);
  s->may_copy = may_copy;
  atomic_store_explicit(&s->mode, SCRIPT_SHARED, memory_order_relaxed);
}

uint64_t
scripts_generation(const struct script_list *l)
{
  return atomic_load_explicit(&l->changes, memory_order_relaxed);
}

void
scripts_each(struct script_list *l, void (*visit)(struct script *, void *), void *arg)
{
  pthread_mutex_lock(&l->lock);
  for (struct script *s = l->alive; s != NULL; s = s->next)
    visit(s, arg);
  pthread_mutex_unlock(&l->lock);
}

bool
script_may_run(const struct script *s, struct query *q)
{
  if (!q->rehearsal.dry || q->rehearsal.scripts || (s != NULL && atomic_load_explicit(&s->harmless, memory_order_relaxed)))
    return true;
  q->rehearsal.untold = true;
  return false;
}

struct script_counts *
script_counts(struct script *s, const struct query *q)
{
  unsigned count = worker_count();
  if (q->rehearsal.dry || count == 0) // benchRule() of a configuration file: how many workers there will be is not known yet
    return NULL;
  struct script_counts *counts = atomic_load_explicit(&s->counts, memory_order_acquire);
  if (counts == NULL) {
    size_t size = (count + 1) * sizeof *counts;
    struct script_counts *made = aligned_alloc(_Alignof(struct script_counts), size), *other = NULL;
    if (made == NULL)
      return NULL;
    memset(made, 0, size);
    if (atomic_compare_exchange_strong(&s->counts, &other, made))
      counts = made;
    else {
      free(made);
      counts = other;
    }
  }
  const struct worker *mine = worker_current();
  return &counts[mine != NULL && mine == q->worker && mine->id < count ? mine->id : count];
}
