// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/address.
#include "dnsproxy/base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct address
parsed(const char *text)
{
  struct address a;
  assert_true(address_parse(&a, text, 53, NULL));
  return a;
}

static void
texts_are_read(void **state)
{
  (void)state;
  static const char *const rows[][3] = { // read, without port, with port
      {"1.2.3.4", "1.2.3.4", "1.2.3.4:53"},
      {"1.2.3.4:5300", "1.2.3.4", "1.2.3.4:5300"},
      {"127.1", "127.0.0.1", "127.0.0.1:53"},
      {"5:99", "0.0.0.5", "0.0.0.5:99"},
      {"::1", "::1", "[::1]:53"},
      {"[::1]", "::1", "[::1]:53"},
      {"[2001:db8::53]:65535", "2001:db8::53", "[2001:db8::53]:65535"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:53"},
      {"fe80::1%lo", "fe80::1%lo", "[fe80::1%lo]:53"},
      {"[fe80::1%1]:99", "fe80::1%lo", "[fe80::1%lo]:99"},
      {"0.0.0.0:0", "0.0.0.0", "0.0.0.0:0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct address a = parsed(rows[i][0]);
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal(address_text(&a, text), rows[i][1]);
    assert_string_equal(address_text_with_port(&a, text), rows[i][2]);
  }
}

static void
bad_texts_are_refused(void **state)
{
  (void)state;
  static const char *const bad[] = {"",         "1.2.x",       "1.2.3.4:",     "1.2.3.4:65536", "1.2.3.4:-1",  "1.2.3.4:5x",
                                    "1.2.3.4 ", "[1.2.3.4]:5", "[::1",         "[::1]53",       "[::1]:",      ":::1",
                                    "bad",      "::1%nosuch9", "fe80::1%",     "1.2.3.4.5",     "256.1.1.1",   "[]",
                                    ":",        "1.2.3.4:+5",  "1.2.3.4:0x10"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct address a = {.v4 = {.sin_port = 77}};
    struct fault f = FAULT_INIT;
    char want[100] = "Unable to convert presentation address '";
    strcat(strcat(want, bad[i]), "'");
    assert_false(address_parse(&a, bad[i], 53, &f));
    assert_int_equal(f.kind, FAULT_ADDRESS);
    assert_string_equal(f.text, want);
    assert_int_equal(a.v4.sin_port, 77);
  }
  char longest[200];
  memset(longest, '1', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  assert_false(address_parse(&(struct address){.v4 = {.sin_port = 1}}, longest, 53, NULL));
}

static void
raw_bytes(void **state)
{
  (void)state;
  struct address a;
  size_t count;
  assert_true(address_from_raw(&a, "\xc0\x00\x02\x01", 4, 853));
  assert_true(address_is_set(&a) && !address_is_v6(&a));
  assert_int_equal(address_port(&a), 853);
  assert_memory_equal(address_raw(&a, &count), "\xc0\x00\x02\x01", 4);
  assert_int_equal(count, 4);
  assert_int_equal(address_size(&a), sizeof(struct sockaddr_in));
  assert_true(address_from_raw(&a, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16, 1));
  char text[ADDRESS_TEXT_SIZE];
  assert_string_equal(address_text_with_port(&a, text), "[2001:db8::9]:1");
  assert_int_equal(address_size(&a), sizeof(struct sockaddr_in6));
  assert_false(address_from_raw(&a, "123456", 6, 1));
}

static void
unset_address(void **state)
{
  (void)state;
  struct address none = {.sa = {.sa_family = AF_UNSPEC}};
  size_t count;
  char text[ADDRESS_TEXT_SIZE];
  address_raw(&none, &count);
  assert_int_equal(count, 0);
  assert_false(address_is_set(&none) || address_is_any(&none) || address_is_v6(&none));
  assert_int_equal(address_size(&none), 0);
  assert_string_equal(address_text_with_port(&none, text), "invalid");
  address_truncate(&none, 0);
}

static void
kinds(void **state)
{
  (void)state;
  struct address any4 = parsed("0.0.0.0"), any6 = parsed("::"), mapped = parsed("::ffff:1.2.3.4"), one = parsed("::1");
  assert_true(address_is_any(&any4) && address_is_any(&any6));
  assert_false(address_is_any(&one) || address_is_any(&mapped));
  assert_true(address_is_mapped(&mapped));
  assert_false(address_is_mapped(&one) || address_is_mapped(&any4));
}

static void
order_and_equality(void **state)
{
  (void)state;
  static const char *const ascending[] = {"1.2.3.4:1", "1.2.3.4:2", "1.2.3.5:1", "200.0.0.0:0", "[::]:9", "[::1]:1"};
  enum { COUNT = sizeof ascending / sizeof ascending[0] };
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < COUNT; j++) {
      struct address a = parsed(ascending[i]), b = parsed(ascending[j]);
      int order = address_compare(&a, &b);
      assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
      assert_int_equal(address_equal(&a, &b), i == j);
    }
  struct address a = parsed("1.2.3.4:1"), b = parsed("1.2.3.4:2");
  assert_true(address_equal_ip(&a, &b));
  assert_true(address_hash(&a, 7) == address_hash(&b, 7));
  assert_true(address_hash(&a, 7) != address_hash(&a, 8));
  address_set_port(&b, 1);
  assert_true(address_equal(&a, &b));
}

static void
truncation(void **state)
{
  (void)state;
  static const struct {
    const char *from;
    unsigned bits;
    const char *to;
  } rows[] = {
      {"255.255.255.255", 0, "0.0.0.0"},    {"255.255.255.255", 1, "128.0.0.0"}, {"255.255.255.255", 8, "255.0.0.0"},
      {"255.255.255.255", 23, "255.255.254.0"}, {"1.2.3.4", 32, "1.2.3.4"},      {"1.2.3.4", 99, "1.2.3.4"},
      {"2001:db8:ffff::1", 33, "2001:db8:8000::"}, {"2001:db8::1", 127, "2001:db8::"}, {"2001:db8::1", 128, "2001:db8::1"},
      {"ffff::1", 0, "::"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct address a = parsed(rows[i].from);
    char text[ADDRESS_TEXT_SIZE];
    address_truncate(&a, rows[i].bits);
    assert_string_equal(address_text(&a, text), rows[i].to);
    assert_int_equal(address_port(&a), 53);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_are_read), cmocka_unit_test(bad_texts_are_refused), cmocka_unit_test(raw_bytes),
      cmocka_unit_test(unset_address),  cmocka_unit_test(kinds),                 cmocka_unit_test(order_and_equality),
      cmocka_unit_test(truncation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
