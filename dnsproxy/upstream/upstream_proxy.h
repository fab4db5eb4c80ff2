// SPDX-License-Identifier: BSD-2-Clause
// PROXY headers towards backends that want them (useProxyProtocol; semantics.md section 14).
//
//   header: client, destination, transport, values of the client's own header and of rules | packet
//
// Over UDP the header stands in front of each query: a copy of the packet is sent behind it, made in memory of the query's
// (extra->proxied). Over TCP it is sent once per connection, which therefore carries the queries of one client only and is
// looked up by what is in the header.
//
// Room is made while the query can still be refused for want of memory; writing cannot fail. Internal to upstream/.
// Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_PROXY_H
#define DNSPROXY_UPSTREAM_UPSTREAM_PROXY_H

#include "dnsproxy/backends/backend.h"
#include "dnsproxy/core/query.h"

// Makes room for the header, and for the packet behind it if with_packet. False: no memory.
bool upstream_proxy_prepare(struct query *, const struct backend *, bool with_packet);
// Writes them: extra->proxied and its size. The packet is as it will be sent.
void upstream_proxy_write(struct query *, bool with_packet);

#endif
