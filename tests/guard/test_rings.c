// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/guard/rings: order, overwriting, merging, sampling, and reading while it is written.
#include "dnsproxy/guard/rings.h"

#include "tests/fake_worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define EXAMPLE_A "1234 0100 0001 0000 0000 0000 03'www'07'example'00 0001 0001"

static const struct rings_options defaults = {.size = 10000, .record = {true, true}};

struct fixture {
  struct fake_worker fakes[2];
  unsigned count;
};

static void
open_workers(struct fixture *f, unsigned count, struct rings_options options)
{
  rings_options = options;
  f->count = count;
  for (unsigned i = 0; i < count; i++) {
    fake_worker_open(&f->fakes[i]);
    rings_open(f->fakes[i].worker);
    f->fakes[i].worker->now_us = 1000;
  }
}

static void
close_workers(struct fixture *f)
{
  for (unsigned i = f->count; i-- > 0;) {
    rings_close(f->fakes[i].worker);
    fake_worker_close(&f->fakes[i]);
  }
  rings_options = defaults;
}

// A query of that number: it is in the id and the qtype.
static void
record_number(struct query *q, uint16_t n)
{
  message_put_u16(q->packet.data, n);
  q->qtype = n;
  rings_record_query(q);
}

// The qtypes as a reader sees them, newest first.
static unsigned
read_numbers(enum ring_kind kind, uint64_t since_us, uint16_t *out, unsigned room)
{
  struct ring_entry e;
  struct ring_reader *r = ring_reader_new(kind, since_us);
  unsigned n = 0;
  while (ring_reader_next(r, &e)) {
    assert_true(n < room);
    assert_int_equal(message_id(e.header), e.qtype);
    out[n++] = e.qtype;
  }
  ring_reader_free(&r);
  assert_null(r);
  return n;
}

static void
tells_what_was_recorded(void **state)
{
  (void)state;
  struct fixture f;
  struct ring_entry e;
  struct fault fault = FAULT_INIT;
  open_workers(&f, 1, defaults);
  struct query *q = fake_query(&f.fakes[0], EXAMPLE_A);
  q->arrival.transport = &transport_tcp;
  q->worker->now_us = 5000000;
  rings_record_query(q);
  struct ring_reader *r = ring_reader_new(RING_QUERIES, 0);
  assert_true(ring_reader_next(r, &e));
  assert_int_equal(e.kind, RING_QUERIES);
  assert_ptr_equal(e.protocol, &transport_tcp);
  assert_int_equal(e.when_us, 5000000);
  assert_true(address_equal(&e.client, &q->arrival.client));
  assert_int_equal(address_port(&e.client), 1024);
  assert_true(name_equal(&e.qname, &q->qname));
  assert_int_equal(e.qtype, 1);
  assert_int_equal(e.size, q->packet.size);
  assert_memory_equal(e.header, q->packet.data, HEADER_SIZE);
  assert_true(address_is_any(&e.backend));
  assert_int_equal(address_port(&e.backend), 0);
  assert_false(ring_entry_is_hit(&e));
  assert_false(ring_entry_timed_out(&e));
  assert_false(ring_reader_next(r, &e));
  ring_reader_free(&r);

  // The answer, over IPv6 on both sides.
  struct address backend;
  assert_true(address_parse(&q->arrival.client, "[fe80::1]:5353", 0, &fault));
  q->arrival.client.v6.sin6_scope_id = 7;
  assert_true(address_parse(&backend, "[2001:db8::53]:5300", 0, &fault));
  q->packet.data[3] = 3;
  q->packet.data[11] = 9;
  rings_record_answer(q, &backend, &transport_udp, 1234567);
  rings_record_answer(q, NULL, &transport_tcp, 0);
  rings_record_timeout(q, &backend, &transport_udp);
  r = ring_reader_new(RING_ANSWERS, 5000000);
  assert_true(ring_reader_next(r, &e));
  assert_true(ring_entry_timed_out(&e));
  assert_int_equal(e.size, 0);
  assert_int_equal(ring_entry_rcode(&e), 0);
  assert_int_equal(message_id(e.header), 0x1234);
  assert_true((e.header[2] & FLAG2_RD) != 0);
  assert_true(address_equal(&e.backend, &backend));
  assert_true(ring_reader_next(r, &e));
  assert_true(ring_entry_is_hit(&e));
  assert_ptr_equal(e.protocol, &transport_tcp);
  assert_int_equal(e.backend.sa.sa_family, AF_INET);
  assert_true(ring_reader_next(r, &e));
  assert_false(ring_entry_is_hit(&e));
  assert_ptr_equal(e.protocol, &transport_udp);
  assert_int_equal(e.latency_us, 1234567);
  assert_int_equal(ring_entry_rcode(&e), 3);
  assert_int_equal(message_count(e.header, 3), 9);
  assert_true(address_equal(&e.client, &q->arrival.client));
  assert_int_equal(e.client.v6.sin6_scope_id, 7);
  assert_true(address_equal(&e.backend, &backend));
  assert_false(ring_reader_next(r, &e));
  ring_reader_free(&r);
  fake_query_free(&q);
  close_workers(&f);
}

static void
keeps_names_of_every_length(void **state)
{
  (void)state;
  struct fixture f;
  struct ring_entry e;
  open_workers(&f, 1, (struct rings_options){.size = 300, .record = {true, true}});
  struct query *q = fake_query(&f.fakes[0], EXAMPLE_A);
  for (unsigned size = 1; size <= NAME_MAX_SIZE; size++) {
    q->qname.size = (uint8_t)size;
    for (unsigned i = 0; i < size; i++)
      q->qname.bytes[i] = (uint8_t)(size * 7 + i);
    rings_record_query(q);
  }
  struct ring_reader *r = ring_reader_new(RING_QUERIES, 0);
  for (unsigned size = NAME_MAX_SIZE; size >= 1; size--) {
    assert_true(ring_reader_next(r, &e));
    assert_int_equal(e.qname.size, size);
    for (unsigned i = 0; i < size; i++)
      assert_int_equal(e.qname.bytes[i], (uint8_t)(size * 7 + i));
  }
  assert_false(ring_reader_next(r, &e));
  ring_reader_free(&r);
  fake_query_free(&q);
  close_workers(&f);
}

static void
the_newest_push_out_the_oldest(void **state)
{
  (void)state;
  struct fixture f;
  uint16_t seen[8];
  open_workers(&f, 1, (struct rings_options){.size = 5, .record = {true, true}});
  struct query *q = fake_query(&f.fakes[0], EXAMPLE_A);
  assert_int_equal(read_numbers(RING_QUERIES, 0, seen, 8), 0);
  for (uint16_t n = 1; n <= 3; n++)
    record_number(q, n);
  assert_int_equal(read_numbers(RING_QUERIES, 0, seen, 8), 3);
  for (uint16_t n = 4; n <= 23; n++)
    record_number(q, n);
  assert_int_equal(read_numbers(RING_QUERIES, 0, seen, 8), 5);
  for (unsigned i = 0; i < 5; i++)
    assert_int_equal(seen[i], 23 - i);
  assert_int_equal(read_numbers(RING_ANSWERS, 0, seen, 8), 0);
  fake_query_free(&q);
  close_workers(&f);
}

static void
workers_are_merged_by_time(void **state)
{
  (void)state;
  struct fixture f;
  uint16_t seen[8];
  struct query *q[2];
  open_workers(&f, 2, (struct rings_options){.size = 6, .record = {true, true}});
  for (unsigned i = 0; i < 2; i++)
    q[i] = fake_query(&f.fakes[i], EXAMPLE_A);
  for (uint16_t n = 1; n <= 10; n++) { // 1, 2, 3 to one, 4 to 9 in turns, 10 to the other
    struct query *who = q[n <= 3 ? 0 : n == 10 ? 1 : n % 2];
    who->worker->now_us = 1000u * n;
    record_number(who, n);
  }
  // As many as one ring holds.
  assert_int_equal(read_numbers(RING_QUERIES, 0, seen, 8), 6);
  for (unsigned i = 0; i < 6; i++)
    assert_int_equal(seen[i], 10 - i);
  // That old and not older.
  assert_int_equal(read_numbers(RING_QUERIES, 8000, seen, 8), 3);
  assert_int_equal(seen[2], 8);
  assert_int_equal(read_numbers(RING_QUERIES, 10001, seen, 8), 0);
  for (unsigned i = 0; i < 2; i++)
    fake_query_free(&q[i]);
  close_workers(&f);
}

static void
records_what_it_is_told_to(void **state)
{
  (void)state;
  struct fixture f;
  uint16_t seen[8];
  // One in three, and no answers.
  open_workers(&f, 1, (struct rings_options){.size = 6, .record = {true, false}, .sampling_rate = 3});
  struct query *q = fake_query(&f.fakes[0], EXAMPLE_A);
  assert_int_equal(rings_weight(), 3);
  for (uint16_t n = 1; n <= 9; n++)
    record_number(q, n);
  rings_record_answer(q, NULL, &transport_udp, 0);
  assert_int_equal(read_numbers(RING_QUERIES, 0, seen, 8), 3);
  assert_int_equal(seen[0], 7);
  assert_int_equal(seen[2], 1);
  assert_int_equal(read_numbers(RING_ANSWERS, 0, seen, 8), 0);
  fake_query_free(&q);
  close_workers(&f);
  // Nothing at all; a rate of 1 is none.
  open_workers(&f, 1, (struct rings_options){.size = 0, .record = {true, true}, .sampling_rate = 1});
  assert_int_equal(rings_weight(), 1);
  q = fake_query(&f.fakes[0], EXAMPLE_A);
  record_number(q, 1);
  assert_int_equal(read_numbers(RING_QUERIES, 0, seen, 8), 0);
  fake_query_free(&q);
  close_workers(&f);
}

// ---- reading while it is written ----

enum { SHORT_RING = 64, ROUNDS = 500000 };

struct race {
  struct query *q;
  _Atomic bool done;
};

// Every field tells the same number: a mixture of two entries would show.
static void *
write_all(void *arg)
{
  struct race *race = arg;
  struct query *q = race->q;
  for (uint32_t n = 1; n <= ROUNDS; n++) {
    uint8_t mark = (uint8_t)n;
    q->worker->now_us = n;
    q->qtype = (uint16_t)n;
    message_put_u16(q->packet.data, (uint16_t)n);
    address_set_port(&q->arrival.client, (uint16_t)n);
    q->qname.size = (uint8_t)(n % NAME_MAX_SIZE + 1);
    memset(q->qname.bytes, mark, q->qname.size);
    rings_record_answer(q, NULL, &transport_udp, n);
  }
  atomic_store(&race->done, true);
  return NULL;
}

static uint64_t
read_all(void)
{
  struct ring_entry e;
  struct ring_reader *r = ring_reader_new(RING_ANSWERS, 0);
  uint64_t newest = 0, before = UINT64_MAX;
  while (ring_reader_next(r, &e)) {
    uint64_t n = e.when_us;
    newest = newest > n ? newest : n;
    assert_true(n < before);
    before = n;
    assert_int_equal(e.latency_us, n);
    assert_int_equal(e.qtype, (uint16_t)n);
    assert_int_equal(message_id(e.header), (uint16_t)n);
    assert_int_equal(address_port(&e.client), (uint16_t)n);
    assert_int_equal(e.qname.size, n % NAME_MAX_SIZE + 1);
    for (unsigned i = 0; i < e.qname.size; i++)
      assert_int_equal(e.qname.bytes[i], (uint8_t)n);
  }
  ring_reader_free(&r);
  return newest;
}

static void
readers_see_whole_entries_or_none(void **state)
{
  (void)state;
  struct fixture f;
  pthread_t writer;
  open_workers(&f, 1, (struct rings_options){.size = SHORT_RING, .record = {true, true}});
  struct race race = {.q = fake_query(&f.fakes[0], EXAMPLE_A)};
  assert_int_equal(pthread_create(&writer, NULL, write_all, &race), 0);
  uint64_t newest = 0;
  while (!atomic_load(&race.done)) {
    uint64_t now = read_all();
    assert_true(now >= newest || now == 0); // 0: all were overwritten while they were read
    newest = now > newest ? now : newest;
  }
  pthread_join(writer, NULL);
  assert_int_equal(read_all(), ROUNDS);
  fake_query_free(&race.q);
  close_workers(&f);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tells_what_was_recorded),
      cmocka_unit_test(keeps_names_of_every_length),
      cmocka_unit_test(the_newest_push_out_the_oldest),
      cmocka_unit_test(workers_are_merged_by_time),
      cmocka_unit_test(records_what_it_is_told_to),
      cmocka_unit_test(readers_see_whole_entries_or_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
