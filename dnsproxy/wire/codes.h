// SPDX-License-Identifier: BSD-2-Clause
// Numbers and names of the DNS: types, classes, rcodes, opcodes, EDNS options.
//
//   qtypes.def, rcodes.def: a row per number --> enum, text, parser, tables of constants for scripts (DNSQType, DNSRCode)
//
// Users write a type as "AAAA", "TYPE28" or 28, and see the first; unknown numbers are written as RFC 3597 has it. Texts of
// rcodes come in two forms: the mnemonic, and the sentence that tables of the dialect print.
//
// To add a type: a row. Constants; any thread.
#ifndef DNSPROXY_WIRE_CODES_H
#define DNSPROXY_WIRE_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qtype {
#define QTYPE(name, number) QTYPE_##name = number,
#include "dnsproxy/wire/qtypes.def"
#undef QTYPE
};
enum { QCLASS_IN = 1, QCLASS_CHAOS = 3, QCLASS_NONE = 254, QCLASS_ANY = 255 };
enum { OPCODE_QUERY = 0, OPCODE_IQUERY = 1, OPCODE_STATUS = 2, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };
enum rcode {
#define RCODE(name, number, text) RCODE_##name = number,
#include "dnsproxy/wire/rcodes.def"
#undef RCODE
};
enum { EDNS_NSID = 3, EDNS_ECS = 8, EDNS_COOKIE = 10, EDNS_KEEPALIVE = 11, EDNS_PADDING = 12, EDNS_EDE = 15 };

// "A", "TYPE65280" for unknown numbers. Returns out or a constant; out has QTYPE_TEXT_SIZE bytes.
enum { QTYPE_TEXT_SIZE = 12 };
const char *qtype_text(uint16_t type, char *out);
bool qtype_parse(const char *text, uint16_t *type); // any casing, TYPEn, and plain numbers to 65535
// Returns out or a constant; RCODE_TEXT_SIZE bytes suffice for out.
enum { RCODE_TEXT_SIZE = 16 };
const char *rcode_text(unsigned rcode, char *out, size_t out_size); // "No Error", "Query Refused", "Err#n" (console.md)
const char *rcode_mnemonic(unsigned rcode); // "NOERROR"..., NULL when unknown
bool rcode_parse(const char *text, unsigned *rcode); // mnemonic in any casing, or number
const char *opcode_text(unsigned opcode); // "Query", "Notify"..., the number for unknown ones; 0 to 15

#endif
