// SPDX-License-Identifier: BSD-2-Clause
// UDP towards clients: receive a batch, let it walk, send what it left behind.
#include "dnsproxy/net/datagram.h"

#include "dnsproxy/base/epoch.h"
#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Where the datagram was sent to, as the kernel says (wildcard sockets only).
static void
datagram_read_destination(struct query *q, struct msghdr *message)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      q->arrival.destination.v4.sin_addr = info.ipi_addr;
      q->arrival.interface = (uint32_t)info.ipi_ifindex;
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      q->arrival.destination.v6.sin6_addr = info.ipi6_addr;
      q->arrival.interface = (uint32_t)info.ipi6_ifindex;
    }
  }
}

// Ancillary data that makes the answer leave from the address the query was sent to. Returns its size.
static size_t
datagram_write_source(uint8_t *control, const struct query *q)
{
  struct cmsghdr *c = (struct cmsghdr *)(void *)control;
  const struct address *local = query_local(q);
  if (address_is_v6(local)) {
    // The interface matters for link-local addresses only; elsewhere routing decides.
    bool scoped = IN6_IS_ADDR_LINKLOCAL(&local->v6.sin6_addr);
    struct in6_pktinfo info = {.ipi6_addr = local->v6.sin6_addr, .ipi6_ifindex = scoped ? q->arrival.interface : 0};
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
    memcpy(CMSG_DATA(c), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }
  struct in_pktinfo info = {.ipi_spec_dst = local->v4.sin_addr};
  *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
  memcpy(CMSG_DATA(c), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

// ---- receive ----

static void
datagram_prepare_receive(struct datagram_batch *b, const struct datagram_socket *s, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    b->in.parts[i] = (struct iovec){.iov_base = b->buffers[i], .iov_len = DATAGRAM_RECEIVE};
    b->in.messages[i].msg_hdr = (struct msghdr){
        .msg_name = &b->in.names[i],
        .msg_namelen = sizeof b->in.names[i],
        .msg_iov = &b->in.parts[i],
        .msg_iovlen = 1,
        .msg_control = s->wildcard ? b->in.control[i] : NULL,
        .msg_controllen = s->wildcard ? CONTROL_SIZE : 0,
    };
  }
}

static struct query *
datagram_query_from_datagram(struct datagram_socket *s, unsigned i)
{
  struct worker *w = s->worker;
  struct datagram_batch *b = w->datagram;
  struct mmsghdr *m = &b->in.messages[i];
  if (m->msg_len < HEADER_SIZE || (m->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
    count(w, COUNTER_NONCOMPLIANT_QUERIES);
    counter_add(&s->listener->counters[w->id]->noncompliant, 1);
    counter_add(&w->counters.drop[DROP_TOO_SHORT], 1);
    return NULL;
  }
  if (address_port(&b->in.names[i]) == 0) { // no answer can reach it (RFC 768)
    count(w, COUNTER_NONCOMPLIANT_QUERIES);
    counter_add(&s->listener->counters[w->id]->noncompliant, 1);
    counter_add(&w->counters.drop[DROP_SOURCE_PORT], 1);
    return NULL;
  }
  struct query *q = query_new(w);
  if (q == NULL) {
    count(w, COUNTER_QUERIES);
    counter_add(&w->counters.drop[DROP_OUT_OF_MEMORY], 1);
    return NULL;
  }
  q->arrival.transport = &transport_udp;
  q->packet = (struct wire_buffer){.data = b->buffers[i], .size = m->msg_len, .capacity = DATAGRAM_SIZE};
  q->received_us = w->now_us;
  q->arrival.listener = s->listener;
  q->arrival.route = &datagram_route;
  q->arrival.peer = b->in.names[i];
  q->arrival.client = q->arrival.peer;
  q->arrival.destination = s->listener->address;
  q->arrival.datagram = s;
  s->queries++;
  if (s->wildcard)
    datagram_read_destination(q, &m->msg_hdr);
  return q;
}

static unsigned
datagram_receive_batch(struct datagram_socket *s, unsigned want)
{
  struct worker *w = s->worker;
  struct datagram_batch *b = w->datagram;
  datagram_prepare_receive(b, s, want);
  int got = recvmmsg(s->fd, b->in.messages, want, MSG_DONTWAIT, NULL);
  if (got <= 0)
    return 0;
  worker_begin(w);
  struct query *queries[BATCH_MAX];
  unsigned count = 0;
  for (int i = 0; i < got; i++) {
    struct query *q = datagram_query_from_datagram(s, (unsigned)i);
    if (q != NULL)
      queries[count++] = q;
  }
  listener_walk(s->listener, w)->queries(queries, count);
  worker_end(w);
  return (unsigned)got;
}

static void
datagram_on_readable(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct datagram_socket *s = arg;
  unsigned want = BATCH_FEW;
  for (unsigned round = 0; round < BATCH_ROUNDS; round++) {
    if (datagram_receive_batch(s, want) < want)
      break;
    want = BATCH_MAX;
  }
}

// ---- reply ----

// The send buffer is full: of a burst, or because one client's line is slow. Nobody waits for it. What it could not take is
// kept for a moment, and lost if the line is slower than that.

static void datagram_on_writable(evutil_socket_t fd, short what, void *arg);

// A query that came here has ended.
static void
datagram_ended(struct query *q)
{
  struct datagram_socket *s = q->arrival.datagram;
  query_free(&q);
  s->queries--;
}

static void
datagram_lost(struct query *q)
{
  listener_unsent(q, DROP_REPLY_ERROR);
  datagram_ended(q);
}


static struct waiting_answer
datagram_next_waiting(struct datagram_socket *s)
{
  struct waiting_answer a = s->waiting[s->waiting_first];
  s->waiting_first = (s->waiting_first + 1) % WAITING_MAX;
  s->waiting_count--;
  return a;
}

static void
datagram_wait_for_room(struct datagram_socket *s)
{
  uint64_t now = s->worker->now_us, until = s->waiting[s->waiting_first].until_us;
  struct timeval tv = {.tv_usec = (suseconds_t)(until > now ? until - now : 0)};
  if (event_add(s->writable, &tv) == 0)
    return;
  while (s->waiting_count > 0) // the kernel cannot tell when there is room
    datagram_lost(datagram_next_waiting(s).query);
}

static void
datagram_keep(struct datagram_socket *s, struct query *q, uint64_t until_us)
{
  if (s->waiting == NULL) {
    s->waiting = memory_new(WAITING_MAX * sizeof *s->waiting);
    s->writable = event_new(s->worker->base, s->fd, EV_WRITE, datagram_on_writable, s);
  }
  if (s->waiting_count == WAITING_MAX || s->worker->now_us >= until_us || s->writable == NULL ||
      (q->packet.data != q->own && !query_own_packet(q, q->packet.data, q->packet.size, q->packet.size))) {
    datagram_lost(q);
    return;
  }
  s->waiting[(s->waiting_first + s->waiting_count++) % WAITING_MAX] = (struct waiting_answer){q, until_us};
  if (s->waiting_count == 1)
    datagram_wait_for_room(s);
}


static void
datagram_free(struct datagram_socket *s)
{
  while (s->waiting_count > 0)
    datagram_lost(datagram_next_waiting(s).query);
  struct datagram_socket **at = &s->worker->datagram->sockets;
  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  if (s->writable != NULL)
    event_free(s->writable);
  event_free(s->event);
  listener_left(s->worker, s->listener);
  free(s->waiting);
  free(s);
}

static void
datagram_close_if_done(struct datagram_socket *s)
{
  if (s->stopped && s->queries == 0)
    datagram_free(s);
}

static void
datagram_on_refused(unsigned item, int error, void *arg)
{
  struct datagram_batch *b = arg;
  if (error == EAGAIN || error == ENOBUFS)
    datagram_keep(b->out_socket, b->replies[item], b->until_us[item]);
  else
    datagram_lost(b->replies[item]);
  b->replies[item] = NULL;
}

void
datagram_flush(struct worker *w)
{
  struct datagram_batch *b = w->datagram;
  if (b == NULL || b->out.count == 0)
    return;
  unsigned count = b->out.count;
  send_batch_flush(&b->out, b->out_socket->fd, &b->out_socket->paths, datagram_on_refused, b);
  for (unsigned i = 0; i < count; i++)
    if (b->replies[i] != NULL)
      datagram_ended(b->replies[i]);
  datagram_close_if_done(b->out_socket);
}

static void
datagram_queue(struct query *q, uint64_t until_us)
{
  struct worker *w = q->worker;
  struct datagram_batch *b = w->datagram;
  if (b->out.count == BATCH_MAX || (b->out.count > 0 && b->out_socket != q->arrival.datagram))
    datagram_flush(w);
  unsigned i = b->out.count++;
  struct send_item *item = &b->out.items[i];
  b->out_socket = q->arrival.datagram;
  b->replies[i] = q;
  b->until_us[i] = until_us;
  item->data = (struct iovec){.iov_base = q->packet.data, .iov_len = q->packet.size};
  item->to = &q->arrival.peer;
  // Bound to an address, the socket answers from it; from a wildcard the source must be said.
  bool say_source = q->arrival.interface != 0 && !address_is_any(query_local(q));
  item->control_size = say_source ? datagram_write_source(item->control, q) : 0;
}

static void
datagram_reply(struct query *q)
{
  datagram_queue(q, q->worker->now_us + WAITING_US);
}

static void
datagram_on_writable(evutil_socket_t fd, short what, void *arg)
{
  (void)fd;
  struct datagram_socket *s = arg;
  struct worker *w = s->worker;
  worker_begin(w);
  s->queries++; // it stays while this goes on
  datagram_flush(w);
  for (unsigned n = what & EV_WRITE ? BATCH_MAX : 0; n > 0 && s->waiting_count > 0; n--) {
    struct waiting_answer a = datagram_next_waiting(s);
    datagram_queue(a.query, a.until_us);
  }
  datagram_flush(w);
  while (s->waiting_count > 0 && s->waiting[s->waiting_first].until_us <= w->now_us)
    datagram_lost(datagram_next_waiting(s).query);
  if (s->waiting_count > 0)
    datagram_wait_for_room(s);
  s->queries--;
  datagram_close_if_done(s);
  worker_end(w);
}

static void
datagram_dropped(struct query *q)
{
  struct datagram_socket *s = q->arrival.datagram;
  s->queries--;
  datagram_close_if_done(s);
}

const struct reply_route datagram_route = {.reply = datagram_reply, .dropped = datagram_dropped};

// ---- life ----

bool
datagram_start(struct worker *w, struct listener *listener)
{
  if (w->datagram == NULL)
    datagram_open(w);
  struct datagram_socket *s = memory_new(sizeof *s);
  s->worker = w;
  s->listener = object_ref(listener);
  s->fd = listener->sockets[w->id];
  s->wildcard = address_is_any(&listener->address);
  send_paths_init(&s->paths, s->fd);
  s->next = w->datagram->sockets;
  w->datagram->sockets = s;
  s->event = event_new(w->base, s->fd, EV_READ | EV_PERSIST, datagram_on_readable, s);
  return s->event != NULL && event_add(s->event, NULL) == 0;
}

void
datagram_stop(struct worker *w, struct listener *listener)
{
  struct datagram_socket *s = w->datagram == NULL ? NULL : w->datagram->sockets;
  while (s != NULL && (s->listener != listener || s->stopped))
    s = s->next;
  if (s == NULL)
    return;
  event_del(s->event);
  s->stopped = true;
  datagram_close_if_done(s);
}

void
datagram_drain(struct worker *w)
{
  for (struct datagram_socket *s = w->datagram == NULL ? NULL : w->datagram->sockets; s != NULL; s = s->next)
    if (s->listener->walk == NULL)
      event_del(s->event);
}

void
datagram_open(struct worker *w)
{
  w->datagram = memory_new(sizeof *w->datagram);
}

void
datagram_close(struct worker *w)
{
  if (w->datagram == NULL)
    return;
  assert(w->datagram->out.count == 0);
  while (w->datagram->sockets != NULL)
    datagram_free(w->datagram->sockets);
  free(w->datagram);
  w->datagram = NULL;
}
