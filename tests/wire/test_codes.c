// SPDX-License-Identifier: BSD-2-Clause
// Numbers and names of types, rcodes and opcodes.
#include "dnsproxy/wire/codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
types(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    bool valid;
    uint16_t type;
    const char *printed;
  } rows[] = {
    {"A", true, 1, "A"},          {"aaaa", true, 28, "AAAA"},           {"any", true, 255, "ANY"},
    {"HTTPS", true, 65, "HTTPS"}, {"type65280", true, 65280, "TYPE65280"}, {"TYPE1", true, 1, "A"},
    {"16", true, 16, "TXT"},      {"0", true, 0, "TYPE0"},              {"65535", true, 65535, "TYPE65535"},
    {"65536", false, 0, NULL},    {"TYPE99999", false, 0, NULL},        {"TYPE", false, 0, NULL},
    {"", false, 0, NULL},         {"BOGUS", false, 0, NULL},            {"1x", false, 0, NULL},
    {"-1", false, 0, NULL},       {"99999999999999999999", false, 0, NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uint16_t type = 7777;
    char out[QTYPE_TEXT_SIZE];
    assert_int_equal(qtype_parse(rows[i].text, &type), rows[i].valid);
    assert_int_equal(type, rows[i].valid ? rows[i].type : 7777);
    if (rows[i].valid)
      assert_string_equal(qtype_text(type, out), rows[i].printed);
  }
}

// What is printed is read back as the same number.
static void
every_type_round_trips(void **state)
{
  (void)state;
  for (unsigned i = 0; i < 65536; i += i < 300 ? 1 : 7) {
    char out[QTYPE_TEXT_SIZE];
    uint16_t type;
    assert_true(qtype_parse(qtype_text((uint16_t)i, out), &type));
    assert_int_equal(type, i);
  }
}

static void
rcodes(void **state)
{
  (void)state;
  char out[RCODE_TEXT_SIZE];
  unsigned rcode = 0;
  assert_string_equal(rcode_text(0, out, sizeof out), "No Error");
  assert_string_equal(rcode_text(5, out, sizeof out), "Query Refused");
  assert_string_equal(rcode_text(9, out, sizeof out), "Server Not Authoritative for zone / Not Authorized");
  assert_string_equal(rcode_text(11, out, sizeof out), "Err#11");
  assert_string_equal(rcode_text(16, out, sizeof out), "Bad OPT Version / TSIG Signature Failure");
  assert_string_equal(rcode_text(23, out, sizeof out), "Bad/missing Server Cookie");
  assert_string_equal(rcode_text(4095, out, sizeof out), "Err#4095");
  assert_string_equal(rcode_mnemonic(3), "NXDOMAIN");
  assert_string_equal(rcode_mnemonic(16), "BADVERS");
  assert_null(rcode_mnemonic(12));
  assert_true(rcode_parse("ServFail", &rcode));
  assert_int_equal(rcode, RCODE_SERVFAIL);
  assert_true(rcode_parse("badsig", &rcode));
  assert_int_equal(rcode, 16);
  assert_true(rcode_parse("4095", &rcode));
  assert_int_equal(rcode, 4095);
  assert_false(rcode_parse("4096", &rcode));
  assert_false(rcode_parse("", &rcode));
  assert_false(rcode_parse("nope", &rcode));
}

static void
opcodes(void **state)
{
  (void)state;
  assert_string_equal(opcode_text(OPCODE_QUERY), "Query");
  assert_string_equal(opcode_text(OPCODE_NOTIFY), "Notify");
  assert_string_equal(opcode_text(15), "15");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(types),
    cmocka_unit_test(every_type_round_trips),
    cmocka_unit_test(rcodes),
    cmocka_unit_test(opcodes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
