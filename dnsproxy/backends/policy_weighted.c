// SPDX-License-Identifier: BSD-2-Clause
// wrandom, whashed and orderedWrandUntag: a share of the queries as large as the weight.
#include "dnsproxy/backends/policy.h"

// Which backends take part: up, and for orderedWrandUntag of the lowest order and not tagged by the query.
struct electorate {
  const struct query *query; // with tags to respect; NULL: none
  bool one_order;
  int32_t order;
};

static bool
policy_weighted_is_tagged(const struct electorate *e, const struct backend *b)
{
  return e->query != NULL && query_tag_get(e->query, backend_full_name(b)) != NULL;
}

static bool
policy_weighted_is_candidate(const struct backend *b, const void *arg)
{
  const struct electorate *e = arg;
  if (!backend_is_up(b))
    return false;
  return (!e->one_order || atomic_load_explicit(&b->order, memory_order_relaxed) == e->order) &&
         !policy_weighted_is_tagged(e, b);
}

// `draw` modulo the sum of the weights picks the place. Health may change between the two passes: then the last
// candidate that is still there gets the query.
static enum policy_result
policy_weighted_elect(const struct policy_input *in, const struct electorate *e, uint64_t draw, struct backend **chosen)
{
  const struct pool *pool = in->pool;
  double factor = query_settings(in->query)->weighted_balancing_factor;
  struct load_bound bound = load_bound_make(pool, in->query->worker, factor, policy_weighted_is_candidate, e);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < pool->count; i++) {
    const struct backend *b = pool->backends[i];
    if (policy_weighted_is_candidate(b, e) && load_bound_allows(&bound, b))
      sum += (uint64_t)atomic_load_explicit(&b->weight, memory_order_relaxed);
  }
  if (sum == 0)
    return POLICY_NONE;
  uint64_t place = draw % sum;
  for (uint32_t i = 0; i < pool->count; i++) {
    struct backend *b = pool->backends[i];
    if (!policy_weighted_is_candidate(b, e) || !load_bound_allows(&bound, b))
      continue;
    *chosen = b;
    uint64_t weight = (uint64_t)atomic_load_explicit(&b->weight, memory_order_relaxed);
    if (place < weight)
      return POLICY_CHOSEN;
    place -= weight;
  }
  return *chosen == NULL ? POLICY_NONE : POLICY_CHOSEN;
}

static enum policy_result
policy_weighted_choose_wrandom(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy;
  *chosen = NULL;
  return policy_weighted_elect(in, &(struct electorate){0}, random_next(&in->query->worker->random), chosen);
}

static enum policy_result
policy_weighted_choose_whashed(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy;
  *chosen = NULL;
  return policy_weighted_elect(in, &(struct electorate){0}, policy_place(in), chosen);
}

static enum policy_result
policy_weighted_choose_ordered_wrand_untag(const struct policy *policy, const struct policy_input *in,
                                           struct backend **chosen)
{
  (void)policy;
  *chosen = NULL;
  struct electorate e = {.query = query_tags(in->query) != NULL ? in->query : NULL};
  bool found = false;
  int32_t lowest = 0;
  for (uint32_t i = 0; i < in->pool->count; i++) {
    const struct backend *b = in->pool->backends[i];
    int32_t order = atomic_load_explicit(&b->order, memory_order_relaxed);
    if (policy_weighted_is_candidate(b, &e) && (!found || order < lowest)) {
      found = true;
      lowest = order;
    }
  }
  e.one_order = true;
  e.order = lowest;
  return found ? policy_weighted_elect(in, &e, random_next(&in->query->worker->random), chosen) : POLICY_NONE;
}

struct policy policy_wrandom = {
    BUILTIN_POLICY("wrandom", "At random among the backends that are up, in proportion to their weights"),
    .choose = policy_weighted_choose_wrandom,
};

struct policy policy_whashed = {
    BUILTIN_POLICY("whashed", "By the hash of the query name, in proportion to the weights"),
    .choose = policy_weighted_choose_whashed,
};

struct policy policy_ordered_wrand_untag = {
    BUILTIN_POLICY("orderedWrandUntag", "wrandom among the backends of the lowest order whose name is not a tag of the query"),
    .choose = policy_weighted_choose_ordered_wrand_untag,
};
