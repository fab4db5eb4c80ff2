// SPDX-License-Identifier: BSD-2-Clause
// A zone transfer on its way from a backend: which message is its last (RFC 5936 2.2, RFC 1995 4).
//
// Owner: the connection that it comes over. Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_TRANSFER_H
#define DNSPROXY_UPSTREAM_TRANSFER_H

#include "dnsproxy/core/query.h"

struct upstream_connection;

struct transfer {
  bool incremental;        // IXFR was asked for
  bool whole;              // ... and the whole zone comes: its second record is no SOA
  bool began;              // a message was delivered: it cannot be asked for again
  bool went_on;            // the message at hand went to the client, who waits for more
  bool full;               // ... when it has read some
  struct upstream_connection *connection;
  uint32_t client_serial;  // of an incremental one
  uint32_t serial;         // of the first SOA
  uint64_t records;        // so far
  unsigned serial_seen;    // how often a SOA had `serial`
};

void transfer_begin(struct transfer *, struct upstream_connection *, const struct query *); // as it goes to the backend
// Takes note of a message; true: it is the last. Malformed ones are, too.
bool transfer_last(struct transfer *, const uint8_t *message, size_t size);

#endif
