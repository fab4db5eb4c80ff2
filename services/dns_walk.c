// SPDX-License-Identifier: BSD-2-Clause
// The way of a query through a scripted DNS server, in walking order.
#include "services/dns_walk.h"

#include "dnsproxy/net/listener.h"
#include "dnsproxy/wire/codes.h"
#include "services/dns_answer.h"
#include "services/dns_request.h"
#include "services/dns_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READABLE = -1, CLASS_TEXT_SIZE = 12 };

// ---- the worker's part of the service ----

static struct dns_service *
dns_walk_service_of(const struct query *q)
{
  return q->arrival.listener->service;
}

// Made with the first query. NULL: no memory.
static struct dns_service_room *
dns_walk_room_of(const struct query *q)
{
  _Atomic(struct dns_service_room *) *at = &dns_walk_service_of(q)->rooms[q->worker->id];
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
dns_walk_current_handlers(struct dns_service *s, struct dns_service_room *room)
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
dns_walk_drop(struct query *q, unsigned why)
{
  struct dns_service_room *room = dns_walk_room_of(q);
  if (room != NULL)
    counter_add(&room->counters.dropped, 1);
  q->drop = (uint8_t)why;
  q->arrival.route->dropped(q);
  query_free(&q);
}

static void
dns_walk_send_answer(struct query *q)
{
  counter_add(&dns_walk_room_of(q)->counters.answers, 1);
  counter_add(&q->arrival.listener->counters[q->worker->id]->responses, 1);
  q->arrival.route->reply(q);
}

static void
dns_walk_answer(struct query *q, const struct dns_answer *a)
{
  if (dns_answer_write(q, a))
    dns_walk_send_answer(q);
  else
    dns_walk_drop(q, DROP_OUT_OF_MEMORY);
}

static void
dns_walk_answer_rcode(struct query *q, unsigned rcode)
{
  if (dns_answer_write_rcode(q, rcode))
    dns_walk_send_answer(q);
  else
    dns_walk_drop(q, DROP_OUT_OF_MEMORY);
}

static const struct dns_request_ends ends = {
    .answer = dns_walk_answer, .rcode = dns_walk_answer_rcode, .drop = dns_walk_drop};

static void
dns_walk_unsent(struct query *q, unsigned why)
{
  struct dns_service_counters *c = &dns_walk_room_of(q)->counters;
  (void)why;
  counter_add(&c->answers, (uint64_t)-1);
  counter_add(&c->dropped, 1);
}

// ---- decode ----

// More than one OPT is a format error (RFC 6891 6.1.1); so are records that do not end in the message.
static bool
dns_walk_records_good(const uint8_t *m, size_t size)
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
dns_walk_decode(struct query *q)
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
  if (!dns_walk_records_good(m, q->packet.size) || !message_edns(m, q->packet.size, question.end, &q->edns)) {
    memset(&q->edns, 0, sizeof q->edns);
    return RCODE_FORMERR;
  }
  return q->edns.offset != 0 && q->edns.version > 0 ? RCODE_BADVERS : READABLE;
}

// ---- match and run ----

static const char *
dns_walk_class_text(uint16_t class, char *out)
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
dns_walk_run(struct query *q, struct dns_handler *h, const char *name)
{
  char class[CLASS_TEXT_SIZE], type[QTYPE_TEXT_SIZE], remote[ADDRESS_TEXT_SIZE], local[ADDRESS_TEXT_SIZE];
  struct dns_question question = {
      .name = name,
      .class = dns_walk_class_text(q->qclass, class),
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
dns_walk_match(struct query *q, struct dns_service_room *room)
{
  char name[NAME_TEXT_SIZE];
  name_text_no_dot(&q->qname, name);
  if (name[0] == '\0')
    strcpy(name, ".");
  struct dns_handler *h =
      dns_handler_list_match(dns_walk_current_handlers(dns_walk_service_of(q), room), name, strlen(name));
  if (h != NULL) {
    dns_walk_run(q, h, name);
    return;
  }
  counter_add(&room->counters.refused, 1);
  dns_walk_answer_rcode(q, RCODE_REFUSED);
}

static void
dns_walk_begin_query(struct query *q)
{
  struct dns_service_room *room = dns_walk_room_of(q);
  if (room == NULL) {
    dns_walk_drop(q, DROP_OUT_OF_MEMORY);
    return;
  }
  counter_add(&room->counters.queries, 1);
  counter_add(&q->arrival.listener->counters[q->worker->id]->queries, 1);
  // Answering answers could go on for ever between two servers.
  if (query_answered(q)) {
    dns_walk_drop(q, DROP_NOT_A_QUERY);
    return;
  }
  int rcode = dns_walk_decode(q);
  if (rcode == READABLE) {
    dns_walk_match(q, room);
    return;
  }
  counter_add(&room->counters.malformed, 1);
  dns_walk_answer_rcode(q, (unsigned)rcode);
}

static void
dns_walk_begin_queries(struct query **queries, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    dns_walk_begin_query(queries[i]);
}

static bool
dns_walk_admit_stream(struct worker *w, struct listener *l, const struct address *peer)
{
  (void)w, (void)l, (void)peer;
  return true;
}

// Nothing is forwarded: no answer and no failure can come back.
const struct walk_hooks dns_walk_hooks = {.query = dns_walk_begin_query,
                                          .queries = dns_walk_begin_queries,
                                          .unsent = dns_walk_unsent,
                                          .admit_stream = dns_walk_admit_stream};
