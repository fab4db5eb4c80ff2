// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/fault and text.
#include "dnsproxy/base/fault.h"
#include "dnsproxy/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
fault_holds_sentence(void **state)
{
  (void)state;
  struct fault f = FAULT_INIT;
  assert_int_equal(f.kind, FAULT_NONE);
  assert_false(fault_set(&f, FAULT_CAUGHT, "no %s number %d", "server", 7));
  assert_int_equal(f.kind, FAULT_CAUGHT);
  assert_string_equal(f.text, "no server number 7");
  fault_set(&f, FAULT_PLAIN, "outer: %s", f.text);
  assert_string_equal(f.text, "outer: no server number 7");
  assert_false(fault_set(NULL, FAULT_PLAIN, "nobody listens"));
}

static void
fault_cuts_what_is_too_long(void **state)
{
  (void)state;
  struct fault f = FAULT_INIT;
  char sentence[2 * sizeof f.text];
  memset(sentence, 'x', sizeof sentence - 1);
  sentence[sizeof sentence - 1] = '\0';
  fault_set(&f, FAULT_PLAIN, "%s", sentence);
  assert_int_equal(strlen(f.text), sizeof f.text - 1);
}

static void
text_grows(void **state)
{
  (void)state;
  struct text t;
  text_init(&t);
  assert_string_equal(t.data, "");
  for (int i = 0; i < 1000; i++)
    text_printf(&t, "%d,", i);
  text_puts(&t, "end");
  text_add(&t, "\0z", 2);
  text_add(&t, NULL, 0);
  assert_int_equal(t.size, 3890 + 3 + 2);
  assert_int_equal(t.data[t.size], 0);
  assert_memory_equal(t.data + t.size - 9, "999,end\0z", 9);
  text_clear(&t);
  assert_int_equal(t.size, 0);
  assert_string_equal(t.data, "");
  text_fini(&t);
}

static void
text_printf_fills_the_last_byte(void **state)
{
  (void)state;
  for (size_t filled = 50; filled < 70; filled++) {
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < filled; i++)
      text_add(&t, ".", 1);
    text_printf(&t, "%s", "abc");
    assert_int_equal(strlen(t.data), filled + 3);
    assert_string_equal(t.data + filled, "abc");
    text_fini(&t);
  }
}

static void
text_is_stolen(void **state)
{
  (void)state;
  struct text t;
  text_init(&t);
  text_puts(&t, "mine");
  char *mine = text_steal(&t);
  assert_string_equal(mine, "mine");
  assert_string_equal(t.data, "");
  text_puts(&t, "next");
  assert_string_equal(t.data, "next");
  free(mine);
  text_fini(&t);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fault_holds_sentence),
      cmocka_unit_test(fault_cuts_what_is_too_long),
      cmocka_unit_test(text_grows),
      cmocka_unit_test(text_printf_fills_the_last_byte),
      cmocka_unit_test(text_is_stolen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
