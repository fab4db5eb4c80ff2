// SPDX-License-Identifier: BSD-2-Clause
// Answers of scripts, from the script and into the query; then requests.
#include "services/dns_request.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/presentation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
  UDP_SAFE_SIZE = 1232, // our own EDNS size, and the most we send: what passes any path unfragmented
  FIXED_SIZE = 10,      // type, class, TTL, RDLENGTH
  OPT_SIZE = 11,
  RCODE_PLAIN_MAX = 15,
  RECORDS_MAX = 1 << 20, // owners may still shrink to pointers: whether it fits is known when it is written
  POINTER_TO_QUESTION = 0xc000 | HEADER_SIZE,
};

// ---- from the script ----

static void
dns_request_add_record(struct text *out, const struct presented_record *r)
{
  uint8_t fixed[FIXED_SIZE];
  message_put_u16(fixed, r->type);
  message_put_u16(fixed + 2, r->class);
  message_put_u32(fixed + 4, r->ttl);
  message_put_u16(fixed + 8, r->rdata_size);
  text_add(out, (const char *)r->owner.bytes, r->owner.size);
  text_add(out, (const char *)fixed, sizeof fixed);
  text_add(out, (const char *)r->rdata, r->rdata_size);
}

static bool
dns_request_read_section(struct dns_answer *a, unsigned section, const struct dns_reply *reply, uint8_t *rdata,
                         struct fault *f)
{
  for (size_t i = 0; i < reply->counts[section]; i++) {
    struct presented_record r = {.rdata = rdata};
    const struct bytes *line = &reply->records[section][i];
    if (strlen(line->data) != line->size)
      return fault_set(f, FAULT_CAUGHT, "a record with a NUL byte in its text");
    if (!record_from_text(&r, line->data, f))
      return false;
    if (a->counts[section] == UINT16_MAX || a->records.size > RECORDS_MAX)
      return fault_set(f, FAULT_CAUGHT, "more records than fit into a DNS message");
    dns_request_add_record(&a->records, &r);
    a->counts[section]++;
  }
  return true;
}

struct dns_answer *
dns_answer_new(const struct dns_reply *reply, struct fault *f)
{
  struct dns_answer *a = calloc(1, sizeof *a);
  size_t lines = reply->counts[0] + reply->counts[1] + reply->counts[2];
  uint8_t *rdata = lines > 0 ? malloc(PRESENTATION_RDATA_SIZE) : NULL;
  if (a == NULL || (lines > 0 && rdata == NULL)) {
    free(a);
    free(rdata);
    fault_set(f, FAULT_CAUGHT, "out of memory");
    return NULL;
  }
  a->rcode = reply->rcode;
  a->aa = reply->aa, a->ad = reply->ad, a->ra = reply->ra, a->tc = reply->tc;
  text_init(&a->records);
  for (unsigned section = 0; section < 3 && a != NULL; section++)
    if (!dns_request_read_section(a, section, reply, rdata, f))
      dns_answer_free(&a);
  free(rdata);
  return a;
}

void
dns_answer_free(struct dns_answer **slot)
{
  struct dns_answer *a = *slot;
  if (a == NULL)
    return;
  *slot = NULL;
  text_fini(&a->records);
  free(a);
}

// ---- into the query ----

// A record of the answer: where its owner, fixed part and end are.
struct piece {
  const uint8_t *owner, *fixed, *end;
};

static bool
dns_request_next_piece(const struct dns_answer *a, size_t *at, struct piece *p)
{
  if (*at >= a->records.size)
    return false;
  p->owner = (const uint8_t *)a->records.data + *at;
  p->fixed = p->owner + name_bytes_size(p->owner);
  p->end = p->fixed + FIXED_SIZE + message_u16(p->fixed + 8);
  *at += (size_t)(p->end - p->owner);
  return true;
}

static bool
dns_request_is_question_name(const struct query *q, const struct piece *p)
{
  return q->question_end > HEADER_SIZE && q->qname.size > 1 &&
         name_bytes_equal(p->owner, (size_t)(p->fixed - p->owner), q->qname.bytes, q->qname.size);
}

static size_t
dns_request_records_size(const struct query *q, const struct dns_answer *a)
{
  struct piece p;
  size_t sum = 0;
  for (size_t at = 0; dns_request_next_piece(a, &at, &p);)
    sum += (size_t)(p.end - p.fixed) + (dns_request_is_question_name(q, &p) ? 2 : (size_t)(p.fixed - p.owner));
  return sum;
}

static void
dns_request_put(struct wire_buffer *b, const void *bytes, size_t size)
{
  memcpy(b->data + b->size, bytes, size);
  b->size += size;
}

static void
dns_request_put_records(struct query *q, const struct dns_answer *a)
{
  struct wire_buffer *b = &q->packet;
  struct piece p;
  uint8_t pointer[2];
  message_put_u16(pointer, POINTER_TO_QUESTION);
  for (size_t at = 0; dns_request_next_piece(a, &at, &p);) {
    if (dns_request_is_question_name(q, &p))
      dns_request_put(b, pointer, sizeof pointer);
    else
      dns_request_put(b, p.owner, (size_t)(p.fixed - p.owner));
    dns_request_put(b, p.fixed, (size_t)(p.end - p.fixed));
  }
  for (unsigned section = 1; section <= 3; section++)
    message_set_count(b->data, section, a->counts[section - 1]);
}

// A fresh header: what the client sent there, apart from opcode, RD and CD, means nothing in an answer.
static void
dns_request_put_header(struct query *q, const struct dns_answer *a, bool truncated)
{
  uint8_t *m = q->packet.data;
  m[2] = (uint8_t)(FLAG2_QR | (m[2] & (FLAG2_OPCODE | FLAG2_RD)) | (a->aa > 0 ? FLAG2_AA : 0) |
                   (a->tc > 0 || truncated ? FLAG2_TC : 0));
  m[3] = (uint8_t)((m[3] & FLAG3_CD) | (a->ra > 0 ? FLAG3_RA : 0) | (a->ad > 0 ? FLAG3_AD : 0) |
                   (a->rcode & FLAG3_RCODE));
  message_set_count(m, 0, q->question_end > HEADER_SIZE);
}

static size_t
dns_request_most_bytes(const struct query *q)
{
  if (query_takes_large(q))
    return MESSAGE_MAX_SIZE;
  size_t payload = q->edns.offset != 0 ? q->edns.payload : 0;
  return payload <= UDP_PLAIN_SIZE ? UDP_PLAIN_SIZE : payload < UDP_SAFE_SIZE ? payload : UDP_SAFE_SIZE;
}

bool
dns_answer_write(struct query *q, const struct dns_answer *a)
{
  bool opt = q->edns.offset != 0 || a->rcode > RCODE_PLAIN_MAX;
  size_t bare = q->question_end + (opt ? OPT_SIZE : 0u), need = bare + dns_request_records_size(q, a);
  bool fits = need <= dns_request_most_bytes(q);
  if (!fits && query_takes_large(q))
    return dns_answer_write_rcode(q, RCODE_SERVFAIL);
  if (!fits)
    need = bare;
  if (need > q->packet.capacity && !query_own_packet(q, q->packet.data, q->question_end, need))
    return false;
  dns_request_put_header(q, a, !fits);
  message_cut_records(&q->packet, q->question_end);
  if (fits)
    dns_request_put_records(q, a);
  if (opt)
    message_add_opt(&q->packet, UDP_SAFE_SIZE, (uint8_t)(a->rcode >> 4), q->edns.dnssec_ok, NULL, 0);
  return true;
}

bool
dns_answer_write_rcode(struct query *q, unsigned rcode)
{
  return dns_answer_write(q, &(struct dns_answer){.rcode = rcode, .aa = -1, .ad = -1, .ra = -1, .tc = -1});
}

// ---- requests: run, answered at once or parked, resumed by an answer or by their deadline ----

enum request_state { REQUEST_OPEN, REQUEST_ANSWERED, REQUEST_ENDED };

struct dns_request {
  struct object object;
  _Atomic int state; // enum request_state: leaves OPEN once
  struct worker *worker;
  struct dns_answer *answer; // of whoever made it ANSWERED, until the worker has sent it
  struct post post;
  // The worker's alone:
  const struct dns_request_ends *ends;
  struct dns_handler *handler; // one reference until the query ends: the script may keep its `reply` for ever
  struct query *query;         // NULL: ended
  bool running, immediate;     // its script runs; it answered before it returned
  struct event *deadline;
  struct dns_request *next, **link; // of the worker's list
};

// What a worker keeps for services: those that wait.
struct service_room {
  struct dns_request *waiting;
  uint64_t count;
};

// True: the caller alone decides how the request ends.
static bool
dns_request_claim(struct dns_request *r, enum request_state state)
{
  int open = REQUEST_OPEN;
  return atomic_compare_exchange_strong_explicit(&r->state, &open, state, memory_order_acq_rel, memory_order_acquire);
}

// The query is gone: gives up the worker's reference.
static void
dns_request_end(struct dns_request *r)
{
  object_unref(&r->handler);
  object_unref(&r);
}

// ---- waiting ----

static struct service_room *
dns_request_room_of(struct worker *w)
{
  if (w->services == NULL)
    w->services = calloc(1, sizeof *w->services);
  return w->services;
}

// Takes it off the list. Its query is the caller's; so is the list's reference.
static struct query *
dns_request_unpark(struct dns_request *r)
{
  struct service_room *room = r->worker->services;
  struct query *q = r->query;
  r->query = NULL;
  event_free(r->deadline);
  r->deadline = NULL;
  *r->link = r->next;
  if (r->next != NULL)
    r->next->link = r->link;
  room->count--;
  return q;
}

static void
dns_request_on_deadline(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct dns_request *r = arg;
  if (!dns_request_claim(r, REQUEST_ENDED))
    return; // its answer has been posted and comes next
  struct worker *w = r->worker;
  worker_begin(w);
  atomic_fetch_add_explicit(&r->handler->timeouts, 1, memory_order_relaxed);
  r->ends->rcode(dns_request_unpark(r), r->handler->timeout_rcode);
  dns_request_end(r);
  worker_end(w);
}

// False: no room or memory. A datagram's buffer is lent for the batch only, so that the question is copied.
static bool
dns_request_park(struct dns_request *r)
{
  struct service_room *room = dns_request_room_of(r->worker);
  struct query *q = r->query;
  uint32_t ms = r->handler->timeout_ms;
  struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
  if (room == NULL || room->count >= REQUESTS_WAITING_MAX)
    return false;
  if (q->own == NULL && !query_own_packet(q, q->packet.data, q->question_end, q->question_end))
    return false;
  r->deadline = evtimer_new(r->worker->base, dns_request_on_deadline, r);
  if (r->deadline == NULL || event_add(r->deadline, &tv) != 0) {
    if (r->deadline != NULL)
      event_free(r->deadline);
    r->deadline = NULL;
    return false;
  }
  r->next = room->waiting;
  r->link = &room->waiting;
  if (r->next != NULL)
    r->next->link = &r->next;
  room->waiting = r;
  room->count++;
  return true;
}

// ---- answering ----

// The answer of another thread, or of another script on this one, has arrived.
static void
dns_request_on_posted(struct worker *w, struct post *post)
{
  struct dns_request *r = (struct dns_request *)(void *)((char *)post - offsetof(struct dns_request, post));
  (void)w;
  if (r->query != NULL) {
    r->ends->answer(dns_request_unpark(r), r->answer);
    dns_request_end(r);
  }
  object_unref(&r);
}

static enum dns_reply_result
dns_request_why_not(const struct dns_request *r)
{
  return atomic_load_explicit(&r->state, memory_order_acquire) == REQUEST_ANSWERED ? REPLY_TWICE : REPLY_LATE;
}

enum dns_reply_result
dns_request_reply(struct dns_request *r, const struct dns_reply *reply, struct fault *f)
{
  if (atomic_load_explicit(&r->state, memory_order_acquire) != REQUEST_OPEN)
    return dns_request_why_not(r);
  struct dns_answer *answer = dns_answer_new(reply, f);
  if (answer == NULL)
    return REPLY_WRONG;
  if (!dns_request_claim(r, REQUEST_ANSWERED)) {
    dns_answer_free(&answer);
    return dns_request_why_not(r);
  }
  r->answer = answer;
  if (worker_current() == r->worker && r->running) {
    r->immediate = true;
  } else {
    object_ref(r);
    r->post.run = dns_request_on_posted;
    worker_post(r->worker, &r->post);
  }
  return REPLY_TAKEN;
}

// ---- running ----

static struct dns_request *
dns_request_new(struct query *q, struct dns_handler *h, const struct dns_request_ends *ends)
{
  struct dns_request *r = calloc(1, sizeof *r);
  if (r == NULL)
    return NULL;
  object_init(&r->object, &dns_request_class);
  r->worker = q->worker;
  r->ends = ends;
  r->handler = object_ref(h);
  r->query = q;
  return r;
}

void
dns_request_free(struct object *object)
{
  struct dns_request *r = (struct dns_request *)object;
  assert(r->query == NULL);
  dns_answer_free(&r->answer);
  object_unref(&r->handler);
  free(r);
}

static struct query *
dns_request_take_query(struct dns_request *r)
{
  struct query *q = r->query;
  r->query = NULL;
  return q;
}

// It is neither answered nor can it wait. If another thread has just answered, its post will find no query.
static void
dns_request_give_up(struct dns_request *r)
{
  dns_request_claim(r, REQUEST_ENDED);
  r->ends->rcode(dns_request_take_query(r), RCODE_SERVFAIL);
}

void
dns_request_run(struct query *q, struct dns_handler *h, const struct dns_question *question,
                const struct dns_request_ends *ends)
{
  struct dns_request *r = dns_request_new(q, h, ends);
  atomic_fetch_add_explicit(&h->hits, 1, memory_order_relaxed);
  if (r == NULL) {
    ends->rcode(q, RCODE_SERVFAIL);
    return;
  }
  r->running = true;
  bool good = h->run(h->script, question, r);
  r->running = false;
  if (!good)
    atomic_fetch_add_explicit(&h->errors, 1, memory_order_relaxed);
  if (r->immediate)
    ends->answer(dns_request_take_query(r), r->answer);
  else if (!good && dns_request_claim(r, REQUEST_ENDED))
    ends->rcode(dns_request_take_query(r), RCODE_SERVFAIL);
  else if (dns_request_park(r))
    return; // the reference is the list's now
  else
    dns_request_give_up(r);
  dns_request_end(r);
}

// ---- a worker's end ----

uint64_t
dns_requests_waiting(const struct worker *w)
{
  return w->services == NULL ? 0 : w->services->count;
}

void
dns_requests_leave(struct worker *w)
{
  if (w->services == NULL)
    return;
  for (struct dns_request *r = w->services->waiting; r != NULL; r = r->next)
    dns_request_claim(r, REQUEST_ENDED);
  worker_run_posts(w); // answers that came in time
  while (w->services->waiting != NULL) {
    struct dns_request *r = w->services->waiting;
    r->ends->drop(dns_request_unpark(r), DROP_SHUTDOWN);
    dns_request_end(r);
  }
  free(w->services);
  w->services = NULL;
}
