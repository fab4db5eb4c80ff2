// SPDX-License-Identifier: BSD-2-Clause
// Counters and drop reasons: one set per worker, written by that worker alone, summed by readers.
//
//   counters.def, drops.def: a row each (name, what is said of it) --> enum, names, help, metrics
//   worker: count(w, COUNTER_X) --> its own number, relaxed, no locked instruction --> counter_sum(): any thread adds them up
//
// So counting costs an addition on the packet path, and nothing is shared; a sum that is read while workers count may be a
// few behind, and never goes back. Every way in which a query can end without an answer is a row of drops.def; the tests
// hold the program to queries = answers + drops + parked, which needs to know which drops had been counted as queries.
//
// To add a counter: a row, and the place that counts it. Guests (explain()) count into sets that nobody sums.
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
