// SPDX-License-Identifier: BSD-2-Clause
// A backend: its constants, its health and load, and where each worker keeps its sockets to it.
//
// A counted object that survives snapshots. Constants are set by newServer and never change; health is written by the
// keeper thread (forced states: control); counters by their worker alone; `upstream[w]` by worker w alone.
#ifndef DNSPROXY_POOL_BACKEND_H
#define DNSPROXY_POOL_BACKEND_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/base/token_bucket.h"
#include "dnsproxy/base/uuid.h"
#include "dnsproxy/wire/name.h"
#include "dnsproxy/worker.h"

enum health_mode { HEALTH_ACTIVE, HEALTH_LAZY };
enum health_forced { FORCED_NONE, FORCED_UP, FORCED_DOWN };
enum lazy_mode { LAZY_TIMEOUT_OR_SERVFAIL, LAZY_TIMEOUT_ONLY };

// What newServer{...} said (options.tsv). Numbers carry their units in the name.
struct backend_options {
  struct address address;
  struct uuid id;
  char name[256];
  uint32_t qps; // 0: no limit
  int32_t order, weight;
  uint32_t udp_timeout_s;      // 0: setUDPTimeout
  uint32_t sockets;            // UDP sockets per worker, at least 1
  struct address source;       // unset: the kernel chooses
  char source_interface[16];
  bool ip_bind_addr_no_port, tcp_only, reconnect_on_up, tcp_fast_open;
  uint32_t retries, tcp_connect_timeout_s, tcp_send_timeout_s, tcp_recv_timeout_s;
  uint32_t max_in_flight;      // per stream, 0 and 1: one
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
    struct script *function; // checkFunction: run on the control thread through health_hooks; may be NULL
  } check;
};
void backend_options_default(struct backend_options *);

// Written by one worker each.
struct backend_counters {
  _Atomic uint64_t queries, drops, reused_slots, send_errors, responses, outstanding, tcp_gave_up;
  _Atomic uint64_t tcp_died_sending, tcp_died_reading, tcp_read_timeouts, tcp_write_timeouts, tcp_connect_timeouts,
      tcp_too_many, tcp_new_connections, tcp_reused_connections, tcp_current, tcp_max_concurrent;
  _Atomic double latency_us, tcp_latency_us; // EWMA 127/128; 0: never measured
};

struct upstream; // pool/upstream.h: a worker's sockets and in-flight table

struct backend {
  struct object object;
  struct backend_options options; // constant, but for name (control only)
  _Atomic int32_t order, weight;
  _Atomic uint8_t forced; // enum health_forced
  _Atomic uint8_t mode;   // enum health_mode
  _Atomic bool up;        // as health checks see it
  _Atomic uint32_t generation; // raised when workers should renew their sockets (reconnectOnUp)
  _Atomic bool retired;   // removed: policies skip it, its sockets close when nothing is in flight
  struct token_bucket qps;
  _Atomic bool qps_set;
  struct health *health;  // pool/health.c, keeper thread
  struct backend_counters *counters[WORKERS_MAX]; // allocated before the workers see the backend
  struct upstream *upstream[WORKERS_MAX];         // NULL until worker w first sends
  _Atomic uint64_t last_queries, last_drops;      // keeper: for rates
  _Atomic double qps_now, drop_rate_now;          // per second, refreshed every second by the keeper
};

extern const struct object_class backend_class; // "Server"
struct backend *backend_new(const struct backend_options *);

bool backend_is_up(const struct backend *); // forced state, else health; false when retired
char *backend_name_with_address(const struct backend *, char *out, size_t size); // "name (ip:port)" or "ip:port"
// Sums over workers.
uint64_t backend_queries(const struct backend *);
uint64_t backend_drops(const struct backend *);
uint64_t backend_outstanding(const struct backend *);
double backend_latency_us(const struct backend *, bool tcp); // 0: never measured
// The same for policies on a worker: its own figure exactly, the others' at most a millisecond old.
uint64_t backend_load(const struct backend *, struct worker *);

// A table of backends in showServers order: sorted by order when added, then by age. Immutable in a snapshot.
struct backend_list {
  struct object object;
  uint32_t count;
  struct backend *items[]; // one reference each
};
extern const struct object_class backend_list_class;

#endif
