// SPDX-License-Identifier: BSD-2-Clause
// Actions that change one fact of the query and go on: a header bit, the cache, client subnet, TTLs to come.
#include "rules/action.h"

struct set_action {
  struct action base;
  uint32_t a, b;
};

static bool
bool_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct set_action *)base)->a = args[0].boolean;
  return true;
}

static bool
int_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct set_action *)base)->a = (uint32_t)args[0].integer;
  return true;
}

static enum verdict
no_recurse_run(const struct action *a, struct query *q)
{
  (void)a;
  q->packet.data[2] &= (uint8_t)~FLAG2_RD;
  return VERDICT_NEXT;
}

const struct action_kind act_set_no_recurse = {
    .name = "SetNoRecurseAction",
    .help = "Clear RD; goes on",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = no_recurse_run,
    .text = "set rd=0",
};

static enum verdict
disable_validation_run(const struct action *a, struct query *q)
{
  (void)a;
  q->packet.data[3] |= FLAG3_CD;
  return VERDICT_NEXT;
}

const struct action_kind act_set_disable_validation = {
    .name = "SetDisableValidationAction",
    .help = "Set CD; goes on",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = disable_validation_run,
    .text = "set cd=1",
};

static enum verdict
skip_cache_run(const struct action *a, struct query *q)
{
  (void)a;
  q->skip_cache = true;
  return VERDICT_NEXT;
}

const struct action_kind act_set_skip_cache = {
    .name = "SetSkipCacheAction",
    .help = "Neither look the query up in the cache nor insert its answer; goes on",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = skip_cache_run,
    .text = "skip cache",
};

const struct action_kind act_set_skip_cache_response = {
    .name = "SetSkipCacheResponseAction",
    .help = "Do not insert this answer into the cache; goes on",
    .side = SIDE_RESPONSE,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = skip_cache_run,
    .text = "skip cache",
};

static enum verdict
disable_ecs_run(const struct action *a, struct query *q)
{
  (void)a;
  q->use_ecs = false;
  return VERDICT_NEXT;
}

const struct action_kind act_set_disable_ecs = {
    .name = "SetDisableECSAction",
    .help = "Do not add client subnet to this query; goes on",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = disable_ecs_run,
    .text = "disable ECS",
};

static enum verdict
ecs_override_run(const struct action *base, struct query *q)
{
  q->ecs_override = ((const struct set_action *)base)->a != 0;
  return VERDICT_NEXT;
}

static void
ecs_override_show(const struct action *base, struct text *out)
{
  text_printf(out, "set ECS override to %u", ((const struct set_action *)base)->a);
}

const struct action_kind act_set_ecs_override = {
    .name = "SetECSOverrideAction",
    .help = "Whether a client subnet that came with the query is replaced; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "override", .type = PARAM_BOOL,
                                      .help = "true: replace it"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct set_action),
    .init = bool_init,
    .run = ecs_override_run,
    .show = ecs_override_show,
};

static bool
ecs_prefix_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct set_action *a = (struct set_action *)base;
  a->a = (uint16_t)args[0].integer;
  a->b = (uint16_t)args[1].integer;
  return true;
}

static enum verdict
ecs_prefix_run(const struct action *base, struct query *q)
{
  const struct set_action *a = (const struct set_action *)base;
  q->ecs_prefix_v4 = (uint8_t)(a->a > 32 ? 32 : a->a);
  q->ecs_prefix_v6 = (uint8_t)(a->b > 128 ? 128 : a->b);
  return VERDICT_NEXT;
}

static void
ecs_prefix_show(const struct action *base, struct text *out)
{
  const struct set_action *a = (const struct set_action *)base;
  text_printf(out, "set ECS prefix length to %u/%u", a->a, a->b);
}

const struct action_kind act_set_ecs_prefix_length = {
    .name = "SetECSPrefixLengthAction",
    .help = "Client-subnet prefix lengths for this query; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "v4", .type = PARAM_INT, .unit = "bits", .help = "for IPv4 clients"},
                                     {.name = "v6", .type = PARAM_INT, .unit = "bits", .help = "for IPv6 clients"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct set_action),
    .init = ecs_prefix_init,
    .run = ecs_prefix_run,
    .show = ecs_prefix_show,
};

static enum verdict
temp_failure_run(const struct action *base, struct query *q)
{
  uint32_t ttl = ((const struct set_action *)base)->a;
  q->temporary_failure_ttl = ttl > INT32_MAX ? INT32_MAX : (int32_t)ttl;
  return VERDICT_NEXT;
}

static void
temp_failure_show(const struct action *base, struct text *out)
{
  text_printf(out, "set tempfailure cache ttl to %u", ((const struct set_action *)base)->a);
}

const struct action_kind act_set_temp_failure_ttl = {
    .name = "SetTempFailureCacheTTLAction",
    .help = "How long a ServFail or Refused answer to this query is cached; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "ttl", .type = PARAM_INT, .unit = "s", .help = "0: not cached"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct set_action),
    .init = int_init,
    .run = temp_failure_run,
    .show = temp_failure_show,
};

static enum verdict
max_returned_run(const struct action *base, struct query *q)
{
  q->max_returned_ttl = ((const struct set_action *)base)->a;
  return VERDICT_NEXT;
}

static void
max_returned_show(const struct action *base, struct text *out)
{
  text_printf(out, "cap the TTL of the returned response to %u", ((const struct set_action *)base)->a);
}

static const struct param max_returned_params[] = {
    {.name = "max", .type = PARAM_INT, .unit = "s", .help = "largest TTL that the client sees"}, {.type = PARAM_END}};

const struct action_kind act_set_max_returned_ttl = {
    .name = "SetMaxReturnedTTLAction",
    .help = "Cap the TTLs of the answer after it was cached; goes on",
    .side = SIDE_QUERY,
    .params = max_returned_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct set_action),
    .init = int_init,
    .run = max_returned_run,
    .show = max_returned_show,
};

const struct action_kind act_set_max_returned_ttl_response = {
    .name = "SetMaxReturnedTTLResponseAction",
    .help = "Cap the TTLs of the answer after it was cached; goes on",
    .side = SIDE_RESPONSE,
    .params = max_returned_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct set_action),
    .init = int_init,
    .run = max_returned_run,
    .show = max_returned_show,
};
