// SPDX-License-Identifier: BSD-2-Clause
// Client subnet on the walk.
#include "dnsproxy/walk/ecs.h"

#include "dnsproxy/base/netmask.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/backends/pool.h"
#include "dnsproxy/wire/client_subnet.h"
#include "dnsproxy/wire/codes.h"

bool
ecs_is_wanted(const struct query *q)
{
  return q->subnet.wanted && (q->backend != NULL ? q->backend->options.use_client_subnet : q->pool->use_ecs);
}

bool
ecs_has_zero_scope(const struct query *q)
{
  bool allowed = q->backend != NULL ? !q->backend->options.disable_zero_scope : q->pool->zero_scope;
  return allowed && packet_cache_options(q->cache)->parse_ecs;
}

static void
ecs_make(const struct query *q, struct client_subnet *subnet)
{
  if (q->subnet.network != NULL)
    client_subnet_make(subnet, &q->subnet.network->network, q->subnet.network->bits);
  else
    client_subnet_make(subnet, &q->arrival.client, address_is_v6(&q->arrival.client) ? q->subnet.prefix_v6 : q->subnet.prefix_v4);
}

// A stream's packet has little room to spare; a datagram may grow to what backends are known to take.
static bool
ecs_make_room(struct query *q)
{
  return query_takes_large(q) && q->packet.capacity < MESSAGE_MAX_SIZE &&
         query_own_packet(q, q->packet.data, q->packet.size, MESSAGE_MAX_SIZE);
}

static enum client_subnet_result
ecs_add_it(struct query *q, const struct client_subnet *subnet)
{
  enum { PAYLOAD = 512 };
  struct edns edns;
  const struct edns *now = query_edns_now(q, &edns);
  struct wire_buffer b = q->packet;
  if (!query_takes_large(q) && b.capacity > query_most(q))
    b.capacity = query_most(q);
  enum client_subnet_result result = client_subnet_add(&b, now, subnet, q->subnet.override, PAYLOAD);
  q->packet.size = b.size;
  return result;
}

bool
ecs_add(struct query *q)
{
  struct client_subnet subnet;
  ecs_make(q, &subnet);
  enum client_subnet_result result = ecs_add_it(q, &subnet);
  if (result == CLIENT_SUBNET_DOES_NOT_FIT && ecs_make_room(q))
    result = ecs_add_it(q, &subnet);
  // With a subnet of its own the query says for whom the answer must be: no answer for everybody will do.
  if (result == CLIENT_SUBNET_KEPT || result == CLIENT_SUBNET_REPLACED)
    q->subnet.zero_scope = false;
  if (result == CLIENT_SUBNET_ADDED)
    q->subnet.added = true;
  if (result == CLIENT_SUBNET_ADDED_OPT)
    q->subnet.edns_added = true;
  if (result != CLIENT_SUBNET_KEPT)
    q->packet_changed = true;
  return result != CLIENT_SUBNET_DOES_NOT_FIT;
}

bool
ecs_take_off(struct query *q)
{
  q->subnet.for_all = q->subnet.zero_scope && client_subnet_is_for_all(q->packet.data, q->packet.size);
  return q->subnet.edns_added ? message_remove_opt(&q->packet) : message_remove_option(&q->packet, EDNS_ECS);
}
