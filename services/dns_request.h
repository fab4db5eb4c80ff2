// SPDX-License-Identifier: BSD-2-Clause
// A query that a script is to answer, and the place where it waits for that.
//
// Counted: the worker holds one reference until the query ends, the script's `reply` another, a posted answer a third.
// The query inside belongs to the worker it was born on and is touched there alone; `state` decides who may answer.
#ifndef SERVICES_DNS_REQUEST_H
#define SERVICES_DNS_REQUEST_H

#include "lua/scripts/service_hooks.h"
#include "services/dns_answer.h"
#include "services/dns_handler.h"

struct dns_service;

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
