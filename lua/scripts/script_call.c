// SPDX-License-Identifier: BSD-2-Clause
// Calling users' functions for queries.
#include "lua/scripts/script_call.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/wire/codes.h"
#include "lua/binder/budget.h"
#include "lua/binder/errors.h"
#include "lua/scripts/script_host.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { STACK_NEEDED = 16 };

static const char handler_key; // registry: on_error

// What was thrown, as one string with its traceback.
static int
script_call_on_error(lua_State *lua)
{
  const char *text = binder_error_text(lua, 1);
  if (text == NULL && lua_isstring(lua, 1)) {
    lua_settop(lua, 1);
  } else {
    luaL_where(lua, 2);
    if (binder_error_is_unknown_field(lua, 1))
      lua_pushliteral(lua, "an unknown field was written");
    else if (text != NULL)
      lua_pushstring(lua, text);
    else
      lua_pushfstring(lua, "an error of type %s was raised", luaL_typename(lua, 1));
    lua_concat(lua, 2);
  }
  luaL_traceback(lua, lua, lua_tostring(lua, -1), 1);
  return 1;
}

// lua_cpcall() form.
static int
script_call_make_ready(lua_State *lua)
{
  lua_pushlightuserdata(lua, (void *)&handler_key);
  lua_pushcfunction(lua, script_call_on_error);
  lua_rawset(lua, LUA_REGISTRYINDEX);
  return scope_objects(lua);
}

// Later calls allocate nothing: what they need is in the registry.
static bool
script_call_push_handler(struct script_host *host)
{
  lua_State *lua = host->lua;
  lua_pushlightuserdata(lua, (void *)&handler_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  if (!lua_isnil(lua, -1))
    return true;
  lua_pop(lua, 1);
  if (lua_cpcall(lua, script_call_make_ready, &host->scopes) != 0)
    return false;
  lua_pushlightuserdata(lua, (void *)&handler_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  return true;
}

// The handler, then the function. False: the error is set, if this is the state that must do.
static bool
script_call_begin_in(struct script_call *call, struct script_host *host,
                     bool (*push)(struct script_host *, const struct script *))
{
  call->host = host;
  call->lua = host->lua;
  call->base = lua_gettop(host->lua);
  if (!lua_checkstack(host->lua, STACK_NEEDED) || !script_call_push_handler(host)) {
    call->error = "no memory for the call";
    return false;
  }
  return push(host, call->script);
}

static bool
script_call_push_shared(struct script_host *host, const struct script *script)
{
  script_push(host->lua, script);
  return true;
}

static bool
script_call_push_copy(struct script_host *host, const struct script *script)
{
  return copies_push(host->lua, &host->copies, script);
}

static bool
script_call_begin_with_copy(struct script_call *call)
{
  if (atomic_load_explicit(&call->script->mode, memory_order_acquire) != SCRIPT_COPIED)
    return false;
  struct script_host *host = thread_host();
  if (host == NULL)
    return false;
  if (script_call_begin_in(call, host, script_call_push_copy)) {
    binder_output_discard(true);
    return true;
  }
  lua_settop(host->lua, call->base);
  return false;
}

bool
script_call_begin(struct script_call *call, struct script *script, struct query *q, enum action_side side)
{
  *call = (struct script_call){.script = script, .query = q};
  binder_dry = q->rehearsal.dry && !q->rehearsal.scripts;
  call->copied = !q->rehearsal.dry && script_call_begin_with_copy(call);
  if (!call->copied) {
    script_lock(script);
    call->error = NULL;
    if (!script_call_begin_in(call, control_host(), script_call_push_shared))
      return false;
    if (!script_may_run(script, q)) {
      call->error = "is not run for a query that is made up";
      return false;
    }
  }
  call->scope = scope_enter(&call->host->scopes, q, side);
  if (call->scope == NULL)
    call->error = "too many calls within calls";
  return call->scope != NULL;
}

void
script_call_push_question(struct script_call *call)
{
  scope_push_question(call->lua, &call->host->scopes, call->scope);
}

// ---- running ----

enum { SAMPLED = 64 }; // one call in so many is timed

static bool
script_call_run_timed(struct script_call *call, int arguments, int results)
{
  struct script_counts *n = script_counts(call->script, call->query);
  if (n == NULL)
    return lua_pcall(call->lua, arguments, results, call->base + 1) == 0;
  uint64_t calls = atomic_load_explicit(&n->calls, memory_order_relaxed);
  atomic_store_explicit(&n->calls, calls + 1, memory_order_relaxed);
  if (calls % SAMPLED != 0)
    return lua_pcall(call->lua, arguments, results, call->base + 1) == 0;
  uint64_t start_us = clock_mono_us();
  bool good = lua_pcall(call->lua, arguments, results, call->base + 1) == 0;
  counter_add(&n->sampled_calls, 1);
  counter_add(&n->sampled_us, clock_mono_us() - start_us);
  return good;
}

// What a function of the shared state edits is a transaction of its own, as a command's is.
static void
script_call_end_edits(const struct script_call *call, bool good)
{
  if (call->copied)
    return;
  if (good)
    undo_keep();
  else
    undo_back();
}

bool
script_call_run(struct script_call *call, int arguments, int results)
{
  struct budget budget;
  if (!call->copied)
    undo_begin();
  bool watched = atomic_load_explicit(&call->script->endless, memory_order_relaxed);
  if (watched)
    budget_begin(&budget, call->lua, script_budget_ms(call->query));
  bool good = script_call_run_timed(call, arguments, results);
  if (watched)
    budget_end(&budget, call->lua);
  if (!good)
    call->error = lua_isstring(call->lua, -1) ? lua_tostring(call->lua, -1) : "unknown error";
  script_call_end_edits(call, good);
  return good;
}

void
script_call_end(struct script_call *call)
{
  if (call->error != NULL) {
    struct script_counts *n = script_counts(call->script, call->query);
    if (n != NULL)
      counter_add(&n->errors, 1);
  }
  if (call->scope != NULL)
    scope_leave(&call->host->scopes, call->scope);
  lua_settop(call->lua, call->base);
  binder_dry = false;
  if (call->copied)
    binder_output_discard(false);
  else
    control_unlock();
}

// ---- telling of functions that failed for a query ----

enum { INTERVAL_US = 1000000 };

static const char *const messages[SCRIPT_USERS] = {
    [SCRIPT_RULE] = "LuaRule failed inside Lua",
    [SCRIPT_ACTION] = "LuaAction failed inside Lua, returning ServFail",
    [SCRIPT_RESPONSE_ACTION] = "LuaResponseAction failed inside Lua, returning ServFail",
    [SCRIPT_SOURCE] = "Code for each thread gives no function, the rule is skipped",
    [SCRIPT_QUERY_COUNT] = "The filter of counted queries failed inside Lua, the query is not counted",
    [SCRIPT_POLICY] = "Lua policy failed inside Lua, the query is dropped",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of the limits
static struct {
  uint64_t next_us, suppressed;
} limits[SCRIPT_USERS];

// One line of what Lua wrote on several.
static void
script_call_add_flat(struct text *out, const char *words)
{
  for (; *words != '\0'; words++)
    if (*words == '\n')
      text_puts(out, " ");
    else if (*words != '\t')
      text_add(out, words, 1);
}

static void
script_call_write_line(enum script_user user, const char *error, const char *where, const struct query *q, uint64_t more)
{
  char source[ADDRESS_TEXT_SIZE], destination[ADDRESS_TEXT_SIZE], name[NAME_TEXT_SIZE], type[QTYPE_TEXT_SIZE];
  char question[NAME_TEXT_SIZE + QTYPE_TEXT_SIZE + 1], count_text[24];
  snprintf(question, sizeof question, "%s %s", name_text(&q->qname, name), qtype_text(q->qtype, type));
  snprintf(count_text, sizeof count_text, "%" PRIu64, more);
  const struct log_field fields[] = {
      {"destination", address_text_with_port(&q->arrival.destination, destination)},
      {"function", where},
      {"proto", q->arrival.transport->long_name},
      {"question", question},
      {"source", address_text_with_port(&q->arrival.client, source)},
      {more > 0 ? "suppressed" : NULL, count_text},
      {NULL, NULL},
  };
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                .message = messages[user],
                                .error = error,
                                .subsystem = "query-processing",
                                .fields = fields});
}

// May this one be told? *more: how many were not since the last.
static bool
script_call_take_turn(enum script_user user, uint64_t *more)
{
  uint64_t now = clock_mono_us();
  pthread_mutex_lock(&lock);
  bool mine = now >= limits[user].next_us;
  *more = limits[user].suppressed;
  limits[user].suppressed = mine ? 0 : *more + 1;
  if (mine)
    limits[user].next_us = now + INTERVAL_US;
  pthread_mutex_unlock(&lock);
  return mine;
}

void
script_report(enum script_user user, const char *error, const char *where, const struct query *q)
{
  uint64_t more;
  if (q->rehearsal.dry && q->worker->notes != NULL) {
    text_printf(q->worker->notes, "%s (%s): ", messages[user], where);
    script_call_add_flat(q->worker->notes, error);
    text_puts(q->worker->notes, "\n");
    return;
  }
  count(q->worker, COUNTER_SCRIPT_ERRORS);
  if (script_call_take_turn(user, &more))
    script_call_write_line(user, error, where, q, more);
}
