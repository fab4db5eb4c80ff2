// SPDX-License-Identifier: BSD-2-Clause
// base/unix_datagram: by path and by abstract name; what is in the way; what cannot be opened.
#include "dnsproxy/base/unix_datagram.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void
check_passage(const char *path, size_t size)
{
  char got[8];
  int in = unix_datagram_bind(path, size), out = unix_datagram_connect(path, size);
  assert_true(in >= 0 && out >= 0);
  assert_int_equal(recv(in, got, sizeof got, 0), -1); // it does not wait
  assert_int_equal(errno, EAGAIN);
  assert_true(unix_datagram_send(out, "a\0b", 3));
  assert_int_equal(recv(in, got, sizeof got, 0), 3);
  assert_memory_equal(got, "a\0b", 3);
  close(in);
  assert_false(unix_datagram_send(out, "x", 1)); // nobody there, and no signal
  close(out);
}

static void
datagrams_pass(void **state)
{
  (void)state;
  char folder[] = "/tmp/unix-datagram-XXXXXX", path[64], name[64];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/s", folder);
  check_passage(path, strlen(path));
  check_passage(path, strlen(path)); // over the one that was left
  unlink(path);
  int size = snprintf(name, sizeof name, "%cdnsproxy-test-%d", 0, (int)getpid());
  check_passage(name, (size_t)size);
  int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  assert_true(file >= 0);
  close(file);
  assert_int_equal(unix_datagram_bind(path, strlen(path)), -1); // a file is left alone
  assert_int_equal(errno, EADDRINUSE);
  assert_int_equal(access(path, F_OK), 0);
  unlink(path);
  assert_int_equal(unix_datagram_connect(path, strlen(path)), -1);
  assert_int_equal(errno, ENOENT);
  rmdir(folder);
}

static void
paths_that_cannot_be(void **state)
{
  (void)state;
  char longest[200];
  memset(longest, 'x', sizeof longest);
  const struct {
    const char *path;
    size_t size;
  } rows[] = {{"", 0}, {longest, sizeof longest}, {"/tmp/a\0b", 8}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_int_equal(unix_datagram_connect(rows[i].path, rows[i].size), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(unix_datagram_bind(rows[i].path, rows[i].size), -1);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(datagrams_pass), cmocka_unit_test(paths_that_cannot_be)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
