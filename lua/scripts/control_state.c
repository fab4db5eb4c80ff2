// SPDX-License-Identifier: BSD-2-Clause
// The shared Lua state: its lock, its life, the configuration file, and publishing of what was edited.
#include "lua/scripts/control_state.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/neighbours.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/draft.h"
#include "dnsproxy/walk/suspended.h"
#include "lua/binder/binder.h"
#include "lua/scripts/callbacks.h"
#include "lua/scripts/copies.h"
#include "lua/binder/errors.h"
#include "lua/scripts/ffi_state.h"
#include "lua/scripts/history.h"
#include "lua/binder/library.h"
#include "lua/binder/load.h"
#include "lua/scripts/policy_builtin.h"
#include "lua/scripts/policy_lua.h"
#include "lua/scripts/query_filter.h"
#include "lua/scripts/thread_state.h"
#include "lua/scripts/question_access.h"
#include "lua/scripts/script.h"
#include "lua/scripts/script_host.h"
#include "lua/binder/stack_guard.h"
#include "lua/binder/standard.h"

#include <assert.h>
#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock;
static unsigned depth; // of holds, under the lock
static lua_State *state;
static struct script_host host;
static struct ffi_state *ffi;
static struct text output;
static struct text load_message; // the whole of it: tracebacks are longer than a fault
static struct text load_path;    // the main file
static const char *loading;      // the file that runs, included ones too

static void
control_state_take_lock(void)
{
  control_lock();
}

// ---- every call into the shared state, once the program serves, is a transaction with a time to end ----

static bool
control_serves(lua_State *lua)
{
  return lua == control_host()->lua && draft.phase == PHASE_RUNNING;
}

static uint64_t
control_begin(lua_State *lua)
{
  if (!control_serves(lua))
    return 0;
  undo_begin();
  return script_budget_ms(NULL);
}

static void
control_end(lua_State *lua, bool good)
{
  if (!control_serves(lua))
    return;
  if (good)
    undo_keep();
  else
    undo_back();
}

static const struct errors_frame control_frame = {.begin = control_begin, .end = control_end};

void
control_state_open(void)
{
  errors_use_frame(&control_frame);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  text_init(&output);
  text_init(&load_message);
  text_init(&load_path);
  state = luaL_newstate();
  if (state == NULL)
    memory_exhausted();
  standard_libraries_open(state);
  stack_guard_open(state);
  binder_open(state);
  ffi = ffi_state_new(state);
  if (ffi == NULL)
    memory_exhausted();
  host = (struct script_host){.lua = state};
  library_open(state);
  copies_open(state);
  suspended_use_lock(control_state_take_lock, control_unlock);
}

void
control_state_close(void)
{
  thread_state_end();
  copies_close();
  callbacks_clear();
  query_filter_close();
  history_clear();
  lua_State *lua = state;
  state = NULL;
  lua_policies_close(&host);
  policy_builtin_close();
  lua_close(lua);
  async_scopes_close();
  ffi_state_free(&ffi);
  scripts_forget(NULL);
  text_fini(&output);
  text_fini(&load_message);
  text_fini(&load_path);
  pthread_mutex_destroy(&lock);
}

lua_State *
control_lock(void)
{
  pthread_mutex_lock(&lock);
  if (depth++ == 0)
    scripts_forget(state);
  return state;
}

struct ffi_state *
control_ffi(void)
{
  return ffi;
}

static bool
control_state_draft_changed(void)
{
  bool changed = draft.changed || draft.undelivered || draft.pools.changed || draft.dynblocks.changed;
  for (unsigned i = 0; i < CHAIN_COUNT; i++)
    changed |= draft.chains[i].changed;
  return changed;
}

void
control_unlock(void)
{
  assert(depth > 0);
  if (depth == 1) {
    copies_renew(state);
    if (draft.phase == PHASE_RUNNING && control_state_draft_changed())
      draft_publish();
  }
  depth--;
  pthread_mutex_unlock(&lock);
}

struct text *
control_output(void)
{
  return &output;
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
  return discarding ? &discarded : &output;
}

struct script_host *
control_host(void)
{
  return &host;
}

uint64_t
script_budget_ms(const struct query *q)
{
  enum { COMMANDS = 30 }; // times as long as a query's
  if (q != NULL && q->lease != NULL)
    return query_settings(q)->script_budget_ms;
  return (uint64_t)draft.settings.script_budget_ms * COMMANDS;
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
  return loading;
}

static bool
control_state_failed(struct fault *fault, enum fault_kind kind, const char *message)
{
  text_clear(&load_message);
  text_puts(&load_message, message);
  return fault_set(fault, kind, "%s", message);
}

void
load_prepare(const char *source, size_t size)
{
  static const char *const of_neighbours[] = {"dnsdist_ffi_dnsquestion_get_mac_addr", "getMACAddress"};
  for (size_t i = 0; i < sizeof of_neighbours / sizeof *of_neighbours; i++)
    if (memmem(source, size, of_neighbours[i], strlen(of_neighbours[i])) != NULL) {
      neighbours_watch();
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
  const char *outer = loading;
  loading = path;
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
  loading = outer;
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
  text_puts(&error, load_message.data);
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
  text_clear(&load_path);
  text_puts(&load_path, path);
  bool good = load_chunk(lua, path, fault, detail);
  if (draft.phase == PHASE_LOADING)
    fputs(output.data, stdout);
  text_clear(&output);
  control_unlock();
  return good;
}

void
control_report_fault(const struct fault *fault, const struct text *detail)
{
  const char *message = fault->kind == FAULT_CAUGHT ? "Fatal Lua error" : "Fatal error";
  const char *error = load_message.size > 0 ? load_message.data : fault->text;
  const struct log_field fields[] = {{"path", load_path.data}, {NULL, NULL}};
  struct text plain;
  text_init(&plain);
  text_printf(&plain, "%s: %s (in the file '%s')", message, error, load_path.data);
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
