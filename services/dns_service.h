// SPDX-License-Identifier: BSD-2-Clause
// A scripted DNS server: its list of handlers, its counters, and the walk of its queries.
//
// The walk: what is no query is dropped; what cannot be read is answered FORMERR, other opcodes NOTIMP, other EDNS
// versions BADVERS; the first handler whose expression matches answers; with none REFUSED. Counters are single-writer
// per worker.
#ifndef SERVICES_DNS_SERVICE_H
#define SERVICES_DNS_SERVICE_H

#include "services/dns_handler.h"
#include "services/service.h"

#include <pthread.h>

// queries = answers + dropped + waiting
struct dns_service_counters {
  _Atomic uint64_t queries, answers, dropped;
  _Atomic uint64_t refused, malformed; // of the answers: no handler matched; the query is not understood
};

// A worker's part of a service.
struct dns_service_room {
  struct dns_service_counters counters;
  uint64_t generation;            // of `handlers`
  struct dns_handler_list *handlers; // one reference; the worker's alone
};

struct dns_service {
  struct service base;
  pthread_mutex_t lock; // of `handlers`, for the moment of taking a reference
  struct dns_handler_list *handlers;
  _Atomic uint64_t generation; // counts edits of `handlers`, so that workers need no lock while nothing changes
  _Atomic(struct dns_service_room *) rooms[WORKERS_MAX];
};

extern const struct service_kind dns_service_kind;
void dns_service_open(void); // fills in the hooks

// While the configuration loads. Borrowed from the registry; NULL with a fault.
struct dns_service *dns_service_add(const char *name, const struct address *, size_t count, struct fault *);
// At any time, Lua lock held. False: a fault, and nothing changes.
bool dns_service_add_handler(struct dns_service *, const struct dns_handler_options *, struct fault *);
bool dns_service_remove_handler(struct dns_service *, const char *label); // false: there is none
struct dns_handler_list *dns_service_handlers(struct dns_service *);      // a reference for the caller. Any thread
// Sums over workers. Any thread.
void dns_service_sum(const struct dns_service *, struct dns_service_counters *);

#endif
