// SPDX-License-Identifier: BSD-2-Clause
// Actions that choose the pool: PoolAction, QPSPoolAction while below a rate, and QPSAction that drops above one.
//
// They write the pool's name; room choose_pool looks it up in the query's configuration, so that a pool may be made after
// the rule, and an unknown one is a counted drop there. The name is the action's own and constant, nothing is copied. stop =
// true ends the chain.
//
// A limit is a token bucket of the whole process (rules/select/rate). Workers.
#include "rules/act/action.h"
#include "rules/select/rate.h"

#include <string.h>

struct pool_action {
  struct action base;
  struct rate rate; // QPSPoolAction
  bool stop;
  uint8_t size;
  char pool[sizeof((struct query *)NULL)->pool_name];
};

static bool
act_pool_name_set(struct pool_action *a, const struct bytes *name, struct fault *f)
{
  if (name->size >= sizeof a->pool)
    return fault_set(f, FAULT_CAUGHT, "The name of a pool has at most %zu bytes: '%s'", sizeof a->pool - 1, name->data);
  a->size = (uint8_t)name->size;
  memcpy(a->pool, name->data, name->size);
  return true;
}

static enum verdict
act_pool_go_to_pool(const struct pool_action *a, struct query *q)
{
  query_set_pool(q, a->pool, a->size);
  return a->stop ? VERDICT_STOP : VERDICT_NEXT;
}

static bool
act_pool_init(struct action *base, const struct value *args, struct fault *f)
{
  struct pool_action *a = (struct pool_action *)base;
  a->stop = args[1].boolean;
  return act_pool_name_set(a, &args[0].string, f);
}

static enum verdict
act_pool_run(const struct action *base, struct query *q)
{
  return act_pool_go_to_pool((const struct pool_action *)base, q);
}

static void
act_pool_show(const struct action *base, struct text *out)
{
  text_printf(out, "to pool %s", ((const struct pool_action *)base)->pool);
}

const struct action_kind act_pool = {
    .name = "PoolAction",
    .help = "Select the pool; stops the rules unless stop is false",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "pool", .type = PARAM_STRING, .help = "name of the pool"},
        {.name = "stop", .type = PARAM_BOOL, .optional = true, .fallback = "true",
         .help = "whether the chain ends here"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct pool_action),
    .init = act_pool_init,
    .run = act_pool_run,
    .show = act_pool_show,
};

static bool
act_pool_qps_pool_init(struct action *base, const struct value *args, struct fault *f)
{
  struct pool_action *a = (struct pool_action *)base;
  uint32_t qps = (uint32_t)args[0].integer;
  rate_init(&a->rate, qps, qps);
  return act_pool_init(base, args + 1, f);
}

static enum verdict
act_pool_qps_pool_run(const struct action *base, struct query *q)
{
  const struct pool_action *a = (const struct pool_action *)base;
  return rate_take(&a->rate, q) ? act_pool_go_to_pool(a, q) : VERDICT_NEXT;
}

static void
act_pool_qps_pool_show(const struct action *base, struct text *out)
{
  const struct pool_action *a = (const struct pool_action *)base;
  text_printf(out, "max %u to pool %s", a->rate.qps, a->pool);
}

const struct action_kind act_qps_pool = {
    .name = "QPSPoolAction",
    .help = "Select the pool while under the limit; over it just go on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "limit", .type = PARAM_INT, RATE_BOUNDS("no query goes to the pool"), .unit = "q/s", .help = "limit"},
        {.name = "pool", .type = PARAM_STRING, .help = "name of the pool"},
        {.name = "stop", .type = PARAM_BOOL, .optional = true, .fallback = "true",
         .help = "whether the chain ends here"},
        {.type = PARAM_END}},
    .effect = EFFECT_STATE,
    .size = sizeof(struct pool_action),
    .init = act_pool_qps_pool_init,
    .run = act_pool_qps_pool_run,
    .show = act_pool_qps_pool_show,
};

struct qps_action {
  struct action base;
  struct rate rate;
};

static bool
act_pool_qps_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  uint32_t qps = (uint32_t)args[0].integer;
  rate_init(&((struct qps_action *)base)->rate, qps, qps);
  return true;
}

static enum verdict
act_pool_qps_run(const struct action *base, struct query *q)
{
  return rate_take(&((const struct qps_action *)base)->rate, q) ? VERDICT_NEXT : verdict_drop(q, DROP_RULE);
}

static void
act_pool_qps_show(const struct action *base, struct text *out)
{
  text_printf(out, "qps limit to %u", ((const struct qps_action *)base)->rate.qps);
}

const struct action_kind act_qps = {
    .name = "QPSAction",
    .help = "Drop what is over the limit; what is under it goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "limit", .type = PARAM_INT, RATE_BOUNDS("every query is dropped"),
                                      .unit = "q/s", .help = "limit"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_STATE,
    .size = sizeof(struct qps_action),
    .init = act_pool_qps_init,
    .run = act_pool_qps_run,
    .show = act_pool_qps_show,
};
