// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: datagrams over UNIX sockets, sent and received. An endpoint belongs to the script that made it.
#include "lua/scripts/ffi_frame.h"

#include "dnsproxy/base/unix_datagram.h"

#include <stdlib.h>
#include <unistd.h>

struct dnsdist_ffi_network_endpoint_t {
  int fd;
};

bool
dnsdist_ffi_network_endpoint_new(const char *path, size_t size, dnsdist_ffi_network_endpoint_t **out)
{
  int fd = path == NULL || out == NULL ? -1 : unix_datagram_connect(path, size);
  if (fd < 0)
    return false;
  dnsdist_ffi_network_endpoint_t *e = malloc(sizeof *e);
  if (e == NULL) {
    close(fd);
    return false;
  }
  e->fd = fd;
  *out = e;
  return true;
}

bool
dnsdist_ffi_network_endpoint_is_valid(const dnsdist_ffi_network_endpoint_t *e)
{
  return e != NULL;
}

bool
dnsdist_ffi_network_endpoint_send(const dnsdist_ffi_network_endpoint_t *e, const char *payload, size_t size)
{
  return e != NULL && payload != NULL && unix_datagram_send(e->fd, payload, size);
}

void
dnsdist_ffi_network_endpoint_free(dnsdist_ffi_network_endpoint_t *e)
{
  if (e != NULL)
    close(e->fd);
  free(e);
}

// ---- what a listener's function is called with: NULL and zeros outside of the call ----

const char *
dnsdist_ffi_network_message_get_payload(const dnsdist_ffi_network_message_t *m)
{
  return m == NULL ? NULL : m->payload;
}

size_t
dnsdist_ffi_network_message_get_payload_size(const dnsdist_ffi_network_message_t *m)
{
  return m == NULL ? 0 : m->size;
}

uint16_t
dnsdist_ffi_network_message_get_endpoint_id(const dnsdist_ffi_network_message_t *m)
{
  return m == NULL ? 0 : m->endpoint_id;
}
