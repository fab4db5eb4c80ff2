// SPDX-License-Identifier: BSD-2-Clause
// Client subnets: the option's bytes, what becomes of a query, what an answer says.
#include "dnsproxy/wire/client_subnet.h"
#include "tests/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A_B "01'a'01'b'00 0001 0001 "
#define OPT(options) "00 0029 04d0 00000000 " options
#define OUR_OPT "00 0029 0200 00000000 000b "
#define OURS "0008 0007 0001 18 00 c00002 "
#define THEIRS "0008 0008 0001 20 00 0a000001 "
#define COOKIE "000a 0002 'xy' "

static void
contents(void **state)
{
  (void)state;
  static const struct {
    const char *address;
    unsigned bits;
    const char *content;
  } rows[] = {
    {"192.0.2.255", 24, "0001 18 00 c00002"},
    {"192.0.2.255", 32, "0001 20 00 c00002ff"},
    {"192.0.2.255", 33, "0001 20 00 c00002ff"},
    {"192.0.2.255", 25, "0001 19 00 c0000280"},
    {"255.255.255.255", 9, "0001 09 00 ff80"},
    {"255.255.255.255", 7, "0001 07 00 fe"},
    {"255.255.255.255", 0, "0001 00 00"},
    {"2001:db8:ffff:ffff::1", 56, "0002 38 00 20010db8ffffff"},
    {"2001:db8:ffff:ffff::1", 57, "0002 39 00 20010db8ffffff80"},
    {"2001:db8::1", 200, "0002 80 00 20010db8000000000000000000000001"},
    {"2001:db8::1", 0, "0002 00 00"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct address address;
    struct client_subnet s;
    size_t size;
    uint8_t *content = hex_bytes(rows[i].content, &size);
    assert_true(address_parse(&address, rows[i].address, 53, &(struct fault)FAULT_INIT));
    client_subnet_make(&s, &address, rows[i].bits);
    assert_int_equal(s.size, size);
    assert_memory_equal(s.data, content, size);
    free(content);
  }
}

struct row {
  const char *before, *after; // after NULL: as before
  enum client_subnet_result result;
  bool replace;
};

static const struct row rows[] = {
  {"1234 0100 0001 0000 0000 0000" A_B, "1234 0100 0001 0000 0000 0001" A_B OUR_OPT OURS, CLIENT_SUBNET_ADDED_OPT, false},
  {"1234 0100 0001 0000 0000 0000" A_B "'rest'", "1234 0100 0001 0000 0000 0001" A_B OUR_OPT OURS, CLIENT_SUBNET_ADDED_OPT, true},
  {"1234 0100 0001 0000 0000 0001" A_B OPT("0000"), "1234 0100 0001 0000 0000 0001" A_B OPT("000b" OURS), CLIENT_SUBNET_ADDED, false},
  {"1234 0100 0001 0000 0000 0001" A_B OPT("0006" COOKIE) "'x'", "1234 0100 0001 0000 0000 0001" A_B OPT("0011" COOKIE OURS),
   CLIENT_SUBNET_ADDED, false},
  {"1234 0100 0001 0000 0000 0001" A_B OPT("0012" THEIRS COOKIE) "'x'", NULL, CLIENT_SUBNET_KEPT, false},
  {"1234 0100 0001 0000 0000 0001" A_B OPT("0012" THEIRS COOKIE), "1234 0100 0001 0000 0000 0001" A_B OPT("0011" COOKIE OURS),
   CLIENT_SUBNET_REPLACED, true},
  // an option too short to be a subnet is one nevertheless
  {"1234 0100 0001 0000 0000 0001" A_B OPT("0004 0008 0000"), NULL, CLIENT_SUBNET_KEPT, false},
  {"1234 0100 0001 0000 0000 0001" A_B OPT("0004 0008 0000"), "1234 0100 0001 0000 0000 0001" A_B OPT("000b" OURS),
   CLIENT_SUBNET_REPLACED, true},
  // what cannot be read
  {"1234 0100 0001 0000 0000 0001" A_B OPT("0004 000a 0001"), NULL, CLIENT_SUBNET_KEPT, true},
  {"1234 0100 0001 0000 0000 0001" A_B OPT("0003 000a 00"), NULL, CLIENT_SUBNET_KEPT, true},
  {"1234 0100 0001 0000 0000 0002" A_B OPT("0000"), NULL, CLIENT_SUBNET_KEPT, true},
  {"1234 0100 0001 0001 0000 0000" A_B, NULL, CLIENT_SUBNET_KEPT, true},
};

static enum client_subnet_result
add(const struct row *row, size_t capacity, struct wire_buffer *b)
{
  uint8_t *bytes = hex_bytes(row->before, &b->size);
  struct question question;
  struct address client;
  struct client_subnet subnet;
  struct edns edns;
  b->capacity = capacity > b->size ? capacity : b->size;
  b->data = malloc(b->capacity);
  assert_non_null(b->data);
  memcpy(b->data, bytes, b->size);
  free(bytes);
  assert_true(message_question(b->data, b->size, &question));
  if (!message_edns(b->data, b->size, question.end, &edns))
    memset(&edns, 0, sizeof edns);
  assert_true(address_parse(&client, "192.0.2.77", 0, &(struct fault)FAULT_INIT));
  client_subnet_make(&subnet, &client, 24);
  return client_subnet_add(b, &edns, &subnet, row->replace, 512);
}

static void
expect(const struct wire_buffer *b, const char *text)
{
  size_t size;
  uint8_t *bytes = hex_bytes(text, &size);
  assert_int_equal(b->size, size);
  assert_memory_equal(b->data, bytes, size);
  free(bytes);
}

static void
queries(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *row = &rows[i];
    struct wire_buffer b;
    size_t need;
    free(hex_bytes(row->after != NULL ? row->after : row->before, &need));
    assert_int_equal(add(row, need, &b), row->result);
    expect(&b, row->after != NULL ? row->after : row->before);
    free(b.data);
  }
}

static void
does_not_fit(void **state)
{
  (void)state;
  struct wire_buffer b;
  assert_int_equal(add(&rows[0], 0, &b), CLIENT_SUBNET_DOES_NOT_FIT);
  expect(&b, rows[0].before);
  free(b.data);
  assert_int_equal(add(&rows[2], 0, &b), CLIENT_SUBNET_DOES_NOT_FIT);
  expect(&b, rows[2].before);
  free(b.data);
}

static void
scopes(void **state)
{
  (void)state;
  static const struct {
    const char *answer;
    bool for_all;
  } answers[] = {
    {"1234 8180 0001 0000 0000 0000" A_B, false},
    {"1234 8180 0001 0000 0000 0001" A_B OPT("0000"), false},
    {"1234 8180 0001 0000 0000 0001" A_B OPT("000b" OURS), true},
    {"1234 8180 0001 0000 0000 0001" A_B OPT("0011" COOKIE OURS), true},
    {"1234 8180 0001 0000 0000 0001" A_B OPT("000b 0008 0007 0001 18 18 c00002"), false},
    {"1234 8180 0001 0000 0000 0001" A_B OPT("0016 0008 0007 0001 18 18 c00002" OURS), false}, // the first counts
    {"1234 8180 0001 0000 0000 0001" A_B OPT("0007 0008 0003 0001 00"), false},
    {"1234 8180 0001 0000 0000 0001" A_B OPT("0008 0008 0004 0001 00 00"), true},
    {"1234 8180 0001 0001 0000 0001" A_B "c00c 0001 0001 0000003c 0004 7f000001" OPT("000b" OURS), true},
    {"1234 8180 0001 0002 0000 0001" A_B "c00c 0001 0001 0000003c 0004 7f000001" OPT("000b" OURS), false},
    {"1234 8180 0000 0000 0000 0001" OPT("000b" OURS), true},
    {"1234 8180", false},
  };
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    size_t size;
    uint8_t *bytes = hex_bytes(answers[i].answer, &size);
    assert_int_equal(client_subnet_is_for_all(bytes, size), answers[i].for_all);
    free(bytes);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(contents),
      cmocka_unit_test(queries),
      cmocka_unit_test(does_not_fit),
      cmocka_unit_test(scopes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
