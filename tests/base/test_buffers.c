// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/buffers: sizes, use again, growth, what is beyond.
#include "dnsproxy/base/buffers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
sizes_hold_what_was_asked_for(void **state)
{
  (void)state;
  struct buffers b = {0};
  for (size_t size = 1; size < 300000; size = size * 3 / 2 + 1) {
    size_t capacity;
    void *one = buffers_take(&b, size, &capacity);
    assert_non_null(one);
    assert_true(capacity >= size);
    memset(one, 7, capacity);
    buffers_give(&b, one, capacity);
  }
  buffers_give(&b, NULL, 512);
  buffers_fini(&b);
}

static void
what_was_given_is_taken_again(void **state)
{
  (void)state;
  struct buffers b = {0};
  size_t capacity, other;
  void *one = buffers_take(&b, 3000, &capacity), *two;
  buffers_give(&b, one, capacity);
  two = buffers_take(&b, 2500, &other);
  assert_int_equal(other, capacity);
#if !defined(__SANITIZE_ADDRESS__)
  assert_ptr_equal(one, two);
#endif
  buffers_give(&b, two, other);
  buffers_fini(&b);
}

static void
growing_keeps_the_bytes(void **state)
{
  (void)state;
  for (unsigned with = 0; with < 2; with++) {
    struct buffers own = {0}, *b = with ? &own : NULL;
    size_t capacity = 0, used = 0;
    uint8_t *bytes = NULL;
    for (size_t size = 10; size < 400000; size = 2 * size + 3) {
      if (size > capacity)
        bytes = buffers_grow(b, bytes, used, size, &capacity);
      assert_non_null(bytes);
      for (size_t i = 0; i < used; i++)
        assert_int_equal(bytes[i], (uint8_t)(i * 7));
      for (; used < size; used++)
        bytes[used] = (uint8_t)(used * 7);
    }
    buffers_give(b, bytes, capacity);
    buffers_fini(&own);
  }
}

// Of any size: no more than a few megabytes are kept.
static void
what_is_kept_is_limited(void **state)
{
  (void)state;
  struct buffers b = {0};
  enum { MANY = 200 };
  void *all[MANY];
  size_t capacity = 0;
  for (unsigned i = 0; i < MANY; i++)
    assert_non_null(all[i] = buffers_take(&b, 100000, &capacity));
  for (unsigned i = 0; i < MANY; i++)
    buffers_give(&b, all[i], capacity);
  assert_true(b.count[BUFFER_SIZES - 1] * capacity <= 4 << 20);
  void *odd = malloc(777);
  buffers_give(&b, odd, 777); // of no size that there is
  buffers_fini(&b);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_hold_what_was_asked_for),
      cmocka_unit_test(what_was_given_is_taken_again),
      cmocka_unit_test(growing_keeps_the_bytes),
      cmocka_unit_test(what_is_kept_is_limited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
