// SPDX-License-Identifier: BSD-2-Clause
// Selectors and actions whose code is a user's: LuaRule, LuaAction, LuaResponseAction, and their FFI forms.
//
//   LuaAction(f)             f of the configuration: a copy on the worker if it shares nothing, else the shared state, locked
//   LuaFFIAction(f)          f is given a pointer and uses ffi.C; the same two ways
//   LuaFFIPerThreadAction(s) s is source: every thread has a state of its own for it
//
// The kinds are like those of rules/, but live here because rules/ never mentions Lua. What a function returns is translated
// to a verdict of the chain (rules/chain/dialect); an error, or time that is over, is logged, counted, and means what the
// dialect says it means. A query that a script suspended during the call is parked when it has returned.
//
// A script is a counted handle: made by control, called on workers. Each call is bounded by the script's budget.
#include "dnsproxy/walk/suspended.h"
#include "lua/ffi/ffi_function.h"
#include "lua/kinds/script_kinds.h"
#include "lua/scripts/ffi_frame.h"
#include "lua/scripts/script_call.h"
#include "rules/act/action.h"

#include <stddef.h>
#include <string.h>

// ---- the selector whose decision is a user's function ----

struct lua_selector {
  struct selector base;
  struct script *script;
};

static bool
script_kinds_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct lua_selector *)base)->script = object_ref(args[0].object);
  script_used_by(args[0].object, base->kind->name, true);
  return true;
}

static void
script_kinds_fini(struct selector *base)
{
  object_unref(&((struct lua_selector *)base)->script);
}

static bool
script_kinds_returned_boolean(struct script_call *call, bool *match)
{
  if (!lua_isboolean(call->lua, -1)) {
    call->error = "the function must return true or false";
    return false;
  }
  *match = lua_toboolean(call->lua, -1);
  return true;
}

static bool
script_kinds_match(const struct selector *base, struct query *q)
{
  const struct lua_selector *s = (const struct lua_selector *)base;
  struct script_call call;
  bool match = false, good = script_call_begin(&call, s->script, q, SIDE_QUERY);
  if (good) {
    script_call_push_question(&call);
    good = script_call_run(&call, 1, 1) && script_kinds_returned_boolean(&call, &match);
  }
  if (!good && !q->rehearsal.untold)
    script_report(SCRIPT_RULE, call.error, script_where(s->script), q);
  script_call_end(&call);
  return match;
}

const struct selector_kind select_lua = {
    .name = "LuaRule",
    .help = "The function says true of the query; an error says no",
    .params = (const struct param[]){{.name = "match", .type = PARAM_FUNCTION, .help = "function(dq) that returns a boolean"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_LUA,
    .size = sizeof(struct lua_selector),
    .init = script_kinds_init,
    .fini = script_kinds_fini,
    .match = script_kinds_match,
    .text = "Lua script",
};

// ---- the actions whose verdict is a user's function, for queries and for answers ----

struct lua_action {
  struct action base;
  struct script *script;
};

static bool
script_kinds_act_lua_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct lua_action *)base)->script = object_ref(args[0].object);
  script_used_by(args[0].object, base->kind->name, true);
  return true;
}

static void
script_kinds_act_lua_fini(struct action *base)
{
  object_unref(&((struct lua_action *)base)->script);
}

// What the function returned: a number, cut to an integer, and perhaps a text. Numeric strings and numbers count for each
// other (semantics.md section 3).
struct answer {
  int64_t number;
  const struct bytes *text; // &bytes, or NULL
  struct bytes bytes;
};

static bool
script_kinds_answer_read(struct script_call *call, struct answer *answer)
{
  lua_State *lua = call->lua;
  if (!lua_isnumber(lua, -2)) {
    call->error = "the function must return a number, and perhaps a string";
    return false;
  }
  double number = lua_tonumber(lua, -2);
  answer->number = number > INT32_MIN && number < INT32_MAX ? (int64_t)number : -1; // no action has it
  answer->text = NULL;
  if (lua_isnil(lua, -1))
    return true;
  if (!lua_isstring(lua, -1)) {
    call->error = "the second value returned must be a string";
    return false;
  }
  answer->bytes.data = lua_tolstring(lua, -1, &answer->bytes.size);
  answer->text = &answer->bytes;
  return true;
}

static bool
script_kinds_call_function(struct script_call *call, struct script *script, struct query *q, enum action_side side,
                           struct answer *answer)
{
  if (!script_call_begin(call, script, q, side))
    return false;
  call->scope->suspends = !q->rehearsal.dry;
  script_call_push_question(call);
  return script_call_run(call, 1, 2) && script_kinds_answer_read(call, answer);
}

// The query is not ours any more, and the verdict does not matter. Nobody may take it back before the call is over: in
// the shared state the lock sees to that, and by the time that it is given up it must be there to be taken.
static enum verdict
script_kinds_end_suspended(struct script_call *call, struct query *q)
{
  bool copied = call->copied;
  if (!copied)
    suspended_park(q);
  script_call_end(call);
  if (copied)
    suspended_park(q);
  return VERDICT_PARKED;
}

// It may do more than look, and the query is made up.
static enum verdict
script_kinds_end_untold(struct script_call *call)
{
  script_call_end(call);
  return VERDICT_NEXT;
}

static enum verdict
script_kinds_run(const struct action *base, struct query *q)
{
  struct script *script = ((const struct lua_action *)base)->script;
  struct script_call call;
  struct answer answer;
  if (!script_kinds_call_function(&call, script, q, SIDE_QUERY, &answer)) {
    if (q->rehearsal.untold)
      return script_kinds_end_untold(&call);
    script_report(SCRIPT_ACTION, call.error, script_where(script), q);
    answer = (struct answer){.number = DNS_ACTION_SERVFAIL};
  }
  if (q->suspended != NULL)
    return script_kinds_end_suspended(&call, q);
  enum verdict v = dialect_query_verdict(q, answer.number, answer.text);
  script_call_end(&call);
  return v;
}

static enum verdict
script_kinds_response_run(const struct action *base, struct query *q)
{
  struct script *script = ((const struct lua_action *)base)->script;
  struct script_call call;
  struct answer answer;
  if (!script_kinds_call_function(&call, script, q, SIDE_RESPONSE, &answer)) {
    if (q->rehearsal.untold)
      return script_kinds_end_untold(&call);
    script_report(SCRIPT_RESPONSE_ACTION, call.error, script_where(script), q);
    answer = (struct answer){.number = DNS_RESPONSE_SERVFAIL};
  }
  if (q->suspended != NULL)
    return script_kinds_end_suspended(&call, q);
  // After dr:restart() the answer is forgotten, whatever the function returns.
  enum verdict v = q->restart ? VERDICT_STOP : dialect_response_verdict(q, answer.number, answer.text);
  script_call_end(&call);
  return v;
}

const struct action_kind act_lua = {
    .name = "LuaAction",
    .help = "Do what the function returns; an error answers ServFail",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "act", .type = PARAM_FUNCTION, .help = "function(dq) that returns a DNSAction, and perhaps a string"},
        {.type = PARAM_END}},
    .effect = EFFECT_LUA,
    .size = sizeof(struct lua_action),
    .init = script_kinds_act_lua_init,
    .fini = script_kinds_act_lua_fini,
    .run = script_kinds_run,
    .text = "Lua script",
};

const struct action_kind act_lua_response = {
    .name = "LuaResponseAction",
    .help = "Do what the function returns; an error makes the rcode ServFail",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){
        {.name = "act", .type = PARAM_FUNCTION,
         .help = "function(dr) that returns a DNSResponseAction, and perhaps a string"},
        {.type = PARAM_END}},
    .effect = EFFECT_LUA,
    .size = sizeof(struct lua_action),
    .init = script_kinds_act_lua_init,
    .fini = script_kinds_act_lua_fini,
    .run = script_kinds_response_run,
    .text = "Lua response script",
};

// ---- selectors and actions whose decision is a user's FFI function, in the shared state or in one of each thread ----

// ---- selectors ----

struct ffi_selector {
  struct selector base;
  struct ffi_function function;
};

static bool
script_kinds_shared_selector_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ffi_function_init(&((struct ffi_selector *)base)->function, args, base->kind->name, false);
  return true;
}

static bool
script_kinds_thread_selector_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ffi_function_init(&((struct ffi_selector *)base)->function, args, base->kind->name, true);
  return true;
}

static void
script_kinds_selector_fini(struct selector *base)
{
  ffi_function_fini(&((struct ffi_selector *)base)->function);
}

static bool
script_kinds_ffi_kinds_returned_boolean(struct ffi_call *call, bool *match)
{
  if (!lua_isboolean(call->lua, -1)) {
    call->error = "the function must return true or false";
    return false;
  }
  *match = lua_toboolean(call->lua, -1);
  return true;
}

static bool
script_kinds_ffi_match(const struct selector *base, struct query *q)
{
  const struct ffi_function *f = &((const struct ffi_selector *)base)->function;
  struct ffi_call call;
  bool match = false, compiled, good = ffi_function_begin(f, &call, q, SIDE_QUERY, &compiled);
  if (good) {
    ffi_call_push_question(&call);
    good = ffi_call_run(&call, 1) && script_kinds_ffi_kinds_returned_boolean(&call, &match);
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
    .init = script_kinds_shared_selector_init,
    .fini = script_kinds_selector_fini,
    .match = script_kinds_ffi_match,
    .text = "Lua FFI script",
};

const struct selector_kind select_lua_ffi_per_thread = {
    .name = "LuaFFIPerThreadRule",
    .help = "The FFI function, of a state of each thread and without a lock, says true of the query; an error says no",
    .params = (const struct param[]){CODE_ROW("function(dq) that returns a boolean"), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_selector),
    .init = script_kinds_thread_selector_init,
    .fini = script_kinds_selector_fini,
    .match = script_kinds_ffi_match,
    .text = "Lua FFI per-thread script",
};

// ---- actions ----

struct ffi_action {
  struct action base;
  struct ffi_function function;
};

static bool
script_kinds_shared_action_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ffi_function_init(&((struct ffi_action *)base)->function, args, base->kind->name, false);
  return true;
}

static bool
script_kinds_thread_action_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ffi_function_init(&((struct ffi_action *)base)->function, args, base->kind->name, true);
  return true;
}

static void
script_kinds_action_fini(struct action *base)
{
  ffi_function_fini(&((struct ffi_action *)base)->function);
}

static bool
script_kinds_returned_number(struct ffi_call *call, int64_t *number)
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
script_kinds_ffi_kinds_call_function(const struct action *base, struct ffi_call *call, struct query *q, int64_t failure, int64_t *number)
{
  const struct ffi_function *f = &((const struct ffi_action *)base)->function;
  bool compiled, good = ffi_function_begin(f, call, q, base->kind->side, &compiled);
  if (good) {
    call->frame->suspends = !q->rehearsal.dry;
    ffi_call_push_question(call);
    good = ffi_call_run(call, 1) && script_kinds_returned_number(call, number);
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
script_kinds_ffi_kinds_end_suspended(const struct ffi_function *f, struct ffi_call *call, struct query *q)
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
script_kinds_ffi_run(const struct action *base, struct query *q)
{
  struct ffi_call call;
  int64_t number;
  enum verdict v = VERDICT_NEXT;
  if (script_kinds_ffi_kinds_call_function(base, &call, q, DNS_ACTION_SERVFAIL, &number) && q->suspended == NULL)
    v = dialect_query_verdict(q, number, ffi_call_result(&call));
  if (q->suspended != NULL)
    return script_kinds_ffi_kinds_end_suspended(&((const struct ffi_action *)base)->function, &call, q);
  ffi_function_end(&((const struct ffi_action *)base)->function, &call);
  return v;
}

static enum verdict
script_kinds_ffi_response_run(const struct action *base, struct query *q)
{
  struct ffi_call call;
  int64_t number;
  enum verdict v = VERDICT_NEXT;
  if (script_kinds_ffi_kinds_call_function(base, &call, q, DNS_RESPONSE_SERVFAIL, &number) && q->suspended == NULL)
    v = q->restart ? VERDICT_STOP : dialect_response_verdict(q, number, ffi_call_result(&call));
  if (q->suspended != NULL)
    return script_kinds_ffi_kinds_end_suspended(&((const struct ffi_action *)base)->function, &call, q);
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
    .init = script_kinds_shared_action_init,
    .fini = script_kinds_action_fini,
    .run = script_kinds_ffi_run,
    .text = "Lua FFI script",
};

const struct action_kind act_lua_ffi_per_thread = {
    .name = "LuaFFIPerThreadAction",
    .help = "Do what the FFI function, of a state of each thread and without a lock, returns; an error answers ServFail",
    .side = SIDE_QUERY,
    .params = (const struct param[]){CODE_ROW(ACTION_WORDS), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_action),
    .init = script_kinds_thread_action_init,
    .fini = script_kinds_action_fini,
    .run = script_kinds_ffi_run,
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
    .init = script_kinds_shared_action_init,
    .fini = script_kinds_action_fini,
    .run = script_kinds_ffi_response_run,
    .text = "Lua FFI script",
};

const struct action_kind act_lua_ffi_per_thread_response = {
    .name = "LuaFFIPerThreadResponseAction",
    .help = "Do what the FFI function, of a state of each thread and without a lock, returns; an error makes the rcode ServFail",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){CODE_ROW(RESPONSE_WORDS), END},
    .effect = EFFECT_LUA,
    .size = sizeof(struct ffi_action),
    .init = script_kinds_thread_action_init,
    .fini = script_kinds_action_fini,
    .run = script_kinds_ffi_response_run,
    .text = "Lua FFI per-thread script",
};

// ---- the index of selectors and actions whose code is a user's script ----

const struct selector_kind *const script_selector_kinds[] = {&select_lua, &select_lua_ffi, &select_lua_ffi_per_thread, NULL};
const struct action_kind *const script_action_kinds[] = {
    &act_lua,          &act_lua_ffi, &act_lua_ffi_per_thread, &act_lua_ffi_per_thread_response, &act_lua_ffi_response,
    &act_lua_response, NULL};
