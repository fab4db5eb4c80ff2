// SPDX-License-Identifier: BSD-2-Clause
// Scripted services: named servers that run on the workers beside the proxy, and their registry.
//
//   addDNSService() --service_register()--> registry, and listeners in the configuration: `walk` and `service` lead to it
//   datagram or stream --> the listener's own walk, instead of the proxy's --> the service's kind
//
// A service is a counted object; its configuration holds one reference as long as it lives. Its listeners are ordinary
// ones: they bind with the others and are served before the first health checks, because a service may be the backend that
// those ask. It is made while the configuration loads (Lua lock held) and there until the end. A worker
// that drains waits for queries that a script has not answered yet. Who closes a configuration ends its services' listeners on
// all workers first: they, and the rooms of a service, belong to workers, and nobody else may give them back meanwhile.
//
// TO ADD A KIND: one struct service_kind beside its walk hooks; its Lua functions go to lua/functions/bind_services.c.
#ifndef SERVICES_SERVICE_H
#define SERVICES_SERVICE_H

#include "dnsproxy/base/text.h"
#include "dnsproxy/base/uuid.h"
#include "dnsproxy/net/listener.h"

enum { SERVICE_NAME_SIZE = 64 };

struct service;

struct service_kind {
  const char *name; // "dns"
  const struct walk_hooks *walk;
  void (*forget_scripts)(struct service *); // before the Lua state closes
  void (*show)(const struct service *, struct text *); // a row of a table
};

struct service {
  struct object object;
  const struct service_kind *kind;
  struct uuid uuid;
  char name[SERVICE_NAME_SIZE];
  struct listener **listeners; // borrowed from the configuration, which outlives every use: UDP and TCP per address
  size_t listener_count;
};

// Fills in the hooks of lua/scripts/service_hooks.h; from now on configurations have services. Main thread, before the first
// one, after scripts_open(): services forget their scripts before the Lua state closes.
void services_open(void);

// Takes over the caller's reference and appends listeners (UDP and TCP) for the addresses to the configuration. False: the name
// is empty, too long or taken.
bool service_register(struct service *, const char *name, const struct address *, size_t count, struct fault *);
struct service *service_find(const struct service_kind *, const char *name); // borrowed; NULL: none
void service_each(const struct service_kind *, void (*visit)(struct service *, void *), void *arg);
void service_fini(struct service *); // of a kind's free function
char *service_address_text(const struct service *, size_t n, char *out); // ADDRESS_TEXT_SIZE; "" when there is none

// ---- on workers ----

// Queries of this worker that wait for a script: a worker that drains waits for them too.
uint64_t services_waiting(const struct worker *);
// The worker ends: what still waits is dropped.
void services_leave(struct worker *);

#endif
