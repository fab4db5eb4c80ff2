// SPDX-License-Identifier: BSD-2-Clause
// How often each name was asked for, or each key that a filter gives: setQueryCount(), getQueryCounters().
//
//   query --> the filter's key, or its name in lower case --> the worker's own table --> merged, sorted, when somebody asks
//
// Counting is off unless a configuration turns it on. A table per worker, under a lock of its own that nobody but a reader
// contends for, because adding must not wait for other workers. A table takes up to 65536 keys; a full one goes on
// counting what it has and says how many queries it missed, so that strangers who ask for random names cannot take memory.
// The filter is a function of the user's and runs on the worker, behind a pointer, as guard/ knows no scripts.
//
// Adding: the worker. Everything else: any thread. The tables are freed when no worker runs any more.
#ifndef DNSPROXY_GUARD_QUERY_COUNTS_H
#define DNSPROXY_GUARD_QUERY_COUNTS_H

#include "dnsproxy/core/query.h"

struct script; // lua/scripts: a filter

enum { QUERY_COUNT_KEYS = 65536, QUERY_COUNT_KEY_SIZE = 1024 }; // keys per worker; bytes of a key

struct query_count {
  char *key; // any bytes, NUL-terminated behind them
  size_t size;
  uint64_t count;
};

void query_counts_add(struct query *, struct script *filter); // NULL: under its name
// Says under which key a query counts; false: it does not. NULL: all do, under their name in lower case.
typedef bool (*query_count_filter_fn)(struct script *, struct query *, char key[QUERY_COUNT_KEY_SIZE], size_t *size);
void query_counts_use_filter(query_count_filter_fn);

// Highest first, then by key; *missed: queries whose keys found no room. Free the rows with query_counts_free().
size_t query_counts_read(struct query_count **rows, uint64_t *missed);
void query_counts_free(struct query_count **rows, size_t count);
size_t query_counts_keys(void); // of all workers together, each once
void query_counts_clear(void);
void query_counts_close(void); // no worker runs any more

#endif
