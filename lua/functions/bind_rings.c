// SPDX-License-Identifier: BSD-2-Clause
// The rings as they are: their options, and all their entries as tables.
#include "dnsproxy/guard/rings.h"
#include "lua/binder/classes.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOCK_RETRIES, RECORD_QUERIES, RECORD_RESPONSES, SAMPLING_RATE };

static const struct param options[] = {
    [LOCK_RETRIES] = {.name = "lockRetries", .type = PARAM_INT, .optional = true, .help = "accepted: there are no locks"},
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
  rings_options.size = (uint32_t)c->args[0].integer;
  return 0;
}

static int
bind_rings_set_options(struct call *c)
{
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
     .params = PARAMS({.name = "num", .type = PARAM_INT, .max = UINT32_MAX, .unit = "entries", .help = "10000 if not set; 0: none"},
                      {.name = "shards", .type = PARAM_INT, .optional = true, .help = "accepted: each worker has its own"}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_rings_set_size},
    {.name = "setRingBuffersOptions",
     .help = "What is remembered",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = options}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_rings_set_options},
    {.name = "setRingBuffersLockRetries",
     .help = "Accepted: there are no locks",
     .params = PARAMS({.name = "num", .type = PARAM_INT}),
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
     .params = PARAMS({.name = "rcode", .type = PARAM_INT, .optional = true, .help = "of this rcode alone"}),
     .returns = "table[]",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_rings_get_resp_ring},
    {.name = NULL}};
