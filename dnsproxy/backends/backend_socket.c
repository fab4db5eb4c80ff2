// SPDX-License-Identifier: BSD-2-Clause
// Opening, binding and connecting sockets towards backends.
#include "dnsproxy/backends/backend_socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static bool
bind_source(int fd, const struct backend_options *o)
{
  int on = 1;
  if (o->source_interface[0] != '\0' &&
      setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->source_interface, (socklen_t)strlen(o->source_interface)) < 0)
    return false;
  if (!address_is_set(&o->source))
    return true;
  if (o->ip_bind_addr_no_port)
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on); // old kernels: only slower
  return bind(fd, &o->source.sa, address_size(&o->source)) == 0;
}

static void
set_stream_options(int fd, const struct backend_options *o)
{
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // connect() then succeeds at once and the first write carries the query; without a cookie it connects as always.
  if (o->tcp_fast_open)
    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on);
}

static bool
set_dscp(int fd, const struct backend_options *o)
{
  int class = o->dscp << 2;
  if (class == 0)
    return true;
  if (address_is_v6(&o->address))
    return setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class) == 0;
  return setsockopt(fd, IPPROTO_IP, IP_TOS, &class, sizeof class) == 0;
}

int
backend_socket_open(const struct backend_options *o, int type)
{
  if (o->protocol->missing != NULL) { // nothing leaves in another form than was asked for
    errno = EPROTONOSUPPORT;
    return -1;
  }
  int fd = socket(o->address.sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if (type == SOCK_STREAM)
    set_stream_options(fd, o);
  if (set_dscp(fd, o) && bind_source(fd, o) &&
      (connect(fd, &o->address.sa, address_size(&o->address)) == 0 || errno == EINPROGRESS))
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}
