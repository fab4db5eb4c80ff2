// SPDX-License-Identifier: BSD-2-Clause
// The registry of scripted services.
#include "services/service.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/draft.h"
#include "services/dns_request.h"
#include "services/dns_service.h"

#include <stdlib.h>
#include <string.h>

static struct service **registry;
static size_t registered;

void
services_open(void)
{
  dns_service_open();
}

void
services_close(void)
{
  for (size_t i = 0; i < registered; i++) {
    registry[i]->kind->forget_scripts(registry[i]);
    object_unref(&registry[i]);
  }
  free(registry);
  registry = NULL;
  registered = 0;
}

static void
service_add_listener(struct service *s, const struct address *address, const struct transport *transport)
{
  struct listener *l = listener_new(address, transport);
  l->walk = s->kind->walk;
  l->service = s;
  l->max_in_flight = transport->socket_type == SOCK_STREAM ? 1000 : 0;
  draft.listeners = memory_resize(draft.listeners, draft.listener_count + 1, sizeof *draft.listeners);
  draft.listeners[draft.listener_count++] = l;
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
  registry = memory_resize(registry, registered + 1, sizeof *registry);
  registry[registered++] = s;
  return true;
}

struct service *
service_find(const struct service_kind *kind, const char *name)
{
  for (size_t i = 0; i < registered; i++)
    if (registry[i]->kind == kind && strcmp(registry[i]->name, name) == 0)
      return registry[i];
  return NULL;
}

void
service_each(const struct service_kind *kind, void (*visit)(struct service *, void *), void *arg)
{
  for (size_t i = 0; i < registered; i++)
    if (registry[i]->kind == kind)
      visit(registry[i], arg);
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
