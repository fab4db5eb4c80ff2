// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/token_bucket: exactness over time, and between threads.
#include "dnsproxy/base/token_bucket.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t
drain(struct token_bucket *b, uint64_t now_us)
{
  uint64_t taken = 0;
  while (token_bucket_take(b, now_us))
    taken++;
  return taken;
}

static void
burst_then_rate(void **state)
{
  (void)state;
  struct token_bucket b;
  uint64_t now = 1000000000;
  token_bucket_init(&b, 10, 5);
  assert_true(token_bucket_peek(&b, now));
  assert_int_equal(drain(&b, now), 5);
  assert_false(token_bucket_peek(&b, now));
  assert_int_equal(drain(&b, now + 99999), 0);
  assert_true(token_bucket_peek(&b, now + 100001));
  assert_int_equal(drain(&b, now + 100001), 1);
  assert_int_equal(drain(&b, now + 350000), 2);
  assert_int_equal(drain(&b, now + 3600000000), 5); // no more than the burst is saved
  assert_int_equal(drain(&b, now), 0);              // a clock that is late gives nothing
}

// Whatever the rate and the age of the machine, ten seconds give ten seconds' worth.
static void
exact_at_any_rate(void **state)
{
  (void)state;
  static const double rates[] = {0.7, 1, 3, 9.99, 1000, 99999, 1234567, 7e7};
  static const uint64_t starts[] = {1, 86400ull * 1000000, 5 * 365 * 86400ull * 1000000};
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
    for (size_t j = 0; j < sizeof starts / sizeof starts[0]; j++) {
      struct token_bucket b;
      double burst = rates[i] > 20 ? rates[i] / 10 : 2, seconds = rates[i] > 1e6 ? 0.1 : 10;
      token_bucket_init(&b, rates[i], burst);
      uint64_t now = starts[j], end = now + (uint64_t)(seconds * 1e6), taken = drain(&b, now);
      assert_int_equal(taken, (uint64_t)burst);
      for (taken = 0; now < end;) {
        now += seconds < 1 ? 37 : 3701;
        taken += drain(&b, now < end ? now : end);
      }
      double want = rates[i] * seconds;
      assert_true((double)taken >= want - 1.5 && (double)taken <= want + 1.5);
    }
}

static void
odd_settings(void **state)
{
  (void)state;
  struct token_bucket b;
  token_bucket_init(&b, 0, 3);
  assert_int_equal(drain(&b, 5), 3);
  assert_int_equal(drain(&b, 1ull << 50), 0);
  token_bucket_init(&b, 100, 0);
  assert_int_equal(drain(&b, 1ull << 45), 0);
  token_bucket_init(&b, 1e-9, 1);
  assert_int_equal(drain(&b, 1), 1);
  assert_int_equal(drain(&b, 1000000), 0);
  token_bucket_init(&b, 1e12, 1000);
  assert_int_equal(drain(&b, 1), 1000);
}

enum { THREADS = 4, STEPS = 20000 };

static struct token_bucket bucket;

static void *
take_often(void *arg)
{
  uint64_t *taken = arg;
  for (uint64_t now = 1; now <= STEPS; now++)
    for (int i = 0; i < 3; i++)
      *taken += token_bucket_take(&bucket, now * 10);
  return NULL;
}

// 200 ms at 50000 per second and a burst of 100: threads together get exactly what one would.
static void
threads_share(void **state)
{
  (void)state;
  pthread_t threads[THREADS];
  uint64_t taken[THREADS] = {0}, sum = 0;
  token_bucket_init(&bucket, 50000, 100);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, take_often, &taken[i]), 0);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    sum += taken[i];
  }
  sum += drain(&bucket, STEPS * 10);
  assert_in_range(sum, 10000 + 99, 10000 + 100);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(burst_then_rate),
      cmocka_unit_test(exact_at_any_rate),
      cmocka_unit_test(odd_settings),
      cmocka_unit_test(threads_share),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
