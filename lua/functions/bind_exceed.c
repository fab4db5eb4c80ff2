// SPDX-License-Identifier: BSD-2-Clause
// exceed...(): the clients above a rate in the last seconds, for addDynBlocks().
#include "dnsproxy/base/clock.h"
#include "dnsproxy/guard/ring_reports.h"
#include "dnsproxy/wire/codes.h"
#include "lua/binder/classes.h"

// Seconds that the rate is multiplied with; without a span it is that of the ring.
static double
bind_exceed_span_of(int64_t seconds, uint64_t now_us, uint64_t oldest_us)
{
  if (seconds > 0)
    return (double)seconds;
  return oldest_us < now_us ? (double)(now_us - oldest_us) / 1e6 : 0;
}

// Clients and their counts.
static int
bind_exceed_push_above(struct call *c, const struct tally *t, double limit)
{
  lua_newtable(c->lua);
  for (size_t i = 0; i < t->count; i++) {
    double count = (double)(t->rows[i].count * rings_weight());
    if (count <= limit)
      continue;
    *(struct address *)binder_push_value(c->lua, &class_address) = t->rows[i].address;
    lua_pushnumber(c->lua, count);
    lua_rawset(c->lua, -3);
  }
  return 1;
}

// args: rate and seconds.
static int
bind_exceed_exceed(struct call *c, struct ring_count what, const struct value *args)
{
  struct tally t;
  uint64_t now_us = clock_mono_us();
  int64_t rate = args[0].integer, seconds = args[1].integer;
  if (seconds > 0 && (uint64_t)seconds < now_us / 1000000)
    what.since_us = now_us - (uint64_t)seconds * 1000000;
  tally_init(&t, false);
  uint64_t oldest_us = ring_count(&t, &what);
  // A negative rate is a huge one to the dialect.
  int results =
      bind_exceed_push_above(c, &t, bind_exceed_span_of(seconds, now_us, oldest_us) * (rate < 0 ? 1e18 : (double)rate));
  tally_fini(&t);
  return results;
}

static int
bind_exceed_queries(struct call *c)
{
  return bind_exceed_exceed(c, (struct ring_count){.kind = RING_QUERIES}, c->args);
}

static int
bind_exceed_qtype(struct call *c)
{
  struct ring_count what = {.kind = RING_QUERIES, .filter = RING_OF_QTYPE, .number = (uint16_t)c->args[0].integer};
  return bind_exceed_exceed(c, what, c->args + 1);
}

static int
bind_exceed_nxdomains(struct call *c)
{
  return bind_exceed_exceed(c, (struct ring_count){.kind = RING_ANSWERS, .filter = RING_OF_RCODE, .number = RCODE_NXDOMAIN},
                            c->args);
}

static int
bind_exceed_servfails(struct call *c)
{
  return bind_exceed_exceed(c, (struct ring_count){.kind = RING_ANSWERS, .filter = RING_OF_RCODE, .number = RCODE_SERVFAIL},
                            c->args);
}

static int
bind_exceed_bytes(struct call *c)
{
  return bind_exceed_exceed(c, (struct ring_count){.kind = RING_ANSWERS, .bytes = true}, c->args);
}

#define RATE(measure) {.name = "rate", .type = PARAM_INT, .unit = measure, .help = "allowed for each client"}
#define SECONDS {.name = "seconds", .type = PARAM_INT, .unit = "s", .help = "how far to look back; 0: as far as the ring goes"}
#define EXCEED(word, words, function, ...)                                                                             \
  {                                                                                                                    \
    .name = word, .help = words, .params = PARAMS(__VA_ARGS__), .returns = "table<ComboAddress, integer>",             \
    .flags = FUNCTION_NO_EFFECT, .call = function                                                                      \
  }

const struct lua_function functions_exceed[] = {
    EXCEED("exceedQRate", "Clients above a rate of queries, with their counts", bind_exceed_queries, RATE("q/s"), SECONDS),
    EXCEED("exceedQTypeRate", "Clients above a rate of queries of a type", bind_exceed_qtype,
           {.name = "type", .type = PARAM_INT, .help = "DNSQType"}, RATE("q/s"), SECONDS),
    EXCEED("exceedNXDOMAINs", "Clients above a rate of NXDomain answers", bind_exceed_nxdomains, RATE("answers/s"), SECONDS),
    EXCEED("exceedServFails", "Clients above a rate of ServFail answers", bind_exceed_servfails, RATE("answers/s"), SECONDS),
    EXCEED("exceedRespByterate", "Clients above a rate of bytes in answers", bind_exceed_bytes, RATE("bytes/s"), SECONDS),
    {.name = NULL}};
