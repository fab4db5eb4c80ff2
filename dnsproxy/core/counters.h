// SPDX-License-Identifier: BSD-2-Clause
// Counters and drop reasons: one set per worker, written by that worker alone, summed by readers.
#ifndef DNSPROXY_CORE_COUNTERS_H
#define DNSPROXY_CORE_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum counter {
#define COUNTER(id, name, help) COUNTER_##id,
#include "dnsproxy/core/counters.def"
#undef COUNTER
  COUNTER_COUNT
};

enum drop {
#define DROP(id, name, sentence, counts) DROP_##id,
#include "dnsproxy/core/drops.def"
#undef DROP
  DROP_COUNT
};

struct counter_row {
  const char *name, *help;
};
struct drop_row {
  const char *name, *sentence;
  bool is_query; // had been counted in `queries`
};
extern const struct counter_row counter_rows[COUNTER_COUNT];
extern const struct drop_row drop_rows[DROP_COUNT];

// Latency averages, microseconds, with windows 100, 1000, 10000 and 1000000.
enum latency_kind { LATENCY_UDP, LATENCY_TCP, LATENCY_DOT, LATENCY_DOH, LATENCY_DOQ, LATENCY_DOH3, LATENCY_KINDS };
enum { LATENCY_WINDOWS = 4 };

struct counters {
  _Atomic uint64_t counter[COUNTER_COUNT];
  _Atomic uint64_t drop[DROP_COUNT];
  _Atomic double latency[LATENCY_KINDS][LATENCY_WINDOWS];
};

// A single-writer increment: no locked instruction.
static inline void
counter_add(_Atomic uint64_t *c, uint64_t n)
{
  atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

// Sums over all workers. Any thread.
uint64_t counter_sum(enum counter);
uint64_t drop_sum(enum drop);

#endif
