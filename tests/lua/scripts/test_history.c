// SPDX-License-Identifier: BSD-2-Clause
// The commands of delta(): in order, and the oldest give way when there are too many.
#include "lua/scripts/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct history history;

static void
add(const char *command)
{
  history_add(&history, command, strlen(command));
}

static void
prints_in_order(void **state)
{
  (void)state;
  struct text out;
  text_init(&out);
  add("one()");
  add("two()");
  history_print(&history, &out);
  const char *one = strstr(out.data, "\none()\n"), *two = strstr(out.data, "\ntwo()\n");
  assert_true(one != NULL && two != NULL && one < two);
  assert_null(strstr(out.data, "no longer kept"));
  text_fini(&out);
  history_clear(&history);
}

static void
oldest_give_way(void **state)
{
  (void)state;
  enum { COMMANDS = 100000 };
  struct text out;
  char command[32];
  text_init(&out);
  for (int i = 0; i < COMMANDS; i++) {
    snprintf(command, sizeof command, "command(%d)", i);
    add(command);
  }
  history_print(&history, &out);
  assert_true(out.size < 4 * HISTORY_BYTES);
  assert_null(strstr(out.data, "\ncommand(0)\n"));
  assert_non_null(strstr(out.data, "\ncommand(99999)\n"));
  assert_int_equal(strncmp(out.data, "-- ", 3), 0);
  long kept = 0;
  for (const char *at = out.data; (at = strstr(at, "\ncommand(")) != NULL; at++)
    kept++;
  assert_int_equal(strtol(out.data + 3, NULL, 10) + kept, COMMANDS);
  history_clear(&history);
  text_fini(&out);
  text_init(&out);
  history_print(&history, &out);
  assert_int_equal(out.size, 0);
  text_fini(&out);
}

static void
one_command_is_always_kept(void **state)
{
  (void)state;
  struct text out;
  char *large = malloc(2 * HISTORY_BYTES + 1);
  assert_non_null(large);
  memset(large, 'x', 2 * HISTORY_BYTES);
  large[2 * HISTORY_BYTES] = '\0';
  text_init(&out);
  add("small()");
  add(large);
  history_print(&history, &out);
  assert_null(strstr(out.data, "small()"));
  assert_non_null(strstr(out.data, "xxx"));
  text_fini(&out);
  history_clear(&history);
  free(large);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(prints_in_order),
      cmocka_unit_test(oldest_give_way),
      cmocka_unit_test(one_command_is_always_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
