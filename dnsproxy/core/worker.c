// SPDX-License-Identifier: BSD-2-Clause
// The table of workers, their clocks, and work posted to them by other threads.
#include "dnsproxy/core/worker.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/epoch.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/core/query.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { QUERY_STEP = 1024, QUERY_LIMIT = 262144, EXTRA_STEP = 64, EXTRA_LIMIT = 65536, PACKET_STEP = 128, PACKET_LIMIT = 65536 };

struct worker *workers[WORKERS_MAX];
static _Atomic unsigned worker_total;
static _Thread_local struct worker *current;

unsigned
worker_count(void)
{
  return atomic_load_explicit(&worker_total, memory_order_acquire);
}

struct worker *
worker_current(void)
{
  return current;
}

void
worker_adopt(struct worker *w)
{
  current = w;
}

static struct worker *
worker_make(unsigned id)
{
  struct worker *w = memory_new(sizeof *w);
  w->id = id;
  w->wake_fd = -1;
  w->until_timed = 1;
  random_seed(&w->random);
  slab_init(&w->queries, sizeof(struct query), QUERY_STEP, QUERY_LIMIT);
  slab_init(&w->extras, sizeof(struct query_extra), EXTRA_STEP, EXTRA_LIMIT);
  slab_init(&w->packets, PACKET_PIECE, PACKET_STEP, PACKET_LIMIT);
  worker_clock(w);
  return w;
}

struct worker *
worker_new(const struct walk_hooks *walk)
{
  unsigned id = worker_count();
  assert(id < WORKERS_MAX);
  struct worker *w = worker_make(id);
  w->walk = walk;
  w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  assert(w->wake_fd >= 0);
  workers[id] = w;
  atomic_store_explicit(&worker_total, id + 1, memory_order_release);
  return w;
}

struct worker *
worker_guest(void)
{
  return worker_make(worker_count());
}

void
worker_free(struct worker **slot)
{
  struct worker *w = *slot;
  *slot = NULL;
  if (current == w)
    current = NULL;
  slab_fini(&w->queries);
  slab_fini(&w->extras);
  slab_fini(&w->packets);
  buffers_fini(&w->buffers);
  for (unsigned i = 0; i < HIT_PAGES; i++)
    free(atomic_load(&w->hits[i]));
  if (w->wake_fd >= 0)
    close(w->wake_fd);
  if (w->id + 1 == worker_count() && workers[w->id] == w) {
    workers[w->id] = NULL;
    atomic_store(&worker_total, w->id);
  }
  free(w);
}

void
worker_clock(struct worker *w)
{
  w->now_us = clock_mono_us();
  w->wall_us = clock_wall_us();
  w->now_s = (uint32_t)(w->now_us / 1000000);
}

void
worker_begin(struct worker *w)
{
  worker_clock(w);
  epoch_enter(w->id);
  if (w->begin != NULL)
    w->begin(w);
}

void
worker_end(struct worker *w)
{
  if (w->end != NULL)
    w->end(w);
  epoch_leave(w->id);
  slab_refill(&w->queries);
  slab_refill(&w->extras);
  slab_refill(&w->packets);
}

void
worker_wake(struct worker *w)
{
  uint64_t one = 1;
  // A full counter (EAGAIN) has woken the worker already.
  while (write(w->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

void
worker_post(struct worker *w, struct post *post)
{
  struct post *head = atomic_load_explicit(&w->posts, memory_order_relaxed);
  do
    post->next = head;
  while (!atomic_compare_exchange_weak_explicit(&w->posts, &head, post, memory_order_release, memory_order_relaxed));
  worker_wake(w);
}

void
worker_run_posts(struct worker *w)
{
  struct post *newest = atomic_exchange_explicit(&w->posts, NULL, memory_order_acquire);
  struct post *oldest = NULL;
  while (newest != NULL) {
    struct post *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != NULL) {
    struct post *next = oldest->next;
    oldest->run(w, oldest);
    oldest = next;
  }
}
