// SPDX-License-Identifier: BSD-2-Clause
// The walk from end to end over real sockets: every reason for which a query is dropped on its way in, counted once each.
#include "tests/walk_world.h"

#include "dnsproxy/wire/codes.h"

#include <string.h>
#include <unistd.h>

static void
test_malformed(void **state)
{
  (void)state;
  static const uint8_t answer[12] = {1, 2, FLAG2_QR, 0, 0, 1};
  static const uint8_t pointer[18] = {1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1};
  static const uint8_t cut[16] = {1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c'};
  static const uint8_t large[5000] = {1, 2, 0, 0, 0, 1};
  walk_send(answer, 11);
  walk_send("", 0);
  walk_send(answer, sizeof answer);
  walk_send(pointer, sizeof pointer);
  walk_send(cut, sizeof cut);
  walk_send(large, sizeof large);
  walk_ask("www.example.test", 0);
  walk_expect(RCODE_NOERROR); // in order: the others have been counted
  assert_int_equal(walk_drops(DROP_TOO_SHORT), 3);
  assert_int_equal(walk_drops(DROP_NOT_A_QUERY), 1);
  assert_int_equal(walk_drops(DROP_MALFORMED), 2);
  assert_int_equal(walk_count(COUNTER_NONCOMPLIANT_QUERIES), 6);
  assert_int_equal(walk_count(COUNTER_QUERIES), 4);
}

static void
test_empty(void **state)
{
  (void)state;
  static const uint8_t empty[12] = {0x12, 0x34, FLAG2_RD};
  walk.id = 0x1234;
  walk_send(empty, sizeof empty);
  walk_expect(RCODE_NOTIMP);
  config()->settings.drop_empty_queries = true;
  walk_publish();
  walk_send(empty, sizeof empty);
  walk_ask("www.example.test", 0);
  walk_expect(RCODE_NOERROR);
  assert_int_equal(walk_drops(DROP_EMPTY), 1);
  assert_int_equal(walk_count(COUNTER_EMPTY_QUERIES), 2);
}

static bool
refused(void)
{
  return walk_drops(DROP_ACL) == 1;
}

static void
test_acl(void **state)
{
  (void)state;
  struct netmask mask;
  assert_true(netmask_parse(&mask, "127.0.0.0/31", &(struct fault)FAULT_INIT));
  netmask_set_writable(&config()->acl);
  netmask_set_clear(config()->acl);
  netmask_set_add(config()->acl, &mask);
  walk_publish();
  int usual = walk.client;
  walk.client = walk_client("127.0.0.2");
  walk_ask("www.example.test", 0);
  walk_until(refused);
  walk_silent();
  assert_int_equal(walk_count(COUNTER_QUERIES), 0);
  assert_int_equal(walk_count(COUNTER_ACL_DROPS), 1);
  close(walk.client);
  walk.client = usual;
  walk_ask("www.example.test", 0);
  walk_expect(RCODE_NOERROR);
}

static bool
three_dropped(void)
{
  return walk_drops(DROP_RULE) + walk_drops(DROP_RESPONSE_RULE) + walk_drops(DROP_NO_POOL) == 3;
}

static void
test_rule_drops(void **state)
{
  (void)state;
  walk_rule(CHAIN_QUERY, "QNameRule(drop.test)", "DropAction()");
  walk_rule(CHAIN_QUERY, "QNameRule(nopool.test)", "PoolAction(unknown)");
  walk_rule(CHAIN_RESPONSE, "QNameRule(late.test)", "DropResponseAction()");
  walk_publish();
  walk_ask("drop.test", 0);
  walk_ask("nopool.test", 0);
  walk_ask("late.test", 0);
  walk_until(three_dropped);
  walk_silent();
  assert_int_equal(walk_drops(DROP_RULE), 1);
  assert_int_equal(walk_drops(DROP_RESPONSE_RULE), 1);
  assert_int_equal(walk_drops(DROP_NO_POOL), 1);
  assert_int_equal(walk_count(COUNTER_RULE_DROP), 1);
}

static bool
dropped_without_backend(void)
{
  return walk_drops(DROP_NO_BACKEND) == 1;
}

static void
test_no_backend(void **state)
{
  (void)state;
  atomic_store(&walk.backend->forced, FORCED_DOWN);
  walk_ask("www.example.test", 0);
  walk_until(dropped_without_backend);
  config()->settings.servfail_when_no_server = true;
  walk_publish();
  walk_ask("www.example.test", 0);
  walk_expect(RCODE_SERVFAIL);
  assert_int_equal(walk_count(COUNTER_NO_POLICY), 2);
}

static bool
policy_failed(void)
{
  return walk_drops(DROP_POLICY_ERROR) == 1;
}

static enum policy_result
choose_nothing(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  (void)policy, (void)in, (void)chosen;
  return POLICY_ERROR;
}

static void
test_policy_error(void **state)
{
  (void)state;
  struct policy *p = policy_new("broken", choose_nothing);
  pool_draft_set_default_policy(&config()->pools, p);
  object_unref(&p);
  walk_publish();
  walk_ask("www.example.test", 0);
  walk_until(policy_failed);
  walk_silent();
}

static bool
send_failed(void)
{
  return walk_drops(DROP_SEND_ERROR) == 1;
}

static void
test_send_error(void **state)
{
  (void)state;
  struct backend_options o;
  walk_backend_options(&o);
  assert_true(address_parse(&o.source, "192.0.2.77", 0, &(struct fault)FAULT_INIT)); // not ours
  walk_backend(&o);
  walk_publish();
  walk_ask("www.example.test", 0);
  walk_until(send_failed);
  walk_silent();
  assert_int_equal(walk_count(COUNTER_DOWNSTREAM_SEND_ERRORS), 1);
}

static bool
muted(void)
{
  return walk_drops(DROP_MUTED) == 1;
}

static void
test_muted(void **state)
{
  (void)state;
  atomic_store(&walk.listener->muted, true);
  walk_ask("www.example.test", 0);
  walk_until(muted);
  walk_silent();
}

#define WALK_TEST(test) cmocka_unit_test_setup_teardown(test, walk_open, walk_close)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      WALK_TEST(test_malformed),
      WALK_TEST(test_empty),
      WALK_TEST(test_acl),
      WALK_TEST(test_rule_drops),
      WALK_TEST(test_no_backend),
      WALK_TEST(test_policy_error),
      WALK_TEST(test_send_error),
      WALK_TEST(test_muted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
