// SPDX-License-Identifier: BSD-2-Clause
// A listener: one configured address and transport, one row of showBinds, with a socket per worker.
//
// Life: made by the configuration, bound (before privileges are dropped, for the first ones), then started: from then on each
// worker owns its socket. It may be stopped while workers run: each takes no more queries, answers those that it has, and closes
// its socket; a listener that nobody serves any more can be bound and started again. Counted; options are fixed once it is
// started. Counters are single-writer per worker.
#ifndef DNSPROXY_NET_LISTENER_H
#define DNSPROXY_NET_LISTENER_H

#include "dnsproxy/base/object.h"
#include "dnsproxy/core/query.h"

struct listener_counters {
  _Atomic uint64_t queries, responses, noncompliant;
  // tcp_max_concurrent is of the whole listener as seen by a worker: the largest of them counts. The others are sums.
  _Atomic uint64_t tcp_current, tcp_max_concurrent, tcp_died_reading, tcp_died_sending, tcp_gave_up, tcp_client_timeouts,
      tcp_downstream_timeouts, tcp_connections, tcp_queries, tcp_duration_us, tcp_read_ios, tcp_refused;
};

struct listener {
  struct object object;
  struct address address; // as configured; the port is the kernel's once bound to port 0
  const struct transport *transport;
  bool reuse_port, proxy_protocol;
  char interface[64]; // as it was configured: too long for one that exists, perhaps
  int fast_open_queue, listen_queue; // 0: none; 0: SOMAXCONN
  uint32_t max_in_flight;     // 0, 1: one query at a time
  uint32_t max_connections;   // 0: no limit
  int *cpus;                  // pinning as configured: kept for show, workers are placed by the kernel
  size_t cpu_count;
  _Atomic uint64_t places;    // connections admitted, of all workers; only counted under max_connections
  _Atomic bool muted;
  const struct walk_hooks *walk; // where its queries go: NULL for the proxy's walk, else a scripted service's
  void *service;              // of `walk`
  struct listener_counters *counters[WORKERS_MAX];
  bool served[WORKERS_MAX];   // by this worker; all unless repeated reusePort lines were dealt out
  int sockets[WORKERS_MAX];   // -1: none. Owned by the worker once started
  _Atomic uint32_t serving;   // workers that have its socket
};

extern const struct object_class listener_class; // "ClientState"
// setTCPFastOpenKey(): of all listeners that are bound afterwards. Written while the configuration is loaded.
extern struct listener_fast_open {
  bool set;
  uint32_t key[4];
} listener_fast_open;
struct listener *listener_new(const struct address *, const struct transport *);
// Binds one socket per worker (the first without SO_REUSEPORT, so that a second instance learns that the port is in use;
// repeated lines with reusePort are dealt out over the workers by the caller). Main thread. FAULT_PLAIN: binding socket to <addr>: <error>
bool listener_bind(struct listener *, unsigned worker_total, const int buffer_sizes[2], struct fault *);
void listener_close(struct listener *);
uint64_t listener_queries(const struct listener *); // sum

// The walk of a query that came in here.
static inline const struct walk_hooks *
listener_walk(const struct listener *l, const struct worker *w)
{
  return l->walk != NULL ? l->walk : w->walk;
}

// An answer that was counted as sent did not go (enum drop): takes it back where it was counted. The caller frees the query.
void listener_unsent(struct query *, unsigned why);

// The connections of a worker: opened by each folder that has some, closed as often. Between worker_begin() and worker_end().
struct connection_set;
struct connection_set *worker_connections_open(struct worker *);
void worker_connections_close(struct worker *);

// On all workers that have a socket of it, by messages to them: serve it; stop. Any thread, as long as workers run.
void listener_start(struct listener *);
void listener_stop(struct listener *);
static inline bool
listener_is_served(struct listener *l) // false soon after listener_stop(), when the last query has its answer
{
  return atomic_load(&l->serving) > 0;
}

// Worker thread: what transports are made of (core/transport.h).
bool listener_serve(struct worker *, struct listener *); // starts it here. False: no memory
void listener_left(struct worker *, struct listener *);  // by the transport: closes the socket, gives back a reference
bool datagram_start(struct worker *, struct listener *);
void datagram_stop(struct worker *, struct listener *); // answers still go out
bool stream_start(struct worker *, struct listener *);
void stream_stop(struct worker *, struct listener *);   // connections end when their queries have
// Stop taking queries, on the way out: of the proxy's listeners. Scripted services go on, they may be its backends.
void datagram_drain(struct worker *);
void stream_drain(struct worker *);
void datagram_open(struct worker *);
void datagram_close(struct worker *); // frees what the folder keeps for the worker
void stream_close(struct worker *);
// Sends what rooms have handed over since the last flush. At the end of each batch of work.
void datagram_flush(struct worker *);
// Parks the answer, which the walk has counted as sent, until its delay is over (the packet is copied). Then it is sent.
void delay_reply(struct query *);
void delay_open(struct worker *);
void delay_close(struct worker *);

#endif
