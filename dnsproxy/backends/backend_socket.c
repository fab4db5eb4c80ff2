// SPDX-License-Identifier: BSD-2-Clause
// Opening, binding and connecting sockets towards backends.
#include "dnsproxy/backends/backend_socket.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// ---- what is told ----

bool
backend_socket_shortage(int error)
{
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EAGAIN;
}

// True: this reason was not told in the last minute.
static bool
backend_socket_tell(struct backend *b, int error)
{
  enum { QUIET_US = 60000000 };
  uint64_t now_us = clock_mono_us();
  bool same = atomic_exchange_explicit(&b->told_error, error, memory_order_relaxed) == error;
  if (same && now_us - atomic_load_explicit(&b->told_us, memory_order_relaxed) < QUIET_US)
    return false;
  atomic_store_explicit(&b->told_us, now_us, memory_order_relaxed);
  return true;
}

// ---- options ----

static bool
backend_socket_bind(struct backend *b, int fd)
{
  const struct backend_options *o = &b->options;
  int on = 1;
  // It may come later, or be another machine's: queries matter more than the way that they take.
  if (o->source_interface[0] != '\0' &&
      setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->source_interface, (socklen_t)strlen(o->source_interface)) < 0 &&
      backend_socket_tell(b, ENODEV))
    log_warning("backend", "The source interface %s of %s cannot be used: %s. Queries leave without it", o->source_interface,
                backend_full_name(b), strerror(errno));
  if (!address_is_set(&o->source))
    return true;
  if (o->ip_bind_addr_no_port)
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on); // old kernels: only slower
  return bind(fd, &o->source.sa, address_size(&o->source)) == 0;
}

static void
backend_socket_stream_options(int fd, const struct backend_options *o)
{
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // connect() then succeeds at once and the first write carries the query; without a cookie it connects as always.
  if (o->tcp_fast_open)
    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on);
}

static bool
backend_socket_dscp(int fd, const struct backend_options *o)
{
  int class = o->dscp << 2;
  if (class == 0)
    return true;
  if (address_is_v6(&o->address))
    return setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class) == 0;
  return setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof class) == 0;
}

static int maximum_receive, maximum_send;

static int
backend_socket_maximum(const char *path)
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
backend_socket_read_maxima(void)
{
  maximum_receive = backend_socket_maximum("/proc/sys/net/core/rmem_max");
  maximum_send = backend_socket_maximum("/proc/sys/net/core/wmem_max");
}

// As for clients: a burst that they could send can come back from here. What the kernel gives by itself holds 280 answers.
static void
backend_socket_buffers(int fd)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, backend_socket_read_maxima);
  if (maximum_receive > 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &maximum_receive, sizeof maximum_receive);
  if (maximum_send > 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &maximum_send, sizeof maximum_send);
}

uint32_t
backend_socket_lost(int fd)
{
  uint32_t info[SK_MEMINFO_VARS] = {0};
  socklen_t size = sizeof info;
  return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

// ---- opening ----

static bool
backend_socket_connect(struct backend *b, int fd, int type)
{
  const struct backend_options *o = &b->options;
  if (type == SOCK_STREAM)
    backend_socket_stream_options(fd, o);
  else
    backend_socket_buffers(fd);
  return backend_socket_dscp(fd, o) && backend_socket_bind(b, fd) &&
         (connect(fd, &o->address.sa, address_size(&o->address)) == 0 || errno == EINPROGRESS);
}

int
backend_socket_open(struct backend *b, int type)
{
  if (b->missing) { // nothing leaves in another form than was asked for
    errno = EPROTONOSUPPORT;
    return -1;
  }
  int fd = socket(b->options.address.sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && backend_socket_connect(b, fd, type))
    return fd;
  int error = errno;
  if (fd >= 0)
    close(fd);
  if (backend_socket_tell(b, error))
    log_warning("backend", "Cannot open a socket to %s: %s", backend_full_name(b), strerror(error));
  errno = error;
  return -1;
}

bool
backend_connect(struct backend *b, struct connection *c, struct connection_set *set, const struct connection_events *events,
                struct address *from)
{
  int fd = backend_socket_open(b, SOCK_STREAM);
  if (fd < 0)
    return false;
  socklen_t size = sizeof *from;
  if (from != NULL && getsockname(fd, &from->sa, &size) != 0)
    *from = (struct address){0};
  // With fast open nothing was sent yet: the first write connects.
  if (b->options.tcp_fast_open)
    connection_open(c, set, events, &protocol_dns, fd);
  else
    connection_open_connecting(c, set, events, &protocol_dns, fd);
  return true;
}
