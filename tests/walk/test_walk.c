// SPDX-License-Identifier: BSD-2-Clause
// The walk from end to end over real sockets: its answers, and queries in flight. After each the accounting equation.
#include "tests/walk_world.h"

#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/wire/codes.h"

static bool
nothing_parked(void)
{
  return walk_parked() == 0;
}

static bool
one_parked(void)
{
  return walk_parked() == 1;
}

// ---- answers ----

static void
test_forward(void **state)
{
  (void)state;
  walk_ask("www.example.test", 0);
  walk_expect(RCODE_NOERROR);
  walk_ask("www.example.test", 1232);
  walk_expect(RCODE_NOERROR);
  assert_int_equal(message_count(walk.answer, 3), 1);
  assert_int_equal(walk_count(COUNTER_QUERIES), 2);
  assert_int_equal(walk_count(COUNTER_RESPONSES), 2);
  assert_int_equal(walk_count(COUNTER_ANSWERS_SENT), 2);
  assert_int_equal(walk_count(COUNTER_RDQUERIES), 2);
  assert_int_equal(backend_queries(walk.backend), 2);
  assert_int_equal(backend_outstanding(walk.backend), 0);
  assert_int_equal(listener_queries(walk.listener), 2);
}

static void
test_self_answers(void **state)
{
  (void)state;
  walk_rule(CHAIN_QUERY, "QNameRule(refused.test)", "RCodeAction(5)");
  walk_rule(CHAIN_QUERY, "QNameRule(tc.test)", "TCAction()");
  walk_rule(CHAIN_QUERY, "QNameRule(spoof.test)", "SpoofAction(192.0.2.1)");
  walk_publish();
  walk_ask("refused.test", 0);
  walk_expect(RCODE_REFUSED);
  walk_ask("tc.test", 0);
  walk_expect(RCODE_NOERROR);
  assert_true((walk.answer[2] & FLAG2_TC) != 0);
  walk_ask("spoof.test", 0);
  walk_expect(RCODE_NOERROR);
  assert_int_equal(message_count(walk.answer, 1), 1);
  assert_int_equal(walk_count(COUNTER_SELF_ANSWERED), 3);
  assert_int_equal(walk.responder.udp_queries, 0);
}

// Other ids, names and no QR are counted, and the query goes on waiting for the true answer.
static void
test_wrong_answers(void **state)
{
  (void)state;
  atomic_store(&walk.responder.mood, RESPOND_LIES);
  walk_ask("www.example.test", 0);
  walk_expect(RCODE_NOERROR);
  assert_int_equal(walk_count(COUNTER_NONCOMPLIANT_RESPONSES), 4);
  assert_int_equal(walk_count(COUNTER_RESPONSES), 1);
}

// A self-made answer, and one that came over TCP, must fit the client; the latter with its EDNS.
static void
test_truncation(void **state)
{
  (void)state;
  struct backend_options o;
  walk_backend_options(&o);
  o.protocol = &protocol_tcp;
  walk_backend(&o);
  walk_rule(CHAIN_QUERY, "QNameRule(spoof.test)",
            "SpoofAction(192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192.0.2.6,192.0.2.7,192.0.2.8,192.0.2.9,"
            "192.0.2.10,192.0.2.11,192.0.2.12,192.0.2.13,192.0.2.14,192.0.2.15,192.0.2.16,192.0.2.17,192.0.2.18,"
            "192.0.2.19,192.0.2.20,192.0.2.21,192.0.2.22,192.0.2.23,192.0.2.24,192.0.2.25,192.0.2.26,192.0.2.27,"
            "192.0.2.28,192.0.2.29,192.0.2.30,192.0.2.31,192.0.2.32)");
  walk_publish();
  atomic_store(&walk.responder.mood, RESPOND_BIG);
  walk_ask("big.test", 0);
  walk_expect(RCODE_NOERROR);
  assert_true((walk.answer[2] & FLAG2_TC) != 0);
  assert_int_equal(message_count(walk.answer, 1), 0);
  walk_ask("spoof.test", 0);
  walk_expect(RCODE_NOERROR);
  assert_true((walk.answer[2] & FLAG2_TC) != 0);
  walk_ask("spoof.test", 1232);
  walk_expect(RCODE_NOERROR);
  assert_int_equal(message_count(walk.answer, 1), 32);
  walk_ask("big.test", 4096);
  walk_expect(RCODE_NOERROR);
  assert_true((walk.answer[2] & FLAG2_TC) == 0);
  assert_int_equal(message_count(walk.answer, 1), RESPONDER_RECORDS);
}

static bool
answered_but_parked(void)
{
  return walk_parked() == 1 && walk_count(COUNTER_RESPONSES) == 1 && walk_count(COUNTER_ANSWERS_SENT) == 0;
}

// A delayed answer is parked, not sent, until its time has come.
static void
test_delay(void **state)
{
  (void)state;
  walk_rule(CHAIN_RESPONSE, "AllRule()", "DelayResponseAction(50)");
  walk_publish();
  walk_ask("slow.test", 0);
  walk_until(answered_but_parked);
  assert_true(walk_balanced());
  walk_expect(RCODE_NOERROR);
  walk_until(nothing_parked);
  assert_int_equal(walk_count(COUNTER_ANSWERS_SENT), 1);
}

// The worker ends while an answer is delayed: it is a drop, not an answer.
static void
test_delayed_at_the_end(void **state)
{
  (void)state;
  walk_rule(CHAIN_QUERY, "AllRule()", "DelayAction(60000)");
  walk_rule(CHAIN_QUERY, "AllRule()", "RCodeAction(5)");
  walk_publish();
  walk_ask("slow.test", 0);
  walk_until(one_parked);
  assert_true(walk_balanced());
  walk_stop();
  assert_int_equal(walk_drops(DROP_SHUTDOWN), 1);
  assert_int_equal(walk_count(COUNTER_ANSWERS_SENT), 0);
}

// A hit has the id, the flags and the casing of its own query, and asks nobody; a rule may still drop it.
static void
test_cache(void **state)
{
  (void)state;
  static const uint8_t other[] = {0x77, 0x77, 0, FLAG3_CD, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'B', 'i', 'G', 0, 0, 1, 0, 1};
  struct packet_cache *cache = packet_cache_new(100, &(struct packet_cache_options)PACKET_CACHE_OPTIONS_DEFAULT);
  pool_entry_set_cache(pool_draft_get(&config()->pools, ""), cache);
  object_unref(&cache);
  walk_rule(CHAIN_CACHE_INSERTED, "AllRule()", "AllowResponseAction()");
  walk_publish();
  atomic_store(&walk.responder.mood, RESPOND_BIG);
  walk_ask("big", 4096);
  walk_expect(RCODE_NOERROR);
  walk_ask("bIg", 4096);
  walk_expect(RCODE_NOERROR);
  assert_memory_equal(walk.answer + HEADER_SIZE, "\3bIg", 5);
  assert_true((walk.answer[2] & FLAG2_RD) != 0);
  assert_int_equal(message_count(walk.answer, 1), RESPONDER_RECORDS);
  assert_int_equal(walk.responder.udp_queries, 1);
  walk.id = 0x7777;
  walk_send(other, sizeof other); // other flags: another entry
  walk_expect(RCODE_NOERROR);
  assert_int_equal(walk.responder.udp_queries, 2);
  assert_int_equal(walk.answer[3] & FLAG3_CD, FLAG3_CD);
  assert_int_equal(walk_count(COUNTER_CACHE_HITS), 1);
  assert_int_equal(walk_count(COUNTER_CACHE_MISSES), 2);
  assert_int_equal(rule_hits(config()->chains[CHAIN_CACHE_INSERTED].rules[0]), 2);
}

// ---- queries in flight ----

static bool
slot_reused(void)
{
  return walk_drops(DROP_SLOT_REUSED) == 1;
}

// With room for one query the older one gives way; the newer one is still answered.
static void
test_slot_reused(void **state)
{
  (void)state;
  config()->settings.udp_max_outstanding = 1;
  walk_publish();
  atomic_store(&walk.responder.mood, RESPOND_SILENCE);
  walk_ask("first.test", 0);
  walk_until(one_parked);
  walk_ask("second.test", 0);
  walk_until(slot_reused);
  atomic_store(&walk.responder.mood, RESPOND_NOERROR);
  walk_ask("third.test", 0);
  walk_expect(RCODE_NOERROR);
  assert_int_equal(walk_drops(DROP_SLOT_REUSED), 2);
  assert_int_equal(walk_parked(), 0);
}

static bool
timed_out(void)
{
  return walk_drops(DROP_TIMEOUT) == 1;
}

static void
test_timeout(void **state)
{
  (void)state;
  struct backend_options o;
  walk_backend_options(&o);
  o.udp_timeout_s = 1;
  walk_backend(&o);
  walk_rule(CHAIN_TIMEOUT, "AllRule()", "TCResponseAction()");
  walk_publish();
  atomic_store(&walk.responder.mood, RESPOND_SILENCE);
  walk_ask("www.example.test", 0);
  walk_until(one_parked);
  assert_int_equal(backend_outstanding(walk.backend), 1);
  walk_until(timed_out);
  walk_silent();
  assert_int_equal(walk_count(COUNTER_DOWNSTREAM_TIMEOUTS), 1);
  assert_int_equal(backend_drops(walk.backend), 1);
  assert_int_equal(backend_outstanding(walk.backend), 0);
  assert_int_equal(rule_hits(config()->chains[CHAIN_TIMEOUT].rules[0]), 1);
}

static bool
backend_lost(void)
{
  return walk_drops(DROP_BACKEND_LOST) == 1;
}

// Over TCP: the backend takes the query and hangs up, each time.
static void
test_backend_lost(void **state)
{
  (void)state;
  struct backend_options o;
  walk_backend_options(&o);
  o.protocol = &protocol_tcp;
  o.retries = 1;
  walk_backend(&o);
  walk_rule(CHAIN_TIMEOUT, "AllRule()", "SetTagResponseAction(lost|1)");
  walk_publish();
  atomic_store(&walk.responder.mood, RESPOND_CLOSE);
  walk_ask("www.example.test", 0);
  walk_until(backend_lost);
  walk_silent();
  assert_int_equal(rule_hits(config()->chains[CHAIN_TIMEOUT].rules[0]), 1);
  assert_int_equal(backend_outstanding(walk.backend), 0);
}

static void
test_shutdown(void **state)
{
  (void)state;
  atomic_store(&walk.responder.mood, RESPOND_SILENCE);
  walk_ask("www.example.test", 0);
  walk_until(one_parked);
  walk_stop();
  assert_int_equal(walk_drops(DROP_SHUTDOWN), 1);
}

static bool
asked(void)
{
  return walk.responder.udp_queries == 1;
}

static struct snapshot *old;

static bool
old_is_ours_alone(void)
{
  return object_refs(old) == 1;
}

// A query ends under the configuration that it began with, backend removed or not; then that configuration goes.
static const struct backend *removed;

static bool
sockets_are_closed(void)
{
  return object_refs(removed) == 1;
}

static void
test_swap(void **state)
{
  (void)state;
  walk_rule(CHAIN_RESPONSE, "AllRule()", "SetTagResponseAction(old|1)");
  walk_publish();
  old = snapshot_current();
  struct rule *response = config()->chains[CHAIN_RESPONSE].rules[0];
  struct backend *backend = object_ref(walk.backend);
  object_ref(response);
  atomic_store(&walk.responder.mood, RESPOND_SILENCE);
  walk_ask("before.test", 0);
  walk_until(asked);
  rule_list_clear(&config()->chains[CHAIN_RESPONSE]);
  walk_rule(CHAIN_QUERY, "AllRule()", "RCodeAction(5)");
  pool_draft_remove_backend(&config()->pools, walk.backend);
  walk.backend = NULL;
  walk_publish();
  uint16_t before = walk.id;
  walk_ask("after.test", 0);
  walk_expect(RCODE_REFUSED);
  assert_true(object_refs(old) > 1);
  responder_release(&walk.responder);
  walk.id = before;
  walk_expect(RCODE_NOERROR);
  assert_int_equal(rule_hits(response), 1);
  walk_until(old_is_ours_alone);
  object_unref(&old);
  object_unref(&response);
  assert_int_equal(backend_queries(backend), 1);
  removed = backend;
  walk_until(sockets_are_closed);
  object_unref(&backend);
}

#define WALK_TEST(test) cmocka_unit_test_setup_teardown(test, walk_open, walk_close)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      WALK_TEST(test_forward),
      WALK_TEST(test_self_answers),
      WALK_TEST(test_wrong_answers),
      WALK_TEST(test_truncation),
      WALK_TEST(test_delay),
      WALK_TEST(test_delayed_at_the_end),
      WALK_TEST(test_cache),
      WALK_TEST(test_slot_reused),
      WALK_TEST(test_timeout),
      WALK_TEST(test_backend_lost),
      WALK_TEST(test_shutdown),
      WALK_TEST(test_swap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
