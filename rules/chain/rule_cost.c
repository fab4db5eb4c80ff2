// SPDX-License-Identifier: BSD-2-Clause
// Costs of rules: samples in bins.
#include "rules/chain/rule_cost.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/permit.h"
#include "rules/chain/rule.h"

#include <stdlib.h>

enum { FIRST_OCTAVE = 3, INTERVAL = 101, INTERVAL_PER_RULE = 32, INTERVAL_MOST = 1 << 24 };

void
rule_timer_begin(struct rule_timer *t)
{
  t->before_ns = clock_mono_ns();
  t->start_ns = clock_mono_ns();
}

// The upper half of an octave begins at one and a half times its start.
static unsigned
rule_cost_bin_of(uint64_t ns)
{
  unsigned octave = ns < 2 ? 0 : 63 - (unsigned)__builtin_clzll(ns);
  if (octave < FIRST_OCTAVE)
    return 0;
  unsigned bin = 2 * (octave - FIRST_OCTAVE) + (unsigned)(ns >> (octave - 1) & 1);
  return bin < COST_BINS ? bin : COST_BINS - 1;
}

static uint64_t
rule_cost_bin_end(unsigned bin)
{
  uint64_t start = UINT64_C(1) << (FIRST_OCTAVE + bin / 2);
  return bin % 2 == 0 ? start + start / 2 : 2 * start;
}

// NULL: no memory for it.
static struct rule_cost *
rule_cost_of(const struct rule *r)
{
  _Atomic(struct rule_cost *) *place = (_Atomic(struct rule_cost *) *)(uintptr_t)&r->cost;
  struct rule_cost *cost = atomic_load_explicit(place, memory_order_acquire);
  if (cost != NULL)
    return cost;
  PERMIT("the first time that a rule is timed");
  struct rule_cost *made = calloc(1, sizeof *made);
  if (made == NULL || atomic_compare_exchange_strong_explicit(place, &cost, made, memory_order_acq_rel, memory_order_acquire))
    return made;
  free(made);
  return cost;
}

void
rule_timer_end(const struct rule_timer *t, const struct rule *r)
{
  uint64_t took = clock_mono_ns() - t->start_ns, reading = t->start_ns - t->before_ns;
  uint64_t ns = took > reading ? took - reading : 0;
  struct rule_cost *cost = rule_cost_of(r);
  if (cost == NULL)
    return;
  atomic_fetch_add_explicit(&cost->samples, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&cost->ns, ns, memory_order_relaxed);
  atomic_fetch_add_explicit(&cost->bins[rule_cost_bin_of(ns)], 1, memory_order_relaxed);
}

void
cost_next(struct worker *w, uint32_t evaluated)
{
  uint64_t interval = INTERVAL + (uint64_t)INTERVAL_PER_RULE * evaluated;
  w->until_timed = interval < INTERVAL_MOST ? (uint32_t)interval : INTERVAL_MOST;
}

uint64_t
rule_cost_ns(const struct rule *r)
{
  const struct rule_cost *cost = atomic_load_explicit(&r->cost, memory_order_acquire);
  return cost == NULL ? 0 : atomic_load_explicit(&cost->ns, memory_order_relaxed);
}

uint64_t
rule_cost_mean_ns(const struct rule *r)
{
  const struct rule_cost *cost = atomic_load_explicit(&r->cost, memory_order_acquire);
  uint64_t samples = cost == NULL ? 0 : atomic_load_explicit(&cost->samples, memory_order_relaxed);
  return samples == 0 ? 0 : rule_cost_ns(r) / samples;
}

uint64_t
rule_cost_p99_ns(const struct rule *r)
{
  const struct rule_cost *cost = atomic_load_explicit(&r->cost, memory_order_acquire);
  uint64_t total = 0, sum = 0;
  for (unsigned i = 0; cost != NULL && i < COST_BINS; i++)
    total += atomic_load_explicit(&cost->bins[i], memory_order_relaxed);
  for (unsigned i = 0; total > 0 && i < COST_BINS; i++) {
    sum += atomic_load_explicit(&cost->bins[i], memory_order_relaxed);
    if (sum * 100 >= total * 99)
      return rule_cost_bin_end(i);
  }
  return 0;
}
