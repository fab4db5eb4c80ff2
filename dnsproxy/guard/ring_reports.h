// SPDX-License-Identifier: BSD-2-Clause
// What the rings say when somebody asks: the tables of topQueries() and its kin, the histogram of latencies, grepq().
//
//   rings --reader--> filter --> tally (counts by name or by client) --> sorted rows      topX(), exceedX(), getRespRing()
//                           \--> rows of text, oldest first                               grepq()
//
// A tally is a hash table from a name or a client to a number, on the caller's stack: strangers choose the keys, so its hash
// has a seed of its own. ring_count() reads one kind of ring, leaves out what the filter does not want, cuts names to their
// last labels if told so, and adds 1 or the size of the packet. When all is in, tally_sort() orders the rows. Counts are per
// entry: rings_weight() says what an entry stands for when only some are recorded.
//
// Nothing is kept between two questions, and nothing is counted ahead: the cost is the asker's, in proportion to the rings.
// Any thread but a worker's, which has no time for it.
#ifndef DNSPROXY_GUARD_RING_REPORTS_H
#define DNSPROXY_GUARD_RING_REPORTS_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/guard/rings.h"
#include "dnsproxy/wire/name.h"

struct tally_row {
  uint64_t hash, count;
  union {
    struct name name;       // the casing that was added first
    struct address address; // without its port
  };
};

struct tally {
  bool of_names;
  uint64_t seed, total; // of all counts
  struct tally_row *rows;
  size_t count, room;
  uint32_t *slots; // number of the row + 1; 0: free. A power of two, at least twice `room`
};

void tally_init(struct tally *, bool of_names);
void tally_fini(struct tally *);
void tally_add_name(struct tally *, const struct name *, uint64_t n);
void tally_add_address(struct tally *, const struct address *, uint64_t n);
// Highest count first, then in the order of names or addresses. Nothing may be added afterwards.
void tally_sort(struct tally *);

// What the rings say about names and clients: counted, filtered, as tables and as a histogram.
//
// Any thread; a count takes time in proportion to the rings.

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

// grepq(): the entries of the rings that match, as a table.
//
// Any thread.

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
