// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the console server over real sockets, with the control state's Lua behind it.
#include "console/frame.h"
#include "console/server.h"
#include "tests/configuration_fixture.h"
#include "lua/scripts/control_state.h"
#include "services/service.h"
#include "lua/scripts/thread_state.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka wants the ones above first.
#include <cmocka.h>

enum { STEPS = 4000, LARGE = 1 << 20 };

static struct event_base *base;
static struct address address;

static int
connect_client(void)
{
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, &address.sa, address_size(&address)), 0);
  return fd;
}

static bool
open_on_free_port(void)
{
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(address_parse(&address, "127.0.0.1:0", 0, &(struct fault)FAULT_INIT));
  assert_int_equal(bind(fd, &address.sa, address_size(&address)), 0);
  assert_int_equal(getsockname(fd, &address.sa, &size), 0);
  close(fd);
  return console_server_open(base, &address, &(struct fault)FAULT_INIT);
}

static int
open_all(void **state)
{
  (void)state;
  scripts_open();
  services_open();
  configuration_fixture_open(PHASE_LOADING);
  base = event_base_new();
  config()->settings.console_logging = false;
  memset(config()->console_key, 7, sizeof config()->console_key);
  config()->console_key_set = true;
  while (!open_on_free_port())
    ;
  return 0;
}

static int
close_all(void **state)
{
  (void)state;
  console_server_close();
  event_base_free(base);
  thread_state_end();
  configuration_fixture_close();
  return 0;
}

static void
turn(void)
{
  event_base_loop(base, EVLOOP_NONBLOCK);
  usleep(200);
}

// The server runs on this thread too: it turns until the bytes are there. False: the connection ended first.
static bool
receive(int fd, void *out, size_t size)
{
  uint8_t *at = out;
  for (unsigned i = 0; i < STEPS && size > 0; i++) {
    ssize_t n = recv(fd, at, size, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
      return false;
    if (n > 0) {
      at += n;
      size -= (size_t)n;
    } else {
      turn();
    }
  }
  assert_int_equal(size, 0);
  return true;
}

static void
send_whole(int fd, const void *bytes, size_t size)
{
  assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

static int
greet(struct console_box *box)
{
  uint8_t own[CONSOLE_NONCE_SIZE] = {1, 2, 3}, theirs[CONSOLE_NONCE_SIZE], key[CONSOLE_KEY_SIZE];
  int fd = connect_client();
  memset(key, 7, sizeof key);
  send_whole(fd, own, sizeof own);
  assert_true(receive(fd, theirs, sizeof theirs));
  console_box_init(box, key, own, theirs);
  return fd;
}

static void
command(int fd, struct console_box *box, const char *text)
{
  uint8_t frame[256];
  send_whole(fd, frame, console_seal(box, text, strlen(text), frame));
}

// The next answer, NUL-terminated.
static char *
answer(int fd, struct console_box *box)
{
  uint8_t length[CONSOLE_LENGTH_SIZE];
  assert_true(receive(fd, length, sizeof length));
  size_t size = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3];
  assert_true(size >= CONSOLE_TAG_SIZE);
  uint8_t *sealed = malloc(size);
  char *plain = calloc(1, size);
  assert_true(receive(fd, sealed, size));
  assert_true(console_open(box, sealed, size, (uint8_t *)plain));
  free(sealed);
  return plain;
}

static void
expect(int fd, struct console_box *box, const char *text)
{
  char *got = answer(fd, box);
  assert_string_equal(got, text);
  free(got);
}

static void
expect_end(int fd)
{
  uint8_t byte;
  assert_false(receive(fd, &byte, 1));
  close(fd);
}

static void
test_commands(void **state)
{
  (void)state;
  struct console_box box;
  int fd = greet(&box);
  command(fd, &box, "");
  expect(fd, &box, "");
  command(fd, &box, "1 + 1");
  expect(fd, &box, "2\n");
  send_whole(fd, "\0\0\0\0", 4); // no box: answered in kind, nonces stay
  uint8_t four[4];
  assert_true(receive(fd, four, sizeof four));
  assert_memory_equal(four, "\0\0\0\0", 4);
  command(fd, &box, "'x'");
  expect(fd, &box, "x\n");
  close(fd);
}

// A frame in pieces, the handshake too.
static void
test_pieces(void **state)
{
  (void)state;
  struct console_box box;
  uint8_t own[CONSOLE_NONCE_SIZE] = {9}, theirs[CONSOLE_NONCE_SIZE], key[CONSOLE_KEY_SIZE], frame[64];
  memset(key, 7, sizeof key);
  int fd = connect_client();
  for (size_t i = 0; i < sizeof own; i++) {
    send_whole(fd, own + i, 1);
    turn();
  }
  assert_true(receive(fd, theirs, sizeof theirs));
  console_box_init(&box, key, own, theirs);
  size_t size = console_seal(&box, "3", 1, frame);
  for (size_t i = 0; i < size; i++) {
    send_whole(fd, frame + i, 1);
    turn();
  }
  expect(fd, &box, "3\n");
  close(fd);
}

// What was asked before the peer stopped sending is answered.
static void
test_half_closed(void **state)
{
  (void)state;
  struct console_box box;
  int fd = greet(&box);
  command(fd, &box, "string.rep('x', 2000000)");
  command(fd, &box, "2");
  shutdown(fd, SHUT_WR);
  char *large = answer(fd, &box);
  assert_int_equal(strlen(large), 2000001);
  free(large);
  expect(fd, &box, "2\n");
  expect_end(fd);
}

static void
test_bad_frames(void **state)
{
  (void)state;
  static const uint8_t forged[4 + 20] = {0, 0, 0, 20}, shorter[4 + 3] = {0, 0, 0, 3};
  struct console_box box;
  int fd = greet(&box);
  command(fd, &box, "4");
  send_whole(fd, forged, sizeof forged);
  expect(fd, &box, "4\n");
  expect_end(fd);
  fd = greet(&box);
  send_whole(fd, shorter, sizeof shorter);
  expect_end(fd);
  config()->settings.console_max_message = 100;
  fd = greet(&box);
  send_whole(fd, "\0\0\0\145", 4); // 101
  expect_end(fd);
}

// A peer that reads nothing cannot make the server keep answers without end.
static void
test_greedy(void **state)
{
  (void)state;
  struct console_box box;
  int fd = greet(&box);
  static uint8_t zeros[65536];
  size_t sent = 0;
  for (unsigned i = 0; i < STEPS && sent < 64 * (size_t)LARGE; i++) {
    ssize_t n = send(fd, zeros, sizeof zeros, MSG_DONTWAIT | MSG_NOSIGNAL);
    sent += n > 0 ? (size_t)n : 0;
    event_base_loop(base, EVLOOP_NONBLOCK);
    if (n < 0 && i > 100)
      break;
  }
  assert_true(sent < 64 * (size_t)LARGE);
  close(fd);
}

static void
test_refused(void **state)
{
  (void)state;
  struct console_box box;
  config()->settings.console_max_connections = 1;
  int first = greet(&box);
  expect_end(connect_client());
  close(first);
  for (unsigned i = 0; i < 10; i++)
    turn();
  close(greet(&box));
  config()->settings.console_max_connections = 0;
  config()->console_key_set = false;
  expect_end(connect_client());
  config()->console_key_set = true;
  netmask_set_writable(&config()->console_acl);
  netmask_set_clear(config()->console_acl);
  expect_end(connect_client());
}

#define CONSOLE_TEST(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      CONSOLE_TEST(test_commands), CONSOLE_TEST(test_pieces),  CONSOLE_TEST(test_half_closed),
      CONSOLE_TEST(test_bad_frames), CONSOLE_TEST(test_greedy), CONSOLE_TEST(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
