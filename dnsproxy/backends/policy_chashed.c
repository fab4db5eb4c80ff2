// SPDX-License-Identifier: BSD-2-Clause
// chashed: consistent hashing. A backend owns as many points of a 32-bit ring as its weight; a name belongs to the first
// point at or behind its hash, so that taking a backend away moves only the names that were its own.
#include "dnsproxy/backends/policy.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

// Above this many points weights are scaled down: the ring must stay small enough to search and to build at once.
enum { POINTS_MAX = 1 << 20, WEIGHT_WANTED = 100 };

static int
policy_chashed_compare_points(const void *left, const void *right)
{
  const struct hash_point *a = left, *b = right;
  if (a->hash != b->hash)
    return a->hash < b->hash ? -1 : 1;
  return (a->backend > b->backend) - (a->backend < b->backend);
}

// The place of point i of a backend: hash("<uuid>-<i>").
static uint32_t
policy_chashed_point_hash(const char *uuid, uint32_t i, uint64_t seed)
{
  char text[UUID_TEXT_SIZE + 12];
  int size = snprintf(text, sizeof text, "%s-%u", uuid, i);
  return (uint32_t)hash_bytes(text, (size_t)size, seed);
}

static uint32_t
policy_chashed_points_of(const struct backend *b, double scale)
{
  double n = atomic_load_explicit(&b->weight, memory_order_relaxed) * scale;
  return n < 1 ? 1 : (uint32_t)n;
}

static void
policy_chashed_warn_about_weight(const struct backend *b)
{
  int weight = atomic_load_explicit(&b->weight, memory_order_relaxed);
  if (weight < WEIGHT_WANTED)
    log_warning("backend", "Backend %s has a weight of %d, chashed needs at least %d to spread queries evenly",
                backend_full_name(b), weight, WEIGHT_WANTED);
}

struct hash_point *
hash_points_build(const struct pool *pool, uint64_t seed, uint32_t *count)
{
  double weights = 0;
  *count = 0;
  for (uint32_t i = 0; i < pool->count; i++)
    weights += atomic_load_explicit(&pool->backends[i]->weight, memory_order_relaxed);
  double scale = weights > POINTS_MAX ? POINTS_MAX / weights : 1;
  uint32_t total = 0;
  for (uint32_t i = 0; i < pool->count; i++)
    total += policy_chashed_points_of(pool->backends[i], scale);
  if (total == 0)
    return NULL;
  struct hash_point *points = memory_array(total, sizeof *points);
  for (uint32_t i = 0; i < pool->count; i++) {
    char uuid[UUID_TEXT_SIZE];
    uuid_text(&pool->backends[i]->options.id, uuid);
    if (!pool->policy->is_ffi) // such a policy may well do without
      policy_chashed_warn_about_weight(pool->backends[i]);
    for (uint32_t n = policy_chashed_points_of(pool->backends[i], scale), k = 0; k < n; k++)
      points[(*count)++] = (struct hash_point){.hash = policy_chashed_point_hash(uuid, k, seed), .backend = i};
  }
  qsort(points, *count, sizeof *points, policy_chashed_compare_points);
  return points;
}

static uint32_t
policy_chashed_first_point_from(const struct pool *pool, uint32_t hash)
{
  uint32_t low = 0, high = pool->point_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (pool->points[middle].hash < hash)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool
policy_chashed_is_up(const struct backend *b, const void *arg)
{
  (void)arg;
  return backend_is_up(b);
}

static enum policy_result
policy_chashed_choose_chashed(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy;
  const struct pool *pool = in->pool;
  *chosen = NULL;
  if (!pool_has_server_up(pool))
    return POLICY_NONE; // without a walk round the ring
  double factor = query_settings(in->query)->consistent_balancing_factor;
  struct load_bound bound = load_bound_make(pool, in->query->worker, factor, policy_chashed_is_up, NULL);
  uint32_t start = policy_chashed_first_point_from(pool, (uint32_t)policy_place(in));
  uint32_t refused = UINT32_MAX; // neighbours are often the same backend's
  for (uint32_t n = 0; n < pool->point_count; n++) {
    uint32_t at = start + n < pool->point_count ? start + n : start + n - pool->point_count;
    uint32_t candidate = pool->points[at].backend;
    struct backend *b = pool->backends[candidate];
    if (candidate == refused)
      continue;
    if (backend_is_up(b) && load_bound_allows(&bound, b)) {
      *chosen = b;
      return POLICY_CHOSEN;
    }
    refused = candidate;
  }
  return POLICY_NONE;
}

struct policy policy_chashed = {
    BUILTIN_POLICY("chashed", "By consistent hashing of the query name: few names move when a backend comes or goes"),
    .choose = policy_chashed_choose_chashed,
    .needs_points = true,
};
