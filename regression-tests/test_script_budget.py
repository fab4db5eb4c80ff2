# SPDX-License-Identifier: BSD-2-Clause
"""A script that does not end is ended, wherever it runs, and the server goes on."""
import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, wait_until

LOOPS = {
    "while": "while true do end",
    "repeat": "local n = 0 repeat n = n + 1 until n < 0",
    "for": "for i = 1, math.huge do local x = i end",
    "forbig": "for i = 1, 1e15 do local x = i end",
    "goto": "::again:: goto again",
    "gotoup": "local n = 0 ::again:: do n = n + 1 if n > 0 then goto again end end",
    "step": "for i = 0, 1, 1e-300 do local x = i end",
    "stepless": "for i = 1, 5, 0 do local x = i end",
    "nested": "local n = 0 for i = 1, 1e5 do for j = 1, 1e5 do for k = 1, 1e5 do n = n + i * j end end end",
    "multiplied": "local function f(n) if n == 0 then return 0 end return f(n - 1) + f(n - 1) end f(80)",
    "recursion": "local function f(n) return f(n + 1) end f(1)",
    "caught": "while true do pcall(function() while true do end end) end",
}
CONFIG = """
newServer{address="$backend", name="main", healthCheckMode="up"}
newServer{address="$backend", pool="ffi", healthCheckMode="up"}
newServer{address="$backend", pool="lua", healthCheckMode="up"}
setScriptBudget(20)
seen = 0
function spin() local n = 0 while n >= 0 do n = n + 1 end end
function small() local n = 0 for i = 1, 100 do n = n + i end return n end
ffi = require("ffi")
""" + "".join(f"""
addAction("{name}.copied.test", LuaAction(function(dq) {words} return DNSAction.Refused end))
addAction("{name}.shared.test", LuaAction(function(dq) seen = seen + 1 {words} return DNSAction.Refused end))
addAction("{name}.ffi.test", LuaFFIAction(function(dq) {words} return DNSAction.Refused end))
addAction("{name}.thread.test", LuaFFIPerThreadAction([[return function(dq) {words} return 2 end]]))
addAction(AndRule{{QNameRule("{name}.rule.test"), LuaRule(function(dq) {words} return true end)}}, RCodeAction(DNSRCode.REFUSED))
addAction(AndRule{{QNameRule("{name}.ffirule.test"), LuaFFIRule(function(dq) {words} return true end)}}, RCodeAction(DNSRCode.REFUSED))
""" for name, words in LOOPS.items()) + """
addAction("helper.shared.test", LuaAction(function(dq) seen = seen + 1 spin() return DNSAction.Refused end))
addAction("helper.copied.test", LuaAction(function(dq) spin() return DNSAction.Refused end))
addAction("helper.ffi.test", LuaFFIAction(function(dq) spin() return DNSAction.Refused end))
addAction("helper.thread.test", LuaFFIPerThreadAction([[
  local function spin() while true do end end
  return function(dq) spin() return 2 end]]))
addAction("good.test", LuaAction(function(dq) seen = seen + 1 return small() == 5050 and DNSAction.Refused or DNSAction.Nxdomain end))
addAction("policy.test", PoolAction("lua"))
addAction("ffipolicy.test", PoolAction("ffi"))
setPoolServerPolicyLua("spin", function(servers, dq) while true do end return 1 end, "lua")
setPoolServerPolicyLuaFFI("spinffi", function(servers, dq) while true do end return 0 end, "ffi")
addResponseAction("response.test", LuaResponseAction(function(dr) while true do end return DNSResponseAction.None end))
asked = false
function maintenance() if asked then asked = false spin() end end
addMaintenanceCallback(function() if asked_too then asked_too = false while true do end end end)
"""

@pytest.fixture(scope="module")
def p():
    with Responder(address_answer("192.0.2.1")) as backend, Proxy(CONFIG, backend=backend.address) as proxy:
        yield proxy


def good(p):
    return p.ask("good.test").rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("where", ["copied", "shared", "ffi", "thread"])
@pytest.mark.parametrize("loop", [*LOOPS, "helper"])
def test_action(p, where, loop):
    errors = p.counters()["script-errors"]
    assert p.ask(f"{loop}.{where}.test").rcode() == dns.rcode.SERVFAIL
    assert p.counters()["script-errors"] == errors + 1
    assert good(p)


@pytest.mark.parametrize("where", ["rule", "ffirule"])
@pytest.mark.parametrize("loop", LOOPS)
def test_selector(p, where, loop):
    assert p.ask(f"{loop}.{where}.test").rcode() == dns.rcode.NOERROR, "an error is no match"
    assert good(p)


GROWING = {
    "own": "local t = {1} for _, v in ipairs(t) do t[#t + 1] = v end",
    "inserted": "local t = {1} for _, v in ipairs(t) do table.insert(t, v) end",
    "argument": "grow({1})",
    "known": "for _, v in ipairs(list) do list[#list + 1] = v end",
}


@pytest.mark.parametrize("loop", GROWING)
def test_tables_that_grow_while_they_are_walked(loop):
    config = f"""newServer{{address="$backend", healthCheckMode="up"}} setScriptBudget(20) list = {{1}}
function grow(t) for _, v in ipairs(t) do t[#t + 1] = v end end
addAction("x.test", LuaAction(function(dq) {GROWING[loop]} return DNSAction.Refused end))"""
    with Responder(address_answer("192.0.2.1")) as backend, Proxy(config, backend=backend.address) as proxy:
        assert proxy.ask("x.test").rcode() == dns.rcode.SERVFAIL
        wait_until(lambda: "still running after 20 ms" in proxy.output, what="the log line")


def test_loops_that_end():
    config = """newServer{address="$backend", healthCheckMode="up"} list = {1, 2}
addAction("x.test", LuaAction(function(dq)
  local n, copy = 0, {}
  for i = 1, 100 do for j = 10, 1, -1 do n = n + 1 end end
  for x = 0, 1, 0.25 do n = n + 1 end
  for _, v in ipairs(list) do copy[#copy + 1] = v table.insert(copy, v) end
  return DNSAction.Spoof, "192.0." .. n - 1000 .. "." .. #copy end))"""
    with Responder(address_answer("192.0.2.1")) as backend:
        with Proxy("setScriptBudget(1)" + config, backend=backend.address) as proxy:
            for _ in range(20):
                assert addresses(proxy.ask("x.test")) == ["192.0.5.4"]


def test_response(p):
    assert p.ask("response.test").rcode() == dns.rcode.SERVFAIL
    assert good(p)


@pytest.mark.parametrize("name", ["policy.test", "ffipolicy.test"])
def test_policy(p, name):
    with p.udp() as client:
        client.send_and_expect_nothing(query(name), query("good.test"))
    assert p.drops()["policy-error"] >= 1


@pytest.mark.parametrize("command", ["spin()", "while true do end", "return spin()", "pcall(spin) pcall(spin)",
                                     "coroutine.wrap(spin)()", 'return (("x"):gsub(".", function() spin() end))'])
def test_command(p, command):
    answer = p.command(command)
    assert "still running after 600 ms" in answer, answer
    assert good(p)


@pytest.mark.parametrize("kind", ["", "FFI"])
@pytest.mark.parametrize("loop", [*LOOPS, "helper"])
def test_visitors_of_names(p, kind, loop):
    words = LOOPS.get(loop, "spin()")
    p.command(f"g = dynBlockRulesGroup() g:setSuffixMatchRule{kind}(10, 'why', 60, nil, function(node) {words} return false end)")
    answer = p.command("g:apply()")
    assert "still running after 600 ms" in answer or "stack overflow" in answer, answer
    assert good(p)


@pytest.mark.parametrize("what", ["asked", "asked_too"])
def test_maintenance(p, what):
    p.command(f"{what} = true")
    wait_until(lambda: p.command(f"return tostring({what})").strip() == "false", what="maintenance() was called")
    wait_until(lambda: "still running after 600 ms" in p.output, what="its end")
    assert good(p)


def test_a_load_that_takes_long_is_not_ended():
    with Proxy("setScriptBudget(1) local n = 0 while n < 3e7 do n = n + 1 end") as proxy:
        assert proxy.command("showVersion()")
