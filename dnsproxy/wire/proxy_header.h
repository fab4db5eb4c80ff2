// SPDX-License-Identifier: BSD-2-Clause
// The header of the PROXY protocol, version 2, that goes in front of a query. Any thread.
#ifndef DNSPROXY_WIRE_PROXY_HEADER_H
#define DNSPROXY_WIRE_PROXY_HEADER_H

#include "dnsproxy/base/address.h"

enum { PROXY_HEADER_MAX = 16 + 36 }; // without TLVs

// Writes at most PROXY_HEADER_MAX bytes: from whom to whom the query was, over which kind of transport. Addresses of
// different families are not told. Returns the size.
size_t proxy_header_put(uint8_t *out, const struct address *source, const struct address *destination, bool stream);

#endif
