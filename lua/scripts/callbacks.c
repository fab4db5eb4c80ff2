// SPDX-License-Identifier: BSD-2-Clause
// Lists of functions that scripts asked to be called, and the calls that come from the clock.
#include "lua/scripts/callbacks.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/errors.h"
#include "lua/scripts/scripts.h"

#include <stdlib.h>

enum { TELL_EVERY_US = 60 * 1000 * 1000 };

static struct callbacks *
callbacks_here(void)
{
  return &control_scripts()->callbacks;
}

static void
callbacks_unadd(void *room)
{
  enum callback_kind kind = *(enum callback_kind *)room;
  struct callbacks *here = callbacks_here();
  object_unref(&here->lists[kind].items[--here->lists[kind].count]);
}

void
callbacks_add(enum callback_kind kind, struct script *script)
{
  enum callback_kind *edit = undo_record(sizeof *edit, callbacks_unadd, NULL);
  if (edit != NULL)
    *edit = kind;
  struct callbacks *here = callbacks_here();
  here->lists[kind].items = memory_resize(here->lists[kind].items, here->lists[kind].count + 1, sizeof(struct script *));
  here->lists[kind].items[here->lists[kind].count++] = object_ref(script);
}

size_t
callbacks_count(enum callback_kind kind)
{
  return callbacks_here()->lists[kind].count;
}

struct script *
callbacks_at(enum callback_kind kind, size_t position)
{
  return callbacks_here()->lists[kind].items[position];
}

void
callbacks_clear(struct callbacks *c)
{
  object_unref(&c->maintenance);
  for (unsigned kind = 0; kind < CALLBACK_KINDS; kind++) {
    for (size_t i = 0; i < c->lists[kind].count; i++)
      object_unref(&c->lists[kind].items[i]);
    free(c->lists[kind].items);
  }
  *c = (struct callbacks){0};
}

// A maintenance() that fails does so every second: once a minute is enough to know.
static void
callbacks_tell(const char *error)
{
  struct callbacks *here = callbacks_here();
  uint64_t now_us = clock_mono_us();
  if (here->told_us != 0 && now_us - here->told_us < TELL_EVERY_US)
    return;
  here->told_us = now_us;
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                .message = "Error during execution of maintenance function(s)",
                                .error = error,
                                .subsystem = "maintenance"});
}

static void
callbacks_call(lua_State *lua, void (*report)(const char *))
{
  struct failure failure;
  failure_init(&failure);
  if (!errors_call(lua, 0, 0, &failure)) {
    if (failure.detail.size > 0)
      text_printf(&failure.message, ": %s", failure.detail.data);
    report(failure.message.data);
  }
  failure_fini(&failure);
}

// The global of that name, on top of the stack, as a script: kept, so that it is looked at once and not every second.
static void
callbacks_maintenance_will_run(lua_State *lua)
{
  struct callbacks *here = callbacks_here();
  bool same = false;
  if (here->maintenance != NULL) {
    script_push(lua, here->maintenance);
    same = lua_rawequal(lua, -1, -2);
    lua_pop(lua, 1);
  }
  if (!same) {
    object_unref(&here->maintenance);
    here->maintenance = script_new(lua, lua_gettop(lua));
  }
  copies_will_run_script(lua, here->maintenance);
}

// The global maintenance(); a metatable of the globals is the script's own business.
static void
callbacks_maintenance_step(lua_State *lua, void *arg)
{
  (void)arg;
  lua_pushliteral(lua, "maintenance");
  lua_rawget(lua, LUA_GLOBALSINDEX);
  if (lua_isfunction(lua, -1)) {
    callbacks_maintenance_will_run(lua);
    callbacks_call(lua, callbacks_tell);
  }
}

static void
callbacks_callback_step(lua_State *lua, void *script)
{
  copies_will_run_script(lua, script);
  script_push(lua, script);
  callbacks_call(lua, callbacks_tell);
}

static void
callbacks_protect(lua_State *lua, void (*step)(lua_State *, void *), void *arg, void (*report)(const char *))
{
  struct text message;
  text_init(&message);
  if (!errors_protect(lua, step, arg, &message))
    report(message.data);
  text_fini(&message);
}

void
control_maintenance(void)
{
  lua_State *lua = control_lock();
  callbacks_protect(lua, callbacks_maintenance_step, NULL, callbacks_tell);
  for (size_t i = 0; i < callbacks_count(CALLBACK_MAINTENANCE); i++)
    callbacks_protect(lua, callbacks_callback_step, callbacks_at(CALLBACK_MAINTENANCE, i), callbacks_tell);
  dynblock_purge(&config()->dynblocks, clock_mono_us());
  text_clear(control_output()); // nobody reads what maintenance() shows
  control_unlock();
}

static void
callbacks_tell_exit(const char *error)
{
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                .message = "Error during execution of an exit callback",
                                .error = error,
                                .subsystem = "shutdown"});
}

static void
callbacks_exit_step(lua_State *lua, void *script)
{
  script_push(lua, script);
  callbacks_call(lua, callbacks_tell_exit);
}

void
control_exit_callbacks(void)
{
  lua_State *lua = control_lock();
  for (size_t i = 0; i < callbacks_count(CALLBACK_EXIT); i++)
    callbacks_protect(lua, callbacks_exit_step, callbacks_at(CALLBACK_EXIT, i), callbacks_tell_exit);
  control_unlock();
}
