// SPDX-License-Identifier: BSD-2-Clause
// The table of suspended queries, their ends, and the timers of their workers.
#include "dnsproxy/walk/suspended.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/walk/path.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>

enum state {
  RESERVED, // the action that suspends it still runs
  WAITING,  // in the table, to be found
  TAKEN,    // a script has it
  CALLED,   // given back: a post is on its way to the worker
  OVER      // the worker has it
};

struct suspended_place {
  struct suspended handle; // first
  struct post post;
  enum state state;         // under the lock, as are `view`, `drop` and the query's owner
  bool drop;
  struct query **view;      // TAKEN: where the script has it from
  struct configuration *holder; // TAKEN: the configuration whose script has it, which gives it back before it is closed
  struct suspended_place *next; // of the bucket
  // The worker's:
  struct worker *worker;
  struct query *query;      // NULL once over
  struct event *timer;
  uint32_t timeout_ms;
  struct suspended_place *after, **link; // of the worker's list
};

enum { BUCKETS = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct suspended_place *buckets[BUCKETS];
static unsigned total;

// Whose clock, random numbers and counters a script's changes go by: those of the query's worker are another thread's. One
// for each configuration, under its lock. Where there is something for each worker, it has the place behind all of them.
static struct worker *
suspended_limbo(void)
{
  struct configuration *c = config();
  if (c->limbo == NULL) {
    c->limbo = memory_new(sizeof *c->limbo);
    c->limbo->id = WORKERS_MAX;
    random_seed(&c->limbo->random);
  }
  worker_clock(c->limbo);
  return c->limbo;
}

static void
suspended_place_free(struct object *o)
{
  free(((struct suspended *)(void *)o)->place);
}

static const struct object_class suspended_class = {.name = "suspended", .free = suspended_place_free};

// ---- the table, under the lock ----

static struct suspended_place **
suspended_find(uint16_t async_id, uint16_t query_id)
{
  struct suspended_place **at = &buckets[(async_id * 31u + query_id) % BUCKETS];
  while (*at != NULL && ((*at)->handle.async_id != async_id || (*at)->handle.query_id != query_id))
    at = &(*at)->next;
  return at;
}

static bool
suspended_insert(struct suspended_place *p)
{
  struct suspended_place **at = suspended_find(p->handle.async_id, p->handle.query_id);
  if (*at != NULL || total == SUSPENDED_MAX)
    return false;
  p->next = NULL;
  *at = p;
  total++;
  return true;
}

static void
suspended_remove_from_table(struct suspended_place *p)
{
  struct suspended_place **at = suspended_find(p->handle.async_id, p->handle.query_id);
  assert(*at == p);
  *at = p->next;
  total--;
}

// ---- suspending ----

// The message of a transfer has no query of its own, a time-out no answer, and what was inserted would be so again.
static bool
suspended_room_allows(const struct query *q)
{
  switch ((enum room)q->room) {
  case ROOM_QUERY_RULES:
  case ROOM_CACHE_MISS_RULES:
  case ROOM_CACHE_HIT_RULES:
  case ROOM_SELF_ANSWERED_RULES:
    return true;
  case ROOM_RESPONSE_RULES:
    return !q->is_xfr;
  default:
    return false;
  }
}

static void suspended_on_time(evutil_socket_t fd, short what, void *arg);

static struct suspended_place *
suspended_place_new(struct query *q)
{
  struct suspended_place *p = memory_new(sizeof *p);
  object_init(&p->handle.object, &suspended_class);
  p->handle.place = p;
  p->handle.response = q->room != ROOM_QUERY_RULES && q->room != ROOM_CACHE_MISS_RULES;
  p->worker = q->worker;
  p->query = q;
  p->state = RESERVED;
  return p;
}

bool
suspend(struct query *q, uint16_t async_id, uint16_t query_id, uint32_t timeout_ms)
{
  if (q->suspended != NULL || q->worker != worker_current() || !suspended_room_allows(q) || !query_make_portable(q))
    return false;
  struct suspended_place *p = suspended_place_new(q);
  p->handle.async_id = async_id;
  p->handle.query_id = query_id;
  p->timeout_ms = timeout_ms;
  pthread_mutex_lock(&lock);
  bool good = suspended_insert(p);
  pthread_mutex_unlock(&lock);
  if (good)
    q->suspended = &p->handle; // its reference is the worker's
  else
    free(p);
  return good;
}

static void
suspended_start_timer(struct suspended_place *p)
{
  uint32_t ms = p->worker->draining ? 0 : p->timeout_ms;
  event_add(p->timer, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000});
}

void
suspended_park(struct query *q)
{
  struct suspended_place *p = q->suspended->place;
  struct worker *w = q->worker;
  p->timer = evtimer_new(w->base, suspended_on_time, p);
  assert(p->timer != NULL);
  suspended_start_timer(p);
  p->after = w->suspended;
  if (p->after != NULL)
    p->after->link = &p->after;
  p->link = &w->suspended;
  w->suspended = p;
  counter_add(&w->parked, 1);
  pthread_mutex_lock(&lock);
  p->state = WAITING;
  pthread_mutex_unlock(&lock);
}

// ---- back on the worker ----

// The place is over: the query is the worker's again, to walk on or to end.
static struct query *
suspended_leave(struct suspended_place *p)
{
  struct query *q = p->query;
  p->query = NULL;
  event_free(p->timer);
  *p->link = p->after;
  if (p->after != NULL)
    p->after->link = p->link;
  q->worker = p->worker;
  q->suspended = NULL;
  q->touched = true;
  counter_add(&q->worker->parked, (uint64_t)-1);
  return q;
}

static void
suspended_go_on(struct suspended_place *p, bool drop)
{
  struct query *q = suspended_leave(p);
  if (drop) {
    path_drop(q, DROP_SUSPENDED);
  } else {
    q->restart = q->restart && p->handle.response;
    q->resumed = true;
    path_walk(q, q->room);
  }
  struct suspended *mine = &p->handle;
  object_unref(&mine);
}

// Makes a place that no script has called for be over. False: a post is on its way.
static bool
suspended_end_under_lock(struct suspended_place *p)
{
  if (p->state == CALLED || p->state == OVER)
    return false;
  if (p->state == TAKEN)
    *p->view = NULL;
  else
    suspended_remove_from_table(p);
  p->state = OVER;
  return true;
}

enum { LATER_US = 10000 };
enum ended { ENDED, NOT_ENDED, ENDS_LATER };

// A script that has it holds the Lua lock of its configuration while it looks: wait for that. One that is about to be closed
// gives it back then: ENDS_LATER.
static enum ended
suspended_end(struct suspended_place *p)
{
  for (;;) {
    pthread_mutex_lock(&lock);
    bool taken = p->state == TAKEN, ended = !taken && suspended_end_under_lock(p);
    struct configuration *holder = taken ? object_ref_living(p->holder) : NULL;
    pthread_mutex_unlock(&lock);
    if (!taken)
      return ended ? ENDED : NOT_ENDED;
    if (holder == NULL)
      return ENDS_LATER;
    configuration_lock(holder);
    pthread_mutex_lock(&lock);
    bool same = p->state != TAKEN || p->holder == holder;
    ended = same && suspended_end_under_lock(p);
    pthread_mutex_unlock(&lock);
    configuration_unlock();
    object_unref(&holder);
    if (same)
      return ended ? ENDED : NOT_ENDED;
  }
}

static void
suspended_on_time(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct suspended_place *p = arg;
  struct worker *w = p->worker;
  worker_begin(w);
  enum ended ended = suspended_end(p);
  if (ended == ENDED)
    suspended_go_on(p, false);
  else if (ended == ENDS_LATER)
    event_add(p->timer, &(struct timeval){.tv_usec = LATER_US});
  worker_end(w);
}

static void
suspended_run_post(struct worker *w, struct post *post)
{
  struct suspended_place *p = (struct suspended_place *)(void *)((char *)post - offsetof(struct suspended_place, post));
  struct suspended *posted = &p->handle;
  (void)w;
  pthread_mutex_lock(&lock);
  bool drop = p->drop;
  p->state = OVER;
  pthread_mutex_unlock(&lock);
  if (p->query != NULL)
    suspended_go_on(p, drop);
  object_unref(&posted);
}

void
suspended_drain(struct worker *w)
{
  for (struct suspended_place *p = w->suspended; p != NULL; p = p->after)
    suspended_start_timer(p);
}

void
suspended_close(struct worker *w)
{
  while (w->suspended != NULL) {
    struct suspended_place *p = w->suspended;
    struct suspended *mine = &p->handle;
    while (suspended_end(p) == ENDS_LATER) // NOT_ENDED: a post is on its way, and will find nothing
      sched_yield();
    path_drop(suspended_leave(p), DROP_SHUTDOWN);
    object_unref(&mine);
  }
}

// ---- scripts ----

struct suspended *
suspended_take(uint16_t async_id, uint16_t query_id, struct query **view)
{
  struct suspended *found = NULL;
  struct worker *limbo = suspended_limbo();
  pthread_mutex_lock(&lock);
  struct suspended_place *p = *suspended_find(async_id, query_id);
  if (p != NULL && p->state == WAITING) {
    suspended_remove_from_table(p);
    p->state = TAKEN;
    p->view = view;
    p->holder = config();
    *view = p->query;
    p->query->worker = limbo;
    found = object_ref(&p->handle);
  }
  pthread_mutex_unlock(&lock);
  return found;
}

static void
suspended_call_worker(struct suspended_place *p, bool drop)
{
  p->state = CALLED;
  p->drop = drop;
  p->post.run = suspended_run_post;
  object_ref(&p->handle); // the post's
  worker_post(p->worker, &p->post);
}

static bool
suspended_finish(struct suspended *s, bool drop)
{
  struct suspended_place *p = s->place;
  pthread_mutex_lock(&lock);
  bool mine = p->state == TAKEN;
  if (mine) {
    *p->view = NULL;
    suspended_call_worker(p, drop);
  }
  pthread_mutex_unlock(&lock);
  return mine;
}

bool
suspended_resume(struct suspended *s)
{
  return suspended_finish(s, false);
}

bool
suspended_drop(struct suspended *s)
{
  return suspended_finish(s, true);
}

void
suspended_give_back(struct suspended *s)
{
  struct suspended_place *p = s->place;
  pthread_mutex_lock(&lock);
  if (p->state == TAKEN) {
    *p->view = NULL;
    p->query->worker = p->worker;
    if (suspended_insert(p))
      p->state = WAITING;
    else
      suspended_call_worker(p, false); // another has its numbers by now
  }
  pthread_mutex_unlock(&lock);
}

bool
suspended_change(uint16_t async_id, uint16_t query_id, bool (*change)(struct query *, bool, void *), void *arg)
{
  pthread_mutex_lock(&lock);
  struct suspended_place *p = *suspended_find(async_id, query_id);
  bool found = p != NULL && p->state == WAITING;
  if (found) {
    suspended_remove_from_table(p);
    suspended_call_worker(p, !change(p->query, p->handle.response, arg));
  }
  pthread_mutex_unlock(&lock);
  return found;
}
