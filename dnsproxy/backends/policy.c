// SPDX-License-Identifier: BSD-2-Clause
// Policies: their index, their life, and what several of them need.
#include "dnsproxy/backends/policy.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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

uint64_t
policy_place(const struct policy_input *in)
{
  const struct query *q = in->query;
  if (in->hash != NULL)
    return *in->hash;
  return name_bytes_hash(q->qname.bytes, q->qname.size, policy_seed(query_settings(q)));
}

struct load_bound
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
