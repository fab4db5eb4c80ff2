// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of sent batches over loopback: what arrives is what was given, whatever was grouped.
#include "dnsproxy/net/send_batch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
// cmocka wants the ones above first.
#include <cmocka.h>

enum { PEERS = 3 };

// Single datagrams of which the first so many are refused.
static unsigned refuse_singles;

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
  if (refuse_singles > 0) {
    refuse_singles--;
    errno = EPERM;
    return -1;
  }
  return syscall(SYS_sendmsg, fd, message, flags);
}

static int sockets[PEERS], sender;
static struct address peers[PEERS];
static uint8_t data[SEND_BATCH_MAX][600];

static int
open_loopback(struct address *bound)
{
  socklen_t size = sizeof *bound;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  address_parse(bound, "127.0.0.1", 0, &(struct fault)FAULT_INIT);
  assert_int_equal(bind(fd, &bound->sa, address_size(bound)), 0);
  assert_int_equal(getsockname(fd, &bound->sa, &size), 0);
  return fd;
}

static int
setup(void **state)
{
  (void)state;
  struct address unused;
  sender = open_loopback(&unused);
  for (unsigned i = 0; i < PEERS; i++)
    sockets[i] = open_loopback(&peers[i]);
  return 0;
}

static int
teardown(void **state)
{
  (void)state;
  close(sender);
  for (unsigned i = 0; i < PEERS; i++)
    close(sockets[i]);
  return 0;
}

// Item i: its number twice, then filler.
static void
fill(struct send_batch *b, unsigned i, unsigned peer, size_t size)
{
  memset(data[i], (int)i, sizeof data[i]);
  b->items[i] = (struct send_item){.data = {.iov_base = data[i], .iov_len = size}, .to = &peers[peer]};
  b->count = i + 1;
}

static unsigned failures;

static void
count_failure(unsigned item, int error, void *arg)
{
  (void)item, (void)error, (void)arg;
  failures++;
}

// Every item of this peer arrives once, with its own size.
static void
expect(unsigned peer, const size_t *sizes, const unsigned *to, unsigned count)
{
  bool seen[SEND_BATCH_MAX] = {false};
  uint8_t got[2000];
  for (unsigned i = 0; i < count; i++) {
    if (to[i] != peer)
      continue;
    ssize_t n = recv(sockets[peer], got, sizeof got, MSG_DONTWAIT);
    assert_true(n > 0);
    assert_false(seen[got[0]]);
    seen[got[0]] = true;
    assert_int_equal(to[got[0]], peer);
    assert_int_equal(n, sizes[got[0]]);
    assert_int_equal(got[n - 1], got[0]);
  }
  assert_true(recv(sockets[peer], got, sizeof got, MSG_DONTWAIT) < 0);
}

static void
send_pattern(struct send_paths *paths)
{
  static struct send_batch b;
  size_t sizes[SEND_BATCH_MAX];
  unsigned to[SEND_BATCH_MAX];
  failures = 0;
  for (unsigned i = 0; i < SEND_BATCH_MAX; i++) {
    sizes[i] = i % 5 == 0 ? 40 + i : 100;
    to[i] = i % PEERS;
    fill(&b, i, to[i], sizes[i]);
  }
  send_batch_flush(&b, sender, paths, count_failure, NULL);
  assert_int_equal(failures, 0);
  assert_int_equal(b.count, 0);
  for (unsigned p = 0; p < PEERS; p++)
    expect(p, sizes, to, SEND_BATCH_MAX);
}

static void
test_grouped(void **state)
{
  (void)state;
  struct send_paths paths;
  send_paths_init(&paths, sender);
  assert_false(paths.unsupported);
  send_pattern(&paths);
  assert_int_equal(paths.barred_count, 0);
}

static void
test_single(void **state)
{
  (void)state;
  struct send_paths paths;
  send_paths_init(&paths, sender);
  paths.unsupported = true;
  send_pattern(&paths);
}

// A raw pipe end is no UDP socket: everything is refused, and each item is told once.
static void
test_refused(void **state)
{
  (void)state;
  static struct send_batch b;
  struct send_paths paths;
  send_paths_init(&paths, sender);
  int fds[2];
  assert_int_equal(pipe(fds), 0);
  failures = 0;
  for (unsigned i = 0; i < 10; i++)
    fill(&b, i, 0, 50);
  send_batch_flush(&b, fds[1], &paths, count_failure, NULL);
  assert_int_equal(failures, 10);
  close(fds[0]);
  close(fds[1]);
}

// Without checksums the kernel refuses to cut up messages: they go singly for a while, then it is tried again.
static void
test_falls_back(void **state)
{
  (void)state;
  int on = 1, off = 0;
  struct send_paths paths;
  send_paths_init(&paths, sender);
  assert_int_equal(setsockopt(sender, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  send_pattern(&paths);
  assert_int_equal(paths.barred_count, 1); // an address, whatever the port
  assert_int_equal(setsockopt(sender, SOL_SOCKET, SO_NO_CHECK, &off, sizeof off), 0);
  for (int i = 0; i < 64 && paths.barred_count > 0; i++)
    send_pattern(&paths);
  assert_int_equal(paths.barred_count, 0);
}

// What is refused is over: the caller takes its destination back.
static void
take_back(unsigned item, int error, void *arg)
{
  struct address *destinations = arg;
  assert_int_equal(error, EPERM);
  memset(&destinations[item], 0xff, sizeof destinations[item]);
}

static void
test_refused_while_falling_back(void **state)
{
  (void)state;
  int on = 1, off = 0;
  static struct send_batch b;
  struct address destinations[4];
  struct send_paths paths[2];
  assert_int_equal(setsockopt(sender, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  for (unsigned refused = 0; refused < 2; refused++) {
    send_paths_init(&paths[refused], sender);
    for (unsigned i = 0; i < 4; i++) {
      fill(&b, i, 0, 50);
      destinations[i] = peers[0];
      b.items[i].to = &destinations[i];
    }
    refuse_singles = refused;
    send_batch_flush(&b, sender, &paths[refused], take_back, destinations);
    uint8_t got[100];
    for (unsigned i = refused; i < 4; i++)
      assert_int_equal(recv(sockets[0], got, sizeof got, MSG_DONTWAIT), 50);
  }
  assert_int_equal(setsockopt(sender, SOL_SOCKET, SO_NO_CHECK, &off, sizeof off), 0);
  assert_int_equal(paths[0].barred_count, 1);
  assert_memory_equal(&paths[0], &paths[1], sizeof paths[0]); // it is the peer that is barred
}

// A destination that takes nothing at all says nothing about segments.
static void
test_bad_peer(void **state)
{
  (void)state;
  static struct send_batch b;
  struct send_paths paths;
  struct address nowhere = peers[0];
  address_set_port(&nowhere, 0);
  send_paths_init(&paths, sender);
  failures = 0;
  for (unsigned i = 0; i < 8; i++) {
    fill(&b, i, 0, 50);
    if (i % 2 == 0)
      b.items[i].to = &nowhere;
  }
  send_batch_flush(&b, sender, &paths, count_failure, NULL);
  assert_int_equal(failures, 4);
  assert_int_equal(paths.barred_count, 0);
  uint8_t got[100];
  for (unsigned i = 0; i < 4; i++)
    assert_int_equal(recv(sockets[0], got, sizeof got, MSG_DONTWAIT), 50);
}

// A full send buffer fails at once.
static void
test_full_buffer(void **state)
{
  (void)state;
  static struct send_batch b;
  static uint8_t large[SEND_BATCH_MAX][1200];
  struct send_paths paths = {.unsupported = false};
  int pair[2];
  unsigned rounds = 0;
  assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
  failures = 0;
  paths.unsupported = true;
  for (; failures == 0 && rounds < 1000; rounds++) {
    for (unsigned i = 0; i < SEND_BATCH_MAX; i++)
      b.items[i] = (struct send_item){.data = {.iov_base = large[i], .iov_len = sizeof large[i]}};
    b.count = SEND_BATCH_MAX;
    send_batch_flush(&b, pair[0], &paths, count_failure, NULL);
  }
  assert_in_range(failures, 1, SEND_BATCH_MAX);
  close(pair[0]);
  close(pair[1]);
}

// More than fits into one message that the kernel cuts up.
static void
test_large(void **state)
{
  (void)state;
  static struct send_batch b;
  static uint8_t large[SEND_BATCH_MAX][1400];
  uint8_t got[2000];
  struct send_paths paths;
  send_paths_init(&paths, sender);
  unsigned arrived = 0;
  failures = 0;
  for (unsigned i = 0; i < SEND_BATCH_MAX; i++)
    b.items[i] = (struct send_item){.data = {.iov_base = large[i], .iov_len = sizeof large[i]}, .to = &peers[0]};
  b.count = SEND_BATCH_MAX;
  send_batch_flush(&b, sender, &paths, count_failure, NULL);
  assert_int_equal(failures, 0);
  while (recv(sockets[0], got, sizeof got, MSG_DONTWAIT) == (ssize_t)sizeof large[0])
    arrived++;
  assert_int_equal(arrived, SEND_BATCH_MAX);
}

// One that is larger than what is ever grouped.
static void
test_largest(void **state)
{
  (void)state;
  static struct send_batch b;
  static uint8_t large[65000], got[65535];
  struct send_paths paths;
  send_paths_init(&paths, sender);
  failures = 0;
  memset(large, 7, sizeof large);
  for (unsigned i = 0; i < 2; i++)
    b.items[i] = (struct send_item){.data = {.iov_base = large, .iov_len = sizeof large}, .to = &peers[i]};
  b.count = 2;
  send_batch_flush(&b, sender, &paths, count_failure, NULL);
  assert_int_equal(failures, 0);
  for (unsigned i = 0; i < 2; i++) {
    assert_int_equal(recv(sockets[i], got, sizeof got, MSG_DONTWAIT), sizeof large);
    assert_memory_equal(got, large, sizeof large);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_grouped), cmocka_unit_test(test_single), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_falls_back), cmocka_unit_test(test_refused_while_falling_back),
      cmocka_unit_test(test_bad_peer), cmocka_unit_test(test_full_buffer),
      cmocka_unit_test(test_large), cmocka_unit_test(test_largest),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
