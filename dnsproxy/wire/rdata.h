// SPDX-License-Identifier: BSD-2-Clause
// What the data of single records says. The record's offsets may come from anywhere: all are checked against the size.
//
// Any thread.
#ifndef DNSPROXY_WIRE_RDATA_H
#define DNSPROXY_WIRE_RDATA_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/wire/message.h"

// Address of an A or AAAA record, without a port. False: another type, or not of that type's size.
bool rdata_address(const uint8_t *message, size_t size, const struct record *, struct address *);
// The name that is all of the data (CNAME, NS, PTR, DNAME); compressed or not. False: malformed.
bool rdata_name(const uint8_t *message, size_t size, const struct record *, struct name *);

// All records behind the question, in order. NULL and *count 0: there are none. *malformed: what was found up to there.
// Free it with free().
struct record *records_read(const uint8_t *message, size_t size, size_t *count, bool *malformed);

#endif
