// SPDX-License-Identifier: BSD-2-Clause
// getQueryCounters(), clearQueryCounters(), setQueryCount(), and the user's function that says what counts.
//
// Counting is guard/query_counts, per worker; the filter is a function of the user's, called on the worker for each query,
// in its copy there or in the shared state. Reading merges all workers' tables. Lua lock.
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/guard/query_counts.h"
#include "lua/binder/classes.h"
#include "lua/scripts/script_call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---- the filter ----

static bool
bind_query_counts_read_answer(struct script_call *call, char *key, size_t *size, bool *counts)
{
  lua_State *lua = call->lua;
  if (!lua_isboolean(lua, -2) || !(lua_isstring(lua, -1) || !lua_toboolean(lua, -2))) {
    call->error = "the function must return true or false, and a string";
    return false;
  }
  *counts = lua_toboolean(lua, -2);
  if (!*counts)
    return true;
  const char *text = lua_tolstring(lua, -1, size);
  if (*size >= QUERY_COUNT_KEY_SIZE)
    *size = QUERY_COUNT_KEY_SIZE - 1;
  memcpy(key, text, *size);
  return true;
}

static bool
bind_query_counts_ask_filter(struct script *script, struct query *q, char key[QUERY_COUNT_KEY_SIZE], size_t *size)
{
  struct script_call call;
  bool counts = false, good = script_call_begin(&call, script, q, SIDE_QUERY);
  if (good) {
    script_call_push_question(&call);
    good = script_call_run(&call, 1, 2) && bind_query_counts_read_answer(&call, key, size, &counts);
  }
  if (!good)
    script_report(SCRIPT_QUERY_COUNT, call.error, script_where(script), q);
  script_call_end(&call);
  return counts;
}

static int
bind_query_counts_set_filter(struct call *c)
{
  struct configuration *here = config();
  undo_object(&here->query_filter);
  object_unref(&here->query_filter);
  here->query_filter = object_ref(c->args[0].object);
  script_used_by(here->query_filter, "setQueryCountFilter", true);
  query_counts_use_filter(bind_query_counts_ask_filter);
  here->changed = true;
  return 0;
}

// ---- what was counted ----

static int
bind_query_counts_show_counters(struct call *c)
{
  struct query_count *rows;
  uint64_t missed;
  struct text *out = binder_output();
  size_t count = query_counts_read(&rows, &missed);
  int64_t top = c->args[0].integer;
  text_printf(out, "query counting is currently: %s (%zu records in buffer)\n",
              config()->settings.query_count ? "enabled" : "disabled", count);
  for (size_t i = 0; i < count && (int64_t)i < top; i++)
    text_printf(out, "%-3zu %s: %" PRIu64 " request(s)\n", i + 1, rows[i].key, rows[i].count);
  if (missed > 0)
    text_printf(out, "%" PRIu64 " more request(s) found no room in the buffer\n", missed);
  query_counts_free(&rows, count);
  return 0;
}

static int
bind_query_counts_clear_counters(struct call *c)
{
  (void)c;
  text_printf(binder_output(), "%zu records cleared from query counter buffer\n", query_counts_keys());
  query_counts_clear();
  return 0;
}

const struct lua_function functions_query_counts[] = {
    {.name = "setQueryCountFilter",
     .help = "Count queries only if the function says so, and under the key that it gives",
     .params = PARAMS({.name = "filter",
                       .type = PARAM_FUNCTION,
                       .help = "function(dq) that returns whether the query counts, and its key"}),
     .call = bind_query_counts_set_filter},
    {.name = "getQueryCounters",
     .help = "Print how often each name was asked for, while setQueryCount(true)",
     .params = PARAMS({.name = "max", .type = PARAM_INT, .most = INT64_MAX, .optional = true, .fallback = "10",
                       .help = "how many at most"}),
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_query_counts_show_counters},
    {.name = "clearQueryCounters",
     .help = "Forget how often names were asked for",
     .call = bind_query_counts_clear_counters},
    {.name = NULL}};
