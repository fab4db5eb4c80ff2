// SPDX-License-Identifier: BSD-2-Clause
// Turning a query into an answer, in place: rcode, spoofed records, SOA (semantics.md section 8).
//
//   header of the query   question   -> QR, rcode, bits by answer_flags   question   records   OPT by answer_edns
//
// The buffer holds a query on entry; its id, question, RD and TC stay, all records of the query go, trailing data and TSIG with
// them. Each function knows the size of its answer before it touches the message: false (it does not fit, or the question is
// not there) leaves it unchanged. Owner names are a compression pointer to the question. A query whose question cannot be read
// has question_end HEADER_SIZE, and can be answered by a bare header only.
//
// Policy stays outside: who has EDNS, which payload, which flags are said in struct answer_form, made by query_answer_form().
// Any thread.
#ifndef DNSPROXY_WIRE_COMPOSE_H
#define DNSPROXY_WIRE_COMPOSE_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/wire/rewrite.h"

// Bits of the answer: unset (-1) means the default of semantics.md section 8: aa untouched, ad cleared, ra = rd. -2: each as it
// was in the query.
struct answer_flags {
  signed char aa, ad, ra;
};
#define ANSWER_FLAGS_DEFAULT {-1, -1, -1}
#define ANSWER_FLAGS_KEPT {-2, -2, -2}

// What the answer's OPT looks like: taken from the query's EDNS by the caller; present=false: none.
struct answer_edns {
  bool present, dnssec_ok;
  uint16_t payload; // setPayloadSizeOnSelfGeneratedAnswers
};

struct answer_form {
  struct answer_flags flags;
  struct answer_edns edns;
  uint16_t question_end;
  uint16_t class; // of generated records
  uint32_t ttl;
};

// Header and question only, QR=1, then OPT as the form says. rcode: 12 bits; the upper 8 go into the OPT if there is one.
bool compose_rcode(struct wire_buffer *, const struct answer_form *, unsigned rcode);
// TC=1, QR=1, RA=RD, AA=AD=0, no records.
bool compose_truncated(struct wire_buffer *, const struct answer_form *);
// A and AAAA records: those of `qtype` (A, AAAA or ANY for both) in the order given. count may be 0: NoError without records.
bool compose_addresses(struct wire_buffer *, const struct answer_form *, uint16_t qtype, const struct address *, size_t count);
bool compose_cname(struct wire_buffer *, const struct answer_form *, const struct name *target);
struct bytes;
bool compose_raw(struct wire_buffer *, const struct answer_form *, uint16_t type, const struct bytes *rdata, size_t count);
// The same, with records of the additional section behind.
struct record_data;
bool compose_raw_and_more(struct wire_buffer *, const struct answer_form *, uint16_t type, const struct bytes *rdata,
                          size_t count, const struct record_data *more, size_t more_count);
struct soa {
  struct name zone, mname, rname;
  uint32_t serial, refresh, retry, expire, minimum;
};
bool compose_negative(struct wire_buffer *, const struct answer_form *, bool nxdomain, const struct soa *, bool in_authority);

// Appends one record, counted in `section` (1 to 3, not below the section of the last record). Owner NULL: pointer to the question.
struct record_data {
  const struct name *owner;
  uint16_t type, class;
  uint32_t ttl;
  const uint8_t *rdata;
  size_t rdata_size;
};
bool compose_append(struct wire_buffer *, unsigned section, const struct record_data *);

#endif
