// SPDX-License-Identifier: BSD-2-Clause
// TCP towards backends: which connection a query takes, and how long idle ones are kept.
#include "dnsproxy/upstream/upstream_stream.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/backends/backend_socket.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/upstream/upstream.h"
#include "dnsproxy/upstream/upstream_connection.h"
#include "dnsproxy/upstream/upstream_proxy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct upstream_peer *
upstream_stream_peer(struct worker *w, struct backend *backend)
{
  struct upstream_peer *peer = backend->streams[w->id];
  if (peer == NULL)
    peer = upstream_peer_new(w, backend);
  uint32_t generation = atomic_load_explicit(&backend->generation, memory_order_relaxed);
  if (generation != peer->opened_generation) {
    peer->opened_generation = generation;
    upstream_peer_moved(peer);
  }
  return peer;
}

// ---- which connection ----

// One of the connections that the backend may have at once, over all workers.
static bool
upstream_stream_take_place(struct backend *b)
{
  if (b->options.max_connections == 0)
    return true;
  if (atomic_fetch_add_explicit(&b->places, 1, memory_order_relaxed) < b->options.max_connections)
    return true;
  backend_place_back(b);
  return false;
}

static struct upstream_connection *
upstream_stream_open_new(struct upstream_peer *peer, const struct query *q)
{
  bool proxied = peer->backend->options.use_proxy_protocol;
  struct backend_counters *counters = peer->backend->counters[peer->worker->id];
  if (!upstream_stream_take_place(peer->backend)) {
    counter_add(&counters->tcp_too_many, 1);
    errno = 0; // nothing is short but places
    return NULL;
  }
  struct upstream_connection *c = upstream_connection_open(peer, proxied ? q->extra->proxied : NULL, proxied ? q->extra->proxied_size : 0);
  if (c == NULL) {
    backend_place_back(peer->backend);
    log_verbose("backend", "Cannot connect to %s: %s", backend_full_name(peer->backend), strerror(errno));
  }
  return c;
}

// Of those that began with the client's header alone.
static struct upstream_connection *
upstream_stream_choose_proxied(struct upstream_peer *peer, const struct query *q)
{
  struct upstream_connection *c = upstream_connection_alike(peer, q->extra->proxied, q->extra->proxied_size);
  return c != NULL ? c : upstream_stream_open_new(peer, q);
}

// One that takes more at a time. Where maxInFlight does not say, they take turns, so that none has a long queue.
static struct upstream_connection *
upstream_stream_choose_shared(struct upstream_peer *peer)
{
  struct upstream_connection *c;
  while ((c = TAILQ_FIRST(&peer->at[PLACE_ROOM])) != NULL && !upstream_connection_has_room(c))
    upstream_connection_place(c);
  if (c != NULL && peer->backend->options.max_in_flight == 0) {
    TAILQ_REMOVE(&peer->at[PLACE_ROOM], c, entry);
    TAILQ_INSERT_TAIL(&peer->at[PLACE_ROOM], c, entry);
  }
  return c;
}

// In a crowd, what comes in one turn of the loop goes out in few writes: the one that was chosen last, while it waits to be
// written.
static struct upstream_connection *
upstream_stream_choose_filling(const struct upstream_peer *peer)
{
  enum { RUN = 16 };
  struct upstream_connection *c = peer->filling;
  const struct backend_counters *counters = peer->backend->counters[peer->worker->id];
  uint64_t outstanding = atomic_load_explicit(&counters->outstanding, memory_order_relaxed);
  bool crowd = c != NULL && peer->backend->options.max_in_flight == 0 &&
               outstanding >= peer->worker->lease->settings->tcp_max_idle_upstream;
  return crowd && connection_unsent(&c->connection) > 0 && c->slots.queries < RUN && upstream_connection_has_room(c) ? c : NULL;
}

// Idle ones first, the one used last before the others; then one that takes more at a time; then a new one. Where
// maxInFlight does not say, new ones come first, up to as many as are kept.
static struct upstream_connection *
upstream_stream_choose(struct upstream_peer *peer, const struct query *q)
{
  struct backend_counters *counters = peer->backend->counters[peer->worker->id];
  struct upstream_connection *c;
  if (q->is_xfr) {
    c = upstream_stream_open_new(peer, q);
    if (c != NULL)
      c->exclusive = true;
    return c;
  }
  if (peer->backend->options.use_proxy_protocol)
    return upstream_stream_choose_proxied(peer, q);
  c = upstream_stream_choose_filling(peer);
  if (c != NULL)
    return c;
  c = TAILQ_FIRST(&peer->at[PLACE_IDLE]);
  if (c != NULL) {
    counter_add(&counters->tcp_reused_connections, 1);
    return c;
  }
  if (peer->backend->options.max_in_flight == 0 && peer->open < peer->worker->lease->settings->tcp_max_idle_upstream) {
    c = upstream_stream_open_new(peer, q);
    if (c != NULL || !backend_socket_shortage(errno))
      return c;
  }
  c = upstream_stream_choose_shared(peer);
  return c != NULL ? c : upstream_stream_open_new(peer, q);
}

static bool
upstream_stream_refuse(struct query *q, enum drop why)
{
  q->drop = (uint8_t)why;
  return false;
}

bool
upstream_stream_send(struct query *q, struct backend *backend)
{
  enum { ROOM = 512 };
  struct worker *w = q->worker;
  struct backend_counters *counters = backend->counters[w->id];
  // What came in a batch of datagrams must outlive it.
  size_t room = q->packet.size + ROOM < PACKET_PIECE ? PACKET_PIECE : q->packet.size + ROOM;
  if (q->packet.data != q->own && !query_own_packet(q, q->packet.data, q->packet.size, room))
    return upstream_stream_refuse(q, DROP_OUT_OF_MEMORY);
  if (backend->options.use_proxy_protocol) {
    if (!upstream_proxy_prepare(q, backend, false))
      return upstream_stream_refuse(q, DROP_OUT_OF_MEMORY);
    upstream_proxy_write(q, false);
  }
  struct upstream_connection *c = upstream_stream_choose(upstream_stream_peer(w, backend), q);
  if (c == NULL) {
    if (backend_socket_shortage(errno))
      return upstream_stream_refuse(q, DROP_NO_SOCKET);
    counter_add(&counters->send_errors, 1);
    return upstream_stream_refuse(q, DROP_SEND_ERROR);
  }
  q->backend = backend;
  q->sent_us = w->now_us;
  if (!upstream_connection_send(c, q)) {
    upstream_connection_place(c);
    return upstream_stream_refuse(q, DROP_OUT_OF_MEMORY);
  }
  c->peer->filling = c;
  counter_add(&counters->queries, 1);
  counter_add(&counters->outstanding, 1);
  counter_add(&w->parked, 1);
  return true;
}

// ---- idle connections ----

static void
upstream_stream_on_scan(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct worker *w = arg;
  struct upstream_streams *set = w->upstream_streams;
  bool more = false;
  set->scan_us = 0;
  worker_begin(w);
  uint64_t idle_us = (uint64_t)w->lease->settings->tcp_upstream_idle_s * 1000000;
  for (struct upstream_peer *peer = set->peers; peer != NULL; peer = peer->next) {
    upstream_peer_end_idle(peer, w->now_us > idle_us ? w->now_us - idle_us : 0);
    more |= peer->open > 0;
  }
  if (more)
    upstream_stream_scan_in(w, (uint64_t)w->lease->settings->tcp_upstream_scan_s * 1000000);
  worker_end(w);
}

void
upstream_stream_scan_in(struct worker *w, uint64_t us)
{
  enum { LEAST_US = 100000 };
  struct upstream_streams *set = w->upstream_streams;
  us = us > 0 ? us : 1000000;
  us = us > LEAST_US ? us : LEAST_US;
  if (set->scan_us != 0 && set->scan_us <= w->now_us + us)
    return;
  set->scan_us = w->now_us + us;
  event_add(set->scan, &(struct timeval){.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)});
}

void
upstream_stream_retired(struct worker *w)
{
  for (struct upstream_peer *peer = w->upstream_streams->peers, *next; peer != NULL; peer = next) {
    next = peer->next;
    if (!atomic_load_explicit(&peer->backend->retired, memory_order_relaxed))
      continue;
    upstream_peer_end_idle(peer, UINT64_MAX);
    if (peer->structures == 0)
      upstream_peer_free(&peer);
  }
}

// ---- life ----

void
upstream_stream_open(struct worker *w)
{
  w->upstream_streams = memory_new(sizeof *w->upstream_streams);
  w->upstream_streams->scan = evtimer_new(w->base, upstream_stream_on_scan, w);
  worker_connections_open(w);
}

void
upstream_stream_close(struct worker *w)
{
  struct upstream_streams *set = w->upstream_streams;
  if (set == NULL)
    return;
  for (struct upstream_peer *peer = set->peers; peer != NULL; peer = peer->next) {
    struct upstream_connection *c;
    while ((c = TAILQ_FIRST(&peer->at[PLACE_ROOM])) != NULL || (c = TAILQ_FIRST(&peer->at[PLACE_FULL])) != NULL)
      upstream_connection_end(c, DROP_SHUTDOWN);
    upstream_peer_end_idle(peer, UINT64_MAX);
  }
  worker_connections_close(w); // frees the connections
  while (set->peers != NULL) {
    struct upstream_peer *peer = set->peers;
    upstream_peer_free(&peer);
  }
  event_free(set->scan);
  free(set);
  w->upstream_streams = NULL;
}
