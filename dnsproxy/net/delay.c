// SPDX-License-Identifier: BSD-2-Clause
// The delay queue: answers that a rule wants sent later (DelayAction), a heap ordered by the time they are due.
//
//   room reply --> due time --> heap, one timer for its top --> over: the client's route sends the answer as it would have
//
// Only datagrams are delayed, and at most 65535 ms. The queue is bounded: when it is full, an answer goes out at once, as a
// delay must not cost memory that a stranger decides about. An answer that is parked here owns its packet, because the
// buffer it came in is used again.
//
// Life: the worker's; when that ends, what is left is dropped and counted. Thread: the worker.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/net/listener.h"

#include <stdlib.h>

struct delayed {
  uint64_t due_us;
  struct query *query;
};

struct delay_queue {
  struct delayed *heap; // heap[0] is due first
  size_t count, capacity;
  struct event *timer;
};

enum { DELAYED_MAX = 65536 };

static void
delay_sift_up(struct delay_queue *d, size_t i)
{
  while (i > 0 && d->heap[(i - 1) / 2].due_us > d->heap[i].due_us) {
    struct delayed t = d->heap[i];
    d->heap[i] = d->heap[(i - 1) / 2];
    d->heap[(i - 1) / 2] = t;
    i = (i - 1) / 2;
  }
}

static void
delay_sift_down(struct delay_queue *d, size_t i)
{
  for (;;) {
    size_t least = i, left = 2 * i + 1, right = 2 * i + 2;
    if (left < d->count && d->heap[left].due_us < d->heap[least].due_us)
      least = left;
    if (right < d->count && d->heap[right].due_us < d->heap[least].due_us)
      least = right;
    if (least == i)
      return;
    struct delayed t = d->heap[i];
    d->heap[i] = d->heap[least];
    d->heap[least] = t;
    i = least;
  }
}

static struct query *
delay_pop(struct delay_queue *d)
{
  struct query *q = d->heap[0].query;
  d->heap[0] = d->heap[--d->count];
  delay_sift_down(d, 0);
  return q;
}

static void
delay_arm(struct worker *w)
{
  struct delay_queue *d = w->delays;
  if (d->count == 0)
    return;
  uint64_t wait = d->heap[0].due_us > w->now_us ? d->heap[0].due_us - w->now_us : 0;
  struct timeval tv = {.tv_sec = (time_t)(wait / 1000000), .tv_usec = (suseconds_t)(wait % 1000000)};
  event_add(d->timer, &tv);
}

// The walk has counted the answer as sent: it is parked instead, until its time comes.
static void
delay_park(struct query *q)
{
  counter_add(&q->worker->counters.counter[COUNTER_ANSWERS_SENT], (uint64_t)-1);
  counter_add(&q->worker->parked, 1);
}

static void
delay_unpark(struct query *q)
{
  counter_add(&q->worker->parked, (uint64_t)-1);
  count(q->worker, COUNTER_ANSWERS_SENT);
}

static void
delay_on_due(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct worker *w = arg;
  struct delay_queue *d = w->delays;
  worker_begin(w);
  while (d->count > 0 && d->heap[0].due_us <= w->now_us) {
    struct query *q = delay_pop(d);
    delay_unpark(q);
    q->arrival.route->reply(q);
  }
  worker_end(w);
  delay_arm(w);
}

void
delay_reply(struct query *q)
{
  struct worker *w = q->worker;
  struct delay_queue *d = w->delays;
  if (d->count == DELAYED_MAX || !query_own_packet(q, q->packet.data, q->packet.size, q->packet.size)) {
    // No room to keep it: sent late is what was asked, sent now is better than lost.
    q->arrival.route->reply(q);
    return;
  }
  if (d->count == d->capacity) {
    d->capacity = d->capacity == 0 ? 64 : d->capacity * 2;
    d->heap = memory_resize(d->heap, d->capacity, sizeof *d->heap);
  }
  d->heap[d->count++] = (struct delayed){.due_us = w->now_us + (uint64_t)q->limits.delay_ms * 1000, .query = q};
  delay_sift_up(d, d->count - 1);
  delay_park(q);
  delay_arm(w);
}

void
delay_open(struct worker *w)
{
  w->delays = memory_new(sizeof *w->delays);
  w->delays->timer = evtimer_new(w->base, delay_on_due, w);
}

void
delay_close(struct worker *w)
{
  if (w->delays == NULL)
    return;
  struct delay_queue *d = w->delays;
  while (d->count > 0) {
    struct query *q = delay_pop(d);
    delay_unpark(q);
    listener_unsent(q, DROP_SHUTDOWN);
    q->arrival.route->dropped(q);
    query_free(&q);
  }
  event_free(d->timer);
  free(d->heap);
  free(d);
  w->delays = NULL;
}
