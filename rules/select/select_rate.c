// SPDX-License-Identifier: BSD-2-Clause
// Selectors that say when there are too many queries: MaxQPSRule in all (one bucket of tokens), MaxQPSIPRule per client
// range (a table of them).
//
// They keep state: a query that is asked about takes a token whether the rule's action then does something or not, so that a
// chain may neither skip them nor ask twice, and no index looks behind them: a match of the others that came before may
// change what they say. A query that is made up only looks, and says what it saw.
//
// Limits are of the whole process (base/token_bucket, rules/select/rate_table). Workers.
#include "rules/select/rate.h"
#include "rules/select/rate_table.h"
#include "rules/select/selector.h"

struct rate_selector {
  struct selector base;
  struct rate rate;
};

static bool
select_rate_qps_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  uint32_t qps = (uint32_t)args[0].integer;
  rate_init(&((struct rate_selector *)base)->rate, qps, args[1].given ? (uint32_t)args[1].integer : qps);
  return true;
}

static bool
select_rate_qps_match(const struct selector *base, struct query *q)
{
  return rate_take(&((const struct rate_selector *)base)->rate, q);
}

static void
select_rate_qps_see(const struct selector *base, const struct query *q, struct text *out)
{
  const struct rate *r = &((const struct rate_selector *)base)->rate;
  text_printf(out, "%.1f tokens left", r->qps == 0 ? 0 : token_bucket_level(&r->bucket, q->worker->now_us));
}

static void
select_rate_qps_show(const struct selector *base, struct text *out)
{
  text_printf(out, "Max %u qps", ((const struct rate_selector *)base)->rate.qps);
}

const struct selector_kind select_max_qps = {
    .name = "MaxQPSRule",
    .help = "Matches while there are fewer queries per second than this, all clients together",
    .params = (const struct param[]){
        {.name = "qps", .type = PARAM_INT, RATE_BOUNDS("no query is within it, the rule never matches"), .unit = "q/s",
         .help = "limit"},
        {.name = "burst", .type = PARAM_INT, .least = 1, .most = UINT32_MAX, .safe = "1",
         .optional = true, .unit = "queries", .help = "burst; qps when not given"},
        {.type = PARAM_END}},
    .effect = EFFECT_STATE,
    .size = sizeof(struct rate_selector),
    .init = select_rate_qps_init,
    .match = select_rate_qps_match,
    .see = select_rate_qps_see,
    .show = select_rate_qps_show,
};

// ---- rates per client ----

struct rate_ip_selector {
  struct selector base;
  struct rate_table_options options;
  struct rate_table *table;
};

enum { QPS, V4_MASK, V6_MASK, BURST, EXPIRATION, CLEANUP_DELAY, SCAN_FRACTION, SHARDS };

static const struct param rate_ip_params[] = {
    [QPS] = {.name = "qps", .type = PARAM_INT, RATE_BOUNDS("every query is over it, the rule always matches"),
             .unit = "q/s", .help = "limit of a range"},
    [V4_MASK] = {.name = "v4Mask", .type = PARAM_INT, .most = 32, .optional = true, .fallback = "32", .unit = "bits",
                 .help = "size of IPv4 ranges"},
    [V6_MASK] = {.name = "v6Mask", .type = PARAM_INT, .most = 128, .optional = true, .fallback = "64", .unit = "bits",
                 .help = "size of IPv6 ranges"},
    [BURST] = {.name = "burst", .type = PARAM_INT, .least = 1, .most = UINT32_MAX, .safe = "1", .optional = true, .unit = "queries",
               .help = "burst of a range; qps when not given"},
    [EXPIRATION] = {.name = "expiration", .type = PARAM_INT, .least = 1, .most = UINT32_MAX,
                    .why = "every query would start afresh", .optional = true, .fallback = "300", .unit = "s",
                    .help = "a range not seen for this long starts afresh"},
    [CLEANUP_DELAY] = {.name = "cleanupDelay", .type = PARAM_INT, .any = true, .optional = true, .fallback = "60", .unit = "s",
                       .help = "accepted; places of idle ranges are free at once, nothing is swept"},
    [SCAN_FRACTION] = {.name = "scanFraction", .type = PARAM_INT, .any = true, .optional = true, .fallback = "10",
                       .help = "accepted, as cleanupDelay"},
    [SHARDS] = {.name = "shards", .type = PARAM_INT, .least = 1, .most = UINT32_MAX, .optional = true, .fallback = "10",
                .help = "independently locked parts of the table, at most 256"},
    {.type = PARAM_END}};

static uint8_t
select_rate_bits_of(const struct value *v)
{
  return (uint8_t)v->integer;
}

static bool
select_rate_ip_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct rate_ip_selector *s = (struct rate_ip_selector *)base;
  s->options = (struct rate_table_options){
      .qps = (uint32_t)args[QPS].integer,
      .burst = (uint32_t)args[args[BURST].given ? BURST : QPS].integer,
      .v4_bits = select_rate_bits_of(&args[V4_MASK]),
      .v6_bits = select_rate_bits_of(&args[V6_MASK]),
      .expiration_s = (uint32_t)args[EXPIRATION].integer,
      .shards = (uint32_t)args[SHARDS].integer,
  };
  s->table = rate_table_new(&s->options);
  return true;
}

static void
select_rate_ip_fini(struct selector *base)
{
  rate_table_free(&((struct rate_ip_selector *)base)->table);
}

static bool
select_rate_ip_match(const struct selector *base, struct query *q)
{
  struct rate_table *table = ((const struct rate_ip_selector *)base)->table;
  double tokens;
  if (q->rehearsal.dry)
    return !rate_table_peek(table, &q->arrival.client, q->worker->now_us, &tokens);
  return !rate_table_take(table, &q->arrival.client, q->worker->now_us);
}

static void
select_rate_ip_see(const struct selector *base, const struct query *q, struct text *out)
{
  double tokens;
  rate_table_peek(((const struct rate_ip_selector *)base)->table, &q->arrival.client, q->worker->now_us, &tokens);
  text_printf(out, "the client's range has %.1f tokens left", tokens);
}

static void
select_rate_ip_show(const struct selector *base, struct text *out)
{
  const struct rate_table_options *o = &((const struct rate_ip_selector *)base)->options;
  text_printf(out, "IP (/%u, /%u) match for QPS over %u burst %u", o->v4_bits, o->v6_bits, o->qps, o->burst);
}

const struct selector_kind select_max_qps_ip = {
    .name = "MaxQPSIPRule",
    .help = "The client's range has sent more queries per second than this",
    .params = rate_ip_params,
    .effect = EFFECT_STATE,
    .size = sizeof(struct rate_ip_selector),
    .init = select_rate_ip_init,
    .fini = select_rate_ip_fini,
    .match = select_rate_ip_match,
    .see = select_rate_ip_see,
    .show = select_rate_ip_show,
};
