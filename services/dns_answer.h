// SPDX-License-Identifier: BSD-2-Clause
// An answer as a script gave it: made on the thread of the script, written into the query on the query's worker.
//
// Sole owner. Records are kept in wire form, owner names in full, so that making them needs nothing of the query.
#ifndef SERVICES_DNS_ANSWER_H
#define SERVICES_DNS_ANSWER_H

#include "dnsproxy/core/query.h"
#include "lua/scripts/service_hooks.h"

struct dns_answer {
  unsigned rcode;
  signed char aa, ad, ra, tc; // -1: not said: 0
  uint16_t counts[3];
  struct text records;
};

// NULL: the fault quotes the record that cannot be read, or says that the message would be too large.
struct dns_answer *dns_answer_new(const struct dns_reply *, struct fault *);
void dns_answer_free(struct dns_answer **);
// Makes q->packet the answer: id, opcode, question, RD and CD of the query, an OPT of ours if it had one or the rcode
// needs one. Over UDP what does not fit the client becomes TC=1; over a stream what no message can hold becomes SERVFAIL.
// q->question_end is HEADER_SIZE when the question could not be read. False: no memory, packet unchanged.
bool dns_answer_write(struct query *, const struct dns_answer *);
bool dns_answer_write_rcode(struct query *, unsigned rcode);

#endif
