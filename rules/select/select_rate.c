// SPDX-License-Identifier: BSD-2-Clause
// The selector that counts queries per second, all clients together.
#include "rules/select/rate.h"
#include "rules/select/selector.h"

struct rate_selector {
  struct selector base;
  struct rate rate;
};

static bool
qps_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  uint32_t qps = (uint32_t)args[0].integer;
  rate_init(&((struct rate_selector *)base)->rate, qps, args[1].given ? (uint32_t)args[1].integer : qps);
  return true;
}

static bool
qps_match(const struct selector *base, struct query *q)
{
  return rate_take(&((const struct rate_selector *)base)->rate, q);
}

static void
qps_see(const struct selector *base, const struct query *q, struct text *out)
{
  const struct rate *r = &((const struct rate_selector *)base)->rate;
  text_printf(out, "%.1f tokens left", r->qps == 0 ? 0 : token_bucket_level(&r->bucket, q->worker->now_us));
}

static void
qps_show(const struct selector *base, struct text *out)
{
  text_printf(out, "Max %u qps", ((const struct rate_selector *)base)->rate.qps);
}

const struct selector_kind select_max_qps = {
    .name = "MaxQPSRule",
    .help = "Matches while there are fewer queries per second than this, all clients together",
    .params = (const struct param[]){
        {.name = "qps", .type = PARAM_INT, .unit = "q/s", .help = "limit"},
        {.name = "burst", .type = PARAM_INT, .optional = true, .unit = "queries", .help = "burst; qps when not given"},
        {.type = PARAM_END}},
    .effect = EFFECT_STATE,
    .size = sizeof(struct rate_selector),
    .init = qps_init,
    .match = qps_match,
    .see = qps_see,
    .show = qps_show,
};
