// SPDX-License-Identifier: BSD-2-Clause
// The ways to backends, the door to them, and what a worker keeps for both transports.
#include "dnsproxy/upstream/upstream.h"

#include "dnsproxy/upstream/upstream_datagram.h"
#include "dnsproxy/upstream/upstream_stream.h"

// ---- the ways (backends/protocol.h) ----

const struct backend_protocol protocol_udp = {.name = "DoUDP",
                                              .transport = &transport_udp,
                                              .for_streams = &protocol_tcp,
                                              .send = upstream_datagram_send};

const struct backend_protocol protocol_tcp = {
    .name = "DoTCP", .transport = &transport_tcp, .stream = true, .send = upstream_stream_send};

const struct backend_protocol protocol_tls = {
    .name = "DoT", .transport = &transport_dot, .stream = true, .missing = "DNS over TLS towards backends"};

const struct backend_protocol protocol_https = {
    .name = "DoH", .transport = &transport_doh, .stream = true, .missing = "DNS over HTTPS towards backends"};

bool
upstream_send(struct query *q, struct backend *backend)
{
  const struct backend_protocol *way = backend_way(backend, q->over_tcp);
  if (way->missing == NULL)
    return way->send(q, backend);
  q->drop = DROP_NO_PROTOCOL;
  return false;
}

void
upstream_open(struct worker *w)
{
  upstream_datagram_open(w);
  upstream_stream_open(w);
}

void
upstream_flush(struct worker *w)
{
  if (w->upstreams != NULL)
    upstream_datagram_flush(w);
}

void
upstream_retired(struct worker *w)
{
  upstream_datagram_retired(w);
  upstream_stream_retired(w);
}

void
upstream_close(struct worker *w)
{
  upstream_stream_close(w);
  upstream_datagram_close(w);
}
