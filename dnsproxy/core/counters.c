// SPDX-License-Identifier: BSD-2-Clause
// The rows of counters and drops, and their sums.
#include "dnsproxy/core/counters.h"

#include "dnsproxy/core/worker.h"

const struct counter_row counter_rows[COUNTER_COUNT] = {
#define COUNTER(id, text, words) [COUNTER_##id] = {.name = text, .help = words},
#include "dnsproxy/core/counters.def"
#undef COUNTER
};

const struct drop_row drop_rows[DROP_COUNT] = {
#define DROP(id, text, words, counts) [DROP_##id] = {.name = text, .sentence = words, .is_query = counts},
#include "dnsproxy/core/drops.def"
#undef DROP
};

uint64_t
counter_sum(enum counter c)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < worker_count(); i++)
    sum += atomic_load_explicit(&workers[i]->counters.counter[c], memory_order_relaxed);
  return sum;
}

uint64_t
drop_sum(enum drop d)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < worker_count(); i++)
    sum += atomic_load_explicit(&workers[i]->counters.drop[d], memory_order_relaxed);
  return sum;
}
