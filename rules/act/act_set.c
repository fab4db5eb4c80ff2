// SPDX-License-Identifier: BSD-2-Clause
// Actions that change one fact of the query and go on: a header bit (SetNoRecurseAction, SetDisableValidationAction), the
// cache (SetSkipCacheAction), TTLs to come (SetTempFailureCacheTTLAction, SetMaxReturnedTTLAction).
//
// Bits are changed in the packet, and room restore gives the client his own back. The rest is written into the query
// (limits, skip_cache) and used in a later room. SkipCache in a response chain keeps the answer out of the cache; in a query
// chain neither lookup nor insert is made.
//
// No state. Workers.
#include "rules/act/action.h"

struct set_action {
  struct action base;
  uint32_t a;
};

static bool
act_set_int_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct set_action *)base)->a = (uint32_t)args[0].integer;
  return true;
}

static enum verdict
act_set_no_recurse_run(const struct action *a, struct query *q)
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
    .run = act_set_no_recurse_run,
    .text = "set rd=0",
};

static enum verdict
act_set_disable_validation_run(const struct action *a, struct query *q)
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
    .run = act_set_disable_validation_run,
    .text = "set cd=1",
};

static enum verdict
act_set_skip_cache_run(const struct action *a, struct query *q)
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
    .run = act_set_skip_cache_run,
    .text = "skip cache",
};

const struct action_kind act_set_skip_cache_response = {
    .name = "SetSkipCacheResponseAction",
    .help = "Do not insert this answer into the cache; goes on",
    .side = SIDE_RESPONSE,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = act_set_skip_cache_run,
    .text = "skip cache",
};

static enum verdict
act_set_temp_failure_run(const struct action *base, struct query *q)
{
  uint32_t ttl = ((const struct set_action *)base)->a;
  q->limits.failure_ttl = ttl > INT32_MAX ? INT32_MAX : (int32_t)ttl;
  return VERDICT_NEXT;
}

static void
act_set_temp_failure_show(const struct action *base, struct text *out)
{
  text_printf(out, "set tempfailure cache ttl to %u", ((const struct set_action *)base)->a);
}

const struct action_kind act_set_temp_failure_ttl = {
    .name = "SetTempFailureCacheTTLAction",
    .help = "How long a ServFail or Refused answer to this query is cached; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "ttl", .type = PARAM_INT, .most = INT32_MAX, .unit = "s", .help = "0: not cached"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct set_action),
    .init = act_set_int_init,
    .run = act_set_temp_failure_run,
    .show = act_set_temp_failure_show,
};

static enum verdict
act_set_max_returned_run(const struct action *base, struct query *q)
{
  q->limits.max_ttl = ((const struct set_action *)base)->a;
  return VERDICT_NEXT;
}

static void
act_set_max_returned_show(const struct action *base, struct text *out)
{
  text_printf(out, "cap the TTL of the returned response to %u", ((const struct set_action *)base)->a);
}

static const struct param max_returned_params[] = {
    {.name = "max", .type = PARAM_INT, PARAM_NO_LIMIT_32, .unit = "s",
     .help = "largest TTL that the client sees"}, {.type = PARAM_END}};

const struct action_kind act_set_max_returned_ttl = {
    .name = "SetMaxReturnedTTLAction",
    .help = "Cap the TTLs of the answer after it was cached; goes on",
    .side = SIDE_QUERY,
    .params = max_returned_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct set_action),
    .init = act_set_int_init,
    .run = act_set_max_returned_run,
    .show = act_set_max_returned_show,
};

const struct action_kind act_set_max_returned_ttl_response = {
    .name = "SetMaxReturnedTTLResponseAction",
    .help = "Cap the TTLs of the answer after it was cached; goes on",
    .side = SIDE_RESPONSE,
    .params = max_returned_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct set_action),
    .init = act_set_int_init,
    .run = act_set_max_returned_run,
    .show = act_set_max_returned_show,
};
