// SPDX-License-Identifier: BSD-2-Clause
// getQueryCounters(), clearQueryCounters(), and the user's function that says what counts.
#include "dnsproxy/base/epoch.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/draft.h"
#include "dnsproxy/guard/query_counts.h"
#include "lua/binder/classes.h"
#include "lua/scripts/query_filter.h"
#include "lua/scripts/script_call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---- the filter ----

// Workers read it inside of an epoch: one that is replaced is dropped when they have all moved on.
static struct script *_Atomic filter;
struct replaced {
  struct replaced *next;
  struct script *script;
  uint64_t stamp;
};
static struct replaced *replaced; // Lua lock

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
bind_query_counts_ask_filter(struct query *q, char key[QUERY_COUNT_KEY_SIZE], size_t *size)
{
  struct script *script = atomic_load_explicit(&filter, memory_order_acquire);
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

static void
bind_query_counts_drop_replaced(bool all)
{
  for (struct replaced **at = &replaced; *at != NULL;) {
    struct replaced *r = *at;
    if (!all && !epoch_passed(r->stamp)) {
      at = &r->next;
      continue;
    }
    *at = r->next;
    object_unref(&r->script);
    free(r);
  }
}

static void
bind_query_counts_retire(struct script *old)
{
  if (old == NULL)
    return;
  struct replaced *r = memory_new(sizeof *r);
  *r = (struct replaced){.next = replaced, .script = old, .stamp = epoch_stamp()};
  replaced = r;
}

// The filter before, for a transaction that is taken back; a reference, or NULL.
static void
bind_query_counts_filter_back(void *room)
{
  struct script **was = room;
  bind_query_counts_retire(atomic_exchange(&filter, *was));
  *was = NULL;
}

static void
bind_query_counts_filter_gone(void *room)
{
  object_unref((struct script **)room);
}

static int
bind_query_counts_set_filter(struct call *c)
{
  struct script *script = object_ref(c->args[0].object);
  script_used_by(script, "setQueryCountFilter", true);
  struct script **was = undo_record(sizeof *was, bind_query_counts_filter_back, bind_query_counts_filter_gone);
  if (was != NULL)
    *was = object_ref(atomic_load(&filter));
  bind_query_counts_retire(atomic_exchange(&filter, script));
  query_counts_use_filter(bind_query_counts_ask_filter);
  bind_query_counts_drop_replaced(false);
  return 0;
}

void
query_filter_close(void)
{
  query_counts_close();
  bind_query_counts_retire(atomic_exchange(&filter, NULL));
  bind_query_counts_drop_replaced(true);
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
              draft.settings.query_count ? "enabled" : "disabled", count);
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
     .params = PARAMS({.name = "max", .type = PARAM_INT, .optional = true, .fallback = "10", .help = "how many at most"}),
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_query_counts_show_counters},
    {.name = "clearQueryCounters",
     .help = "Forget how often names were asked for",
     .call = bind_query_counts_clear_counters},
    {.name = NULL}};
