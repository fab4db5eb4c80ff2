// SPDX-License-Identifier: BSD-2-Clause
// Data of SVCB and HTTPS records: the order of keys, their names, hints, what is refused.
#include "dnsproxy/wire/svc_record.h"
#include "tests/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct svc_parameter
parameter(uint16_t key, const char *value, size_t size)
{
  return (struct svc_parameter){.key = key, .value = {.data = value, .size = size}};
}

static struct svc_record *
make(uint16_t priority, const char *target, struct svc_parameter *list, size_t count)
{
  struct fault f = FAULT_INIT;
  struct name name;
  assert_true(name_from_text(&name, target, strlen(target), &f));
  return svc_record_new(priority, &name, list, count, &f);
}

static void
check_data(const struct svc_record *r, const char *hex)
{
  size_t size;
  uint8_t *wanted = hex_bytes(hex, &size);
  assert_int_equal(r->size, size);
  assert_memory_equal(r->data, wanted, size);
  free(wanted);
}

// RFC 9460, appendix D.1 and D.2.
static void
test_vectors(void **state)
{
  (void)state;
  struct svc_record *r = make(0, "foo.example.com.", NULL, 0);
  check_data(r, "0000 03'foo'07'example'03'com'00");
  object_unref(&r);
  r = make(1, ".", NULL, 0);
  check_data(r, "0001 00");
  object_unref(&r);
  r = make(16, "foo.example.com.", (struct svc_parameter[]){parameter(SVC_PORT, "\0\x35", 2)}, 1);
  check_data(r, "0010 03'foo'07'example'03'com'00 0003 0002 0035");
  object_unref(&r);
  r = make(1, "foo.example.com.", (struct svc_parameter[]){parameter(667, "hello", 5)}, 1);
  check_data(r, "0001 03'foo'07'example'03'com'00 029b 0005 'hello'");
  object_unref(&r);
  r = make(16, "foo.example.org.",
           (struct svc_parameter[]){parameter(SVC_ALPN, "\x02h2\x05h3-19", 9), parameter(SVC_MANDATORY, "\0\1\0\4", 4),
                                    parameter(SVC_IPV4HINT, "\xc0\0\2\1", 4)},
           3);
  check_data(r, "0010 03'foo'07'example'03'org'00 0000 0004 0001 0004 0001 0009 02'h2'05'h3-19' 0004 0004 c0000201");
  object_unref(&r);
}

static void
test_hints(void **state)
{
  (void)state;
  char text[ADDRESS_TEXT_SIZE];
  struct svc_record *r =
      make(1, "a.", (struct svc_parameter[]){parameter(SVC_IPV6HINT, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16),
                                             parameter(SVC_IPV4HINT, "\xc0\0\2\1\xc0\0\2\2", 8)}, 2);
  assert_int_equal(r->hint_count, 3);
  assert_string_equal(address_text(&r->hints[0], text), "192.0.2.1");
  assert_string_equal(address_text(&r->hints[1], text), "192.0.2.2");
  assert_string_equal(address_text(&r->hints[2], text), "2001:db8::1");
  object_unref(&r);
}

static void
test_refused(void **state)
{
  (void)state;
  char *large = calloc(1, 70000);
  assert_null(make(1, ".", (struct svc_parameter[]){parameter(7, "a", 1), parameter(7, "b", 1)}, 2));
  assert_null(make(1, ".", (struct svc_parameter[]){parameter(SVC_IPV4HINT, "abc", 3)}, 1));
  assert_null(make(1, ".", (struct svc_parameter[]){parameter(9, large, 70000)}, 1));
  assert_null(make(1, ".", (struct svc_parameter[]){parameter(9, large, 40000), parameter(10, large, 40000)}, 2));
  free(large);
}

static void
test_keys(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    int key;
  } rows[] = {{"mandatory", 0},  {"alpn", 1},   {"no-default-alpn", 2}, {"port", 3},  {"ipv4hint", 4}, {"ech", 5},
              {"ipv6hint", 6},   {"key7", 7},   {"key65535", 65535},    {"key65536", -1}, {"key", -1}, {"key-1", -1},
              {"key7x", -1},     {"dohpath", -1}, {"", -1},             {"key99999999999999999999", -1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint16_t key = 0;
    bool known = svc_key_parse(rows[i].text, &key);
    assert_int_equal(known, rows[i].key >= 0);
    if (known)
      assert_int_equal(key, rows[i].key);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_hints),
                                     cmocka_unit_test(test_refused), cmocka_unit_test(test_keys)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
