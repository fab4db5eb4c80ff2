// SPDX-License-Identifier: BSD-2-Clause
// Selectors that look at a pool: PoolAvailableRule (is anybody up), PoolOutstandingRule (how much is under way).
//
// The pool is looked up by name in the query's own snapshot each time, so that a rule may name a pool that comes later, and
// a query sees the pools of its configuration to the end; an unknown one has nobody up and nothing under way. Health and
// load are read relaxed.
//
// What they say changes without the query changing: they have no key, and a chain asks them for every query. Workers.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/backends/pool.h"
#include "rules/select/selector.h"

#include <stdlib.h>
#include <string.h>

const struct pool_table *(*selector_pools)(const struct query *);

struct pool_selector {
  struct selector base;
  char *name;
  uint64_t limit; // PoolOutstandingRule
};

// An unknown pool is an error: the query is dropped.
static const struct pool *
select_pool_of(const struct pool_selector *s, struct query *q)
{
  const struct pool *pool = pool_find(selector_pools(q), s->name);
  if (pool == NULL) {
    q->selector_failed = true;
    q->drop = DROP_NO_POOL;
  }
  return pool;
}

static bool
select_pool_available_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct pool_selector *)base)->name = memory_copy(args[0].string.data, args[0].string.size);
  return true;
}

static void
select_pool_fini(struct selector *base)
{
  free(((struct pool_selector *)base)->name);
}

static bool
select_pool_available_match(const struct selector *base, struct query *q)
{
  const struct pool *pool = select_pool_of((const struct pool_selector *)base, q);
  return pool == NULL || pool_has_server_up(pool);
}

static void
select_pool_available_see(const struct selector *base, const struct query *q, struct text *out)
{
  const struct pool_selector *s = (const struct pool_selector *)base;
  const struct pool *pool = pool_find(selector_pools(q), s->name);
  uint32_t up = 0;
  for (uint32_t i = 0; pool != NULL && i < pool->count; i++)
    up += backend_is_up(pool->backends[i]);
  if (pool == NULL)
    text_printf(out, "there is no pool '%s'", s->name);
  else
    text_printf(out, "pool '%s' has %u of %u servers up", s->name, up, pool->count);
}

static void
select_pool_available_show(const struct selector *base, struct text *out)
{
  text_printf(out, "pool '%s' is available", ((const struct pool_selector *)base)->name);
}

#define POOL_ROW {.name = "pool", .type = PARAM_STRING, .help = "name of the pool"}

const struct selector_kind select_pool_available = {
    .name = "PoolAvailableRule",
    .help = "The pool has a server that is up; if there is no such pool the query is dropped",
    .params = (const struct param[]){POOL_ROW, {.type = PARAM_END}},
    .effect = EFFECT_STATE,
    .size = sizeof(struct pool_selector),
    .init = select_pool_available_init,
    .fini = select_pool_fini,
    .match = select_pool_available_match,
    .see = select_pool_available_see,
    .show = select_pool_available_show,
};

static bool
select_pool_outstanding_init(struct selector *base, const struct value *args, struct fault *f)
{
  ((struct pool_selector *)base)->limit = (uint64_t)args[1].integer;
  return select_pool_available_init(base, args, f);
}

static uint64_t
select_pool_outstanding_it(const struct pool *pool, const struct query *q)
{
  uint64_t sum = 0;
  for (uint32_t i = 0; i < pool->count; i++)
    sum += backend_load(pool->backends[i], q->worker);
  return sum;
}

static bool
select_pool_outstanding_match(const struct selector *base, struct query *q)
{
  const struct pool_selector *s = (const struct pool_selector *)base;
  const struct pool *pool = select_pool_of(s, q);
  return pool == NULL || select_pool_outstanding_it(pool, q) > s->limit;
}

static void
select_pool_outstanding_see(const struct selector *base, const struct query *q, struct text *out)
{
  const struct pool_selector *s = (const struct pool_selector *)base;
  const struct pool *pool = pool_find(selector_pools(q), s->name);
  if (pool == NULL)
    text_printf(out, "there is no pool '%s'", s->name);
  else
    text_printf(out, "pool '%s' has %llu queries in flight", s->name,
                (unsigned long long)select_pool_outstanding_it(pool, q));
}

static void
select_pool_outstanding_show(const struct selector *base, struct text *out)
{
  const struct pool_selector *s = (const struct pool_selector *)base;
  text_printf(out, "pool '%s' outstanding > %llu", s->name, (unsigned long long)s->limit);
}

const struct selector_kind select_pool_outstanding = {
    .name = "PoolOutstandingRule",
    .help = "More queries than this are in flight to the pool's servers; if there is no such pool the query is dropped",
    .params = (const struct param[]){POOL_ROW,
                                     {.name = "limit", .type = PARAM_INT, PARAM_NO_LIMIT_64, .unit = "queries",
                                      .help = "queries in flight"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_STATE,
    .size = sizeof(struct pool_selector),
    .init = select_pool_outstanding_init,
    .fini = select_pool_fini,
    .match = select_pool_outstanding_match,
    .see = select_pool_outstanding_see,
    .show = select_pool_outstanding_show,
};
