// SPDX-License-Identifier: BSD-2-Clause
// The rings as scripts and the console ask for them: options, entries, top lists, clients above a rate, grepq().
//
//   getRingEntries(), getRespRing()                      all entries, oldest first; an answer stands behind its query
//   topQueries(), getTopQueries(), topClients(), ...     names or clients with the most, printed or as tables
//   exceedQRate(), exceedServFails(), ...                clients above a rate in the last seconds, for addDynBlocks()
//   grepq()                                              what matches, as lines, or into a file
//
// Here is only how it is asked for and shown; counting and matching are guard/ring_reports. A rate is the count by the seconds
// that were asked for, or, with 0, by those that the rings reach back.
//
// Sizes and sampling are set while the configuration loads. Lua lock; the rings themselves are read without one.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/guard/ring_reports.h"
#include "dnsproxy/guard/rings.h"
#include "dnsproxy/wire/codes.h"
#include "lua/binder/classes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOCK_RETRIES, RECORD_QUERIES, RECORD_RESPONSES, SAMPLING_RATE };

static const struct param options[] = {
    [LOCK_RETRIES] = {.name = "lockRetries", .type = PARAM_INT, .any = true, .optional = true,
                      .help = "accepted: there are no locks"},
    [RECORD_QUERIES] = {.name = "recordQueries", .type = PARAM_BOOL, .optional = true, .help = "record queries"},
    [RECORD_RESPONSES] = {.name = "recordResponses", .type = PARAM_BOOL, .optional = true, .help = "record answers"},
    [SAMPLING_RATE] = {.name = "samplingRate",
                       .type = PARAM_INT,
                       .optional = true,
                       .max = UINT32_MAX,
                       .help = "record one in so many; 0 and 1: all"},
    {.type = PARAM_END}};

static int
bind_rings_set_size(struct call *c)
{
  if (!configuration_is_live(config())) // the rings are the process's, and in use
    return 0;
  rings_options.size = (uint32_t)c->args[0].integer;
  return 0;
}

static int
bind_rings_set_options(struct call *c)
{
  if (!configuration_is_live(config()))
    return 0;
  const struct value *v = c->args[0].options;
  if (v[RECORD_QUERIES].given)
    rings_options.record[RING_QUERIES] = v[RECORD_QUERIES].boolean;
  if (v[RECORD_RESPONSES].given)
    rings_options.record[RING_ANSWERS] = v[RECORD_RESPONSES].boolean;
  if (v[SAMPLING_RATE].given)
    rings_options.sampling_rate = (uint32_t)v[SAMPLING_RATE].integer;
  return 0;
}

static int
bind_rings_set_lock_retries(struct call *c)
{
  (void)c;
  return 0;
}

static int
bind_rings_get_sampling_rate(struct call *c)
{
  lua_pushnumber(c->lua, rings_options.sampling_rate);
  return 1;
}

// ---- entries ----

// Appends to the list on top of the stack what `push` makes of each entry; it may leave one out. Frees the entries.
static void
bind_rings_append_all(struct call *c, struct ring_entry *entries, size_t count,
                      bool (*push)(struct call *, const struct ring_entry *))
{
  int position = (int)lua_objlen(c->lua, -1);
  for (size_t i = 0; i < count; i++)
    if (push(c, &entries[i]))
      lua_rawseti(c->lua, -2, ++position);
  free(entries);
}

static bool
bind_rings_push_entry(struct call *c, const struct ring_entry *e)
{
  *(struct ring_entry *)binder_push_value(c->lua, &class_ring_entry) = *e;
  return true;
}

static int
bind_rings_get_entries(struct call *c)
{
  size_t count;
  struct ring_entry *entries = ring_read_both(0, &count);
  lua_newtable(c->lua);
  bind_rings_append_all(c, entries, count, bind_rings_push_entry);
  return 1;
}

static void
bind_rings_set_name(struct call *c, const char *key, const struct ring_entry *e)
{
  char text[NAME_TEXT_SIZE];
  lua_pushstring(c->lua, name_text(&e->qname, text));
  lua_setfield(c->lua, -2, key);
}

static void
bind_rings_set_number(struct call *c, const char *key, double number)
{
  lua_pushnumber(c->lua, number);
  lua_setfield(c->lua, -2, key);
}

static bool
bind_rings_push_response(struct call *c, const struct ring_entry *e)
{
  lua_createtable(c->lua, 0, 4);
  bind_rings_set_name(c, "name", e);
  bind_rings_set_number(c, "qtype", e->qtype);
  bind_rings_set_number(c, "rcode", ring_entry_timed_out(e) ? -1 : (double)ring_entry_rcode(e));
  bind_rings_set_number(c, "usec", e->latency_us);
  return true;
}

static int
bind_rings_get_response_ring(struct call *c)
{
  size_t count;
  struct ring_entry *entries = ring_read_all(RING_ANSWERS, 0, &count);
  lua_newtable(c->lua);
  bind_rings_append_all(c, entries, count, bind_rings_push_response);
  return 1;
}

static bool
bind_rings_push_of_rcode(struct call *c, const struct ring_entry *e)
{
  char rcode[8];
  if (ring_entry_timed_out(e) || (c->args[0].given && c->args[0].integer != (int64_t)ring_entry_rcode(e)))
    return false;
  lua_createtable(c->lua, 0, 2);
  bind_rings_set_name(c, "qname", e);
  snprintf(rcode, sizeof rcode, "%u", ring_entry_rcode(e));
  lua_pushstring(c->lua, rcode);
  lua_setfield(c->lua, -2, "rcode");
  return true;
}

static int
bind_rings_get_resp_ring(struct call *c)
{
  size_t count;
  struct ring_entry *entries = ring_read_all(RING_ANSWERS, 0, &count);
  lua_newtable(c->lua);
  bind_rings_append_all(c, entries, count, bind_rings_push_of_rcode);
  return 1;
}

const struct lua_function functions_rings[] = {
    {.name = "setRingBuffersSize",
     .help = "How many recent queries, and how many answers, are remembered",
     .params = PARAMS({.name = "num", .type = PARAM_INT, .max = UINT32_MAX, .least = 1, .outside = OUTSIDE_KEPT,
                       .why = "nothing is recorded: dynamic blocks and top...() see no query", .unit = "entries",
                        .help = "10000 if not set; 0: none"},
                      {.name = "shards", .type = PARAM_INT, .any = true, .optional = true,
                       .help = "accepted: each worker has its own"}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_rings_set_size},
    {.name = "setRingBuffersOptions",
     .help = "What is remembered",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = options}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_rings_set_options},
    {.name = "setRingBuffersLockRetries",
     .help = "Accepted: there are no locks",
     .params = PARAMS({.name = "num", .type = PARAM_INT, .any = true}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_rings_set_lock_retries},
    {.name = "getRingBuffersSamplingRate",
     .help = "One in how many is remembered; 0: all",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_rings_get_sampling_rate},
    {.name = "getRingEntries",
     .help = "All remembered queries and answers, oldest first",
     .returns = "LuaRingEntry[]",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_rings_get_entries},
    {.name = "getResponseRing",
     .help = "The remembered answers as tables with name, qtype, rcode (-1: none came) and usec",
     .returns = "table[]",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_rings_get_response_ring},
    {.name = "getRespRing",
     .help = "The remembered answers as tables with qname and rcode as texts",
     .params = PARAMS({.name = "rcode", .type = PARAM_INT, PARAM_RCODE, .optional = true, .help = "of this rcode alone"}),
     .returns = "table[]",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_rings_get_resp_ring},
    {.name = NULL}};

// ---- the names and clients that the rings hold most of, printed (top...) and as tables (getTop...) ----

// A row of either form. The text is a name's, an address's, or "Rest".
typedef void (*put_row_fn)(struct call *, size_t rank, const char *text, uint64_t count, double percent);

static void
bind_rings_print_row(struct call *c, size_t rank, const char *text, uint64_t count, double percent)
{
  (void)c;
  text_printf(binder_output(), "%4zu  %-40s %4llu %4.1f%%\n", rank, text, (unsigned long long)count, percent);
}

static void
bind_rings_push_row(struct call *c, size_t rank, const char *text, uint64_t count, double percent)
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
bind_rings_put_rows(struct call *c, const struct tally *t, put_row_fn put)
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
bind_rings_finish(struct call *c, struct tally *t)
{
  tally_sort(t);
  if (c->function->returns == NULL) {
    bind_rings_put_rows(c, t, bind_rings_print_row);
  } else {
    lua_newtable(c->lua);
    bind_rings_put_rows(c, t, bind_rings_push_row);
  }
  tally_fini(t);
  return c->function->returns != NULL;
}

static int
bind_rings_names(struct call *c, struct ring_count what, const struct value *labels)
{
  struct tally t;
  what.cut = labels->given && labels->integer >= 0;
  what.labels = (unsigned)(labels->integer < NAME_MAX_LABELS ? labels->integer : NAME_MAX_LABELS);
  tally_init(&t, true);
  ring_count(&t, &what);
  return bind_rings_finish(c, &t);
}

static int
bind_rings_queries(struct call *c)
{
  return bind_rings_names(c, (struct ring_count){.kind = RING_QUERIES}, &c->args[1]);
}

static int
bind_rings_responses(struct call *c)
{
  struct ring_count what = {.kind = RING_ANSWERS, .filter = RING_OF_RCODE, .number = (uint64_t)c->args[1].integer};
  return bind_rings_names(c, what, &c->args[2]);
}

static struct ring_count
bind_rings_slower_than(int64_t ms)
{
  uint64_t least = ms < 0 ? UINT32_MAX : (uint64_t)ms;
  return (struct ring_count){.kind = RING_ANSWERS, .filter = RING_SLOWER, .number = least < UINT32_MAX ? least * 1000 : least};
}

static int
bind_rings_slow(struct call *c)
{
  return bind_rings_names(c, bind_rings_slower_than(c->args[1].integer), &c->args[2]);
}

static int
bind_rings_timeouts(struct call *c)
{
  return bind_rings_names(c, (struct ring_count){.kind = RING_ANSWERS, .filter = RING_TIMEOUTS}, &c->args[1]);
}

static int
bind_rings_get_slow(struct call *c)
{
  struct ring_count what = bind_rings_slower_than(c->args[1].integer);
  if (c->args[3].boolean)
    what.filter = RING_TIMEOUTS;
  return bind_rings_names(c, what, &c->args[2]);
}

static int
bind_rings_clients(struct call *c)
{
  struct tally t;
  tally_init(&t, false);
  ring_count(&t, &(struct ring_count){.kind = RING_QUERIES});
  return bind_rings_finish(c, &t);
}

static int
bind_rings_bandwidth(struct call *c)
{
  struct tally t;
  tally_init(&t, false);
  ring_count(&t, &(struct ring_count){.kind = RING_QUERIES, .bytes = true});
  ring_count(&t, &(struct ring_count){.kind = RING_ANSWERS, .bytes = true});
  return bind_rings_finish(c, &t);
}

static int
bind_rings_show_latency(struct call *c)
{
  (void)c;
  ring_latency_text(binder_output());
  return 0;
}

#define TOP {.name = "top", .type = PARAM_INT, PARAM_NO_LIMIT_64, .optional = true, .fallback = "10",                  \
   .help = "rows; the others are summed up"}
#define NUM {.name = "top", .type = PARAM_INT, PARAM_NO_LIMIT_64, .help = "rows; the others are summed up"}
#define LABELS {.name = "labels", .type = PARAM_INT, .most = INT64_MAX, .optional = true,                              \
   .help = "count names by their last labels alone"}
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
    SHOW("topQueries", "Print the names most asked for", bind_rings_queries, TOP, LABELS),
    GET("getTopQueries", "The rows of topQueries(): name, count, percentage", bind_rings_queries, NUM, LABELS),
    SHOW("topResponses", "Print the names most answered with an rcode", bind_rings_responses, TOP,
         {.name = "rcode", .type = PARAM_INT, PARAM_RCODE, .optional = true, .fallback = "0"}, LABELS),
    GET("getTopResponses", "The rows of topResponses()", bind_rings_responses, NUM, {.name = "rcode",
                                                            .type = PARAM_INT, PARAM_RCODE},
        LABELS),
    SHOW("topSlow", "Print the names most answered slowly; time-outs do not count", bind_rings_slow, TOP,
         {.name = "limit", .type = PARAM_INT, .most = INT64_MAX, .optional = true, .fallback = "500", .unit = "ms"}, LABELS),
    GET("getSlowResponses", "The rows of topSlow(), or of topTimeouts()", bind_rings_get_slow, NUM,
        {.name = "limit", .type = PARAM_INT, .most = INT64_MAX, .unit = "ms"}, LABELS,
        {.name = "timeouts", .type = PARAM_BOOL, .optional = true, .help = "the time-outs instead"}),
    SHOW("topTimeouts", "Print the names whose queries timed out most", bind_rings_timeouts, TOP, LABELS),
    SHOW("topClients", "Print the clients that asked most", bind_rings_clients, TOP),
    SHOW("topBandwidth", "Print the clients with most bytes of queries and answers", bind_rings_bandwidth, TOP),
    GET("getTopBandwidth", "The rows of topBandwidth(): client, bytes, percentage", bind_rings_bandwidth, NUM),
    {.name = "showResponseLatency",
     .help = "Print a histogram of the latencies of recent answers",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_rings_show_latency},
    {.name = NULL}};

// ---- exceed...(): the clients above a rate in the last seconds, for addDynBlocks() ----

// Seconds that the rate is multiplied with; without a span it is that of the ring.
static double
bind_rings_span_of(int64_t seconds, uint64_t now_us, uint64_t oldest_us)
{
  if (seconds > 0)
    return (double)seconds;
  return oldest_us < now_us ? (double)(now_us - oldest_us) / 1e6 : 0;
}

// Clients and their counts.
static int
bind_rings_push_above(struct call *c, const struct tally *t, double limit)
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
bind_rings_exceed(struct call *c, struct ring_count what, const struct value *args)
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
      bind_rings_push_above(c, &t, bind_rings_span_of(seconds, now_us, oldest_us) * (rate < 0 ? 1e18 : (double)rate));
  tally_fini(&t);
  return results;
}

static int
bind_rings_exceed_queries(struct call *c)
{
  return bind_rings_exceed(c, (struct ring_count){.kind = RING_QUERIES}, c->args);
}

static int
bind_rings_qtype(struct call *c)
{
  struct ring_count what = {.kind = RING_QUERIES, .filter = RING_OF_QTYPE, .number = (uint16_t)c->args[0].integer};
  return bind_rings_exceed(c, what, c->args + 1);
}

static int
bind_rings_nxdomains(struct call *c)
{
  return bind_rings_exceed(c, (struct ring_count){.kind = RING_ANSWERS, .filter = RING_OF_RCODE, .number = RCODE_NXDOMAIN},
                           c->args);
}

static int
bind_rings_servfails(struct call *c)
{
  return bind_rings_exceed(c, (struct ring_count){.kind = RING_ANSWERS, .filter = RING_OF_RCODE, .number = RCODE_SERVFAIL},
                           c->args);
}

static int
bind_rings_bytes(struct call *c)
{
  return bind_rings_exceed(c, (struct ring_count){.kind = RING_ANSWERS, .bytes = true}, c->args);
}

#define RATE(measure) {.name = "rate", .type = PARAM_INT, PARAM_NO_LIMIT_64, .unit = measure, .help = "allowed for each client"}
#define SECONDS {.name = "seconds", .type = PARAM_INT, .most = INT64_MAX, .unit = "s",                                 \
   .help = "how far to look back; 0: as far as the ring goes"}
#define EXCEED(word, words, function, ...)                                                                             \
  {                                                                                                                    \
    .name = word, .help = words, .params = PARAMS(__VA_ARGS__), .returns = "table<ComboAddress, integer>",             \
    .flags = FUNCTION_NO_EFFECT, .call = function                                                                      \
  }

const struct lua_function functions_exceed[] = {
    EXCEED("exceedQRate", "Clients above a rate of queries, with their counts", bind_rings_exceed_queries, RATE("q/s"), SECONDS),
    EXCEED("exceedQTypeRate", "Clients above a rate of queries of a type", bind_rings_qtype,
           {.name = "type", .type = PARAM_INT, PARAM_MODULO_16, .help = "DNSQType"}, RATE("q/s"), SECONDS),
    EXCEED("exceedNXDOMAINs", "Clients above a rate of NXDomain answers", bind_rings_nxdomains, RATE("answers/s"), SECONDS),
    EXCEED("exceedServFails", "Clients above a rate of ServFail answers", bind_rings_servfails, RATE("answers/s"), SECONDS),
    EXCEED("exceedRespByterate", "Clients above a rate of bytes in answers", bind_rings_bytes, RATE("bytes/s"), SECONDS),
    {.name = NULL}};

// ---- grepq(): recent queries and answers that match ----

enum { OUTPUT_FILE };

static const struct param grepq_options[] = {
    [OUTPUT_FILE] = {.name = "outputFile",
                     .type = PARAM_STRING,
                     .optional = true,
                     .help = "write the table to this new file instead of the console"},
    {.type = PARAM_END}};

static bool
bind_rings_write_all(int fd, const char *data, size_t size)
{
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    data += n;
    size -= (size_t)n;
  }
  return true;
}

static void
bind_rings_write_file(const struct call *c, const char *path, const struct text *table)
{
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) {
    binder_refuse(c->function->name, "Error opening the file for writing: %s", strerror(errno));
    return;
  }
  bool good = bind_rings_write_all(fd, table->data, table->size);
  int error = errno;
  if (close(fd) != 0 || !good)
    binder_refuse(c->function->name, "Error writing the file: %s", strerror(good ? errno : error));
}

static int
bind_rings_grepq(struct call *c)
{
  struct ring_grep grep = {.limit = c->args[1].integer > 0 ? (uint64_t)c->args[1].integer : 0};
  const struct value *filters = &c->args[0];
  for (size_t i = 0; i < filters->list.count; i++) {
    const struct bytes *text = &filters->list.strings[i];
    if (!ring_grep_add(&grep, text->data, text->size)) {
      binder_refuse(c->function->name, "'%s' is no netmask, no time such as 100ms, and no domain", text->data);
      return 0;
    }
  }
  if (!c->args[2].given || !c->args[2].options[OUTPUT_FILE].given) {
    ring_grep_text(&grep, binder_output());
    return 0;
  }
  struct text table;
  text_init(&table);
  ring_grep_text(&grep, &table);
  bind_rings_write_file(c, c->args[2].options[OUTPUT_FILE].string.data, &table);
  text_fini(&table);
  return 0;
}

const struct lua_function functions_grepq[] = {
    {.name = "grepq",
     .help = "Print recent queries and answers: of clients in a netmask, of names at or below a domain, slower than \"100ms\"",
     .params = PARAMS({.name = "filters", .type = PARAM_STRINGS, .help = "all must match; the last of each kind counts"},
                      {.name = "limit", .type = PARAM_INT, .most = INT64_MAX, .optional = true,
                       .help = "newest queries and newest answers"},
                      {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = grepq_options}),
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_rings_grepq},
    {.name = NULL}};
