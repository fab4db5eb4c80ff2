// SPDX-License-Identifier: BSD-2-Clause
// The scripted DNS server: life, handlers, counters.
#include "services/dns_service.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "services/dns_request.h"
#include "services/dns_walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---- handlers ----

struct dns_handler_list *
dns_service_handlers(struct dns_service *s)
{
  pthread_mutex_lock(&s->lock);
  struct dns_handler_list *l = object_ref(s->handlers);
  pthread_mutex_unlock(&s->lock);
  return l;
}

// Takes over the caller's reference.
static void
dns_service_set_handlers(struct dns_service *s, struct dns_handler_list *next)
{
  pthread_mutex_lock(&s->lock);
  struct dns_handler_list *old = s->handlers;
  s->handlers = next;
  atomic_fetch_add_explicit(&s->generation, 1, memory_order_release);
  pthread_mutex_unlock(&s->lock);
  object_unref(&old);
}

// The handlers before an edit, for a transaction that is taken back.
struct dns_service_edit {
  struct dns_service *service; // registered until the end
  struct dns_handler_list *was;
};

static void
dns_service_edit_back(void *room)
{
  const struct dns_service_edit *e = room;
  dns_service_set_handlers(e->service, object_ref(e->was));
}

static void
dns_service_edit_gone(void *room)
{
  object_unref(&((struct dns_service_edit *)room)->was);
}

static void
dns_service_edit(struct dns_service *s)
{
  struct dns_service_edit *e = undo_record(sizeof *e, dns_service_edit_back, dns_service_edit_gone);
  if (e != NULL)
    *e = (struct dns_service_edit){.service = s, .was = object_ref(s->handlers)};
}

bool
dns_service_add_handler(struct dns_service *s, const struct dns_handler_options *o, struct fault *f)
{
  if (dns_handler_list_find(s->handlers, o->label) != NULL)
    return fault_set(f, FAULT_CAUGHT, "service '%s' has a handler '%s' already", s->base.name, o->label);
  struct dns_handler *h = dns_handler_new(o, f);
  if (h == NULL)
    return false;
  dns_service_edit(s);
  dns_service_set_handlers(s, dns_handler_list_with(s->handlers, h));
  object_unref(&h);
  return true;
}

bool
dns_service_remove_handler(struct dns_service *s, const char *label)
{
  struct dns_handler_list *next = dns_handler_list_without(s->handlers, label);
  if (next == NULL)
    return false;
  dns_service_edit(s);
  dns_service_set_handlers(s, next);
  return true;
}

// ---- life ----

struct dns_service *
dns_service_add(const char *name, const struct address *addresses, size_t count, struct fault *f)
{
  struct dns_service *s = memory_new(sizeof *s);
  object_init(&s->base.object, &dns_service_class);
  s->base.kind = &dns_service_kind;
  pthread_mutex_init(&s->lock, NULL);
  s->handlers = dns_handler_list_new();
  atomic_store(&s->generation, 1);
  return service_register(&s->base, name, addresses, count, f) ? s : NULL;
}

static void
dns_service_free(struct object *object)
{
  struct dns_service *s = (struct dns_service *)object;
  for (unsigned i = 0; i < WORKERS_MAX; i++) {
    struct dns_service_room *room = atomic_load(&s->rooms[i]);
    if (room == NULL)
      continue;
    object_unref(&room->handlers);
    free(room);
  }
  object_unref(&s->handlers);
  pthread_mutex_destroy(&s->lock);
  service_fini(&s->base);
  free(s);
}

// Workers have ended: their references are ours to drop.
static void
dns_service_forget_scripts(struct service *base)
{
  struct dns_service *s = (struct dns_service *)base;
  dns_service_set_handlers(s, dns_handler_list_new());
  for (unsigned i = 0; i < WORKERS_MAX; i++) {
    struct dns_service_room *room = atomic_load(&s->rooms[i]);
    if (room != NULL)
      object_unref(&room->handlers);
    if (room != NULL)
      room->generation = 0;
  }
}

// ---- what it tells ----

static void
dns_service_add_up(_Atomic uint64_t *sum, const _Atomic uint64_t *part)
{
  counter_add(sum, atomic_load_explicit(part, memory_order_relaxed));
}

void
dns_service_sum(const struct dns_service *s, struct dns_service_counters *sum)
{
  memset(sum, 0, sizeof *sum);
  for (unsigned i = 0; i < WORKERS_MAX; i++) {
    const struct dns_service_room *room = atomic_load_explicit(&s->rooms[i], memory_order_acquire);
    if (room == NULL)
      continue;
    dns_service_add_up(&sum->queries, &room->counters.queries);
    dns_service_add_up(&sum->answers, &room->counters.answers);
    dns_service_add_up(&sum->dropped, &room->counters.dropped);
    dns_service_add_up(&sum->refused, &room->counters.refused);
    dns_service_add_up(&sum->malformed, &room->counters.malformed);
  }
}

static void
dns_service_show_handlers(void *service, struct text *out)
{
  struct dns_handler_list *l = dns_service_handlers(service);
  text_printf(out, "%-3s %-20s %10s %8s %8s %8s  %s\n", "#", "Label", "Hits", "Timeouts", "Errors", "Timeout", "Match");
  for (size_t i = 0; i < l->count; i++) {
    const struct dns_handler *h = l->handlers[i];
    text_printf(out, "%-3zu %-20s %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %6.1f s  %s\n", i, h->label,
                atomic_load(&h->hits), atomic_load(&h->timeouts), atomic_load(&h->errors), h->timeout_ms / 1000.0,
                h->match);
  }
  object_unref(&l);
}

static void
dns_service_show_service(const struct service *base, struct text *out)
{
  struct dns_service_counters sum;
  struct dns_handler_list *l = dns_service_handlers((struct dns_service *)base);
  char address[ADDRESS_TEXT_SIZE];
  dns_service_sum((const struct dns_service *)base, &sum);
  text_printf(out, "%-20s %-24s %8zu %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %9" PRIu64 " %8" PRIu64 "\n", base->name,
              service_address_text(base, 0, address), l->count, sum.queries, sum.answers, sum.refused, sum.malformed,
              sum.dropped);
  object_unref(&l);
}

static void
dns_service_show_one(struct service *s, void *out)
{
  s->kind->show(s, out);
}

static void
dns_service_show_all(struct text *out)
{
  text_printf(out, "%-20s %-24s %8s %10s %10s %8s %9s %8s\n", "Name", "Address", "Handlers", "Queries", "Answers",
              "Refused", "Malformed", "Dropped");
  service_each(&dns_service_kind, dns_service_show_one, out);
}

const struct service_kind dns_service_kind = {
    .name = "dns", .walk = &dns_walk_hooks, .forget_scripts = dns_service_forget_scripts, .show = dns_service_show_service};

// ---- hooks ----

static void *
dns_service_hook_add(const char *name, const struct address *addresses, size_t count, struct fault *f)
{
  return dns_service_add(name, addresses, count, f);
}

static void *
dns_service_hook_find(const char *name)
{
  return service_find(&dns_service_kind, name);
}

static const char *
dns_service_hook_name(const void *service)
{
  return ((const struct service *)service)->name;
}

static bool
dns_service_hook_address(const void *service, size_t n, struct address *out)
{
  const struct service *s = service;
  if (2 * n >= s->listener_count)
    return false;
  *out = s->listeners[2 * n]->address;
  return true;
}

static bool
dns_service_hook_add_handler(void *service, const struct dns_handler_options *o, struct fault *f)
{
  return dns_service_add_handler(service, o, f);
}

static bool
dns_service_hook_remove_handler(void *service, const char *label)
{
  return dns_service_remove_handler(service, label);
}

static enum dns_reply_result
dns_service_hook_reply(void *request, const struct dns_reply *reply, struct fault *f)
{
  return dns_request_reply(request, reply, f);
}

static const struct service_hooks hooks = {
    .add = dns_service_hook_add,
    .find = dns_service_hook_find,
    .name = dns_service_hook_name,
    .address = dns_service_hook_address,
    .add_handler = dns_service_hook_add_handler,
    .remove_handler = dns_service_hook_remove_handler,
    .show_handlers = dns_service_show_handlers,
    .show = dns_service_show_all,
    .reply = dns_service_hook_reply,
    .service_free = dns_service_free,
    .request_free = dns_request_free,
};

void
dns_service_open(void)
{
  service_hooks_set(&hooks);
}
