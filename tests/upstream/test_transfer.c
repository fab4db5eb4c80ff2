// SPDX-License-Identifier: BSD-2-Clause
// Which message of a transfer is its last; bytes that are no transfer.
#include "dnsproxy/upstream/transfer.h"

#include "dnsproxy/wire/codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

// A message with SOA records of these serials (0: an A record instead).
static size_t
make(uint8_t *out, const uint32_t *serials, size_t count, unsigned rcode)
{
  size_t size = HEADER_SIZE;
  memset(out, 0, HEADER_SIZE);
  out[2] = FLAG2_QR;
  out[3] = (uint8_t)rcode;
  message_set_count(out, 1, (uint16_t)count);
  for (size_t i = 0; i < count; i++) {
    size_t data = serials[i] == 0 ? 4 : 22;
    uint8_t fixed[] = {0, 0, serials[i] == 0 ? QTYPE_A : QTYPE_SOA, 0, 1, 0, 0, 0, 60, 0, (uint8_t)data};
    memcpy(out + size, fixed, sizeof fixed);
    memset(out + size + sizeof fixed, 0, data);
    if (serials[i] != 0)
      message_put_u32(out + size + sizeof fixed + 2, serials[i]);
    size += sizeof fixed + data;
  }
  return size;
}

static bool
last(struct transfer *t, const uint32_t *serials, size_t count)
{
  uint8_t m[512];
  return transfer_last(t, m, make(m, serials, count, RCODE_NOERROR));
}

#define LAST(t, ...) last(t, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void
whole_zones(void **state)
{
  (void)state;
  struct transfer t = {0};
  assert_true(LAST(&t, 7, 0, 7));
  t = (struct transfer){0};
  assert_false(LAST(&t, 7));
  assert_false(LAST(&t, 0, 0));
  assert_false(LAST(&t, 8)); // not its serial
  assert_true(LAST(&t, 7));
  t = (struct transfer){0};
  assert_true(LAST(&t, 0)); // begins without SOA
}

static void
differences(void **state)
{
  (void)state;
  struct transfer t = {.incremental = true, .client_serial = 5};
  assert_false(LAST(&t, 7, 5, 0, 6, 0));
  assert_false(LAST(&t, 6, 0, 7, 0));
  assert_true(LAST(&t, 7));
  t = (struct transfer){.incremental = true, .client_serial = 7};
  assert_true(LAST(&t, 7)); // up to date
  t = (struct transfer){.incremental = true, .client_serial = 0xfffffff0u};
  assert_false(LAST(&t, 3)); // newer, by serial arithmetic
  t = (struct transfer){.incremental = true, .client_serial = 5};
  assert_false(LAST(&t, 7, 0)); // the whole zone
  assert_true(LAST(&t, 0, 7));
}

static void
errors_and_nonsense(void **state)
{
  (void)state;
  uint8_t m[512];
  struct transfer t = {0};
  size_t size = make(m, (const uint32_t[]){7}, 1, RCODE_REFUSED);
  assert_true(transfer_last(&t, m, size));
  size = make(m, (const uint32_t[]){7, 0, 0}, 3, RCODE_NOERROR);
  for (size_t cut = HEADER_SIZE; cut < size; cut++) {
    t = (struct transfer){0};
    assert_true(transfer_last(&t, m, cut));
  }
  t = (struct transfer){0};
  assert_true(transfer_last(&t, m, make(m, NULL, 0, RCODE_NOERROR)));
}

static void
serial_of_the_client(void **state)
{
  (void)state;
  struct query q = {.qtype = QTYPE_IXFR};
  uint8_t m[512];
  size_t size = make(m, (const uint32_t[]){9}, 1, RCODE_NOERROR);
  message_set_count(m, 1, 0);
  message_set_count(m, 2, 1);
  q.packet = (struct wire_buffer){.data = m, .size = size, .capacity = sizeof m};
  struct transfer t;
  transfer_begin(&t, NULL, &q);
  assert_true(t.incremental);
  assert_int_equal(t.client_serial, 9);
  q.packet.size = HEADER_SIZE + 3;
  transfer_begin(&t, NULL, &q);
  assert_int_equal(t.client_serial, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(whole_zones), cmocka_unit_test(differences),
                                     cmocka_unit_test(errors_and_nonsense), cmocka_unit_test(serial_of_the_client)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
