// SPDX-License-Identifier: BSD-2-Clause
// How queries go to a backend: one row per protocol, chosen once, when newServer{...} is read.
//
//   newServer{}  ->  o.protocol   udp | tcp | tls | https
//   a query      ->  protocol_for(b, over a stream?)  ->  upstream_send()  ->  row->send
//   a check      ->  the same row, through the same sockets' options
//
// Everybody who wants to know something about the way (is it a stream? how is it shown? is it built at all?) asks the row;
// nobody compares protocols. A protocol that this build does not have is a row like the others with the name of what is
// missing: its backends exist, are shown and are never up, and neither upstream_send() nor backend_socket_open(), through
// which every byte passes, does anything for them. So a protection that was asked for fails closed, whoever chose the backend.
//
// To add one: a row here, its send() in upstream/, and `missing` is gone. Constant; any thread.
#ifndef DNSPROXY_BACKENDS_PROTOCOL_H
#define DNSPROXY_BACKENDS_PROTOCOL_H

#include "dnsproxy/core/query.h"

struct backend;

struct backend_protocol {
  const char *name;         // "DoUDP": as logs and tables say
  const struct transport *transport; // as rings and scripts say
  bool stream;              // over connections: answers may be large, latency is TCP's
  const char *missing;      // what it waits for; NULL: it is built
  const struct backend_protocol *for_streams; // what takes queries that came over a stream; NULL: this one
  // Takes the query over, or leaves it with its owner: false, q->drop says why. Called by upstream_send() only.
  bool (*send)(struct query *, struct backend *);
};

extern const struct backend_protocol protocol_udp, protocol_tcp, protocol_tls, protocol_https;

#endif
