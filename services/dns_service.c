// SPDX-License-Identifier: BSD-2-Clause
// The scripted DNS server: handlers and their lists, the walk of its queries, life, what it tells, hooks for lua/.
#include "services/dns_service.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/core/worker.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/wire/codes.h"
#include "services/dns_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- a handler, and lists of them ----

static void
dns_service_handler_free(struct object *object)
{
  struct dns_handler *h = (struct dns_handler *)object;
  object_unref(&h->script);
  pattern_free(&h->pattern);
  free(h->label);
  free(h->match);
  free(h);
}

static void
dns_service_list_free(struct object *object)
{
  struct dns_handler_list *l = (struct dns_handler_list *)object;
  for (size_t i = 0; i < l->count; i++)
    object_unref(&l->handlers[i]);
  free(l);
}

static const struct object_class handler_class = {.name = "DNSHandler", .free = dns_service_handler_free};
static const struct object_class list_class = {.name = "DNSHandlerList", .free = dns_service_list_free};

struct dns_handler *
dns_handler_new(const struct dns_handler_options *o, struct fault *f)
{
  struct fault why = FAULT_INIT;
  if (o->label[0] == '\0') {
    fault_set(f, FAULT_CAUGHT, "a handler needs a label");
    return NULL;
  }
  struct pattern *pattern = pattern_new(o->match, strlen(o->match), PATTERN_PERL, &why);
  if (pattern == NULL) {
    fault_set(f, FAULT_CAUGHT, "handler '%s': '%s' is not a regular expression: %s", o->label, o->match, why.text);
    return NULL;
  }
  struct dns_handler *h = memory_new(sizeof *h);
  object_init(&h->object, &handler_class);
  h->pattern = pattern;
  h->label = memory_string(o->label);
  h->match = memory_string(o->match);
  h->run = o->run;
  h->script = object_ref(o->script);
  h->timeout_ms = o->timeout_ms;
  h->timeout_rcode = o->timeout_rcode;
  return h;
}

static struct dns_handler_list *
dns_service_list_of(size_t room)
{
  struct dns_handler_list *l = memory_new(sizeof *l + room * sizeof *l->handlers);
  object_init(&l->object, &list_class);
  return l;
}

struct dns_handler_list *
dns_handler_list_new(void)
{
  return dns_service_list_of(0);
}

struct dns_handler_list *
dns_handler_list_with(const struct dns_handler_list *old, struct dns_handler *h)
{
  struct dns_handler_list *l = dns_service_list_of(old->count + 1);
  for (size_t i = 0; i < old->count; i++)
    l->handlers[l->count++] = object_ref(old->handlers[i]);
  l->handlers[l->count++] = object_ref(h);
  return l;
}

struct dns_handler_list *
dns_handler_list_without(const struct dns_handler_list *old, const char *label)
{
  if (dns_handler_list_find(old, label) == NULL)
    return NULL;
  struct dns_handler_list *l = dns_service_list_of(old->count);
  for (size_t i = 0; i < old->count; i++)
    if (strcmp(old->handlers[i]->label, label) != 0)
      l->handlers[l->count++] = object_ref(old->handlers[i]);
  return l;
}

struct dns_handler *
dns_handler_list_find(const struct dns_handler_list *l, const char *label)
{
  for (size_t i = 0; i < l->count; i++)
    if (strcmp(l->handlers[i]->label, label) == 0)
      return l->handlers[i];
  return NULL;
}

struct dns_handler *
dns_handler_list_match(const struct dns_handler_list *l, const char *text, size_t size)
{
  for (size_t i = 0; i < l->count; i++)
    if (pattern_match(l->handlers[i]->pattern, text, size))
      return l->handlers[i];
  return NULL;
}

// ---- the list of handlers that a service has now, and its edits ----

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

// ---- the walk of its queries ----

enum { READABLE = -1, CLASS_TEXT_SIZE = 12 };

// ---- the worker's part of the service ----

static struct dns_service *
dns_service_service_of(const struct query *q)
{
  return q->arrival.listener->service;
}

// Made with the first query. NULL: no memory.
static struct dns_service_room *
dns_service_room_of(const struct query *q)
{
  _Atomic(struct dns_service_room *) *at = &dns_service_service_of(q)->rooms[q->worker->id];
  struct dns_service_room *room = atomic_load_explicit(at, memory_order_relaxed);
  if (room != NULL)
    return room;
  size_t size = (sizeof *room + 63) & ~(size_t)63;
  room = aligned_alloc(64, size);
  if (room != NULL)
    memset(room, 0, size);
  atomic_store_explicit(at, room, memory_order_release);
  return room;
}

static const struct dns_handler_list *
dns_service_current_handlers(struct dns_service *s, struct dns_service_room *room)
{
  uint64_t newest = atomic_load_explicit(&s->generation, memory_order_acquire);
  if (room->handlers == NULL || room->generation != newest) {
    object_unref(&room->handlers);
    room->handlers = dns_service_handlers(s);
    room->generation = newest; // of a list at least as new
  }
  return room->handlers;
}

// ---- ends ----

static void
dns_service_drop(struct query *q, unsigned why)
{
  struct dns_service_room *room = dns_service_room_of(q);
  if (room != NULL)
    counter_add(&room->counters.dropped, 1);
  q->drop = (uint8_t)why;
  q->arrival.route->dropped(q);
  query_free(&q);
}

static void
dns_service_send_answer(struct query *q)
{
  counter_add(&dns_service_room_of(q)->counters.answers, 1);
  counter_add(&q->arrival.listener->counters[q->worker->id]->responses, 1);
  q->arrival.route->reply(q);
}

static void
dns_service_answer(struct query *q, const struct dns_answer *a)
{
  if (dns_answer_write(q, a))
    dns_service_send_answer(q);
  else
    dns_service_drop(q, DROP_OUT_OF_MEMORY);
}

static void
dns_service_answer_rcode(struct query *q, unsigned rcode)
{
  if (dns_answer_write_rcode(q, rcode))
    dns_service_send_answer(q);
  else
    dns_service_drop(q, DROP_OUT_OF_MEMORY);
}

static const struct dns_request_ends ends = {
    .answer = dns_service_answer, .rcode = dns_service_answer_rcode, .drop = dns_service_drop};

static void
dns_service_unsent(struct query *q, unsigned why)
{
  struct dns_service_counters *c = &dns_service_room_of(q)->counters;
  (void)why;
  counter_add(&c->answers, (uint64_t)-1);
  counter_add(&c->dropped, 1);
}

// ---- decode ----

// More than one OPT is a format error (RFC 6891 6.1.1); so are records that do not end in the message.
static bool
dns_service_records_good(const uint8_t *m, size_t size)
{
  struct record_walk walk;
  struct record record;
  unsigned opts = 0;
  if (!record_walk_init(&walk, m, size))
    return false;
  while (record_next(&walk, &record))
    opts += record.type == QTYPE_OPT;
  return !walk.malformed && opts <= 1;
}

// READABLE, or the rcode to answer with: then as much is filled in as could be read.
static int
dns_service_decode(struct query *q)
{
  const uint8_t *m = q->packet.data;
  struct question question;
  q->id = message_id(m);
  q->flags[0] = m[2];
  q->flags[1] = m[3];
  q->question_end = HEADER_SIZE;
  if (message_opcode(m) != OPCODE_QUERY)
    return RCODE_NOTIMP;
  if (message_count(m, 0) != 1 || !message_question(m, q->packet.size, &question))
    return RCODE_FORMERR;
  q->question_end = question.end;
  q->qname.size = question.name.size;
  memcpy(q->qname.bytes, question.name.bytes, question.name.size);
  q->qtype = question.type;
  q->qclass = question.class;
  if (!dns_service_records_good(m, q->packet.size) || !message_edns(m, q->packet.size, question.end, &q->edns)) {
    memset(&q->edns, 0, sizeof q->edns);
    return RCODE_FORMERR;
  }
  return q->edns.offset != 0 && q->edns.version > 0 ? RCODE_BADVERS : READABLE;
}

// ---- match and run ----

static const char *
dns_service_class_text(uint16_t class, char *out)
{
  switch (class) {
  case QCLASS_IN:
    return "IN";
  case QCLASS_CHAOS:
    return "CH";
  case 4:
    return "HS";
  case QCLASS_NONE:
    return "NONE";
  case QCLASS_ANY:
    return "ANY";
  }
  snprintf(out, CLASS_TEXT_SIZE, "CLASS%u", class);
  return out;
}

static void
dns_service_run(struct query *q, struct dns_handler *h, const char *name)
{
  char class[CLASS_TEXT_SIZE], type[QTYPE_TEXT_SIZE], remote[ADDRESS_TEXT_SIZE], local[ADDRESS_TEXT_SIZE];
  struct dns_question question = {
      .name = name,
      .class = dns_service_class_text(q->qclass, class),
      .type = qtype_text(q->qtype, type),
      .remote = address_text_with_port(&q->arrival.client, remote),
      .local = address_text_with_port(&q->arrival.destination, local),
      .protocol = query_is_tcp(q) ? "TCP" : "UDP",
      .label = h->label,
      .packet = {.data = (const char *)q->packet.data, .size = q->packet.size},
      .id = q->id,
      .payload = q->edns.payload,
      .rd = (q->flags[0] & FLAG2_RD) != 0,
      .cd = (q->flags[1] & FLAG3_CD) != 0,
      .ad = (q->flags[1] & FLAG3_AD) != 0,
      .dnssec_ok = q->edns.dnssec_ok,
  };
  dns_request_run(q, h, &question, &ends);
}

static void
dns_service_match(struct query *q, struct dns_service_room *room)
{
  char name[NAME_TEXT_SIZE];
  name_text_no_dot(&q->qname, name);
  if (name[0] == '\0')
    strcpy(name, ".");
  struct dns_handler *h =
      dns_handler_list_match(dns_service_current_handlers(dns_service_service_of(q), room), name, strlen(name));
  if (h != NULL) {
    dns_service_run(q, h, name);
    return;
  }
  counter_add(&room->counters.refused, 1);
  dns_service_answer_rcode(q, RCODE_REFUSED);
}

static void
dns_service_begin_query(struct query *q)
{
  struct dns_service_room *room = dns_service_room_of(q);
  if (room == NULL) {
    dns_service_drop(q, DROP_OUT_OF_MEMORY);
    return;
  }
  counter_add(&room->counters.queries, 1);
  counter_add(&q->arrival.listener->counters[q->worker->id]->queries, 1);
  // Answering answers could go on for ever between two servers.
  if (query_answered(q)) {
    dns_service_drop(q, DROP_NOT_A_QUERY);
    return;
  }
  int rcode = dns_service_decode(q);
  if (rcode == READABLE) {
    dns_service_match(q, room);
    return;
  }
  counter_add(&room->counters.malformed, 1);
  dns_service_answer_rcode(q, (unsigned)rcode);
}

static void
dns_service_begin_queries(struct query **queries, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    dns_service_begin_query(queries[i]);
}

static bool
dns_service_admit_stream(struct worker *w, struct listener *l, const struct address *peer)
{
  (void)w, (void)l, (void)peer;
  return true;
}

// Nothing is forwarded: no answer and no failure can come back.
static const struct walk_hooks walk = {.query = dns_service_begin_query,
                                       .queries = dns_service_begin_queries,
                                       .unsent = dns_service_unsent,
                                       .admit_stream = dns_service_admit_stream};

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
    .name = "dns", .walk = &walk, .forget_scripts = dns_service_forget_scripts, .show = dns_service_show_service};

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
