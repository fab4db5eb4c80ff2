// SPDX-License-Identifier: BSD-2-Clause
// Health checks on the wire: the question, the verdict, a datagram or a connection, the end.
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

enum { PROXY_LOCAL_SIZE = 16, QUERY_MAX = PROXY_LOCAL_SIZE + HEADER_SIZE + NAME_MAX_SIZE + 4 };

struct probe {
  struct connection connection; // of one over a stream. First: its callbacks cast
  const struct backend *backend;
  const struct health_query *query;
  probe_done_fn done; // NULL: it has been called, or never will be
  void *arg;
  bool stream;
  int fd; // of a datagram's socket; -1: none
  struct event *io, *timer;
  const char *error; // of a way that could not be opened
  bool shortage;
  uint16_t id;
  uint8_t out[QUERY_MAX];
  size_t head_size, out_size; // a PROXY header, and all of it
};

// Connections of all probes, on the base that they run on.
static struct connection_set *health_probe_set;

void
probes_close(void)
{
  connection_set_free(&health_probe_set);
}

static void
health_probe_free(struct probe *p)
{
  if (p->io != NULL)
    event_free(p->io);
  if (p->timer != NULL)
    event_free(p->timer);
  if (p->fd >= 0)
    close(p->fd);
  free(p);
}

// A connection is given back at the end of its turn.
static void
health_probe_drop(struct probe *p)
{
  p->done = NULL;
  event_del(p->timer);
  if (p->connection.state != CONNECTION_CLOSED)
    connection_close(&p->connection);
  else
    health_probe_free(p);
}

static void
health_probe_on_gone(struct connection *connection)
{
  health_probe_free((struct probe *)connection);
}

void
probe_cancel(struct probe **slot)
{
  if (*slot != NULL)
    health_probe_drop(*slot);
  *slot = NULL;
}

static void
health_probe_finish(struct probe *p, const struct probe_result *result)
{
  if (p->io != NULL)
    event_del(p->io);
  p->done(p->arg, result);
  health_probe_drop(p);
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
  p->head_size = (size_t)(at - p->out);
  size_t size = HEADER_SIZE + p->query->name.size + 4u;
  memset(at, 0, HEADER_SIZE);
  message_put_u16(at, p->id);
  memcpy(at + 2, p->query->flags, sizeof p->query->flags);
  message_set_count(at, 0, 1);
  memcpy(at + HEADER_SIZE, p->query->name.bytes, p->query->name.size);
  message_put_u16(at + size - 4, p->query->type);
  message_put_u16(at + size - 2, p->query->class);
  p->out_size = p->head_size + size;
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

// ---- over a stream: a connection as queries have it ----

static enum message_use
health_probe_on_message(struct connection *connection, const struct frame *frame)
{
  struct probe *p = (struct probe *)connection;
  health_probe_finish_answered(p, frame->message, frame->size);
  return MESSAGE_PAUSE;
}

static void
health_probe_on_ended(struct connection *connection, enum connection_end why)
{
  bool said = why == CONNECTION_EOF || why == CONNECTION_BROKEN || connection->bytes->error == 0;
  health_probe_finish_failed((struct probe *)connection, said ? "the connection was closed" : strerror(connection->bytes->error));
}

static const struct connection_events health_probe_events = {
    .message = health_probe_on_message, .ended = health_probe_on_ended, .gone = health_probe_on_gone};

// False: errno says why.
static bool
health_probe_open_stream(struct probe *p, struct backend *b, struct event_base *base, struct address *from)
{
  if (health_probe_set == NULL)
    health_probe_set = connection_set_new(base, NULL, NULL, NULL, NULL);
  connection_init(&p->connection);
  if (!backend_connect(b, &p->connection, health_probe_set, &health_probe_events, from))
    return false;
  if ((p->head_size == 0 || connection_send_raw(&p->connection, p->out, p->head_size)) &&
      connection_send(&p->connection, p->out + p->head_size, p->out_size - p->head_size))
    return true;
  errno = ENOMEM;
  return false;
}

// ---- over UDP: a socket as queries have it ----

static void
health_probe_on_readable(evutil_socket_t fd, short what, void *arg)
{
  uint8_t answer[UDP_PLAIN_SIZE]; // enough to judge
  (void)what;
  struct probe *p = arg;
  ssize_t n = recv(fd, answer, sizeof answer, 0);
  if (n >= 0)
    health_probe_finish_answered(p, answer, (size_t)n);
  else if (errno != EAGAIN && errno != EINTR)
    health_probe_finish_failed(p, strerror(errno));
}

static void
health_probe_on_writable(evutil_socket_t fd, short what, void *arg)
{
  (void)what;
  struct probe *p = arg;
  ssize_t n = send(fd, p->out, p->out_size, MSG_NOSIGNAL);
  if (n >= 0) {
    event_del(p->io);
    event_assign(p->io, event_get_base(p->io), fd, EV_READ | EV_PERSIST, health_probe_on_readable, p);
    event_add(p->io, NULL);
  } else if (errno != EAGAIN && errno != EINTR) {
    health_probe_finish_failed(p, strerror(errno));
  }
}

static bool
health_probe_open_datagram(struct probe *p, struct backend *b, struct event_base *base, struct address *from)
{
  socklen_t size = sizeof *from;
  p->fd = backend_socket_open(b, SOCK_DGRAM);
  if (p->fd < 0)
    return false;
  if (getsockname(p->fd, &from->sa, &size) != 0)
    *from = (struct address){0};
  p->io = event_new(base, p->fd, EV_WRITE | EV_PERSIST, health_probe_on_writable, p);
  assert(p->io != NULL);
  event_add(p->io, NULL);
  return true;
}

// ---- the beginning, and no answer ----

static void
health_probe_on_timer(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct probe *p = arg;
  health_probe_finish_failed(p, p->error != NULL ? p->error : "no answer in time");
}

// Checks go the way of queries, and queries the way of checks: when the kernel sends this one from another address than the
// last, because an address is gone or a route has moved, the sockets of queries, bound to the old one, are made anew.
static void
health_probe_note_source(struct backend *b, const struct address *now)
{
  if (!address_is_set(now))
    return;
  if (address_is_set(&b->checked_from) && !address_equal_ip(&b->checked_from, now))
    atomic_fetch_add_explicit(&b->generation, 1, memory_order_relaxed);
  b->checked_from = *now;
}

struct probe *
probe_start(struct event_base *base, struct backend *b, const struct health_query *query, uint32_t timeout_ms,
            probe_done_fn done, void *arg)
{
  struct address from = {0};
  struct probe *p = memory_new(sizeof *p);
  *p = (struct probe){.backend = b, .query = query, .done = done, .arg = arg, .fd = -1};
  p->stream = b->options.protocol->stream || b->options.check.over_tcp || query->over_stream;
  random_bytes(&p->id, sizeof p->id);
  health_probe_write_query(p);
  if (p->stream ? health_probe_open_stream(p, b, base, &from) : health_probe_open_datagram(p, b, base, &from)) {
    health_probe_note_source(b, &from);
  } else {
    p->shortage = backend_socket_shortage(errno);
    p->error = strerror(errno);
  }
  p->timer = event_new(base, -1, 0, health_probe_on_timer, p);
  assert(p->timer != NULL);
  uint32_t ms = p->error != NULL ? 0 : timeout_ms;
  event_add(p->timer, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000});
  return p;
}
