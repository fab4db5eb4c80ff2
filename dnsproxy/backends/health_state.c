// SPDX-License-Identifier: BSD-2-Clause
// Health as a state machine: rise and fall, lazy windows, back-off, forced states (semantics.md 12).
#include "dnsproxy/backends/health_state.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/backends/health.h"
#include "dnsproxy/wire/codes.h"

#include <pthread.h>
#include <stdlib.h>

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
health_state_at_least_one(uint32_t n)
{
  return n > 0 ? n : 1;
}

static bool
health_state_is_forced(const struct backend *b)
{
  return atomic_load_explicit(&b->forced, memory_order_relaxed) != FORCED_NONE;
}

static bool
health_state_is_lazy(const struct backend *b)
{
  return atomic_load_explicit(&b->mode, memory_order_relaxed) == HEALTH_LAZY;
}

static void
health_state_set_up(struct backend *b, bool up)
{
  atomic_store_explicit(&b->up, up, memory_order_relaxed);
}

// ---- the lazy window ----

static void
health_state_window_clear(struct health *h)
{
  h->window_start = atomic_load_explicit(&h->samples, memory_order_relaxed);
}

void
health_result(struct backend *b, bool timed_out, unsigned rcode)
{
  if (!health_state_is_lazy(b))
    return;
  struct health *h = b->health;
  bool health_state_failed =
      timed_out || (rcode == RCODE_SERVFAIL && b->options.check.lazy_mode == LAZY_TIMEOUT_OR_SERVFAIL);
  uint64_t at = atomic_fetch_add_explicit(&h->samples, 1, memory_order_relaxed);
  atomic_store_explicit(&h->window[at % h->window_size], health_state_failed, memory_order_relaxed);
}

static bool
health_state_window_is_bad(const struct backend *b)
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
health_state_failed_wait(const struct backend *b)
{
  uint64_t wait = health_state_at_least_one(b->options.check.lazy_failed_interval_s);
  uint32_t most = health_state_at_least_one(b->options.check.lazy_max_backoff_s);
  if (!b->options.check.lazy_backoff)
    return (uint32_t)wait;
  for (uint32_t i = 0; i < b->health->backoff && wait < most; i++)
    wait *= 2;
  return wait < most ? (uint32_t)wait : most;
}

static void
health_state_become_potential_failure(struct health *h)
{
  h->lazy = LAZY_POTENTIAL_FAILURE;
  h->failures = h->successes = 0;
  h->wait = 0;
  health_state_window_clear(h);
}

static bool
health_state_tick_locked(struct backend *b)
{
  struct health *h = b->health;
  if (health_state_is_forced(b) || b->missing)
    return false;
  if (health_state_is_lazy(b) && h->lazy == LAZY_HEALTHY) {
    if (!health_state_window_is_bad(b))
      return false;
    health_state_become_potential_failure(h);
  }
  if (h->wait > 0)
    h->wait--;
  if (h->wait > 0 || h->under_way)
    return false;
  h->wait = health_state_is_lazy(b) && h->lazy == LAZY_FAILED ? health_state_failed_wait(b)
                                                              : health_state_at_least_one(h->params.interval_s);
  h->under_way = true;
  return true;
}

bool
health_tick(struct backend *b)
{
  pthread_mutex_lock(&b->health->lock);
  bool due = health_state_tick_locked(b);
  pthread_mutex_unlock(&b->health->lock);
  return due;
}

bool
health_begin_first(struct backend *b)
{
  struct health *h = b->health;
  pthread_mutex_lock(&h->lock);
  bool begin = !health_state_is_forced(b) && !b->missing && !h->checked && !h->under_way;
  if (begin) {
    h->under_way = true;
    h->wait = health_state_at_least_one(h->params.interval_s);
  }
  pthread_mutex_unlock(&h->lock);
  return begin;
}

bool
health_trust(struct backend *b)
{
  struct health *h = b->health;
  pthread_mutex_lock(&h->lock);
  bool lazy = health_state_is_lazy(b);
  if (lazy && !h->checked) {
    h->checked = true;
    h->lazy = LAZY_HEALTHY;
    health_state_set_up(b, true);
  }
  pthread_mutex_unlock(&h->lock);
  return lazy;
}

// ---- results ----

static void
health_state_become_healthy(struct health *h)
{
  h->lazy = LAZY_HEALTHY;
  h->failures = h->successes = 0;
  health_state_window_clear(h);
}

static void
health_state_become_failed(struct backend *b)
{
  struct health *h = b->health;
  h->lazy = LAZY_FAILED;
  h->failures = h->successes = h->backoff = 0;
  if (health_state_is_lazy(b))
    h->wait = health_state_failed_wait(b);
}

static enum health_change
health_state_succeeded(struct backend *b)
{
  struct health *h = b->health;
  h->failures = 0;
  if (b->up && (!health_state_is_lazy(b) || h->lazy == LAZY_HEALTHY))
    return HEALTH_SAME;
  if (++h->successes < health_state_at_least_one(h->params.rise)) {
    h->wait = health_state_at_least_one(h->params.interval_s); // a failed lazy backend is on its way up: no more long waits
    return HEALTH_SAME;
  }
  health_state_become_healthy(h);
  if (b->up)
    return HEALTH_SAME;
  health_state_set_up(b, true);
  if (b->options.reconnect_on_up)
    atomic_fetch_add_explicit(&b->generation, 1, memory_order_relaxed);
  return HEALTH_CAME_UP;
}

static enum health_change
health_state_failed(struct backend *b)
{
  struct health *h = b->health;
  h->successes = 0;
  if (!b->up) {
    h->backoff++;
    if (health_state_is_lazy(b) && h->lazy == LAZY_FAILED)
      h->wait = health_state_failed_wait(b);
    return HEALTH_SAME;
  }
  if (++h->failures < health_state_at_least_one(h->params.max_failures))
    return HEALTH_SAME;
  health_state_become_failed(b);
  health_state_set_up(b, false);
  return HEALTH_WENT_DOWN;
}

static enum health_change
health_state_decide_locked(struct backend *b, bool success)
{
  struct health *h = b->health;
  h->under_way = false;
  if (health_state_is_forced(b) || atomic_load_explicit(&b->retired, memory_order_relaxed))
    return HEALTH_SAME;
  if (h->checked)
    return success ? health_state_succeeded(b) : health_state_failed(b);
  h->checked = true;
  health_state_set_up(b, success);
  if (success)
    health_state_become_healthy(h);
  else
    health_state_become_failed(b);
  return success ? HEALTH_STARTS_UP : HEALTH_STARTS_DOWN;
}

enum health_change
health_decide(struct backend *b, bool success)
{
  pthread_mutex_lock(&b->health->lock);
  enum health_change change = health_state_decide_locked(b, success);
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
    health_state_set_up(b, *status);
  }
  if (b->up)
    health_state_become_healthy(h);
  else
    health_state_become_failed(b);
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
  health_state_set_up(b, up);
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
