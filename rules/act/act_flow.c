// SPDX-License-Identifier: BSD-2-Clause
// Actions that decide where the query or answer goes: Allow, Drop, None, Continue, Delay, and their forms for responses.
//
// AllowAction ends the chain, NoneAction goes on to the next rule, ContinueAction runs another action and goes on whatever
// that said. DropAction ends the walk with a counted reason; over a stream the dialect says what becomes of the connection,
// in one place (net/stream). DelayAction writes how long the answer waits, and room reply parks it (net/delay); only
// datagrams wait.
//
// No state. Workers.
#include "rules/act/action.h"

static enum verdict
act_flow_allow_run(const struct action *a, struct query *q)
{
  (void)a;
  (void)q;
  return VERDICT_STOP;
}

static enum verdict
act_flow_drop_run(const struct action *a, struct query *q)
{
  (void)a;
  return verdict_drop(q, DROP_RULE);
}

static enum verdict
act_flow_drop_response_run(const struct action *a, struct query *q)
{
  (void)a;
  return verdict_drop(q, DROP_RESPONSE_RULE);
}

static enum verdict
act_flow_none_run(const struct action *a, struct query *q)
{
  (void)a;
  (void)q;
  return VERDICT_NEXT;
}

const struct action_kind act_allow = {
    .name = "AllowAction",
    .help = "Stop the rules and continue with the query",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = act_flow_allow_run,
    .text = "allow",
};

const struct action_kind act_allow_response = {
    .name = "AllowResponseAction",
    .help = "Stop the rules and let the answer go",
    .side = SIDE_RESPONSE,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = act_flow_allow_run,
    .text = "allow",
};

const struct action_kind act_drop = {
    .name = "DropAction",
    .help = "Drop the query",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = act_flow_drop_run,
    .text = "drop",
};

const struct action_kind act_drop_response = {
    .name = "DropResponseAction",
    .help = "Drop the answer",
    .side = SIDE_RESPONSE,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = act_flow_drop_response_run,
    .text = "drop",
};

const struct action_kind act_none = {
    .name = "NoneAction",
    .help = "Do nothing; goes on",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = act_flow_none_run,
    .text = "no op",
};

struct continue_action {
  struct action base;
  struct action *inner;
};

static bool
act_flow_continue_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct continue_action *)base)->inner = object_ref(args[0].object);
  return true;
}

static void
act_flow_continue_fini(struct action *base)
{
  object_unref(&((struct continue_action *)base)->inner);
}

static enum verdict
act_flow_continue_run(const struct action *base, struct query *q)
{
  const struct action *inner = ((const struct continue_action *)base)->inner;
  // A query that was parked belongs to somebody else; whatever else was decided does not stop the rules.
  return action_run(inner, q) == VERDICT_PARKED ? VERDICT_PARKED : VERDICT_NEXT;
}

static void
act_flow_continue_show(const struct action *base, struct text *out)
{
  text_puts(out, "continue after: ");
  action_show(((const struct continue_action *)base)->inner, out);
}

const struct action_kind act_continue = {
    .name = "ContinueAction",
    .help = "Run another action for its effect, then go on with the next rule whatever it decided",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "action", .type = PARAM_ACTION, .help = "the action to run"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_STATE,
    .size = sizeof(struct continue_action),
    .init = act_flow_continue_init,
    .fini = act_flow_continue_fini,
    .run = act_flow_continue_run,
    .show = act_flow_continue_show,
};

struct delay_action {
  struct action base;
  uint16_t ms;
};

static bool
act_flow_delay_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  int64_t ms = args[0].integer;
  ((struct delay_action *)base)->ms = (uint16_t)(ms < 0 ? 0 : ms > UINT16_MAX ? UINT16_MAX : ms);
  return true;
}

static enum verdict
act_flow_delay_run(const struct action *base, struct query *q)
{
  q->limits.delay_ms = ((const struct delay_action *)base)->ms;
  return VERDICT_NEXT;
}

static void
act_flow_delay_show(const struct action *base, struct text *out)
{
  text_printf(out, "delay by %u ms", ((const struct delay_action *)base)->ms);
}

static const struct param delay_params[] = {
    {.name = "ms", .type = PARAM_INT, .most = UINT16_MAX, .unit = "ms",
     .help = "how long the answer waits, at most 65535; datagrams only"},
    {.type = PARAM_END}};

const struct action_kind act_delay = {
    .name = "DelayAction",
    .help = "Delay the answer to a client that uses UDP; goes on",
    .side = SIDE_QUERY,
    .params = delay_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct delay_action),
    .init = act_flow_delay_init,
    .run = act_flow_delay_run,
    .show = act_flow_delay_show,
};

const struct action_kind act_delay_response = {
    .name = "DelayResponseAction",
    .help = "Delay the answer to a client that uses UDP; goes on",
    .side = SIDE_RESPONSE,
    .params = delay_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct delay_action),
    .init = act_flow_delay_init,
    .run = act_flow_delay_run,
    .show = act_flow_delay_show,
};
