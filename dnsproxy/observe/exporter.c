// SPDX-License-Identifier: BSD-2-Clause
// Lanes, and the thread at their end.
#include "dnsproxy/observe/exporter.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 64, LENGTH_SIZE = 4, LANE_SIZE_MIN = 4096 };
enum { END_THREAD = 1, END_OWNER = 2 };
#define LANE_SKIP UINT32_MAX // in place of a length: go on at the beginning

struct lane {
  // the writer's
  _Alignas(LINE) _Atomic uint64_t head;
  uint64_t reserved;  // where the record that is being written begins
  uint64_t tail_seen; // the reader's end, when last looked at
  _Atomic uint64_t lost;
  // the reader's
  _Alignas(LINE) _Atomic uint64_t tail;
  _Atomic uint64_t taken;
  // constant
  _Alignas(LINE) uint8_t *bytes;
  uint64_t size;
};

struct exporter {
  struct exporter_options options;
  pthread_t thread;
  int wake_fd;
  _Atomic bool asleep, stopping;
  _Atomic unsigned ends; // END_THREAD, END_OWNER: whoever is second frees it, if the owner did not wait
  _Atomic uint64_t stop_us; // when it gives up
  struct lane *lanes;
};

// ---- the writer ----

static uint64_t
exporter_record_size(size_t size)
{
  return (LENGTH_SIZE + size + LENGTH_SIZE - 1) & ~(uint64_t)(LENGTH_SIZE - 1);
}

static bool
exporter_lane_has_room(struct lane *l, uint64_t head, uint64_t need)
{
  if (head + need - l->tail_seen <= l->size)
    return true;
  l->tail_seen = atomic_load_explicit(&l->tail, memory_order_acquire);
  return head + need - l->tail_seen <= l->size;
}

static void
exporter_lane_set_length(struct lane *l, uint64_t at, uint32_t length)
{
  memcpy(l->bytes + (at & (l->size - 1)), &length, sizeof length);
}

static uint8_t *
exporter_lane_reserve(struct lane *l, size_t size)
{
  uint64_t head = atomic_load_explicit(&l->head, memory_order_relaxed), rest = l->size - (head & (l->size - 1));
  uint64_t need = exporter_record_size(size), skip = need > rest ? rest : 0;
  if (size > l->size / 2 || !exporter_lane_has_room(l, head, skip + need)) {
    atomic_store_explicit(&l->lost, atomic_load_explicit(&l->lost, memory_order_relaxed) + 1, memory_order_relaxed);
    return NULL;
  }
  if (skip > 0)
    exporter_lane_set_length(l, head, LANE_SKIP);
  l->reserved = head + skip;
  return l->bytes + (l->reserved & (l->size - 1)) + LENGTH_SIZE;
}

uint8_t *
exporter_reserve(struct exporter *e, unsigned lane, size_t size)
{
  return exporter_lane_reserve(&e->lanes[lane], size);
}

// The order of the two accesses that follow each other here, and in exporter_sleep(), is what loses no wake-up.
void
exporter_commit(struct exporter *e, unsigned lane, size_t size)
{
  struct lane *l = &e->lanes[lane];
  exporter_lane_set_length(l, l->reserved, (uint32_t)size);
  atomic_store(&l->head, l->reserved + exporter_record_size(size));
  if (atomic_load(&e->asleep) && atomic_exchange(&e->asleep, false))
    eventfd_write(e->wake_fd, 1);
}

bool
exporter_put(struct exporter *e, unsigned lane, const void *record, size_t size)
{
  uint8_t *room = exporter_reserve(e, lane, size);
  if (room == NULL)
    return false;
  memcpy(room, record, size);
  exporter_commit(e, lane, size);
  return true;
}

// ---- the reader ----

static bool
exporter_lane_is_empty(const struct lane *l)
{
  return atomic_load(&l->head) == atomic_load_explicit(&l->tail, memory_order_relaxed);
}

// Up to what is there now, so that one busy lane does not keep the others waiting for ever.
static bool
exporter_lane_drain(struct exporter *e, unsigned number)
{
  struct lane *l = &e->lanes[number];
  uint64_t tail = atomic_load_explicit(&l->tail, memory_order_relaxed), head = atomic_load_explicit(&l->head, memory_order_acquire);
  bool some = tail != head;
  while (tail != head) {
    uint32_t length;
    const uint8_t *at = l->bytes + (tail & (l->size - 1));
    memcpy(&length, at, sizeof length);
    if (length == LANE_SKIP) {
      tail += l->size - (tail & (l->size - 1));
    } else {
      e->options.take(e->options.arg, number, at + LENGTH_SIZE, length);
      tail += exporter_record_size(length);
      atomic_store_explicit(&l->taken, atomic_load_explicit(&l->taken, memory_order_relaxed) + 1, memory_order_relaxed);
    }
    atomic_store_explicit(&l->tail, tail, memory_order_release);
    if (atomic_load_explicit(&e->stopping, memory_order_relaxed) && clock_mono_us() >= atomic_load(&e->stop_us))
      break;
  }
  return some;
}

static bool
exporter_is_idle(const struct exporter *e)
{
  for (unsigned i = 0; i < e->options.lanes; i++)
    if (!exporter_lane_is_empty(&e->lanes[i]))
      return false;
  return true;
}

static void
exporter_sleep(struct exporter *e)
{
  atomic_store(&e->asleep, true);
  if (exporter_is_idle(e) && !atomic_load(&e->stopping))
    poll(&(struct pollfd){.fd = e->wake_fd, .events = POLLIN}, 1, -1);
  atomic_store(&e->asleep, false);
  eventfd_t n;
  eventfd_read(e->wake_fd, &n);
}

static void
exporter_fini(struct exporter *e)
{
  for (unsigned i = 0; i < e->options.lanes; i++)
    free(e->lanes[i].bytes);
  free(e->lanes);
  close(e->wake_fd);
  free(e);
}

static void *
exporter_main(void *arg)
{
  struct exporter *e = arg;
  pthread_setname_np(pthread_self(), e->options.name);
  for (;;) {
    bool stopping = atomic_load(&e->stopping), some = false;
    for (unsigned i = 0; i < e->options.lanes; i++)
      some |= exporter_lane_drain(e, i);
    if (some && e->options.done != NULL && exporter_is_idle(e))
      e->options.done(e->options.arg);
    if (stopping && (!some || clock_mono_us() >= atomic_load(&e->stop_us)))
      break;
    if (!some)
      exporter_sleep(e);
  }
  if (atomic_fetch_or(&e->ends, END_THREAD) == END_OWNER)
    exporter_fini(e);
  return NULL;
}

// ---- life ----

static void
exporter_lane_init(struct lane *l, size_t size)
{
  l->size = size;
  l->bytes = memory_array(size, 1);
}

struct exporter *
exporter_new(const struct exporter_options *options)
{
  assert(options->lane_size >= LANE_SIZE_MIN && (options->lane_size & (options->lane_size - 1)) == 0);
  struct exporter *e = memory_new(sizeof *e);
  e->options = *options;
  e->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  assert(e->wake_fd >= 0);
  e->lanes = aligned_alloc(LINE, options->lanes * sizeof *e->lanes);
  if (e->lanes == NULL)
    memory_exhausted();
  memset(e->lanes, 0, options->lanes * sizeof *e->lanes);
  for (unsigned i = 0; i < options->lanes; i++)
    exporter_lane_init(&e->lanes[i], options->lane_size);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before); // signals are the keeper's
  int error = pthread_create(&e->thread, NULL, exporter_main, e);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  assert(error == 0);
  return e;
}

static void
exporter_wait_for_end(struct exporter *e, uint64_t until_us)
{
  while (atomic_load(&e->ends) == 0 && clock_mono_us() < until_us)
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

// take() may hang for longer than anybody wants to wait: then the thread frees what it reads from, should it ever end.
void
exporter_free(struct exporter **slot, unsigned wait_ms)
{
  enum { GRACE_US = 100000 };
  struct exporter *e = *slot;
  *slot = NULL;
  if (e == NULL)
    return;
  uint64_t until_us = clock_mono_us() + wait_ms * 1000ULL;
  atomic_store(&e->stop_us, until_us);
  atomic_store(&e->stopping, true);
  eventfd_write(e->wake_fd, 1);
  exporter_wait_for_end(e, until_us + GRACE_US);
  pthread_t thread = e->thread;
  if (atomic_fetch_or(&e->ends, END_OWNER) == END_THREAD) {
    pthread_join(thread, NULL);
    exporter_fini(e);
  } else {
    pthread_detach(thread);
  }
}

uint64_t
exporter_lost(const struct exporter *e)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < e->options.lanes; i++)
    sum += atomic_load_explicit(&e->lanes[i].lost, memory_order_relaxed);
  return sum;
}

uint64_t
exporter_taken(const struct exporter *e)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < e->options.lanes; i++)
    sum += atomic_load_explicit(&e->lanes[i].taken, memory_order_relaxed);
  return sum;
}
