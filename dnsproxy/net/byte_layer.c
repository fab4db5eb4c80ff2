// SPDX-License-Identifier: BSD-2-Clause
// The plain byte layer: a non-blocking socket.
#include "dnsproxy/net/byte_layer.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static enum bytes_result
byte_layer_plain_failed(struct byte_layer *b, enum bytes_result wants)
{
  if (errno == EAGAIN || errno == EINTR || errno == EINPROGRESS)
    return wants;
  b->error = errno;
  return BYTES_ERROR;
}

static enum bytes_result
byte_layer_plain_handshake(struct byte_layer *b)
{
  int error = 0;
  socklen_t size = sizeof error;
  if (!b->connecting)
    return BYTES_OK;
  if (getsockopt(b->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    error = errno;
  b->connecting = false;
  b->error = error;
  return error == 0 ? BYTES_OK : BYTES_ERROR;
}

static enum bytes_result
byte_layer_plain_read(struct byte_layer *b, const struct iovec *parts, int count, size_t *done)
{
  ssize_t got = count == 1 ? read(b->fd, parts[0].iov_base, parts[0].iov_len) : readv(b->fd, parts, count);
  if (got < 0)
    return byte_layer_plain_failed(b, BYTES_WANT_READ);
  *done = (size_t)got;
  return got == 0 ? BYTES_END : BYTES_OK;
}

static enum bytes_result
byte_layer_plain_write(struct byte_layer *b, const struct iovec *parts, int count, size_t *done)
{
  ssize_t put;
  if (count == 1) {
    put = send(b->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
  } else {
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count};
    put = sendmsg(b->fd, &m, MSG_NOSIGNAL);
  }
  if (put < 0)
    return byte_layer_plain_failed(b, BYTES_WANT_WRITE);
  *done = (size_t)put;
  return put == 0 ? BYTES_WANT_WRITE : BYTES_OK;
}

static enum bytes_result
byte_layer_plain_shutdown(struct byte_layer *b)
{
  // ENOTCONN: the peer has reset it. It knows.
  if (shutdown(b->fd, SHUT_WR) == 0 || errno == ENOTCONN)
    return BYTES_OK;
  b->error = errno;
  return BYTES_ERROR;
}

static enum bytes_result
byte_layer_plain_peek(struct byte_layer *b)
{
  uint8_t byte;
  ssize_t got = recv(b->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0)
    return byte_layer_plain_failed(b, BYTES_WANT_READ);
  return got == 0 ? BYTES_END : BYTES_OK;
}

static size_t
byte_layer_plain_pending(const struct byte_layer *b)
{
  (void)b;
  return 0;
}

static void
byte_layer_plain_close(struct byte_layer *b)
{
  close(b->fd);
  b->fd = -1;
}

static const struct byte_layer_class plain_class = {.name = "plain",
                                                    .handshake = byte_layer_plain_handshake,
                                                    .read = byte_layer_plain_read,
                                                    .write = byte_layer_plain_write,
                                                    .shutdown = byte_layer_plain_shutdown,
                                                    .peek = byte_layer_plain_peek,
                                                    .pending = byte_layer_plain_pending,
                                                    .close = byte_layer_plain_close};

void
byte_layer_plain(struct byte_layer *b, int fd, bool connecting)
{
  *b = (struct byte_layer){.class = &plain_class, .fd = fd, .connecting = connecting};
}

int
outgoing_socket(const struct outgoing *o)
{
  int on = 1, fd = socket(o->to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  bool placed = o->interface == NULL || o->interface[0] == '\0' ||
                setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->interface, (socklen_t)strlen(o->interface)) == 0;
  if (placed && (!address_is_set(&o->from) || bind(fd, &o->from.sa, address_size(&o->from)) == 0) &&
      (connect(fd, &o->to.sa, address_size(&o->to)) == 0 || errno == EINPROGRESS))
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}
