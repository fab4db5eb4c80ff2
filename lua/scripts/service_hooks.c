// SPDX-License-Identifier: BSD-2-Clause
// The hooks of scripted services, and the classes of what scripts hold of them.
#include "lua/scripts/service_hooks.h"

#include <assert.h>

static const struct service_hooks *hooks;

void
service_hooks_set(const struct service_hooks *given)
{
  hooks = given;
}

const struct service_hooks *
service_hooks(void)
{
  assert(hooks != NULL);
  return hooks;
}

static void
service_free(struct object *object)
{
  hooks->service_free(object);
}

static void
service_hooks_request_free(struct object *object)
{
  hooks->request_free(object);
}

const struct object_class dns_service_class = {.name = "DNSService", .free = service_free};
const struct object_class dns_request_class = {.name = "DNSReply", .free = service_hooks_request_free};
