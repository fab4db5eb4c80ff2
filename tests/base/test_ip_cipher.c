// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/ip_cipher: published examples, and the way back.
#include "dnsproxy/base/ip_cipher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char key[] = "some 16-byte key";

static void
examples(void **state)
{
  (void)state;
  static const char *const rows[][2] = {{"127.0.0.1", "114.62.227.59"},
                                        {"8.8.8.8", "46.48.51.50"},
                                        {"1.2.3.4", "171.238.15.199"},
                                        {"::1", "3718:8853:1723:6c88:7e5f:2e60:c79a:2bf"},
                                        {"2001:503:ba3e::2:30", "64d2:883d:ffb5:dd79:24b:943c:22aa:4ae7"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct address plain, hidden, back;
    char text[ADDRESS_TEXT_SIZE];
    assert_true(address_parse(&plain, rows[i][0], 53, NULL));
    assert_true(ip_cipher_encrypt(&hidden, &plain, key, 16, NULL));
    assert_string_equal(address_text(&hidden, text), rows[i][1]);
    assert_true(ip_cipher_decrypt(&back, &hidden, key, 16, NULL));
    assert_true(address_equal(&plain, &back)); // the port too
  }
}

static void
keys(void **state)
{
  (void)state;
  static const uint8_t of_nothing[] = {0xbb, 0x8d, 0xcd, 0x7b, 0xe9, 0xa6, 0xf4, 0x3b,
                                       0x33, 0x04, 0xc6, 0x40, 0xd7, 0xd7, 0x10, 0x3c};
  uint8_t made[IP_CIPHER_KEY_SIZE];
  assert_true(ip_cipher_key(made, "", 0, NULL));
  assert_memory_equal(made, of_nothing, sizeof made);
}

static void
refusals(void **state)
{
  (void)state;
  struct address a = {.sa = {.sa_family = AF_UNSPEC}}, out;
  struct fault f = FAULT_INIT;
  assert_false(ip_cipher_encrypt(&out, &a, key, 16, &f));
  assert_true(address_parse(&a, "192.0.2.1", 0, NULL));
  assert_false(ip_cipher_decrypt(&out, &a, key, 15, &f));
  assert_int_equal(f.kind, FAULT_CAUGHT);
  assert_string_equal(f.text, "A key of ipcipher has 16 bytes, this one has 15");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(examples), cmocka_unit_test(keys), cmocka_unit_test(refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
