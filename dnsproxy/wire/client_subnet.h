// SPDX-License-Identifier: BSD-2-Clause
// EDNS Client Subnet (RFC 7871): making the option, finding it, adding it to a query.
//
//   option 8: | family, 2 | source prefix, 1 | scope prefix, 1 | address, as many bytes as the source prefix needs |
//
// A query says for which network it asks (source), an answer for which it is good (scope); 0 in an answer means everybody.
// Only as much of the address as the prefix covers is written, with the bits behind it zero: the rest is the client's own
// business. Adding has cases because a query may have an OPT or none, and an option or none, which is kept or replaced as
// the caller says.
//
// Whether a query gets one is decided in walk/ecs. A value; any thread.
#ifndef DNSPROXY_WIRE_CLIENT_SUBNET_H
#define DNSPROXY_WIRE_CLIENT_SUBNET_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/wire/rewrite.h"

// The content of an option: family, source prefix, scope prefix, as many bytes of the address as the prefix needs.
struct client_subnet {
  uint8_t size;
  uint8_t data[20];
};

// Scope 0, as queries have it; bits behind the prefix are 0. Too long a prefix is reduced to the whole address.
void client_subnet_make(struct client_subnet *, const struct address *, unsigned bits);
// The first option of the kind, whatever its content. False: there is none, or what is before it cannot be read.
bool client_subnet_find(const uint8_t *message, const struct edns *, uint16_t *data, uint16_t *size);
// Does the message have the option, and does the first one say scope 0: good for everybody? False if it cannot be read.
bool client_subnet_is_for_all(const uint8_t *message, size_t size);

enum client_subnet_result {
  CLIENT_SUBNET_KEPT,         // there was one and it stays; or records or options cannot be read
  CLIENT_SUBNET_REPLACED,
  CLIENT_SUBNET_ADDED,        // to the OPT that was there
  CLIENT_SUBNET_ADDED_OPT,    // with an OPT of `payload` bytes
  CLIENT_SUBNET_DOES_NOT_FIT, // the message is as it was
};
// `edns` is the message's (message_edns()). Trailing data is cut when something changes.
enum client_subnet_result client_subnet_add(struct wire_buffer *, const struct edns *edns, const struct client_subnet *,
                                            bool replace, uint16_t payload);

#endif
