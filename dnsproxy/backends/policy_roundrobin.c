// SPDX-License-Identifier: BSD-2-Clause
// roundrobin: each backend in turn; one counter per pool, shared by all workers.
#include "dnsproxy/backends/policy.h"

static struct backend *
policy_roundrobin_nth_up(const struct pool *pool, uint64_t n)
{
  for (uint32_t i = 0; i < pool->count; i++)
    if (backend_is_up(pool->backends[i]) && n-- == 0)
      return pool->backends[i];
  return NULL;
}

static uint32_t
policy_roundrobin_count_up(const struct pool *pool)
{
  uint32_t up = 0;
  for (uint32_t i = 0; i < pool->count; i++)
    up += backend_is_up(pool->backends[i]);
  return up;
}

static enum policy_result
policy_roundrobin_choose_roundrobin(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy;
  const struct pool *pool = in->pool;
  *chosen = NULL;
  if (pool->count == 0)
    return POLICY_NONE;
  uint64_t turn = atomic_fetch_add_explicit(&pool->state->turn, in->query->rehearsal.dry ? 0 : 1, memory_order_relaxed);
  struct backend *b = pool->backends[turn % pool->count];
  if (!backend_is_up(b)) {
    uint32_t up = policy_roundrobin_count_up(pool);
    if (up > 0)
      b = policy_roundrobin_nth_up(pool, turn % up); // NULL when health changed meanwhile
    else if (query_settings(in->query)->round_robin_fail)
      b = NULL;
  }
  // With everybody down a query is still sent, but never to a backend that was removed.
  if (b == NULL || atomic_load_explicit(&b->retired, memory_order_relaxed))
    return POLICY_NONE;
  *chosen = b;
  return POLICY_CHOSEN;
}

struct policy policy_roundrobin = {
    BUILTIN_POLICY("roundrobin", "Each backend in turn; when all are down still one of them, unless setRoundRobinFailOnNoServer(true)"),
    .choose = policy_roundrobin_choose_roundrobin,
};
