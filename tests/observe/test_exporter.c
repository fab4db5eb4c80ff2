// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/observe/exporter: records arrive whole, in order and once, or are counted as lost.
#include "dnsproxy/observe/exporter.h"

#include "dnsproxy/base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LANES = 3, RECORDS = 60000, LANE_SIZE = 4096, LARGEST = 600 };

struct reader {
  uint32_t next[LANES]; // the number that is expected at least
  _Atomic uint64_t taken, wrong, done, skipped;
  _Atomic bool held; // take() waits
};

// A record is its number, and bytes that follow from it.
static size_t
make_record(uint8_t *record, uint32_t number)
{
  size_t size = sizeof number + number * 37 % (LARGEST - sizeof number);
  memcpy(record, &number, sizeof number);
  memset(record + sizeof number, (int)(number & 255), size - sizeof number);
  return size;
}

static void
take(void *arg, unsigned lane, const uint8_t *record, size_t size)
{
  struct reader *r = arg;
  uint32_t number;
  uint8_t want[LARGEST];
  while (atomic_load(&r->held))
    usleep(100);
  memcpy(&number, record, sizeof number);
  if (number < r->next[lane] || size != make_record(want, number) || memcmp(want, record, size) != 0)
    atomic_fetch_add(&r->wrong, 1);
  atomic_fetch_add(&r->skipped, number - r->next[lane]);
  r->next[lane] = number + 1;
  atomic_fetch_add(&r->taken, 1);
}

static void
done(void *arg)
{
  atomic_fetch_add(&((struct reader *)arg)->done, 1);
}

static struct exporter *
open_exporter(struct reader *r)
{
  memset(r, 0, sizeof *r);
  return exporter_new(&(struct exporter_options){
      .name = "test", .lanes = LANES, .lane_size = LANE_SIZE, .take = take, .done = done, .arg = r});
}

struct writer {
  struct exporter *exporter;
  unsigned lane;
  uint64_t put;
  bool patient;
};

static void *
write_records(void *arg)
{
  struct writer *w = arg;
  uint8_t record[LARGEST];
  for (uint32_t number = 0; number < RECORDS; number++) {
    size_t size = make_record(record, number);
    if (number % 2 == 0) {
      while (!exporter_put(w->exporter, w->lane, record, size))
        if (!w->patient)
          goto lost;
        else
          usleep(20);
    } else { // in place, with more reserved than is used
      uint8_t *room = exporter_reserve(w->exporter, w->lane, LARGEST);
      if (room == NULL && !w->patient)
        goto lost;
      while (room == NULL && (usleep(20), true))
        room = exporter_reserve(w->exporter, w->lane, LARGEST);
      memcpy(room, record, size);
      exporter_commit(w->exporter, w->lane, size);
    }
    w->put++;
  lost:;
  }
  return NULL;
}

static uint64_t
write_from_threads(struct exporter *e, bool patient)
{
  struct writer writers[LANES];
  pthread_t threads[LANES];
  uint64_t put = 0;
  for (unsigned i = 0; i < LANES; i++) {
    writers[i] = (struct writer){.exporter = e, .lane = i, .patient = patient};
    pthread_create(&threads[i], NULL, write_records, &writers[i]);
  }
  for (unsigned i = 0; i < LANES; i++) {
    pthread_join(threads[i], NULL);
    put += writers[i].put;
  }
  return put;
}

static void
all_records_arrive(void **state)
{
  (void)state;
  static struct reader r;
  struct exporter *e = open_exporter(&r);
  assert_int_equal(write_from_threads(e, true), LANES * RECORDS);
  exporter_free(&e, 5000); // takes what is left
  assert_int_equal(r.taken, LANES * RECORDS);
  assert_int_equal(r.wrong, 0);
  assert_int_equal(r.skipped, 0);
  assert_true(r.done >= 1);
}

static void
what_is_lost_is_counted(void **state)
{
  (void)state;
  static struct reader r;
  struct exporter *e = open_exporter(&r);
  atomic_store(&r.held, true);
  uint64_t put = write_from_threads(e, false);
  assert_true(put >= LANES * 5 && put < LANES * RECORDS);
  assert_int_equal(exporter_lost(e), LANES * RECORDS - put);
  atomic_store(&r.held, false);
  // It goes on where it can.
  uint8_t record[LARGEST];
  uint64_t lost = exporter_lost(e);
  for (unsigned i = 0; i < LANES; i++)
    while (!exporter_put(e, i, record, make_record(record, RECORDS + 1))) {
      usleep(100);
      lost++;
    }
  for (uint64_t end = clock_mono_us() + 5000000; exporter_taken(e) < put + LANES && clock_mono_us() < end;)
    usleep(500);
  assert_int_equal(exporter_taken(e), put + LANES);
  assert_int_equal(exporter_lost(e), lost);
  exporter_free(&e, 5000);
  assert_int_equal(r.wrong, 0);
  assert_int_equal(r.taken, put + LANES);
}

static void
it_wakes_up_for_one_record(void **state)
{
  (void)state;
  static struct reader r;
  struct exporter *e = open_exporter(&r);
  uint8_t record[LARGEST];
  for (uint32_t number = 0; number < 500; number++) {
    assert_true(exporter_put(e, number % LANES, record, make_record(record, number)));
    for (uint64_t end = clock_mono_us() + 5000000; exporter_taken(e) <= number && clock_mono_us() < end;)
      usleep(number % 3 * 50);
    assert_int_equal(exporter_taken(e), number + 1);
  }
  assert_null(exporter_reserve(e, 0, LANE_SIZE));
  assert_int_equal(exporter_lost(e), 1);
  exporter_free(&e, 1000);
}

static void
an_end_does_not_wait_for_ever(void **state)
{
  (void)state;
  static struct reader r;
  struct exporter *e = open_exporter(&r);
  uint8_t record[LARGEST];
  atomic_store(&r.held, true);
  assert_true(exporter_put(e, 0, record, make_record(record, 1)));
  uint64_t start = clock_mono_us();
  struct exporter *again = e;
  exporter_free(&e, 100);
  assert_null(e);
  assert_in_range(clock_mono_us() - start, 100000, 5000000);
  (void)again; // left to its thread
  atomic_store(&r.held, false);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_records_arrive),
      cmocka_unit_test(what_is_lost_is_counted),
      cmocka_unit_test(it_wakes_up_for_one_record),
      cmocka_unit_test(an_end_does_not_wait_for_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
