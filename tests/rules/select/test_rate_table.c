// SPDX-License-Identifier: BSD-2-Clause
// Token buckets by address range: exact when workers share a range, bounded when a flood brings new ones.
#include "rules/select/rate_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000, CLIENTS = 64, BURST = 100 };

static struct address
client(uint32_t n)
{
  struct address a;
  uint8_t raw[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
  assert_true(address_from_raw(&a, raw, sizeof raw, 0));
  return a;
}

struct shared {
  struct rate_table *table;
  _Atomic unsigned within[CLIENTS];
};

static void *
ask(void *arg)
{
  struct shared *s = arg;
  for (unsigned i = 0; i < ROUNDS; i++) {
    struct address a = client(i % CLIENTS);
    if (rate_table_take(s->table, &a, 1000000))
      atomic_fetch_add(&s->within[i % CLIENTS], 1);
  }
  return NULL;
}

// All workers together get exactly the burst of each range: the clock stands still.
static void
shared_by_threads(void **state)
{
  (void)state;
  struct shared s = {.table = rate_table_new(&(struct rate_table_options){
                         .qps = 10, .burst = BURST, .v4_bits = 32, .v6_bits = 64, .expiration_s = 300, .shards = 10})};
  pthread_t threads[THREADS];
  for (unsigned i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, ask, &s), 0);
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  for (unsigned i = 0; i < CLIENTS; i++)
    assert_int_equal(s.within[i], BURST);
  rate_table_free(&s.table);
  assert_null(s.table);
}

// A flood of new ranges takes the places of each other; one that is over its limit stays so when few are new.
static void
flood_is_bounded(void **state)
{
  (void)state;
  struct rate_table *t = rate_table_new(&(struct rate_table_options){
      .qps = 1, .burst = 5, .v4_bits = 32, .v6_bits = 64, .expiration_s = 300, .shards = 0});
  struct address loud = client(0xffffff);
  for (unsigned i = 0; i < 20; i++)
    assert_int_equal(rate_table_take(t, &loud, 1000000), i < 5);
  for (uint32_t n = 0; n < 300000; n++) {
    struct address a = client(n);
    assert_true(rate_table_take(t, &a, 1000000));
  }
  // Its bucket is the emptiest of its set: the others gave way first.
  assert_false(rate_table_take(t, &loud, 1000000));
  rate_table_free(&t);
}

static void
clocks_may_differ(void **state)
{
  (void)state;
  struct rate_table *t = rate_table_new(&(struct rate_table_options){
      .qps = 1, .burst = 2, .v4_bits = 32, .v6_bits = 64, .expiration_s = 300, .shards = 1});
  struct address a = client(1);
  assert_true(rate_table_take(t, &a, 2000000));
  assert_true(rate_table_take(t, &a, 2000000));
  assert_false(rate_table_take(t, &a, 1999999)); // a worker whose batch began before
  assert_false(rate_table_take(t, &a, 2000000));
  rate_table_free(&t);
}

// What scripts give as "no limit".
static void
high_rates_let_pass(void **state)
{
  (void)state;
  struct rate_table *t = rate_table_new(&(struct rate_table_options){
      .qps = UINT32_MAX, .burst = UINT32_MAX, .v4_bits = 32, .v6_bits = 64, .expiration_s = 300, .shards = 1});
  struct address a;
  assert_true(address_parse(&a, "192.0.2.1", 0, NULL));
  for (int i = 0; i < 1000; i++)
    assert_true(rate_table_take(t, &a, 5000000));
  rate_table_free(&t);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shared_by_threads),
      cmocka_unit_test(flood_is_bounded),
      cmocka_unit_test(clocks_may_differ),
      cmocka_unit_test(high_rates_let_pass),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
