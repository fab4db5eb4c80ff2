// SPDX-License-Identifier: BSD-2-Clause
// A query that a script is to answer, the place where it waits for that, and the answer.
//
//   worker: dns_request_run() --> the handler's script runs --> answered at once
//                                                           --> or parked, with a deadline
//   any thread: dns_request_reply() --> claims the request --> posted to its worker --> written and sent
//
// Counted: the worker holds one reference until the query ends, the script's `reply` another, a posted answer a third. The
// query inside belongs to the worker it was born on and is touched there alone; `state` decides who may answer: the script,
// the deadline and the end of the worker race for it by one exchange, and the losers do nothing.
//
// An answer is made on the thread of the script, and written into the query on the query's worker. Its records are kept in
// wire form, owner names in full, so that making them needs nothing of the query.
#ifndef SERVICES_DNS_REQUEST_H
#define SERVICES_DNS_REQUEST_H

#include "dnsproxy/core/query.h"
#include "lua/scripts/service_hooks.h"
#include "services/dns_service.h"

// ---- an answer as a script gave it. Sole owner ----

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

// ---- a request ----

enum { REQUESTS_WAITING_MAX = 16384 }; // per worker: one more is answered SERVFAIL at once

// What ends a request is given by its service.
struct dns_request_ends {
  void (*answer)(struct query *, const struct dns_answer *); // sends; takes over the query
  void (*rcode)(struct query *, unsigned rcode);             // likewise
  void (*drop)(struct query *, unsigned drop);
};

struct dns_request;

// Runs the handler's script for the query, which it takes over: afterwards it has been answered or waits. Worker.
void dns_request_run(struct query *, struct dns_handler *, const struct dns_question *,
                     const struct dns_request_ends *);
// The script answers. Any thread.
enum dns_reply_result dns_request_reply(struct dns_request *, const struct dns_reply *, struct fault *);
void dns_request_free(struct object *);

uint64_t dns_requests_waiting(const struct worker *);
void dns_requests_leave(struct worker *);

#endif
