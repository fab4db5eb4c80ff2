# SPDX-License-Identifier: BSD-2-Clause
"""Counters, tables and limits that functions on all threads change together, without the shared lock."""
import json

import dns.rcode
import pytest

from harness.client import UdpClient, query
from harness.proxy import Proxy

CONFIG = """
counter = newSharedCounter()
shared = newSharedTable(1000)
limiter = newQPSLimiter(0, 5)
known = TimedIPSetRule()
addAction("count.test", LuaAction(function(dq)
  counter:add() counter:add(2) shared:incr("queries") shared:incr(dq.qname:toString(), 2)
  return DNSAction.Refused end), {name="count"})
addAction("get.test", LuaAction(function(dq)
  local n = shared:get("answer") if n then return DNSAction.Spoof, n end
  return DNSAction.Nxdomain end), {name="get"})
addAction("set.test", LuaAction(function(dq)
  shared:set("answer", "192.0.2.77") shared:add("answer", "192.0.2.78") shared:add("once", true, 100)
  shared:set("client", dq.remoteaddr:toString(), 0.001)
  return DNSAction.Refused end), {name="set"})
addAction("limit.test", LuaAction(function(dq)
  if limiter:check() then return DNSAction.Refused end return DNSAction.Nxdomain end), {name="limit"})
addAction(known:slice(), RCodeAction(DNSRCode.NOTAUTH))
addAction("remember.test", LuaAction(function(dq) known:add(dq.remoteaddr, 100) return DNSAction.Refused end), {name="remember"})
"""


@pytest.fixture(scope="module")
def p():
    with Proxy(CONFIG, arguments=["--workers", "2"]) as proxy:
        yield proxy


def test_functions_that_use_them_are_copied(p):
    rows = p.command("showLuaFunctions()").splitlines()[1:]
    assert len(rows) == 5 and all(" copied " in row for row in rows), rows


def test_counts_of_all_threads_are_one(p):
    before = int(p.command("return counter:get()"))
    for _ in range(40):  # a socket each: some meet one worker, some the other
        with UdpClient(p.address) as client:
            client.ask(query("count.test"))
    assert int(p.command("return counter:get()")) - before == 120
    assert p.command('return shared:get("queries")').strip() == "40"
    assert p.command('return shared:get("count.test.")').strip() == "80"


def test_a_value_that_one_sets_all_get(p):
    assert p.ask("get.test").rcode() == dns.rcode.NXDOMAIN
    p.ask("set.test")
    for _ in range(10):
        assert p.ask("get.test").answer[0][0].to_text() == "192.0.2.77"
    p.command('shared:set("answer", nil)')
    for _ in range(10):
        assert p.ask("get.test").rcode() == dns.rcode.NXDOMAIN


def test_a_limit_is_for_all_together(p):
    rcodes = [p.ask("limit.test").rcode() for _ in range(20)]
    assert rcodes.count(dns.rcode.REFUSED) == 5


def test_explain_changes_none_of_them(p):
    def state():
        return p.command("return counter:get()"), json.loads(p.command('return shared:get("queries") or 0')), \
            p.command("known:slice()")
    before = state()
    for name in ("count.test", "set.test", "limit.test", "remember.test"):
        for _ in range(3):
            assert json.loads(p.command(f'explain("{name}", {{form="json"}})'))["end"]["what"] == "answered"
    assert state() == before


def test_rules_see_what_functions_remember(p):
    with UdpClient(p.address, source="127.0.0.99") as client:
        assert client.ask(query("remember.test")).rcode() == dns.rcode.REFUSED
        assert client.ask(query("remember.test")).rcode() == dns.rcode.NOTAUTH
    assert p.ask("remember.test", tcp=False).rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH)


# Lua, and what it returns.
CASES = [
    ("return newSharedCounter():get()", "0"),
    ("return newSharedCounter(5):add()", "6"),
    ("return newSharedCounter(5):add(-7)", "-2"),
    ("return newSharedCounter(5):set(9)", "5"),
    ("return newSharedTable():count()", "0"),
    ('local t = newSharedTable(1) t:set("a", 1) t:set("b", 2) return tostring(t:get("a")) .. t:get("b")', "nil2"),
    ('local t = newSharedTable() t:set("a", "x") return tostring(t:incr("a"))', "nil"),
    ('local t = newSharedTable() t:incr("a", 1.5) return t:incr("a")', "2.5"),
    ('local t = newSharedTable() t:set("a", false) return tostring(t:get("a")) .. tostring(t:get("b"))', "falsenil"),
    ('local t = newSharedTable() t:set(1, "x") return t:get("1")', "x"),
    ('local t = newSharedTable() t:set("a\\0b", "c\\0d") return #t:get("a\\0b") .. tostring(t:get("a"))', "3nil"),
    ('local t = newSharedTable() return tostring(t:add("a", 1)) .. tostring(t:add("a", 2)) .. t:get("a")', "truefalse1"),
    ('local t = newSharedTable() t:set("a", 1) return tostring(t:delete("a")) .. tostring(t:delete("a"))', "truefalse"),
    ('local t = newSharedTable() t:set("a", 1) t:clear() return t:count()', "0"),
    ('local t = newSharedTable() t:set("a", 1) t:set("b", "x") local c = t:toTable() return c.a .. c.b', "1x"),
    ('local t = newSharedTable() return tostring(t:set("a", ("x"):rep(2000000)))', "false"),
    ('local t = newSharedTable() t:set("a", 1, -5) return tostring(t:get("a"))', "nil"),
]


@pytest.mark.parametrize("command,result", CASES)
def test_methods(p, command, result):
    assert p.command(command).strip() == result


@pytest.mark.parametrize("command,words", [
    ('newSharedTable():set("a", {})', "string, number or boolean"),
    ('newSharedTable():add("a", nil)', "string, number or boolean"),
    ('newSharedTable():set(nil, 1)', "Unable to convert"),
    ('newSharedTable():incr("a", "x")', "Unable to convert"),
    ('newSharedTable(0)', "holds 1 to 67108864 entries, not 0"),
    ('newSharedTable(2^40)', "entries, not"),
    ('newSharedTable("x")', "Unable to convert"),
    ('newSharedTable.set(1, "a", 1)', "attempt to index"),
    ('newSharedTable():get()', "requires at least"),
    ('newSharedCounter():add("x")', "Unable to convert"),
    ('newSharedCounter().add(3)', "Unable to convert"),
])
def test_misuse(p, command, words):
    assert words in p.command(command)
