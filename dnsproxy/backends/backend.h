// SPDX-License-Identifier: BSD-2-Clause
// A backend: its constants, its health and load, and where each worker keeps its sockets to it.
//
//   newServer{...} --> backend_options, constant --> struct backend, counted: snapshots, pools, handles, queries hold it
//                                                     | counters[w], upstream[w], streams[w]: worker w's own
//                                                     | up, forced, mode: health's and control's; read relaxed by policies
//
// A counted object that survives snapshots. Options are set by newServer and never change; what scripts may change (name,
// weight, limit) is replaced and not written over, as workers read it. `up` is written under the lock of its health (keeper;
// console: setAuto(true)), forced states by control; counters by their worker alone; `upstream[w]` by worker w alone.
//
// What policies read for each candidate is in one cache line that nobody writes in passing, and load is summed over the
// workers at most once a millisecond by each of them: choosing must not make workers fight for lines.
//
// Life: made, added to the draft, published; removed: retired, policies skip it, its sockets close when nothing is in
// flight; freed with the last reference. Identity: backend_same(), by which a new configuration finds the old one.
#ifndef DNSPROXY_BACKENDS_BACKEND_H
#define DNSPROXY_BACKENDS_BACKEND_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/base/token_bucket.h"
#include "dnsproxy/base/uuid.h"
#include "dnsproxy/backends/protocol.h"
#include "dnsproxy/wire/name.h"
#include "dnsproxy/core/worker.h"

enum health_mode { HEALTH_ACTIVE, HEALTH_LAZY };
enum health_forced { FORCED_NONE, FORCED_UP, FORCED_DOWN };
enum lazy_mode { LAZY_TIMEOUT_OR_SERVFAIL, LAZY_TIMEOUT_ONLY };

// What newServer{...} said (options.tsv). Numbers carry their units in the name.
struct backend_options {
  struct address address;
  const struct backend_protocol *protocol;
  struct uuid id;
  bool id_drawn; // at random, as none was given: no part of the identity
  char name[256];
  uint32_t qps; // 0: no limit
  int32_t order, weight; // weight: at least 1
  uint32_t udp_timeout_s;      // 0: setUDPTimeout
  uint32_t sockets;            // UDP sockets per worker, at least 1
  struct address source;       // unset: the kernel chooses
  char source_interface[16];
  bool ip_bind_addr_no_port, reconnect_on_up, tcp_fast_open;
  uint32_t retries; // attempts over TCP, all of them
  uint32_t tcp_connect_timeout_s, tcp_send_timeout_s, tcp_recv_timeout_s;
  uint32_t max_in_flight;      // per stream; 0: not said (upstream/upstream_connection.h)
  uint32_t max_connections;    // 0: no limit
  bool use_client_subnet, disable_zero_scope, use_proxy_protocol, proxy_advertise_tls;
  uint8_t dscp;
  struct {
    struct name name;
    uint16_t type, class;
    uint32_t timeout_ms, interval_s, max_failures, rise;
    bool set_cd, must_resolve, over_tcp;
    enum health_mode mode;
    enum health_forced forced;
    uint32_t lazy_failed_interval_s, lazy_min_samples, lazy_sample_size, lazy_threshold, lazy_max_backoff_s;
    bool lazy_backoff;
    enum lazy_mode lazy_mode;
    struct script *function;  // checkFunction, run on the control thread through health_hooks; NULL: none. One reference,
                              // which backend_new() adds for itself
    struct script *validator; // setHealthCheckResponseValidator(): likewise
  } check;
};
void backend_options_default(struct backend_options *);

// Identity: by it a new configuration finds the backend that the old one had, with its sockets, health and counters. The same
// are two that were said the same: address, name, UUID (where one was given) and every option. What was changed since, by
// setWeight() or setDown(), is state and not part of it. Functions are the same only if they are the same object.
bool backend_options_same(const struct backend_options *, const struct backend_options *);
uint64_t backend_options_hash(const struct backend_options *); // equal for the same; with or without an UUID
// Of a backend and of what newServer{...} says now.
struct backend;
bool backend_same(const struct backend *, const struct backend_options *);

// Written by one worker each. The first cache line is what policies and answers touch.
struct backend_counters {
  _Alignas(64) _Atomic uint64_t outstanding;
  _Atomic uint64_t responses;
  _Atomic double latency_us, tcp_latency_us; // EWMA 127/128; 0: never measured
  // What the other workers have, as of load_read_us: the cache of backend_load(), only this worker looks.
  uint64_t load_others, load_read_us;
  double mean_latency_us, mean_tcp_latency_us; // over all workers
  _Atomic uint64_t queries, drops, reused_slots, send_errors, tcp_gave_up;
  // tcp_max_concurrent is of all workers as seen by one: the largest counts. The others are sums.
  _Atomic uint64_t tcp_died_sending, tcp_died_reading, tcp_read_timeouts, tcp_write_timeouts, tcp_connect_timeouts,
      tcp_too_many, tcp_new_connections, tcp_reused_connections, tcp_current, tcp_max_concurrent,
      tcp_queries, tcp_duration_us; // of sockets that are closed
};

struct upstream; // upstream/upstream.h: a worker's sockets and in-flight table
struct upstream_peer; // upstream/upstream_connection.h: a worker's TCP connections

// Replaced, never changed, while others read: a name, a limit. Old ones are freed with the backend.
struct backend_label {
  struct backend_label *previous;
  char *name, *full; // full: "name (ip:port)", or "ip:port" without a name
};
struct backend_limit {
  struct backend_limit *previous;
  bool limited;
  struct token_bucket bucket;
};

struct backend {
  struct object object;
  // One cache line that policies read for each candidate and nobody writes in passing.
  _Alignas(64) _Atomic int32_t order;
  _Atomic int32_t weight;
  _Atomic uint8_t forced; // enum health_forced
  _Atomic uint8_t mode;   // enum health_mode
  _Atomic bool up;        // as health checks see it
  bool missing;           // its protocol is not built: never up. Constant
  _Atomic bool retired;   // removed: policies skip it, its sockets close when nothing is in flight
  _Atomic uint32_t generation; // moves when sockets must be made anew (reconnectOnUp, another own address): upstreams compare
  _Atomic(struct backend_limit *) qps;
  _Atomic(struct backend_label *) label;
  struct health *health;  // backends/health.h: the keeper's book, under its own lock
  struct backend_counters *counters[WORKERS_MAX + 1]; // all there from backend_new() on; the last: a guest
  struct upstream *upstream[WORKERS_MAX];         // NULL until worker w first sends
  struct upstream_peer *streams[WORKERS_MAX];     // the same over TCP
  _Atomic uint64_t places;                        // TCP connections of all workers; only counted under max_connections
  struct backend_options options; // constant; the name of now is backend_name()
  _Atomic uint32_t stream_failures;               // in a row: see backend_stream_suspect()
  _Atomic int told_error;                         // backend_socket_open(): what was told of it, and when
  _Atomic uint64_t told_us;
  bool stream_checked;                            // keeper: such a check is under way
  struct address checked_from;                    // keeper: the address that the last check left from
  _Atomic uint64_t last_queries, last_drops;      // keeper: for rates
  _Atomic double qps_now, drop_rate_now;          // per second, refreshed every second by the keeper
};

extern const struct object_class backend_class; // "Server"
struct backend *backend_new(const struct backend_options *); // down until a health check or a forced state says otherwise

// Forced state, else health; false when retired, and when there is no way to it.
static inline bool
backend_is_up(const struct backend *b)
{
  if (b->missing || atomic_load_explicit(&b->retired, memory_order_relaxed))
    return false;
  uint8_t forced = atomic_load_explicit(&b->forced, memory_order_relaxed);
  return forced == FORCED_NONE ? atomic_load_explicit(&b->up, memory_order_relaxed) : forced == FORCED_UP;
}
// The way of a query to it: one that came over a stream may have a large answer.
static inline const struct backend_protocol *
backend_way(const struct backend *b, bool over_stream)
{
  const struct backend_protocol *p = b->options.protocol;
  return over_stream && p->for_streams != NULL ? p->for_streams : p;
}
// The way over streams has a health of its own, that traffic tells: connections that break without an answer, or bring nothing
// for long. After some in a row, by whichever worker, queries of streams prefer other backends of the pool, until an answer
// comes, to a query or to a check that the keeper makes for this (backends/health).
enum { BACKEND_STREAM_FAILURES = 3 };
static inline bool
backend_stream_suspect(const struct backend *b)
{
  return atomic_load_explicit(&b->stream_failures, memory_order_relaxed) >= BACKEND_STREAM_FAILURES;
}
static inline void
backend_stream_failed(struct backend *b)
{
  atomic_fetch_add_explicit(&b->stream_failures, 1, memory_order_relaxed);
}
static inline void
backend_stream_answered(struct backend *b)
{
  if (atomic_load_explicit(&b->stream_failures, memory_order_relaxed) != 0)
    atomic_store_explicit(&b->stream_failures, 0, memory_order_relaxed);
}
static inline void
backend_place_back(struct backend *b)
{
  if (b->options.max_connections > 0)
    atomic_fetch_sub_explicit(&b->places, 1, memory_order_relaxed);
}
const char *backend_name(const struct backend *);      // "" without one; valid as long as the backend
const char *backend_full_name(const struct backend *); // "name (ip:port)" or "ip:port"; likewise
char *backend_name_with_address(const struct backend *, char *out, size_t size); // a copy of the latter
// Control thread.
void backend_set_name(struct backend *, const char *name);
bool backend_set_weight(struct backend *, int64_t weight); // false, unchanged: below 1 or too large. Also pool_draft_reweighed()
void backend_set_qps(struct backend *, int64_t limit);     // 0 and less: none
void backend_reset_latency(struct backend *);              // setDown()
// The limiter: is there a token, and take one. True without a limit. Any worker.
bool backend_has_token(const struct backend *, uint64_t now_us);
bool backend_take_token(struct backend *, uint64_t now_us);

// Sums over workers.
uint64_t backend_queries(const struct backend *);
uint64_t backend_drops(const struct backend *);
uint64_t backend_outstanding(const struct backend *);
double backend_latency_us(const struct backend *, bool tcp); // mean of the workers that measured; 0: never measured
// The same for policies on a worker, which ask for each candidate of each query: the own queries exactly, those of the
// others and latencies at most a millisecond old.
enum { BACKEND_LOAD_AGE_US = 1000 };
void backend_load_refresh(const struct backend *, struct worker *);
static inline uint64_t
backend_load(const struct backend *b, struct worker *w)
{
  const struct backend_counters *own = b->counters[w->id];
  if (w->now_us - own->load_read_us >= BACKEND_LOAD_AGE_US)
    backend_load_refresh(b, w);
  return atomic_load_explicit(&own->outstanding, memory_order_relaxed) + own->load_others;
}
static inline double // after backend_load()
backend_load_latency_us(const struct backend *b, const struct worker *w, bool tcp)
{
  const struct backend_counters *own = b->counters[w->id];
  return tcp ? own->mean_tcp_latency_us : own->mean_latency_us;
}

// A table of backends in showServers order: sorted by order when added, then by age. Immutable in a snapshot.
struct backend_list {
  struct object object;
  uint32_t count;
  struct backend *items[]; // one reference each
};
extern const struct object_class backend_list_class;
struct backend_list *backend_list_new(struct backend *const *, uint32_t count); // takes references

#endif
