// SPDX-License-Identifier: BSD-2-Clause
// Shared tables: what is set is got, time ends, room ends, and threads do not disturb each other.
#include "dnsproxy/base/shared_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct shared_key
key(const char *text)
{
  return (struct shared_key){text, strlen(text)};
}

static struct shared_value
string(const char *text)
{
  return (struct shared_value){.kind = SHARED_STRING, .data = text, .size = strlen(text)};
}

static struct shared_value
number(double n)
{
  return (struct shared_value){.kind = SHARED_NUMBER, .number = n};
}

static void
assert_number(struct shared_table *t, const char *name, uint64_t now, double want)
{
  struct shared_value v;
  assert_true(shared_table_get(t, key(name), now, &v));
  assert_int_equal(v.kind, SHARED_NUMBER);
  assert_true(v.number == want);
}

static void
test_set_and_get(void **state)
{
  (void)state;
  struct shared_table *t = shared_table_new(100);
  struct shared_value v, one = number(1), text = string("longer than it was"), short_text = string("x"), empty = string("");
  assert_false(shared_table_get(t, key("a"), 1, &v));
  assert_true(shared_table_set(t, key("a"), &one, 1, 0, false));
  assert_number(t, "a", 1, 1);
  assert_true(shared_table_set(t, key("a"), &short_text, 1, 0, false));
  assert_true(shared_table_set(t, key("a"), &text, 1, 0, false));
  assert_true(shared_table_get(t, key("a"), 1, &v));
  assert_string_equal(v.data, "longer than it was");
  free((void *)(uintptr_t)v.data);
  assert_false(shared_table_set(t, key("a"), &one, 1, 0, true));
  assert_true(shared_table_set(t, key(""), &empty, 1, 0, true));
  assert_true(shared_table_get(t, key(""), 1, &v));
  assert_int_equal(v.size, 0);
  free((void *)(uintptr_t)v.data);
  assert_int_equal(shared_table_count(t, 1), 2);
  assert_true(shared_table_remove(t, key("a"), 1));
  assert_false(shared_table_remove(t, key("a"), 1));
  shared_table_clear(t);
  assert_int_equal(shared_table_count(t, 1), 0);
  object_unref(&t);
}

static void
test_time_ends(void **state)
{
  (void)state;
  struct shared_table *t = shared_table_new(100);
  struct shared_value v, one = number(1);
  double sum;
  assert_true(shared_table_set(t, key("a"), &one, 10, 20, false));
  assert_number(t, "a", 19, 1);
  assert_false(shared_table_get(t, key("a"), 20, &v));
  assert_true(shared_table_add(t, key("b"), 2, 10, 20, &sum));
  assert_true(shared_table_add(t, key("b"), 2, 19, 99, &sum));
  assert_true(sum == 4); // its time stays as it began
  assert_int_equal(shared_table_count(t, 20), 0);
  assert_true(shared_table_add(t, key("b"), 2, 20, 0, &sum));
  assert_true(sum == 2);
  assert_true(shared_table_set(t, key("c"), &one, 20, 30, false));
  assert_true(shared_table_set(t, key("c"), &one, 30, 0, true)); // what is over is not there
  object_unref(&t);
}

static void
test_numbers(void **state)
{
  (void)state;
  struct shared_table *t = shared_table_new(1);
  struct shared_value text = string("no number");
  double sum;
  assert_true(shared_table_add(t, key("n"), 1.5, 1, 0, &sum));
  assert_true(shared_table_add(t, key("n"), -3, 1, 0, &sum));
  assert_true(sum == -1.5);
  assert_true(shared_table_set(t, key("n"), &text, 1, 0, false));
  assert_false(shared_table_add(t, key("n"), 1, 1, 0, &sum));
  object_unref(&t);
}

static void
test_room_ends(void **state)
{
  (void)state;
  struct shared_table *t = shared_table_new(10);
  struct shared_value v, one = number(1);
  for (int i = 0; i < 10; i++)
    assert_true(shared_table_set(t, (struct shared_key){(char *)&i, sizeof i}, &one, 1, 0, false));
  int first = 0, second = 1, more = 10;
  assert_true(shared_table_get(t, (struct shared_key){(char *)&first, sizeof first}, 1, &v)); // used: it stays
  assert_true(shared_table_set(t, (struct shared_key){(char *)&more, sizeof more}, &one, 1, 0, false));
  assert_int_equal(shared_table_count(t, 1), 10);
  assert_true(shared_table_get(t, (struct shared_key){(char *)&first, sizeof first}, 1, &v));
  assert_false(shared_table_get(t, (struct shared_key){(char *)&second, sizeof second}, 1, &v));
  char *large = calloc(1, SHARED_VALUE_MAX + 1);
  struct shared_value too_large = {.kind = SHARED_STRING, .data = large, .size = SHARED_VALUE_MAX + 1};
  assert_false(shared_table_set(t, key("l"), &too_large, 1, 0, false));
  assert_false(shared_table_set(t, (struct shared_key){large, SHARED_KEY_MAX + 1}, &one, 1, 0, false));
  free(large);
  object_unref(&t);
}

enum { THREADS = 4, ROUNDS = 5000 };

static void *
count_up(void *arg)
{
  struct shared_table *t = arg;
  double sum;
  for (int i = 0; i < ROUNDS; i++) {
    int n = i % 2000;
    struct shared_value v = number(i);
    shared_table_add(t, key("all"), 1, 1, 0, &sum);
    shared_table_set(t, (struct shared_key){(char *)&n, sizeof n}, &v, 1, 0, false);
    shared_table_remove(t, (struct shared_key){(char *)&n, sizeof n}, 1);
  }
  return NULL;
}

static void
test_threads(void **state)
{
  (void)state;
  struct shared_table *t = shared_table_new(100000);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, count_up, t), 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_number(t, "all", 1, (double)THREADS * ROUNDS);
  assert_int_equal(shared_table_count(t, 1), 1);
  object_unref(&t);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_set_and_get), cmocka_unit_test(test_time_ends), cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_room_ends),   cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
