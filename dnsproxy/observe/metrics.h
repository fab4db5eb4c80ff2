// SPDX-License-Identifier: BSD-2-Clause
// Every unlabelled metric by name, for dumpStats() and exporters: the workers' counters, and gauges made on read.
//
// Any thread but workers, without the Lua lock, whatever scripts do meanwhile; reads /proc.
#ifndef DNSPROXY_OBSERVE_METRICS_H
#define DNSPROXY_OBSERVE_METRICS_H

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

#endif
