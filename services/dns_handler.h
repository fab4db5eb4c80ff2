// SPDX-License-Identifier: BSD-2-Clause
// Handlers of a scripted DNS server: what names they match, which script answers; and immutable lists of them.
//
// Control makes a new list for each edit; workers read the list that they hold a reference of (dns_service.h). Counted,
// any thread.
#ifndef SERVICES_DNS_HANDLER_H
#define SERVICES_DNS_HANDLER_H

#include "lua/scripts/service_hooks.h"
#include "rules/select/pattern.h"

#include <stdatomic.h>

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

#endif
