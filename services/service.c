// SPDX-License-Identifier: BSD-2-Clause
// The registry of scripted services: a part of each configuration.
#include "services/service.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "services/dns_request.h"
#include "services/dns_service.h"

#include <stdlib.h>
#include <string.h>

static void
service_leave_registry(struct configuration *c)
{
  for (size_t i = 0; i < c->service_count; i++) {
    c->services[i]->kind->forget_scripts(c->services[i]);
    object_unref(&c->services[i]);
  }
  free(c->services);
  c->services = NULL;
  c->service_count = 0;
}

static const struct configuration_part service_part = {.close = service_leave_registry};

void
services_open(void)
{
  dns_service_open();
  configuration_use_part(&service_part);
}

static void
service_add_listener(struct service *s, const struct address *address, const struct transport *transport)
{
  struct listener *l = listener_new(address, transport);
  l->walk = s->kind->walk;
  l->service = s;
  l->max_in_flight = transport->socket_type == SOCK_STREAM ? 1000 : 0;
  struct configuration *c = config();
  c->listeners = memory_resize(c->listeners, c->listener_count + 1, sizeof *c->listeners);
  c->listeners[c->listener_count++] = l;
  s->listeners = memory_resize(s->listeners, s->listener_count + 1, sizeof *s->listeners);
  s->listeners[s->listener_count++] = l;
}

static bool
service_check_name(const struct service_kind *kind, const char *name, struct fault *f)
{
  if (name[0] == '\0' || strlen(name) >= SERVICE_NAME_SIZE)
    return fault_set(f, FAULT_CAUGHT, "the name of a service has 1 to %d characters", SERVICE_NAME_SIZE - 1);
  if (service_find(kind, name) != NULL)
    return fault_set(f, FAULT_CAUGHT, "there is a service '%s' already", name);
  return true;
}

bool
service_register(struct service *s, const char *name, const struct address *addresses, size_t count, struct fault *f)
{
  if (!service_check_name(s->kind, name, f)) {
    object_unref(&s);
    return false;
  }
  strcpy(s->name, name);
  uuid_random(&s->uuid);
  for (size_t i = 0; i < count; i++) {
    service_add_listener(s, &addresses[i], &transport_udp);
    service_add_listener(s, &addresses[i], &transport_tcp);
  }
  struct configuration *c = config();
  c->services = memory_resize(c->services, c->service_count + 1, sizeof *c->services);
  c->services[c->service_count++] = s;
  return true;
}

struct service *
service_find(const struct service_kind *kind, const char *name)
{
  const struct configuration *c = config();
  for (size_t i = 0; i < c->service_count; i++)
    if (c->services[i]->kind == kind && strcmp(c->services[i]->name, name) == 0)
      return c->services[i];
  return NULL;
}

void
service_each(const struct service_kind *kind, void (*visit)(struct service *, void *), void *arg)
{
  const struct configuration *c = config();
  for (size_t i = 0; i < c->service_count; i++)
    if (c->services[i]->kind == kind)
      visit(c->services[i], arg);
}

void
service_fini(struct service *s)
{
  free(s->listeners);
}

char *
service_address_text(const struct service *s, size_t n, char *out)
{
  out[0] = '\0';
  return 2 * n < s->listener_count ? address_text_with_port(&s->listeners[2 * n]->address, out) : out;
}

uint64_t
services_waiting(const struct worker *w)
{
  return dns_requests_waiting(w);
}

void
services_leave(struct worker *w)
{
  dns_requests_leave(w);
}
