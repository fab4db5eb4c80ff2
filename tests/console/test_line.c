// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the console's line reader: lines from a pipe, and a reader on a pipe or a terminal that is interrupted.
#include "console/line.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
// cmocka wants the ones above first.
#include <cmocka.h>

enum { PATIENCE_S = 10 };

static void
no_words(struct text *out)
{
  text_puts(out, "word\n");
}

static void
input(const char *bytes)
{
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], bytes, strlen(bytes)), strlen(bytes));
  close(ends[1]);
  assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  close(ends[0]);
}

static void
expect_line(struct line_reader *r, const char *text)
{
  char *line = line_reader_next(r);
  assert_non_null(line);
  assert_string_equal(line, text);
  free(line);
}

static void
test_lines(void **state)
{
  (void)state;
  input("one\n\ntwo words\r\nlast");
  struct line_reader *r = line_reader_open(false, no_words);
  assert_false(line_reader_is_terminal(r));
  expect_line(r, "one");
  expect_line(r, "");
  expect_line(r, "two words");
  expect_line(r, "last");
  assert_null(line_reader_next(r));
  assert_null(line_reader_next(r));
  line_reader_close(&r);
}

static void
test_long_line(void **state)
{
  (void)state;
  static char text[20001];
  memset(text, 'x', sizeof text - 2);
  text[sizeof text - 2] = '\n';
  input(text);
  struct line_reader *r = line_reader_open(false, no_words);
  text[sizeof text - 2] = '\0';
  expect_line(r, text);
  assert_null(line_reader_next(r));
  line_reader_close(&r);
}

// ---- interrupted: for good, so each in a process of its own ----

static void
expect_success(void (*scenario)(void))
{
  int status;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    alarm(PATIENCE_S);
    scenario();
    _exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *
interrupt_soon(void *arg)
{
  (void)arg;
  usleep(20000);
  line_reader_interrupt();
  return NULL;
}

static void
read_until_interrupted(void)
{
  pthread_t thread;
  struct line_reader *r = line_reader_open(true, no_words);
  pthread_create(&thread, NULL, interrupt_soon, NULL);
  char *line = line_reader_next(r);
  pthread_join(thread, NULL);
  line_reader_close(&r);
  if (line != NULL)
    _exit(1);
}

static void
on_open_pipe(void)
{
  int ends[2];
  if (pipe(ends) != 0 || dup2(ends[0], STDIN_FILENO) < 0)
    _exit(2);
  read_until_interrupted();
}

static void
before_opening(void)
{
  line_reader_interrupt();
  on_open_pipe();
}

// Standard input, output and error become a terminal; its other end is returned, what keys go into.
static int
become_terminal(int *slave)
{
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
    _exit(2);
  *slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  setenv("TERM", "vt100", 1);
  for (int fd = 0; fd < 3; fd++)
    if (dup2(*slave, fd) < 0)
      _exit(3);
  return master;
}

static void
type(int master, const char *keys)
{
  if (write(master, keys, strlen(keys)) != (ssize_t)strlen(keys))
    _exit(4);
}

// The terminal is left as it was found.
static void
on_terminal(void)
{
  struct termios before, after;
  int slave, master = become_terminal(&slave);
  tcgetattr(slave, &before);
  type(master, "half a li");
  read_until_interrupted();
  tcgetattr(slave, &after);
  if (before.c_lflag != after.c_lflag || before.c_iflag != after.c_iflag)
    _exit(5);
}

static void
test_interrupted(void **state)
{
  (void)state;
  expect_success(on_open_pipe);
  expect_success(before_opening);
  expect_success(on_terminal);
}

// ---- history ----

static char home[] = "/tmp/dnsproxy-line-XXXXXX", history[sizeof home + 32];

static void
expect_history(const char *lines)
{
  char content[200] = "";
  FILE *f = fopen(history, "r");
  if (f == NULL || fread(content, 1, sizeof content - 1, f) == 0 || strcmp(content, lines) != 0)
    _exit(6);
  fclose(f);
}

// Lines are in the file as soon as they were read, plain, after those of earlier sessions; a repeated one is there once.
static void
lines_are_kept(void)
{
  int slave, master = become_terminal(&slave);
  struct line_reader *r = line_reader_open(false, no_words);
  static const char *const typed[] = {"first(1)", "second two", "second two", "third"};
  for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
    type(master, typed[i]);
    type(master, "\r");
    char *line = line_reader_next(r);
    if (line == NULL || strcmp(line, typed[i]) != 0)
      _exit(5);
    free(line);
  }
  expect_history("from the peer\nfirst(1)\nsecond two\nthird\n");
  // Key up is the last line.
  type(master, "\020\r");
  char *again = line_reader_next(r);
  if (again == NULL || strcmp(again, "third") != 0)
    _exit(7);
  free(again);
  line_reader_close(&r);
  expect_history("from the peer\nfirst(1)\nsecond two\nthird\n");
}

// What another session left comes back with key up.
static void
lines_come_back(void)
{
  int slave, master = become_terminal(&slave);
  struct line_reader *r = line_reader_open(false, no_words);
  type(master, "\020\020\r");
  char *line = line_reader_next(r);
  if (line == NULL || strcmp(line, "second two") != 0)
    _exit(5);
  free(line);
  line_reader_close(&r);
}

static void
test_history(void **state)
{
  (void)state;
  assert_non_null(mkdtemp(home));
  snprintf(history, sizeof history, "%s/.dnsdist_history", home);
  setenv("HOME", home, 1);
  FILE *f = fopen(history, "w");
  fputs("from the peer\n", f);
  fclose(f);
  expect_success(lines_are_kept);
  expect_success(lines_come_back);
  unlink(history);
  assert_int_equal(rmdir(home), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines),
      cmocka_unit_test(test_long_line),
      cmocka_unit_test(test_interrupted),
      cmocka_unit_test(test_history),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
