// SPDX-License-Identifier: BSD-2-Clause
// Every unlabelled metric by name, for dumpStats() and exporters: the workers' counters, gauges made on read, and those that
// scripts declare. (Names: reference, metrics.tsv.)
//
//   counters.def --sum over workers-->  |
//   /proc, sockets, caches, latency --> | metrics_each(): sorted by name --> dumpStats(), exporters
//   declareMetric(), incMetric() -----> |
//
// Nothing is counted here but what scripts count: workers have counters of their own (core/counters), and a reader adds them
// up. Gauges are made when they are asked for, from /proc and from what other modules tell. The names are those of the
// dialect, as dashboards ask for them; some can only be 0 here.
//
// Custom metrics are never removed while threads run, so that reading and counting take no lock; lists grow at their heads.
// One that a failed command declared is withdrawn: not there until it is declared again. Declaring: Lua lock. Anything else:
// any thread; metrics_each() but on workers, because it reads /proc.
#ifndef DNSPROXY_OBSERVE_METRICS_H
#define DNSPROXY_OBSERVE_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct metric {
  const char *name, *help;
  bool is_counter;
  bool is_real; // printed with a fraction
  double value;
};

// Sorted by name. Custom metrics without labels are among them.
void metrics_each(void (*visit)(const struct metric *, void *), void *arg);

// Metrics that scripts declare. Any thread: reading and counting take no lock; nothing is removed before the end. Declaring: Lua lock held.

enum custom_metric_type { CUSTOM_COUNTER, CUSTOM_GAUGE };

// Names are made of letters, digits, '-' and '_'. False: the name is not. Declaring again is fine. prometheus_name may be NULL.
bool custom_metric_declare(const char *name, enum custom_metric_type, const char *help, const char *prometheus_name, bool with_labels);
// The series of a metric with these labels ("a=\"b\",..." sorted; "" for none); NULL: unknown name or other type.
_Atomic double *custom_metric_series(const char *name, enum custom_metric_type, const char *labels);
_Atomic double *custom_metric_any(const char *name, const char *labels); // either type
void custom_metrics_each(void (*visit)(const struct metric *, void *), void *arg); // without labels
void custom_metric_add(_Atomic double *, double); // negative: subtracts
void custom_metrics_clear(void); // at the end: no other thread is left

#endif
