// SPDX-License-Identifier: BSD-2-Clause
// The selector whose decision is a user's function.
#include "lua/scripts/script_call.h"

struct lua_selector {
  struct selector base;
  struct script *script;
};

static bool
select_lua_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct lua_selector *)base)->script = object_ref(args[0].object);
  script_used_by(args[0].object, base->kind->name, true);
  return true;
}

static void
select_lua_fini(struct selector *base)
{
  object_unref(&((struct lua_selector *)base)->script);
}

static bool
select_lua_returned_boolean(struct script_call *call, bool *match)
{
  if (!lua_isboolean(call->lua, -1)) {
    call->error = "the function must return true or false";
    return false;
  }
  *match = lua_toboolean(call->lua, -1);
  return true;
}

static bool
select_lua_match(const struct selector *base, struct query *q)
{
  const struct lua_selector *s = (const struct lua_selector *)base;
  struct script_call call;
  bool match = false, good = script_call_begin(&call, s->script, q, SIDE_QUERY);
  if (good) {
    script_call_push_question(&call);
    good = script_call_run(&call, 1, 1) && select_lua_returned_boolean(&call, &match);
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
    .init = select_lua_init,
    .fini = select_lua_fini,
    .match = select_lua_match,
    .text = "Lua script",
};
