// SPDX-License-Identifier: BSD-2-Clause
// A transport: how queries arrive and answers leave. One constant per transport, in net/transport.c; what has to be known of it
// is asked of it, so that nobody compares transports to know what they can do.
//
// A listener has one (addLocal() makes one listener over UDP and one over TCP), a query has its listener's. `start` is what
// serves a listener on a worker; one that is not built yet has none: its listeners are accepted and told of once.
//
// **To add one**: a row in net/transport.c with its `start`, made of what is there: a byte layer below a connection
// (net/byte_layer.h), a protocol above (net/protocol.h), an owner of such connections (net/stream.h). Constants; any thread.
#ifndef DNSPROXY_CORE_TRANSPORT_H
#define DNSPROXY_CORE_TRANSPORT_H

#include "dnsproxy/core/counters.h"

#include <stdbool.h>

struct listener;
struct worker;

struct transport {
  const char *name;      // IncomingProtocolRule, rings
  const char *long_name; // dq:getProtocol(), logs
  const char *bind_text; // showBinds
  unsigned number;       // its place in transports[]: what rings keep
  unsigned ffi_number;   // of the dialect's enumeration in ffi.C
  enum latency_kind latency;
  int socket_type;       // of its listeners
  bool tcp;              // counts as TCP for rules; admitted, and its PROXY header read, before queries come
  bool large;            // answers may have 64 KiB; else they are cut to the client's size
  bool wants_stream;     // queries go to the backend over a stream
  bool secure;           // over TLS
  // Serves its socket of the listener from now on, and no more. On the worker. NULL: not built.
  bool (*start)(struct worker *, struct listener *);
  void (*stop)(struct worker *, struct listener *);
};

extern const struct transport transport_udp, transport_tcp, transport_dnscrypt_udp, transport_dnscrypt_tcp, transport_dot,
    transport_doh, transport_doq, transport_doh3;

enum { TRANSPORT_COUNT = 8 };
extern const struct transport *const transports[TRANSPORT_COUNT];
const struct transport *transport_find(const char *name); // NULL: there is none of this name

#endif
