// SPDX-License-Identifier: BSD-2-Clause
// What actions that answer by themselves share: the options aa, ad, ra, ttl, and the end of the chain.
//
//   options table of the rule --read once--> answer_options --> query_answer_form(): header bits, EDNS --> wire/compose turns
//                                                                 the query around in its own buffer
//
// An answer of our own has the question as it was asked, RD of the query, RA and AD as the options say or else as in the
// query, and an OPT if the query had one. It is written where the query lies, after room was made for it; without room the
// query is dropped and counted. Then QR is set, which is how the walk sees that it is an answer, and the chain ends.
//
// For act_*.c, and for scripts that answer in place. Workers.
#ifndef RULES_ACT_SELF_ANSWER_H
#define RULES_ACT_SELF_ANSWER_H

#include "rules/act/action.h"

// Rows of the options table, in this order; answer_options_read() relies on it.
#define ANSWER_FLAG_ROWS                                                                                               \
  {.name = "aa", .type = PARAM_BOOL, .optional = true,                                                                 \
   .help = "AA bit of the answer; left as in the query when unset"},                                                   \
      {.name = "ad", .type = PARAM_BOOL, .optional = true,                                                             \
       .help = "AD bit of the answer; cleared when unset"},                                                            \
      {.name = "ra", .type = PARAM_BOOL, .optional = true, .help = "RA bit of the answer; as RD when unset"}
#define ANSWER_TTL_ROW                                                                                                 \
  {.name = "ttl", .type = PARAM_INT, .most = INT32_MAX, .optional = true, .fallback = "60", .unit = "s",                                  \
   .help = "TTL of generated records"}
// People give it to actions that make no record of their own, too.
#define ANSWER_UNUSED_TTL_ROW                                                                                          \
  {.name = "ttl", .type = PARAM_INT, .any = true, .optional = true, .help = "accepted: there is no record that it could be for"}

enum { ANSWER_TTL = 60 };

struct answer_options {
  struct answer_flags flags;
  uint32_t ttl;
};

// The options of a value of type PARAM_OPTIONS; given or not. with_ttl: its rows have ANSWER_TTL_ROW behind the flags.
struct answer_options answer_options_read(const struct value *, bool with_ttl);
// Without and with a TTL.
extern const struct param answer_flag_options[], answer_ttl_options[];

struct answer_form answer_form_of(const struct query *, const struct answer_options *);
// Answers may be larger than the buffer that the query came in; what UDP cannot carry is truncated when it is finished.
// These make room for records whose owner is the question, before they are composed, as far as there is memory.
void answer_room(struct query *, size_t records); // bytes
void answer_room_addresses(struct query *, size_t count);
void answer_room_raw(struct query *, const struct bytes *values, size_t count);
// The packet was turned into an answer (or did not fit: then the query is dropped).
enum verdict answer_made(struct query *, bool fits);
// A whole message, at least a header, whose id alone is adapted.
enum verdict answer_packet(struct query *, const void *packet, size_t size);
// TC=1 for datagrams; a query or answer of a stream goes on.
enum verdict answer_truncated(struct query *);
enum verdict response_truncated(struct query *);
// The same numbers in another order, drawn for this query: memory of the query, or `list` itself when there is none.
const void *shuffled(struct query *, const void *list, size_t count, size_t size);

#endif
