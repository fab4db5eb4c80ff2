// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the counts of queries by key: merged over workers, bounded, filtered.
#include "dnsproxy/guard/query_counts.h"
#include "tests/fake_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool filtered; // by `numbered`, which does not look at what it is given

static struct fake_worker one, two;

static int
set_up(void **state)
{
  (void)state;
  fake_worker_open(&one);
  fake_worker_open(&two);
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  query_counts_close();
  fake_worker_close(&two);
  fake_worker_close(&one);
  return 0;
}

static void
ask(struct fake_worker *w, const char *hex_name, unsigned times)
{
  char hex[200];
  snprintf(hex, sizeof hex, "1234 0100 0001 0000 0000 0000 %s 0001 0001", hex_name);
  struct query *q = fake_query(w, hex);
  while (times-- > 0)
    query_counts_add(q, filtered ? (struct script *)(void *)q : NULL);
  fake_query_free(&q);
}

static void
counts_are_merged(void **state)
{
  (void)state;
  struct query_count *rows;
  uint64_t missed;
  ask(&one, "01'a'00", 2);
  ask(&two, "01'A'00", 3);
  ask(&two, "01'b'00", 4);
  ask(&one, "00", 4);
  assert_int_equal(query_counts_keys(), 3);
  size_t count = query_counts_read(&rows, &missed);
  static const struct query_count wanted[] = {{"a.", 2, 5}, {".", 1, 4}, {"b.", 2, 4}};
  assert_int_equal(count, 3);
  assert_int_equal(missed, 0);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(rows[i].key, wanted[i].key);
    assert_int_equal(rows[i].size, wanted[i].size);
    assert_int_equal(rows[i].count, wanted[i].count);
  }
  query_counts_free(&rows, count);
  query_counts_clear();
  assert_int_equal(query_counts_keys(), 0);
  ask(&one, "01'a'00", 1);
  assert_int_equal(query_counts_keys(), 1);
}

static unsigned number;

static bool
numbered(struct script *filter, struct query *q, char key[QUERY_COUNT_KEY_SIZE], size_t *size)
{
  (void)filter, (void)q;
  if (number % 2 == 1)
    number++;
  *size = (size_t)snprintf(key, QUERY_COUNT_KEY_SIZE, "%u", number++);
  return number <= 2 * QUERY_COUNT_KEYS + 20;
}

static void
a_filter_gives_keys_and_memory_is_bounded(void **state)
{
  (void)state;
  struct query_count *rows;
  uint64_t missed;
  number = 0;
  filtered = true;
  query_counts_use_filter(numbered);
  ask(&one, "01'a'00", QUERY_COUNT_KEYS + 100);
  size_t count = query_counts_read(&rows, &missed);
  assert_int_equal(count, QUERY_COUNT_KEYS);
  assert_int_equal(missed, 10);
  assert_string_equal(rows[0].key, "0");
  query_counts_free(&rows, count);
}

int
main(void)
{
#define ROW(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
  const struct CMUnitTest tests[] = {ROW(counts_are_merged), ROW(a_filter_gives_keys_and_memory_is_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
