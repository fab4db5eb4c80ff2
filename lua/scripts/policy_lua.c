// SPDX-License-Identifier: BSD-2-Clause
// Policies that ask a user's function, and the tables of servers that such functions are given.
#include "lua/scripts/policy_lua.h"

#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"
#include "lua/scripts/script_call.h"
#include "lua/scripts/script_host.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "dnsproxy/base/memory.h"

// ---- the table of servers of a pool, kept from query to query ----

enum { TABLES = 64 };

// Of a state. A slot holds a pool, so that its address stays its own.
struct server_table {
  const struct pool *pool; // NULL: free
  int reference;           // into the registry
  const void **handles;    // what the table held when it was made: functions may have changed it
};

static struct server_table *
policy_lua_slot_of(const struct script_host *host, const struct pool *pool)
{
  return &host->servers[((uintptr_t)pool >> 6) * 0x9e3779b97f4a7c15u >> 58];
}

static void
policy_lua_slot_clear(lua_State *lua, struct server_table *t)
{
  if (t->pool == NULL)
    return;
  if (lua != NULL)
    luaL_unref(lua, LUA_REGISTRYINDEX, t->reference);
  free(t->handles);
  object_unref(&t->pool);
  t->handles = NULL;
}

// Pools that only a slot still knows are of the past.
static void
policy_lua_sweep(const struct script_host *host)
{
  for (unsigned i = 0; i < TABLES; i++)
    if (host->servers[i].pool != NULL && object_refs(host->servers[i].pool) == 1)
      policy_lua_slot_clear(host->lua, &host->servers[i]);
}

// Protected: may run out of memory. The arguments are the slot and the pool; leaves the slot filled.
static int
policy_lua_make_table(lua_State *lua)
{
  struct server_table *t = lua_touserdata(lua, 1);
  const struct pool *pool = lua_touserdata(lua, 2);
  lua_createtable(lua, (int)pool->count, 0);
  const void **handles = memory_array(pool->count + 1, sizeof *handles);
  t->handles = handles;
  for (uint32_t i = 0; i < pool->count; i++) {
    binder_push_object(lua, pool->backends[i]);
    handles[i] = lua_topointer(lua, -1);
    lua_rawseti(lua, -2, (int)i + 1);
  }
  t->reference = luaL_ref(lua, LUA_REGISTRYINDEX);
  t->pool = object_ref((void *)pool);
  return 0;
}

// Is the table on top as it was made?
static bool
policy_lua_untouched(lua_State *lua, const struct server_table *t)
{
  bool same = lua_objlen(lua, -1) == t->pool->count;
  for (uint32_t i = 0; same && i < t->pool->count; i++) {
    lua_rawgeti(lua, -1, (int)i + 1);
    same = lua_topointer(lua, -1) == t->handles[i];
    lua_pop(lua, 1);
  }
  return same;
}

static bool
policy_lua_push_servers(struct script_call *call, const struct pool *pool)
{
  lua_State *lua = call->lua;
  struct script_host *host = call->host;
  if (host->servers == NULL)
    host->servers = memory_array(TABLES, sizeof *host->servers);
  struct server_table *t = policy_lua_slot_of(host, pool);
  if (t->pool == pool) {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, t->reference);
    if (policy_lua_untouched(lua, t))
      return true;
    lua_pop(lua, 1);
  }
  policy_lua_slot_clear(lua, t);
  policy_lua_sweep(host);
  lua_pushcfunction(lua, policy_lua_make_table);
  lua_pushlightuserdata(lua, t);
  lua_pushlightuserdata(lua, (void *)(uintptr_t)pool);
  if (lua_pcall(lua, 2, 0, 0) != 0) {
    free(t->handles);
    t->handles = NULL;
    call->error = "no memory for the table of servers";
    return false;
  }
  lua_rawgeti(lua, LUA_REGISTRYINDEX, t->reference);
  return true;
}

void
lua_policies_close(struct script_host *host)
{
  for (unsigned i = 0; host->servers != NULL && i < TABLES; i++)
    policy_lua_slot_clear(NULL, &host->servers[i]);
  free(host->servers);
  host->servers = NULL;
}

// ---- the choice ----

static enum policy_result
policy_lua_choose_one(struct backend *b, struct backend **chosen)
{
  if (atomic_load_explicit(&b->retired, memory_order_relaxed))
    return POLICY_NONE;
  *chosen = b;
  return POLICY_CHOSEN;
}

// Policies of the 1.x form give the server itself: one of those that they were given. NULL: it is none of them.
static struct backend *
policy_lua_server_of(lua_State *lua, const struct pool *pool)
{
  const struct backend *given = binder_test(lua, -1, &class_server);
  for (uint32_t i = 0; given != NULL && i < pool->count; i++)
    if (pool->backends[i] == given)
      return pool->backends[i];
  return NULL;
}

// The result on top: counted from 1, or one of the servers; nil and numbers that no server has mean nobody.
static enum policy_result
policy_lua_read_choice(struct script_call *call, const struct pool *pool, struct backend **chosen)
{
  lua_State *lua = call->lua;
  if (lua_isnil(lua, -1))
    return POLICY_NONE;
  if (!lua_isnumber(lua, -1)) {
    struct backend *b = policy_lua_server_of(lua, pool);
    if (b != NULL)
      return policy_lua_choose_one(b, chosen);
    call->error = "a policy must return the index of a server, one of the servers, or nil";
    return POLICY_ERROR;
  }
  double index = lua_tonumber(lua, -1);
  if (!(index >= 1 && index < (double)pool->count + 1))
    return POLICY_NONE;
  return policy_lua_choose_one(pool->backends[(uint32_t)index - 1], chosen);
}

static enum policy_result
policy_lua_choose(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  struct script *script = policy->script;
  struct script_call call;
  enum policy_result result = POLICY_ERROR;
  if (script_call_begin(&call, script, in->query, SIDE_QUERY) && policy_lua_push_servers(&call, in->pool)) {
    script_call_push_question(&call);
    if (script_call_run(&call, 2, 1))
      result = policy_lua_read_choice(&call, in->pool, chosen);
  }
  if (result == POLICY_ERROR && !in->query->rehearsal.untold)
    script_report(SCRIPT_POLICY, call.error, script_where(script), in->query);
  script_call_end(&call);
  return result;
}

static void
policy_lua_drop_script(struct policy *policy)
{
  object_unref(&policy->script);
}

// ---- functions ----

static struct policy *
policy_make(struct call *c)
{
  struct policy *p = policy_new(c->args[0].string.data, policy_lua_choose);
  p->is_lua = true;
  p->script = object_ref(c->args[1].object);
  script_used_by(p->script, "ServerPolicy", true);
  p->free_script = policy_lua_drop_script;
  return call_own(c, p);
}

static int
policy_lua_new_policy(struct call *c)
{
  binder_push_object(c->lua, policy_make(c));
  return 1;
}

static int
policy_lua_set_default(struct call *c)
{
  pool_draft_set_default_policy(&config()->pools, policy_make(c));
  return 0;
}

static int
policy_lua_set_of_pool(struct call *c)
{
  pool_entry_set_policy(pool_draft_get(&config()->pools, c->args[2].string.data), policy_make(c));
  return 0;
}

#define NAME_ROW {.name = "name", .type = PARAM_STRING, .help = "name of the policy"}
#define CHOOSE_ROW                                                                                                     \
  {.name = "choose", .type = PARAM_FUNCTION,                                                                           \
   .help = "function(servers, dq) that returns the index of a server, counted from 1, or nil"}

const struct lua_function lua_policy_functions[] = {
    {.name = "newServerPolicy",
     .help = "A policy that asks a function",
     .params = (const struct param[]){NAME_ROW, CHOOSE_ROW, {.type = PARAM_END}},
     .returns = "ServerPolicy",
     .call = policy_lua_new_policy},
    {.name = "setServerPolicyLua",
     .help = "Make a policy that asks a function the default of all pools",
     .params = (const struct param[]){NAME_ROW, CHOOSE_ROW, {.type = PARAM_END}},
     .call = policy_lua_set_default},
    {.name = "setPoolServerPolicyLua",
     .help = "Give a pool a policy that asks a function",
     .params = (const struct param[]){NAME_ROW,
                                      CHOOSE_ROW,
                                      {.name = "pool", .type = PARAM_STRING, .help = "name of the pool; made if it does not exist"},
                                      {.type = PARAM_END}},
     .call = policy_lua_set_of_pool},
    {.name = NULL}};
