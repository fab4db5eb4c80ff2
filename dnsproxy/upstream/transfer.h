// SPDX-License-Identifier: BSD-2-Clause
// A zone transfer on its way from a backend: which message is its last (RFC 5936 2.2, RFC 1995 4).
//
//   AXFR: SOA ... ... SOA            over with the second SOA of the first serial
//   IXFR: SOA                        alone, not newer than the client's: over; else more follows
//         SOA, SOA old, ..., SOA     differences: over when the first SOA's serial comes the third time
//         SOA, no SOA, ...           the whole zone after all: as AXFR
//
// A transfer is one query with many answers; TCP has no mark for the last. Records are looked at as messages pass, nothing
// is kept but counts. What cannot be read, or is an error, is the last message. When the client reads slower than the
// backend sends, reading from the backend pauses until the client has taken some (`full`).
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
