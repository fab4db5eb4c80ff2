// SPDX-License-Identifier: BSD-2-Clause
// What tests of pools and policies share: a worker, a query under settings, backends, a pool draft.
#ifndef TESTS_POOL_FIXTURE_H
#define TESTS_POOL_FIXTURE_H

#include "dnsproxy/backends/pool.h"
#include "dnsproxy/core/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
  struct worker *worker;
  struct settings settings;
  struct lease lease;
  struct query *query;
  struct pool_draft draft;
  struct pool_table *table;
};

static inline void
fixture_open(struct fixture *f)
{
  memset(f, 0, sizeof *f);
  settings_default(&f->settings);
  f->lease.settings = &f->settings;
  f->worker = worker_new(NULL);
  f->query = query_new(f->worker);
  f->query->lease = &f->lease;
  pool_draft_get(&f->draft, "");
}

static inline void
fixture_close(struct fixture *f)
{
  object_unref(&f->table);
  pool_draft_fini(&f->draft);
  f->query->lease = NULL;
  query_free(&f->query);
  worker_free(&f->worker);
}

// A backend called "b<n>" at 192.0.2.n:53 that is up.
static inline struct backend *
fixture_backend(unsigned n, int32_t order, int32_t weight)
{
  struct backend_options o;
  struct fault fault = FAULT_INIT;
  char text[32];
  backend_options_default(&o);
  snprintf(text, sizeof text, "192.0.2.%u", n);
  assert_true(address_parse(&o.address, text, 53, &fault));
  snprintf(o.name, sizeof o.name, "b%u", n);
  o.order = order;
  o.weight = weight;
  struct backend *b = backend_new(&o);
  atomic_store(&b->up, true);
  return b;
}

// Adds it to the draft and the pool; the draft keeps it alive.
static inline struct backend *
fixture_add(struct fixture *f, const char *pool, unsigned n, int32_t order, int32_t weight)
{
  struct backend *b = fixture_backend(n, order, weight), *kept = b;
  pool_draft_add_backend(&f->draft, b);
  pool_entry_add(pool_draft_get(&f->draft, pool), b);
  object_unref(&b);
  return kept;
}

static inline const struct pool *
fixture_build(struct fixture *f, const char *pool)
{
  object_unref(&f->table);
  f->table = pool_table_build(&f->draft, &f->settings);
  return pool_find(f->table, pool);
}

static inline void
fixture_name(struct fixture *f, const char *name)
{
  struct fault fault = FAULT_INIT;
  assert_true(name_from_text(&f->query->qname, name, strlen(name), &fault));
}

// NULL: the policy chose none.
static inline struct backend *
fixture_choose(struct fixture *f, const struct pool *pool)
{
  struct policy_input in = {.pool = pool, .query = f->query};
  struct backend *chosen = NULL;
  enum policy_result result = pool->policy->choose(pool->policy, &in, &chosen);
  assert_int_not_equal(result, POLICY_ERROR);
  assert_true((result == POLICY_CHOSEN) == (chosen != NULL));
  return chosen;
}

#endif
