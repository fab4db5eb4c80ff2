// SPDX-License-Identifier: BSD-2-Clause
// Where users' functions run: showLuaFunctions(), setLuaCopies(), perThread().
//
// The table says of each function that rules call whether it has a copy on every worker or runs in the shared state, and
// why: the first thing that it shares (scripts/purity). perThread(f) declares that it shares nothing, and is refused with
// the reason if it does. Lua lock.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "lua/binder/binder.h"
#include "lua/binder/library.h"
#include "lua/scripts/copies.h"
#include "lua/scripts/purity.h"
#include "lua/scripts/scripts.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

struct row {
  char *where, *reason;
  const char *user;
  bool copied;
  uint64_t calls, errors, mean_us;
};
struct rows {
  struct row *items;
  size_t count;
};

static void
bind_scripts_sum_counts(const struct script *s, struct row *row)
{
  const struct script_counts *counts = atomic_load_explicit(&s->counts, memory_order_acquire);
  uint64_t sampled = 0, us = 0;
  for (unsigned i = 0; counts != NULL && i <= worker_count(); i++) {
    row->calls += atomic_load_explicit(&counts[i].calls, memory_order_relaxed);
    row->errors += atomic_load_explicit(&counts[i].errors, memory_order_relaxed);
    sampled += atomic_load_explicit(&counts[i].sampled_calls, memory_order_relaxed);
    us += atomic_load_explicit(&counts[i].sampled_us, memory_order_relaxed);
  }
  row->mean_us = sampled == 0 ? 0 : us / sampled;
}

static void
bind_scripts_add_row(struct script *s, void *arg)
{
  struct rows *rows = arg;
  if (s->user == NULL)
    return;
  rows->items = memory_resize(rows->items, rows->count + 1, sizeof *rows->items);
  struct row *row = &rows->items[rows->count++];
  *row = (struct row){.where = memory_string(s->where),
                      .reason = memory_string(s->reason),
                      .user = s->user,
                      .copied = atomic_load_explicit(&s->mode, memory_order_relaxed) == SCRIPT_COPIED};
  bind_scripts_sum_counts(s, row);
}

// The oldest come last in the list of those alive.
static int
bind_scripts_show_functions(struct call *c)
{
  struct rows rows = {0};
  struct text *out = binder_output();
  (void)c;
  scripts_each(control_scripts()->list, bind_scripts_add_row, &rows);
  text_printf(out, "%-32s %-24s %-8s %12s %9s %9s %s\n", "Function", "Used by", "Mode", "Calls", "Errors", "Mean us", "Reason");
  for (size_t i = rows.count; i > 0; i--) {
    struct row *row = &rows.items[i - 1];
    text_printf(out, "%-32s %-24s %-8s %12" PRIu64 " %9" PRIu64 " %9" PRIu64 " %s\n", row->where, row->user,
                row->copied ? "copied" : "shared", row->calls, row->errors, row->mean_us,
                row->reason == NULL ? "" : row->reason);
    free(row->where);
    free(row->reason);
  }
  free(rows.items);
  return 0;
}

static void
bind_scripts_copies_back(void *was)
{
  control_scripts()->copies.enabled = *(const bool *)was;
  copies_touched();
}

static int
bind_scripts_set_copies(struct call *c)
{
  bool *was = undo_record(sizeof *was, bind_scripts_copies_back, NULL);
  if (was != NULL)
    *was = control_scripts()->copies.enabled;
  control_scripts()->copies.enabled = c->args[0].boolean;
  copies_touched();
  return 0;
}

// What it says is checked where it is said, so that whoever reads the configuration can rely on it.
static int
bind_scripts_per_thread(struct call *c)
{
  script_push(c->lua, c->args[0].object);
  if (lua_iscfunction(c->lua, -1))
    return call_fault(c, FAULT_CAUGHT, "perThread() takes a Lua function, not one of a library");
  struct purity found;
  library_look(c->lua);
  purity_find(c->lua, -1, &found);
  bool shares = found.shares;
  if (shares)
    call_fault(c, FAULT_CAUGHT, "perThread(): this function cannot run on every thread by itself: it %s", found.reason);
  purity_fini(&found);
  return shares ? -1 : 1;
}

const struct lua_function functions_scripts[] = {
    {.name = "perThread",
     .help = "Declare that a function shares nothing, so that rules and policies run copies of it on all threads; one that "
             "shares is refused with the reason",
     .params = PARAMS({.name = "function", .type = PARAM_FUNCTION, .help = "given back as it is"}),
     .returns = "function",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_scripts_per_thread},
    {.name = "showLuaFunctions",
     .help = "Print the Lua functions that queries call: whether each runs in copies on all threads, or shared and why",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_scripts_show_functions},
    {.name = "setLuaCopies",
     .help = "Whether functions that share nothing may run in copies on all threads; false: all under the shared lock",
     .params = PARAMS({.name = "enable", .type = PARAM_BOOL}),
     .call = bind_scripts_set_copies},
    {.name = NULL},
};
