// SPDX-License-Identifier: BSD-2-Clause
// Health: the book of a backend, then the keeper's side: who is checked when, what is told about it, and rates per second.
#include "dnsproxy/backends/health.h"

#include "dnsproxy/backends/health_probe.h"
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

// ======== the book: rise and fall, lazy windows, back-off, forced states ========

struct health {
  pthread_mutex_t lock;
  struct health_params params;
  enum lazy_status lazy;
  bool checked;          // the first result is in, or a forced state made it needless
  bool under_way;        // one check at a time
  uint32_t wait;         // ticks until the next check
  uint32_t failures;     // in a row, while up
  uint32_t successes;    // in a row, while down or potentially failing
  uint32_t backoff;      // failed checks since the backend went down
  uint64_t window_start; // samples before this are forgotten
  uint32_t window_size;
  _Atomic uint8_t *window; // 1: failed. A sample counts from when its place is taken: its byte may be a moment late
  // Workers of a lazy backend meet here, once per answer.
  _Alignas(64) _Atomic uint64_t samples;
};

struct health *
health_new(const struct backend_options *o)
{
  struct health *h = memory_lines_new(sizeof *h);
  *h = (struct health){
      .checked = o->check.forced != FORCED_NONE,
      .params = {.timeout_ms = o->check.timeout_ms,
                 .interval_s = o->check.interval_s,
                 .max_failures = o->check.max_failures,
                 .rise = o->check.rise},
      .window_size = o->check.lazy_sample_size > 0 ? o->check.lazy_sample_size : 1,
  };
  h->window = memory_array(h->window_size, sizeof h->window[0]);
  pthread_mutex_init(&h->lock, NULL);
  return h;
}

void
health_free(struct health **slot)
{
  struct health *h = *slot;
  *slot = NULL;
  pthread_mutex_destroy(&h->lock);
  free(h->window);
  memory_lines_free(h);
}

static uint32_t
health_book_at_least_one(uint32_t n)
{
  return n > 0 ? n : 1;
}

static bool
health_book_is_forced(const struct backend *b)
{
  return atomic_load_explicit(&b->forced, memory_order_relaxed) != FORCED_NONE;
}

static bool
health_book_is_lazy(const struct backend *b)
{
  return atomic_load_explicit(&b->mode, memory_order_relaxed) == HEALTH_LAZY;
}

static void
health_book_set_up(struct backend *b, bool up)
{
  atomic_store_explicit(&b->up, up, memory_order_relaxed);
}

// ---- the lazy window ----

static void
health_book_window_clear(struct health *h)
{
  h->window_start = atomic_load_explicit(&h->samples, memory_order_relaxed);
}

void
health_result(struct backend *b, bool timed_out, unsigned rcode)
{
  if (!health_book_is_lazy(b))
    return;
  struct health *h = b->health;
  bool health_book_failed =
      timed_out || (rcode == RCODE_SERVFAIL && b->options.check.lazy_mode == LAZY_TIMEOUT_OR_SERVFAIL);
  uint64_t at = atomic_fetch_add_explicit(&h->samples, 1, memory_order_relaxed);
  atomic_store_explicit(&h->window[at % h->window_size], health_book_failed, memory_order_relaxed);
}

static bool
health_book_window_is_bad(const struct backend *b)
{
  const struct health *h = b->health;
  uint64_t end = atomic_load_explicit(&h->samples, memory_order_relaxed), count = end - h->window_start, failures = 0;
  if (count > h->window_size)
    count = h->window_size;
  if (count == 0 || count < b->options.check.lazy_min_samples)
    return false;
  for (uint64_t i = end - count; i < end; i++)
    failures += atomic_load_explicit(&h->window[i % h->window_size], memory_order_relaxed);
  return failures > 0 && failures * 100 >= b->options.check.lazy_threshold * count;
}

// ---- ticks ----

// How long a backend that failed is left alone: the interval, doubled per failed check when asked to.
static uint32_t
health_book_failed_wait(const struct backend *b)
{
  uint64_t wait = health_book_at_least_one(b->options.check.lazy_failed_interval_s);
  uint32_t most = health_book_at_least_one(b->options.check.lazy_max_backoff_s);
  if (!b->options.check.lazy_backoff)
    return (uint32_t)wait;
  for (uint32_t i = 0; i < b->health->backoff && wait < most; i++)
    wait *= 2;
  return wait < most ? (uint32_t)wait : most;
}

static void
health_book_become_potential_failure(struct health *h)
{
  h->lazy = LAZY_POTENTIAL_FAILURE;
  h->failures = h->successes = 0;
  h->wait = 0;
  health_book_window_clear(h);
}

static bool
health_book_tick_locked(struct backend *b)
{
  struct health *h = b->health;
  if (health_book_is_forced(b) || b->missing)
    return false;
  if (health_book_is_lazy(b) && h->lazy == LAZY_HEALTHY) {
    if (!health_book_window_is_bad(b))
      return false;
    health_book_become_potential_failure(h);
  }
  if (h->wait > 0)
    h->wait--;
  if (h->wait > 0 || h->under_way)
    return false;
  h->wait = health_book_is_lazy(b) && h->lazy == LAZY_FAILED ? health_book_failed_wait(b)
                                                              : health_book_at_least_one(h->params.interval_s);
  h->under_way = true;
  return true;
}

bool
health_tick(struct backend *b)
{
  pthread_mutex_lock(&b->health->lock);
  bool due = health_book_tick_locked(b);
  pthread_mutex_unlock(&b->health->lock);
  return due;
}

bool
health_begin_first(struct backend *b)
{
  struct health *h = b->health;
  pthread_mutex_lock(&h->lock);
  bool begin = !health_book_is_forced(b) && !b->missing && !h->checked && !h->under_way;
  if (begin) {
    h->under_way = true;
    h->wait = health_book_at_least_one(h->params.interval_s);
  }
  pthread_mutex_unlock(&h->lock);
  return begin;
}

bool
health_trust(struct backend *b)
{
  struct health *h = b->health;
  pthread_mutex_lock(&h->lock);
  bool lazy = health_book_is_lazy(b);
  if (lazy && !h->checked) {
    h->checked = true;
    h->lazy = LAZY_HEALTHY;
    health_book_set_up(b, true);
  }
  pthread_mutex_unlock(&h->lock);
  return lazy;
}

// ---- results ----

static void
health_book_become_healthy(struct health *h)
{
  h->lazy = LAZY_HEALTHY;
  h->failures = h->successes = 0;
  health_book_window_clear(h);
}

static void
health_book_become_failed(struct backend *b)
{
  struct health *h = b->health;
  h->lazy = LAZY_FAILED;
  h->failures = h->successes = h->backoff = 0;
  if (health_book_is_lazy(b))
    h->wait = health_book_failed_wait(b);
}

static enum health_change
health_book_succeeded(struct backend *b)
{
  struct health *h = b->health;
  h->failures = 0;
  if (b->up && (!health_book_is_lazy(b) || h->lazy == LAZY_HEALTHY))
    return HEALTH_SAME;
  if (++h->successes < health_book_at_least_one(h->params.rise)) {
    h->wait = health_book_at_least_one(h->params.interval_s); // a failed lazy backend is on its way up: no more long waits
    return HEALTH_SAME;
  }
  health_book_become_healthy(h);
  if (b->up)
    return HEALTH_SAME;
  health_book_set_up(b, true);
  if (b->options.reconnect_on_up)
    atomic_fetch_add_explicit(&b->generation, 1, memory_order_relaxed);
  return HEALTH_CAME_UP;
}

static enum health_change
health_book_failed(struct backend *b)
{
  struct health *h = b->health;
  h->successes = 0;
  if (!b->up) {
    h->backoff++;
    if (health_book_is_lazy(b) && h->lazy == LAZY_FAILED)
      h->wait = health_book_failed_wait(b);
    return HEALTH_SAME;
  }
  if (++h->failures < health_book_at_least_one(h->params.max_failures))
    return HEALTH_SAME;
  health_book_become_failed(b);
  health_book_set_up(b, false);
  return HEALTH_WENT_DOWN;
}

static enum health_change
health_book_decide_locked(struct backend *b, bool success)
{
  struct health *h = b->health;
  h->under_way = false;
  if (health_book_is_forced(b) || atomic_load_explicit(&b->retired, memory_order_relaxed))
    return HEALTH_SAME;
  if (h->checked)
    return success ? health_book_succeeded(b) : health_book_failed(b);
  h->checked = true;
  health_book_set_up(b, success);
  if (success)
    health_book_become_healthy(h);
  else
    health_book_become_failed(b);
  return success ? HEALTH_STARTS_UP : HEALTH_STARTS_DOWN;
}

enum health_change
health_decide(struct backend *b, bool success)
{
  pthread_mutex_lock(&b->health->lock);
  enum health_change change = health_book_decide_locked(b, success);
  pthread_mutex_unlock(&b->health->lock);
  return change;
}

void
health_abandon(struct backend *b)
{
  pthread_mutex_lock(&b->health->lock);
  b->health->under_way = false;
  pthread_mutex_unlock(&b->health->lock);
}

// ---- what the console sets ----

void
backend_force(struct backend *b, enum health_forced forced)
{
  pthread_mutex_lock(&b->health->lock);
  atomic_store_explicit(&b->forced, (uint8_t)forced, memory_order_relaxed);
  b->health->checked = true; // whatever comes later is an update
  if (forced == FORCED_DOWN)
    backend_reset_latency(b);
  pthread_mutex_unlock(&b->health->lock);
}

void
backend_set_mode(struct backend *b, enum health_mode mode, const bool *status)
{
  struct health *h = b->health;
  pthread_mutex_lock(&h->lock);
  atomic_store_explicit(&b->mode, (uint8_t)mode, memory_order_relaxed);
  atomic_store_explicit(&b->forced, FORCED_NONE, memory_order_relaxed);
  if (status != NULL) {
    h->checked = true;
    health_book_set_up(b, *status);
  }
  if (b->up)
    health_book_become_healthy(h);
  else
    health_book_become_failed(b);
  h->wait = 0; // checked at the next tick, but for a healthy lazy one
  pthread_mutex_unlock(&h->lock);
}

void
backend_set_health_params(struct backend *b, const struct health_params *new)
{
  struct health_params *p = &b->health->params;
  pthread_mutex_lock(&b->health->lock);
  p->timeout_ms = new->timeout_ms > 0 ? new->timeout_ms : p->timeout_ms;
  p->interval_s = new->interval_s > 0 ? new->interval_s : p->interval_s;
  p->max_failures = new->max_failures > 0 ? new->max_failures : p->max_failures;
  p->rise = new->rise > 0 ? new->rise : p->rise;
  pthread_mutex_unlock(&b->health->lock);
}

void
backend_set_up_status(struct backend *b, bool up)
{
  pthread_mutex_lock(&b->health->lock);
  health_book_set_up(b, up);
  pthread_mutex_unlock(&b->health->lock);
}

struct health_params
health_params(struct backend *b)
{
  pthread_mutex_lock(&b->health->lock);
  struct health_params params = b->health->params;
  pthread_mutex_unlock(&b->health->lock);
  return params;
}

enum lazy_status
health_lazy_status(struct backend *b)
{
  pthread_mutex_lock(&b->health->lock);
  enum lazy_status status = b->health->lazy;
  pthread_mutex_unlock(&b->health->lock);
  return status;
}

// ======== the keeper ========

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
