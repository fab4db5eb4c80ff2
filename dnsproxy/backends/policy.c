// SPDX-License-Identifier: BSD-2-Clause
// The built-in policies, each with its row, and their index.
#include "dnsproxy/backends/policy.h"

#include "dnsproxy/backends/pool.h"
#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- what several policies need ----

static uint64_t process_seed;

static void
policy_draw_seed(void)
{
  random_bytes(&process_seed, sizeof process_seed);
}

uint64_t
policy_seed(const struct settings *settings)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (settings->hash_perturbation != 0)
    return settings->hash_perturbation;
  pthread_once(&once, policy_draw_seed);
  return process_seed;
}

// The query's place for whashed and chashed: the hash given, else the name's.
static uint64_t
policy_place(const struct policy_input *in)
{
  const struct query *q = in->query;
  if (in->hash != NULL)
    return *in->hash;
  return name_bytes_hash(q->qname.bytes, q->qname.size, policy_seed(query_settings(q)));
}

// Bounded load: who is up and not overloaded (semantics.md 11). factor 0: no bound.
struct load_bound {
  struct worker *worker;
  double per_weight; // outstanding queries allowed per unit of weight; negative: no bound
};
static struct load_bound
load_bound_make(const struct pool *pool, struct worker *worker, double factor,
                bool (*candidate)(const struct backend *, const void *), const void *arg)
{
  if (factor <= 0)
    return (struct load_bound){.worker = worker, .per_weight = -1};
  double load = 1, weight = 0;
  for (uint32_t i = 0; i < pool->count; i++) {
    const struct backend *b = pool->backends[i];
    if (!candidate(b, arg))
      continue;
    load += (double)backend_load(b, worker);
    weight += atomic_load_explicit(&b->weight, memory_order_relaxed);
  }
  return (struct load_bound){.worker = worker, .per_weight = weight > 0 ? factor * load / weight : 0};
}

static bool
load_bound_allows(const struct load_bound *bound, const struct backend *b)
{
  if (bound->per_weight < 0)
    return true;
  double allowed = bound->per_weight * atomic_load_explicit(&b->weight, memory_order_relaxed);
  return (double)backend_load(b, bound->worker) <= allowed;
}

// A row; `choose` and the rest follow as designated initializers.
#define BUILTIN_POLICY(text, words)                                                                                    \
  .object = {.magic = OBJECT_MAGIC, .refs = 1, .class = &policy_class}, .name = (text), .first_name = (text), .help = (words)

// ---- by weight: wrandom, whashed, orderedWrandUntag ----

// Which backends take part: up, and for orderedWrandUntag of the lowest order and not tagged by the query.
struct electorate {
  const struct query *query; // with tags to respect; NULL: none
  bool one_order;
  int32_t order;
};

static bool
policy_is_tagged(const struct electorate *e, const struct backend *b)
{
  return e->query != NULL && query_tag_get(e->query, backend_full_name(b)) != NULL;
}

static bool
policy_is_candidate(const struct backend *b, const void *arg)
{
  const struct electorate *e = arg;
  if (!backend_is_up(b))
    return false;
  return (!e->one_order || atomic_load_explicit(&b->order, memory_order_relaxed) == e->order) &&
         !policy_is_tagged(e, b);
}

// `draw` modulo the sum of the weights picks the place. Health may change between the two passes: then the last
// candidate that is still there gets the query.
static enum policy_result
policy_elect(const struct policy_input *in, const struct electorate *e, uint64_t draw, struct backend **chosen)
{
  const struct pool *pool = in->pool;
  double factor = query_settings(in->query)->weighted_balancing_factor;
  struct load_bound bound = load_bound_make(pool, in->query->worker, factor, policy_is_candidate, e);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < pool->count; i++) {
    const struct backend *b = pool->backends[i];
    if (policy_is_candidate(b, e) && load_bound_allows(&bound, b))
      sum += (uint64_t)atomic_load_explicit(&b->weight, memory_order_relaxed);
  }
  if (sum == 0)
    return POLICY_NONE;
  uint64_t place = draw % sum;
  for (uint32_t i = 0; i < pool->count; i++) {
    struct backend *b = pool->backends[i];
    if (!policy_is_candidate(b, e) || !load_bound_allows(&bound, b))
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
policy_choose_wrandom(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy;
  *chosen = NULL;
  return policy_elect(in, &(struct electorate){0}, random_next(&in->query->worker->random), chosen);
}

static enum policy_result
policy_choose_whashed(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy;
  *chosen = NULL;
  return policy_elect(in, &(struct electorate){0}, policy_place(in), chosen);
}

static enum policy_result
policy_choose_ordered_wrand_untag(const struct policy *policy, const struct policy_input *in,
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
    if (policy_is_candidate(b, &e) && (!found || order < lowest)) {
      found = true;
      lowest = order;
    }
  }
  e.one_order = true;
  e.order = lowest;
  return found ? policy_elect(in, &e, random_next(&in->query->worker->random), chosen) : POLICY_NONE;
}

static struct policy policy_wrandom = {
    BUILTIN_POLICY("wrandom", "At random among the backends that are up, in proportion to their weights"),
    .choose = policy_choose_wrandom,
};

struct policy policy_whashed = {
    BUILTIN_POLICY("whashed", "By the hash of the query name, in proportion to the weights"),
    .choose = policy_choose_whashed,
};

static struct policy policy_ordered_wrand_untag = {
    BUILTIN_POLICY("orderedWrandUntag", "wrandom among the backends of the lowest order whose name is not a tag of the query"),
    .choose = policy_choose_ordered_wrand_untag,
};

// ---- leastOutstanding and firstAvailable: the backend with the least to do, or the first in line ----

// Ties are the rule when there is little to do: order and latency are looked at only then.
static bool
policy_wins_tie(const struct backend *b, const struct backend *best, const struct query *q)
{
  int32_t order = atomic_load_explicit(&b->order, memory_order_relaxed);
  int32_t best_order = atomic_load_explicit(&best->order, memory_order_relaxed);
  if (order != best_order)
    return order < best_order;
  double latency = backend_load_latency_us(b, q->worker, backend_way(b, q->over_tcp)->stream);
  return latency < backend_load_latency_us(best, q->worker, backend_way(best, q->over_tcp)->stream);
}

static enum policy_result
policy_choose_least_outstanding(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
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
    if (load < least || (load == least && policy_wins_tie(b, best, in->query))) {
      best = b;
      least = load;
    }
  }
  *chosen = best;
  return best == NULL ? POLICY_NONE : POLICY_CHOSEN;
}

// The token itself is taken by whoever forwards the query, whatever the policy was.
static enum policy_result
policy_choose_first_available(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  const struct pool *pool = in->pool;
  for (uint32_t i = 0; i < pool->count; i++) {
    struct backend *b = pool->backends[i];
    if (backend_is_up(b) && backend_has_token(b, in->query->worker->now_us)) {
      *chosen = b;
      return POLICY_CHOSEN;
    }
  }
  return policy_choose_least_outstanding(policy, in, chosen);
}

static struct policy policy_least_outstanding = {
    BUILTIN_POLICY("leastOutstanding", "The backend with the fewest queries in flight; ties: lower order, then lower latency"),
    .choose = policy_choose_least_outstanding,
};

static struct policy policy_first_available = {
    BUILTIN_POLICY("firstAvailable", "The first backend, by order, that is below its QPS limit; else leastOutstanding"),
    .choose = policy_choose_first_available,
};

// ---- roundrobin: each backend in turn; one counter per pool, shared by all workers ----

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
policy_choose_roundrobin(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
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

static struct policy policy_roundrobin = {
    BUILTIN_POLICY("roundrobin", "Each backend in turn; when all are down still one of them, unless setRoundRobinFailOnNoServer(true)"),
    .choose = policy_choose_roundrobin,
};

// ---- chashed: consistent hashing ----

// A backend owns as many points of a 32-bit ring as its weight; a name belongs to the first point at or behind its hash, so
// that taking a backend away moves only the names that were its own.

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
policy_choose_chashed(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
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
    .choose = policy_choose_chashed,
    .needs_points = true,
};

// ---- the index and their life ----

struct policy *const builtin_policies[] = {
    &policy_least_outstanding, // the default: stays first
    &policy_first_available,
    &policy_wrandom,
    &policy_whashed,
    &policy_chashed,
    &policy_roundrobin,
    &policy_ordered_wrand_untag,
    NULL,
};

static void policy_free(struct object *);
const struct object_class policy_class = {.name = "ServerPolicy", .free = policy_free};

struct policy *
policy_builtin(const char *name)
{
  for (struct policy *const *p = builtin_policies; *p != NULL; p++)
    if (strcmp((*p)->name, name) == 0)
      return *p;
  return NULL;
}

struct policy *
policy_new(const char *name, policy_choose_fn choose)
{
  struct policy *p = memory_new(sizeof *p);
  object_init(&p->object, &policy_class);
  p->name = memory_string(name);
  p->choose = choose;
  return p;
}

// Built-in ones keep the reference that they begin with, and never come here.
static void
policy_free(struct object *object)
{
  struct policy *p = (struct policy *)object;
  if (p->free_script != NULL)
    p->free_script(p);
  free(p->name);
  free(p);
}
