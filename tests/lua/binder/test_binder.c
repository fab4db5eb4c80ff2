// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the binder: arguments counted and converted as the dialect does it (semantics.md section 18), errors in
// its shapes (errors.md sections 1 and 2), handles and fields.
#include "tests/configuration_fixture.h"
#include "lua/binder/binder.h"
#include "lua/binder/sense.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/thread_state.h"

#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int
set_up(void **state)
{
  scripts_open();
  configuration_fixture_open(PHASE_LOADING);
  *state = control_lock();
  return 0;
}

static int
tear_down(void **state)
{
  (void)state;
  control_unlock();
  thread_state_end();
  configuration_fixture_close();
  return 0;
}

// The value of an expression as tostring() writes it. Of one that raises: "string: " or "userdata: " and the text.
struct row {
  const char *expression, *value;
};

static void
check_all(lua_State *lua, const struct row *rows)
{
  for (; rows->expression != NULL; rows++) {
    char chunk[1000];
    snprintf(chunk, sizeof chunk,
             "local ok, r = pcall(function() local r = %s return r end)\n"
             "return ok and tostring(r) or type(r) .. ': ' .. tostring(r)",
             rows->expression);
    if (luaL_loadbuffer(lua, chunk, strlen(chunk), "=c") != 0 || lua_pcall(lua, 0, 1, 0) != 0)
      fail_msg("%s: %s", rows->expression, lua_tostring(lua, -1));
    if (strcmp(lua_tostring(lua, -1), rows->value) != 0)
      fail_msg("%s\n  gave:   %s\n  wanted: %s", rows->expression, lua_tostring(lua, -1), rows->value);
    lua_pop(lua, 1);
  }
}

#define CAUGHT "string: c:1: Caught exception: "
#define PLAIN "string: c:1: "

static void
test_counts(void **state)
{
  static const struct row rows[] = {
      {"newDNSName()", PLAIN "This function requires at least 1 parameter(s)"},
      {"AllRule(1)", PLAIN "This function requires at most 0 parameter(s)"},
      {"AllRule(nil)", PLAIN "This function requires at most 0 parameter(s)"},
      {"newDNSName('a', 'b')", PLAIN "This function requires at most 1 parameter(s)"},
      {"MaxQPSRule(1, 2, 3)", PLAIN "This function requires at most 2 parameter(s)"},
      // The object before the colon counts as one.
      {"newDNSName('a').toString()", PLAIN "This function requires at least 1 parameter(s)"},
      {"newDNSName('a'):toString(1)", PLAIN "This function requires at most 1 parameter(s)"},
      {"newNMG():addMask()", PLAIN "This function requires at least 2 parameter(s)"},
      {"newDNSName('a').toString(5)", PLAIN "Unable to convert parameter from number to DNSName"},
      {"newDNSName('a').toString(newNMG())", PLAIN "Unable to convert parameter from userdata to DNSName"},
      // Nil counts as not written where a parameter is optional.
      {"PoolAction('p', nil) ~= nil", "true"},
      {"PoolAction(nil)", PLAIN "Unable to convert parameter from nil to string"},
      {NULL, NULL},
  };
  check_all(*state, rows);
}

static void
test_conversions(void **state)
{
  static const struct row rows[] = {
      {"newDNSName(5):toString()", "5."},
      {"RCodeRule('3'):toString()", "rcode==Non-Existent domain"},
      {"RCodeRule(3.9):toString()", "rcode==Non-Existent domain"},
      {"RCodeRule('x')", PLAIN "Unable to convert parameter from string to integer"},
      {"RCodeRule(true)", PLAIN "Unable to convert parameter from boolean to integer"},
      {"RCodeRule(nope)", PLAIN "Unable to convert parameter from nil to integer"},
      {"TCPRule(1)", PLAIN "Unable to convert parameter from number to boolean"},
      {"TCPRule('true')", PLAIN "Unable to convert parameter from string to boolean"},
      {"newDNSName(true)", PLAIN "Unable to convert parameter from boolean to string"},
      {"QTypeRule(70000):toString()", "qtype==TYPE4464"},
      {"QTypeRule('aaaa'):toString()", "qtype==AAAA"},
      {"QTypeRule('1'):toString()", "qtype==A"},
      {"QTypeRule('TYPE65280'):toString()", "qtype==TYPE65280"},
      {"QTypeRule('BOGUS')", CAUGHT "Unable to convert 'BOGUS' to a DNS type"},
      {"QTypeRule({})", PLAIN "Unable to convert parameter from table to record type"},
      {"newPacketCache('10'):toString()", "0/10"},
      {"LuaRule(5)", PLAIN "Unable to convert parameter from number to function"},
      {"NotRule('x')", PLAIN "Unable to convert parameter from string to DNSRule"},
      {"AndRule('x')", PLAIN "Unable to convert parameter from string to list of DNSRules"},
      {"AndRule({AllRule(), 'x'})", PLAIN "Unable to convert parameter from string to DNSRule"},
      {"AndRule({a = AllRule()})", PLAIN "Unable to convert parameter from table to list"},
      {"AndRule({[7] = AllRule(), [9] = AllRule()}):toString()", "(All) && (All)"},
      {"AndRule({}):toString()", ""},
      {"setServerPolicy('roundrobin')", PLAIN "Unable to convert parameter from string to ServerPolicy"},
      {"addAction(AllRule(), AllRule())", PLAIN "Unable to convert parameter from userdata to DNSAction"},
      {NULL, NULL},
  };
  check_all(*state, rows);
}

static void
test_ranges(void **state)
{
  static const struct row rows[] = {
      {"setTCPRecvTimeout(65535)", "nil"},
      {"setTCPRecvTimeout(65536)",
       CAUGHT "The value (65536) passed to setTCPRecvTimeout is too large, the maximum is 65535"},
      {"setTCPRecvTimeout(-1)",
       CAUGHT "The value (18446744073709551615) passed to setTCPRecvTimeout is too large, the maximum is 65535"},
      {"setCacheCleaningPercentage(101)",
       CAUGHT "The value (101) passed to setCacheCleaningPercentage is too large, the maximum is 100"},
      {"getServer(1e300)", "nil"},
      {"getAction(0/0)", "nil"},
      {NULL, NULL},
  };
  check_all(*state, rows);
  assert_int_equal(config()->settings.tcp_recv_timeout_s, 65535);
  assert_int_equal(config()->settings.cache_cleaning_percentage, 100);
}

// What counts in place of numbers without sense: by place, or as the row says.
static void
test_sense(void **state)
{
  static const struct row rows[] = {
      // Settings stay as they were.
      {"setUDPTimeout(7)", "nil"},
      {"setUDPTimeout(0)", "nil"},
      {"setECSSourcePrefixV6(48)", "nil"},
      {"setECSSourcePrefixV6(129)", "nil"},
      {"setECSSourcePrefixV6(0/0)", "nil"},
      {"setPayloadSizeOnSelfGeneratedAnswers(5)", "nil"}, // the nearest, as in the dialect: it is no row of settings
      // Options and optional arguments are as if they were not written.
      {"MaxQPSIPRule(5, 33, 129, 0):toString()", "IP (/32, /64) match for QPS over 5 burst 1"},
      {"MaxQPSIPRule(5, 8, 40):toString()", "IP (/8, /40) match for QPS over 5 burst 5"},
      // Others: the nearest, a number that does no harm, or what was written.
      {"MaxQPSIPRule(0):toString()", "IP (/32, /64) match for QPS over 0 burst 0"},
      {"MaxQPSIPRule(-1):toString()", "IP (/32, /64) match for QPS over 4294967295 burst 4294967295"},
      {"MaxQPSIPRule(2^32):toString()", "IP (/32, /64) match for QPS over 4294967295 burst 4294967295"}, // not 0
      {"ProbaRule(2):toString()", "match with prob. 1.00"},
      {"ProbaRule(-0.5):toString()", "match with prob. 0.00"},
      {"ProbaRule(0/0):toString()", "match with prob. 0.00"},
      {"QNameWireLengthRule(5, -1):toString()", "wire length < 5 || wire length > 4294967295"},
      {NULL, NULL},
  };
  check_all(*state, rows);
  assert_int_equal(config()->settings.udp_timeout_s, 7);
  assert_int_equal(config()->settings.ecs_prefix_v6, 48);
  assert_int_equal(config()->settings.self_answer_payload, 512);
}

static bool
holds_words(const struct param *p, const char *wanted)
{
  struct text words;
  text_init(&words);
  sense_words(p, &words);
  bool same = strcmp(words.data, wanted) == 0;
  if (!same)
    print_message("%s, not %s\n", words.data, wanted);
  text_fini(&words);
  return same;
}

static void
test_words_of_bounds(void **state)
{
  (void)state;
  assert_true(holds_words(&(struct param){.least = 1, .most = 255}, "1 to 255"));
  assert_true(holds_words(&(struct param){.least = -1, .most = INT64_MAX}, "at least -1"));
  assert_true(holds_words(&(struct param){.least = 1, .most = INT64_MAX, .zero = true}, "0, or at least 1"));
  assert_true(holds_words(&(struct param){.least = 1, .max = 9}, "1 to 9"));
  assert_true(holds_words(&(struct param){.max = 9}, "0 to 9"));
  assert_true(holds_words(&(struct param){.most = 32}, "0 to 32"));
  assert_true(holds_words(&(struct param){.any = true}, ""));
}

static void
test_settings(void **state)
{
  static const struct row rows[] = {
      {"setECSSourcePrefixV4(16)", "nil"},
      {"setServFailWhenNoServer(true)", "nil"},
      {"setConsistentHashingBalancingFactor(1.5)", "nil"},
      {"setWeightedBalancingFactor(0.5)", "nil"}, // refused, told, not raised
      {"setUDPSocketBufferSizes(65536, 32768)", "nil"},
      {"setWHashedPertubation(4294967295)", "nil"},
      {NULL, NULL},
  };
  check_all(*state, rows);
  assert_int_equal(config()->settings.ecs_prefix_v4, 16);
  assert_true(config()->settings.servfail_when_no_server);
  assert_true(config()->settings.consistent_balancing_factor == 1.5);
  assert_true(config()->settings.weighted_balancing_factor == 0);
  assert_int_equal(config()->settings.udp_recv_buffer, 65536);
  assert_int_equal(config()->settings.udp_send_buffer, 32768);
  assert_int_equal(config()->settings.hash_perturbation, 4294967295u);
}

static void
test_loose_selectors(void **state)
{
  static const struct row rows[] = {
      {"makeRule('example.com'):toString()", "qname in example.com."},
      {"makeRule(5):toString()", "qname in 5."},
      {"makeRule({'b.test', 'a.test'}):toString()", "qname in a.test., b.test."},
      {"makeRule(newDNSName('x.test')):toString()", "qname in x.test."},
      {"makeRule({newDNSName('x.test'), newDNSName('y.test')}):toString()", "qname in x.test., y.test."},
      {"makeRule('192.0.2.1'):toString()", "Src: 192.0.2.1/32"},
      {"makeRule('192.0.2.1/99'):toString()", "Src: 192.0.2.1/32"},
      {"makeRule('!192.0.2.1'):toString()", "Src: !192.0.2.1/32"},
      {"makeRule({'a.test', '192.0.2.0/24'}):toString()", "Src: 192.0.2.0/24"},
      {"makeRule('192.0.2'):toString()", "qname in 192.0.2."},
      {"makeRule('192.0.2.1:53'):toString()", "qname in 192.0.2.1:53."},
      {"makeRule({}):toString()", "qname in "},
      {"makeRule(AllRule()):toString()", "All"},
      {"makeRule('a..b')", CAUGHT "Found . in wrong position in DNSName: a\\.\\.b"},
      {"makeRule({AllRule()})", PLAIN "Unable to convert parameter from userdata to string"},
      {"makeRule({newDNSName('x'), 'y'})", PLAIN "Unable to convert parameter from string to DNSName"},
      {"makeRule(newNMG())", PLAIN "Unable to convert parameter from userdata to DNSRule, string, DNSName or list"},
      {"makeRule(newSuffixMatchNode())",
       PLAIN "Unable to convert parameter from userdata to DNSRule, string, DNSName or list"},
      {"makeRule(true)", PLAIN "Unable to convert parameter from boolean to DNSRule, string, DNSName or list"},
      {NULL, NULL},
  };
  check_all(*state, rows);
}

static void
test_sets(void **state)
{
  static const struct row rows[] = {
      {"NetmaskGroupRule('192.0.2.0/24'):toString()", "Src: 192.0.2.0/24"},
      {"NetmaskGroupRule({'192.0.2.0/24', '::1'}, false):toString()", "Dst: 192.0.2.0/24, ::1/128"},
      {"NetmaskGroupRule('x')", "userdata: Unable to convert 'x' to a netmask"},
      {"QNameSuffixRule({'b.', 'a.'}):toString()", "qname in a., b."},
      {"setACL('192.0.2.0/24')", "nil"},
      {"setACL({'198.51.100.0/24', 'x'})", "userdata: Unable to convert 'x' to a netmask"}, // nothing changes
      {"addACL({'192.0.2.0/24'})", PLAIN "Unable to convert parameter from table to string"},
      {"newNMG():addMask({'192.0.2.0/24'})", PLAIN "Unable to convert parameter from table to string"},
      // A rule keeps the set as it was when it was made.
      {"(function() local n = newNMG() n:addMask('192.0.2.0/24') local r = NetmaskGroupRule(n) n:addMask('::1') "
       "return r:toString() .. ' ' .. n:size() end)()", "Src: 192.0.2.0/24 2"},
      {NULL, NULL},
  };
  check_all(*state, rows);
  assert_int_equal(netmask_set_count(config()->acl), 1);
}

static void
test_options(void **state)
{
  static const struct row rows[] = {
      {"newPacketCache(10, {maxTTL = 'x'})", PLAIN "Unable to convert parameter from table to table of options"},
      {"newPacketCache(10, {maxTTL = function() end})",
       PLAIN "Unable to convert parameter from table to table of options"},
      {"newPacketCache(10, {maxTTL = true}):toString()", "0/10"}, // told, ignored
      {"newPacketCache(10, {maxTTL = '5'}):toString()", "0/10"},
      {"newPacketCache(10, {unheardOf = 1}):toString()", "0/10"}, // told, ignored
      {"newPacketCache(10, {unheardOf = 'x'})", PLAIN "Unable to convert parameter from table to table of options"},
      {"newPacketCache(10, 5)", PLAIN "Unable to convert parameter from number to table of options"},
      {"newPacketCache(0)", CAUGHT "Trying to create a packet cache of size zero"},
      {"addAction('x.test', DropAction(), {name = true})",
       PLAIN "Unable to convert parameter from table to table of options"},
      {"addAction('x.test', DropAction(), {uuid = 'x'})", CAUGHT "invalid uuid string"},
      {"addAction('x.test', DropAction(), {uuid = '', name = 5})", "nil"},
      {"getRule('5'):getSelector():toString()",
       CAUGHT "vector::_M_range_check: __n (which is 5) >= this->size() (which is 1)"},
      {"getRule(0):getSelector():toString()", "qname in x.test."},
      {"getRule('nope')", "nil"},
      {"newServer{address = '192.0.2.1', mustResolve = 'yes', name = 7}:getName()", "7"},
      {"newServer{address = '192.0.2.1', id = 'x'}", CAUGHT "invalid uuid string"},
      {"newServer{address = '192.0.2.1', weight = 0}", "nil"},
      {"newServer('bad')", "nil"},
      {"newServer{}", "nil"},
      {"#getServers()", "1"},
      {NULL, NULL},
  };
  check_all(*state, rows);
}

static void
test_error_shapes(void **state)
{
  static const struct row rows[] = {
      {"newCA('1.2.3.4:99999')", "userdata: Unable to convert presentation address '1.2.3.4:99999'"},
      {"addLocal('bad')", "userdata: Unable to convert presentation address 'bad'"},
      {"addACL('bad')", "userdata: Unable to convert 'bad' to a netmask"},
      {"newDNSName('a..b')", CAUGHT "Found . in wrong position in DNSName: a\\.\\.b"},
      {"addAction(AllRule(), DropResponseAction())",
       CAUGHT "addAction() takes actions for queries: for actions on responses there is addResponseAction()"},
      {"addXFRResponseAction(AllRule(), DropAction())",
       CAUGHT "addXFRResponseAction() takes actions for responses: for actions on queries there is addAction()"},
      {"getPoolServers('x')", CAUGHT "No pool named x"},
      {"webserver('127.0.0.1:8083')", "nil"},
      {"getTLSFrontendCount()", "0"},
      {"getTopQueries(5)[1][1] .. getTopQueries(5)[1][3]", "Rest100"},
      {"getTopQueries()", PLAIN "This function requires at least 1 parameter(s)"},
      {"getTopQueries('x')", PLAIN "Unable to convert parameter from string to integer"},
      {"getSlowResponses(1, 2, 3, 4)", PLAIN "Unable to convert parameter from number to boolean"},
      {"topClients(1, 2)", PLAIN "This function requires at most 1 parameter(s)"},
      {"grepq()", PLAIN "This function requires at least 1 parameter(s)"},
      {"statNodeRespRing(5)", PLAIN "Unable to convert parameter from number to function"},
      {"showWebserverConfig() .. 'x'", "x"},
      {"dynBlockRulesGroup():setQueryRate(1, 2, 'x', 3)", "nil"},
      {"HTTPPathRule('/'):toString()", "url path == /"},
      {"HTTPPathRule()", PLAIN "This function requires at least 1 parameter(s)"},
      {"pcall(HTTPPathRegexRule, '[')", "false"},
      {"KeyValueStoreLookupRule(newCDBKVStore('x', 1), KeyValueLookupKeyTag('t')):toString()",
       "lookup key-value store based on 'value of the tag 't''"},
      {"KeyValueStoreLookupRule(1, 2)", PLAIN "Unable to convert parameter from number to KeyValueStore"},
      {"RemoteLogAction(newFrameStreamUnixLogger('x'))",
       CAUGHT "RemoteLogAction takes what newRemoteLogger() makes: for dnstap there is DnstapLogAction"},
      {"newRemoteLogger('bad')", "userdata: Unable to convert presentation address 'bad'"},
      {"newCDBKVStore('x', 1):lookup('y') .. '.'", "."},
      {NULL, NULL},
  };
  check_all(*state, rows);
}

static void
test_fields(void **state)
{
  static const struct row rows[] = {
      {"newServer{address = '192.0.2.1', name = 'a'}.foo", "nil"},
      {"getServer(0).name", "a"},
      {"(function() getServer(0).foo = 1 end)()", "userdata: No exception"},
      {"(function() getServer(0).weight = 'x' end)()", PLAIN "Unable to convert parameter from string to integer"},
      {"(function() getServer(0).weight = 0 return getServer(0).weight end)()", "1"}, // refused, told
      {"(function() getServer(0).weight = '7' return getServer(0).weight end)()", "7"},
      {"type(leastOutstanding.policy)", "function"},
      {"leastOutstanding.policy(1, 2)", PLAIN "Unable to convert parameter from number to table of Servers"},
      {"leastOutstanding.policy({}, 2)", PLAIN "Unable to convert parameter from number to DNSQuestion"},
      {"(function() local f = function() end return newServerPolicy('x', f).policy == f end)()", "true"},
      {"(function() leastOutstanding.isLua = true return leastOutstanding.isLua end)()", "false"}, // read-only: ignored
      {"getServer(0) == getServer(0)", "false"},
      {"newDNSName('a') == newDNSName('a')", "false"},
      {"newNetmask('192.0.2.1/24') == newNetmask('192.0.2.0/24')", "true"},
      {"newNetmask('192.0.2.1/24') == newNetmask('192.0.2.0/25')", "false"},
      {"tostring(newNetmask('192.0.2.1/24'))", "192.0.2.0/24"},
      {"tostring(newDNSName('Ab.c'))", "Ab.c."},
      {"tostring(getServer(0)):match('^userdata')", "userdata"},
      {"getmetatable(getServer(0))", "Server"},
      {NULL, NULL},
  };
  check_all(*state, rows);
}

// A metamethod called by hand with something else is an error, never a crash.
static void
test_foreign_userdata(void **state)
{
  static const struct row rows[] = {
      {"newDNSName('a').toString(io.stdout)", PLAIN "Unable to convert parameter from userdata to DNSName"},
      {"addAction(io.stdout, DropAction())",
       PLAIN "Unable to convert parameter from userdata to DNSRule, string, DNSName or list"},
      {"getPool(''):setCache(io.stdout)", PLAIN "Unable to convert parameter from userdata to PacketCache"},
      {NULL, NULL},
  };
  check_all(*state, rows);
}

static void
count_function(const struct lua_function *f, void *arg)
{
  assert_non_null(f->help);
  assert_non_null(f->call);
  unsigned rows = 0;
  for (const struct param *p = f->params; p != NULL && p->type != PARAM_END; p++, rows++)
    assert_non_null(p->name);
  assert_true(rows <= ARGUMENTS_MAX);
  ++*(unsigned *)arg;
}

static void
count_methods(const struct lua_class *class, void *arg)
{
  for (const struct lua_function *m = class->methods; m != NULL && m->name != NULL; m++)
    count_function(m, arg);
}

// Every row is whole: a function without help or with too many parameters would only be found by its user.
static void
test_rows(void **state)
{
  unsigned functions = 0, methods = 0;
  (void)state;
  binder_each_function(count_function, &functions);
  binder_each_class(count_methods, &methods);
  assert_true(functions > 250);
  assert_true(methods > 150);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_counts),       TEST(test_conversions),  TEST(test_ranges),           TEST(test_settings),
      TEST(test_sense),        TEST(test_words_of_bounds),
      TEST(test_loose_selectors), TEST(test_sets),      TEST(test_options),          TEST(test_error_shapes),
      TEST(test_fields),       TEST(test_foreign_userdata), TEST(test_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
