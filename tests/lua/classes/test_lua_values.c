// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of the values and sets that scripts hold (lua/class_*.c), of what makes them, and of the constants.
#include "dnsproxy/wire/name_set.h"
#include "lua/binder/classes.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// A chunk, and what it returns: values as tostring() writes them, separated by spaces; or the error it ends with.
struct row {
  const char *chunk, *result, *error;
};

static int
set_up(void **state)
{
  lua_State *lua = luaL_newstate();
  luaL_openlibs(lua);
  binder_open(lua);
  *state = lua;
  return 0;
}

static int
tear_down(void **state)
{
  lua_close(*state);
  return 0;
}

static const char *
error_text(lua_State *lua)
{
  const char *object = binder_error_text(lua, -1);
  return object != NULL ? object : lua_tostring(lua, -1);
}

static void
join_results(lua_State *lua, struct text *out)
{
  int count = lua_gettop(lua);
  for (int i = 1; i <= count; i++) {
    lua_getglobal(lua, "tostring");
    lua_pushvalue(lua, i);
    lua_call(lua, 1, 1);
    text_printf(out, "%s%s", i > 1 ? " " : "", lua_tostring(lua, -1));
    lua_pop(lua, 1);
  }
}

static void
run(lua_State *lua, const struct row *row)
{
  struct text got;
  text_init(&got);
  lua_settop(lua, 0);
  assert_int_equal(luaL_loadbuffer(lua, row->chunk, strlen(row->chunk), "=chunk"), 0);
  bool failed = lua_pcall(lua, 0, LUA_MULTRET, 0) != 0;
  if (failed)
    text_puts(&got, error_text(lua));
  else
    join_results(lua, &got);
  const char *wanted = row->error != NULL ? row->error : row->result;
  if (failed != (row->error != NULL) || strcmp(got.data, wanted) != 0)
    fail_msg("%s\n  %s: %s\n  wanted: %s", row->chunk, failed ? "raised" : "gave", got.data, wanted);
  lua_settop(lua, 0);
  text_fini(&got);
}

static void
run_all(void **state, const struct row *rows)
{
  for (; rows->chunk != NULL; rows++)
    run(*state, rows);
  lua_gc(*state, LUA_GCCOLLECT, 0);
}

static void
names(void **state)
{
  static const struct row rows[] = {
      {"return newDNSName('wWw.Example.org')", "wWw.Example.org.", NULL},
      {"return newDNSName(''), newDNSName('.'), newDNSName(5)", ". . 5.", NULL},
      {"return newDNSName('a b\\200').toString(newDNSName('a b\\200'))", "a\\032b\\200.", NULL},
      {"return newDNSName('.'):toStringNoDot() == '', newDNSName('a.b'):toStringNoDot()", "true a.b", NULL},
      {"local n = newDNSName('a.b') return n:tostring(), n:toString() == tostring(n)", "a.b. true", NULL},
      {"return newDNSName('a.bc'):wirelength(), newDNSName('.'):wirelength()", "6 1", NULL},
      {"return newDNSName('a.bc'):countLabels(), newDNSName('.'):countLabels()", "2 0", NULL},
      {"return newDNSName('a.bc'):toDNSString() == '\\1a\\2bc\\0'", "true", NULL},
      {"return newDNSNameFromRaw('\\1A\\2bc\\0'), newDNSNameFromRaw('\\0rest')", "A.bc. .", NULL},
      {"return newDNSNameFromRaw('\\3ab')", NULL, "Caught exception: Unable to read a DNSName from 3 raw bytes"},
      {"local n = newDNSName('a.b') return n:chopOff(), tostring(n), n:chopOff(), tostring(n), n:chopOff(), n",
       "true b. true . false .", NULL},
      {"local n = newDNSName('a') n:append('B.c') n:append(newDNSName('d')) return n", "a.B.c.d.", NULL},
      {"local n = newDNSName('a') n:prepend('B.c') n:prepend(newDNSName('d')) return n", "d.B.c.a.", NULL},
      {"local n = newDNSName('a.b') n:append(n) n:prepend(n) return n", "a.b.a.b.a.b.a.b.", NULL},
      {"local n = newDNSName('.') n:append('.') n:prepend('x') return n", "x.", NULL},
      {"local long = string.rep('a.', 127) local n = newDNSName(long) return pcall(n.append, n, 'b')",
       "false Caught exception: name too long to append: b", NULL},
      {"local n = newDNSName(string.rep('a.', 127)) pcall(n.prepend, n, 'b') return n:wirelength()", "255", NULL},
      {"return newDNSName('A.b'):hash() == newDNSName('a.B'):hash(), newDNSName('a'):hash() == newDNSName('b'):hash()",
       "true false", NULL},
      {"local h = newDNSName('a.b'):hash() return h == math.floor(h), h >= 0 and h < 2^32", "true true", NULL},
      {"local n = newDNSName('a.B') return n:isPartOf(newDNSName('b')), n:isPartOf(n), n:isPartOf(newDNSName('.')), "
       "n:isPartOf(newDNSName('x.a.b'))",
       "true true true false", NULL},
      {"return newDNSName('a.B.c'):makeRelative(newDNSName('b.C')), newDNSName('a'):makeRelative(newDNSName('a'))",
       "a. .", NULL},
      {"return newDNSName('a.b') == newDNSName('a.b')", "false", NULL},
      {"local n = newDNSName('a.b') return n == n, n.nothing", "true nil", NULL},
      {"return newDNSName('a..b')", NULL, "Caught exception: Found . in wrong position in DNSName: a\\.\\.b"},
      {"return newDNSName()", NULL, "This function requires at least 1 parameter(s)"},
      {"return newDNSName('a', 'b')", NULL, "This function requires at most 1 parameter(s)"},
      {"return newDNSName(nil)", NULL, "Unable to convert parameter from nil to string"},
      {"return newDNSName('a'):isPartOf()", NULL, "This function requires at least 2 parameter(s)"},
      {"return newDNSName('a'):isPartOf('a')", NULL, "Unable to convert parameter from string to DNSName"},
      {"return newDNSName('a'):makeRelative(newCA('::1'))", NULL,
       "Unable to convert parameter from userdata to DNSName"},
      {"local n = newDNSName('a') local x = n:isPartOf('a') return x", NULL,
       "chunk:1: Unable to convert parameter from string to DNSName"},
      {"return newDNSName('a') < newDNSName('b')", NULL, "chunk:1: attempt to compare two userdata values"},
      {"return newDNSName('a') .. 'b'", NULL, "chunk:1: attempt to concatenate a userdata value"},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

// What makeRelative() of an unrelated name gives.
static void
unset_names(void **state)
{
#define UNSET "local u = newDNSName('a'):makeRelative(newDNSName('b')) "
  static const char print_error[] = "Caught exception: Attempt to print an unset DNSName";
  static const char use_error[] = "Caught exception: Attempt to use an unset DNSName";
  static const struct row rows[] = {
      {UNSET "return u:countLabels(), u:wirelength(), u:chopOff()", "0 0 false", NULL},
      {UNSET "return u:toString()", NULL, print_error},
      {UNSET "return u:toStringNoDot()", NULL, print_error},
      {UNSET "return u:toDNSString()", NULL, print_error},
      {UNSET "return u:isPartOf(newDNSName('a'))", NULL, print_error},
      {UNSET "return u:makeRelative(newDNSName('a'))", NULL, print_error},
      {UNSET "return select(2, pcall(tostring, u))", print_error, NULL},
      {UNSET "return newDNSName('a'):isPartOf(u)", NULL, use_error},
      {UNSET "return newDNSName('a'):append(u)", NULL, use_error},
      {UNSET "return newDNSNameSet():add(u)", NULL, use_error},
      {UNSET "return newSuffixMatchNode():add(u)", NULL, use_error},
      {UNSET "return newSuffixMatchNode():add({newDNSName('a'), u})", NULL, use_error},
      {UNSET "return newSuffixMatchNode():check(u)", NULL, use_error},
      {UNSET "u:append('b') return u", "b.", NULL},
      {UNSET "u:prepend('c') return u, u:hash() == newDNSName('C'):hash()", "c. true", NULL},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
name_sets(void **state)
{
  static const struct row rows[] = {
      {"s = newDNSNameSet() return s:size(), s:empty(), s:toString() == ''", "0 true true", NULL},
      {"s:add(newDNSName('a.B')) s:add(newDNSName('A.b')) return s:size(), s:empty(), s", "1 false a.B\n", NULL},
      {"return s:check(newDNSName('A.B')), s:check(newDNSName('b')), s:check(newDNSName('x.a.b'))", "true false false",
       NULL},
      {"return s:delete(newDNSName('b')), s:delete(newDNSName('A.B')), s:delete(newDNSName('A.B'))", "0 1 0", NULL},
      {"s:add(newDNSName('.')) s:add(newDNSName('x')) s:clear() return s:size()", "0", NULL},
      {"s:add(newDNSName('.')) return s:toString() == '\\n' and tostring(s) == '\\n'", "true", NULL},
      {"return s:add('a')", NULL, "Unable to convert parameter from string to DNSName"},
      {"return s:check('a')", NULL, "Unable to convert parameter from string to DNSName"},
      {"return s.size(newNMG())", NULL, "Unable to convert parameter from userdata to DNSNameSet"},
      {"return newDNSNameSet() == newDNSNameSet()", "false", NULL},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
suffixes(void **state)
{
  static const struct row rows[] = {
      {"function has(s, n) return s:check(newDNSName(n)) end "
       "function best(s, n) return tostring(s:getBestMatch(newDNSName(n))) end s = newSuffixMatchNode()",
       "", NULL},
      {"return has(s, '.'), best(s, 'a')", "false nil", NULL},
      {"s:add('Example.org') return has(s, 'example.ORG'), has(s, 'www.example.org'), has(s, 'org'), has(s, 'xexample.org')",
       "true true false false", NULL},
      {"s:add(newDNSName('b.example.org')) s:add({'c', 5}) s:add({newDNSName('d'), newDNSName('e')}) "
       "return best(s, 'a.b.EXAMPLE.org'), best(s, 'a.example.org'), best(s, 'x.c'), has(s, '5'), has(s, 'e')",
       "b.example.org. Example.org. c. true true", NULL},
      {"s:remove('b.example.ORG') return best(s, 'a.b.example.org')", "Example.org.", NULL},
      {"s:remove({'c', 'd'}) s:remove({newDNSName('e')}) s:remove(newDNSName('5')) s:remove('absent') "
       "return has(s, 'c'), has(s, 'd'), has(s, 'e'), has(s, '5'), has(s, 'example.org')",
       "false false false false true", NULL},
      {"s:add(s) return has(s, 'example.org')", "true", NULL},
      {"local t = newSuffixMatchNode() t:add('example.org') t:add('f') s:add('f') s:remove(t) return has(s, 'f')", "false",
       NULL},
      {"s:add('g') s:remove(s) return has(s, 'g')", "false", NULL},
      {"s:add('.') return has(s, 'anything'), best(s, 'anything')", "true .", NULL},
      {"return newSuffixMatchNode():check('a')", NULL, "Unable to convert parameter from string to DNSName"},
      {"return newSuffixMatchNode():getBestMatch('a')", NULL, "Unable to convert parameter from string to DNSName"},
      {"return newSuffixMatchNode():add('a..b')", NULL,
       "Caught exception: Found . in wrong position in DNSName: a\\.\\.b"},
      {"local t = newSuffixMatchNode() pcall(t.add, t, {'good', 'b..d'}) return has(t, 'good')", "false", NULL},
      {"local t = newSuffixMatchNode() return pcall(t.add, t, {newDNSName('a'), 'b'})",
       "false Unable to convert parameter from string to DNSName", NULL},
      {"return newSuffixMatchNode().toString", "nil", NULL},
      {"return tostring(newSuffixMatchNode()):match('^userdata') ~= nil", "true", NULL},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
addresses(void **state)
{
  static const struct row rows[] = {
      {"return newCA('192.0.2.1'), newCA('192.0.2.1:53'), newCA('[2001:db8::1]:53'), newCA('2001:db8::1')",
       "192.0.2.1 192.0.2.1 2001:db8::1 2001:db8::1", NULL},
      {"local a, b = newCA('192.0.2.1:53'), newCA('::1') "
       "return a:toString(), a:tostring(), a:toStringWithPort(), b:tostringWithPort(), a:getPort(), b:getPort()",
       "192.0.2.1 192.0.2.1 192.0.2.1:53 [::1]:0 53 0", NULL},
      {"local a, b = newCA('1.2.3.4'), newCA('::1') return a:isIPv4(), a:isIPv6(), b:isIPv4(), b:isIPv6()",
       "true false false true", NULL},
      {"return newCA('1.2.3.4'):getRaw() == '\\1\\2\\3\\4', #newCA('::1'):getRaw()", "true 16", NULL},
      {"return newCAFromRaw('\\1\\2\\3\\4'), newCAFromRaw('\\1\\2\\3\\4', 53):toStringWithPort(), "
       "newCAFromRaw(newCA('2001:db8::1'):getRaw(), 65589):toStringWithPort()",
       "1.2.3.4 1.2.3.4:53 [2001:db8::1]:53", NULL},
      {"return newCAFromRaw('\\1\\2\\3'):toStringWithPort()", "0.0.0.0:0", NULL},
      {"local a = newCA('[::ffff:192.0.2.1]:53') return a:isMappedIPv4(), a:isIPv4(), a:mapToIPv4():toStringWithPort()",
       "true false 192.0.2.1:53", NULL},
      {"return newCA('192.0.2.1'):isMappedIPv4(), newCA('::1'):isMappedIPv4()", "false false", NULL},
      {"return newCA('::1'):mapToIPv4()", NULL, "Unable to map '::1' to IPv4: it is no IPv4-mapped address"},
      {"local a = newCA('192.0.2.255:53') a:truncate(99) a:truncate(-1) local b = a:toStringWithPort() a:truncate(25) "
       "return b, a, a:getPort()",
       "192.0.2.255:53 192.0.2.128 53", NULL},
      {"local a = newCA('2001:db8:ffff::1') a:truncate('33.9') return a", "2001:db8:8000::", NULL},
      {"local key = 'some 16-byte key' local a = newCA('127.0.0.1:53'):ipencrypt(key) "
       "return a, a:ipdecrypt(key):toStringWithPort()",
       "114.62.227.59 127.0.0.1:53", NULL},
      {"return newCA('::1'):ipencrypt('short')", NULL,
       "Caught exception: A key of ipcipher has 16 bytes, this one has 5"},
      {"return #makeIPCipherKey('password'), newCA('::1'):ipencrypt(makeIPCipherKey('a')):ipdecrypt(makeIPCipherKey('a'))",
       "16 ::1", NULL},
      {"return newCA('1.2.3.4:99999')", NULL, "Unable to convert presentation address '1.2.3.4:99999'"},
      {"return newCA('bad')", NULL, "Unable to convert presentation address 'bad'"},
      {"local good, e = pcall(newCA, 'bad') return good, type(e), tostring(e)",
       "false userdata Unable to convert presentation address 'bad'", NULL},
      {"return newCA('1.2.3.4') == newCA('1.2.3.4')", "false", NULL},
      {"return newCA({})", NULL, "Unable to convert parameter from table to string"},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
netmasks(void **state)
{
  static const struct row rows[] = {
      {"return newNetmask('192.0.2.99/24'), newNetmask('::1'), newNetmask('1.2.3.4/99'), newNetmask('10.0.0.0/8x')",
       "192.0.2.0/24 ::1/128 1.2.3.4/32 10.0.0.0/8", NULL},
      {"return newNetmask(newCA('192.0.2.99:53'), 24), newNetmask(newCA('::1')), newNetmask(newCA('1.2.3.4'), 99), "
       "newNetmask(newCA('1.2.3.4'), 264)",
       "192.0.2.0/24 ::1/128 1.2.3.4/32 1.0.0.0/8", NULL},
      {"local m = newNetmask('192.0.2.99/24') return m:empty(), m:getBits(), m:getNetwork(), m:getMaskedNetwork(), "
       "m:toString() == tostring(m)",
       "false 24 192.0.2.0 192.0.2.0 true", NULL},
      {"local a, b = newNetmask('1.2.3.4'), newNetmask('::1') "
       "return a:isIPv4(), a:isIpv4(), a:isIPv6(), b:isIPv4(), b:isIPv6(), b:isIpv6()",
       "true true false false true true", NULL},
      {"local m = newNetmask('192.0.2.0/25') return m:match('192.0.2.1'), m:match('192.0.2.1:53'), m:match('192.0.2.128'), "
       "m:match('::1')",
       "true true false false", NULL},
      {"return newNetmask('10.0.0.0/8') == newNetmask('10.1.2.3/8'), newNetmask('10.0.0.0/8') == newNetmask('10.0.0.0/9'), "
       "newNetmask('::1') == newCA('::1')",
       "true false false", NULL},
      {"return newNetmask('bad')", NULL, "Unable to convert 'bad' to a netmask"},
      {"return newNetmask('!10.0.0.0/8')", NULL, "Unable to convert '!10.0.0.0/8' to a netmask"},
      {"return newNetmask({})", NULL, "Unable to convert parameter from table to string"},
      {"return newNetmask('::1'):match(newCA('::1'))", NULL, "Unable to convert parameter from userdata to string"},
      {"return newNetmask('::1'):match('bad')", NULL, "Unable to convert presentation address 'bad'"},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
netmask_groups(void **state)
{
  static const struct row rows[] = {
      {"g = newNMG() function inside(a) return g:match(newCA(a)) end return g:size(), g, inside('::1')",
       "0 NetmaskGroup  false", NULL},
      {"g:addMask('10.0.0.0/8') g:addMask('!10.1.2.3/16') g:addMask('2001:db8::/32') return g, g:size()",
       "NetmaskGroup !10.1.0.0/16, 10.0.0.0/8, 2001:db8::/32 3", NULL},
      {"return inside('10.2.0.1'), inside('10.1.0.1'), inside('[2001:db8::5]:53'), inside('::1')", "true false true false",
       NULL},
      {"g:addMasks({[newCA('192.0.2.1:53')] = 5, [newCA('::2')] = 1}) return g:size(), inside('192.0.2.1'), inside('::2')",
       "5 true true", NULL},
      {"return pcall(g.addMasks, g, {[newCA('192.0.2.7')] = 1, x = 1})",
       "false Unable to convert parameter from string to ComboAddress", NULL},
      {"return pcall(g.addMasks, g, {[newCA('192.0.2.7')] = 'x'})",
       "false Unable to convert parameter from string to integer", NULL},
      {"return inside('192.0.2.7'), g:size()", "false 5", NULL},
      {"local h = newNMG() h:addMask('172.16.0.0/12') g:addNMG(h) g:addNMG(g) h:clear() "
       "return g:size(), h:size(), inside('172.16.0.1')",
       "6 0 true", NULL},
      {"return g:toString() == tostring(g)", "true", NULL},
      {"g:clear() return g:size(), g", "0 NetmaskGroup ", NULL},
      {"return g:addMask('bad')", NULL, "Unable to convert 'bad' to a netmask"},
      {"return g:addMask({'10.0.0.0/8'})", NULL, "Unable to convert parameter from table to string"},
      {"return g:addMasks(nil)", NULL, "Unable to convert parameter from nil to table of ComboAddresses"},
      {"return g:addNMG('10.0.0.0/8')", NULL, "Unable to convert parameter from string to NetmaskGroup"},
      {"return g:match('10.0.0.1')", NULL, "Unable to convert parameter from string to ComboAddress"},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
limiters_and_moments(void **state)
{
  static const struct row rows[] = {
      {"local q = newQPSLimiter(0, 2) return q:check(), q:check(), q:check()", "true true false", NULL},
      {"local q = newQPSLimiter(-1, -5) return q:check()", "false", NULL},
      {"local q = newQPSLimiter('1', 1.9) return q:check(), q:check()", "true false", NULL},
      {"return newQPSLimiter(1)", NULL, "This function requires at least 2 parameter(s)"},
      {"local t = getCurrentTime() return math.abs(t.tv_sec - os.time()) <= 2, t.tv_nsec >= 0 and t.tv_nsec < 1e9",
       "true true", NULL},
      {"local t = getCurrentTime() local s = t.tv_sec t.tv_sec = 1 return t.tv_sec == s", "true", NULL},
      {"getCurrentTime().bogus = 1", NULL, "No exception"},
      {"return tostring(getCurrentTime()):match('^userdata') ~= nil", "true", NULL},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
timed_sets(void **state)
{
  static const struct row rows[] = {
      {"s = TimedIPSetRule() r = s:slice() return r:toString()", "Src: 0 ips", NULL},
      {"s:add(newCA('192.0.2.1:53'), 100) s:add(newCA('192.0.2.1'), '50') s:add(newCA('::1'), 5e9) "
       "s:add(newCA('::2'), -1) s:add(newCA('::3'), 0) return r:toString()",
       "Src: 2 ips", NULL},
      {"s:cleanup() local before = r:toString() s:clear() return before, r:toString()", "Src: 2 ips Src: 0 ips", NULL},
      {"return s:add('192.0.2.1', 1)", NULL, "Unable to convert parameter from string to ComboAddress"},
      {"return s:add(newCA('192.0.2.1'))", NULL, "This function requires at least 3 parameter(s)"},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
constants(void **state)
{
  static const struct row rows[] = {
      {"return DNSAction.Drop, DNSAction.None, DNSAction.SetTag, DNSResponseAction.Allow, DNSResponseAction.None",
       "0 10 15 0 6", NULL},
      {"return DNSClass.CHAOS, DNSClass.ANY, DNSOpcode.Notify, DNSOpcode.Update, DNSSection.Additional", "3 255 4 5 3",
       NULL},
      {"return EDNSOptionCode.NSID, EDNSOptionCode.ECS, EDNSOptionCode.COOKIE, EDNSOptionCode.TCPKEEPALIVE, "
       "EDNSOptionCode.KEYTAG",
       "3 8 10 11 14", NULL},
      {"return DNSRCode.NXDOMAIN, DNSRCode.BADVERS, DNSRCode.BADSIG, DNSRCode.BADCOOKIE", "3 16 16 23", NULL},
      {"return DNSQType.A, DNSQType.HTTPS, DNSQType.ANY, DNSQType.LUA, DNSQType.DLV", "1 65 255 65402 32769", NULL},
      {"return DNSCryptExchangeVersion.VERSION1, DNSCryptExchangeVersion.VERSION2", "0 1", NULL},
      {"local n = {} for _, t in ipairs{DNSAction, DNSResponseAction, DNSClass, DNSOpcode, DNSSection, EDNSOptionCode, "
       "DNSRCode, DNSQType} do local c = 0 for _ in pairs(t) do c = c + 1 end n[#n + 1] = c end "
       "return table.concat(n, ' ')",
       "16 7 4 5 4 11 20 68", NULL},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

static void
resolvers(void **state)
{
  char path[] = "/tmp/test_lua_values.XXXXXX", chunk[200];
  static const char content[] = "# nameserver 192.0.2.9\n"
                                "domain example.org\n"
                                "nameserver 192.0.2.1 # a remark\n"
                                "  nameserver\t2001:db8::1,192.0.2.2\r\n"
                                "nameserver bad\nnameservers 192.0.2.3\nnameserver\n"
                                "nameserver 192.0.2.4";
  int file = mkstemp(path);
  assert_true(file >= 0);
  assert_int_equal(write(file, content, sizeof content - 1), sizeof content - 1);
  close(file);
  snprintf(chunk, sizeof chunk, "return table.concat(getResolvers('%s'), ' ')", path);
  run(*state, &(struct row){chunk, "192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.4", NULL});
  unlink(path);
  snprintf(chunk, sizeof chunk, "return #getResolvers('%s')", path);
  run(*state, &(struct row){chunk, "0", NULL});
}

// A rule keeps what was in the set when it was made: the handle then works on a copy.
static void
copy_on_write(void **state)
{
  lua_State *lua = *state;
  static const struct row change = {"s:add(newDNSName('b')) return s:size()", "2", NULL};
  struct name b;
  run(lua, &(struct row){"s = newDNSNameSet() s:add(newDNSName('a'))", "", NULL});
  lua_getglobal(lua, "s");
  struct name_set *kept = object_ref(binder_test(lua, -1, &class_name_set));
  assert_non_null(kept);
  run(lua, &change);
  assert_int_equal(name_set_count(kept), 1);
  assert_true(name_from_text(&b, "b", 1, NULL));
  assert_false(name_set_has(kept, b.bytes, b.size));
  assert_int_equal(object_refs(kept), 1); // the handle has let it go
  object_unref(&kept);
}

// An answer with a CNAME whose target is compressed, an A, an AAAA and a CNAME that does not end where its data does.
#define PACKET                                                                                                         \
  "packet = '\\18\\52\\133\\1\\0\\1\\0\\3\\0\\0\\0\\1\\3wWw\\1b\\0\\0\\1\\0\\1' .. "                                                \
  "'\\192\\12\\0\\5\\0\\1\\0\\0\\0\\60\\0\\4\\1c\\192\\16' .. "                                                             \
  "'\\1c\\192\\16\\0\\1\\0\\1\\255\\255\\255\\255\\0\\4\\192\\0\\2\\1' .. "                                                \
  "'\\192\\12\\0\\28\\0\\1\\0\\0\\0\\5\\0\\16' .. newCA('2001:db8::1'):getRaw() .. "                                          \
  "'\\0\\0\\5\\0\\1\\0\\0\\0\\5\\0\\4\\1d\\0\\0' o = newDNSPacketOverlay(packet) "                                             \
  "a, b, c, d = o:getRecord(0), o:getRecord(1), o:getRecord(2), o:getRecord(3)"

static void
packets(void **state)
{
  static const struct row rows[] = {
      {PACKET, "", NULL},
      {"return o.qname, o.qtype, o.qclass, o.dh:getAA(), o.dh:getRD(), o.dh:getID()", "wWw.b. 1 1 true true 4660", NULL},
      {"return o:getRecordsCountInSection(0), o:getRecordsCountInSection(1), o:getRecordsCountInSection(2), "
       "o:getRecordsCountInSection(3), o:getRecordsCountInSection(4), o:getRecordsCountInSection(-1)",
       "0 3 0 1 0 0", NULL},
      {"return a.name, a.type, a.class, a.ttl, a.place, a.contentLength, a.contentOffset", "wWw.b. 5 1 60 1 4 35", NULL},
      {"return b.name, b.type, b.ttl, b.place, d.name, d.place", "c.b. 1 4294967295 1 . 3", NULL},
      {"return parseCNAMERecord(packet, a), parseARecord(packet, a), parseAddressRecord(packet, a)", "c.b. nil nil", NULL},
      {"return parseARecord(packet, b), parseAAAARecord(packet, b), parseAddressRecord(packet, b), parseCNAMERecord(packet, b)",
       "192.0.2.1 nil 192.0.2.1 nil", NULL},
      {"return parseARecord(packet, c), parseAAAARecord(packet, c), parseAddressRecord(packet, c):toStringWithPort()",
       "nil 2001:db8::1 [2001:db8::1]:0", NULL},
      {"return parseCNAMERecord(packet, d)", "nil", NULL},
      {"return parseARecord(packet:sub(1, 50), b), parseCNAMERecord('', a), parseAAAARecord(packet:sub(1, -17), c)",
       "nil nil nil", NULL},
      {"a.ttl = 5 o.qtype = 5 return a.ttl, o.qtype", "60 1", NULL},
      {"a.bogus = 1", NULL, "No exception"},
      {"return o:getRecord(4)", NULL, "Caught exception: There is no record 4: the packet has 4"},
      {"return o:getRecord(-1)", NULL, "Caught exception: There is no record -1: the packet has 4"},
      {"return o:getRecord('x')", NULL, "Unable to convert parameter from string to integer"},
      {"return newDNSPacketOverlay('x')", NULL, "Caught exception: A packet cannot have this size: 1"},
      {"return newDNSPacketOverlay(('\\0'):rep(12))", NULL, "Caught exception: The question of the packet cannot be read"},
      {"return newDNSPacketOverlay(packet:sub(1, -2))", NULL, "Caught exception: The records of the packet cannot be read"},
      {"return newDNSPacketOverlay(packet .. 'tail'):getRecordsCountInSection(3)", "1", NULL},
      {"return parseARecord(packet, packet)", NULL, "Unable to convert parameter from string to DNSRecord"},
      {NULL, NULL, NULL}};
  run_all(state, rows);
}

int
main(void)
{
#define ROW(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      ROW(names),          ROW(unset_names), ROW(name_sets), ROW(suffixes),  ROW(addresses),     ROW(netmasks),
      ROW(netmask_groups), ROW(resolvers),   ROW(constants), ROW(timed_sets), ROW(copy_on_write), ROW(limiters_and_moments),
      ROW(packets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
