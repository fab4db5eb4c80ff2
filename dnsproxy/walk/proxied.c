// SPDX-License-Identifier: BSD-2-Clause
// PROXY headers in front of datagrams (semantics.md sections 1 and 14); those of streams are read in net/.
#include "dnsproxy/walk/proxied.h"

#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/net/listener.h"

bool
proxied_expected(const struct snapshot *s, const struct listener *listener, const struct address *peer)
{
  return netmask_set_count(s->proxy_acl) > 0 && listener->proxy_protocol && netmask_set_match(s->proxy_acl, peer);
}

static bool
proxied_refuse(struct query *q, enum drop why)
{
  q->drop = (uint8_t)why;
  return false;
}

bool
proxied_take(struct query *q)
{
  const struct settings *settings = query_settings(q);
  struct proxy_header header;
  if (proxy_header_parse(q->packet.data, q->packet.size, settings->proxy_maximum_size, &header) != PROXY_COMPLETE) {
    count(q->worker, COUNTER_PROXY_PROTOCOL_INVALID);
    return proxied_refuse(q, DROP_PROXY_INVALID);
  }
  if (!query_take_proxy_header(q, &header))
    return proxied_refuse(q, DROP_OUT_OF_MEMORY);
  q->packet.data += header.size;
  q->packet.size -= header.size;
  q->packet.capacity -= header.size;
  if (settings->proxy_apply_acl && !netmask_set_match(q->lease->snapshot->acl, &q->arrival.client)) {
    count(q->worker, COUNTER_ACL_DROPS);
    return proxied_refuse(q, DROP_PROXY_INVALID);
  }
  return q->packet.size >= HEADER_SIZE || proxied_refuse(q, DROP_MALFORMED);
}
