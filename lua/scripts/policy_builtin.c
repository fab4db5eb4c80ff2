// SPDX-License-Identifier: BSD-2-Clause
// Built-in policies called from scripts: a table of servers and a query in, an index counted from 1 out.
#include "lua/scripts/policy_builtin.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/backends/policy.h"
#include "lua/binder/classes.h"
#include "lua/scripts/question_access.h"
#include "lua/scripts/scripts.h"

#include <lauxlib.h>
#include <stdlib.h>

// Part of something else: the first reference stays.
static const struct object_class turns_class = {.name = "turns"};

static struct builtin_policies *
policy_builtin_here(void)
{
  return &control_scripts()->policies;
}

void
policy_builtin_open(struct builtin_policies *b)
{
  *b = (struct builtin_policies){0};
  b->turns.object = (struct object){.magic = OBJECT_MAGIC, .refs = 1, .class = &turns_class};
}

void
policy_builtin_close(struct builtin_policies *b)
{
  object_unref(&b->pool);
  free(b->weights);
  b->weights = NULL;
}

static bool
policy_builtin_ring_fits(const struct builtin_policies *ring, const struct pool *pool)
{
  if (ring->pool == NULL || ring->pool->policy != pool->policy || ring->pool->count != pool->count)
    return false;
  for (uint32_t i = 0; i < pool->count; i++)
    if (ring->pool->backends[i] != pool->backends[i] || ring->weights[i] != pool->backends[i]->weight)
      return false;
  return true;
}

static void
policy_builtin_ring_keep(struct builtin_policies *ring, struct pool *pool, const struct settings *settings)
{
  pool->points = hash_points_build(pool, policy_seed(settings), &pool->point_count);
  ring->weights = memory_resize(ring->weights, pool->count + 1, sizeof *ring->weights);
  for (uint32_t i = 0; i < pool->count; i++)
    ring->weights[i] = pool->backends[i]->weight;
  object_unref(&ring->pool);
  ring->pool = object_ref(pool);
}

// A pool of the servers in the table at index 1. Holes and foreign values are left out.
static struct pool *
policy_builtin_pool_of_table(lua_State *lua, struct policy *p, const struct settings *settings)
{
  struct builtin_policies *here = policy_builtin_here();
  uint32_t size = (uint32_t)lua_objlen(lua, 1), count = 0;
  struct pool *pool = pool_new("", size);
  for (uint32_t i = 0; i < size; i++) {
    lua_rawgeti(lua, 1, (int)i + 1);
    struct backend *b = binder_test(lua, -1, &class_server);
    if (b != NULL)
      pool->backends[count++] = object_ref(b);
    lua_pop(lua, 1);
  }
  pool->count = count;
  pool->policy = object_ref(p);
  pool->state = object_ref(&here->turns);
  pool->consistent = true;
  if (!p->needs_points)
    return pool;
  if (!policy_builtin_ring_fits(here, pool)) {
    policy_builtin_ring_keep(here, pool, settings);
    return pool;
  }
  object_unref(&pool);
  return object_ref(here->pool);
}

// Where the server stands in the table; 0: nowhere.
static int
policy_builtin_index_in_table(lua_State *lua, const struct backend *b)
{
  int size = (int)lua_objlen(lua, 1);
  for (int i = 1; i <= size; i++) {
    lua_rawgeti(lua, 1, i);
    bool same = binder_test(lua, -1, &class_server) == b;
    lua_pop(lua, 1);
    if (same)
      return i;
  }
  return 0;
}

static int
policy_builtin_call_builtin(lua_State *lua)
{
  struct policy *p = lua_touserdata(lua, lua_upvalueindex(1));
  const struct question_handle *h = binder_test(lua, 2, &class_question);
  if (!lua_istable(lua, 1))
    return luaL_error(lua, "Unable to convert parameter from %s to table of Servers", luaL_typename(lua, 1));
  if (h == NULL)
    return luaL_error(lua, "Unable to convert parameter from %s to DNSQuestion", luaL_typename(lua, 2));
  struct query *q = h->scope->query;
  if (q == NULL || q->worker == NULL)
    return luaL_error(lua, "This query has ended: a policy needs one that is on its way");
  struct backend *chosen = NULL;
  struct pool *pool = policy_builtin_pool_of_table(lua, p, query_settings(q));
  bool good =
      pool->count > 0 && p->choose(p, &(struct policy_input){.pool = pool, .query = q}, &chosen) == POLICY_CHOSEN;
  int index = good ? policy_builtin_index_in_table(lua, chosen) : 0;
  object_unref(&pool);
  if (index > 0)
    lua_pushinteger(lua, index);
  else
    lua_pushnil(lua);
  return 1;
}

void
policy_push_function(lua_State *lua, struct policy *p)
{
  if (p->is_lua) {
    script_push(lua, p->script);
    return;
  }
  lua_pushlightuserdata(lua, p); // built-in: there as long as the process
  lua_pushcclosure(lua, policy_builtin_call_builtin, 1);
}
