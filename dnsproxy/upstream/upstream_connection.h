// SPDX-License-Identifier: BSD-2-Clause
// One worker's connections to one backend, and the queries in flight on each (semantics.md section 5). Internal to upstream/.
//
//   peer (a backend, as a worker sees it)
//     idle   nothing in flight; the one used last is first
//     room   some in flight, and more may be
//     full   as many as it takes, or not for others: of a zone transfer, silent, or to a place that has moved
//
// A query takes the head of a list, so finding a connection costs the same however many there are. A connection is always in
// the list that its state says (upstream_connection_place()); its queries are in a dense table by the id that they have there.
//
// A connection owns its queries with their packets, which are kept as they were sent. When a socket breaks, the queries go out
// again over a new one within the same connection; time-outs, nonsense from the backend and too many failures end it, and its
// queries fail: the walk then may send them to another backend. A connection that has brought nothing for a second gets no
// more queries, and gives those that have somewhere else to go back.
//
// How many at a time: maxInFlight, if it was given. Else one each, on as many connections as are kept when idle
// (setMaxCachedTCPConnectionsPerDownstream); what comes beyond shares them, and a backend that closes behind its first answer
// although more was asked is asked one at a time for a minute. Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_CONNECTION_H
#define DNSPROXY_UPSTREAM_UPSTREAM_CONNECTION_H

#include "dnsproxy/backends/backend.h"
#include "dnsproxy/net/connection.h"
#include "dnsproxy/upstream/transfer.h"
#include "dnsproxy/upstream/upstream_slots.h"

#include <sys/queue.h>

enum upstream_place { PLACE_IDLE, PLACE_ROOM, PLACE_FULL, PLACES };
TAILQ_HEAD(upstream_connections, upstream_connection);

struct upstream_peer {
  struct upstream_peer *next; // of the worker
  struct backend *backend;    // one reference
  struct worker *worker;
  struct upstream_connections at[PLACES];
  struct upstream_connection *filling; // the one chosen last; NULL: it is gone
  uint32_t open, idle;        // connections in all lists, in that of the idle
  uint32_t structures;        // connections not yet freed
  uint32_t opened_generation; // backend->generation: when it moves, other addresses are better
  struct upstream_connection **alike; // those with a head that are idle or have room, by its hash; NULL: none yet
  uint32_t alike_size, alike_count;
  uint64_t alike_seed;
  uint64_t single_until_us;   // one query at a time, where maxInFlight does not say
};

struct upstream_connection {
  struct connection connection; // first: its callbacks cast
  struct upstream_peer *peer;
  TAILQ_ENTRY(upstream_connection) entry; // in peer->at[place]
  enum upstream_place place;
  struct upstream_slots slots; // what is in flight
  uint32_t failures;           // consecutive, of fresh sockets
  uint32_t answers;            // of this socket
  bool fresh;                  // this socket has brought none yet
  bool exclusive;              // of a zone transfer: nobody else's, and closed after it
  bool silent, moved;          // gets no more queries
  bool ended;
  bool armed;                  // the timer
  struct transfer transfer;
  uint8_t *head; // what each socket sends first: a PROXY header; NULL: nothing
  size_t head_size;
  uint64_t head_hash;
  struct upstream_connection *next_alike, **alike_link; // in peer->alike; NULL: not there
  uint64_t opened_us, idle_us; // idle_us: since when, of an idle one
  uint64_t heard_us;           // of the last bytes, or of the first query after silence
  uint64_t bytes_us;           // of the last bytes
};

// Opens a connection; full, without a query. NULL: no socket or no memory, errno says which.
// head: sent first, copied.
struct upstream_connection *upstream_connection_open(struct upstream_peer *, const uint8_t *head, size_t head_size);
// One that began with the same and takes another query: those of a client are not for others. Costs the same however many
// clients and connections there are. NULL: there is none.
struct upstream_connection *upstream_connection_alike(const struct upstream_peer *, const uint8_t *head, size_t head_size);
bool upstream_connection_has_room(const struct upstream_connection *);
// Takes the query over, its packet being its own. False: no memory.
bool upstream_connection_send(struct upstream_connection *, struct query *);
// Puts it where it belongs now; one with nothing in flight becomes idle, or ends.
void upstream_connection_place(struct upstream_connection *);
// Closes it; the queries on it fail for this reason.
void upstream_connection_end(struct upstream_connection *, enum drop why);

struct upstream_peer *upstream_peer_new(struct worker *, struct backend *); // on the worker's list
void upstream_peer_free(struct upstream_peer **);                          // without connections; takes it off that list
void upstream_peer_end_idle(struct upstream_peer *, uint64_t since_us);    // those that are idle since then or longer
void upstream_peer_moved(struct upstream_peer *); // no more queries for the connections of now

// What a worker keeps.
struct upstream_streams {
  struct upstream_peer *peers;
  struct event *scan;
  uint64_t scan_us; // when it will run; 0: not
};
void upstream_stream_scan_in(struct worker *, uint64_t us); // idle connections will be looked at, in this time at the latest

#endif
