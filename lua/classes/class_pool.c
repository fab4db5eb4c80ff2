// SPDX-License-Identifier: BSD-2-Clause
// ServerPool and the functions around pools: getPool, showPools, setPoolServerPolicy, caches of pools, client subnet.
//
// The handle is of the pool's name in the configuration that is edited, not of what workers have: each edit is one of
// pool_entry (backends/pool), taken back when the command fails. A pool is made when it is first named, as the dialect has
// it, and never removed. Lua lock.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"

#include <stdio.h>

// What a handle names: the pool, whichever entry of the draft it is now.
struct pool_name {
  char text[256];
};

static struct pool_entry *
class_pool_entry_of(const struct call *c)
{
  return pool_draft_get(&config()->pools, ((const struct pool_name *)c->self)->text);
}

static int
class_pool_get_cache(struct call *c)
{
  struct pool_entry *e = class_pool_entry_of(c);
  if (e->cache != NULL)
    binder_push_object(c->lua, e->cache);
  else
    binder_push_value(c->lua, &class_no_cache);
  return 1;
}

static int
class_pool_set_cache(struct call *c)
{
  pool_entry_set_cache(class_pool_entry_of(c), c->args[0].object);
  return 0;
}

static int
class_pool_unset_cache(struct call *c)
{
  pool_entry_set_cache(class_pool_entry_of(c), NULL);
  return 0;
}

static int
class_pool_get_ecs(struct call *c)
{
  bool use_ecs, zero_scope;
  pool_entry_agree(class_pool_entry_of(c), &use_ecs, &zero_scope);
  lua_pushboolean(c->lua, use_ecs);
  return 1;
}

static int
class_pool_set_ecs(struct call *c)
{
  struct pool_entry *e = class_pool_entry_of(c);
  pool_entry_edit(e);
  e->use_ecs = c->args[0].boolean;
  return 0;
}

static int
class_pool_get_zero_scope(struct call *c)
{
  bool use_ecs, zero_scope;
  pool_entry_agree(class_pool_entry_of(c), &use_ecs, &zero_scope);
  lua_pushboolean(c->lua, zero_scope);
  return 1;
}

static int
class_pool_set_zero_scope(struct call *c)
{
  struct pool_entry *e = class_pool_entry_of(c);
  pool_entry_edit(e);
  e->zero_scope = c->args[0].boolean;
  return 0;
}

static const struct lua_function methods[] = {
    {.name = "getCache",
     .help = "Its cache",
     .returns = "PacketCache",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_pool_get_cache},
    {.name = "setCache",
     .help = "Give it a cache",
     .params = PARAMS({.name = "cache", .type = PARAM_OBJECT, .class = &packet_cache_class}),
     .call = class_pool_set_cache},
    {.name = "unsetCache", .help = "Take its cache away", .call = class_pool_unset_cache},
    {.name = "getECS",
     .help = "Is client subnet added before the cache lookup",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_pool_get_ecs},
    {.name = "setECS",
     .help = "Set that, where its backends disagree",
     .params = PARAMS({.name = "use", .type = PARAM_BOOL}),
     .call = class_pool_set_ecs},
    {.name = "getZeroScope",
     .help = "Are scope-0 answers looked up",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_pool_get_zero_scope},
    {.name = "setZeroScope",
     .help = "Set that, where its backends disagree",
     .params = PARAMS({.name = "use", .type = PARAM_BOOL}),
     .call = class_pool_set_zero_scope},
    {.name = NULL}};

const struct lua_class class_pool = {
    .name = "ServerPool", .help = "A pool of backends", .size = sizeof(struct pool_name), .methods = methods};

// ---- functions ----

static int
class_pool_get_pool(struct call *c)
{
  if (c->args[0].string.size >= sizeof ((struct pool_name *)0)->text) // what the handle would name is another pool
    return call_fault(c, FAULT_CAUGHT, "The name of a pool has at most %zu bytes", sizeof ((struct pool_name *)0)->text - 1);
  struct pool_entry *e = pool_draft_get(&config()->pools, c->args[0].string.data);
  struct pool_name *name = binder_push_value(c->lua, &class_pool);
  snprintf(name->text, sizeof name->text, "%s", e->name);
  return 1;
}

static int
class_pool_get_pool_servers(struct call *c)
{
  const struct pool_entry *e = pool_draft_find(&config()->pools, c->args[0].string.data);
  if (e == NULL)
    return call_fault(c, FAULT_CAUGHT, "No pool named %s", c->args[0].string.data);
  lua_createtable(c->lua, (int)e->count, 0);
  for (uint32_t i = 0; i < e->count; i++) {
    binder_push_object(c->lua, e->backends[i]);
    lua_rawseti(c->lua, -2, (int)i + 1);
  }
  return 1;
}

// Newest first, the default pool last.
static int
class_pool_get_pool_names(struct call *c)
{
  lua_createtable(c->lua, (int)config()->pools.count, 0);
  for (uint32_t i = 0; i < config()->pools.count; i++) {
    lua_pushstring(c->lua, config()->pools.entries[config()->pools.count - 1 - i]->name);
    lua_rawseti(c->lua, -2, (int)i + 1);
  }
  return 1;
}

static void
class_pool_add_servers(const struct pool_entry *e, struct text *out)
{
  for (uint32_t i = 0; i < e->count; i++) {
    char address[ADDRESS_TEXT_SIZE];
    const char *name = backend_name(e->backends[i]);
    text_printf(out, "%s%s%s%s", i > 0 ? ", " : "", name, name[0] != '\0' ? " " : "",
                address_text_with_port(&e->backends[i]->options.address, address));
  }
}

static void
class_pool_add_pool(const struct pool_entry *e, struct text *out)
{
  char cache[48] = "";
  const struct policy *policy = e->policy != NULL ? e->policy : config()->pools.default_policy;
  if (e->cache != NULL) {
    struct packet_cache_stats stats;
    packet_cache_stats(e->cache, &stats);
    snprintf(cache, sizeof cache, "%llu/%llu", (unsigned long long)stats.entries,
             (unsigned long long)stats.max_entries);
  }
  text_printf(out, "%-20.20s     %20s %20s ", e->name, cache,
              policy == NULL ? builtin_policies[0]->name : policy->name);
  class_pool_add_servers(e, out);
  text_puts(out, "\n");
}

static int
class_pool_show_pools(struct call *c)
{
  (void)c;
  text_printf(binder_output(), "%-20s     %20s %20s %s\n", "Name", "Cache", "ServerPolicy", "Servers");
  for (uint32_t i = config()->pools.count; i-- > 0;)
    class_pool_add_pool(config()->pools.entries[i], binder_output());
  return 0;
}

#define POOL_PARAMS PARAMS({.name = "pool", .type = PARAM_STRING, .help = "its name; empty: the default pool"})

const struct lua_function functions_pools[] = {
    {.name = "getPool",
     .help = "A pool, made if there is none of that name",
     .params = POOL_PARAMS,
     .returns = "ServerPool",
     .call = class_pool_get_pool},
    {.name = "getPoolServers",
     .help = "The backends of a pool, in its order",
     .params = POOL_PARAMS,
     .returns = "table",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_pool_get_pool_servers},
    {.name = "getPoolNames",
     .help = "The names of all pools",
     .returns = "table",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_pool_get_pool_names},
    {.name = "showPools", .help = "Print the pools", .flags = FUNCTION_NO_EFFECT, .call = class_pool_show_pools},
    {.name = NULL}};
