// SPDX-License-Identifier: BSD-2-Clause
// Latency averages and histogram (semantics.md section 6.10), and their means over workers.
#include "dnsproxy/observe/latency.h"

static const double weight[LATENCY_WINDOWS] = {1.0 / 100, 1.0 / 1000, 1.0 / 10000, 1.0 / 1000000};

static enum counter
latency_bucket_of(uint64_t us)
{
  if (us < 1000)
    return COUNTER_LATENCY_0_1;
  if (us < 10000)
    return COUNTER_LATENCY_1_10;
  if (us < 50000)
    return COUNTER_LATENCY_10_50;
  if (us < 100000)
    return COUNTER_LATENCY_50_100;
  return us < 1000000 ? COUNTER_LATENCY_100_1000 : COUNTER_LATENCY_SLOW;
}

static void
latency_answered(const struct observer *o, const struct query *q)
{
  (void)o;
  struct worker *w = q->worker;
  uint64_t us = w->now_us - q->received_us;
  enum latency_kind kind = q->arrival.transport->latency;
  for (unsigned i = 0; i < LATENCY_WINDOWS; i++) {
    _Atomic double *average = &w->counters.latency[kind][i];
    double old = atomic_load_explicit(average, memory_order_relaxed);
    atomic_store_explicit(average, old + ((double)us - old) * weight[i], memory_order_relaxed);
  }
  if (kind != LATENCY_UDP)
    return;
  count(w, latency_bucket_of(us));
  count(w, COUNTER_LATENCY_COUNT);
  counter_add(&w->counters.counter[COUNTER_LATENCY_SUM], us / 1000);
}

const struct observer latency_observer = {.name = "latency", .told = {[EVENT_ANSWERED] = latency_answered}};

double
latency_average(enum latency_kind kind, unsigned window)
{
  double sum = 0;
  unsigned n = 0;
  for (unsigned i = 0; i < worker_count(); i++) {
    double mine = atomic_load_explicit(&workers[i]->counters.latency[kind][window], memory_order_relaxed);
    sum += mine;
    n += mine > 0;
  }
  return n == 0 ? 0 : sum / n;
}
