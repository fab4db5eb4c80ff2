// SPDX-License-Identifier: BSD-2-Clause
// Scripts as selectors, actions and response actions: what they read and write of a query, and that none of them does harm.
#include "dnsproxy/wire/codes.h"
#include "tests/fake_worker.h"
#include "tests/lua_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME "03'www'07'example'04'test'00"
#define QUERY "1234 0100 0001 0000 0000 0000" NAME "0001 0001"
#define QUERY_ANY "1234 0100 0001 0000 0000 0000" NAME "00ff 0001"
// With EDNS: payload 1232, DO, options 3 (NSID, empty), 10 twice.
#define QUERY_EDNS "1234 0100 0001 0000 0000 0001" NAME "0001 0001 00 0029 04d0 0000 8000 000e 0003 0000 000a 0002 'ab' 000a 0000"
#define ANSWER "1234 8180 0001 0001 0000 0000" NAME "0001 0001 c00c 0001 0001 0000012c 0004 c0000201"

struct test {
  const char *name, *body; // of the function
  enum verdict verdict;
  const char *tag;    // expected value of the tag "t"; NULL: it is not set
  const char *packet; // afterwards; NULL: as it was
  const char *query;  // NULL: QUERY or ANSWER
  unsigned errors;    // counted
};

// What a script that fails leaves.
#define SERVFAIL .verdict = VERDICT_STOP, .packet = "1234 8102 0001 0000 0000 0000" NAME "0001 0001", .errors = 1
#define TAG(expression) "dq:setTag('t', tostring(" expression ")) return DNSAction.None"
#define CAUGHT(statement) "local ok, e = pcall(function() " statement " end) dq:setTag('t', tostring(ok)) return DNSAction.None"

static const struct test actions[] = {
    // fields
    {"qname", TAG("dq.qname"), .tag = "www.example.test."},
    {"numbers", TAG("dq.qtype .. ' ' .. dq.qclass .. ' ' .. dq.rcode .. ' ' .. dq.opcode .. ' ' .. dq.len"), .tag = "1 1 0 0 34"},
    {"flags", TAG("tostring(dq.tcp) .. tostring(dq.skipCache) .. tostring(dq.useECS) .. tostring(dq.ecsOverride)"),
     .tag = "falsefalsetruefalse"},
    {"addresses", TAG("dq.remoteaddr:toStringWithPort() .. ' ' .. dq.localaddr:toStringWithPort()"),
     .tag = "192.0.2.1:1024 198.51.100.1:53"},
    {"skip cache", "dq.skipCache = true " TAG("dq.skipCache"), .tag = "true"},
    {"pool", "dq.pool = 'blue' " TAG("dq.pool"), .tag = "blue"},
    {"pool, too long", CAUGHT("dq.pool = string.rep('x', 64)"), .tag = "false"},
    {"ECS prefix", "dq.ecsPrefixLength = 20 " TAG("dq.ecsPrefixLength"), .tag = "20"},
    {"ECS prefix, longer than the address", "dq.ecsPrefixLength = 20 dq.ecsPrefixLength = 33 dq.ecsPrefixLength = 200 "
     "dq.ecsPrefixLength = -1 " TAG("dq.ecsPrefixLength"), .tag = "20"},
    {"failure TTL", "local before = dq.tempFailureTTL dq.tempFailureTTL = 7 " TAG("tostring(before) .. dq.tempFailureTTL"),
     .tag = "nil7"},
    {"failure TTL, unset", "dq.tempFailureTTL = 7 dq.tempFailureTTL = nil " TAG("dq.tempFailureTTL"), .tag = "nil"},
    {"failure TTL, wrong type", CAUGHT("dq.tempFailureTTL = {}"), .tag = "false"},
    {"device", "dq.deviceID = 'a' dq.deviceName = 'b' dq.requestorID = 'c' " TAG("dq.deviceID .. dq.deviceName .. dq.requestorID"),
     .tag = "abc"},
    {"device, unset", TAG("'<' .. dq.deviceID .. '>'"), .tag = "<>"},
    {"rcode", "dq.rcode = 5 return DNSAction.None", .packet = "1234 0105 0001 0000 0000 0000" NAME "0001 0001"},
    {"rcode, wide", "dq.rcode = 0x13 return DNSAction.None", .packet = "1234 0103 0001 0000 0000 0000" NAME "0001 0001"},
    {"timed while nothing is published", "benchRule(PoolAvailableRule('none'), 10) " TAG("'alive'"), .tag = "alive"},
    {"timed, with tags and a large packet",
     "local n = 0 benchRule(LuaRule(function(d) d:setTag('x', 'y') d:setContent(string.rep('x', 9000)) "
     "n = n + #d:getTag('x') return true end), 1500) " TAG("n"), .tag = "1500"},
    {"unknown field read", TAG("dq.size"), .tag = "nil"},
    {"unknown field written", CAUGHT("dq.nonsense = 1"), .tag = "false"},
    {"read-only field written", "dq.qtype = 5 dq.tcp = true " TAG("dq.qtype"), .tag = "1"},
    {"wrong type written", CAUGHT("dq.skipCache = 'yes'"), .tag = "false"},
    {"method without an object", CAUGHT("dq.getTag('x')"), .tag = "false"},
    {"method of another object", CAUGHT("dq.getTag(dq.dh, 'x')"), .tag = "false"},
    {"too many arguments", CAUGHT("dq:getDO(1)"), .tag = "false"},
    // header
    {"bits read", TAG("tostring(dq.dh:getRD()) .. tostring(dq.dh:getAA()) .. dq.dh:getID()"), .tag = "truefalse4660"},
    {"bits written", "dq.dh:setRD(false) dq.dh:setCD(true) dq.dh:setAD(true) return DNSAction.HeaderModify",
     .verdict = VERDICT_STOP, .packet = "1234 0030 0001 0000 0000 0000" NAME "0001 0001"},
    {"TC copies RD into RA", "dq.dh:setTC(true) return DNSAction.None",
     .packet = "1234 0380 0001 0000 0000 0000" NAME "0001 0001"},
    {"answered by hand", "dq.dh:setQR(true) dq.rcode = DNSRCode.REFUSED return DNSAction.HeaderModify",
     .verdict = VERDICT_STOP, .packet = "1234 8105 0001 0000 0000 0000" NAME "0001 0001"},
    {"copy of the header", "local h = dq:getHeader() h:setRD(false) " TAG("dq.dh:getRD()"), .tag = "true"},
    {"copy written back", "local h = dq:getHeader() h:setRD(false) dq:setHeader(h) return DNSAction.None",
     .packet = "1234 0000 0001 0000 0000 0000" NAME "0001 0001"},
    {"setHeader, wrong type", CAUGHT("dq:setHeader(dq.qname)"), .tag = "false"},
    // packet
    {"content", TAG("#dq:getContent()"), .tag = "34"},
    {"content replaced, id kept",
     "dq:setContent('\\0\\0\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\1a\\0\\0\\28\\0\\1') " TAG("dq.qname:toString() .. dq.qtype"), .tag = "a.28",
     .packet = "1234 0100 0001 0000 0000 0000 01'a'00 001c 0001"},
    {"content, too short", CAUGHT("dq:setContent('short')"), .tag = "false"},
    {"content, too large", CAUGHT("dq:setContent(string.rep('x', 65536))"), .tag = "false"},
    {"content of garbage", "dq:setContent(string.rep('\\255', 40)) return DNSAction.Refused", .verdict = VERDICT_STOP,
     .packet = "1234 fff5 0000 0000 0000 0000"},
    {"cut below the question", "dq.len = 20 return DNSAction.Nxdomain", .verdict = VERDICT_STOP,
     .packet = "1234 8103 0000 0000 0000 0000"},
    {"cut below the header", CAUGHT("dq.len = 11"), .tag = "false"},
    {"negative length", CAUGHT("dq.len = -1"), .tag = "false"},
    {"grown", "dq.len = 36 return DNSAction.None", .packet = QUERY "0000"},
    {"grown beyond the buffer", "dq.len = 60000 dq.len = 34 return DNSAction.None", .packet = QUERY},
    {"new name", TAG("tostring(dq:changeName(newDNSName('b.test'))) .. dq.qname:toString()"), .tag = "trueb.test.",
     .packet = "1234 0100 0001 0000 0000 0000 01'b'04'test'00 0001 0001"},
    {"trailing data", "dq:setTrailingData('xyz') " TAG("dq:getTrailingData()"), .tag = "xyz", .packet = QUERY "'xyz'"},
    {"trailing data, too much", TAG("dq:setTrailingData(string.rep('x', 70000))"), .tag = "false"},
    // EDNS
    {"DO", TAG("dq:getDO()"), .tag = "true", .query = QUERY_EDNS, .packet = QUERY_EDNS},
    {"no DO", TAG("dq:getDO()"), .tag = "false"},
    {"options",
     "local o = dq:getEDNSOptions() " TAG("o[3]:count() .. o[3]:getValues()[1] .. o[10]:count() .. o[10]:getValues()[1] .. tostring(o[8])"),
     .tag = "12abnil", .query = QUERY_EDNS, .packet = QUERY_EDNS},
    {"no options", TAG("next(dq:getEDNSOptions())"), .tag = "nil"},
    {"option set", "dq:setEDNSOption(10, 'cd') return DNSAction.None",
     .packet = "1234 0100 0001 0000 0000 0001" NAME "0001 0001 00 0029 0200 0000 0000 0006 000a 0002 'cd'"},
    {"option set, too large", CAUGHT("dq:setEDNSOption(10, string.rep('x', 66000))"), .tag = "false"},
    {"extended error", "dq:setExtendedDNSError(15, 'no') dq:setExtendedDNSError(16, '', false) return DNSAction.None", .verdict = VERDICT_NEXT},
    // tags
    {"unset tag", TAG("'<' .. dq:getTag('x') .. '>'"), .tag = "<>"},
    {"tag array", "dq:setTagArray({a = 'b', c = 5}) dq:unsetTag('a') local n = 0 for k, v in pairs(dq:getTagArray()) do n = n .. k .. v end " TAG("n"),
     .tag = "0c5"},
    {"tags, wrong type", CAUGHT("dq:setTagArray({a = {}})"), .tag = "false"},
    // answers in place
    {"spoof", "dq:spoof({newCA('192.0.2.9')}) return DNSAction.None",
     .packet = "1234 8180 0001 0001 0000 0000" NAME "0001 0001 c00c 0001 0001 0000003c 0004 c0000209"},
    {"spoof, single", "dq:spoof(newCA('192.0.2.9')) return DNSAction.None",
     .packet = "1234 8180 0001 0001 0000 0000" NAME "0001 0001 c00c 0001 0001 0000003c 0004 c0000209"},
    {"spoof, other family", "dq:spoof({newCA('::1')}) return DNSAction.None",
     .packet = "1234 8180 0001 0000 0000 0000" NAME "0001 0001"},
    {"spoof, raw", "dq:spoof({'\\1\\2\\3\\4'}) return DNSAction.None",
     .packet = "1234 8180 0001 0001 0000 0000" NAME "0001 0001 c00c 0001 0001 0000003c 0004 01020304"},
    {"spoof, raw for ANY", "dq:spoof({'\\1a'}, 16) return DNSAction.None", .query = QUERY_ANY,
     .packet = "1234 8180 0001 0001 0000 0000" NAME "00ff 0001 c00c 0010 0001 0000003c 0002 0161"},
    {"spoof, mixed", CAUGHT("dq:spoof({newCA('::1'), 'x'})"), .tag = "false"},
    {"spoof, a hole", CAUGHT("dq:spoof({newCA('::1'), {}})"), .tag = "false"},
    {"spoof, endless", CAUGHT("local t = {} for i = 1, 100000 do t[i] = 'x' end dq:spoof(t)"), .tag = "false"},
    {"spoof, too large", CAUGHT("dq:spoof({string.rep('x', 40000), string.rep('y', 40000)})"), .tag = "false"},
    {"negative", TAG("dq:setNegativeAndAdditionalSOA(true, 'test', 60, 'a.', 'b.', 1, 2, 3, 4, 5)"), .tag = "true",
     .packet = "1234 8103 0001 0000 0000 0001" NAME "0001 0001 04'test'00 0006 0001 0000003c 001a 01'a'00 01'b'00 "
               "00000001 00000002 00000003 00000004 00000005"},
    // elsewhere
    {"protocol", TAG("dq:getProtocol()"), .tag = "Do53 UDP"},
    {"other transports", TAG("dq:getServerNameIndication() .. dq:getHTTPHost() .. dq:getHTTPPath() .. dq:getHTTPQueryString() .. "
                             "dq:getHTTPScheme() .. tostring(next(dq:getHTTPHeaders())) .. tostring(next(dq:getProxyProtocolValues()))"),
     .tag = "nilnil"},
    {"restartable", TAG("dq:setRestartable()"), .tag = "true"},
    {"times", TAG("dq:getElapsedUs() >= 0 and dq:getQueryTime().tv_sec > 0 and dq:getQueryTime().tv_nsec < 1e9"), .tag = "true"},
    {"no effect", "dq:sendTrap() dq:sendTrap('why') dq:setHTTPResponse(200, 'x') dq:setMetaKey('a', {'b'}) " TAG("dq:getIncomingInterface()"),
     .tag = ""},
    // what is returned
    {"drop", "return DNSAction.Drop", .verdict = VERDICT_DROP},
    {"numeric string", "return '0'", .verdict = VERDICT_DROP},
    {"fraction", "return 0.9", .verdict = VERDICT_DROP},
    {"outside the enum", "return 4711", .verdict = VERDICT_NEXT},
    {"outside of all numbers", "return 1e300", .verdict = VERDICT_NEXT},
    {"no number at all", "return 0/0", .verdict = VERDICT_NEXT},
    {"negative number", "return -1", .verdict = VERDICT_NEXT},
    {"pool verdict", "return DNSAction.Pool, 'green', 'ignored'", .verdict = VERDICT_STOP},
    {"spoof verdict", "return DNSAction.Spoof, '192.0.2.9'", .verdict = VERDICT_STOP,
     .packet = "1234 8180 0001 0001 0000 0000" NAME "0001 0001 c00c 0001 0001 0000003c 0004 c0000209"},
    {"a number as text", "return DNSAction.Spoof, 5", .verdict = VERDICT_STOP,
     .packet = "1234 8180 0001 0001 0000 0000" NAME "0001 0001 c00c 0001 0001 0000003c 0004 00000005"},
    {"nothing", "", SERVFAIL},
    {"nil", "return nil", SERVFAIL},
    {"boolean", "return true", SERVFAIL},
    {"table", "return {}", SERVFAIL},
    {"table as text", "return 4, {}", SERVFAIL},
    {"word", "return 'Drop'", SERVFAIL},
    // failures
    {"error", "error('boom')", SERVFAIL},
    {"error of a table", "error({})", SERVFAIL},
    {"error of nil", "error(nil)", SERVFAIL},
    {"error of our own", "newCA('nonsense')", SERVFAIL},
    {"no such function", "nosuch()", SERVFAIL},
    {"nil method", "dq:nosuch()", SERVFAIL},
    {"endless recursion", "local function f() return 1 + f() end return f()", SERVFAIL},
    {"recursion through C", "local function f(s) return string.gsub(s, '.', f) end f('x')", SERVFAIL},
    {"coroutines within coroutines",
     "local function f() return coroutine.wrap(function() return (f()) end)() end return f()", SERVFAIL},
    {"resumed within resumed",
     "local function f() return select(2, assert(coroutine.resume(coroutine.create(function() return (f()) end)))) end return f()",
     SERVFAIL},
    {"sorting within sorting", "local function f(a, b) table.sort({1, 2, 3}, f) return a < b end return f(1, 2)", SERVFAIL},
    {"huge string", "return 3, string.rep('x', 1e6)", .verdict = VERDICT_DROP},
    {"impossible string", "return 3, string.rep('x', 2^20, string.rep('y', 2^20))", SERVFAIL},
    {"table of everything", "return 0, string.rep('1.2.3.4 ', 10000)", .verdict = VERDICT_DROP},
    {"error after writing", "dq:setContent(string.rep('\\0', 12)) error('boom')", .verdict = VERDICT_STOP, .errors = 1,
     .packet = "1234 8002 0000 0000 0000 0000"},
    {"coroutine", "local co = coroutine.wrap(function() " TAG("dq.qtype") " end) return co()", .tag = "1"},
    {"yield across the call", "coroutine.yield(1)", SERVFAIL},
};

#define DR_TAG(expression) "dr:setTag('t', tostring(" expression ")) return DNSResponseAction.None"
#define DR_CAUGHT(statement)                                                                                           \
  "local ok, e = pcall(function() " statement " end) dr:setTag('t', tostring(ok)) return DNSResponseAction.None"
#define DR_SERVFAIL                                                                                                    \
  .verdict = VERDICT_STOP, .errors = 1,                                                                                \
  .packet = "1234 8182 0001 0001 0000 0000" NAME "0001 0001 c00c 0001 0001 0000012c 0004 c0000201"

static const struct test response_actions[] = {
    {"fields", DR_TAG("dr.qname:toString() .. dr.qtype .. dr.rcode .. dr.len"), .tag = "www.example.test.1050"},
    {"TTLs", "dr:editTTLs(function(section, class, type, ttl) return section + class + type + ttl end) return DNSResponseAction.None",
     .packet = "1234 8180 0001 0001 0000 0000" NAME "0001 0001 c00c 0001 0001 0000012f 0004 c0000201"},
    {"TTLs left alone", "dr:editTTLs(function() return 0 end) return DNSResponseAction.None", .verdict = VERDICT_NEXT},
    {"TTLs, nothing returned", "dr:editTTLs(function() end)", DR_SERVFAIL},
    {"TTLs, error", DR_CAUGHT("dr:editTTLs(function() error('boom') end)"), .tag = "false"},
    {"TTLs within TTLs", "local function f() dr:editTTLs(f) end f() return DNSResponseAction.None", DR_SERVFAIL},
    {"TTLs, no function", DR_CAUGHT("dr:editTTLs(5)"), .tag = "false"},
    {"new name", DR_TAG("dr:changeName(newDNSName('b.test'))"), .tag = "true",
     .packet = "1234 8180 0001 0001 0000 0000 01'b'04'test'00 0001 0001 c00c 0001 0001 0000012c 0004 c0000201"},
    {"from where", DR_TAG("tostring(dr:getSelectedBackend()) .. tostring(dr:getStaleCacheHit()) .. dr:getRestartCount()"),
     .tag = "nilfalse0"},
    {"restart", DR_TAG("dr:restart()"), .tag = "false"},
    {"no method of queries", DR_TAG("dr.spoof"), .tag = "nil"},
    {"content", "dr:setContent('xx' .. dr:getContent():sub(3)) return DNSResponseAction.None", .verdict = VERDICT_NEXT},
    {"garbage", "dr:setContent(string.rep('\\255', 50)) dr:editTTLs(function() return 5 end) dr.len = 12 return DNSResponseAction.Allow",
     .verdict = VERDICT_STOP, .packet = "1234 ffff ffff ffff ffff ffff"},
    {"allow", "return DNSResponseAction.Allow", .verdict = VERDICT_STOP},
    {"drop", "return DNSResponseAction.Drop", .verdict = VERDICT_DROP},
    {"servfail", "return DNSResponseAction.ServFail", DR_SERVFAIL},
    {"delay", "return DNSResponseAction.Delay, '100'", .verdict = VERDICT_NEXT},
    {"nothing", "", DR_SERVFAIL},
    {"error", "error('boom')", DR_SERVFAIL},
    {"wrong field", "dr.useECS = true", DR_SERVFAIL},
};

static struct fake_worker fake;

static uint64_t
errors_counted(void)
{
  return atomic_load(&fake.worker->counters.counter[COUNTER_SCRIPT_ERRORS]);
}

static bool
tag_is(const struct query *q, const char *expected)
{
  const struct tag *t = query_tag_get(q, "t");
  if (t == NULL || expected == NULL)
    return t == NULL && expected == NULL;
  if (strcmp(t->value, expected) == 0)
    return true;
  fprintf(stderr, "the tag is '%s'\n", t->value);
  return false;
}

static bool
test_passes(const struct test *t, enum chain_id chain, const char *form, const char *packet)
{
  struct text command;
  text_init(&command);
  text_printf(&command, form, t->body);
  struct rule *rule = lua_fixture_rule(chain, command.data);
  text_fini(&command);
  struct query *q = fake_query(&fake, t->query != NULL ? t->query : packet);
  uint8_t *lent = q->packet.data;
  uint64_t before = errors_counted();
  enum verdict v = rule->action->kind->run(rule->action, q);
  const char *expected = t->packet != NULL ? t->packet : t->query != NULL ? t->query : packet;
  bool good = v == t->verdict && errors_counted() - before == t->errors && tag_is(q, t->tag) &&
              (v == VERDICT_DROP || fake_packet_is(q, expected));
  if (!good)
    fprintf(stderr, "%s: verdict %d, %d errors\n", t->name, (int)v, (int)(errors_counted() - before));
  q->packet.data = lent; // the fixture frees its own
  fake_query_free(&q);
  return good;
}

static void
test_actions(void **state)
{
  (void)state;
  unsigned failed = 0;
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    failed += !test_passes(&actions[i], CHAIN_QUERY, "addAction(AllRule(), LuaAction(function(dq) %s end))", QUERY);
  assert_int_equal(failed, 0);
}

static void
test_response_actions(void **state)
{
  (void)state;
  unsigned failed = 0;
  for (size_t i = 0; i < sizeof response_actions / sizeof *response_actions; i++) {
    struct test t = response_actions[i];
    if (strcmp(t.name, "servfail") == 0)
      t.errors = 0;
    failed += !test_passes(&t, CHAIN_RESPONSE, "addResponseAction(AllRule(), LuaResponseAction(function(dr) %s end))", ANSWER);
  }
  assert_int_equal(failed, 0);
}

static bool
matches(const char *body, unsigned errors)
{
  struct text command;
  text_init(&command);
  text_printf(&command, "addAction(LuaRule(function(dq) %s end), AllowAction())", body);
  struct rule *rule = lua_fixture_rule(CHAIN_QUERY, command.data);
  text_fini(&command);
  struct query *q = fake_query(&fake, QUERY);
  uint64_t before = errors_counted();
  bool match = selector_match(rule->selector, q);
  assert_int_equal(errors_counted() - before, errors);
  fake_query_free(&q);
  return match;
}

static void
test_selectors(void **state)
{
  (void)state;
  assert_true(matches("return dq.qtype == DNSQType.A", 0));
  assert_false(matches("return false", 0));
  assert_false(matches("return nil", 1));
  assert_false(matches("return 1", 1));
  assert_false(matches("return 'true'", 1));
  assert_false(matches("error('boom')", 1));
  assert_false(matches("", 1));
}

// Runs an action of the body on a new query.
static void
act(const char *body)
{
  struct text command;
  text_init(&command);
  text_printf(&command, "addAction(AllRule(), LuaAction(function(dq) %s end))", body);
  struct rule *rule = lua_fixture_rule(CHAIN_QUERY, command.data);
  text_fini(&command);
  struct query *q = fake_query(&fake, QUERY_EDNS);
  rule->action->kind->run(rule->action, q);
  fake_query_free(&q);
}

// The command raises, with this text in it.
static void
assert_raises(const char *command, const char *expected)
{
  struct text answer;
  bool effect;
  text_init(&answer);
  control_lock();
  bool good = control_execute(command, strlen(command), &answer, &effect);
  control_unlock();
  assert_false(good);
  assert_non_null(strstr(answer.data, expected));
  text_fini(&answer);
}

// Kept objects name no memory that is gone: used outside of a call, they say so.
static void
test_kept(void **state)
{
  (void)state;
  act("kept, dh, copy, option, name = dq, dq.dh, dq:getHeader(), dq:getEDNSOptions()[10], dq.qname return 4");
  assert_raises("kept.qname", "has ended");
  assert_raises("kept:getTag('x')", "has ended");
  assert_raises("kept:setContent(string.rep('x', 20))", "has ended");
  assert_raises("kept:spoof({'x'})", "has ended");
  assert_raises("kept.dh", "has ended");
  assert_raises("kept:setHeader(copy)", "has ended");
  assert_raises("dh:getRD()", "has ended");
  assert_raises("dh:setRD(true)", "has ended");
  lua_fixture_run("kept.nosuch");
  lua_fixture_run("assert(copy:getRD() and option:count() == 2 and name:toString() == 'www.example.test.')");
  lua_fixture_run("kept, dh, copy, option, name = nil collectgarbage()");
  act("seen = dq.qtype return 4");
  lua_fixture_run("assert(seen == 1)");
}

// Later calls of a level use the same objects: nothing is made for a query but what its script asks for.
static void
test_reused(void **state)
{
  (void)state;
  act("first = dq return 4");
  act("assert(rawequal(first, dq)) same = true return 4");
  lua_fixture_run("assert(same)");
}

static void
test_bad_constructors(void **state)
{
  (void)state;
  assert_raises("LuaAction()", "at least 1");
  assert_raises("LuaAction('f')", "Unable to convert");
  assert_raises("LuaRule(nil)", "Unable to convert");
  assert_raises("LuaResponseAction(print, 2)", "at most 1");
}

static int
open_all(void **state)
{
  (void)state;
  fake_worker_open(&fake);
  lua_fixture_open();
  return 0;
}

static int
close_all(void **state)
{
  (void)state;
  lua_fixture_close();
  fake_worker_close(&fake);
  return 0;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_actions),   cmocka_unit_test(test_response_actions), cmocka_unit_test(test_selectors),
      cmocka_unit_test(test_kept),      cmocka_unit_test(test_reused),           cmocka_unit_test(test_bad_constructors),
  };
  return cmocka_run_group_tests(tests, open_all, close_all);
}
