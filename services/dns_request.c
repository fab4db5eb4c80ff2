// SPDX-License-Identifier: BSD-2-Clause
// Requests: run, answered at once or parked, resumed by an answer or by their deadline.
#include "services/dns_request.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/wire/codes.h"

#include <assert.h>
#include <stdlib.h>

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
