// SPDX-License-Identifier: BSD-2-Clause
// The header of the PROXY protocol, version 2, that goes in front of a query (haproxy's proxy-protocol.txt).
//
//   | signature, 12 | version and command, 1 | family, 1 | length, 2 | source, destination, ports | values (TLV) ... |
//
// A proxy in front of us says who the client really is, and we say it to backends that want it. It is bytes from outside:
// parsing looks at lengths before anything else, tells what is missing (a stream may bring it in pieces), and refuses more
// than the caller's maximum. A local header (the proxy's own checks) says nothing about addresses.
//
// Who may send one is an ACL (setProxyProtocolACL), because whoever may can claim any address. A value; any thread.
#ifndef DNSPROXY_WIRE_PROXY_HEADER_H
#define DNSPROXY_WIRE_PROXY_HEADER_H

#include "dnsproxy/base/address.h"

enum {
  PROXY_HEADER_FIXED = 16,
  PROXY_HEADER_MAX = 16 + 36, // without values
  PROXY_VALUE_SSL = 0x20,
};

// A value (TLV) that goes along.
struct proxy_value {
  const struct proxy_value *next;
  uint8_t type;
  uint16_t size;
  const uint8_t *data;
};

struct proxy_header {
  size_t size; // of all of it; known as soon as the fixed part is there
  bool local;  // from the proxy itself: addresses say nothing
  struct address source, destination;
  const uint8_t *values; // in the bytes that were parsed
  size_t values_size;
};
enum proxy_parsed { PROXY_INCOMPLETE, PROXY_INVALID, PROXY_COMPLETE };
// maximum: the largest header that is accepted. PROXY_INCOMPLETE: `size` is what is needed as far as known.
enum proxy_parsed proxy_header_parse(const uint8_t *, size_t, size_t maximum, struct proxy_header *);
// The next of the values, which are whole in a complete header. Begins with *at = 0; false: no more.
bool proxy_header_value(const struct proxy_header *, size_t *at, struct proxy_value *);

// Writes at most PROXY_HEADER_MAX bytes: from whom to whom the query was, over which kind of transport. Addresses of
// different families are not told. Returns the size.
size_t proxy_header_put(uint8_t *out, const struct address *source, const struct address *destination, bool stream);
// The same with values behind; 0: they do not fit into the capacity, or into any header.
size_t proxy_header_put_values(uint8_t *out, size_t capacity, const struct address *source, const struct address *destination,
                               bool stream, const struct proxy_value *);
size_t proxy_values_size(const struct proxy_value *); // in a header
size_t proxy_header_put_local(uint8_t out[PROXY_HEADER_FIXED]); // of queries of our own

#endif
