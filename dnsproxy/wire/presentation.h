// SPDX-License-Identifier: BSD-2-Clause
// Records from presentation form (RFC 1035 5.1, RFC 3597 5): for scripted services and tests.
//
//   "www.example. 60 IN MX 10 mail.example." --> owner, type, class, TTL, RDATA in wire form
//
// A type is a row that says what its fields are (number, name, address, text, hex, ...), so that adding one is a row; any
// other is written as "\# length hex". It is no zone file: one record on one line, no $ORIGIN, no brackets over lines; names
// are absolute.
//
// Errors are one sentence that quotes the record, because its author is a person. Works on the caller's memory. Any thread.
#ifndef DNSPROXY_WIRE_PRESENTATION_H
#define DNSPROXY_WIRE_PRESENTATION_H

#include "dnsproxy/wire/name.h"

enum { PRESENTATION_RDATA_SIZE = 65535 };

struct presented_record {
  struct name owner;
  uint16_t type, class;
  uint32_t ttl;
  uint16_t rdata_size;
  uint8_t *rdata; // the caller's buffer of PRESENTATION_RDATA_SIZE bytes
};

// "owner [ttl] [class] type rdata...", all on one line; ttl defaults to 0, class to IN. Names are absolute with or without a
// final dot. Types: A AAAA NS CNAME DNAME PTR MX SRV SOA TXT SPF HINFO CAA NAPTR TLSA DS SSHFP, and any by "\# length hex".
// Error (FAULT_CAUGHT): one sentence that quotes the record.
bool record_from_text(struct presented_record *, const char *line, struct fault *);

#endif
