// SPDX-License-Identifier: BSD-2-Clause
// Health checks on the wire.
#include "dnsproxy/backends/health_probe.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/backends/backend_socket.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROXY_LOCAL_SIZE = 16, QUERY_MAX = PROXY_LOCAL_SIZE + 2 + HEADER_SIZE + NAME_MAX_SIZE + 4 };

struct probe {
  const struct backend *backend;
  const struct health_query *query;
  probe_done_fn done;
  void *arg;
  int fd;
  bool stream;
  struct event *io, *timer;
  const char *error; // of a socket that could not be opened
  bool shortage;
  uint16_t id;
  uint8_t out[QUERY_MAX];
  size_t out_size, sent;
  size_t got, capacity;
  uint8_t in[]; // UDP: 512 bytes are enough to judge; TCP: with its length
};

static void
health_probe_free(struct probe **slot)
{
  struct probe *p = *slot;
  *slot = NULL;
  if (p->io != NULL)
    event_free(p->io);
  if (p->timer != NULL)
    event_free(p->timer);
  if (p->fd >= 0)
    close(p->fd);
  free(p);
}

void
probe_cancel(struct probe **slot)
{
  if (*slot != NULL)
    health_probe_free(slot);
}

static void
health_probe_finish(struct probe *p, const struct probe_result *result)
{
  event_del(p->timer);
  if (p->io != NULL)
    event_del(p->io);
  p->done(p->arg, result);
  health_probe_free(&p);
}

static void
health_probe_finish_failed(struct probe *p, const char *error)
{
  health_probe_finish(p, &(struct probe_result){.error = error, .shortage = p->shortage});
}

static void
health_probe_finish_answered(struct probe *p, const uint8_t *answer, size_t size)
{
  const char *error = probe_verdict(p->query, p->id, p->backend->options.check.must_resolve, answer, size);
  health_probe_finish(p, &(struct probe_result){.error = error, .answer = answer, .size = size});
}

// ---- the question and the verdict ----

static void
health_probe_write_query(struct probe *p)
{
  static const uint8_t proxy_local[PROXY_LOCAL_SIZE] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0"; // v2, LOCAL, no addresses
  uint8_t *at = p->out;
  if (p->backend->options.use_proxy_protocol) {
    memcpy(at, proxy_local, sizeof proxy_local);
    at += sizeof proxy_local;
  }
  size_t size = HEADER_SIZE + p->query->name.size + 4u;
  if (p->stream) {
    message_put_u16(at, (uint16_t)size);
    at += 2;
  }
  memset(at, 0, HEADER_SIZE);
  message_put_u16(at, p->id);
  memcpy(at + 2, p->query->flags, sizeof p->query->flags);
  message_set_count(at, 0, 1);
  memcpy(at + HEADER_SIZE, p->query->name.bytes, p->query->name.size);
  message_put_u16(at + size - 4, p->query->type);
  message_put_u16(at + size - 2, p->query->class);
  p->out_size = (size_t)(at - p->out) + size;
}

const char *
probe_verdict(const struct health_query *query, uint16_t id, bool must_resolve, const uint8_t *answer, size_t size)
{
  struct question question;
  if (size < HEADER_SIZE)
    return "the answer is too short";
  if (message_id(answer) != id)
    return "the answer has another ID";
  if ((answer[2] & FLAG2_QR) == 0)
    return "the answer is not marked as one";
  unsigned rcode = message_rcode(answer);
  if (rcode == RCODE_SERVFAIL)
    return "the answer is ServFail";
  if (must_resolve && rcode == RCODE_NXDOMAIN)
    return "the answer is NXDomain";
  if (must_resolve && rcode == RCODE_REFUSED)
    return "the answer is Refused";
  if (!message_question(answer, size, &question))
    return "the answer has no readable question";
  if (!name_equal(&question.name, &query->name) || question.type != query->type || question.class != query->class)
    return "the answer is for another question";
  return NULL;
}

// ---- the socket ----

// True: all of it left, wait for the answer.
static bool
health_probe_send_query(struct probe *p, const char **error)
{
  ssize_t n = send(p->fd, p->out + p->sent, p->out_size - p->sent, MSG_NOSIGNAL);
  if (n >= 0)
    p->sent += (size_t)n;
  else if (errno != EAGAIN && errno != EINTR)
    *error = strerror(errno);
  return p->sent == p->out_size;
}

// Streams: what came so far may be a part.
static void
health_probe_take_stream(struct probe *p)
{
  size_t expected = p->got >= 2 ? 2u + message_u16(p->in) : SIZE_MAX;
  if (p->got >= expected)
    health_probe_finish_answered(p, p->in + 2, expected - 2);
}

static void
health_probe_on_readable(struct probe *p)
{
  ssize_t n = recv(p->fd, p->in + p->got, p->capacity - p->got, 0);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR)
      health_probe_finish_failed(p, strerror(errno));
    return;
  }
  if (!p->stream) {
    health_probe_finish_answered(p, p->in, (size_t)n);
    return;
  }
  p->got += (size_t)n;
  if (n == 0)
    health_probe_finish_failed(p, "the connection was closed");
  else
    health_probe_take_stream(p);
}

static void
health_probe_on_io(evutil_socket_t fd, short what, void *arg)
{
  (void)fd;
  struct probe *p = arg;
  const char *error = NULL;
  if (what & EV_READ) {
    health_probe_on_readable(p);
  } else if (health_probe_send_query(p, &error)) {
    event_del(p->io);
    event_assign(p->io, event_get_base(p->io), p->fd, EV_READ | EV_PERSIST, health_probe_on_io, p);
    event_add(p->io, NULL);
  } else if (error != NULL) {
    health_probe_finish_failed(p, error);
  }
}

static void
health_probe_on_timer(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct probe *p = arg;
  health_probe_finish_failed(p, p->error != NULL ? p->error : "no answer in time");
}

static bool
health_probe_is_stream(const struct backend *b)
{
  return b->options.protocol->stream || b->options.check.over_tcp;
}

// Checks go the way of queries, and queries the way of checks: when the kernel sends this one from another address than the
// last, because an address is gone or a route has moved, the sockets of queries, bound to the old one, are made anew.
static void
health_probe_note_source(struct backend *b, int fd)
{
  struct address now = {0};
  socklen_t size = sizeof now;
  if (getsockname(fd, &now.sa, &size) != 0)
    return;
  if (address_is_set(&b->checked_from) && !address_equal_ip(&b->checked_from, &now))
    atomic_fetch_add_explicit(&b->generation, 1, memory_order_relaxed);
  b->checked_from = now;
}

struct probe *
probe_start(struct event_base *base, struct backend *b, const struct health_query *query, uint32_t timeout_ms,
            probe_done_fn done, void *arg)
{
  bool stream = health_probe_is_stream(b) || query->over_stream;
  size_t capacity = stream ? 2 + MESSAGE_MAX_SIZE : UDP_PLAIN_SIZE;
  struct probe *p = memory_new(sizeof *p + capacity);
  *p = (struct probe){.backend = b, .query = query, .done = done, .arg = arg, .stream = stream, .capacity = capacity};
  random_bytes(&p->id, sizeof p->id);
  health_probe_write_query(p);
  p->fd = backend_socket_open(b, p->stream ? SOCK_STREAM : SOCK_DGRAM);
  if (p->fd < 0) {
    p->shortage = backend_socket_shortage(errno);
    p->error = strerror(errno);
  } else {
    health_probe_note_source(b, p->fd);
    p->io = event_new(base, p->fd, EV_WRITE | EV_PERSIST, health_probe_on_io, p);
  }
  p->timer = event_new(base, -1, 0, health_probe_on_timer, p);
  assert(p->timer != NULL && (p->io != NULL || p->error != NULL));
  if (p->io != NULL)
    event_add(p->io, NULL);
  uint32_t ms = p->error != NULL ? 0 : timeout_ms;
  event_add(p->timer, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000});
  return p;
}
