// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of base64 in dnsproxy/base/text.
#include "dnsproxy/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
vectors_of_rfc_4648(void **state)
{
  (void)state;
  static const char *const rows[][2] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
                                        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[20], bytes[20];
    size_t size = strlen(rows[i][0]);
    assert_int_equal(base64_encode(text, sizeof text, rows[i][0], size), strlen(rows[i][1]));
    assert_string_equal(text, rows[i][1]);
    assert_int_equal(base64_encode(text, strlen(rows[i][1]), rows[i][0], size), -1);
    assert_int_equal(base64_decode(bytes, size, rows[i][1], strlen(rows[i][1])), size);
    assert_memory_equal(bytes, rows[i][0], size);
    if (size > 0)
      assert_int_equal(base64_decode(bytes, size - 1, rows[i][1], strlen(rows[i][1])), -1);
  }
}

static void
every_byte_survives(void **state)
{
  (void)state;
  uint8_t bytes[256], again[256];
  char text[BASE64_TEXT_SIZE(sizeof bytes)];
  for (int i = 0; i < 256; i++)
    bytes[i] = (uint8_t)(255 - i);
  ssize_t size = base64_encode(text, sizeof text, bytes, sizeof bytes);
  assert_int_equal(size, sizeof text - 1);
  assert_int_equal(base64_decode(again, sizeof again, text, (size_t)size), sizeof bytes);
  assert_memory_equal(bytes, again, sizeof bytes);
}

static void
only_strict_text_is_taken(void **state)
{
  (void)state;
  static const char *const bad[] = {"Z",    "Zg",   "Zg=",      "Zg===",    "Zh==",     "Zm9=",     "====",
                                    "Z===", "=Zg=", "Zg==Zg==", "Zm 9v",    "Zm9v\n",   "Zm-_",     "Zm9v====",
                                    "Z=g=", "Zm9\xc3", "\x80m9v"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    uint8_t bytes[20];
    assert_int_equal(base64_decode(bytes, sizeof bytes, bad[i], strlen(bad[i])), -1);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vectors_of_rfc_4648),
      cmocka_unit_test(every_byte_survives),
      cmocka_unit_test(only_strict_text_is_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
