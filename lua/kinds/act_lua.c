// SPDX-License-Identifier: BSD-2-Clause
// The actions whose verdict is a user's function, for queries and for answers.
#include "dnsproxy/walk/suspended.h"
#include "lua/scripts/script_call.h"

#include <string.h>

struct lua_action {
  struct action base;
  struct script *script;
};

static bool
act_lua_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct lua_action *)base)->script = object_ref(args[0].object);
  script_used_by(args[0].object, base->kind->name, true);
  return true;
}

static void
act_lua_fini(struct action *base)
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
act_lua_answer_read(struct script_call *call, struct answer *answer)
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
act_lua_call_function(struct script_call *call, struct script *script, struct query *q, enum action_side side,
                      struct answer *answer)
{
  if (!script_call_begin(call, script, q, side))
    return false;
  call->scope->suspends = !q->rehearsal.dry;
  script_call_push_question(call);
  return script_call_run(call, 1, 2) && act_lua_answer_read(call, answer);
}

// The query is not ours any more, and the verdict does not matter. Nobody may take it back before the call is over: in
// the shared state the lock sees to that, and by the time that it is given up it must be there to be taken.
static enum verdict
act_lua_end_suspended(struct script_call *call, struct query *q)
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
act_lua_end_untold(struct script_call *call)
{
  script_call_end(call);
  return VERDICT_NEXT;
}

static enum verdict
act_lua_run(const struct action *base, struct query *q)
{
  struct script *script = ((const struct lua_action *)base)->script;
  struct script_call call;
  struct answer answer;
  if (!act_lua_call_function(&call, script, q, SIDE_QUERY, &answer)) {
    if (q->rehearsal.untold)
      return act_lua_end_untold(&call);
    script_report(SCRIPT_ACTION, call.error, script_where(script), q);
    answer = (struct answer){.number = DNS_ACTION_SERVFAIL};
  }
  if (q->suspended != NULL)
    return act_lua_end_suspended(&call, q);
  enum verdict v = dialect_query_verdict(q, answer.number, answer.text);
  script_call_end(&call);
  return v;
}

static enum verdict
act_lua_response_run(const struct action *base, struct query *q)
{
  struct script *script = ((const struct lua_action *)base)->script;
  struct script_call call;
  struct answer answer;
  if (!act_lua_call_function(&call, script, q, SIDE_RESPONSE, &answer)) {
    if (q->rehearsal.untold)
      return act_lua_end_untold(&call);
    script_report(SCRIPT_RESPONSE_ACTION, call.error, script_where(script), q);
    answer = (struct answer){.number = DNS_RESPONSE_SERVFAIL};
  }
  if (q->suspended != NULL)
    return act_lua_end_suspended(&call, q);
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
    .init = act_lua_init,
    .fini = act_lua_fini,
    .run = act_lua_run,
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
    .init = act_lua_init,
    .fini = act_lua_fini,
    .run = act_lua_response_run,
    .text = "Lua response script",
};
