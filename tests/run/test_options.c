// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the command line, as scripts around the dialect's program type it.
#include "dnsproxy/run/options.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
// cmocka wants the ones above first.
#include <cmocka.h>

enum { WORDS_MAX = 16 };

static struct options o;

// Words separated by blanks.
static enum options_result
parse(const char *line)
{
  static char text[256], *words[WORDS_MAX];
  int count = 0;
  strcpy(text, line);
  for (char *save, *w = strtok_r(text, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
    words[count++] = w;
  words[count] = NULL;
  optind = 0; // getopt begins anew
  return options_parse(&o, count, words);
}

static void
test_client(void **state)
{
  (void)state;
  assert_int_equal(parse("dnsproxy -c 192.0.2.7:5199 -k abc"), OPTIONS_RUN);
  assert_true(o.client && o.operand_is_console);
  assert_string_equal(o.operands[0], "192.0.2.7:5199");
  assert_string_equal(o.key, "abc");
  options_fini(&o);
  assert_int_equal(parse("dnsproxy -e showServers() 192.0.2.7"), OPTIONS_RUN);
  assert_true(o.client && !o.operand_is_console);
  assert_string_equal(o.execute, "showServers()");
  options_fini(&o);
}

static void
test_lists_and_mixing(void **state)
{
  (void)state;
  assert_int_equal(parse("dnsproxy 192.0.2.1 -l 127.0.0.1:53 -a 10.0.0.0/8 192.0.2.2 --acl=::1 --local [::1]:53"), OPTIONS_RUN);
  assert_int_equal(o.operand_count, 2);
  assert_string_equal(o.operands[1], "192.0.2.2");
  assert_int_equal(o.acl_count, 2);
  assert_int_equal(o.local_count, 2);
  options_fini(&o);
}

static void
test_abbreviations(void **state)
{
  (void)state;
  assert_int_equal(parse("dnsproxy --super --disable --conf x --check --structured-logging false -v"), OPTIONS_RUN);
  assert_true(o.supervised && o.check_config);
  assert_string_equal(o.config, "x");
  assert_false(log_settings()->syslog);
  assert_false(log_settings()->structured);
  assert_true(log_settings()->verbose);
  options_fini(&o);
}

static void
test_wrong(void **state)
{
  (void)state;
  static const char *const lines[] = {
      "dnsproxy --no-such", "dnsproxy -s", "dnsproxy -C", "dnsproxy --ver", "dnsproxy --workers x", "dnsproxy --workers 0",
      "dnsproxy --workers -1",
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    assert_int_equal(parse(lines[i]), OPTIONS_WRONG);
    options_fini(&o);
  }
  assert_int_equal(parse("dnsproxy --workers 3"), OPTIONS_RUN);
  assert_int_equal(o.workers, 3);
  options_fini(&o);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_client),
      cmocka_unit_test(test_lists_and_mixing),
      cmocka_unit_test(test_abbreviations),
      cmocka_unit_test(test_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
