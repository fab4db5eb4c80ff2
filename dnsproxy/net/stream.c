// SPDX-License-Identifier: BSD-2-Clause
// TCP towards clients: admitting connections, within a budget per turn, and the life of a worker's set of them.
#include "dnsproxy/net/proxied_stream.h"

#include "dnsproxy/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ACCEPT_MAX = 32, RETRY_MS = 100 };

uint64_t
stream_connections(const struct listener *l)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < WORKERS_MAX && l->counters[i] != NULL; i++)
    sum += atomic_load_explicit(&l->counters[i]->tcp_current, memory_order_relaxed);
  return sum;
}

// One of the connections that the listener may have at once, over all workers; *taken: how many are with it.
static bool
take_place(struct listener *l, uint64_t *taken)
{
  *taken = 0;
  if (l->max_connections == 0)
    return true;
  *taken = atomic_fetch_add_explicit(&l->places, 1, memory_order_relaxed) + 1;
  if (*taken <= l->max_connections)
    return true;
  atomic_fetch_sub_explicit(&l->places, 1, memory_order_relaxed);
  return false;
}

static void
give_place_back(struct listener *l)
{
  if (l->max_connections > 0)
    atomic_fetch_sub_explicit(&l->places, 1, memory_order_relaxed);
}

void
stream_left(struct worker *w, struct listener *l, const struct address *peer)
{
  const struct stream_guard *guard = listener_walk(l, w)->stream_guard;
  if (guard != NULL)
    guard->closed(peer, w->lease->settings);
  give_place_back(l);
}

// In the order of semantics.md section 2: ACL, listener's limit, client's limits.
static enum stream_verdict
admit(struct stream_listener *sl, const struct address *peer)
{
  struct worker *w = sl->worker;
  struct listener *l = sl->listener;
  const struct walk_hooks *walk = listener_walk(l, w);
  uint64_t taken;
  if (!walk->admit_stream(w, l, peer) || !take_place(l, &taken))
    return STREAM_REFUSED;
  const struct settings *settings = w->lease->settings;
  const struct stream_guard *guard = walk->stream_guard;
  enum stream_verdict verdict = guard == NULL ? STREAM_ADMITTED : guard->opened(peer, settings, w->now_s);
  if (verdict == STREAM_REFUSED)
    give_place_back(l);
  bool near = l->max_connections > 0 && settings->tcp_overload_percent > 0 &&
              taken * 100 > (uint64_t)l->max_connections * settings->tcp_overload_percent;
  return verdict == STREAM_ADMITTED && near ? STREAM_RESTRICTED : verdict;
}

// The socket is taken over, whatever comes of it.
static void
take_connection(struct stream_listener *sl, int fd, const struct address *peer)
{
  struct worker *w = sl->worker;
  enum stream_verdict verdict = admit(sl, peer);
  const struct walk_hooks *walk = listener_walk(sl->listener, w);
  bool header = walk->expects_header != NULL && walk->expects_header(w, sl->listener, peer);
  bool restricted = verdict == STREAM_RESTRICTED;
  if (verdict != STREAM_REFUSED &&
      (header ? proxied_stream_open(sl, fd, peer, restricted) : stream_open(sl, fd, peer, restricted, NULL)))
    return;
  counter_add(&sl->listener->counters[w->id]->tcp_refused, 1);
  if (verdict != STREAM_REFUSED)
    stream_left(w, sl->listener, peer);
  close(fd);
}

// Without descriptors or memory the waiting connection stays readable: a pause keeps the loop from spinning on it.
static void
accept_later(struct stream_listener *sl)
{
  struct timeval tv = {.tv_usec = RETRY_MS * 1000};
  event_del(sl->event);
  event_add(sl->retry, &tv);
}

static bool
accept_one(struct stream_listener *sl, int listening)
{
  struct address peer;
  socklen_t size = sizeof peer;
  int fd = accept4(listening, &peer.sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    take_connection(sl, fd, &peer);
    return true;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
    accept_later(sl);
  // Others are of the one connection (ECONNABORTED and network errors): the next may be well.
  return errno != EAGAIN && errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
}

// The budget grows while it is used up and shrinks when it is not, so that a lone connection costs a lone accept.
static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
  (void)what;
  struct stream_listener *sl = arg;
  worker_begin(sl->worker);
  unsigned n = 0;
  while (n < sl->budget && accept_one(sl, fd))
    n++;
  if (n == sl->budget)
    sl->budget = sl->budget * 2 > ACCEPT_MAX ? ACCEPT_MAX : sl->budget * 2;
  else
    sl->budget = n > 0 ? n : 1;
  worker_end(sl->worker);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what;
  struct stream_listener *sl = arg;
  event_add(sl->event, NULL);
}

bool
stream_start(struct worker *w, struct listener *listener)
{
  if (w->streams == NULL) {
    w->streams = memory_new(sizeof *w->streams);
    channel_set_open(w);
  }
  int fd = listener->sockets[w->id];
  struct stream_listener *sl = memory_new(sizeof *sl);
  sl->worker = w;
  sl->listener = object_ref(listener);
  sl->budget = 1;
  sl->next = w->streams->listeners;
  w->streams->listeners = sl;
  sl->event = event_new(w->base, fd, EV_READ | EV_PERSIST, on_connection, sl);
  sl->retry = evtimer_new(w->base, on_retry, sl);
  return sl->event != NULL && sl->retry != NULL && event_add(sl->event, NULL) == 0;
}

void
stream_stop(struct worker *w)
{
  struct stream_set *set = w->streams;
  if (set == NULL)
    return;
  for (struct stream_listener *sl = set->listeners; sl != NULL; sl = sl->next) {
    if (sl->listener->walk != NULL)
      continue;
    event_del(sl->event);
    event_del(sl->retry);
  }
  proxied_streams_close(w);
  for (struct stream *s = set->streams; s != NULL; s = s->next)
    if (s->listener->walk == NULL)
      stream_finish(s);
}

void
stream_close(struct worker *w)
{
  struct stream_set *set = w->streams;
  if (set == NULL)
    return;
  proxied_streams_close(w);
  channel_set_flush(w); // answers that are queued
  while (set->streams != NULL)
    stream_end(set->streams);
  channel_set_close(w);
  for (struct stream_listener *sl = set->listeners, *next; sl != NULL; sl = next) {
    next = sl->next;
    event_free(sl->event);
    event_free(sl->retry);
    object_unref(&sl->listener);
    free(sl);
  }
  free(set);
  w->streams = NULL;
}
