// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/net/framing: messages split over reads, several in one, some that must wait.
#include "dnsproxy/net/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SCRATCH = 64 };

static uint8_t scratch[SCRATCH];

// One read event that brings these bytes.
static void
receive(struct framing *f, const void *bytes, size_t count)
{
  struct iovec parts[2];
  int n = framing_space(f, scratch, sizeof scratch, parts);
  const uint8_t *from = bytes;
  size_t left = count;
  for (int i = 0; i < n; i++) {
    size_t part = parts[i].iov_len < left ? parts[i].iov_len : left;
    memcpy(parts[i].iov_base, from, part);
    from += part;
    left -= part;
  }
  assert_int_equal(left, 0);
  framing_received(f, count);
}

static void
expect(struct framing *f, const char *message)
{
  struct frame frame;
  assert_true(framing_has_message(f));
  assert_true(framing_next(f, &frame));
  assert_int_equal(frame.size, strlen(message));
  assert_memory_equal(frame.message, message, frame.size);
}

static void
expect_nothing(struct framing *f)
{
  struct frame frame;
  assert_false(framing_has_message(f));
  assert_false(framing_next(f, &frame));
}

static void
takes_all_messages_of_one_read(void **state)
{
  (void)state;
  struct framing f = {.kept = NULL};
  receive(&f, "\0\3abc\0\0\0\2de", 11);
  expect(&f, "abc");
  expect(&f, "");
  expect(&f, "de");
  expect_nothing(&f);
  assert_true(framing_keep(&f));
  assert_null(f.kept); // idle connections own no memory
  framing_fini(&f);
}

static void
joins_a_message_from_single_bytes(void **state)
{
  (void)state;
  struct framing f = {.kept = NULL};
  const char bytes[] = "\0\5hello\0\1x";
  for (size_t i = 0; i < 10; i++) {
    receive(&f, bytes + i, 1);
    if (i == 6)
      expect(&f, "hello");
    if (i == 9)
      expect(&f, "x");
    expect_nothing(&f);
    assert_true(framing_keep(&f));
    memset(scratch, 0xee, sizeof scratch);
  }
  assert_int_equal(framing_unread(&f), 0);
  framing_fini(&f);
}

static void
end_of_one_and_start_of_the_next(void **state)
{
  (void)state;
  struct framing f = {.kept = NULL};
  receive(&f, "\0\4ab", 4);
  expect_nothing(&f);
  assert_true(framing_keep(&f));
  assert_int_equal(framing_unread(&f), 4);
  receive(&f, "cd\0\2xy\0\7z", 9);
  expect(&f, "abcd");
  expect(&f, "xy");
  expect_nothing(&f);
  assert_true(framing_keep(&f));
  assert_int_equal(framing_unread(&f), 3);
  receive(&f, "zzzzzz", 6);
  expect(&f, "zzzzzzz");
  framing_fini(&f);
}

static void
waiting_messages_survive_the_scratch_buffer(void **state)
{
  (void)state;
  struct framing f = {.kept = NULL};
  struct frame frame;
  receive(&f, "\0\1a\0\1b\0\1c\0\2d", 12);
  expect(&f, "a");
  assert_true(framing_next(&f, &frame));
  framing_put_back(&f, &frame);
  assert_true(framing_keep(&f));
  memset(scratch, 0xee, sizeof scratch);
  expect(&f, "b");
  assert_true(framing_next(&f, &frame)); // from kept memory, too
  framing_put_back(&f, &frame);
  expect(&f, "c");
  expect_nothing(&f);
  assert_true(framing_keep(&f));
  receive(&f, "d", 1);
  expect(&f, "dd");
  framing_fini(&f);
}

// Two bytes that claim 65535 must not make us hold 64 KiB; the whole message comes through nevertheless.
static void
believes_a_large_length_in_steps(void **state)
{
  (void)state;
  struct framing f = {.kept = NULL};
  struct frame frame;
  size_t sent = 0;
  receive(&f, "\xff\xff\1", 3);
  assert_true(framing_keep(&f));
  struct iovec parts[2];
  assert_int_equal(framing_space(&f, scratch, sizeof scratch, parts), 1);
  assert_true(f.capacity < 8192);
  for (sent = 1; sent < 65535; sent += parts[0].iov_len) {
    framing_space(&f, scratch, sizeof scratch, parts);
    memset(parts[0].iov_base, 1, parts[0].iov_len);
    framing_received(&f, parts[0].iov_len);
    assert_true(framing_keep(&f) || sent + parts[0].iov_len == 65535);
  }
  assert_int_equal(sent, 65535);
  assert_true(framing_next(&f, &frame));
  assert_int_equal(frame.size, 65535);
  for (size_t i = 0; i < frame.size; i++)
    assert_int_equal(frame.message[i], 1);
  assert_true(framing_keep(&f));
  assert_null(f.kept);
  framing_fini(&f);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_all_messages_of_one_read),
      cmocka_unit_test(joins_a_message_from_single_bytes),
      cmocka_unit_test(end_of_one_and_start_of_the_next),
      cmocka_unit_test(waiting_messages_survive_the_scratch_buffer),
      cmocka_unit_test(believes_a_large_length_in_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
