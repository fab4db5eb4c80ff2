// SPDX-License-Identifier: BSD-2-Clause
// Deciding where functions run, and publishing the image of those that are copied.
#include "lua/scripts/copies.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "lua/scripts/bytecode.h"
#include "lua/binder/errors.h"
#include "lua/binder/library.h"
#include "lua/scripts/scripts.h"

#include <lauxlib.h>
#include <luajit.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t generations;

static struct copies_source *
copies_here(void)
{
  return &control_scripts()->copies;
}

void
copies_open(struct copies_source *c, lua_State *lua)
{
  *c = (struct copies_source){.enabled = true, .everything = true, .generation = ++generations};
  pthread_mutex_init(&c->lock, NULL);
  c->readable = bytecode_open(lua);
  if (!c->readable)
    log_warning("lua", "The instructions of this LuaJIT are not known: all Lua functions run under the shared lock");
}

static void
copies_publish(struct copies_source *c, struct image *image)
{
  pthread_mutex_lock(&c->lock);
  struct image *old = c->current;
  c->current = image;
  atomic_store_explicit(&c->generation, ++generations, memory_order_release);
  pthread_mutex_unlock(&c->lock);
  object_unref(&old);
}

void
copies_close(struct copies_source *c)
{
  copies_publish(c, NULL);
  places_fini(&c->written);
  places_fini(&c->unread);
  places_fini(&c->shared);
  pthread_mutex_destroy(&c->lock);
}

void
copies_touched(void)
{
  copies_here()->everything = true;
}

uint64_t
copies_looks(void)
{
  return copies_here()->looks;
}

// ---- what is about to be written ----

static bool
copies_effects_hold(const struct purity *effects, const struct places *written)
{
  for (size_t i = 0; i < written->count; i++) {
    const struct places one = {.items = &written->items[i], .count = 1};
    if (!places_have(&effects->writes, written->items[i]) && purity_reads_any(effects, &one))
      return false;
  }
  return true;
}

struct events {
  struct script **items;
  size_t count;
};

static void
copies_add_event(struct script *s, void *arg)
{
  struct events *list = arg;
  if (s->user != NULL)
    return;
  list->items = memory_resize(list->items, list->count + 1, sizeof(struct script *));
  list->items[list->count++] = s;
}

// What was found, if it holds still.
static const struct purity *
copies_remembered(struct script *s)
{
  if (s->effects != NULL && !copies_effects_hold(s->effects, &copies_here()->written))
    purity_drop(&s->effects);
  return s->effects;
}

static const struct purity *
copies_effects_of(lua_State *lua, struct script *s)
{
  struct copies_source *here = copies_here();
  struct purity found;
  if (copies_remembered(s) != NULL)
    return s->effects;
  script_push(lua, s);
  purity_find_effects(lua, -1, &here->shared, &found); // an error leaves nothing to remember
  lua_pop(lua, 1);
  s->effects = memory_copy(&found, sizeof found);
  places_fini(&here->unread); // this one may read them
  here->looks++;
  return s->effects;
}

// One that is about to run: a script, or else a function that the registry keeps meanwhile.
struct ahead {
  struct script *script;
  int function;
  struct events events;
};

// A function of ours may call scripts that C keeps: visitors of names, for one. What all of them write counts.
static void
copies_note_events(lua_State *lua, struct events *list)
{
  struct copies_source *here = copies_here();
  scripts_each(control_scripts()->list, copies_add_event, list);
  for (size_t i = 0; i < list->count && !here->everything; i++) {
    const struct purity *effects = copies_effects_of(lua, list->items[i]);
    // What it reads may be written before it is called: then what was found does not hold.
    here->everything = effects->anything || effects->hidden || !copies_effects_hold(effects, &here->written);
    for (size_t k = 0; k < effects->writes.count; k++)
      places_add(&here->written, effects->writes.items[k]);
  }
}

static void
copies_note(const struct purity *effects)
{
  struct copies_source *here = copies_here();
  here->everything |= effects->anything || effects->hidden;
  for (size_t i = 0; i < effects->writes.count; i++)
    places_add(&here->written, effects->writes.items[i]);
}

static void
copies_ahead_step(lua_State *lua, void *arg)
{
  struct ahead *a = arg;
  struct copies_source *here = copies_here();
  struct purity found;
  bool calls_out;
  if (a->script != NULL) {
    const struct purity *effects = copies_effects_of(lua, a->script);
    calls_out = effects->calls_out;
    copies_note(effects);
  } else {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, a->function);
    purity_find_effects(lua, -1, &here->shared, &found);
    here->looks++;
    calls_out = found.calls_out;
    copies_note(&found);
    purity_fini(&found);
  }
  if (calls_out && !here->everything)
    copies_note_events(lua, &a->events);
}

// Without the memory to look, nobody can tell what it writes; it runs all the same.
static void
copies_look_at(lua_State *lua, struct ahead *a)
{
  struct text why;
  text_init(&why);
  if (!errors_protect(lua, copies_ahead_step, a, &why))
    copies_here()->everything = true;
  text_fini(&why);
  free(a->events.items);
}

static bool
copies_look_ahead(void)
{
  struct copies_source *here = copies_here();
  return here->readable && !here->everything && config()->phase == PHASE_RUNNING;
}

void
copies_will_run(lua_State *lua, int index)
{
  if (!copies_look_ahead()) {
    copies_here()->everything = true;
    return;
  }
  lua_pushvalue(lua, index);
  struct ahead a = {.function = luaL_ref(lua, LUA_REGISTRYINDEX)};
  copies_look_at(lua, &a);
  luaL_unref(lua, LUA_REGISTRYINDEX, a.function);
}

// Queries may wait for it: what is remembered takes nothing of Lua's.
void
copies_will_run_script(lua_State *lua, struct script *s)
{
  if (!copies_look_ahead()) {
    copies_here()->everything = true;
    return;
  }
  const struct purity *effects = copies_remembered(s);
  if (effects != NULL && !effects->calls_out)
    copies_note(effects);
  else
    copies_look_at(lua, &(struct ahead){.script = s});
}

// ---- who shares what ----

struct candidate {
  struct script *script;
  bool anew;   // it was looked at in this renewal
  bool copied;
  char why[256];
};
struct candidates {
  struct candidate *items;
  size_t count;
};

static void
copies_add_candidate(struct script *s, void *arg)
{
  struct candidates *list = arg;
  if (s->user == NULL)
    return;
  if ((list->count & (list->count - 1)) == 0)
    list->items = memory_resize(list->items, list->count == 0 ? 1 : 2 * list->count, sizeof *list->items);
  list->items[list->count++] = (struct candidate){.script = s};
}

// Looks at it, unless nothing that it reads was written since it was.
static void
copies_inspect(lua_State *lua, struct candidate *c)
{
  struct copies_source *here = copies_here();
  struct script *s = c->script;
  if (s->purity != NULL && (here->everything || purity_reads_any(s->purity, &here->written)))
    purity_drop(&s->purity);
  if (s->purity == NULL) {
    struct purity found;
    c->anew = true;
    script_push(lua, s);
    purity_find(lua, -1, &found);
    lua_pop(lua, 1);
    s->purity = memory_copy(&found, sizeof found);
    here->looks++;
  }
  c->copied = !s->purity->shares && s->may_copy && here->enabled;
  if (s->purity->shares)
    snprintf(c->why, sizeof c->why, "%s", s->purity->reason);
  else if (!c->copied)
    snprintf(c->why, sizeof c->why, "%s", here->enabled ? "is of a kind that is not copied" : "setLuaCopies(false)");
  atomic_store_explicit(&s->harmless, !s->purity->shares, memory_order_relaxed);
  atomic_store_explicit(&s->endless, s->purity->endless, memory_order_relaxed);
}

// One that stays in the shared state and writes what this one reads draws it there.
static bool
copies_draw_in(struct candidates *list, struct candidate *c)
{
  for (size_t i = 0; i < list->count; i++) {
    const struct candidate *writer = &list->items[i];
    const struct purity *purity = writer->script->purity;
    struct place which;
    if (writer == c || writer->copied || (purity->writes.count == 0 && !purity->anything) ||
        !purity_conflict(purity, c->script->purity, &which))
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
copies_decide(struct candidates *list)
{
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < list->count; i++)
      again |= list->items[i].copied && copies_draw_in(list, &list->items[i]);
  }
}

// Named once, as far as a user can do something about it.
static void
copies_note_it(struct candidate *c)
{
  struct copies_source *here = copies_here();
  struct script *s = c->script;
  free(s->reason);
  s->reason = c->copied ? NULL : memory_string(c->why);
  if (c->copied || s->told || !s->may_copy || !here->enabled)
    return;
  s->told = true;
  log_info("lua", "%s at %s %s: runs under the shared lock", s->user, s->where, c->why);
}

// ---- loops that are watched ----

// A hook counts instructions, which compiled code does not run: such functions stay uncompiled.
static void
copies_leave_uncompiled(lua_State *lua, const struct candidate *c)
{
  if (!c->anew || !c->script->purity->endless)
    return;
  script_push(lua, c->script);
  luaJIT_setmode(lua, -1, LUAJIT_MODE_ALLFUNC | LUAJIT_MODE_OFF);
  lua_pop(lua, 1);
}

// ---- renewing ----

// Those of events that read what was written are to be looked at again before they run; with functions of queries looked
// at anew, all are: others may write at any time what they read.
static void
copies_forget_effects(bool all)
{
  struct copies_source *here = copies_here();
  struct events list = {0};
  scripts_each(control_scripts()->list, copies_add_event, &list);
  for (size_t i = 0; i < list.count; i++)
    if (list.items[i]->effects != NULL && (all || !copies_effects_hold(list.items[i]->effects, &here->written)))
      purity_drop(&list.items[i]->effects);
  free(list.items);
}

static struct image *
copies_image_of(lua_State *lua, const struct candidates *list)
{
  struct image_part *parts = memory_array(list->count + 1, sizeof *parts);
  size_t count = 0;
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].copied)
      parts[count++] = (struct image_part){.script = list->items[i].script,
                                           .reference = list->items[i].script->reference,
                                           .purity = list->items[i].script->purity};
  struct image *image = count == 0 ? NULL : image_new(lua, parts, count);
  free(parts);
  return image;
}

static void
copies_settle(struct candidates *list, const struct image *image)
{
  for (size_t i = list->count; i > 0; i--) { // the oldest comes last
    struct candidate *c = &list->items[i - 1];
    bool copied = c->copied && image != NULL;
    if (c->copied && !copied)
      snprintf(c->why, sizeof c->why, "could not be copied");
    c->copied = copied;
    copies_note_it(c);
    if (copied)
      atomic_store_explicit(&c->script->position, image_position(image, c->script, 0), memory_order_relaxed);
    atomic_store_explicit(&c->script->mode, copied ? SCRIPT_COPIED : SCRIPT_SHARED, memory_order_release);
  }
}

// Is what the image holds what there is? Else one must be made.
static bool
copies_image_holds(const struct candidates *list)
{
  struct copies_source *here = copies_here();
  size_t copied = 0;
  for (size_t i = 0; i < list->count; i++) {
    if (!list->items[i].copied)
      continue;
    if (list->items[i].anew || here->current == NULL || image_position(here->current, list->items[i].script, 0) == 0)
      return false;
    copied++;
  }
  return copied == (here->current == NULL ? 0 : image_count(here->current));
}

static void
copies_renew_image(lua_State *lua, struct candidates *list)
{
  struct copies_source *here = copies_here();
  struct image *image = copies_image_holds(list) ? object_ref(here->current) : here->readable ? copies_image_of(lua, list) : NULL;
  // Only this thread changes it: the Lua lock is held.
  if (image == NULL ? here->current != NULL : here->current == NULL || !image_same(image, here->current))
    copies_publish(here, object_ref(image));
  copies_settle(list, image);
  object_unref(&image);
}

static void
copies_note_shared(const struct candidates *list)
{
  struct copies_source *here = copies_here();
  places_fini(&here->shared);
  for (size_t i = 0; i < list->count; i++)
    for (size_t k = 0; !list->items[i].copied && k < list->items[i].script->purity->writes.count; k++)
      places_add(&here->shared, list->items[i].script->purity->writes.items[k]);
}

struct readers {
  const struct places *written;
  bool any;
};

static void
copies_look_for_reader(struct script *s, void *arg)
{
  struct readers *r = arg;
  r->any = r->any || (s->purity != NULL && purity_reads_any(s->purity, r->written)) ||
           (s->effects != NULL && !copies_effects_hold(s->effects, r->written));
}

// Handlers and callbacks write their counters and tables all the time. What was written and nobody reads is remembered, so
// that it is looked for once.
static bool
copies_nobody_reads(lua_State *lua)
{
  struct copies_source *here = copies_here();
  for (size_t i = 0; i < here->written.count; i++) {
    const struct place place = here->written.items[i];
    const struct places one = {.items = &here->written.items[i], .count = 1};
    struct readers readers = {.written = &one};
    if (places_have(&here->unread, place))
      continue;
    if (place.kind == PLACE_GLOBAL ? place.id == NULL || strcmp(place.id, "string") == 0 : library_has(lua, place.id))
      return false;
    scripts_each(control_scripts()->list, copies_look_for_reader, &readers);
    if (readers.any)
      return false;
    places_add(&here->unread, place);
  }
  return true;
}

static void
copies_renew_step(lua_State *lua, void *arg)
{
  struct candidates *list = arg;
  struct copies_source *here = copies_here();
  uint64_t scripts = scripts_generation(control_scripts()->list);
  bool anew = scripts != here->scripts;
  here->everything |= library_look(lua);
  scripts_each(control_scripts()->list, copies_add_candidate, list);
  purity_begin(lua);
  for (size_t i = 0; i < list->count; i++) {
    copies_inspect(lua, &list->items[i]);
    copies_leave_uncompiled(lua, &list->items[i]);
    anew |= list->items[i].anew;
  }
  purity_end(lua);
  if (anew || here->everything) {
    copies_decide(list);
    copies_renew_image(lua, list);
    copies_note_shared(list);
  }
  copies_forget_effects(anew || here->everything);
  here->everything = false;
  here->scripts = scripts;
  places_fini(&here->written);
  places_fini(&here->unread);
}

enum { COPIES_PATIENCE_US = 1000000 };

// Nobody can tell what the functions do now: all of them run in the shared state until the next try, which looks at everything.
static void
copies_give_up(lua_State *lua, struct candidates *list, const char *why)
{
  struct copies_source *here = copies_here();
  purity_abandon(lua);
  for (size_t i = 0; i < list->count; i++) {
    struct candidate *c = &list->items[i];
    purity_drop(&c->script->purity);
    c->copied = false;
    snprintf(c->why, sizeof c->why, "could not be looked at");
  }
  copies_publish(here, NULL);
  copies_settle(list, NULL);
  here->everything = true;
  here->again_us = clock_mono_us() + COPIES_PATIENCE_US;
  log_warning("lua", "Functions could not be looked at, and run under the shared lock: %s", why);
}

void
copies_renew(lua_State *lua)
{
  struct copies_source *here = copies_here();
  if (config()->phase == PHASE_CLIENT ||
      (!here->everything && here->written.count == 0 && scripts_generation(control_scripts()->list) == here->scripts) ||
      (here->again_us != 0 && clock_mono_us() < here->again_us))
    return;
  if (!here->everything && scripts_generation(control_scripts()->list) == here->scripts && copies_nobody_reads(lua)) {
    places_fini(&here->written);
    return;
  }
  struct candidates list = {0};
  struct text why;
  here->again_us = 0;
  text_init(&why);
  if (!errors_protect(lua, copies_renew_step, &list, &why))
    copies_give_up(lua, &list, why.data);
  text_fini(&why);
  free(list.items);
}

// ---- a thread's copies ----

static bool
copies_load(lua_State *lua, struct copies *c, struct copies_source *from)
{
  if (c->image != NULL)
    luaL_unref(lua, LUA_REGISTRYINDEX, c->functions);
  object_unref(&c->image);
  pthread_mutex_lock(&from->lock);
  struct image *image = object_ref(from->current);
  c->generation = atomic_load_explicit(&from->generation, memory_order_relaxed);
  pthread_mutex_unlock(&from->lock);
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
  struct copies_source *from = &script_home(script)->copies;
  if (c->generation != atomic_load_explicit(&from->generation, memory_order_acquire))
    copies_load(lua, c, from);
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
