// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the book of dnsproxy/backends/health: rise and fall, lazy windows, back-off, forced states, without a clock.
#include "dnsproxy/backends/health.h"
#include "dnsproxy/wire/codes.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct backend_options
options(void)
{
  struct backend_options o;
  struct fault fault = FAULT_INIT;
  backend_options_default(&o);
  assert_true(address_parse(&o.address, "192.0.2.1", 53, &fault));
  return o;
}

static struct backend_options
lazy_options(void)
{
  struct backend_options o = options();
  o.check.mode = HEALTH_LAZY;
  o.check.lazy_sample_size = 10;
  o.check.lazy_min_samples = 5;
  o.check.lazy_threshold = 20;
  return o;
}

static struct backend *
started(const struct backend_options *o, bool up)
{
  struct backend *b = backend_new(o);
  assert_false(b->up);
  assert_true(health_begin_first(b));
  assert_int_equal(health_decide(b, up), up ? HEALTH_STARTS_UP : HEALTH_STARTS_DOWN);
  assert_int_equal(b->up, up);
  return b;
}

// Ticks until a check is due.
static unsigned
ticks_to_check(struct backend *b)
{
  for (unsigned n = 1; n < 10000; n++)
    if (health_tick(b))
      return n;
  return 0;
}

static enum health_change
check(struct backend *b, bool success)
{
  assert_true(ticks_to_check(b) > 0);
  return health_decide(b, success);
}

static void
samples(struct backend *b, unsigned count, bool timed_out, unsigned rcode)
{
  while (count-- > 0)
    health_result(b, timed_out, rcode);
}

static void
the_first_check_decides_alone(void **state)
{
  (void)state;
  struct backend_options o = options();
  o.check.rise = 3;
  o.check.max_failures = 3;
  struct backend *up = started(&o, true), *down = started(&o, false);
  assert_false(health_begin_first(up)); // once only
  object_unref(&up);
  object_unref(&down);
}

static void
rise_and_fall(void **state)
{
  (void)state;
  struct backend_options o = options();
  o.check.rise = 2;
  o.check.max_failures = 3;
  struct backend *b = started(&o, true);
  static const bool script[] = {false, false, true, false, false, false, true, false, true, true, true};
  static const enum health_change expected[] = {HEALTH_SAME, HEALTH_SAME, HEALTH_SAME, HEALTH_SAME, HEALTH_SAME,
                                                HEALTH_WENT_DOWN, HEALTH_SAME, HEALTH_SAME, HEALTH_SAME, HEALTH_CAME_UP, HEALTH_SAME};
  for (size_t i = 0; i < sizeof script / sizeof script[0]; i++)
    assert_int_equal(check(b, script[i]), expected[i]);
  object_unref(&b);
}

static void
zero_means_one(void **state)
{
  (void)state;
  struct backend_options o = options();
  o.check.rise = o.check.max_failures = o.check.interval_s = o.check.lazy_sample_size = 0;
  struct backend *b = started(&o, true);
  assert_int_equal(check(b, false), HEALTH_WENT_DOWN);
  assert_int_equal(check(b, true), HEALTH_CAME_UP);
  assert_int_equal(ticks_to_check(b), 1);
  object_unref(&b);
}

static void
checks_come_at_their_interval_one_at_a_time(void **state)
{
  (void)state;
  struct backend_options o = options();
  o.check.interval_s = 3;
  struct backend *b = started(&o, true);
  assert_int_equal(ticks_to_check(b), 3);
  for (unsigned i = 0; i < 7; i++)
    assert_false(health_tick(b)); // the last one is still under way
  health_decide(b, true);
  assert_int_equal(ticks_to_check(b), 1);
  health_abandon(b);
  assert_int_equal(ticks_to_check(b), 3);
  object_unref(&b);
}

static void
parameters_change_at_run_time(void **state)
{
  (void)state;
  struct backend_options o = options();
  struct backend *b = started(&o, true);
  backend_set_health_params(b, &(struct health_params){.interval_s = 5, .max_failures = 2});
  struct health_params p = health_params(b);
  assert_int_equal(p.timeout_ms, 1000);
  assert_int_equal(p.interval_s, 5);
  assert_int_equal(p.max_failures, 2);
  assert_int_equal(p.rise, 1);
  assert_int_equal(check(b, false), HEALTH_SAME);
  assert_int_equal(ticks_to_check(b), 5);
  assert_int_equal(health_decide(b, false), HEALTH_WENT_DOWN);
  object_unref(&b);
}

static void
forced_states_suspend_the_checks(void **state)
{
  (void)state;
  struct backend_options o = options();
  struct backend *b = started(&o, true);
  assert_true(health_tick(b));
  backend_force(b, FORCED_DOWN);
  assert_int_equal(health_decide(b, false), HEALTH_SAME); // came too late to count
  assert_true(b->up);
  assert_false(backend_is_up(b));
  assert_int_equal(ticks_to_check(b), 0);
  backend_set_mode(b, HEALTH_ACTIVE, NULL);
  assert_true(backend_is_up(b));
  assert_int_equal(ticks_to_check(b), 1);
  health_decide(b, true);
  bool down = false;
  backend_set_mode(b, HEALTH_ACTIVE, &down);
  assert_false(backend_is_up(b));
  assert_int_equal(check(b, true), HEALTH_CAME_UP);
  backend_set_up_status(b, false);
  assert_int_equal(check(b, true), HEALTH_CAME_UP);
  object_unref(&b);
}

static void
born_forced_is_not_checked(void **state)
{
  (void)state;
  struct backend_options o = options();
  o.check.forced = FORCED_UP;
  struct backend *b = backend_new(&o);
  assert_true(backend_is_up(b));
  assert_false(health_begin_first(b));
  assert_int_equal(ticks_to_check(b), 0);
  backend_set_mode(b, HEALTH_ACTIVE, NULL);
  assert_false(backend_is_up(b)); // nobody has checked it so far
  assert_int_equal(check(b, true), HEALTH_CAME_UP);
  object_unref(&b);
}

static void
set_down_forgets_latencies(void **state)
{
  (void)state;
  struct worker *w = worker_new(NULL);
  struct backend_options o = options();
  struct backend *b = started(&o, true);
  atomic_store(&b->counters[w->id]->latency_us, 123.0);
  backend_force(b, FORCED_UP);
  assert_true(backend_latency_us(b, false) > 0);
  backend_force(b, FORCED_DOWN);
  assert_true(backend_latency_us(b, false) == 0);
  object_unref(&b);
  worker_free(&w);
}

static void
reconnect_on_up_moves_the_generation(void **state)
{
  (void)state;
  struct backend_options o = options();
  for (unsigned i = 0; i < 2; i++) {
    o.reconnect_on_up = i == 1;
    struct backend *b = started(&o, true);
    check(b, false);
    assert_int_equal(b->generation, 0);
    check(b, true);
    assert_int_equal(b->generation, i);
    object_unref(&b);
  }
}

static void
a_retired_backend_changes_no_more(void **state)
{
  (void)state;
  struct backend_options o = options();
  struct backend *b = started(&o, true);
  assert_true(health_tick(b));
  b->retired = true;
  assert_int_equal(health_decide(b, false), HEALTH_SAME);
  assert_true(b->up);
  object_unref(&b);
}

static void
lazy_sends_nothing_while_answers_are_good(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  struct backend *b = started(&o, true);
  samples(b, 100, false, RCODE_NOERROR);
  samples(b, 1, true, 0); // 10 % of the window
  assert_int_equal(ticks_to_check(b), 0);
  samples(b, 1, false, RCODE_SERVFAIL); // 20 %
  assert_int_equal(ticks_to_check(b), 1);
  assert_int_equal(health_lazy_status(b), LAZY_POTENTIAL_FAILURE);
  assert_true(b->up);
  object_unref(&b);
}

static void
lazy_waits_for_enough_samples(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  struct backend *b = started(&o, true);
  samples(b, 4, true, 0);
  assert_int_equal(ticks_to_check(b), 0);
  samples(b, 1, true, 0);
  assert_int_equal(ticks_to_check(b), 1);
  object_unref(&b);
}

static void
lazy_forgets_what_left_the_window(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  struct backend *b = started(&o, true);
  samples(b, 4, true, 0);
  samples(b, 9, false, 0);
  assert_int_equal(ticks_to_check(b), 0);
  object_unref(&b);
}

static void
lazy_mode_says_what_a_failure_is(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  o.check.lazy_mode = LAZY_TIMEOUT_ONLY;
  struct backend *b = started(&o, true);
  samples(b, 10, false, RCODE_SERVFAIL);
  assert_int_equal(ticks_to_check(b), 0);
  samples(b, 10, true, RCODE_NOERROR);
  assert_int_equal(ticks_to_check(b), 1);
  object_unref(&b);
}

static void
a_threshold_of_zero_needs_a_failure(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  o.check.lazy_threshold = 0;
  struct backend *b = started(&o, true);
  samples(b, 10, false, 0);
  assert_int_equal(ticks_to_check(b), 0);
  object_unref(&b);
}

static void
potential_failure_ends_either_way(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  o.check.max_failures = 2;
  o.check.rise = 2;
  struct backend *b = started(&o, true);
  samples(b, 10, true, 0);
  assert_int_equal(check(b, true), HEALTH_SAME);
  assert_int_equal(health_lazy_status(b), LAZY_POTENTIAL_FAILURE);
  assert_int_equal(check(b, true), HEALTH_SAME);
  assert_int_equal(health_lazy_status(b), LAZY_HEALTHY);
  assert_int_equal(ticks_to_check(b), 0); // the window was cleared
  samples(b, 10, true, 0);
  assert_int_equal(check(b, false), HEALTH_SAME);
  assert_int_equal(check(b, false), HEALTH_WENT_DOWN);
  assert_int_equal(health_lazy_status(b), LAZY_FAILED);
  object_unref(&b);
}

static void
failed_is_asked_rarely_until_it_answers(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  o.check.rise = 2;
  struct backend *b = started(&o, false); // lazy ones take part in the first round
  assert_int_equal(health_lazy_status(b), LAZY_FAILED);
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(ticks_to_check(b), 30);
    assert_int_equal(health_decide(b, false), HEALTH_SAME);
  }
  assert_int_equal(ticks_to_check(b), 30);
  assert_int_equal(health_decide(b, true), HEALTH_SAME);
  assert_int_equal(ticks_to_check(b), 1); // on its way up
  assert_int_equal(health_decide(b, true), HEALTH_CAME_UP);
  assert_int_equal(health_lazy_status(b), LAZY_HEALTHY);
  assert_int_equal(ticks_to_check(b), 0);
  object_unref(&b);
}

static void
back_off_doubles_up_to_its_cap(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  o.check.lazy_backoff = true;
  o.check.lazy_max_backoff_s = 200;
  struct backend *b = started(&o, false);
  static const unsigned waits[] = {30, 60, 120, 200, 200};
  for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
    assert_int_equal(ticks_to_check(b), waits[i]);
    health_decide(b, false);
  }
  assert_int_equal(check(b, true), HEALTH_CAME_UP);
  samples(b, 10, true, 0);
  assert_int_equal(check(b, false), HEALTH_WENT_DOWN);
  assert_int_equal(ticks_to_check(b), 30); // from the beginning
  object_unref(&b);
}

static void
a_new_lazy_backend_is_trusted(void **state)
{
  (void)state;
  struct backend_options o = lazy_options(), active = options();
  struct backend *b = backend_new(&o), *other = backend_new(&active);
  assert_true(health_trust(b));
  assert_true(b->up);
  assert_false(health_begin_first(b));
  assert_false(health_trust(other));
  assert_false(other->up);
  object_unref(&b);
  object_unref(&other);
}

static void
modes_change_at_run_time(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  struct backend *b = started(&o, true);
  backend_set_mode(b, HEALTH_ACTIVE, NULL);
  assert_int_equal(ticks_to_check(b), 1);
  health_decide(b, true);
  backend_set_mode(b, HEALTH_LAZY, NULL);
  assert_int_equal(ticks_to_check(b), 0);
  bool down = false;
  backend_set_mode(b, HEALTH_LAZY, &down);
  assert_int_equal(ticks_to_check(b), 1);
  assert_int_equal(health_decide(b, true), HEALTH_CAME_UP);
  object_unref(&b);
}

static void *
sample_often(void *arg)
{
  samples(arg, 5000, false, RCODE_SERVFAIL);
  return NULL;
}

// For the thread sanitizer: workers sample while the keeper decides and the console sets modes.
static void
samples_from_many_threads(void **state)
{
  (void)state;
  struct backend_options o = lazy_options();
  struct backend *b = started(&o, true);
  pthread_t threads[3];
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, sample_often, b), 0);
  for (unsigned i = 0; i < 500; i++) {
    if (health_tick(b))
      health_decide(b, i % 2);
    if (i % 50 == 0)
      backend_set_mode(b, HEALTH_LAZY, NULL);
  }
  for (unsigned i = 0; i < 3; i++)
    pthread_join(threads[i], NULL);
  bool up = true;
  backend_set_mode(b, HEALTH_LAZY, &up);
  assert_int_equal(ticks_to_check(b), 0);
  samples(b, 10, false, RCODE_SERVFAIL);
  assert_int_equal(ticks_to_check(b), 1);
  object_unref(&b);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_check_decides_alone),
      cmocka_unit_test(rise_and_fall),
      cmocka_unit_test(zero_means_one),
      cmocka_unit_test(checks_come_at_their_interval_one_at_a_time),
      cmocka_unit_test(parameters_change_at_run_time),
      cmocka_unit_test(forced_states_suspend_the_checks),
      cmocka_unit_test(born_forced_is_not_checked),
      cmocka_unit_test(set_down_forgets_latencies),
      cmocka_unit_test(reconnect_on_up_moves_the_generation),
      cmocka_unit_test(a_retired_backend_changes_no_more),
      cmocka_unit_test(lazy_sends_nothing_while_answers_are_good),
      cmocka_unit_test(lazy_waits_for_enough_samples),
      cmocka_unit_test(lazy_forgets_what_left_the_window),
      cmocka_unit_test(lazy_mode_says_what_a_failure_is),
      cmocka_unit_test(a_threshold_of_zero_needs_a_failure),
      cmocka_unit_test(potential_failure_ends_either_way),
      cmocka_unit_test(failed_is_asked_rarely_until_it_answers),
      cmocka_unit_test(back_off_doubles_up_to_its_cap),
      cmocka_unit_test(a_new_lazy_backend_is_trusted),
      cmocka_unit_test(modes_change_at_run_time),
      cmocka_unit_test(samples_from_many_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
