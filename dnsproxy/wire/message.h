// SPDX-License-Identifier: BSD-2-Clause
// Reading DNS messages (RFC 1035 4.1, RFC 6891): header, question, EDNS, records, what single records say.
//
//   0      12           question_end                                          proper size
//   | header | name type class | record | record | ... | OPT: 0 41 size flags options | trailing data
//
// There is no parsed form: a message is bytes, and whoever wants a fact asks for it and gets offsets (struct question, edns,
// record). Names stay compressed until they are wanted as a value: message_name() expands one, and as every pointer must
// lead further back than the one before, none can lead in circles. A question whose name is compressed is malformed.
//
// message_edns() is what runs for every query: a message with one question and one record is read without a walk. Everything
// else goes through record_walk_init() and record_next().
//
// Works on bytes that the caller owns; every offset is checked against the size given, so bytes may come from anybody.
// Offsets fit those bytes alone: after a change they are asked for anew. Nothing here changes a byte, but for the two
// functions that put numbers. Any thread.
#ifndef DNSPROXY_WIRE_MESSAGE_H
#define DNSPROXY_WIRE_MESSAGE_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/wire/name.h"

enum { HEADER_SIZE = 12, MESSAGE_MAX_SIZE = 65535, UDP_PLAIN_SIZE = 512 };

// Header fields at their place in the bytes (network order inside).
static inline uint16_t message_u16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t message_u32(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }
static inline void message_put_u16(uint8_t *at, uint16_t v) { at[0] = (uint8_t)(v >> 8); at[1] = (uint8_t)v; }
static inline void message_put_u32(uint8_t *at, uint32_t v) { at[0] = (uint8_t)(v >> 24); at[1] = (uint8_t)(v >> 16); at[2] = (uint8_t)(v >> 8); at[3] = (uint8_t)v; }

// Bits of byte 2 and byte 3 of the header.
enum { FLAG2_QR = 0x80, FLAG2_OPCODE = 0x78, FLAG2_AA = 0x04, FLAG2_TC = 0x02, FLAG2_RD = 0x01 };
enum { FLAG3_RA = 0x80, FLAG3_Z = 0x40, FLAG3_AD = 0x20, FLAG3_CD = 0x10, FLAG3_RCODE = 0x0f };

static inline uint16_t message_id(const uint8_t *m) { return message_u16(m); }
static inline unsigned message_opcode(const uint8_t *m) { return (m[2] & FLAG2_OPCODE) >> 3; }
static inline unsigned message_rcode(const uint8_t *m) { return m[3] & FLAG3_RCODE; }
// section: 0 question, 1 answer, 2 authority, 3 additional
static inline uint16_t message_count(const uint8_t *m, unsigned section) { return message_u16(m + 4 + 2 * section); }
static inline void message_set_count(uint8_t *m, unsigned section, uint16_t n) { message_put_u16(m + 4 + 2 * section, n); }

// The first question. The name is copied out uncompressed; a question name with a compression pointer is malformed.
struct question {
  struct name name;
  uint16_t type, class;
  uint16_t end; // offset behind the question
};
bool message_question(const uint8_t *message, size_t size, struct question *);

// EDNS(0) as found: offsets are into the message, 0 when there is no OPT.
struct edns {
  uint16_t offset;        // of the OPT record's owner (a root label)
  uint16_t size;          // of the whole record
  uint16_t options;       // offset of the first option
  uint16_t options_size;
  uint16_t payload;       // requestor's UDP size as sent
  uint8_t extended_rcode, version;
  bool dnssec_ok;
};
// question_end: offset behind the question (struct question). False when records are malformed before an OPT was found;
// without an OPT true and offset 0. A plain query (no records but one OPT) is read without a scan.
bool message_edns(const uint8_t *message, size_t size, size_t question_end, struct edns *);
// Next option of an OPT: start with *cursor = edns->options; false at the end or when malformed.
bool edns_option_next(const uint8_t *message, const struct edns *, uint16_t *cursor, uint16_t *code, uint16_t *data, uint16_t *data_size);

// Records behind the question, in order. Start with record_first().
struct record {
  unsigned section; // 1 to 3
  uint16_t owner;   // offset of the owner name (may be compressed)
  uint16_t fixed;   // offset of type, class, ttl, rdlength
  uint16_t type, class;
  uint32_t ttl;
  uint16_t rdata, rdata_size;
  uint16_t end;
};
struct record_walk {
  const uint8_t *message;
  size_t size;
  size_t at;
  unsigned section, left; // records left in the section
  bool malformed;
};
// False (and malformed set) if the question section cannot be skipped.
bool record_walk_init(struct record_walk *, const uint8_t *message, size_t size);
bool record_next(struct record_walk *, struct record *); // false at the end or when malformed: look at walk->malformed
// Expands a possibly compressed name at offset; pointers must go backwards. Returns the offset behind it, 0 when malformed.
size_t message_name(const uint8_t *message, size_t size, size_t offset, struct name *);
// Size of the message proper: bytes behind it are trailing data. 0 when malformed.
size_t message_proper_size(const uint8_t *message, size_t size);

// ---- data of records ----

// Address of an A or AAAA record, without a port. False: another type, or not of that type's size.
bool rdata_address(const uint8_t *message, size_t size, const struct record *, struct address *);
// The name that is all of the data (CNAME, NS, PTR, DNAME); compressed or not. False: malformed.
bool rdata_name(const uint8_t *message, size_t size, const struct record *, struct name *);

// All records behind the question, in order. NULL and *count 0: there are none. *malformed: what was found up to there.
// Free it with free().
struct record *records_read(const uint8_t *message, size_t size, size_t *count, bool *malformed);

#endif
