// SPDX-License-Identifier: BSD-2-Clause
// Actions that choose the pool.
#include "rules/action.h"

#include <string.h>

struct pool_action {
  struct action base;
  bool stop;
  uint8_t size;
  char pool[sizeof((struct query *)NULL)->pool_name];
};

static bool
pool_name_set(struct pool_action *a, const struct bytes *name, struct fault *f)
{
  if (name->size >= sizeof a->pool)
    return fault_set(f, FAULT_CAUGHT, "The name of a pool has at most %zu bytes: '%s'", sizeof a->pool - 1, name->data);
  a->size = (uint8_t)name->size;
  memcpy(a->pool, name->data, name->size);
  return true;
}

static enum verdict
go_to_pool(const struct pool_action *a, struct query *q)
{
  query_set_pool(q, a->pool, a->size);
  return a->stop ? VERDICT_STOP : VERDICT_NEXT;
}

static bool
pool_init(struct action *base, const struct value *args, struct fault *f)
{
  struct pool_action *a = (struct pool_action *)base;
  a->stop = args[1].boolean;
  return pool_name_set(a, &args[0].string, f);
}

static enum verdict
pool_run(const struct action *base, struct query *q)
{
  return go_to_pool((const struct pool_action *)base, q);
}

static void
pool_show(const struct action *base, struct text *out)
{
  text_printf(out, "to pool %s", ((const struct pool_action *)base)->pool);
}

const struct action_kind act_pool = {
    .name = "PoolAction",
    .help = "Select the pool; stops the rules unless stop is false",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "pool", .type = PARAM_STRING, .help = "name of the pool"},
        {.name = "stop", .type = PARAM_BOOL, .optional = true, .fallback = "true", .help = "whether the chain ends here"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct pool_action),
    .init = pool_init,
    .run = pool_run,
    .show = pool_show,
};
