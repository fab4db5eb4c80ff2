// SPDX-License-Identifier: BSD-2-Clause
// leastOutstanding and firstAvailable: the backend with the least to do, or the first in line.
#include "dnsproxy/backends/policy.h"

// Ties are the rule when there is little to do: order and latency are looked at only then.
static bool
policy_least_wins_tie(const struct backend *b, const struct backend *best, const struct query *q)
{
  int32_t order = atomic_load_explicit(&b->order, memory_order_relaxed);
  int32_t best_order = atomic_load_explicit(&best->order, memory_order_relaxed);
  if (order != best_order)
    return order < best_order;
  double latency = backend_load_latency_us(b, q->worker, backend_way(b, q->over_tcp)->stream);
  return latency < backend_load_latency_us(best, q->worker, backend_way(best, q->over_tcp)->stream);
}

static enum policy_result
policy_least_choose_least_outstanding(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy;
  const struct pool *pool = in->pool;
  struct worker *w = in->query->worker;
  struct backend *best = NULL;
  uint64_t least = 0;
  bool weighed = false; // the first one up is weighed only when there is a second
  for (uint32_t i = 0; i < pool->count; i++) {
    struct backend *b = pool->backends[i];
    if (!backend_is_up(b))
      continue;
    if (best == NULL) {
      best = b;
      continue;
    }
    if (!weighed)
      least = backend_load(best, w);
    weighed = true;
    uint64_t load = backend_load(b, w);
    if (load < least || (load == least && policy_least_wins_tie(b, best, in->query))) {
      best = b;
      least = load;
    }
  }
  *chosen = best;
  return best == NULL ? POLICY_NONE : POLICY_CHOSEN;
}

// The token itself is taken by whoever forwards the query, whatever the policy was.
static enum policy_result
policy_least_choose_first_available(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  const struct pool *pool = in->pool;
  for (uint32_t i = 0; i < pool->count; i++) {
    struct backend *b = pool->backends[i];
    if (backend_is_up(b) && backend_has_token(b, in->query->worker->now_us)) {
      *chosen = b;
      return POLICY_CHOSEN;
    }
  }
  return policy_least_choose_least_outstanding(policy, in, chosen);
}

struct policy policy_least_outstanding = {
    BUILTIN_POLICY("leastOutstanding", "The backend with the fewest queries in flight; ties: lower order, then lower latency"),
    .choose = policy_least_choose_least_outstanding,
};

struct policy policy_first_available = {
    BUILTIN_POLICY("firstAvailable", "The first backend, by order, that is below its QPS limit; else leastOutstanding"),
    .choose = policy_least_choose_first_available,
};
