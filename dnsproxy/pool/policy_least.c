// SPDX-License-Identifier: BSD-2-Clause
// leastOutstanding and firstAvailable: the backend with the least to do, or the first in line.
#include "dnsproxy/pool/policy.h"

// What leastOutstanding compares: smaller is better, from left to right.
struct burden {
  uint64_t load;
  int32_t order;
  double latency_us;
};

static bool
burden_less(const struct burden *a, const struct burden *b)
{
  if (a->load != b->load)
    return a->load < b->load;
  if (a->order != b->order)
    return a->order < b->order;
  return a->latency_us < b->latency_us;
}

static struct burden
burden_of(const struct backend *b, const struct query *q)
{
  bool tcp = q->over_tcp || b->options.tcp_only;
  struct burden burden = {.load = backend_load(b, q->worker)};
  burden.order = atomic_load_explicit(&b->order, memory_order_relaxed);
  burden.latency_us = backend_load_latency_us(b, q->worker, tcp);
  return burden;
}

static enum policy_result
choose_least_outstanding(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy;
  const struct pool *pool = in->pool;
  struct backend *best = NULL;
  struct burden best_burden = {0};
  bool measured = false; // the first one up is weighed only when there is a second
  for (uint32_t i = 0; i < pool->count; i++) {
    struct backend *b = pool->backends[i];
    if (!backend_is_up(b))
      continue;
    if (best == NULL) {
      best = b;
      continue;
    }
    if (!measured)
      best_burden = burden_of(best, in->query);
    measured = true;
    struct burden burden = burden_of(b, in->query);
    if (burden_less(&burden, &best_burden)) {
      best = b;
      best_burden = burden;
    }
  }
  *chosen = best;
  return best == NULL ? POLICY_NONE : POLICY_CHOSEN;
}

// The token itself is taken by whoever forwards the query, whatever the policy was.
static enum policy_result
choose_first_available(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  const struct pool *pool = in->pool;
  for (uint32_t i = 0; i < pool->count; i++) {
    struct backend *b = pool->backends[i];
    if (backend_is_up(b) && backend_has_token(b, in->query->worker->now_us)) {
      *chosen = b;
      return POLICY_CHOSEN;
    }
  }
  return choose_least_outstanding(policy, in, chosen);
}

struct policy policy_least_outstanding = {
    BUILTIN_POLICY("leastOutstanding", "The backend with the fewest queries in flight; ties: lower order, then lower latency"),
    .choose = choose_least_outstanding,
};

struct policy policy_first_available = {
    BUILTIN_POLICY("firstAvailable", "The first backend, by order, that is below its QPS limit; else leastOutstanding"),
    .choose = choose_first_available,
};
