// SPDX-License-Identifier: BSD-2-Clause
// Listeners: their sockets, one per worker, with the options that the configuration asked for.
#include "dnsproxy/net/listener.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/net/connection.h"

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
listener_free(struct object *object)
{
  struct listener *l = (struct listener *)object;
  listener_close(l);
  for (unsigned i = 0; i < WORKERS_MAX; i++)
    free(l->counters[i]);
  free(l->cpus);
  free(l);
}

const struct object_class listener_class = {.name = "ClientState", .free = listener_free};

struct listener *
listener_new(const struct address *address, const struct transport *transport)
{
  struct listener *l = memory_new(sizeof *l);
  object_init(&l->object, &listener_class);
  l->address = *address;
  l->transport = transport;
  l->proxy_protocol = true;
  for (unsigned i = 0; i < WORKERS_MAX; i++) {
    l->served[i] = true;
    l->sockets[i] = -1;
  }
  return l;
}

// Each worker's counters have cache lines of their own.
static struct listener_counters *
listener_counters_new(void)
{
  size_t size = (sizeof(struct listener_counters) + 63) & ~(size_t)63;
  struct listener_counters *c = aligned_alloc(64, size);
  if (c == NULL)
    abort();
  memset(c, 0, size);
  return c;
}

static bool
listener_on_tcp(const struct listener *l)
{
  return l->transport->socket_type == SOCK_STREAM;
}

// An option that the socket can live without: an old kernel or a missing privilege is worth a line, not a failure.
static void
listener_try_option(int fd, int level, int option, int value, const char *what)
{
  if (setsockopt(fd, level, option, &value, sizeof value) != 0)
    log_verbose("listener", "Setting %s on a listening socket failed: %s", what, strerror(errno));
}

static int
listener_system_maximum(const char *path)
{
  int value = 0;
  FILE *f = fopen(path, "re");
  if (f == NULL)
    return 0;
  if (fscanf(f, "%d", &value) != 1)
    value = 0;
  fclose(f);
  return value;
}

static void
listener_set_udp_buffers(int fd, const int sizes[2])
{
  int receive = sizes != NULL && sizes[0] > 0 ? sizes[0] : listener_system_maximum("/proc/sys/net/core/rmem_max");
  int transmit = sizes != NULL && sizes[1] > 0 ? sizes[1] : listener_system_maximum("/proc/sys/net/core/wmem_max");
  if (receive > 0)
    listener_try_option(fd, SOL_SOCKET, SO_RCVBUF, receive, "the receive buffer size");
  if (transmit > 0)
    listener_try_option(fd, SOL_SOCKET, SO_SNDBUF, transmit, "the send buffer size");
}

// Answers may be fragmented rather than lost: a forged ICMP message must not lower the path's MTU (RFC 9715).
static void
listener_set_udp_options(const struct listener *l, int fd, const int sizes[2])
{
  bool v6 = address_is_v6(&l->address);
  if (v6)
    listener_try_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT, "IPV6_MTU_DISCOVER");
  else
    listener_try_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT, "IP_MTU_DISCOVER");
  // Which of the machine's addresses was asked, so that the answer leaves from it.
  if (address_is_any(&l->address)) {
    if (v6)
      listener_try_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
    else
      listener_try_option(fd, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");
  }
  listener_set_udp_buffers(fd, sizes);
}

struct listener_fast_open listener_fast_open;

enum { NOT_SENT_MAX = 131072 };

static void
listener_set_tcp_options(const struct listener *l, int fd)
{
  listener_try_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  listener_try_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, "TCP_DEFER_ACCEPT");
  listener_try_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"); // accepted sockets inherit it
  // What a client does not read waits here, where it is counted, and not in the kernel.
  listener_try_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_MAX, "TCP_NOTSENT_LOWAT");
  if (l->fast_open_queue > 0)
    listener_try_option(fd, IPPROTO_TCP, TCP_FASTOPEN, l->fast_open_queue, "TCP_FASTOPEN");
  if (listener_fast_open.set &&
      setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, listener_fast_open.key, sizeof listener_fast_open.key) != 0)
    log_warning("setup", "Cannot set the TCP Fast Open key of a listener: %s", strerror(errno));
}

// The kernel would cut a name that is too long, and may find an interface of that name.
static bool
listener_bind_to_interface(const struct listener *l, int fd)
{
  size_t size = strlen(l->interface);
  if (size < IFNAMSIZ)
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->interface, (socklen_t)size) == 0;
  errno = ENODEV;
  return false;
}

static bool
listener_set_options(const struct listener *l, int fd, const int sizes[2])
{
  int on = 1;
  if (address_is_v6(&l->address)) {
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
      return false;
    listener_try_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1, "IPV6_FREEBIND");
  } else {
    listener_try_option(fd, IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND");
  }
  if (l->interface[0] != '\0' && !listener_bind_to_interface(l, fd)) {
    char where[ADDRESS_TEXT_SIZE];
    log_warning("setup", "The listener at %s cannot be bound to the interface %s, and listens without it: %s",
                address_text_with_port(&l->address, where), l->interface, strerror(errno));
  }
  if (listener_on_tcp(l))
    listener_set_tcp_options(l, fd);
  else
    listener_set_udp_options(l, fd, sizes);
  return true;
}

static bool
listener_set_reuse_port(int fd)
{
  int on = 1;
  return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

// The port that the kernel chose: the other workers bind to it too.
static bool
listener_learn_port(struct listener *l, int fd)
{
  struct address bound;
  socklen_t size = sizeof bound;
  if (address_port(&l->address) != 0)
    return true;
  if (getsockname(fd, &bound.sa, &size) != 0)
    return false;
  address_set_port(&l->address, address_port(&bound));
  return true;
}

// The first socket learns whether another process has the port; only then may it share it with its brothers.
static bool
listener_bind_and_listen(struct listener *l, int fd, bool first)
{
  bool share_early = l->reuse_port || !first;
  if (share_early && !listener_set_reuse_port(fd))
    return false;
  if (bind(fd, &l->address.sa, address_size(&l->address)) != 0 || !listener_learn_port(l, fd))
    return false;
  if (!share_early && !listener_set_reuse_port(fd))
    return false;
  return !listener_on_tcp(l) || listen(fd, l->listen_queue > 0 ? l->listen_queue : SOMAXCONN) == 0;
}

static int
listener_open_socket(struct listener *l, bool first, const int sizes[2])
{
  int fd = socket(l->address.sa.sa_family, l->transport->socket_type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  if (listener_set_options(l, fd, sizes) && listener_bind_and_listen(l, fd, first))
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

bool
listener_bind(struct listener *l, unsigned worker_total, const int buffer_sizes[2], struct fault *f)
{
  assert(worker_total >= 1 && worker_total <= WORKERS_MAX);
  bool first = true;
  for (unsigned i = 0; i < worker_total; i++) {
    if (l->counters[i] == NULL)
      l->counters[i] = listener_counters_new();
    if (!l->served[i])
      continue;
    l->sockets[i] = listener_open_socket(l, first, buffer_sizes);
    first = false;
    if (l->sockets[i] >= 0)
      continue;
    int error = errno;
    char where[ADDRESS_TEXT_SIZE];
    listener_close(l);
    fault_set(f, FAULT_PLAIN, "binding socket to %s: %s", address_text_with_port(&l->address, where), strerror(error));
    errno = error;
    return false;
  }
  return true;
}

void
listener_close(struct listener *l)
{
  for (unsigned i = 0; i < WORKERS_MAX; i++)
    if (l->sockets[i] >= 0) {
      close(l->sockets[i]);
      l->sockets[i] = -1;
    }
}

void
listener_unsent(struct query *q, unsigned why)
{
  struct worker *w = q->worker;
  if (q->arrival.listener->walk != NULL) {
    q->arrival.listener->walk->unsent(q, why);
    return;
  }
  counter_add(&w->counters.counter[COUNTER_ANSWERS_SENT], (uint64_t)-1);
  counter_add(&w->counters.drop[why], 1);
}

uint64_t
listener_queries(const struct listener *l)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < WORKERS_MAX; i++)
    if (l->counters[i] != NULL)
      sum += atomic_load_explicit(&l->counters[i]->queries, memory_order_relaxed);
  return sum;
}

// ---- on workers ----

struct listener_post {
  struct post post; // first
  struct listener *listener; // one reference
};

bool
listener_serve(struct worker *w, struct listener *l)
{
  atomic_fetch_add(&l->serving, 1);
  return l->transport->start(w, l);
}

void
listener_left(struct worker *w, struct listener *l)
{
  close(l->sockets[w->id]);
  l->sockets[w->id] = -1;
  atomic_fetch_sub(&l->serving, 1);
  object_unref(&l);
}

static void
listener_run_start(struct worker *w, struct post *post)
{
  struct listener_post *p = (struct listener_post *)post;
  if (!w->draining && !listener_serve(w, p->listener))
    memory_exhausted();
  object_unref(&p->listener);
  free(p);
}

static void
listener_run_stop(struct worker *w, struct post *post)
{
  struct listener_post *p = (struct listener_post *)post;
  p->listener->transport->stop(w, p->listener);
  object_unref(&p->listener);
  free(p);
}

static void
listener_post(struct listener *l, void (*run)(struct worker *, struct post *))
{
  for (unsigned i = 0; i < worker_count(); i++) {
    if (!l->served[i])
      continue;
    struct listener_post *p = memory_new(sizeof *p);
    p->post.run = run;
    p->listener = object_ref(l);
    worker_post(workers[i], &p->post);
  }
}

void
listener_start(struct listener *l)
{
  listener_post(l, listener_run_start);
}

void
listener_stop(struct listener *l)
{
  listener_post(l, listener_run_stop);
}

// ---- a worker's connections ----

static void
listener_worker_connections_begin(void *worker)
{
  worker_begin(worker);
}

static void
listener_worker_connections_end(void *worker)
{
  worker_end(worker);
}

struct connection_set *
worker_connections_open(struct worker *w)
{
  if (w->connection_users++ == 0)
    w->connections =
        connection_set_new(w->base, listener_worker_connections_begin, listener_worker_connections_end, w, &w->now_us);
  return w->connections;
}

void
worker_connections_close(struct worker *w)
{
  connection_set_flush(w->connections);
  if (--w->connection_users == 0)
    connection_set_free(&w->connections);
}
