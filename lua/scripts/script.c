// SPDX-License-Identifier: BSD-2-Clause
// Lua functions kept by C. Whoever drops the last reference may hold no lock: the registry forgets them later.
#include "lua/scripts/script.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/core/query.h"
#include "lua/scripts/copies.h"
#include "lua/scripts/purity.h"
#include "lua/binder/load.h"

#include <assert.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct script *) dropped;
static struct script *alive;
static _Atomic uint64_t changes; // of `alive` and of users
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of the list of those alive

static void
script_free(struct object *object)
{
  struct script *s = (struct script *)(void *)object;
  pthread_mutex_lock(&lock);
  atomic_fetch_add_explicit(&changes, 1, memory_order_relaxed);
  *s->previous = s->next;
  if (s->next != NULL)
    s->next->previous = s->previous;
  pthread_mutex_unlock(&lock);
  s->next = atomic_load(&dropped);
  while (!atomic_compare_exchange_weak(&dropped, &s->next, s))
    ;
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
  pthread_mutex_lock(&lock);
  s->previous = &alive;
  s->next = alive;
  if (alive != NULL)
    alive->previous = &s->next;
  alive = s;
  pthread_mutex_unlock(&lock);
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
  atomic_fetch_add_explicit(&changes, 1, memory_order_relaxed);
  s->may_copy = may_copy;
  atomic_store_explicit(&s->mode, SCRIPT_SHARED, memory_order_relaxed);
}

uint64_t
scripts_generation(void)
{
  return atomic_load_explicit(&changes, memory_order_relaxed);
}

void
scripts_each(void (*visit)(struct script *, void *), void *arg)
{
  pthread_mutex_lock(&lock);
  for (struct script *s = alive; s != NULL; s = s->next)
    visit(s, arg);
  pthread_mutex_unlock(&lock);
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
    free(s->reason);
    purity_drop(&s->purity);
    purity_drop(&s->effects);
    free(s->counts);
    free(s);
  }
}
