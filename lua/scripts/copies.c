// SPDX-License-Identifier: BSD-2-Clause
// Deciding where functions run, and publishing the image of those that are copied.
#include "lua/scripts/copies.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/draft.h"
#include "lua/scripts/bytecode.h"
#include "lua/binder/library.h"

#include <lauxlib.h>
#include <luajit.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

_Atomic bool copies_enabled = true;

static bool readable; // this LuaJIT's instructions are known
static bool touched;  // Lua lock
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of `current`
static struct image *current;                            // one reference; NULL: nothing is copied
static _Atomic uint64_t generation = 1;

void
copies_open(lua_State *lua)
{
  readable = bytecode_open(lua);
  if (!readable)
    log_warning("lua", "The instructions of this LuaJIT are not known: all Lua functions run under the shared lock");
}

static void
publish(struct image *image)
{
  pthread_mutex_lock(&lock);
  struct image *old = current;
  current = image;
  atomic_fetch_add_explicit(&generation, 1, memory_order_release);
  pthread_mutex_unlock(&lock);
  object_unref(&old);
}

void
copies_close(void)
{
  publish(NULL);
}

void
copies_touched(void)
{
  touched = true;
}

// ---- who shares what ----

struct candidate {
  struct script *script;
  struct purity purity;
  bool copied;
  char why[256];
};
struct candidates {
  struct candidate *items;
  size_t count;
};

static void
add_candidate(struct script *s, void *arg)
{
  struct candidates *list = arg;
  if (s->user == NULL)
    return;
  if ((list->count & (list->count - 1)) == 0)
    list->items = memory_resize(list->items, list->count == 0 ? 1 : 2 * list->count, sizeof *list->items);
  list->items[list->count++] = (struct candidate){.script = s};
}

static void
inspect(lua_State *lua, struct candidate *c)
{
  script_push(lua, c->script);
  purity_find(lua, -1, &c->purity);
  lua_pop(lua, 1);
  c->copied = !c->purity.shares && c->script->may_copy && copies_enabled;
  if (c->purity.shares)
    snprintf(c->why, sizeof c->why, "%s", c->purity.reason);
  else if (!c->copied)
    snprintf(c->why, sizeof c->why, "%s", copies_enabled ? "is of a kind that is not copied" : "setLuaCopies(false)");
  atomic_store_explicit(&c->script->harmless, !c->purity.shares, memory_order_relaxed);
  atomic_store_explicit(&c->script->endless, c->purity.endless, memory_order_relaxed);
}

// One that stays in the shared state and writes what this one reads draws it there.
static bool
draw_in(struct candidates *list, struct candidate *c)
{
  for (size_t i = 0; i < list->count; i++) {
    const struct candidate *writer = &list->items[i];
    struct place which;
    if (writer == c || writer->copied || !purity_conflict(&writer->purity, &c->purity, &which))
      continue;
    bool global = which.kind == PLACE_GLOBAL && which.id != NULL;
    snprintf(c->why, sizeof c->why, "reads %s%s%s that %s at %s %s", global ? "global '" : "a value",
             global ? (const char *)which.id : "", global ? "'" : "", writer->script->user, writer->script->where,
             which.id == NULL ? "may write" : "writes");
    c->copied = false;
    return true;
  }
  return false;
}

static void
decide(struct candidates *list)
{
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < list->count; i++)
      again |= list->items[i].copied && draw_in(list, &list->items[i]);
  }
}

// Named once, as far as a user can do something about it.
static void
note(struct candidate *c)
{
  struct script *s = c->script;
  free(s->reason);
  s->reason = c->copied ? NULL : memory_string(c->why);
  if (c->copied || s->told || !s->may_copy || !copies_enabled)
    return;
  s->told = true;
  log_info("lua", "%s at %s %s: runs under the shared lock", s->user, s->where, c->why);
}

// ---- loops that are watched ----

// A hook counts instructions, which compiled code does not run: such functions stay uncompiled.
static void
leave_uncompiled(lua_State *lua, const struct candidate *c)
{
  if (!c->purity.endless)
    return;
  script_push(lua, c->script);
  luaJIT_setmode(lua, -1, LUAJIT_MODE_ALLFUNC | LUAJIT_MODE_OFF);
  lua_pop(lua, 1);
}

// ---- renewing ----

static struct image *
image_of(lua_State *lua, const struct candidates *list)
{
  struct image_part *parts = memory_array(list->count + 1, sizeof *parts);
  size_t count = 0;
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].copied)
      parts[count++] = (struct image_part){.script = list->items[i].script,
                                           .reference = list->items[i].script->reference,
                                           .purity = &list->items[i].purity};
  struct image *image = count == 0 ? NULL : image_new(lua, parts, count);
  free(parts);
  return image;
}

static void
settle(struct candidates *list, const struct image *image)
{
  for (size_t i = list->count; i > 0; i--) { // the oldest comes last
    struct candidate *c = &list->items[i - 1];
    bool copied = c->copied && image != NULL;
    if (c->copied && !copied)
      snprintf(c->why, sizeof c->why, "could not be copied");
    c->copied = copied;
    note(c);
    if (copied)
      atomic_store_explicit(&c->script->position, image_position(image, c->script, 0), memory_order_relaxed);
    atomic_store_explicit(&c->script->mode, copied ? SCRIPT_COPIED : SCRIPT_SHARED, memory_order_release);
  }
}

void
copies_renew(lua_State *lua)
{
  if (!touched || draft.phase == PHASE_CHECK || draft.phase == PHASE_CLIENT)
    return;
  touched = false;
  struct candidates list = {0};
  library_look(lua);
  scripts_each(add_candidate, &list);
  for (size_t i = 0; i < list.count; i++) {
    inspect(lua, &list.items[i]);
    leave_uncompiled(lua, &list.items[i]);
  }
  decide(&list);
  struct image *image = readable ? image_of(lua, &list) : NULL;
  // Only this thread changes it: the Lua lock is held.
  if (image == NULL ? current != NULL : current == NULL || !image_same(image, current))
    publish(object_ref(image));
  settle(&list, image);
  object_unref(&image);
  for (size_t i = 0; i < list.count; i++)
    purity_fini(&list.items[i].purity);
  free(list.items);
}

// ---- a thread's copies ----

static bool
load(lua_State *lua, struct copies *c)
{
  if (c->image != NULL)
    luaL_unref(lua, LUA_REGISTRYINDEX, c->functions);
  object_unref(&c->image);
  pthread_mutex_lock(&lock);
  struct image *image = object_ref(current);
  c->generation = atomic_load_explicit(&generation, memory_order_relaxed);
  pthread_mutex_unlock(&lock);
  if (image != NULL && image_load(lua, image)) {
    c->functions = luaL_ref(lua, LUA_REGISTRYINDEX);
    c->image = image;
    return true;
  }
  object_unref(&image); // these functions go on in the shared state
  return false;
}

bool
copies_push(lua_State *lua, struct copies *c, const struct script *script)
{
  if (c->generation != atomic_load_explicit(&generation, memory_order_acquire))
    load(lua, c);
  int position = 0;
  if (c->image != NULL)
    position = image_position(c->image, script, atomic_load_explicit(&script->position, memory_order_relaxed));
  if (position == 0)
    return false;
  lua_rawgeti(lua, LUA_REGISTRYINDEX, c->functions);
  lua_rawgeti(lua, -1, position);
  lua_remove(lua, -2);
  return true;
}

void
copies_drop(struct copies *c)
{
  object_unref(&c->image);
}
