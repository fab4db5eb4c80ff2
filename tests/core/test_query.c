// SPDX-License-Identifier: BSD-2-Clause
// What is known of a packet, after somebody wrote into it: never more than the packet holds, and never the old question.
#include "dnsproxy/base/random.h"
#include "dnsproxy/cache/packet_cache.h"
#include "tests/fake_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define QUERY "1234 0100 0001 0000 0000 0001 01'a'01'b'00 0001 0001 00 0029 04d0 00000000 0000"

static struct fake_worker worker;

static int
open_worker(void **state)
{
  (void)state;
  fake_worker_open(&worker);
  return 0;
}

static int
close_worker(void **state)
{
  (void)state;
  fake_worker_close(&worker);
  return 0;
}

static void
touch(struct query *q)
{
  q->has_key = true;
  q->touched = true;
  query_settle(q);
  assert_false(q->touched);
}

static void
untouched_costs_nothing(void **state)
{
  (void)state;
  struct query *q = fake_query(&worker, QUERY);
  q->has_key = true;
  q->packet.data[13] = 'z'; // nobody says so: not looked at
  query_settle(q);
  assert_false(q->packet_changed);
  assert_true(q->has_key);
  assert_int_equal(q->qname.bytes[1], 'a');
  fake_query_free(&q);
}

static void
same_question_keeps_its_key(void **state)
{
  (void)state;
  struct query *q = fake_query(&worker, QUERY);
  q->packet.data[13] = 'A'; // casing makes no other name
  touch(q);
  assert_true(q->has_key && q->packet_changed && query_has_question(q));
  assert_int_equal(q->qname.bytes[1], 'A');
  fake_query_free(&q);
}

static void
other_question_is_taken(void **state)
{
  (void)state;
  struct query *q = fake_query(&worker, QUERY);
  q->packet.data[18] = 16; // TXT
  touch(q);
  assert_false(q->has_key);
  assert_int_equal(q->qtype, 16);
  assert_true(query_has_question(q));
  fake_query_free(&q);
}

static void
an_answer_changes_no_query(void **state)
{
  (void)state;
  struct query *q = fake_query(&worker, QUERY);
  q->is_answer = true;
  q->packet.data[13] = 'z';
  touch(q);
  assert_true(q->has_key);
  assert_int_equal(q->qname.bytes[1], 'a');
  q->packet.size = 14;
  touch(q);
  assert_true(q->has_key); // of the query
  assert_int_equal(q->question_end, HEADER_SIZE);
  fake_query_free(&q);
}

static void
unreadable_question_has_no_key(void **state)
{
  (void)state;
  for (size_t size = HEADER_SIZE; size < 21; size++) {
    struct query *q = fake_query(&worker, QUERY);
    q->packet.size = size;
    touch(q);
    assert_false(q->has_key || query_has_question(q));
    assert_int_equal(q->question_end, HEADER_SIZE);
    assert_int_equal(q->qname.bytes[1], 'a'); // what rules ask for
    fake_query_free(&q);
  }
}

// Whatever is written, a key is made of bytes of the packet only (in memory that is just as large: a sanitizer sees more).
static void
any_bytes_make_a_key_or_none(void **state)
{
  (void)state;
  struct packet_cache_options options = PACKET_CACHE_OPTIONS_DEFAULT;
  options.parse_ecs = true;
  struct packet_cache *cache = packet_cache_new(100, &options);
  struct random_state r;
  random_seed(&r);
  for (unsigned n = 0; n < 20000; n++) {
    struct query *q = fake_query(&worker, QUERY);
    uint8_t *usual = q->packet.data;
    size_t size = HEADER_SIZE + random_below(&r, 30);
    uint8_t *exact = malloc(size);
    assert_non_null(exact);
    for (size_t i = 0; i < size; i++)
      exact[i] = i < q->packet.size && random_below(&r, 8) != 0 ? usual[i] : (uint8_t)random_below(&r, 256);
    q->packet = (struct wire_buffer){.data = exact, .size = size, .capacity = size};
    touch(q);
    if (query_has_question(q)) {
      struct edns edns;
      struct question question = {.name.size = q->qname.size, .type = q->qtype, .class = q->qclass, .end = q->question_end};
      memcpy(question.name.bytes, q->qname.bytes, q->qname.size);
      assert_true(q->question_end <= size);
      packet_cache_key(cache, exact, size, &question, query_edns_now(q, &edns), false, &q->key);
    }
    free(exact);
    q->packet.data = usual;
    fake_query_free(&q);
  }
  object_unref(&cache);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(untouched_costs_nothing),
      cmocka_unit_test(same_question_keeps_its_key),
      cmocka_unit_test(other_question_is_taken),
      cmocka_unit_test(an_answer_changes_no_query),
      cmocka_unit_test(unreadable_question_has_no_key),
      cmocka_unit_test(any_bytes_make_a_key_or_none),
  };
  return cmocka_run_group_tests(tests, open_worker, close_worker);
}
