// SPDX-License-Identifier: BSD-2-Clause
// Answers made from queries: flags, records, OPT, and what happens when they do not fit.
#include "dnsproxy/wire/compose.h"
#include "dnsproxy/base/param.h"
#include "dnsproxy/wire/codes.h"
#include "tests/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define A_B "01'a'01'b'00 0001 0001 "
#define QUERY "1234 0100 0001 0000 0000 0001" A_B "00 0029 04d0 00008000 0000 "
#define OPT_DO "00 0029 04d0 00008000 0000"

static const struct answer_form plain = {
  .flags = ANSWER_FLAGS_DEFAULT, .question_end = 21, .class = 1, .ttl = 60};
static const struct answer_form with_opt = {
  .flags = ANSWER_FLAGS_DEFAULT, .edns = {true, true, 1232}, .question_end = 21, .class = 1, .ttl = 60};

static struct name
name_of(const char *text)
{
  struct name name;
  struct fault fault = FAULT_INIT;
  assert_true(name_from_text(&name, text, strlen(text), &fault));
  return name;
}

typedef bool (*compose_fn)(struct wire_buffer *, const struct answer_form *, const void *arg);

// The answer is `expected`; it also fits into exactly that many bytes, and not into one less.
static void
check_answer(const char *query, const struct answer_form *form, compose_fn compose, const void *arg, const char *expected)
{
  size_t query_size, size;
  uint8_t *before = hex_bytes(query, &query_size), *after = hex_bytes(expected, &size);
  for (size_t capacity = size - 1; capacity <= size + 100; capacity += capacity < size ? 1 : 100) {
    size_t room = capacity > query_size ? capacity : query_size;
    uint8_t *data = calloc(1, room);
    assert_non_null(data);
    memcpy(data, before, query_size);
    struct wire_buffer b = {data, query_size, room};
    bool fits = room >= size;
    assert_int_equal(compose(&b, form, arg), fits);
    assert_int_equal(b.size, fits ? size : query_size);
    assert_memory_equal(b.data, fits ? after : before, b.size);
    free(data);
  }
  free(before);
  free(after);
}

static bool
rcode(struct wire_buffer *b, const struct answer_form *form, const void *arg)
{
  return compose_rcode(b, form, *(const unsigned *)arg);
}

static bool
truncated(struct wire_buffer *b, const struct answer_form *form, const void *arg)
{
  (void)arg;
  return compose_truncated(b, form);
}

static void
rcodes_and_flags(void **state)
{
  (void)state;
  unsigned refused = RCODE_REFUSED, badcookie = RCODE_BADCOOKIE;
  check_answer(QUERY, &plain, rcode, &refused, "1234 8185 0001 0000 0000 0000" A_B);
  check_answer(QUERY, &with_opt, rcode, &refused, "1234 8185 0001 0000 0000 0001" A_B OPT_DO);
  check_answer(QUERY, &with_opt, rcode, &badcookie, "1234 8187 0001 0000 0000 0001" A_B "00 0029 04d0 01008000 0000");
  check_answer(QUERY, &plain, rcode, &badcookie, "1234 8187 0001 0000 0000 0000" A_B);
  // RD clear: RA clear; AD is cleared, AA, TC, CD and the opcode stay
  check_answer("1234 2630 0001 0000 0000 0000" A_B, &plain, rcode, &refused, "1234 a615 0001 0000 0000 0000" A_B);
  struct answer_form form = plain;
  form.flags = (struct answer_flags){.aa = 1, .ad = 1, .ra = 0};
  check_answer(QUERY, &form, rcode, &refused, "1234 8525 0001 0000 0000 0000" A_B);
  form.flags = (struct answer_flags){.aa = 0, .ad = 0, .ra = 1};
  check_answer("1234 0430 0001 0000 0000 0000" A_B, &form, rcode, &refused, "1234 8095 0001 0000 0000 0000" A_B);
  // header alone: an answer to a query without a question
  form = plain;
  form.question_end = HEADER_SIZE;
  check_answer("1234 0100 0000 0000 0000 0000", &form, rcode, &refused, "1234 8185 0000 0000 0000 0000");
  // records of the query go, TSIG too; so do further questions
  check_answer("1234 0100 0002 0001 0000 0001" A_B A_B "00 00fa 00ff 00000000 0000 00 0001 0001 00000000 0000", &plain, rcode,
               &refused, "1234 8185 0001 0000 0000 0000" A_B);
}

static void
truncated_answers(void **state)
{
  (void)state;
  check_answer(QUERY, &plain, truncated, NULL, "1234 8380 0001 0000 0000 0000" A_B);
  check_answer("1234 0530 0001 0000 0000 0000" A_B, &with_opt, truncated, NULL, "1234 8390 0001 0000 0000 0001" A_B OPT_DO);
}

struct addresses {
  uint16_t qtype;
  struct address list[3];
};

static bool
addresses(struct wire_buffer *b, const struct answer_form *form, const void *arg)
{
  const struct addresses *a = arg;
  return compose_addresses(b, form, a->qtype, a->list, 3);
}

static void
spoofed_addresses(void **state)
{
  (void)state;
  struct addresses a = {.qtype = QTYPE_A};
  struct fault fault = FAULT_INIT;
  assert_true(address_parse(&a.list[0], "192.0.2.1", 0, &fault));
  assert_true(address_parse(&a.list[1], "2001:db8::1", 0, &fault));
  assert_true(address_parse(&a.list[2], "192.0.2.2", 0, &fault));
#define FIRST "c00c 0001 0001 0000003c 0004 c0000201"
#define SECOND "c00c 001c 0001 0000003c 0010 20010db8000000000000000000000001"
#define THIRD "c00c 0001 0001 0000003c 0004 c0000202"
  check_answer(QUERY, &with_opt, addresses, &a, "1234 8180 0001 0002 0000 0001" A_B FIRST THIRD OPT_DO);
  a.qtype = QTYPE_AAAA;
  check_answer(QUERY, &plain, addresses, &a, "1234 8180 0001 0001 0000 0000" A_B SECOND);
  a.qtype = QTYPE_ANY;
  check_answer(QUERY, &plain, addresses, &a, "1234 8180 0001 0003 0000 0000" A_B FIRST SECOND THIRD);
  a.qtype = QTYPE_TXT;
  check_answer(QUERY, &plain, addresses, &a, "1234 8180 0001 0000 0000 0000" A_B);
  struct answer_form form = plain;
  form.question_end = HEADER_SIZE; // no question to point to
  uint8_t data[100] = {0};
  struct wire_buffer b = {data, HEADER_SIZE, sizeof data};
  a.qtype = QTYPE_A;
  assert_false(addresses(&b, &form, &a));
}

static bool
cname(struct wire_buffer *b, const struct answer_form *form, const void *arg)
{
  return compose_cname(b, form, arg);
}

static bool
raw(struct wire_buffer *b, const struct answer_form *form, const void *arg)
{
  return compose_raw(b, form, QTYPE_TXT, arg, 2);
}

static void
spoofed_names_and_rdata(void **state)
{
  (void)state;
  struct name target = name_of("Other.example");
  check_answer(QUERY, &with_opt, cname, &target,
               "1234 8180 0001 0001 0000 0001" A_B "c00c 0005 0001 0000003c 000f 05'Other'07'example'00" OPT_DO);
  static const struct bytes rdata[2] = {{"\2hi", 3}, {"", 0}};
  struct answer_form form = plain;
  form.class = 3;
  form.ttl = 3600;
  check_answer(QUERY, &form, raw, rdata,
               "1234 8180 0001 0002 0000 0000" A_B "c00c 0010 0003 00000e10 0003 02'hi' c00c 0010 0003 00000e10 0000");
  static const struct bytes huge[2] = {{"", SIZE_MAX}, {"", SIZE_MAX}};
  uint8_t data[100] = {0};
  struct wire_buffer b = {data, 21, sizeof data};
  assert_false(raw(&b, &plain, huge));
}

struct negative {
  bool nxdomain, in_authority;
  struct soa soa;
};

static bool
negative(struct wire_buffer *b, const struct answer_form *form, const void *arg)
{
  const struct negative *n = arg;
  return compose_negative(b, form, n->nxdomain, &n->soa, n->in_authority);
}

static void
negative_answers(void **state)
{
  (void)state;
  struct negative n = {true, false, {name_of("b"), name_of("m"), name_of("r"), 1, 2, 3, 4, 5}};
#define SOA "01'b'00 0006 0001 0000003c 001a 01'm'00 01'r'00 0000000100000002000000030000000400000005"
  check_answer(QUERY, &with_opt, negative, &n, "1234 8183 0001 0000 0000 0002" A_B SOA OPT_DO);
  n.nxdomain = false;
  n.in_authority = true;
  check_answer(QUERY, &with_opt, negative, &n, "1234 8180 0001 0000 0001 0001" A_B SOA OPT_DO);
}

static void
appended_records(void **state)
{
  (void)state;
  static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\1b\0\0\1\0\1";
  uint8_t data[74];
  struct wire_buffer b = {data, 21, sizeof data};
  struct name owner = name_of("x");
  struct record_data r = {.type = QTYPE_A, .class = 1, .ttl = 60, .rdata = (const uint8_t *)"\1\2\3\4", .rdata_size = 4};
  memcpy(data, query, 21);
  assert_true(compose_append(&b, 1, &r));
  r.owner = &owner;
  assert_true(compose_append(&b, 2, &r));
  assert_false(compose_append(&b, 1, &r)); // there is an authority section already
  assert_false(compose_append(&b, 0, &r));
  assert_false(compose_append(&b, 4, &r));
  assert_true(compose_append(&b, 2, &r));
  assert_false(compose_append(&b, 3, &r)); // full
  size_t size;
  uint8_t *expected = hex_bytes("1234 0100 0001 0001 0002 0000" A_B "c00c 0001 0001 0000003c 0004 01020304"
                                "01'x'00 0001 0001 0000003c 0004 01020304 01'x'00 0001 0001 0000003c 0004 01020304", &size);
  assert_int_equal(b.size, size);
  assert_memory_equal(b.data, expected, size);
  free(expected);
  b.size--; // malformed
  assert_false(compose_append(&b, 3, &r));
  memcpy(data, "\x12\x34\1\0\0\0\0\0\0\0\0\0", 12);
  b.size = 12;
  r.owner = NULL; // no question to point to
  assert_false(compose_append(&b, 1, &r));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rcodes_and_flags),        cmocka_unit_test(truncated_answers), cmocka_unit_test(spoofed_addresses),
    cmocka_unit_test(spoofed_names_and_rdata), cmocka_unit_test(negative_answers),  cmocka_unit_test(appended_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
