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

// ---- peers ----

static struct upstream_peer *
peer_of(struct worker *w, struct backend *backend)
{
  struct upstream_peer *peer = backend->streams[w->id];
  if (peer != NULL)
    return peer;
  peer = memory_new(sizeof *peer);
  peer->backend = object_ref(backend);
  peer->worker = w;
  peer->next = w->upstream_streams->peers;
  w->upstream_streams->peers = peer;
  backend->streams[w->id] = peer;
  return peer;
}

void
upstream_peer_free(struct upstream_peer **slot)
{
  struct upstream_peer *peer = *slot;
  *slot = NULL;
  assert(peer->structures == 0);
  struct upstream_peer **at = &peer->worker->upstream_streams->peers;
  while (*at != peer)
    at = &(*at)->next;
  *at = peer->next;
  peer->backend->streams[peer->worker->id] = NULL;
  object_unref(&peer->backend);
  free(peer);
}

// ---- which connection ----

// One of the connections that the backend may have at once, over all workers.
static bool
take_place(struct backend *b)
{
  if (b->options.max_connections == 0)
    return true;
  if (atomic_fetch_add_explicit(&b->places, 1, memory_order_relaxed) < b->options.max_connections)
    return true;
  backend_place_back(b);
  return false;
}

static struct upstream_connection *
open_new(struct upstream_peer *peer, const struct query *q)
{
  bool proxied = peer->backend->options.use_proxy_protocol;
  struct backend_counters *counters = peer->backend->counters[peer->worker->id];
  if (!take_place(peer->backend)) {
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

// Idle ones first, the one used last before the others; then one that takes more at a time; then a new one.
// Of those that began with the client's header alone.
static struct upstream_connection *
choose_proxied(struct upstream_peer *peer, const struct query *q)
{
  const uint8_t *head = q->extra->proxied;
  size_t size = q->extra->proxied_size;
  for (struct upstream_connection *c = peer->idle; c != NULL; c = c->next)
    if (upstream_connection_begins(c, head, size))
      return c;
  for (struct upstream_connection *c = peer->busy; c != NULL; c = c->next)
    if (upstream_connection_has_room(c) && upstream_connection_begins(c, head, size))
      return c;
  return open_new(peer, q);
}

static struct upstream_connection *
choose(struct upstream_peer *peer, const struct query *q)
{
  struct backend_counters *counters = peer->backend->counters[peer->worker->id];
  if (q->is_xfr) {
    struct upstream_connection *own = open_new(peer, q);
    if (own != NULL)
      own->exclusive = true;
    return own;
  }
  if (peer->backend->options.use_proxy_protocol)
    return choose_proxied(peer, q);
  if (peer->idle != NULL) {
    counter_add(&counters->tcp_reused_connections, 1);
    return peer->idle;
  }
  for (struct upstream_connection *c = peer->busy; c != NULL; c = c->next)
    if (upstream_connection_has_room(c))
      return c;
  return open_new(peer, q);
}

static bool
refuse(struct query *q, enum drop why)
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
    return refuse(q, DROP_OUT_OF_MEMORY);
  if (backend->options.use_proxy_protocol) {
    if (!upstream_proxy_prepare(q, backend, false))
      return refuse(q, DROP_OUT_OF_MEMORY);
    upstream_proxy_write(q, false);
  }
  struct upstream_connection *c = choose(peer_of(w, backend), q);
  if (c == NULL) {
    if (backend_socket_shortage(errno))
      return refuse(q, DROP_NO_SOCKET);
    counter_add(&counters->send_errors, 1);
    return refuse(q, DROP_SEND_ERROR);
  }
  q->backend = backend;
  q->sent_us = w->now_us;
  if (!upstream_connection_send(c, q)) {
    upstream_connection_idle(c);
    return refuse(q, DROP_OUT_OF_MEMORY);
  }
  counter_add(&counters->queries, 1);
  counter_add(&counters->outstanding, 1);
  counter_add(&w->parked, 1);
  return true;
}

// ---- idle connections ----

static void
end_idle(struct upstream_peer *peer, uint64_t since_us)
{
  for (struct upstream_connection *c = peer->idle, *next; c != NULL; c = next) {
    next = c->next;
    if (c->idle_us <= since_us)
      upstream_connection_end(c, DROP_BACKEND_LOST);
  }
}

static void
on_scan(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct worker *w = arg;
  struct upstream_streams *set = w->upstream_streams;
  bool more = false;
  set->scanning = false;
  worker_begin(w);
  uint64_t idle_us = (uint64_t)w->lease->settings->tcp_upstream_idle_s * 1000000;
  for (struct upstream_peer *peer = set->peers; peer != NULL; peer = peer->next) {
    if (w->now_us > idle_us)
      end_idle(peer, w->now_us - idle_us);
    more |= peer->idle != NULL || peer->busy != NULL;
  }
  if (more)
    upstream_stream_scan_later(w);
  worker_end(w);
}

void
upstream_stream_scan_later(struct worker *w)
{
  struct upstream_streams *set = w->upstream_streams;
  uint32_t interval_s = w->lease->settings->tcp_upstream_scan_s;
  struct timeval tv = {.tv_sec = interval_s > 0 ? interval_s : 1};
  if (!set->scanning)
    event_add(set->scan, &tv);
  set->scanning = true;
}

void
upstream_stream_retired(struct worker *w)
{
  for (struct upstream_peer *peer = w->upstream_streams->peers, *next; peer != NULL; peer = next) {
    next = peer->next;
    if (!atomic_load_explicit(&peer->backend->retired, memory_order_relaxed))
      continue;
    end_idle(peer, UINT64_MAX);
    if (peer->structures == 0)
      upstream_peer_free(&peer);
  }
}

// ---- life ----

void
upstream_stream_open(struct worker *w)
{
  w->upstream_streams = memory_new(sizeof *w->upstream_streams);
  w->upstream_streams->scan = evtimer_new(w->base, on_scan, w);
  worker_connections_open(w);
}

void
upstream_stream_close(struct worker *w)
{
  struct upstream_streams *set = w->upstream_streams;
  if (set == NULL)
    return;
  for (struct upstream_peer *peer = set->peers; peer != NULL; peer = peer->next) {
    while (peer->busy != NULL)
      upstream_connection_end(peer->busy, DROP_SHUTDOWN);
    end_idle(peer, UINT64_MAX);
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
