// SPDX-License-Identifier: BSD-2-Clause
// The ways to backends, the door to them, and what a worker keeps for both transports.
#include "dnsproxy/upstream/upstream.h"

#include "dnsproxy/upstream/upstream_datagram.h"
#include "dnsproxy/upstream/upstream_stream.h"
#include "dnsproxy/wire/codes.h"

bool
answer_matches(const struct query *q, const uint8_t *answer, size_t size)
{
  if (size < HEADER_SIZE || (answer[2] & FLAG2_QR) == 0)
    return false;
  if (message_count(answer, 0) == 0) {
    unsigned rcode = message_rcode(answer);
    return (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN) || query_settings(q)->allow_empty_response;
  }
  size_t name_size = q->qname.size;
  if (size < HEADER_SIZE + name_size + 4)
    return false;
  const uint8_t *name = answer + HEADER_SIZE, *end = name + name_size;
  // Comparing as many bytes as the query's name has: a name that differs in length differs in its length bytes.
  return message_u16(end) == q->qtype && message_u16(end + 2) == q->qclass &&
         name_bytes_equal(name, name_size, q->qname.bytes, name_size);
}

// The ways to backends, the door to them, and what a worker keeps for both transports.

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
