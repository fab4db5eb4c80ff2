// SPDX-License-Identifier: BSD-2-Clause
// The mean of the workers' latency averages.
#include "dnsproxy/observe/latency_average.h"

#include "dnsproxy/core/worker.h"

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
