// SPDX-License-Identifier: BSD-2-Clause
// grepq(): the entries of the rings that match, as a table.
//
// Any thread.
#ifndef DNSPROXY_GUARD_RING_GREP_H
#define DNSPROXY_GUARD_RING_GREP_H

#include "dnsproxy/base/netmask.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/guard/rings.h"

// What is not set matches everything.
struct ring_grep {
  bool has_mask, has_name, has_latency;
  struct netmask mask;  // of the client
  struct name name;     // at or below
  uint64_t slower_us;   // answers alone; time-outs are the slowest
  uint64_t limit;       // newest queries, newest answers; 0: all
};

// Adds a filter: a netmask or address, "100ms", or a name. One of a kind that is there already replaces it. False: none of these.
bool ring_grep_add(struct ring_grep *, const char *text, size_t size);
// A header, then a line for each entry, oldest first.
void ring_grep_text(const struct ring_grep *, struct text *);

#endif
