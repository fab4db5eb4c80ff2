// SPDX-License-Identifier: BSD-2-Clause
// What rules cost: one walk through a chain in so many is timed, rule by rule.
//   timed walk --> nanoseconds per rule --> bins, two per doubling --> tables: share of the time, mean, 99th percentile
//
// The longer the walks, the fewer are timed, so that timing itself costs next to nothing. Bins tell the ordinary from the
// rare dear case, which a mean would hide. Written by any worker with relaxed additions.
//
// Owner: the rule, which has none until it was first timed. Read by anybody.
#ifndef RULES_CHAIN_RULE_COST_H
#define RULES_CHAIN_RULE_COST_H

#include "dnsproxy/core/query.h"

struct rule;

enum { COST_BINS = 48 };

struct rule_cost {
  _Atomic uint64_t samples, ns;   // of evaluating it: selector, and action if it matched
  _Atomic uint32_t bins[COST_BINS]; // two per doubling, from 8 ns
};

// Times what lies between begin and end, without what reading the clock takes.
struct rule_timer {
  uint64_t before_ns, start_ns;
};
void rule_timer_begin(struct rule_timer *);
void rule_timer_end(const struct rule_timer *, const struct rule *); // the query may be gone by now

uint64_t rule_cost_ns(const struct rule *);              // of all samples; 0: never timed
uint64_t rule_cost_mean_ns(const struct rule *);
uint64_t rule_cost_p99_ns(const struct rule *);          // 99 of 100 took no longer, to half a doubling

// Is this walk one to be timed? The longer the walks are the fewer: timing costs next to nothing on average.
static inline bool
cost_is_due(struct worker *w)
{
  return --w->until_timed == 0;
}
void cost_next(struct worker *, uint32_t evaluated);

#endif
