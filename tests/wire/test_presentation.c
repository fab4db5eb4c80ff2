// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of records in presentation form: a table of lines and what they become.
#include "dnsproxy/wire/presentation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
// cmocka wants the ones above first.
#include <cmocka.h>

static uint8_t buffer[PRESENTATION_RDATA_SIZE];

struct good_case {
  const char *line, *owner;
  unsigned type, class, ttl;
  const char *hex;
};

static void
test_good(void **state)
{
  (void)state;
  static const struct good_case cases[] = {
      {"www.example.test 60 IN A 192.0.2.1", "www.example.test.", 1, 1, 60, "c0000201"},
      {"www.example.test. A 192.0.2.1", "www.example.test.", 1, 1, 0, "c0000201"},
      {". IN 5 AAAA 2001:db8::1", ".", 28, 1, 5, "20010db8000000000000000000000001"},
      {"a.b 1 CH TXT \"x y\" z", "a.b.", 16, 3, 1, "0378207901" "7a"},
      {"a 1 IN TXT \"q\\\"\\065\"", "a.", 16, 1, 1, "03712241"},
      {"a 1 IN MX 10 mail.example", "a.", 15, 1, 1, "000a046d61696c076578616d706c6500"},
      {"a 1 IN SOA m r 1 2 3 4 5", "a.", 6, 1, 1, "016d00017200" "0000000100000002000000030000000400000005"},
      {"a 1 IN SRV 1 2 53 t", "a.", 33, 1, 1, "000100020035017400"},
      {"a 1 IN CAA 0 issue \"ca.example\"", "a.", 257, 1, 1, "0005697373756563612e6578616d706c65"},
      {"a 1 IN TYPE65280 \\# 3 ab cd ef", "a.", 65280, 1, 1, "abcdef"},
      {"a 1 IN A \\# 4 01020304", "a.", 1, 1, 1, "01020304"},
      {"a 1 IN DS 1 8 2 ab cd", "a.", 43, 1, 1, "00010802abcd"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct presented_record r = {.rdata = buffer};
    struct fault fault = FAULT_INIT;
    char owner[NAME_TEXT_SIZE], hex[256] = "";
    if (!record_from_text(&r, cases[i].line, &fault))
      fail_msg("%s: %s", cases[i].line, fault.text);
    for (size_t k = 0; k < r.rdata_size; k++)
      snprintf(hex + 2 * k, 3, "%02x", r.rdata[k]);
    assert_string_equal(name_text(&r.owner, owner), cases[i].owner);
    assert_int_equal(r.type, cases[i].type);
    assert_int_equal(r.class, cases[i].class);
    assert_int_equal(r.ttl, cases[i].ttl);
    assert_string_equal(hex, cases[i].hex);
  }
}

static void
test_bad(void **state)
{
  (void)state;
  static const char *const cases[] = {
      "",
      "a",
      "a 60",
      "a 60 IN",
      "a 60 IN NOSUCHTYPE x",
      "a 60 IN A",
      "a 60 IN A 192.0.2",
      "a 60 IN A 192.0.2.1 more",
      "a 99999999999 IN A 192.0.2.1",
      "a 60 IN MX ten mail",
      "a 60 IN MX 70000 mail",
      "a 60 IN MX 10 a..b",
      "a..b 60 IN A 192.0.2.1",
      "a 60 IN DS 1 8 2 abc",
      "a 60 IN DS 1 8 2 zz",
      "a 60 IN TYPE65280 something",
      "a 60 IN TYPE65280 \\# 4 ab",
      "a 60 IN TYPE65280 \\#",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct presented_record r = {.rdata = buffer};
    struct fault fault = FAULT_INIT;
    if (record_from_text(&r, cases[i], &fault))
      fail_msg("accepted: %s", cases[i]);
    assert_int_not_equal(fault.text[0], '\0');
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
