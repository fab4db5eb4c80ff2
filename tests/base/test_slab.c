// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/slab, memory and clock.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { PIECES = 100 };

static void
grows_in_steps_to_its_limit(void **state)
{
  (void)state;
  struct slab s;
  void *pieces[PIECES];
  size_t taken = 0;
  slab_init(&s, 24, 8, 20);
  assert_int_equal(s.total, 8);
  for (int round = 0; round < 5; round++) {
    for (void *piece; (piece = slab_take(&s)) != NULL; taken++) {
      memset(piece, (int)taken + 1, 24);
      pieces[taken] = piece;
    }
    assert_int_equal(s.available, 0);
    slab_refill(&s);
  }
  assert_int_equal(taken, 20);
  assert_int_equal(s.total, 20);
  for (size_t i = 0; i < taken; i++) { // nobody wrote into anybody else's piece
    for (size_t j = 0; j < 24; j++)
      assert_int_equal(((uint8_t *)pieces[i])[j], i + 1);
    assert_int_equal((uintptr_t)pieces[i] % 16, 0);
    slab_give(&s, pieces[i]);
  }
  assert_int_equal(s.available, 20);
  slab_fini(&s);
  assert_null(s.chunks);
}

static void
refill_waits_until_half_is_gone(void **state)
{
  (void)state;
  struct slab s;
  void *pieces[5];
  slab_init(&s, 100, 8, 100);
  for (int i = 0; i < 4; i++)
    pieces[i] = slab_take(&s);
  slab_refill(&s);
  assert_int_equal(s.total, 8);
  pieces[4] = slab_take(&s);
  slab_refill(&s);
  assert_int_equal(s.total, 16);
  assert_int_equal(s.available, 11);
  for (int i = 0; i < 5; i++) {
    assert_int_equal((uintptr_t)pieces[i] % 64, 0);
    slab_give(&s, pieces[i]);
  }
  slab_fini(&s);
}

static void
last_given_is_first_taken(void **state)
{
  (void)state;
  struct slab s;
  slab_init(&s, 1, 2, 2);
  void *one = slab_take(&s), *two = slab_take(&s);
  assert_true(one != two);
  slab_give(&s, one);
  slab_give(&s, two);
  assert_ptr_equal(slab_take(&s), two);
  slab_give(&s, two);
  slab_fini(&s);
}

// What a burst needed is given back behind it, a step at a time; and taken again by the next one.
static void
gives_back_what_a_burst_has_left(void **state)
{
  (void)state;
  enum { BURST = 4000 };
  struct slab s;
  void **pieces = calloc(BURST, sizeof *pieces);
  slab_init(&s, 700, 128, 100000);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < BURST; i++) {
      slab_refill(&s);
      pieces[i] = slab_take(&s);
      assert_non_null(pieces[i]);
      memset(pieces[i], i, 700);
    }
    size_t most = s.total;
    assert_true(most >= BURST);
    for (int i = 0; i < BURST; i++) { // not in their order
      int at = (int)((unsigned)i * 1237u % BURST);
      assert_int_equal(((uint8_t *)pieces[at])[699], (uint8_t)at);
      slab_give(&s, pieces[at]);
      slab_refill(&s);
    }
    for (int i = 0; i < 100; i++)
      slab_refill(&s);
    assert_int_equal(s.available, s.total);
    assert_true(s.total <= 4 * 128);
  }
  free(pieces);
  slab_fini(&s);
}

static void
memory_is_zeroed_and_copied(void **state)
{
  (void)state;
  char *zero = memory_array(3, 5), zeros[15] = {0};
  assert_memory_equal(zero, zeros, 15);
  zero = memory_resize(zero, 30, 1);
  assert_memory_equal(zero, zeros, 15);
  free(zero);
  char *copy = memory_copy("abcd", 3);
  assert_string_equal(copy, "abc");
  free(copy);
  assert_null(memory_string(NULL));
  copy = memory_string("word");
  assert_string_equal(copy, "word");
  free(copy);
}

static void
clocks_agree(void **state)
{
  (void)state;
  uint64_t before = clock_mono_us(), coarse = clock_mono_coarse_us(), after = clock_mono_us();
  assert_true(before <= after);
  assert_true(coarse <= after && coarse + 100000 > before);
  uint64_t wall = clock_wall_us() / 1000000, now = (uint64_t)time(NULL);
  assert_true(wall <= now + 1 && wall + 5 > now);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(grows_in_steps_to_its_limit), cmocka_unit_test(refill_waits_until_half_is_gone),
      cmocka_unit_test(last_given_is_first_taken), cmocka_unit_test(gives_back_what_a_burst_has_left),   cmocka_unit_test(memory_is_zeroed_and_copied),
      cmocka_unit_test(clocks_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
