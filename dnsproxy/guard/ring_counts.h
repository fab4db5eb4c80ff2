// SPDX-License-Identifier: BSD-2-Clause
// What the rings say about names and clients: counted, filtered, as tables and as a histogram.
//
// Any thread; a count takes time in proportion to the rings.
#ifndef DNSPROXY_GUARD_RING_COUNTS_H
#define DNSPROXY_GUARD_RING_COUNTS_H

#include "dnsproxy/base/text.h"
#include "dnsproxy/guard/rings.h"
#include "dnsproxy/guard/tally.h"

enum ring_filter {
  RING_ALL,
  RING_OF_RCODE, // number: the rcode
  RING_OF_QTYPE, // number: the type
  RING_SLOWER,   // number: than this many microseconds; time-outs are left out
  RING_TIMEOUTS,
};

struct ring_count {
  enum ring_kind kind;
  uint64_t since_us; // 0: all
  enum ring_filter filter;
  uint64_t number;
  bool bytes;        // add up sizes instead of entries
  bool cut;          // names are cut to their last `labels` labels
  unsigned labels;
};
// Adds to the tally, whose kind says whether names or clients are counted. Returns the time of the oldest entry looked at
// (filtered or not), UINT64_MAX when there was none.
uint64_t ring_count(struct tally *, const struct ring_count *);

// showResponseLatency(): average and histogram of the answers' latencies.
void ring_latency_text(struct text *);

#endif
