// SPDX-License-Identifier: BSD-2-Clause
// Backends from the outside: getServer, getServers, rmServer, showServers, and how they are told of.
//
// A backend is named by position, name, UUID or address. showServers() is one row each, of figures that are summed over
// workers while they count. Removing one is an edit: it leaves all pools and is retired when the command is published. Lua
// lock.
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"
#include "lua/functions/functions.h"
#include "lua/scripts/callbacks.h"

#include <stdlib.h>
#include <string.h>

static struct backend *
bind_servers_find_by_uuid(const struct uuid *id)
{
  for (uint32_t i = 0; i < config()->pools.backend_count; i++)
    if (uuid_equal(&config()->pools.backends[i]->options.id, id))
      return config()->pools.backends[i];
  return NULL;
}

// The console client has no backends: what a script asks of one is answered by a stand-in.
static int
bind_servers_push_stand_in(struct call *c)
{
  struct backend_options options;
  backend_options_default(&options);
  address_parse(&options.address, "127.0.0.1", 53, &c->fault);
  binder_push_object(c->lua, call_own(c, backend_new(&options)));
  return 1;
}

static int
bind_servers_get_server(struct call *c)
{
  const struct value *key = &c->args[0];
  struct uuid id;
  if (key->is_text && !uuid_parse(&id, key->string.data))
    return call_fault(c, FAULT_CAUGHT, "invalid uuid string");
  uint32_t count = config()->pools.backend_count;
  struct backend *b = NULL;
  if (key->is_text)
    b = bind_servers_find_by_uuid(&id);
  else if (key->integer >= 0 && key->integer < count)
    b = config()->pools.backends[key->integer];
  if (b == NULL && config()->phase == PHASE_CLIENT)
    return bind_servers_push_stand_in(c);
  if (b == NULL && key->is_text)
    binder_refuse(c->function->name, "Error: no server matched");
  else if (b == NULL)
    binder_refuse(c->function->name, "Error: trying to retrieve server %llu while there is only %userver%s",
                  (unsigned long long)(key->integer < 0 ? (int64_t)(uint32_t)key->integer : key->integer), count, "s");
  binder_push_object(c->lua, b);
  return 1;
}

static int
bind_servers_get_servers(struct call *c)
{
  lua_createtable(c->lua, (int)config()->pools.backend_count, 0);
  for (uint32_t i = 0; i < config()->pools.backend_count; i++) {
    binder_push_object(c->lua, config()->pools.backends[i]);
    lua_rawseti(c->lua, -2, (int)i + 1);
  }
  return 1;
}

static bool
bind_servers_server_argument(struct call *c, struct backend **b)
{
  static const struct param row = {.name = "server", .type = PARAM_INDEX};
  struct value key;
  struct uuid id;
  *b = binder_test(c->lua, 1, &class_server);
  if (*b != NULL)
    return true;
  if (!call_read(c, 1, &row, &key))
    return false;
  if (key.is_text) {
    if (!uuid_parse(&id, key.string.data))
      return fault_set(&c->fault, FAULT_CAUGHT, "invalid uuid string");
    *b = bind_servers_find_by_uuid(&id);
    return *b != NULL || fault_set(&c->fault, FAULT_CAUGHT, "no server matched");
  }
  uint32_t count = config()->pools.backend_count;
  if (key.integer < 0 || key.integer >= count)
    return fault_set(&c->fault, FAULT_CAUGHT,
                     "vector::_M_range_check: __n (which is %llu) >= this->size() (which is %u)",
                     (unsigned long long)key.integer, count);
  *b = config()->pools.backends[key.integer];
  return true;
}

static int
bind_servers_rm_server(struct call *c)
{
  struct backend *b;
  if (!bind_servers_server_argument(c, &b))
    return -1;
  pool_draft_remove_backend(&config()->pools, b);
  return 0;
}

// ---- showServers ----

static void
bind_servers_add_latency(struct text *out, double us)
{
  if (us > 0)
    text_printf(out, "%5.1f ", us / 1000);
  else
    text_printf(out, "%5s ", "-");
}

static const char *
bind_servers_state_word(const struct backend *b)
{
  if (b->missing)
    return "down"; // whatever was forced
  switch (atomic_load_explicit(&b->forced, memory_order_relaxed)) {
  case FORCED_UP:
    return "UP";
  case FORCED_DOWN:
    return "DOWN";
  default:
    return backend_is_up(b) ? "up" : "down";
  }
}

static bool
bind_servers_pool_has(const struct pool_entry *e, const struct backend *b)
{
  for (uint32_t i = 0; i < e->count; i++)
    if (e->backends[i] == b)
      return true;
  return false;
}

static void
bind_servers_add_pools(const struct backend *b, struct text *out)
{
  size_t start = out->size;
  for (uint32_t i = 0; i < config()->pools.count; i++)
    if (bind_servers_pool_has(config()->pools.entries[i], b)) // the default pool has no name and leaves no gap
      text_printf(out, "%s%s", out->size > start ? " " : "", config()->pools.entries[i]->name);
}

static void
bind_servers_add_server(uint32_t position, const struct backend *b, bool uuids, struct text *out)
{
  char address[ADDRESS_TEXT_SIZE], uuid[UUID_TEXT_SIZE];
  const struct backend_limit *limit = atomic_load_explicit(&b->qps, memory_order_acquire);
  text_printf(out, "%-3u ", position);
  if (uuids)
    text_printf(out, "%-36s ", uuid_text(&b->options.id, uuid));
  text_printf(out, "%-20.20s %-44s %5s %7.1f %7.0f %10d %10d %10llu %7llu %5.1f ", backend_name(b),
              address_text_with_port(&b->options.address, address), bind_servers_state_word(b),
              atomic_load_explicit(&b->qps_now, memory_order_relaxed),
              limit != NULL && limit->limited ? limit->bucket.rate : 0, b->order, b->weight,
              (unsigned long long)backend_queries(b), (unsigned long long)backend_drops(b),
              atomic_load_explicit(&b->drop_rate_now, memory_order_relaxed));
  bind_servers_add_latency(out, backend_latency_us(b, false));
  bind_servers_add_latency(out, backend_latency_us(b, true));
  text_printf(out, "%11llu ", (unsigned long long)backend_outstanding(b));
  bind_servers_add_pools(b, out);
  text_puts(out, "\n");
}

static void
bind_servers_add_sums(bool uuids, struct text *out)
{
  uint64_t qps = 0, queries = 0, drops = 0;
  for (uint32_t i = 0; i < config()->pools.backend_count; i++) {
    const struct backend *b = config()->pools.backends[i];
    qps += (uint64_t)atomic_load_explicit(&b->qps_now, memory_order_relaxed);
    queries += backend_queries(b);
    drops += backend_drops(b);
  }
  text_printf(out, "%-3s ", "All");
  if (uuids)
    text_printf(out, "%-36s ", "");
  text_printf(out, "%-20s %-44s %5s %7.1f %7s %10s %10s %10llu %7llu %5s %5s %5s %11s \n", "", "", "", (double)qps, "",
              "", "", (unsigned long long)queries, (unsigned long long)drops, "", "", "", "");
}

static int
bind_servers_show_servers(struct call *c)
{
  bool uuids = c->args[0].given && c->args[0].options[0].boolean;
  struct text *out = binder_output();
  text_printf(out, "%-3s ", "#");
  if (uuids)
    text_printf(out, "%-36s ", "UUID");
  text_printf(out, "%-20s %-44s %5s %7s %7s %10s %10s %10s %7s %5s %5s %5s %11s %s\n", "Name", "Address", "State",
              "Qps", "Qlim", "Ord", "Wt", "Queries", "Drops", "Drate", "Lat", "TCP", "Outstanding", "Pools");
  for (uint32_t i = 0; i < config()->pools.backend_count; i++)
    bind_servers_add_server(i, config()->pools.backends[i], uuids, out);
  bind_servers_add_sums(uuids, out);
  return 0;
}

static int
bind_servers_add_state_callback(struct call *c)
{
  callbacks_add(CALLBACK_SERVER_STATE, c->args[0].object);
  return 0;
}

static const struct param show_options[] = {
    {.name = "showUUIDs", .type = PARAM_BOOL, .optional = true, .help = "add the column UUID"}, {.type = PARAM_END}};

const struct lua_function functions_servers[] = {
    {.name = "newServer",
     .help = "Create a backend and put it into its pools",
     .params = PARAMS(
         {.name = "server", .type = PARAM_ANY, .options = server_options, .help = "address, or table of options"},
         {.name = "qps", .type = PARAM_INT, .most = UINT32_MAX, .optional = true, .unit = "q/s", .help = "limit, with an address"}),
     .returns = "Server",
     .call = new_server},
    {.name = "getServer",
     .help = "Backend by its position in showServers() or by UUID",
     .params = PARAMS({.name = "server", .type = PARAM_INDEX}),
     .returns = "Server",
     .call = bind_servers_get_server},
    {.name = "getServers",
     .help = "All backends, in the order of showServers()",
     .returns = "table",
     .call = bind_servers_get_servers},
    {.name = "rmServer",
     .help = "Take a backend out of every pool and stop it",
     .params = PARAMS({.name = "server", .type = PARAM_ANY, .help = "position, UUID or Server"}),
     .call = bind_servers_rm_server},
    {.name = "showServers",
     .help = "Print the backends",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = show_options}),
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_servers_show_servers},
    {.name = "addServerStateChangeCallback",
     .help = "Call a function with name and new state when a health check changes a backend's state",
     .params = PARAMS({.name = "callback", .type = PARAM_FUNCTION}),
     .call = bind_servers_add_state_callback},
    {.name = NULL},
};
