// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the in-flight table: ids, slots, growth, eviction, time-outs in order.
#include "dnsproxy/upstream/in_flight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four above first.
#include <cmocka.h>

enum { MANY = 3000 };

static struct query *
make_queries(unsigned count)
{
  struct query *list = calloc(count, sizeof *list);
  for (unsigned i = 0; i < count; i++)
    list[i].sent_us = i;
  return list;
}

static void
test_add_peek_take(void **state)
{
  (void)state;
  struct in_flight t;
  struct query *list = make_queries(2), *evicted;
  in_flight_init(&t, 65535);
  uint16_t a = in_flight_add(&t, &list[0], &evicted);
  assert_null(evicted);
  uint16_t b = in_flight_add(&t, &list[1], &evicted);
  assert_null(evicted);
  assert_int_not_equal(a, b);
  assert_ptr_equal(in_flight_peek(&t, a), &list[0]);
  assert_ptr_equal(in_flight_peek(&t, b), &list[1]);
  in_flight_take(&t, &list[0]);
  assert_null(in_flight_peek(&t, a));
  assert_int_equal(t.used, 1);
  in_flight_take(&t, &list[1]);
  in_flight_fini(&t);
  free(list);
}

// An id that nobody was given must find nobody, whatever slot it would fall into.
static void
test_foreign_ids(void **state)
{
  (void)state;
  struct in_flight t;
  struct query *list = make_queries(1), *evicted;
  in_flight_init(&t, 65535);
  uint16_t id = in_flight_add(&t, &list[0], &evicted);
  unsigned found = 0;
  for (unsigned i = 0; i <= UINT16_MAX; i++)
    found += in_flight_peek(&t, (uint16_t)i) != NULL;
  assert_int_equal(found, 1);
  assert_non_null(in_flight_peek(&t, id));
  in_flight_take(&t, &list[0]);
  in_flight_fini(&t);
  free(list);
}

static void
test_growth_keeps_ids(void **state)
{
  (void)state;
  struct in_flight t;
  struct query *list = make_queries(MANY), *evicted;
  uint16_t ids[MANY];
  in_flight_init(&t, 65535);
  for (unsigned i = 0; i < MANY; i++) {
    ids[i] = in_flight_add(&t, &list[i], &evicted);
    assert_null(evicted);
    in_flight_grow(&t);
  }
  for (unsigned i = 0; i < MANY; i++)
    assert_ptr_equal(in_flight_peek(&t, ids[i]), &list[i]);
  for (unsigned i = 0; i < MANY; i++)
    in_flight_take(&t, &list[i]);
  in_flight_fini(&t);
  free(list);
}

static void
test_full_table_evicts(void **state)
{
  (void)state;
  struct in_flight t;
  struct query *list = make_queries(5), *evicted;
  in_flight_init(&t, 4);
  for (unsigned i = 0; i < 4; i++) {
    in_flight_add(&t, &list[i], &evicted);
    assert_null(evicted);
  }
  uint16_t id = in_flight_add(&t, &list[4], &evicted);
  assert_non_null(evicted);
  assert_int_equal(t.used, 4);
  assert_ptr_equal(in_flight_peek(&t, id), &list[4]);
  unsigned left = 0;
  while (in_flight_expire(&t, UINT64_MAX) != NULL)
    left++;
  assert_int_equal(left, 4);
  in_flight_fini(&t);
  free(list);
}

// Any number can be the limit; the oldest gives way.
static void
test_limits(void **state)
{
  (void)state;
  static const unsigned limits[] = {0, 1, 3, 5, 100, 1000, 1500};
  struct query *list = make_queries(2000), *evicted;
  for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct in_flight t;
    unsigned limit = limits[i] > 0 ? limits[i] : 1;
    in_flight_init(&t, limits[i]);
    for (unsigned j = 0; j < 2000; j++) {
      in_flight_add(&t, &list[j], &evicted);
      in_flight_grow(&t);
      if (j < limit)
        assert_null(evicted);
      else
        assert_ptr_equal(evicted, &list[j - limit]);
    }
    assert_int_equal(t.used, limit);
    while (in_flight_expire(&t, UINT64_MAX) != NULL)
      continue;
    in_flight_fini(&t);
  }
  free(list);
}

static void
test_expire_in_order(void **state)
{
  (void)state;
  struct in_flight t;
  struct query *list = make_queries(10), *evicted;
  in_flight_init(&t, 65535);
  for (unsigned i = 0; i < 10; i++)
    in_flight_add(&t, &list[i], &evicted);
  in_flight_take(&t, &list[3]);
  for (unsigned i = 0; i < 6; i++)
    if (i != 3)
      assert_ptr_equal(in_flight_expire(&t, 5), &list[i]);
  assert_null(in_flight_expire(&t, 5));
  for (unsigned i = 6; i < 10; i++)
    assert_ptr_equal(in_flight_expire(&t, 100), &list[i]);
  assert_null(in_flight_expire(&t, 100));
  in_flight_fini(&t);
  free(list);
}

// A slow query keeps its slot for many rounds of the table, and is still found and still expires.
static void
test_straggler(void **state)
{
  (void)state;
  struct in_flight t;
  struct query *list = make_queries(2), *evicted;
  in_flight_init(&t, 16);
  uint16_t slow = in_flight_add(&t, &list[0], &evicted);
  for (unsigned i = 0; i < 100000; i++) {
    uint16_t id = in_flight_add(&t, &list[1], &evicted);
    assert_null(evicted);
    assert_int_not_equal(id, slow);
    in_flight_take(&t, &list[1]);
  }
  assert_ptr_equal(in_flight_peek(&t, slow), &list[0]);
  assert_ptr_equal(in_flight_expire(&t, 0), &list[0]);
  in_flight_fini(&t);
  free(list);
}

// So does a crowd of them, far below the limit: nobody gives way to the many fast ones.
static void
test_crowd_of_stragglers(void **state)
{
  (void)state;
  enum { CROWD = 300 };
  struct in_flight t;
  struct query *list = make_queries(CROWD + 1), *evicted;
  in_flight_init(&t, 65535);
  for (unsigned i = 0; i < CROWD; i++)
    in_flight_add(&t, &list[i], &evicted);
  for (unsigned i = 0; i < 60000; i++) {
    in_flight_add(&t, &list[CROWD], &evicted);
    assert_null(evicted);
    in_flight_take(&t, &list[CROWD]);
    in_flight_grow(&t);
  }
  for (unsigned i = 0; i < CROWD; i++)
    assert_ptr_equal(in_flight_expire(&t, UINT64_MAX), &list[i]);
  in_flight_fini(&t);
  free(list);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_add_peek_take),     cmocka_unit_test(test_foreign_ids),
      cmocka_unit_test(test_growth_keeps_ids),  cmocka_unit_test(test_full_table_evicts),
      cmocka_unit_test(test_expire_in_order),   cmocka_unit_test(test_straggler),
      cmocka_unit_test(test_crowd_of_stragglers), cmocka_unit_test(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
