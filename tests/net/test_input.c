// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/net/input: messages split over reads, several in one, some that must wait.
#include "dnsproxy/net/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SCRATCH = 64 };

static uint8_t scratch[SCRATCH];

// One read event that brings these bytes.
static void
receive(struct input *f, const void *bytes, size_t count)
{
  struct iovec parts[2];
  int n = input_space(f, scratch, sizeof scratch, parts);
  const uint8_t *from = bytes;
  size_t left = count;
  for (int i = 0; i < n; i++) {
    size_t part = parts[i].iov_len < left ? parts[i].iov_len : left;
    memcpy(parts[i].iov_base, from, part);
    from += part;
    left -= part;
  }
  assert_int_equal(left, 0);
  input_received(f, count);
}

static void
expect(struct input *f, const char *message)
{
  struct frame frame;
  assert_true(input_has_message(f));
  assert_true(input_next(f, &frame));
  assert_int_equal(frame.size, strlen(message));
  assert_memory_equal(frame.message, message, frame.size);
}

static void
expect_nothing(struct input *f)
{
  struct frame frame;
  assert_false(input_has_message(f));
  assert_false(input_next(f, &frame));
}

static void
takes_all_messages_of_one_read(void **state)
{
  (void)state;
  struct input f = {.kept = NULL};
  input_speak(&f, &protocol_dns, 0);
  receive(&f, "\0\3abc\0\0\0\2de", 11);
  expect(&f, "abc");
  expect(&f, "");
  expect(&f, "de");
  expect_nothing(&f);
  assert_true(input_keep(&f));
  assert_null(f.kept); // idle connections own no memory
  input_fini(&f);
}

static void
joins_a_message_from_single_bytes(void **state)
{
  (void)state;
  struct input f = {.kept = NULL};
  input_speak(&f, &protocol_dns, 0);
  const char bytes[] = "\0\5hello\0\1x";
  for (size_t i = 0; i < 10; i++) {
    receive(&f, bytes + i, 1);
    if (i == 6)
      expect(&f, "hello");
    if (i == 9)
      expect(&f, "x");
    expect_nothing(&f);
    assert_true(input_keep(&f));
    memset(scratch, 0xee, sizeof scratch);
  }
  assert_int_equal(input_unread(&f), 0);
  input_fini(&f);
}

static void
end_of_one_and_start_of_the_next(void **state)
{
  (void)state;
  struct input f = {.kept = NULL};
  input_speak(&f, &protocol_dns, 0);
  receive(&f, "\0\4ab", 4);
  expect_nothing(&f);
  assert_true(input_keep(&f));
  assert_int_equal(input_unread(&f), 4);
  receive(&f, "cd\0\2xy\0\7z", 9);
  expect(&f, "abcd");
  expect(&f, "xy");
  expect_nothing(&f);
  assert_true(input_keep(&f));
  assert_int_equal(input_unread(&f), 3);
  receive(&f, "zzzzzz", 6);
  expect(&f, "zzzzzzz");
  input_fini(&f);
}

static void
waiting_messages_survive_the_scratch_buffer(void **state)
{
  (void)state;
  struct input f = {.kept = NULL};
  input_speak(&f, &protocol_dns, 0);
  struct frame frame;
  receive(&f, "\0\1a\0\1b\0\1c\0\2d", 12);
  expect(&f, "a");
  assert_true(input_next(&f, &frame));
  input_put_back(&f, &frame);
  assert_true(input_keep(&f));
  memset(scratch, 0xee, sizeof scratch);
  expect(&f, "b");
  assert_true(input_next(&f, &frame)); // from kept memory, too
  input_put_back(&f, &frame);
  expect(&f, "c");
  expect_nothing(&f);
  assert_true(input_keep(&f));
  receive(&f, "d", 1);
  expect(&f, "dd");
  input_fini(&f);
}

// Two bytes that claim 65535 must not make us hold 64 KiB; the whole message comes through nevertheless.
static void
believes_a_large_length_in_steps(void **state)
{
  (void)state;
  struct input f = {.kept = NULL};
  input_speak(&f, &protocol_dns, 0);
  struct frame frame;
  size_t sent = 0;
  receive(&f, "\xff\xff\1", 3);
  assert_true(input_keep(&f));
  struct iovec parts[2];
  assert_int_equal(input_space(&f, scratch, sizeof scratch, parts), 1);
  assert_true(f.capacity < 8192);
  for (sent = 1; sent < 65535; sent += parts[0].iov_len) {
    input_space(&f, scratch, sizeof scratch, parts);
    memset(parts[0].iov_base, 1, parts[0].iov_len);
    input_received(&f, parts[0].iov_len);
    assert_true(input_keep(&f) || sent + parts[0].iov_len == 65535);
  }
  assert_int_equal(sent, 65535);
  assert_true(input_next(&f, &frame));
  assert_int_equal(frame.size, 65535);
  for (size_t i = 0; i < frame.size; i++)
    assert_int_equal(frame.message[i], 1);
  assert_true(input_keep(&f));
  assert_null(f.kept);
  input_fini(&f);
}

static void
cuts_lines(void **state)
{
  (void)state;
  struct input f = {.kept = NULL};
  input_speak(&f, &protocol_lines, 100);
  receive(&f, "one\n\ntwo", 8);
  expect(&f, "one");
  expect(&f, "");
  expect_nothing(&f);
  assert_true(input_keep(&f));
  // Longer than half of the scratch buffer: it is completed in memory of its own.
  for (int i = 0; i < 10; i++) {
    receive(&f, "23456", 5);
    expect_nothing(&f);
    assert_true(input_keep(&f));
  }
  receive(&f, "\nlast\nx", 7);
  expect(&f, "two23456234562345623456234562345623456234562345623456");
  expect(&f, "last");
  expect_nothing(&f);
  assert_true(input_keep(&f));
  assert_false(f.broken);
  for (int i = 0; i < 20; i++) {
    receive(&f, "23456", 5);
    expect_nothing(&f);
    assert_true(input_keep(&f));
  }
  assert_true(f.broken); // more than a line may have
  input_fini(&f);
}

static void
goes_on_in_another_protocol(void **state)
{
  (void)state;
  struct input f = {.kept = NULL};
  input_speak(&f, &protocol_lines, 0);
  receive(&f, "hello\n\0\2ab\0\1", 12);
  expect(&f, "hello");
  input_speak(&f, &protocol_dns, 0);
  expect(&f, "ab");
  expect_nothing(&f);
  assert_true(input_keep(&f));
  receive(&f, "c", 1);
  expect(&f, "c");
  input_fini(&f);
}

static void
refuses_what_is_no_proxy_header(void **state)
{
  (void)state;
  static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\3abc";
  struct input f = {.kept = NULL};
  struct frame frame;
  input_speak(&f, &protocol_proxy_header, 0);
  receive(&f, local, 19);
  assert_true(input_next(&f, &frame));
  assert_int_equal(frame.size, 19);
  input_speak(&f, &protocol_proxy_header, 18);
  assert_true(input_keep(&f));
  receive(&f, local, 16);
  expect_nothing(&f);
  assert_true(f.broken);
  input_fini(&f);
  input_speak(&f, &protocol_proxy_header, 0);
  receive(&f, "\r\nQ", 3);
  expect_nothing(&f);
  assert_true(f.broken);
  input_fini(&f);
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
      cmocka_unit_test(cuts_lines),
      cmocka_unit_test(goes_on_in_another_protocol),
      cmocka_unit_test(refuses_what_is_no_proxy_header),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
