// SPDX-License-Identifier: BSD-2-Clause
// Selectors and actions whose decision is a user's FFI function, in the shared state or in one of each thread.
#include "lua/ffi/ffi_function.h"

#include "dnsproxy/walk/suspended.h"
#include "lua/scripts/ffi_frame.h"

// ---- selectors ----

struct ffi_selector {
  struct selector base;
  struct ffi_function function;
};

static bool
ffi_kinds_shared_selector_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ffi_function_init(&((struct ffi_selector *)base)->function, args, base->kind->name, false);
  return true;
}

static bool
ffi_kinds_thread_selector_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ffi_function_init(&((struct ffi_selector *)base)->function, args, base->kind->name, true);
  return true;
}

static void
ffi_kinds_selector_fini(struct selector *base)
{
  ffi_function_fini(&((struct ffi_selector *)base)->function);
}

static bool
ffi_kinds_returned_boolean(struct ffi_call *call, bool *match)
{
  if (!lua_isboolean(call->lua, -1)) {
    call->error = "the function must return true or false";
    return false;
  }
  *match = lua_toboolean(call->lua, -1);
  return true;
}

static bool
ffi_kinds_ffi_match(const struct selector *base, struct query *q)
{
  const struct ffi_function *f = &((const struct ffi_selector *)base)->function;
  struct ffi_call call;
  bool match = false, compiled, good = ffi_function_begin(f, &call, q, SIDE_QUERY, &compiled);
  if (good) {
    ffi_call_push_question(&call);
    good = ffi_call_run(&call, 1) && ffi_kinds_returned_boolean(&call, &match);
  }
  if (!good && !q->rehearsal.untold)
    ffi_function_report(f, &call, compiled ? SCRIPT_RULE : SCRIPT_SOURCE, q);
  ffi_function_end(f, &call);
  return match;
}

#define FUNCTION_ROW(words) {.name = "function", .type = PARAM_FUNCTION, .help = words}
#define CODE_ROW(words) {.name = "code", .type = PARAM_STRING, .help = "source text that returns a " words}
#define END {.type = PARAM_END}

const struct selector_kind select_lua_ffi = {
    .name = "LuaFFIRule",
    .help = "The FFI function says true of the query; an error says no",
    .params = (const struct param[]){FUNCTION_ROW("function(dq) that returns a boolean"), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_selector),
    .init = ffi_kinds_shared_selector_init,
    .fini = ffi_kinds_selector_fini,
    .match = ffi_kinds_ffi_match,
    .text = "Lua FFI script",
};

const struct selector_kind select_lua_ffi_per_thread = {
    .name = "LuaFFIPerThreadRule",
    .help = "The FFI function, of a state of each thread and without a lock, says true of the query; an error says no",
    .params = (const struct param[]){CODE_ROW("function(dq) that returns a boolean"), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_selector),
    .init = ffi_kinds_thread_selector_init,
    .fini = ffi_kinds_selector_fini,
    .match = ffi_kinds_ffi_match,
    .text = "Lua FFI per-thread script",
};

// ---- actions ----

struct ffi_action {
  struct action base;
  struct ffi_function function;
};

static bool
ffi_kinds_shared_action_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ffi_function_init(&((struct ffi_action *)base)->function, args, base->kind->name, false);
  return true;
}

static bool
ffi_kinds_thread_action_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ffi_function_init(&((struct ffi_action *)base)->function, args, base->kind->name, true);
  return true;
}

static void
ffi_kinds_action_fini(struct action *base)
{
  ffi_function_fini(&((struct ffi_action *)base)->function);
}

static bool
ffi_kinds_returned_number(struct ffi_call *call, int64_t *number)
{
  if (!lua_isnumber(call->lua, -1)) {
    call->error = "the function must return a number";
    return false;
  }
  double n = lua_tonumber(call->lua, -1);
  *number = n > INT32_MIN && n < INT32_MAX ? (int64_t)n : -1; // no action has it
  return true;
}

// False: nothing was compiled that could be called, so nothing is done. An error's number is `failure`.
static bool
ffi_kinds_call_function(const struct action *base, struct ffi_call *call, struct query *q, int64_t failure, int64_t *number)
{
  const struct ffi_function *f = &((const struct ffi_action *)base)->function;
  bool compiled, good = ffi_function_begin(f, call, q, base->kind->side, &compiled);
  if (good) {
    call->frame->suspends = !q->rehearsal.dry;
    ffi_call_push_question(call);
    good = ffi_call_run(call, 1) && ffi_kinds_returned_number(call, number);
  }
  if (q->rehearsal.untold)
    return false;
  if (!good) {
    enum script_user user = base->kind->side == SIDE_QUERY ? SCRIPT_ACTION : SCRIPT_RESPONSE_ACTION;
    ffi_function_report(f, call, compiled ? user : SCRIPT_SOURCE, q);
    ffi_call_forget_result(call);
    *number = failure;
  }
  return compiled;
}

// The query is not ours any more, and the verdict does not matter. As in act_lua.c: before the lock is given up it must be
// there to be taken; a thread's own state must be done with it by then.
static enum verdict
ffi_kinds_end_suspended(const struct ffi_function *f, struct ffi_call *call, struct query *q)
{
  bool own = f->source != NULL;
  if (!own)
    suspended_park(q);
  ffi_function_end(f, call);
  if (own)
    suspended_park(q);
  return VERDICT_PARKED;
}

static enum verdict
ffi_kinds_ffi_run(const struct action *base, struct query *q)
{
  struct ffi_call call;
  int64_t number;
  enum verdict v = VERDICT_NEXT;
  if (ffi_kinds_call_function(base, &call, q, DNS_ACTION_SERVFAIL, &number) && q->suspended == NULL)
    v = dialect_query_verdict(q, number, ffi_call_result(&call));
  if (q->suspended != NULL)
    return ffi_kinds_end_suspended(&((const struct ffi_action *)base)->function, &call, q);
  ffi_function_end(&((const struct ffi_action *)base)->function, &call);
  return v;
}

static enum verdict
ffi_kinds_ffi_response_run(const struct action *base, struct query *q)
{
  struct ffi_call call;
  int64_t number;
  enum verdict v = VERDICT_NEXT;
  if (ffi_kinds_call_function(base, &call, q, DNS_RESPONSE_SERVFAIL, &number) && q->suspended == NULL)
    v = q->restart ? VERDICT_STOP : dialect_response_verdict(q, number, ffi_call_result(&call));
  if (q->suspended != NULL)
    return ffi_kinds_end_suspended(&((const struct ffi_action *)base)->function, &call, q);
  ffi_function_end(&((const struct ffi_action *)base)->function, &call);
  return v;
}

#define ACTION_WORDS "function(dq) that returns a DNSAction; its text is given to dnsdist_ffi_dnsquestion_set_result()"

const struct action_kind act_lua_ffi = {
    .name = "LuaFFIAction",
    .help = "Do what the FFI function returns; an error answers ServFail",
    .side = SIDE_QUERY,
    .params = (const struct param[]){FUNCTION_ROW(ACTION_WORDS), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_action),
    .init = ffi_kinds_shared_action_init,
    .fini = ffi_kinds_action_fini,
    .run = ffi_kinds_ffi_run,
    .text = "Lua FFI script",
};

const struct action_kind act_lua_ffi_per_thread = {
    .name = "LuaFFIPerThreadAction",
    .help = "Do what the FFI function, of a state of each thread and without a lock, returns; an error answers ServFail",
    .side = SIDE_QUERY,
    .params = (const struct param[]){CODE_ROW(ACTION_WORDS), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_action),
    .init = ffi_kinds_thread_action_init,
    .fini = ffi_kinds_action_fini,
    .run = ffi_kinds_ffi_run,
    .text = "Lua FFI per-thread script",
};

#define RESPONSE_WORDS "function(dr) that returns a DNSResponseAction"

const struct action_kind act_lua_ffi_response = {
    .name = "LuaFFIResponseAction",
    .help = "Do what the FFI function returns; an error makes the rcode ServFail",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){FUNCTION_ROW(RESPONSE_WORDS), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_action),
    .init = ffi_kinds_shared_action_init,
    .fini = ffi_kinds_action_fini,
    .run = ffi_kinds_ffi_response_run,
    .text = "Lua FFI script",
};

const struct action_kind act_lua_ffi_per_thread_response = {
    .name = "LuaFFIPerThreadResponseAction",
    .help = "Do what the FFI function, of a state of each thread and without a lock, returns; an error makes the rcode ServFail",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){CODE_ROW(RESPONSE_WORDS), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_action),
    .init = ffi_kinds_thread_action_init,
    .fini = ffi_kinds_action_fini,
    .run = ffi_kinds_ffi_response_run,
    .text = "Lua FFI per-thread script",
};
