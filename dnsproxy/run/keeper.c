// SPDX-License-Identifier: BSD-2-Clause
// The keeper thread.
#include "dnsproxy/run/keeper.h"

#include "config.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/run/post.h"
#include "dnsproxy/run/worker_thread.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

// From the first signal on. What is left between the two is for the workers, exit callbacks and freeing.
static const struct timeval DRAIN = {.tv_sec = 2, .tv_usec = 700000};
static const struct timeval FORCE = {.tv_sec = 3};

static struct event_base *base;
static pthread_t thread, watcher;
static int watch_end; // eventfd: the watcher is to end
static bool started;
static int signals = -1; // signalfd: no thread has a handler, all have them blocked
static struct event *signalled, *drain_over, *force, *asked;
static void (*leave_hook)(void);
static _Atomic bool leaving;
static bool asked_early; // before the thread was started

struct event_base *
keeper_base(void)
{
  return base;
}

void
keeper_post(void (*run)(void *), void *arg)
{
  post_to(base, run, arg);
}

void
notify_manager(const char *state)
{
#ifdef HAVE_SYSTEMD
  sd_notify(0, state);
#else
  (void)state;
#endif
}

static void
keeper_on_drain_over(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what, (void)arg;
  worker_threads_stop();
}

// Whatever the other threads are at: nobody is waited for, and nothing of the process is looked at again.
static _Noreturn void
keeper_end_at_once(void)
{
  log_flush();
  syscall(SYS_exit_group, EXIT_SUCCESS);
  _exit(EXIT_SUCCESS);
}

// Something, most likely a script, holds the others up.
static void
keeper_on_force(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what, (void)arg;
  keeper_end_at_once();
}

static void
keeper_leave(void)
{
  log_sentence(LOG_PRIO_INFO, "Exiting on user request");
  notify_manager("STOPPING=1");
  event_add(drain_over, &DRAIN);
  event_add(force, &FORCE);
  worker_threads_drain();
  leave_hook();
}

static void
keeper_on_asked(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what, (void)arg;
  if (!started) {
    asked_early = true;
    event_base_loopbreak(base);
  } else if (!atomic_exchange(&leaving, true)) {
    keeper_leave();
  }
}

// Signals that ask other programs for things which the console does here: told, and nothing else.
static bool
keeper_passes_over(const struct signalfd_siginfo *info)
{
  if (info->ssi_signo == SIGTERM || info->ssi_signo == SIGINT)
    return false;
  log_warning("signals", "SIG%s changes nothing: the configuration is read at start, and changed from the console",
              sigabbrev_np((int)info->ssi_signo));
  return true;
}

// The second one ends at once.
static void
keeper_on_signal(evutil_socket_t fd, short what, void *arg)
{
  struct signalfd_siginfo info;
  (void)what, (void)arg;
  if (read(fd, &info, sizeof info) != sizeof info || keeper_passes_over(&info))
    return;
  if (atomic_exchange(&leaving, true)) {
    keeper_end_at_once();
  }
  keeper_leave();
}

void
keeper_ask_to_leave(void)
{
  // Not a signal: to somebody who has sent one already this would be the second.
  event_active(asked, EV_TIMEOUT, 0);
}

// ---- signals ----

static const int passed_over[] = {SIGHUP, SIGUSR1, SIGUSR2};

static void
keeper_signals_of_keeper(sigset_t *set)
{
  sigemptyset(set);
  sigaddset(set, SIGTERM);
  sigaddset(set, SIGINT);
  for (size_t i = 0; i < sizeof passed_over / sizeof *passed_over; i++)
    sigaddset(set, passed_over[i]);
}

void
keeper_hold_signals(void)
{
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof passed_over / sizeof *passed_over; i++)
    sigaddset(&set, passed_over[i]);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void
keeper_take_signals(void)
{
  sigset_t set;
  keeper_signals_of_keeper(&set);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int
keeper_open_signals(void)
{
  sigset_t set;
  keeper_signals_of_keeper(&set);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  assert(fd >= 0);
  return fd;
}

// ---- life ----

void
keeper_open(void)
{
  base = event_base_new();
  assert(base != NULL);
  signals = keeper_open_signals();
  signalled = event_new(base, signals, EV_READ | EV_PERSIST, keeper_on_signal, NULL);
  drain_over = evtimer_new(base, keeper_on_drain_over, NULL);
  force = evtimer_new(base, keeper_on_force, NULL);
  asked = evtimer_new(base, keeper_on_asked, NULL);
}

// ---- while nobody runs the loop ----

enum watched { WATCHED_END, WATCHED_SIGNAL, WATCHED_NOTHING };

static enum watched
keeper_wait_for(int timeout_ms)
{
  struct pollfd ready[] = {{.fd = watch_end, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  while (poll(ready, 2, timeout_ms) < 0 && errno == EINTR)
    ;
  return ready[0].revents != 0 ? WATCHED_END : ready[1].revents != 0 ? WATCHED_SIGNAL : WATCHED_NOTHING;
}

// Not on the base: a script of a check may hold up the thread that runs that. A signal that is there when the watch ends
// stays pending, for the keeper.
static void *
keeper_watch_main(void *arg)
{
  struct signalfd_siginfo info;
  (void)arg;
  enum watched seen;
  do
    seen = keeper_wait_for(-1);
  while (seen == WATCHED_SIGNAL && read(signals, &info, sizeof info) == sizeof info && keeper_passes_over(&info));
  if (seen == WATCHED_SIGNAL) {
    keeper_ask_to_leave();
    if (keeper_wait_for((int)FORCE.tv_sec * 1000) != WATCHED_END) {
      keeper_end_at_once();
    }
  }
  return NULL;
}

void
keeper_watch(bool on)
{
  if (on) {
    watch_end = eventfd(0, EFD_CLOEXEC);
    assert(watch_end >= 0);
    int error = pthread_create(&watcher, NULL, keeper_watch_main, NULL);
    assert(error == 0);
  } else {
    eventfd_write(watch_end, 1);
    pthread_join(watcher, NULL);
    close(watch_end);
  }
}

// ---- the thread ----

static void *
keeper_main(void *arg)
{
  (void)arg;
  pthread_setname_np(pthread_self(), "keeper");
  event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
  return NULL;
}

void
keeper_start(void (*on_leave)(void))
{
  leave_hook = on_leave;
  event_add(signalled, NULL);
  started = true;
  if (asked_early)
    keeper_ask_to_leave();
  int error = pthread_create(&thread, NULL, keeper_main, NULL);
  assert(error == 0);
}

void
keeper_stop(void)
{
  if (!started)
    return;
  event_base_loopbreak(base);
  pthread_join(thread, NULL);
  started = false;
}

void
keeper_close(void)
{
  if (base == NULL)
    return;
  keeper_stop();
  event_free(signalled);
  close(signals);
  signals = -1;
  event_free(drain_over);
  event_free(force);
  event_free(asked);
  post_rest(base);
  event_base_free(base);
  base = NULL;
}
