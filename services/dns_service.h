// SPDX-License-Identifier: BSD-2-Clause
// A scripted DNS server: its list of handlers, its counters, and the walk of its queries.
//
//   datagram or stream --> the listener's own walk hooks --> decode --> first handler whose expression matches --> dns_request
//
// The walk: what is no query is dropped; what cannot be read is answered FORMERR, other opcodes NOTIMP, other EDNS
// versions BADVERS; the first handler whose expression matches answers; with none REFUSED.
//
// Handlers are in an immutable, counted list. An edit makes a new one, puts it in the place of the old one under a lock that
// is held for that moment, and counts `generation`: workers keep a reference of their own and look at the lock only when the
// number has moved. Edits are transactions like others (base/undo).
//
// Life: added while the configuration loads, registered (services/service), there until the process ends. Control or whoever
// has the Lua lock edits; workers walk. Counters are single-writer per worker.
#ifndef SERVICES_DNS_SERVICE_H
#define SERVICES_DNS_SERVICE_H

#include "lua/scripts/service_hooks.h"
#include "rules/select/pattern.h"
#include "services/service.h"

#include <pthread.h>
#include <stdatomic.h>

// ---- handlers: immutable lists of them; control makes a new one for each edit. Counted, any thread ----

struct dns_handler {
  struct object object;
  char *label, *match;
  struct pattern *pattern;
  dns_handler_fn run;
  void *script; // one reference
  uint32_t timeout_ms;
  unsigned timeout_rcode;
  _Atomic uint64_t hits, timeouts, errors;
};

struct dns_handler_list {
  struct object object;
  size_t count;
  struct dns_handler *handlers[]; // in matching order, a reference each
};

// NULL: the label is empty or the expression is wrong.
struct dns_handler *dns_handler_new(const struct dns_handler_options *, struct fault *);
struct dns_handler_list *dns_handler_list_new(void);
// Copies with one more, and with one less (NULL: no such label).
struct dns_handler_list *dns_handler_list_with(const struct dns_handler_list *, struct dns_handler *);
struct dns_handler_list *dns_handler_list_without(const struct dns_handler_list *, const char *label);
// Borrowed; NULL: none.
struct dns_handler *dns_handler_list_find(const struct dns_handler_list *, const char *label);
// The first whose expression is found in the text (name without final dot, "." for the root). NULL: none.
struct dns_handler *dns_handler_list_match(const struct dns_handler_list *, const char *text, size_t size);

// ---- the service ----

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
