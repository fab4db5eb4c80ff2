// SPDX-License-Identifier: BSD-2-Clause
// The names and clients that the rings hold most of, printed (top...) and as tables (getTop...).
#include "dnsproxy/guard/ring_reports.h"
#include "lua/binder/classes.h"

// A row of either form. The text is a name's, an address's, or "Rest".
typedef void (*put_row_fn)(struct call *, size_t rank, const char *text, uint64_t count, double percent);

static void
bind_top_print_row(struct call *c, size_t rank, const char *text, uint64_t count, double percent)
{
  (void)c;
  text_printf(binder_output(), "%4zu  %-40s %4llu %4.1f%%\n", rank, text, (unsigned long long)count, percent);
}

static void
bind_top_push_row(struct call *c, size_t rank, const char *text, uint64_t count, double percent)
{
  lua_createtable(c->lua, 3, 0);
  lua_pushstring(c->lua, text);
  lua_rawseti(c->lua, -2, 1);
  lua_pushnumber(c->lua, (double)count);
  lua_rawseti(c->lua, -2, 2);
  lua_pushnumber(c->lua, percent);
  lua_rawseti(c->lua, -2, 3);
  lua_rawseti(c->lua, -2, (int)rank);
}

static void
bind_top_put_rows(struct call *c, const struct tally *t, put_row_fn put)
{
  char text[NAME_TEXT_SIZE]; // an address is shorter
  int64_t wanted = c->args[0].integer;
  size_t shown = wanted < 0 || (uint64_t)wanted > t->count ? t->count : (size_t)wanted;
  uint64_t rest = t->total;
  double total = t->total > 0 ? (double)t->total : 1;
  for (size_t i = 0; i < shown; i++) {
    const struct tally_row *row = &t->rows[i];
    rest -= row->count;
    put(c, i + 1, t->of_names ? name_text(&row->name, text) : address_text(&row->address, text), row->count,
        100 * (double)row->count / total);
  }
  put(c, shown + 1, "Rest", rest, t->total > 0 ? 100 * (double)rest / total : 100);
}

// What the function's row says it gives.
static int
bind_top_finish(struct call *c, struct tally *t)
{
  tally_sort(t);
  if (c->function->returns == NULL) {
    bind_top_put_rows(c, t, bind_top_print_row);
  } else {
    lua_newtable(c->lua);
    bind_top_put_rows(c, t, bind_top_push_row);
  }
  tally_fini(t);
  return c->function->returns != NULL;
}

static int
bind_top_names(struct call *c, struct ring_count what, const struct value *labels)
{
  struct tally t;
  what.cut = labels->given && labels->integer >= 0;
  what.labels = (unsigned)(labels->integer < NAME_MAX_LABELS ? labels->integer : NAME_MAX_LABELS);
  tally_init(&t, true);
  ring_count(&t, &what);
  return bind_top_finish(c, &t);
}

static int
bind_top_queries(struct call *c)
{
  return bind_top_names(c, (struct ring_count){.kind = RING_QUERIES}, &c->args[1]);
}

static int
bind_top_responses(struct call *c)
{
  struct ring_count what = {.kind = RING_ANSWERS, .filter = RING_OF_RCODE, .number = (uint64_t)c->args[1].integer};
  return bind_top_names(c, what, &c->args[2]);
}

static struct ring_count
bind_top_slower_than(int64_t ms)
{
  uint64_t least = ms < 0 ? UINT32_MAX : (uint64_t)ms;
  return (struct ring_count){.kind = RING_ANSWERS, .filter = RING_SLOWER, .number = least < UINT32_MAX ? least * 1000 : least};
}

static int
bind_top_slow(struct call *c)
{
  return bind_top_names(c, bind_top_slower_than(c->args[1].integer), &c->args[2]);
}

static int
bind_top_timeouts(struct call *c)
{
  return bind_top_names(c, (struct ring_count){.kind = RING_ANSWERS, .filter = RING_TIMEOUTS}, &c->args[1]);
}

static int
bind_top_get_slow(struct call *c)
{
  struct ring_count what = bind_top_slower_than(c->args[1].integer);
  if (c->args[3].boolean)
    what.filter = RING_TIMEOUTS;
  return bind_top_names(c, what, &c->args[2]);
}

static int
bind_top_clients(struct call *c)
{
  struct tally t;
  tally_init(&t, false);
  ring_count(&t, &(struct ring_count){.kind = RING_QUERIES});
  return bind_top_finish(c, &t);
}

static int
bind_top_bandwidth(struct call *c)
{
  struct tally t;
  tally_init(&t, false);
  ring_count(&t, &(struct ring_count){.kind = RING_QUERIES, .bytes = true});
  ring_count(&t, &(struct ring_count){.kind = RING_ANSWERS, .bytes = true});
  return bind_top_finish(c, &t);
}

static int
bind_top_show_latency(struct call *c)
{
  (void)c;
  ring_latency_text(binder_output());
  return 0;
}

#define TOP {.name = "top", .type = PARAM_INT, .optional = true, .fallback = "10", .help = "rows; the others are summed up"}
#define NUM {.name = "top", .type = PARAM_INT, .help = "rows; the others are summed up"}
#define LABELS {.name = "labels", .type = PARAM_INT, .optional = true, .help = "count names by their last labels alone"}
#define TABLE "{ [1]: string, [2]: integer, [3]: number }[]"
#define SHOW(word, words, function, ...)                                                                               \
  {                                                                                                                    \
    .name = word, .help = words, .params = PARAMS(__VA_ARGS__), .flags = FUNCTION_NO_EFFECT, .call = function          \
  }
#define GET(word, words, function, ...)                                                                                \
  {                                                                                                                    \
    .name = word, .help = words, .params = PARAMS(__VA_ARGS__), .returns = TABLE, .flags = FUNCTION_NO_EFFECT,         \
    .call = function                                                                                                   \
  }

const struct lua_function functions_top[] = {
    SHOW("topQueries", "Print the names most asked for", bind_top_queries, TOP, LABELS),
    GET("getTopQueries", "The rows of topQueries(): name, count, percentage", bind_top_queries, NUM, LABELS),
    SHOW("topResponses", "Print the names most answered with an rcode", bind_top_responses, TOP,
         {.name = "rcode", .type = PARAM_INT, .optional = true, .fallback = "0"}, LABELS),
    GET("getTopResponses", "The rows of topResponses()", bind_top_responses, NUM, {.name = "rcode", .type = PARAM_INT},
        LABELS),
    SHOW("topSlow", "Print the names most answered slowly; time-outs do not count", bind_top_slow, TOP,
         {.name = "limit", .type = PARAM_INT, .optional = true, .fallback = "500", .unit = "ms"}, LABELS),
    GET("getSlowResponses", "The rows of topSlow(), or of topTimeouts()", bind_top_get_slow, NUM,
        {.name = "limit", .type = PARAM_INT, .unit = "ms"}, LABELS,
        {.name = "timeouts", .type = PARAM_BOOL, .optional = true, .help = "the time-outs instead"}),
    SHOW("topTimeouts", "Print the names whose queries timed out most", bind_top_timeouts, TOP, LABELS),
    SHOW("topClients", "Print the clients that asked most", bind_top_clients, TOP),
    SHOW("topBandwidth", "Print the clients with most bytes of queries and answers", bind_top_bandwidth, TOP),
    GET("getTopBandwidth", "The rows of topBandwidth(): client, bytes, percentage", bind_top_bandwidth, NUM),
    {.name = "showResponseLatency",
     .help = "Print a histogram of the latencies of recent answers",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_top_show_latency},
    {.name = NULL}};
