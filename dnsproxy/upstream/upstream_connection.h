// SPDX-License-Identifier: BSD-2-Clause
// One worker's TCP connections to one backend, and the queries in flight on each (semantics.md section 5).
// Internal to pool/. Thread: the worker.
//
// A connection owns its queries with their packets, which are kept as they were sent, so that they can be sent again
// when the connection breaks. A lost socket is replaced within the same connection; only time-outs, nonsense from the
// backend and too many failures end it.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_CONNECTION_H
#define DNSPROXY_UPSTREAM_UPSTREAM_CONNECTION_H

#include "dnsproxy/net/connection.h"
#include "dnsproxy/backends/backend.h"
#include "dnsproxy/upstream/transfer.h"
#include "dnsproxy/upstream/upstream_slots.h"

enum { QUERIES_PER_CONNECTION = 65534 };

struct upstream_peer {
  struct upstream_peer *next; // of the worker
  struct backend *backend;    // one reference
  struct worker *worker;
  struct upstream_connection *idle; // the one used last is the first
  struct upstream_connection *busy;
  uint32_t idle_count;
  uint32_t structures; // connections not yet freed
};

struct upstream_connection {
  struct connection connection; // first: its callbacks cast
  struct upstream_peer *peer;
  struct upstream_connection *next, **link; // in peer->idle or peer->busy
  struct upstream_slots slots; // what is in flight
  uint32_t failures; // consecutive, of fresh sockets
  bool fresh;        // this socket has brought no answer yet
  bool exclusive;    // of a zone transfer: nobody else's, and closed after it
  struct transfer transfer;
  uint8_t *head; // what each socket sends first: a PROXY header; NULL: nothing
  size_t head_size;
  bool ended;
  bool armed;        // the timer
  uint64_t opened_us, idle_us;
  uint64_t heard_us; // of the last bytes, or of the first query after silence
};

// Opens a connection; busy, without a query. NULL: no socket or no memory.
// head: sent first, copied.
struct upstream_connection *upstream_connection_open(struct upstream_peer *, const uint8_t *head, size_t head_size);
// Does it begin with the same? Those of a client are not for others.
bool upstream_connection_begins(const struct upstream_connection *, const uint8_t *head, size_t head_size);
bool upstream_connection_has_room(const struct upstream_connection *);
// Takes the query over, its packet being its own. False: no memory.
bool upstream_connection_send(struct upstream_connection *, struct query *);
void upstream_connection_idle(struct upstream_connection *); // nothing was sent after all: goes to the idle ones, or ends
// Closes it; the queries on it fail for this reason.
void upstream_connection_end(struct upstream_connection *, enum drop why);
void upstream_peer_free(struct upstream_peer **); // without connections; takes it off the worker's list

// What a worker keeps.
struct upstream_streams {
  struct upstream_peer *peers;
  struct event *scan;
  bool scanning;
};
void upstream_stream_scan_later(struct worker *); // there are connections: idle ones will be looked at

#endif
