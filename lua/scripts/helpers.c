// SPDX-License-Identifier: BSD-2-Clause
// Threads that scripts ask for: started, told to end, waited for.
#include "lua/scripts/helpers.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct helper {
  struct helper *next;
  struct helper_work work;
  pthread_t thread;
  bool started, ended;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all below
static pthread_cond_t changed;
static struct helper *helpers;
static unsigned count;
static bool open;
static _Atomic bool stopping;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
helpers_make_condition(void)
{
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &attributes);
  pthread_condattr_destroy(&attributes);
}

bool
helpers_stopping(void)
{
  return atomic_load_explicit(&stopping, memory_order_acquire);
}

static struct timespec
helpers_from_now(uint64_t ms)
{
  enum { MS = 1000, NS_PER_MS = 1000000, NS = 1000000000 };
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += (time_t)(ms / MS);
  t.tv_nsec += (long)(ms % MS) * NS_PER_MS;
  if (t.tv_nsec >= NS) {
    t.tv_nsec -= NS;
    t.tv_sec++;
  }
  return t;
}

void
helper_sleep(uint64_t ms)
{
  struct timespec until = helpers_from_now(ms);
  pthread_once(&once, helpers_make_condition);
  pthread_mutex_lock(&lock);
  while (!helpers_stopping() && pthread_cond_timedwait(&changed, &lock, &until) == 0)
    ;
  pthread_mutex_unlock(&lock);
}

static void *
helpers_helper_main(void *arg)
{
  struct helper *h = arg;
  pthread_setname_np(pthread_self(), h->work.name);
  struct helper_work work = h->work;
  work.run(work.arg);
  pthread_mutex_lock(&lock);
  h->ended = true; // from here on nobody wakes it
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  work.free_arg(work.arg);
  return NULL;
}

static void
helpers_forget(struct helper **at)
{
  struct helper *h = *at;
  *at = h->next;
  count--;
  free(h);
}

static void
helpers_reap(void)
{
  for (struct helper **at = &helpers; *at != NULL;)
    if ((*at)->ended) {
      pthread_join((*at)->thread, NULL);
      helpers_forget(at);
    } else {
      at = &(*at)->next;
    }
}

static bool
helpers_begin(struct helper *h)
{
  h->started = pthread_create(&h->thread, NULL, helpers_helper_main, h) == 0;
  return h->started;
}

bool
helper_start(const struct helper_work *work)
{
  pthread_once(&once, helpers_make_condition);
  struct helper *h = memory_new(sizeof *h);
  h->work = *work;
  pthread_mutex_lock(&lock);
  helpers_reap();
  bool good = count < HELPERS_MAX && !helpers_stopping();
  if (good) {
    h->next = helpers;
    helpers = h;
    count++;
    good = !open || helpers_begin(h);
    if (!good)
      helpers_forget(&helpers);
  } else {
    free(h);
  }
  pthread_mutex_unlock(&lock);
  if (!good)
    work->free_arg(work->arg);
  return good;
}

void
helpers_open(void)
{
  pthread_once(&once, helpers_make_condition);
  pthread_mutex_lock(&lock);
  open = true;
  atomic_store(&stopping, false);
  for (struct helper *h = helpers; h != NULL; h = h->next)
    if (!h->started && !helpers_begin(h))
      log_error("lua", "A thread could not be started: %s", h->work.name);
  pthread_mutex_unlock(&lock);
}

static void
helpers_drop_unstarted(void)
{
  for (struct helper **at = &helpers; *at != NULL;)
    if (!(*at)->started) {
      (*at)->work.free_arg((*at)->work.arg);
      helpers_forget(at);
    } else {
      at = &(*at)->next;
    }
}

static void
helpers_wake_all(void)
{
  for (struct helper *h = helpers; h != NULL; h = h->next)
    if (!h->ended && h->work.wake != NULL)
      h->work.wake(h->work.arg);
  pthread_cond_broadcast(&changed);
}

// What a stuck one holds is left to the end of the process.
static void
helpers_leave_behind(void)
{
  while (helpers != NULL) {
    log_warning("lua", "A thread of a script does not end: %s", helpers->work.name);
    pthread_detach(helpers->thread);
    helpers = helpers->next;
    count--;
  }
}

void
helpers_close(void)
{
  pthread_once(&once, helpers_make_condition);
  struct timespec until = helpers_from_now(HELPER_PATIENCE_MS);
  pthread_mutex_lock(&lock);
  open = false;
  atomic_store(&stopping, true);
  helpers_drop_unstarted();
  helpers_wake_all();
  for (helpers_reap(); helpers != NULL && pthread_cond_timedwait(&changed, &lock, &until) == 0; helpers_reap())
    ;
  helpers_leave_behind();
  pthread_mutex_unlock(&lock);
}
