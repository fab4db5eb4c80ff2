// SPDX-License-Identifier: BSD-2-Clause
// What the built-in policies share: the rows of policy.c, hash points, bounded load.
//
// Thread: the worker of the query, but for hash_points_build() (control).
#ifndef DNSPROXY_BACKENDS_POLICY_H
#define DNSPROXY_BACKENDS_POLICY_H

#include "dnsproxy/backends/pool.h"

extern struct policy policy_least_outstanding, policy_first_available, policy_wrandom, policy_whashed, policy_chashed,
    policy_roundrobin, policy_ordered_wrand_untag;

// A row; `choose` and the rest follow as designated initializers.
#define BUILTIN_POLICY(text, words)                                                                                    \
  .object = {.magic = OBJECT_MAGIC, .refs = 1, .class = &policy_class}, .name = (text), .help = (words)

// The ring of consistent hashing, sorted; NULL for an empty pool. The caller frees it.
struct hash_point *hash_points_build(const struct pool *, uint64_t seed, uint32_t *count);

// The query's place for whashed and chashed: the hash given, else the name's.
uint64_t policy_place(const struct policy_input *);

// Bounded load: who is up and not overloaded (semantics.md 11). factor 0: no bound.
struct load_bound {
  struct worker *worker;
  double per_weight; // outstanding queries allowed per unit of weight; negative: no bound
};
struct load_bound load_bound_make(const struct pool *, struct worker *, double factor,
                                  bool (*candidate)(const struct backend *, const void *), const void *arg);
static inline bool
load_bound_allows(const struct load_bound *bound, const struct backend *b)
{
  if (bound->per_weight < 0)
    return true;
  double allowed = bound->per_weight * atomic_load_explicit(&b->weight, memory_order_relaxed);
  return (double)backend_load(b, bound->worker) <= allowed;
}

#endif
