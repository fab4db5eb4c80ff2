// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/base/log_sink: nobody waits, records are whole and in order, and what is lost is counted and told.
#include "dnsproxy/base/log_sink.h"

#include "dnsproxy/base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 4, LINES = 3000, PLENTY = 200000 };

static _Atomic uint64_t told;

static void
count_told(const char *sink, uint64_t lost)
{
  (void)sink;
  atomic_fetch_add(&told, lost);
}

static int
begin(void **state)
{
  (void)state;
  told = 0;
  log_writer_start(count_told);
  return 0;
}

static int
finish(void **state)
{
  (void)state;
  log_writer_stop(2000);
  return 0;
}

static struct log_sink *
open_pipe(int *reader, bool nonblocking)
{
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  if (nonblocking)
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
  *reader = ends[0];
  return log_sink_open(ends[1], "pipe", false);
}

static struct log_sink *shared;

static void *
put_many(void *arg)
{
  char line[200];
  int id = *(int *)arg;
  for (int i = 0; i < LINES; i++) {
    int size = snprintf(line, sizeof line, "%d %d %.*s\n", id, i, i % 150, "..........................................................................."
                                                                           "...........................................................................");
    while (!log_sink_put(shared, line, (size_t)size))
      usleep(100);
  }
  return NULL;
}

// Everything that comes until `last` lines have come, or the end.
static int
read_lines(FILE *in, int *next)
{
  char line[300];
  int lines = 0, id, number, after;
  while (lines < THREADS * LINES && fgets(line, sizeof line, in) != NULL) {
    after = 0;
    assert_int_equal(sscanf(line, "%d %d%n", &id, &number, &after), 2);
    assert_int_equal(number, next[id]);
    next[id]++;
    assert_int_equal(strlen(line + after), number % 150 + 2);
    lines++;
  }
  return lines;
}

static void
lines_of_threads_are_whole_and_in_order(void **state)
{
  (void)state;
  int reader, next[THREADS] = {0}, ids[THREADS];
  pthread_t threads[THREADS];
  shared = open_pipe(&reader, false);
  for (int i = 0; i < THREADS; i++) {
    ids[i] = i;
    pthread_create(&threads[i], NULL, put_many, &ids[i]);
  }
  FILE *in = fdopen(reader, "r");
  assert_int_equal(read_lines(in, next), THREADS * LINES);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  log_sink_close(&shared);
  fclose(in);
}

static void
nobody_waits_for_a_full_pipe(void **state)
{
  (void)state;
  for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
    int reader, other;
    struct log_sink *full = open_pipe(&reader, nonblocking), *well = open_pipe(&other, false);
    uint64_t before = log_sink_lost(), told_before = told, good = 0;
    for (int i = 0; i < PLENTY; i++)
      good += log_sink_put(full, "0123456789\n", 11);
    assert_true(good > 1000 && good < PLENTY);
    assert_int_equal(log_sink_lost() - before, PLENTY - good);
    // Another sink is written meanwhile.
    char word[6] = "";
    assert_true(log_sink_put(well, "hello\n", 6));
    assert_int_equal(read(other, word, sizeof word), 6);
    // And once somebody reads, what was kept comes, whole, and what was lost is told.
    char buffer[4400];
    uint64_t bytes = 0;
    while (bytes < good * 11) {
      ssize_t n = read(reader, buffer, sizeof buffer);
      assert_true(n > 0);
      for (ssize_t i = 0; i < n; i++)
        assert_int_equal(buffer[i], "0123456789\n"[(bytes + (uint64_t)i) % 11]);
      bytes += (uint64_t)n;
    }
    for (uint64_t end = clock_mono_us() + 5000000; told - told_before < PLENTY - good && clock_mono_us() < end;)
      usleep(1000);
    assert_int_equal(told - told_before, PLENTY - good);
    assert_true(log_sink_put(full, "again\n", 6));
    assert_int_equal(read(reader, buffer, sizeof buffer), 6);
    log_sink_close(&full);
    log_sink_close(&well);
    close(reader);
    close(other);
  }
}

static void
a_stop_does_not_wait_for_ever(void **state)
{
  (void)state;
  int reader;
  struct log_sink *s = open_pipe(&reader, false);
  for (int i = 0; i < PLENTY; i++)
    log_sink_put(s, "0123456789\n", 11);
  uint64_t start = clock_mono_us(), lost = log_sink_lost();
  log_writer_stop(200);
  assert_in_range(clock_mono_us() - start, 100000, 3000000);
  assert_true(log_sink_lost() > lost);
  // Afterwards a line is written if that needs no wait.
  assert_false(log_sink_put(s, "full\n", 5));
  char *all = malloc(1 << 20);
  assert_true(read(reader, all, 1 << 20) > 1000);
  assert_true(log_sink_put(s, "room\n", 5));
  assert_int_equal(read(reader, all, 1 << 20), 5);
  free(all);
  log_sink_close(&s);
  close(reader);
}

static void
a_stop_writes_what_is_queued(void **state)
{
  (void)state;
  char path[] = "/tmp/test_log_sink.XXXXXX", text[40] = "";
  int fd = mkstemp(path);
  struct log_sink *s = log_sink_open(dup(fd), path, true);
  assert_true(log_sink_put(s, "buffered ", 9));
  assert_true(log_sink_put(s, "lines", 5));
  log_writer_stop(2000);
  assert_int_equal(pread(fd, text, sizeof text - 1, 0), 14);
  assert_string_equal(text, "buffered lines");
  log_sink_close(&s);
  unlink(path);
  close(fd);
}

static void
a_replaced_descriptor_gets_what_follows(void **state)
{
  (void)state;
  int first, second, ends[2];
  char word[20];
  struct log_sink *s = open_pipe(&first, false);
  log_sink_put(s, "one", 3);
  assert_int_equal(read(first, word, sizeof word), 3);
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  second = ends[0];
  log_sink_replace(s, ends[1]);
  assert_int_equal(read(first, word, sizeof word), 0); // closed
  log_sink_put(s, "three", 5);
  assert_int_equal(read(second, word, sizeof word), 5);
  log_sink_close(&s);
  assert_int_equal(read(second, word, sizeof word), 0);
  close(first);
  close(second);
}

static size_t
read_all(int fd, char *into, size_t room)
{
  size_t size = 0;
  for (ssize_t n; size < room - 1 && (n = read(fd, into + size, room - 1 - size)) > 0;)
    size += (size_t)n;
  into[size] = 0;
  return size;
}

// However late the writer wakes, and whatever it is doing: a record goes where it was to go when it was put.
static void
a_switch_is_where_it_was_asked_for(void **state)
{
  (void)state;
  enum { TURNS = 2000 };
  for (int i = 0; i < TURNS; i++) {
    int first, ends[2];
    char got[16];
    struct log_sink *s = open_pipe(&first, false);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    log_sink_put(s, "zero\n", 5); // the writer is somewhere on its way
    for (uint64_t until = clock_mono_us() + (uint64_t)(i % 50); clock_mono_us() < until;)
      ;
    log_sink_put(s, "one\n", 4);
    log_sink_replace(s, ends[1]);
    log_sink_put(s, "two\n", 4);
    log_sink_close(&s);
    read_all(ends[0], got, sizeof got);
    assert_string_equal(got, "two\n");
    read_all(first, got, sizeof got);
    assert_string_equal(got, "zero\none\n");
    close(first);
    close(ends[0]);
  }
}

static void
records_are_datagrams(void **state)
{
  (void)state;
  char folder[] = "/tmp/test_log_sink.XXXXXX", buffer[100];
  assert_non_null(mkdtemp(folder));
  struct sockaddr_un here = {.sun_family = AF_UNIX};
  snprintf(here.sun_path, sizeof here.sun_path, "%s/log", folder);
  uint64_t lost = log_sink_lost();
  struct log_sink *s = log_sink_open_datagrams(here.sun_path);
  log_sink_put(s, "nobody listens", 14);
  log_writer_flush(2000);
  assert_int_equal(log_sink_lost(), lost);
  for (int turn = 0; turn < 2; turn++) { // a daemon that is started again
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    log_sink_put(s, "one", 3);
    log_sink_put(s, "three", 5);
    assert_int_equal(recv(fd, buffer, sizeof buffer, 0), 3);
    assert_int_equal(recv(fd, buffer, sizeof buffer, 0), 5);
    // One that hangs takes some and holds up nobody.
    uint64_t start = clock_mono_us();
    for (int i = 0; i < PLENTY; i++)
      log_sink_put(s, "0123456789", 10);
    assert_true(clock_mono_us() - start < 5000000);
    assert_true(log_sink_lost() > lost);
    close(fd);
    unlink(here.sun_path);
    log_writer_flush(20000); // into nothing
  }
  log_sink_close(&s);
  rmdir(folder);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(lines_of_threads_are_whole_and_in_order, begin, finish),
      cmocka_unit_test_setup_teardown(nobody_waits_for_a_full_pipe, begin, finish),
      cmocka_unit_test_setup_teardown(a_stop_does_not_wait_for_ever, begin, finish),
      cmocka_unit_test_setup_teardown(a_stop_writes_what_is_queued, begin, finish),
      cmocka_unit_test_setup_teardown(a_replaced_descriptor_gets_what_follows, begin, finish),
      cmocka_unit_test_setup_teardown(a_switch_is_where_it_was_asked_for, begin, finish),
      cmocka_unit_test_setup_teardown(records_are_datagrams, begin, finish),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
