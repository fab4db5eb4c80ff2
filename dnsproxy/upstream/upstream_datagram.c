// SPDX-License-Identifier: BSD-2-Clause
// UDP towards backends: queue, flush, receive, match, time out.
#include "dnsproxy/upstream/upstream_datagram.h"

#include "dnsproxy/backends/backend_socket.h"
#include "dnsproxy/backends/health.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/permit.h"
#include "dnsproxy/upstream/upstream.h"
#include "dnsproxy/upstream/upstream_proxy.h"
#include "dnsproxy/wire/rewrite.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 50 };

static struct backend_counters *
upstream_datagram_counters_of(const struct upstream *u)
{
  return u->backend->counters[u->worker->id];
}

// ---- sockets ----

static void upstream_datagram_on_readable(evutil_socket_t fd, short what, void *arg);

static bool
upstream_datagram_socket_open(struct upstream_socket *s)
{
  PERMIT("a backend's socket");
  // Connected: the kernel refuses answers from anybody else, and each answer returns to this worker.
  int fd = backend_socket_open(s->upstream->backend, SOCK_DGRAM);
  if (fd < 0)
    return false;
  s->fd = fd;
  send_paths_init(&s->paths, fd);
  s->lost = s->lost_uncharged = 0;
  s->opened_us = s->upstream->worker->now_us;
  s->event = event_new(s->upstream->worker->base, fd, EV_READ | EV_PERSIST, upstream_datagram_on_readable, s);
  return s->event != NULL && event_add(s->event, NULL) == 0;
}

static void
upstream_datagram_close_one(int *fd, struct event **event)
{
  PERMIT("a backend's socket");
  if (*event != NULL)
    event_free(*event);
  *event = NULL;
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

static void
upstream_datagram_socket_close(struct upstream_socket *s)
{
  upstream_datagram_close_one(&s->fd, &s->event);
  upstream_datagram_close_one(&s->former_fd, &s->former_event);
}

// A new source address and port, for queries from now on. What is in flight may still be answered at the old ones.
static void
upstream_datagram_socket_renew(struct upstream_socket *s)
{
  if (s->fd < 0)
    return;
  int old = s->fd;
  struct event *event = s->event;
  s->fd = -1;
  s->event = NULL;
  if (!upstream_datagram_socket_open(s)) {
    upstream_datagram_close_one(&s->fd, &s->event);
    s->fd = old;
    s->event = event;
    return;
  }
  upstream_datagram_close_one(&s->former_fd, &s->former_event);
  s->former_fd = old;
  s->former_event = event;
}

static struct upstream *
upstream_new(struct worker *w, struct backend *backend)
{
  PERMIT("a backend's socket");
  unsigned count = backend->options.sockets > 0 ? backend->options.sockets : 1;
  struct upstream *u = memory_new(sizeof *u + count * sizeof u->sockets[0]);
  u->backend = object_ref(backend);
  u->worker = w;
  u->socket_count = count;
  u->opened_generation = atomic_load_explicit(&backend->generation, memory_order_relaxed);
  uint32_t share = (w->lease->settings->udp_max_outstanding + count - 1) / count; // the limit is the backend's
  for (unsigned i = 0; i < count; i++) {
    u->sockets[i].upstream = u;
    u->sockets[i].fd = u->sockets[i].former_fd = -1;
    in_flight_init(&u->sockets[i].table, share);
  }
  u->next = w->upstreams->list;
  w->upstreams->list = u;
  backend->upstream[w->id] = u;
  return u;
}

static void
upstream_free(struct upstream **slot)
{
  PERMIT("a backend's socket");
  struct upstream *u = *slot;
  *slot = NULL;
  u->backend->upstream[u->worker->id] = NULL;
  for (unsigned i = 0; i < u->socket_count; i++) {
    upstream_datagram_socket_close(&u->sockets[i]);
    in_flight_fini(&u->sockets[i].table);
  }
  object_unref(&u->backend);
  free(u);
}

static uint32_t
upstream_used(const struct upstream *u)
{
  uint32_t used = 0;
  for (unsigned i = 0; i < u->socket_count; i++)
    used += u->sockets[i].table.used;
  return used;
}

// After errors: whatever is wrong with one is wrong with its neighbours.
static void
upstream_datagram_close_sockets(struct upstream *u)
{
  for (unsigned i = 0; i < u->socket_count; i++)
    upstream_datagram_socket_close(&u->sockets[i]);
}

// A reconnectOnUp backend came back, or checks leave from another address than before.
static void
upstream_datagram_renew_sockets(struct upstream *u)
{
  for (unsigned i = 0; i < u->socket_count; i++)
    upstream_datagram_socket_renew(&u->sockets[i]);
}

// ---- queries leave the table ----

// Ends the time in flight: the caller delivers or fails the query.
static void
upstream_datagram_unpark(struct upstream_socket *s, struct query *q)
{
  struct upstream *u = s->upstream;
  counter_add(&u->worker->parked, (uint64_t)-1);
  counter_add(&upstream_datagram_counters_of(u)->outstanding, (uint64_t)-1);
  (void)q;
}

static void
upstream_datagram_fail(struct upstream_socket *s, struct query *q, enum drop why)
{
  struct backend_counters *c = upstream_datagram_counters_of(s->upstream);
  upstream_datagram_unpark(s, q);
  if (why == DROP_SEND_ERROR)
    counter_add(&c->send_errors, 1);
  else if (why != DROP_RECEIVE_OVERFLOW) // that was us
    counter_add(&c->drops, 1);
  if (why == DROP_SLOT_REUSED)
    counter_add(&c->reused_slots, 1);
  q->worker->walk->failed(q, why);
}

// A query that gives way to a newer one may not even have been sent.
static void
upstream_datagram_forget_pending(struct upstream_socket *s, const struct query *q)
{
  for (unsigned i = 0; i < s->pending_count; i++)
    if (s->pending[i] == q) {
      s->pending[i] = s->pending[--s->pending_count];
      return;
    }
}

// ---- send ----

static void
upstream_datagram_queue(struct upstream_socket *s, struct query *q)
{
  struct upstream_set *set = s->upstream->worker->upstreams;
  s->pending[s->pending_count++] = q;
  if (!s->is_pending) {
    s->is_pending = true;
    s->next_pending = set->pending;
    set->pending = s;
  }
}

static bool
upstream_datagram_is_socket_broken(int error)
{
  return error == EINVAL || error == ENODEV || error == ENETUNREACH || error == EHOSTUNREACH || error == EBADF ||
         error == EADDRNOTAVAIL;
}

// What the kernel would not send.
struct refused {
  struct upstream_socket *socket;
  struct query *pending[UPSTREAM_BATCH]; // by number of the item
  struct query *queries[UPSTREAM_BATCH];
  unsigned count;
  bool broken; // the socket itself
};

static void
upstream_datagram_on_refused(unsigned item, int error, void *arg)
{
  struct refused *r = arg;
  r->queries[r->count++] = r->pending[item];
  r->broken |= upstream_datagram_is_socket_broken(error);
}

static void
upstream_datagram_flush_socket(struct upstream_socket *s)
{
  struct send_batch *out = &s->upstream->worker->upstreams->out;
  struct refused refused = {.socket = s};
  // A neighbour broke and took this one along. If it cannot be opened, sending says so for each query.
  if (s->fd < 0 && !upstream_datagram_socket_open(s))
    upstream_datagram_socket_close(s);
  out->count = s->pending_count;
  for (unsigned i = 0; i < out->count; i++) {
    struct query *q = s->pending[i];
    refused.pending[i] = q;
    out->items[i].data = s->upstream->backend->options.use_proxy_protocol
                             ? (struct iovec){.iov_base = q->extra->proxied, .iov_len = q->extra->proxied_size}
                             : (struct iovec){.iov_base = q->packet.data, .iov_len = q->packet.size};
    out->items[i].to = NULL;
    out->items[i].control_size = 0;
  }
  s->pending_count = 0;
  send_batch_flush(out, s->fd, &s->paths, upstream_datagram_on_refused, &refused);
  // A failed query may be sent again at once: nothing of this flush is used any more.
  for (unsigned i = 0; i < refused.count; i++) {
    in_flight_take(&s->table, refused.queries[i]);
    upstream_datagram_fail(s, refused.queries[i], DROP_SEND_ERROR);
  }
  if (refused.broken)
    upstream_datagram_close_sockets(s->upstream);
  in_flight_grow(&s->table);
}

void
upstream_datagram_flush(struct worker *w)
{
  struct upstream_set *set = w->upstreams;
  while (set->pending != NULL) {
    struct upstream_socket *s = set->pending;
    set->pending = s->next_pending;
    s->is_pending = false;
    if (s->pending_count > 0)
      upstream_datagram_flush_socket(s);
  }
}

static struct upstream_socket *
upstream_datagram_choose_socket(struct upstream *u)
{
  if (u->socket_count == 1)
    return &u->sockets[0];
  if (u->worker->lease->settings->udp_random_sockets)
    return &u->sockets[random_below(&u->worker->random, u->socket_count)];
  return &u->sockets[u->turn++ % u->socket_count];
}

static void
upstream_datagram_start_ticking(struct upstream_set *set)
{
  struct timeval tv = {.tv_usec = TICK_MS * 1000};
  if (!set->ticking)
    event_add(set->tick, &tv);
  set->ticking = true;
}

bool
upstream_datagram_send(struct query *q, struct backend *backend)
{
  struct worker *w = q->worker;
  struct upstream *u = backend->upstream[w->id];
  if (u == NULL)
    u = upstream_new(w, backend);
  uint32_t generation = atomic_load_explicit(&backend->generation, memory_order_relaxed);
  if (generation != u->opened_generation) {
    u->opened_generation = generation;
    upstream_datagram_flush(w);
    upstream_datagram_renew_sockets(u);
  }
  struct upstream_socket *s = upstream_datagram_choose_socket(u);
  if (s->fd < 0 && !upstream_datagram_socket_open(s)) {
    q->drop = backend_socket_shortage(errno) ? DROP_NO_SOCKET : DROP_SEND_ERROR;
    if (q->drop == DROP_SEND_ERROR)
      counter_add(&upstream_datagram_counters_of(u)->send_errors, 1);
    upstream_datagram_socket_close(s);
    return false;
  }
  bool proxied = backend->options.use_proxy_protocol;
  if (proxied && !upstream_proxy_prepare(q, backend, true)) {
    q->drop = DROP_OUT_OF_MEMORY;
    return false;
  }
  if (s->pending_count == UPSTREAM_BATCH)
    upstream_datagram_flush_socket(s);
  q->backend = backend;
  q->sent_us = w->now_us;
  struct query *evicted;
  message_put_u16(q->packet.data, in_flight_add(&s->table, q, &evicted));
  if (proxied)
    upstream_proxy_write(q, true);
  counter_add(&upstream_datagram_counters_of(u)->queries, 1);
  counter_add(&upstream_datagram_counters_of(u)->outstanding, 1);
  counter_add(&w->parked, 1);
  upstream_datagram_queue(s, q);
  upstream_datagram_start_ticking(w->upstreams);
  if (evicted != NULL) {
    upstream_datagram_forget_pending(s, evicted);
    upstream_datagram_fail(s, evicted, DROP_SLOT_REUSED);
  }
  return true;
}

// ---- receive ----

static void
upstream_datagram_prepare_receive(struct upstream_set *set)
{
  for (unsigned i = 0; i < UPSTREAM_BATCH; i++) {
    set->parts[i] = (struct iovec){.iov_base = set->buffers[i], .iov_len = UPSTREAM_RECEIVE};
    set->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &set->parts[i], .msg_iovlen = 1}};
  }
}

static void
upstream_datagram_measure(struct upstream *u, const struct query *q)
{
  struct backend_counters *c = upstream_datagram_counters_of(u);
  double now = (double)(u->worker->now_us - q->sent_us);
  double old = atomic_load_explicit(&c->latency_us, memory_order_relaxed);
  atomic_store_explicit(&c->latency_us, old == 0 ? now : old + (now - old) / 128, memory_order_relaxed);
  counter_add(&c->responses, 1);
}

// An answer that is larger than what we receive: what is here of it is the question, and the client asks again over TCP.
static size_t
upstream_datagram_cut_answer(const struct query *q, uint8_t *data, size_t size)
{
  size_t question_end = HEADER_SIZE + (message_count(data, 0) > 0 ? q->qname.size + 4u : 0);
  struct wire_buffer packet = {.data = data, .size = size, .capacity = UPSTREAM_BUFFER};
  message_truncate(&packet, question_end, q->edns.offset != 0 ? &q->edns : NULL);
  return packet.size;
}

// The packet is an answer that somebody waits for, or it is ignored and counted: the query goes on waiting.
static void
upstream_datagram_receive_one(struct upstream_socket *s, uint8_t *data, size_t size, bool cut)
{
  struct worker *w = s->upstream->worker;
  struct query *q = size >= HEADER_SIZE ? in_flight_peek(&s->table, message_id(data)) : NULL;
  if (q == NULL || !answer_matches(q, data, size)) {
    count(w, COUNTER_NONCOMPLIANT_RESPONSES);
    return;
  }
  if (cut)
    size = upstream_datagram_cut_answer(q, data, size);
  in_flight_take(&s->table, q);
  upstream_datagram_measure(s->upstream, q);
  upstream_datagram_unpark(s, q);
  q->packet = (struct wire_buffer){.data = data, .size = size, .capacity = UPSTREAM_BUFFER};
  w->walk->answer(q);
}

// Returns how many came.
static int
upstream_datagram_receive_batch(struct upstream_socket *s, int fd)
{
  struct worker *w = s->upstream->worker;
  struct upstream_set *set = w->upstreams;
  upstream_datagram_prepare_receive(set);
  int got = recvmmsg(fd, set->messages, UPSTREAM_BATCH, MSG_DONTWAIT, NULL);
  if (got <= 0)
    return got;
  worker_begin(w);
  s->heard_us = w->now_us;
  // Sending uses the same headers: sizes are read before the first walk.
  unsigned sizes[UPSTREAM_BATCH];
  bool cut[UPSTREAM_BATCH];
  for (int i = 0; i < got; i++) {
    sizes[i] = set->messages[i].msg_len;
    cut[i] = (set->messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
  }
  for (int i = 0; i < got; i++)
    upstream_datagram_receive_one(s, set->buffers[i], sizes[i], cut[i]);
  worker_end(w);
  return got;
}

// A burst of answers is taken before more queries are: the kernel's room for it is limited.
static void
upstream_datagram_on_readable(evutil_socket_t fd, short what, void *arg)
{
  enum { BATCHES = 8 };
  (void)what;
  struct upstream_socket *s = arg;
  int got = UPSTREAM_BATCH;
  for (unsigned i = 0; i < BATCHES && got == UPSTREAM_BATCH && (fd == s->fd || fd == s->former_fd); i++)
    got = upstream_datagram_receive_batch(s, fd);
}

// ---- time ----

// An unanswered query, when the kernel threw away datagrams that came for this socket: one of them may have been its answer.
static enum drop
upstream_datagram_why_unanswered(struct upstream_socket *s)
{
  if (s->lost_uncharged == 0 && s->fd >= 0) {
    uint32_t lost = backend_socket_lost(s->fd);
    s->lost_uncharged = lost - s->lost;
    s->lost = lost;
  }
  if (s->lost_uncharged == 0)
    return DROP_TIMEOUT;
  s->lost_uncharged--;
  return DROP_RECEIVE_OVERFLOW;
}

static void
upstream_datagram_expire_socket(struct upstream_socket *s, uint64_t since_us)
{
  enum { RENEW_US = 1000000 };
  uint64_t now = s->upstream->worker->now_us;
  struct query *q;
  while ((q = in_flight_expire(&s->table, since_us)) != NULL) {
    enum drop why = upstream_datagram_why_unanswered(s);
    // Nothing at all came back since it left: the own address may be gone, or the way have moved.
    if (q->sent_us > s->heard_us && now - s->opened_us > RENEW_US)
      upstream_datagram_socket_renew(s);
    upstream_datagram_fail(s, q, why);
  }
  if (s->table.used == 0) {
    s->lost_uncharged = 0;
    upstream_datagram_close_one(&s->former_fd, &s->former_event);
  }
}

static void
upstream_datagram_expire(struct upstream *u)
{
  uint32_t own = u->backend->options.udp_timeout_s;
  uint64_t timeout_us = (uint64_t)(own > 0 ? own : u->worker->lease->settings->udp_timeout_s) * 1000000;
  uint64_t now = u->worker->now_us;
  for (unsigned i = 0; now > timeout_us && i < u->socket_count; i++)
    upstream_datagram_expire_socket(&u->sockets[i], now - timeout_us);
}

// From wherever it is by now: a query that timed out may have been sent again, to a backend that is new in the list.
static void
upstream_datagram_unlink_upstream(struct upstream_set *set, const struct upstream *u)
{
  struct upstream **at = &set->list;
  while (*at != u)
    at = &(*at)->next;
  *at = u->next;
}

static void
upstream_datagram_on_tick(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct worker *w = arg;
  struct upstream_set *set = w->upstreams;
  set->ticking = false;
  worker_begin(w);
  bool busy = false;
  for (struct upstream *u = set->list, *next; u != NULL; u = next) {
    next = u->next;
    upstream_datagram_expire(u);
    if (upstream_used(u) > 0) {
      busy = true;
    } else if (atomic_load_explicit(&u->backend->retired, memory_order_relaxed)) {
      upstream_datagram_flush(w);
      upstream_datagram_unlink_upstream(set, u);
      upstream_free(&u);
    }
  }
  if (busy)
    upstream_datagram_start_ticking(set);
  worker_end(w);
}

void
upstream_datagram_open(struct worker *w)
{
  w->upstreams = memory_new(sizeof *w->upstreams);
  w->upstreams->tick = evtimer_new(w->base, upstream_datagram_on_tick, w);
}

void
upstream_datagram_retired(struct worker *w)
{
  upstream_datagram_start_ticking(w->upstreams);
}

void
upstream_datagram_close(struct worker *w)
{
  struct upstream_set *set = w->upstreams;
  if (set == NULL)
    return;
  upstream_datagram_flush(w);
  while (set->list != NULL) {
    struct upstream *u = set->list;
    for (unsigned i = 0; i < u->socket_count; i++) {
      struct query *q;
      while ((q = in_flight_expire(&u->sockets[i].table, UINT64_MAX)) != NULL)
        upstream_datagram_fail(&u->sockets[i], q, DROP_SHUTDOWN);
    }
    set->list = u->next;
    upstream_free(&u);
  }
  event_free(set->tick);
  free(set);
  w->upstreams = NULL;
}
