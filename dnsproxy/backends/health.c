// SPDX-License-Identifier: BSD-2-Clause
// The keeper's side of health: who is checked when, what is told about it, and rates per second.
#include "dnsproxy/backends/health.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/backends/health_probe.h"
#include "dnsproxy/backends/health_state.h"
#include "dnsproxy/wire/message.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

// A check under way: with the script (prepare, validate), or on the wire.
struct check {
  struct check *next, **link;
  struct backend *backend;
  struct health_query query;
  struct probe *probe; // NULL while a script has it
  bool cancelled;      // health_stop() came first: freed when the script is done
  bool of_stream;      // says nothing about the backend's state
};

static struct {
  struct event_base *base;
  const struct health_hooks *hooks;
  struct backend_list *list;
  struct check *checks;
  struct event *tick, *wake;
  uint64_t ticked_us;
} keeper;

// What other threads leave for the keeper.
static struct {
  pthread_mutex_t lock;
  struct backend_list *list; // newer than the keeper's; NULL: nothing new
  int wake_fd;               // -1: not started
} letter = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake_fd = -1};

static _Atomic bool log_failures;

void
health_log_failures(bool on)
{
  atomic_store_explicit(&log_failures, on, memory_order_relaxed);
}

void
health_watch(struct backend_list *list)
{
  struct backend_list *old;
  pthread_mutex_lock(&letter.lock);
  old = letter.list;
  letter.list = object_ref(list);
  if (letter.wake_fd >= 0) {
    uint64_t one = 1;
    ssize_t n = write(letter.wake_fd, &one, sizeof one);
    (void)n; // full: it is awake already
  }
  pthread_mutex_unlock(&letter.lock);
  object_unref(&old);
}

// True: keeper.list is another one than before.
static bool
health_take_list(void)
{
  pthread_mutex_lock(&letter.lock);
  struct backend_list *new = letter.list;
  letter.list = NULL;
  pthread_mutex_unlock(&letter.lock);
  if (new == NULL)
    return false;
  object_unref(&keeper.list);
  keeper.list = new;
  return true;
}

// ---- what is told ----

static void
health_tell(struct backend *b, enum health_change change)
{
  bool first = change == HEALTH_STARTS_UP || change == HEALTH_STARTS_DOWN;
  bool up = change == HEALTH_STARTS_UP || change == HEALTH_CAME_UP;
  const char *status = up ? "up" : "down";
  char address[ADDRESS_TEXT_SIZE];
  address_text_with_port(&b->options.address, address);
  struct text plain;
  text_init(&plain);
  text_printf(&plain, "Marking downstream %s as '%s'", backend_full_name(b), status);
  const struct log_field fields[] = {
      {"backend.address", address},
      {"backend.health_check.status", status},
      {"backend.name", backend_name(b)},
      {"backend.protocol", b->options.protocol->name},
      {NULL, NULL},
  };
  log_event(&(struct log_event){
      .priority = LOG_PRIO_INFO,
      .message = first ? "Setting initial status for backend" : "Updating status for backend",
      .subsystem = "backend",
      .plain = plain.data,
      .fields = fields,
  });
  text_fini(&plain);
  if (keeper.hooks != NULL && keeper.hooks->changed != NULL)
    keeper.hooks->changed(b, up);
}

// ---- one check ----

static void
health_check_free(struct check **slot)
{
  struct check *c = *slot;
  *slot = NULL;
  probe_cancel(&c->probe);
  object_unref(&c->backend);
  free(c);
}

static void
health_check_unlink(struct check *c)
{
  *c->link = c->next;
  if (c->next != NULL)
    c->next->link = c->link;
}

// error NULL: the backend is well.
static void
health_check_end(struct check *c, const char *error)
{
  if (error != NULL && atomic_load_explicit(&log_failures, memory_order_relaxed))
    log_info("backend", "Health check of %s failed: %s", backend_full_name(c->backend), error);
  enum health_change change = health_decide(c->backend, error == NULL);
  if (change != HEALTH_SAME)
    health_tell(c->backend, change);
  health_check_unlink(c);
  health_check_free(&c);
}

static void
health_on_validated(void *arg, bool valid)
{
  struct check *c = arg;
  if (c->cancelled)
    health_check_free(&c);
  else
    health_check_end(c, valid ? NULL : "the validator refused the answer");
}

static void
health_on_probed(void *arg, const struct probe_result *result)
{
  struct check *c = arg;
  c->probe = NULL;
  if (result->shortage) {
    health_abandon(c->backend); // told where the socket was wanted; the next tick tries again
    health_check_unlink(c);
    health_check_free(&c);
  } else if (result->error == NULL && c->backend->options.check.validator != NULL && keeper.hooks != NULL &&
      keeper.hooks->validate != NULL)
    keeper.hooks->validate(c->backend, result->answer, result->size, health_on_validated, c);
  else
    health_check_end(c, result->error);
}

static void
health_on_prepared(void *arg)
{
  struct check *c = arg;
  if (c->cancelled) {
    health_check_free(&c);
    return;
  }
  c->probe = probe_start(keeper.base, c->backend, &c->query, health_params(c->backend).timeout_ms, health_on_probed, c);
}

static struct check *
health_check_new(struct backend *b)
{
  struct check *c = memory_new(sizeof *c);
  c->backend = object_ref(b);
  c->next = keeper.checks;
  c->link = &keeper.checks;
  if (c->next != NULL)
    c->next->link = &c->next;
  keeper.checks = c;
  c->query = (struct health_query){
      .name = b->options.check.name,
      .type = b->options.check.type,
      .class = b->options.check.class,
      .flags = {FLAG2_RD, b->options.check.set_cd ? FLAG3_CD : 0},
  };
  return c;
}

static void
health_check_begin(struct backend *b)
{
  struct check *c = health_check_new(b);
  if (b->options.check.function != NULL && keeper.hooks != NULL && keeper.hooks->prepare != NULL)
    keeper.hooks->prepare(b, &c->query, health_on_prepared, c);
  else
    health_on_prepared(c);
}

// ---- streams ----

// Queries had trouble on their way over streams: one that is answered says that it is over. The state of the backend is not
// touched, as its datagrams may be well; where checks go over streams anyway, they say both.
static void
health_on_stream_probed(void *arg, const struct probe_result *result)
{
  struct check *c = arg;
  c->probe = NULL;
  c->backend->stream_checked = false;
  if (result->error == NULL)
    backend_stream_answered(c->backend);
  health_check_unlink(c);
  health_check_free(&c);
}

static void
health_check_stream(struct backend *b)
{
  if (b->stream_checked || !backend_stream_suspect(b) || b->missing)
    return;
  b->stream_checked = true;
  struct check *c = health_check_new(b);
  c->of_stream = true;
  c->query.over_stream = true;
  c->probe = probe_start(keeper.base, b, &c->query, health_params(b).timeout_ms, health_on_stream_probed, c);
}

// ---- rounds ----

void
health_initial_round(struct event_base *base, const struct health_hooks *hooks)
{
  keeper.base = base;
  keeper.hooks = hooks;
  health_take_list();
  for (uint32_t i = 0; keeper.list != NULL && i < keeper.list->count; i++)
    if (health_begin_first(keeper.list->items[i]))
      health_check_begin(keeper.list->items[i]);
  while (keeper.checks != NULL)
    if (event_base_loop(base, EVLOOP_ONCE) != 0 || event_base_got_break(base))
      break;
}

// Backends that are new at run time: lazy ones are trusted, others are checked at once.
static void
health_meet_new_backends(void)
{
  if (!health_take_list())
    return;
  for (uint32_t i = 0; i < keeper.list->count; i++) {
    struct backend *b = keeper.list->items[i];
    if (!health_trust(b) && health_begin_first(b))
      health_check_begin(b);
  }
}

static void
health_measure_rates(struct backend *b, double seconds)
{
  uint64_t queries = backend_queries(b), drops = backend_drops(b);
  atomic_store_explicit(&b->qps_now, (double)(queries - b->last_queries) / seconds, memory_order_relaxed);
  atomic_store_explicit(&b->drop_rate_now, (double)(drops - b->last_drops) / seconds, memory_order_relaxed);
  b->last_queries = queries;
  b->last_drops = drops;
}

static void
health_on_tick(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what, (void)arg;
  uint64_t now_us = clock_mono_us();
  double seconds = (double)(now_us - keeper.ticked_us) / 1e6;
  keeper.ticked_us = now_us;
  health_meet_new_backends();
  for (uint32_t i = 0; keeper.list != NULL && i < keeper.list->count; i++) {
    struct backend *b = keeper.list->items[i];
    if (seconds > 0)
      health_measure_rates(b, seconds);
    if (health_tick(b))
      health_check_begin(b);
    health_check_stream(b);
  }
}

static void
health_on_wake(evutil_socket_t fd, short what, void *arg)
{
  (void)what, (void)arg;
  uint64_t count;
  ssize_t n = read(fd, &count, sizeof count);
  (void)n;
  health_meet_new_backends();
}

void
health_start(struct event_base *base, const struct health_hooks *hooks)
{
  keeper.base = base;
  keeper.hooks = hooks;
  keeper.ticked_us = clock_mono_us();
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  assert(fd >= 0);
  keeper.wake = event_new(base, fd, EV_READ | EV_PERSIST, health_on_wake, NULL);
  keeper.tick = event_new(base, -1, EV_PERSIST, health_on_tick, NULL);
  assert(keeper.wake != NULL && keeper.tick != NULL);
  event_add(keeper.wake, NULL);
  event_add(keeper.tick, &(struct timeval){.tv_sec = 1});
  pthread_mutex_lock(&letter.lock);
  letter.wake_fd = fd;
  pthread_mutex_unlock(&letter.lock);
  event_active(keeper.wake, EV_READ, 0); // a list may have come before
}

static void
health_close_wake(void)
{
  pthread_mutex_lock(&letter.lock);
  int fd = letter.wake_fd;
  letter.wake_fd = -1;
  pthread_mutex_unlock(&letter.lock);
  if (fd >= 0)
    close(fd);
}

void
health_stop(void)
{
  if (keeper.tick != NULL)
    event_free(keeper.tick);
  if (keeper.wake != NULL)
    event_free(keeper.wake);
  keeper.tick = keeper.wake = NULL;
  health_close_wake();
  while (keeper.checks != NULL) {
    struct check *c = keeper.checks;
    bool with_script = c->probe == NULL;
    health_check_unlink(c);
    if (c->of_stream)
      c->backend->stream_checked = false;
    else
      health_abandon(c->backend);
    c->cancelled = true;
    if (!with_script)
      health_check_free(&c);
  }
  probes_close();
  health_take_list();
  object_unref(&keeper.list);
}
