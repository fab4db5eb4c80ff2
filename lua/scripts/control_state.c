// SPDX-License-Identifier: BSD-2-Clause
// The shared Lua state: its lock, its life, the configuration file, and publishing of what was edited.
#include "lua/scripts/control_state.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/neighbours.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/core/worker.h"
#include "lua/binder/binder.h"
#include "lua/binder/errors.h"
#include "lua/scripts/ffi_state.h"
#include "lua/binder/library.h"
#include "lua/binder/load.h"
#include "lua/scripts/policy_lua.h"
#include "lua/scripts/thread_state.h"
#include "lua/scripts/question_access.h"
#include "lua/scripts/scripts.h"
#include "lua/binder/stack_guard.h"
#include "lua/binder/standard.h"

#include <assert.h>
#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scripts *
control_scripts(void)
{
  return config()->scripts;
}

// ---- every call into the shared state, once the program serves, is a transaction with a time to end ----

static bool
control_state_serves(lua_State *lua)
{
  const struct configuration *c = config();
  return c != NULL && c->scripts != NULL && lua == c->scripts->host.lua && c->phase == PHASE_RUNNING;
}

static uint64_t
control_state_begin(lua_State *lua)
{
  if (!control_state_serves(lua))
    return 0;
  undo_begin();
  return script_budget_ms(NULL);
}

static void
control_state_end(lua_State *lua, bool good)
{
  if (!control_state_serves(lua))
    return;
  if (good)
    undo_keep();
  else
    undo_back();
}

static const struct errors_frame control_state_frame = {.begin = control_state_begin, .end = control_state_end};

// ---- a part of each configuration ----

static void
control_state_open(struct configuration *c)
{
  struct scripts *s = c->scripts = memory_new(sizeof *s);
  s->configuration = c;
  s->list = script_list_new(s);
  text_init(&s->output);
  text_init(&s->load_message);
  text_init(&s->load_path);
  policy_builtin_open(&s->policies);
  lua_State *lua = luaL_newstate();
  if (lua == NULL)
    memory_exhausted();
  s->host = (struct script_host){.lua = lua};
  standard_libraries_open(lua);
  stack_guard_open(lua);
  binder_open(lua);
  s->ffi = ffi_state_new(lua);
  if (s->ffi == NULL)
    memory_exhausted();
  library_open(lua);
  copies_open(&s->copies, lua);
}

// Finalizers of scripts run in lua_close(), and may call anything: what they call is there until afterwards.
static void
control_state_close(struct configuration *c)
{
  struct scripts *s = c->scripts;
  callbacks_clear(&s->callbacks);
  lua_policies_close(&s->host);
  lua_close(s->host.lua);
  s->host.lua = NULL;
  callbacks_clear(&s->callbacks);
  lua_policies_close(&s->host);
  policy_builtin_close(&s->policies);
  history_clear(&s->history);
  copies_close(&s->copies);
  script_list_close(&s->list);
  async_scopes_close(s->spare_scopes);
  ffi_state_free(&s->ffi);
  text_fini(&s->output);
  text_fini(&s->load_message);
  text_fini(&s->load_path);
  free(s);
  c->scripts = NULL;
}

static void
control_state_leave(struct configuration *c)
{
  copies_renew(c->scripts->host.lua);
  if (c->phase == PHASE_RUNNING && configuration_is_live(c) && configuration_changed())
    configuration_publish();
}

static const struct configuration_part control_state_part = {
    .open = control_state_open, .leave = control_state_leave, .close = control_state_close};

void
scripts_open(void)
{
  errors_use_frame(&control_state_frame);
  configuration_use_part(&control_state_part);
}

// ---- the lock ----

static lua_State *
control_state_locked(void)
{
  struct scripts *s = control_scripts();
  if (s->configuration->depth == 1) {
    scripts_forget(s->list);
    s->including = NULL; // an error may have passed by
  }
  return s->host.lua;
}

lua_State *
control_lock_of(struct configuration *c)
{
  configuration_lock(c);
  return control_state_locked();
}

lua_State *
control_lock(void)
{
  configuration_lock_current();
  return control_state_locked();
}

void
control_unlock(void)
{
  configuration_unlock();
}

struct ffi_state *
control_ffi(void)
{
  return control_scripts()->ffi;
}

struct text *
control_output(void)
{
  return &control_scripts()->output;
}

_Thread_local bool binder_dry;

// What functions of copies show goes nowhere.
static _Thread_local bool discarding;
static _Thread_local struct text discarded;

void
binder_output_discard(bool on)
{
  if (discarding)
    text_fini(&discarded);
  discarding = on;
  if (on)
    text_init(&discarded);
}

struct text *
binder_output(void)
{
  return discarding ? &discarded : control_output();
}

struct script_host *
control_host(void)
{
  return &control_scripts()->host;
}

uint64_t
script_budget_ms(const struct query *q)
{
  enum { COMMANDS = 30 }; // times as long as a query's
  if (q != NULL && q->lease != NULL)
    return query_settings(q)->script_budget_ms;
  return (uint64_t)config()->settings.script_budget_ms * COMMANDS;
}

// ---- the configuration file ----

static bool
control_state_read_file(const char *path, struct text *content)
{
  char piece[16384];
  size_t count;
  FILE *f = fopen(path, "re");
  if (f == NULL)
    return false;
  while ((count = fread(piece, 1, sizeof piece, f)) > 0)
    text_add(content, piece, count);
  bool good = !ferror(f);
  int error = errno;
  fclose(f);
  errno = error;
  return good;
}

const char *
load_current_path(void)
{
  return control_scripts()->loading;
}

static bool
control_state_failed(struct fault *fault, enum fault_kind kind, const char *message)
{
  text_clear(&control_scripts()->load_message);
  text_puts(&control_scripts()->load_message, message);
  return fault_set(fault, kind, "%s", message);
}

void
load_prepare(const char *source, size_t size)
{
  static const char *const of_neighbours[] = {"dnsdist_ffi_dnsquestion_get_mac_addr", "getMACAddress"};
  for (size_t i = 0; i < sizeof of_neighbours / sizeof *of_neighbours; i++)
    if (memmem(source, size, of_neighbours[i], strlen(of_neighbours[i])) != NULL) {
      neighbours_watch(worker_current() == NULL);
      return;
    }
}

// Errors within say "path:line:".
static bool
control_state_load_named(lua_State *lua, const struct text *content, const char *path)
{
  struct text name;
  text_init(&name);
  text_printf(&name, "@%s", path);
  load_prepare(content->data, content->size);
  bool good = luaL_loadbuffer(lua, content->data, content->size, name.data) == 0;
  text_fini(&name);
  return good;
}

bool
load_chunk(lua_State *lua, const char *path, struct fault *fault, struct text *detail)
{
  struct text content;
  struct failure failure;
  text_init(&content);
  failure_init(&failure);
  bool good = false;
  struct scripts *s = control_scripts();
  const char *outer = s->loading;
  s->loading = path;
  if (!control_state_read_file(path, &content)) {
    fault_set(fault, FAULT_PLAIN, "Unable to read configuration from '%s': %s", path, strerror(errno));
    control_state_failed(fault, FAULT_PLAIN, fault->text);
  } else if (!control_state_load_named(lua, &content, path)) {
    control_state_failed(fault, FAULT_PLAIN, lua_tostring(lua, -1));
    lua_pop(lua, 1);
  } else if (!errors_call(lua, 0, 0, &failure)) {
    control_state_failed(fault, FAULT_CAUGHT, failure.message.data);
    text_puts(detail, failure.detail.data);
  } else {
    good = true;
  }
  s->loading = outer;
  failure_fini(&failure);
  text_fini(&content);
  return good;
}

const char *
load_place(lua_State *lua, char *out)
{
  lua_Debug at;
  snprintf(out, PLACE_TEXT_SIZE, "console");
  for (int level = 0; lua_getstack(lua, level, &at) != 0; level++) {
    lua_getinfo(lua, "Sl", &at);
    if (at.currentline <= 0)
      continue;
    if (at.source[0] == '@')
      snprintf(out, PLACE_TEXT_SIZE, "%s:%d", at.source + 1, at.currentline);
    break;
  }
  return out;
}

bool
load_included(lua_State *lua, const char *path, struct fault *fault, struct text *detail)
{
  if (load_chunk(lua, path, fault, detail))
    return true;
  struct text error, plain;
  text_init(&error);
  text_init(&plain);
  text_puts(&error, control_scripts()->load_message.data);
  if (detail->size > 0)
    text_printf(&error, ": %s", detail->data);
  text_printf(&plain, "Unable to include the file '%s': %s", path, error.data);
  log_event(&(struct log_event){.priority = LOG_PRIO_ERROR,
                                .message = "Unable to include a file",
                                .error = error.data,
                                .subsystem = "config",
                                .plain = plain.data,
                                .fields = (struct log_field[]){{"path", path}, {NULL, NULL}}});
  text_fini(&error);
  text_fini(&plain);
  return false;
}

bool
control_load_file(const char *path, struct fault *fault, struct text *detail)
{
  lua_State *lua = control_lock();
  struct scripts *s = control_scripts();
  text_clear(&s->load_path);
  text_puts(&s->load_path, path);
  bool good = load_chunk(lua, path, fault, detail);
  if (config()->phase == PHASE_LOADING)
    fputs(s->output.data, stdout);
  text_clear(&s->output);
  control_unlock();
  return good;
}

void
control_report_fault(const struct fault *fault, const struct text *detail)
{
  const char *message = fault->kind == FAULT_CAUGHT ? "Fatal Lua error" : "Fatal error";
  const struct scripts *s = control_scripts();
  const char *error = s->load_message.size > 0 ? s->load_message.data : fault->text;
  const struct log_field fields[] = {{"path", s->load_path.data}, {NULL, NULL}};
  struct text plain;
  text_init(&plain);
  text_printf(&plain, "%s: %s (in the file '%s')", message, error, s->load_path.data);
  log_event(&(struct log_event){
      .priority = LOG_PRIO_ERROR, .message = message, .error = error, .plain = plain.data, .fields = fields});
  if (detail->size > 0) {
    text_clear(&plain);
    text_printf(&plain, "Fatal pdns error: %s", detail->data);
    log_event(&(struct log_event){.priority = LOG_PRIO_ERROR,
                                  .message = "Additional PowerDNS details for fatal Lua error",
                                  .error = detail->data,
                                  .plain = plain.data});
  }
  text_fini(&plain);
}
