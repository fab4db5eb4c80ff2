// SPDX-License-Identifier: BSD-2-Clause
// A worker: one thread, one event loop, and everything a query may need without a lock.
//
//   event loop: a socket is readable --> worker_begin(): clocks, newest configuration, posts
//                                        the batch walks
//                                        worker_end(): sends, memory that is due, slabs  --> sleeps
//
// What a worker has: the sockets of listeners, sockets and connections to backends, tables of what is in flight, slabs,
// counters, hit pages of rules, random numbers, the lease on the configuration. Folders hang their parts on it as pointers
// to structures that they alone know (rings, upstreams, ...), because includes point one way; where a lower one must call a
// higher one, it does so through hooks that were given at start.
//
// Owner: run/. Only the worker's own thread touches a worker, except: counters and hit pages (read by anybody), the mailbox
// (config/snapshot.h), and worker_post(), by which any thread gives it work. A guest is one without a thread or a place in
// the table, for a walk that leaves nothing behind.
#ifndef DNSPROXY_CORE_WORKER_H
#define DNSPROXY_CORE_WORKER_H

#include "dnsproxy/base/buffers.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/base/slab.h"
#include "dnsproxy/core/counters.h"
#include "dnsproxy/core/settings.h"

#include <event2/event.h>

struct address;
struct listener;
struct query;
struct rings;
struct service_room;
struct snapshot;
struct stream_guard;
struct suspended_place;
struct text;
struct worker;

enum { WORKERS_MAX = 128, HIT_PAGE_SLOTS = 512, HIT_PAGES = 4096 };

// A worker's hold on a snapshot. Plain integers: only the worker touches it.
struct lease {
  struct snapshot *snapshot;       // one reference
  const struct settings *settings; // of the snapshot
  uint32_t queries;                // begun under it and not yet ended
  struct lease *next;              // older ones of the worker
};

// Work posted by another thread: run on the worker's loop, then it belongs to `run`.
struct post {
  struct post *next;
  void (*run)(struct worker *, struct post *);
};

// What lower folders call when a packet comes back: given by path/ at start.
struct walk_hooks {
  void (*query)(struct query *);                  // a query was received: walk it from the first room
  void (*queries)(struct query **, unsigned n);   // the same for a batch of datagrams: cache lines are fetched ahead
  void (*answer)(struct query *);                 // its answer is in q->packet: walk the way back
  void (*failed)(struct query *, unsigned drop);  // no answer will come (enum drop): time-out, lost, send error
  bool (*elsewhere)(const struct query *);        // would failed() send it to another backend? NULL: never
  void (*unsent)(struct query *, unsigned drop);  // its answer, counted as sent, did not go: of a listener's own walk only
  bool (*admit_stream)(struct worker *, struct listener *, const struct address *peer); // ACL at accept; counts refusals
  bool (*expects_header)(struct worker *, const struct listener *, const struct address *peer); // PROXY; NULL: never
  const struct stream_guard *stream_guard; // per-client limits of connections (net/stream.h); NULL: none
};

struct worker {
  unsigned id; // 0 .. worker_count() - 1
  struct event_base *base;
  uint64_t now_us;       // monotonic, read once per batch or event
  uint64_t wall_us;      // the same instant, wall clock
  uint32_t now_s;        // now_us in whole seconds: cache
  struct random_state random;
  struct counters counters;
  struct lease *lease;   // the configuration that new queries begin under
  struct lease *old_leases; // ended configurations that queries still live under
  struct slab queries;   // struct query
  struct slab extras;    // struct query_extra
  struct slab packets;   // PACKET_PIECE bytes each: see query_own_packet()
  struct buffers buffers; // larger packets, and other rare things of queries
  const struct walk_hooks *walk;
  _Atomic(uint64_t *) hits[HIT_PAGES]; // per rule slot: hits[slot / HIT_PAGE_SLOTS][slot % HIT_PAGE_SLOTS]
  _Atomic uint64_t parked; // queries owned by a table (in flight, delayed, script), written by the worker: accounting
  // Rooms of their owners, NULL until they open: see the folder's headers.
  struct datagram_batch *datagram; // net/datagram
  struct stream_set *streams;      // net/stream
  struct connection_set *connections; // net/connection, those of clients and backends
  unsigned connection_users;
  struct upstream_set *upstreams;  // upstream/upstream
  struct upstream_streams *upstream_streams; // upstream/upstream_stream
  struct delay_queue *delays;      // net/delay
  struct suspended_place *suspended; // walk/suspended
  struct tee_socket *tees;         // net/tee
  struct service_room *services;   // services/service
  struct rings *rings;             // guard/rings
  _Atomic(struct snapshot *) mailbox; // newest configuration not yet taken
  _Atomic(struct post *) posts;       // LIFO of posted work
  int wake_fd;                        // eventfd: mailbox or posts filled
  struct event *wake_event;
  void (*begin)(struct worker *);     // what worker_begin() and worker_end() do beyond the clock: given by run/
  void (*end)(struct worker *);
  struct text *notes;                 // of a guest: what would have been logged
  uint32_t until_timed;               // walks through chains until one is timed (rules/chain/rule_cost.h)
  bool timed;                         // this one is
  bool draining;                      // no new queries; leave when nothing is parked
};

extern struct worker *workers[WORKERS_MAX];
unsigned worker_count(void);         // fixed before the first worker starts
struct worker *worker_current(void); // NULL outside of worker threads
// Runs post->run on the worker's thread soon. Any thread.
void worker_post(struct worker *, struct post *);
// Adds a worker that is not yet running: its slabs, seeds, clocks. fini frees a worker that has stopped.
struct worker *worker_new(const struct walk_hooks *);
// One that is no part of the table, for queries that are made up: what it counts, nobody sees. Its id is one behind those of
// the table. Thread: control, Lua lock held; worker_free() ends it.
struct worker *worker_guest(void);
void worker_free(struct worker **);
// Declares the calling thread to be this worker's.
void worker_adopt(struct worker *);
void worker_run_posts(struct worker *); // wake event: runs what was posted, in order
void worker_wake(struct worker *);      // any thread
// Every callback of a worker that handles queries begins and ends with these: clocks, newest configuration, epoch;
// then everything queued goes to the kernel and slabs are refilled. Given by run/, so that net/ need not know.
void worker_begin(struct worker *);
void worker_end(struct worker *);
// Reads the clocks into now_us, wall_us, now_s.
void worker_clock(struct worker *);

static inline void
count(struct worker *w, enum counter c)
{
  counter_add(&w->counters.counter[c], 1);
}

#endif
