// SPDX-License-Identifier: BSD-2-Clause
// Who asked, told to the backend in front of the query.
#include "dnsproxy/upstream/upstream_proxy.h"

#include <string.h>

// Over plain DNS nobody is encrypted; what comes over TLS may be told apart.
static bool
upstream_proxy_advertise_tls(struct query *q)
{
  if (!q->arrival.transport->secure)
    return true;
  for (const struct proxy_value *v = query_proxy_values(q); v != NULL; v = v->next)
    if (v->type == PROXY_VALUE_SSL)
      return true;
  return query_add_proxy_value(q, PROXY_VALUE_SSL, "", 0);
}

bool
upstream_proxy_prepare(struct query *q, const struct backend *b, bool with_packet)
{
  if (b->options.proxy_advertise_tls && !upstream_proxy_advertise_tls(q))
    return false;
  size_t size = PROXY_HEADER_MAX + proxy_values_size(query_proxy_values(q)) + (with_packet ? q->packet.size : 0);
  uint8_t *room = query_alloc(q, size);
  if (room == NULL)
    return false;
  q->extra->proxied = room;
  q->extra->proxied_size = size;
  return true;
}

void
upstream_proxy_write(struct query *q, bool with_packet)
{
  struct query_extra *e = q->extra;
  size_t size = proxy_header_put_values(e->proxied, e->proxied_size, &q->arrival.client, &q->arrival.destination, query_is_tcp(q),
                                        e->proxy_values);
  if (with_packet)
    memcpy(e->proxied + size, q->packet.data, q->packet.size);
  e->proxied_size = size + (with_packet ? q->packet.size : 0);
}
