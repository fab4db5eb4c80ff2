// SPDX-License-Identifier: BSD-2-Clause
// The threads of workers.
#include "dnsproxy/run/worker_thread.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/guard/rings.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/net/stream.h"
#include "dnsproxy/net/tee.h"
#include "dnsproxy/observe/observers.h"
#include "dnsproxy/walk/path.h"
#include "dnsproxy/walk/suspended.h"
#include "dnsproxy/upstream/upstream.h"
#include "services/service.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_t threads[WORKERS_MAX];
static bool running[WORKERS_MAX];

// CPUs worth of time that the cgroup gives us; 0: no limit.
static unsigned
worker_thread_cgroup_cpus(void)
{
  FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
  if (f == NULL)
    return 0;
  unsigned long quota, period;
  int n = fscanf(f, "%lu %lu", &quota, &period);
  fclose(f);
  return n == 2 && period > 0 ? (unsigned)((quota + period - 1) / period) : 0;
}

unsigned
worker_threads_default(void)
{
  cpu_set_t set;
  unsigned cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
  unsigned quota = worker_thread_cgroup_cpus();
  if (quota > 0 && quota < cpus)
    cpus = quota;
  return cpus > WORKERS_MAX ? WORKERS_MAX : cpus;
}

static void
worker_thread_begin(struct worker *w)
{
  const struct lease *before = w->lease;
  snapshot_take(w);
  if (w->lease != before && before != NULL)
    upstream_retired(w);
}

static void
worker_thread_end(struct worker *w)
{
  upstream_flush(w);
  datagram_flush(w);
  if (w->draining && atomic_load_explicit(&w->parked, memory_order_relaxed) == 0 && services_waiting(w) == 0 &&
      streams_drained(w))
    event_base_loopbreak(w->base);
}

static void
worker_thread_on_wake(evutil_socket_t fd, short what, void *arg)
{
  (void)what;
  struct worker *w = arg;
  uint64_t n;
  if (read(fd, &n, sizeof n) < 0)
    return;
  worker_begin(w);
  worker_run_posts(w);
  worker_end(w);
}

void
worker_threads_make(unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    struct worker *w = worker_new(&path_hooks);
    w->base = event_base_new();
    assert(w->base != NULL);
    w->begin = worker_thread_begin;
    w->end = worker_thread_end;
    w->wake_event = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, worker_thread_on_wake, w);
    event_add(w->wake_event, NULL);
    rings_open(w);
    delay_open(w);
    datagram_open(w);
    upstream_open(w);
  }
}

static void
worker_thread_serve(struct worker *w, bool services)
{
  for (size_t i = 0; i < config()->listener_count; i++) {
    struct listener *l = config()->listeners[i];
    if (l->sockets[w->id] < 0 || (l->walk != NULL) != services)
      continue;
    bool good = listener_serve(w, l);
    assert(good);
  }
}

// Everything the worker owns is given back on its own thread.
static void
worker_thread_close_rooms(struct worker *w)
{
  datagram_drain(w);
  stream_drain(w);
  services_leave(w);
  suspended_close(w);
  delay_close(w);
  upstream_close(w);
  stream_close(w);
  tees_close(w);
  datagram_flush(w);
  datagram_close(w);
  leases_drop(w);
}

static void *
worker_main(void *arg)
{
  struct worker *w = arg;
  char name[16];
  snprintf(name, sizeof name, "worker/%u", w->id);
  pthread_setname_np(pthread_self(), name);
  worker_adopt(w);
  worker_begin(w);
  worker_end(w);
  event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
  worker_begin(w);
  worker_thread_close_rooms(w);
  worker_end(w);
  return NULL;
}

void
worker_threads_start(void)
{
  for (unsigned i = 0; i < worker_count(); i++) {
    int error = pthread_create(&threads[i], NULL, worker_main, workers[i]);
    assert(error == 0);
    running[i] = true;
  }
}

static void
worker_thread_run_serve_services(struct worker *w, struct post *post)
{
  free(post);
  worker_thread_serve(w, true);
}

static void
worker_thread_run_serve(struct worker *w, struct post *post)
{
  free(post);
  worker_thread_serve(w, false);
}

static void
worker_thread_run_drain(struct worker *w, struct post *post)
{
  free(post);
  datagram_drain(w);
  stream_drain(w);
  w->draining = true;
  suspended_drain(w);
}

static void
worker_thread_run_stop(struct worker *w, struct post *post)
{
  free(post);
  event_base_loopbreak(w->base);
}

static void
worker_thread_post_all(void (*run)(struct worker *, struct post *))
{
  for (unsigned i = 0; i < worker_count(); i++) {
    struct post *post = memory_new(sizeof *post);
    post->run = run;
    worker_post(workers[i], post);
  }
}

void
worker_threads_serve(bool services)
{
  worker_thread_post_all(services ? worker_thread_run_serve_services : worker_thread_run_serve);
}

void
worker_threads_drain(void)
{
  worker_thread_post_all(worker_thread_run_drain);
}

void
worker_threads_stop(void)
{
  worker_thread_post_all(worker_thread_run_stop);
}

void
worker_threads_join(void)
{
  for (unsigned i = 0; i < worker_count(); i++)
    if (running[i])
      pthread_join(threads[i], NULL);
}

void
worker_threads_free(void)
{
  for (unsigned i = worker_count(); i-- > 0;) {
    struct worker *w = workers[i];
    if (!running[i]) {
      worker_begin(w);
      worker_thread_close_rooms(w);
      worker_end(w);
    }
    running[i] = false;
    worker_run_posts(w); // what came when it had left
    leases_drop(w);      // likewise: a script on another worker may have published
    event_free(w->wake_event);
    event_base_free(w->base);
    rings_close(w);
    worker_free(&w);
  }
}
