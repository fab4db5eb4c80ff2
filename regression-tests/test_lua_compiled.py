# SPDX-License-Identifier: BSD-2-Clause
"""LuaJIT compiles through the common members of dq, dr, dh, names and addresses: no trace is given up or cut in two."""
import pytest

from harness.proxy import Proxy

# What is between the loop and its end; `x` is a local, `suffix` a name and `address` an address that C made.
MEMBERS = [
    "x = dq.qname", "x = dq.qname:toString()", "x = dq.qname:tostring()", "x = tostring(dq.qname)",
    "x = dq.qname:toStringNoDot()", "x = dq.qname:toDNSString()", "x = dq.qname:countLabels()", "x = dq.qname:wirelength()",
    "x = dq.qname:hash()", "x = dq.qname:isPartOf(suffix)", "x = dq.qname == suffix", "x = dq.qname ~= nil",
    "x = suffix:toString()", "x = tostring(suffix)", "x = suffix:isPartOf(dq.qname)", "x = dq.qname:toString() == 'a.'",
    "x = dq.qtype", "x = dq.qtype == DNSQType.TXT", "x = dq.qclass", "x = dq.opcode", "x = dq.len", "x = dq.tcp",
    "x = dq.rcode", "dq.rcode = 0", "x = dq.skipCache", "dq.skipCache = true", "x = dq.pool", "dq.pool = 'p'",
    "x = dq.remoteaddr", "x = dq.remoteaddr:toString()", "x = tostring(dq.remoteaddr)", "x = dq.remoteaddr:tostring()",
    "x = dq.remoteaddr:toStringWithPort()", "x = dq.localaddr:tostringWithPort()", "x = dq.localaddr:getPort()",
    "x = dq.remoteaddr:isIPv4()", "x = dq.remoteaddr:isIPv6()", "x = dq.remoteaddr:isMappedIPv4()", "x = dq.remoteaddr:getRaw()",
    "x = type(dq.qname) == 'userdata'", "x = type(dq.remoteaddr) == 'userdata'", "x = type(i)", "x = address:toString()", "x = address:getPort()", "x = tostring(address)",
    "x = dq.dh", "x = dq.dh:getRD()", "x = dq.dh:getTC()", "x = dq.dh:getAA()", "x = dq.dh:getAD()", "x = dq.dh:getCD()",
    "x = dq.dh:getRA()", "x = dq.dh:getID()", "dq.dh:setTC(false)", "dq.dh:setRD(true)", "dq.dh:setAA(false)",
    "dq.dh:setAD(false)", "dq.dh:setCD(false)", "dq.dh:setRA(false)",
    "dq:setTag('a', 'b')", "x = dq:getTag('a')", "x = dq:getTag('unset')", "x = dq:getDO()",
]

WATCH = """
local util = require('jit.util')
traces = {whole = 0, bad = {}}
jit.attach(function(what, trace, f, pc, reason, more)
  if what == 'stop' then
    local link = util.traceinfo(trace).linktype
    if not util.funcinfo(f).source then traces.bad[#traces.bad + 1] = 'ends at a function of C'
    elseif link == LINK then traces.whole = traces.whole + 1
    elseif link ~= 'return' then traces.bad[#traces.bad + 1] = link end
  elseif what == 'abort' then traces.bad[#traces.bad + 1] = 'given up: ' .. tostring(reason) .. ' ' .. tostring(more) end
end, 'trace')
"""


def looped(side):
    return "".join(f"""addAction("{i}.loop.test", Lua{side}(function(dq)
  traces.whole, traces.bad = 0, {{}}
  local x
  for i = 1, 500 do {words} end
  traces.done = true
  return DNSAction.Nxdomain end))
""" for i, words in enumerate(MEMBERS))


ANSWERS = [words.replace("dq", "dr") for words in MEMBERS if "skipCache" not in words and "pool" not in words]
SHARED = (WATCH.replace("LINK", "'loop'") + "suffix, address = newDNSName('loop.test'), newCA('192.0.2.1:53')\n" + looped("Action") +
          'addAction("answer.test", SpoofAction("192.0.2.1"))\n' +
          "".join(f"""addSelfAnsweredResponseAction(QNameRule("{i}.answer.test"), LuaResponseAction(function(dr)
  traces.whole, traces.bad = 0, {{}}
  local x
  for i = 1, 500 do {words} end
  return DNSResponseAction.None end))
""" for i, words in enumerate(ANSWERS)))


@pytest.fixture(scope="module")
def shared():
    with Proxy(SHARED, arguments=["--workers", "1"]) as proxy:
        yield proxy


def compiled(p):
    return p.command("return traces.whole .. ' ' .. table.concat(traces.bad, ', ')").strip()


@pytest.mark.parametrize("i", range(len(MEMBERS)), ids=MEMBERS)
def test_a_loop_over_a_member_is_one_trace(shared, i):
    shared.ask(f"{i}.loop.test", "TXT")
    whole, _, bad = compiled(shared).partition(" ")
    assert int(whole) >= 1 and bad == ""


@pytest.mark.parametrize("i", range(len(ANSWERS)), ids=ANSWERS)
def test_of_answers_too(shared, i):
    shared.ask(f"{i}.answer.test")
    whole, _, bad = compiled(shared).partition(" ")
    assert int(whole) >= 1 and bad == ""


# Copies run in the worker's state, where per-thread functions can look at the compiler. One function calls them all, as
# many times as there are queries: its traces begin at the function itself.
COPIES = f"""
suffix, address = newDNSName('loop.test'), newCA('192.0.2.1:53')
addAction("watch.test", LuaFFIPerThreadAction([==[{WATCH.replace("LINK", "'return'")}
  return function(dq) return DNSAction.Nxdomain end]==]))
addAction("report.test", LuaFFIPerThreadAction([==[
  return function(dq)
    local text = traces.whole .. ' ' .. table.concat(traces.bad, ', '):sub(1, 200)
    text = string.char(#text) .. text
    require('ffi').C.dnsdist_ffi_dnsquestion_set_result(dq, text, #text)
    return DNSAction.SpoofRaw
  end]==]))
""" + "".join(f"""addAction("{i}.call.test", LuaAction(function(dq) local x = 0 {words} return DNSAction.Nxdomain end))
""" for i, words in enumerate(MEMBERS))


def test_functions_of_workers_are_compiled():
    with Proxy(COPIES, arguments=["--workers", "1"]) as p:
        rows = p.command("showLuaFunctions()").splitlines()[1:]
        assert sum(" copied " in row for row in rows) == len(MEMBERS), rows
        p.ask("watch.test")
        for i in range(len(MEMBERS)):
            for _ in range(130):
                p.ask(f"{i}.call.test", "TXT")
        whole, _, bad = p.ask("report.test", "TXT").answer[0][0].strings[0].decode().partition(" ")
        assert int(whole) >= len(MEMBERS) and bad == ""


KEPT = """
addAction("keep.test", LuaAction(function(dq)
  kept, name, address, header = dq, dq.qname, dq.remoteaddr, dq.dh
  return DNSAction.Nxdomain end))
function touch(what) local x for i = 1, 500 do x = what() end return x end
"""


# What was compiled while a query was there must not believe in it when it is gone.
def test_compiled_code_and_kept_objects():
    with Proxy(KEPT + 'addAction("hot.test", LuaAction(function(dq) hot = function(q) return q.qtype, q.qname, q.dh:getRD() end '
               "for i = 1, 500 do hot(dq) end return DNSAction.Nxdomain end))\n") as p:
        p.ask("keep.test")
        p.ask("hot.test")
        for words in ("hot(kept)", "kept.qname", "kept.dh", "kept:getTag('a')", "kept:setTag('a', 'b')", "kept.pool"):
            assert "This query has ended" in p.command(f"return touch(function() local x = {words} return tostring(x) end)"), words
        assert "The query of this header has ended" in p.command("return touch(function() return header:getRD() end)")
        assert "The query of this header has ended" in p.command("header:setTC(true)")
        assert "This query has ended" in p.command("kept.rcode = 1")
        assert p.command("return touch(function() return name:toString() end)").strip() == "keep.test."
        assert p.command("return touch(function() return address:toString() end)").strip() == "127.0.0.1"
        assert p.command("name:chopOff() return tostring(name)").strip() == "test."


def test_values_of_members_are_values_as_any():
    values = """
function pairs_of(dq)
  local n, a = dq.qname, dq.remoteaddr
  local set, nets = newDNSNameSet(), newNMG()
  set:add(n) nets:addMask(a:toString())
  n:append(newDNSName("more")) n:prepend("less")
  local r = {tostring(set:check(dq.qname)), tostring(nets:match(a)), n:toString(), tostring(newDNSName("a") == dq.qname),
             tostring(dq.qname:isPartOf(newDNSName("TEST"))), tostring(newDNSName("x.values.test"):isPartOf(dq.qname)),
             dq.qname:makeRelative(newDNSName("test")):toString(), tostring(rawequal(n, n) and n == n), tostring(n.nonsense)}
  for _, bad in ipairs{function() return n < n end, function() return n .. "x" end, function() n.nonsense = 1 end,
                       function() return n.toString(5) end, function() return n.toString(a) end, function() return n:toString(1) end,
                       function() return n.toString() end, function() return n:isPartOf("test") end, function() return n:isPartOf() end,
                       function() return a.toString(n) end, function() return dq.getTag(n, "a") end, function() dq.rcode = "x" end,
                       function() dq:setTag("a") end, function() dq.dh:setTC(1) end, function() newNMG():addMask(n) end} do
    local ok, text = pcall(bad)
    r[#r + 1] = ok and "no error" or (tostring(text):gsub("^[^ ]*:%d+: ", ""))
  end
  return table.concat(r, "|")
end
addAction("values.test", LuaAction(function(dq) result = pairs_of(dq) return DNSAction.Nxdomain end))
"""
    with Proxy(values) as p:
        p.ask("values.test")
        assert p.command("return result").strip().split("|") == [
            "true", "true", "less.values.test.more.", "false", "true", "true", "values.", "true", "nil",
            "attempt to compare two userdata values", "attempt to concatenate a userdata value", "No exception",
            "Unable to convert parameter from number to DNSName", "Unable to convert parameter from userdata to DNSName",
            "This function requires at most 1 parameter(s)", "This function requires at least 1 parameter(s)",
            "Unable to convert parameter from string to DNSName", "This function requires at least 2 parameter(s)",
            "Unable to convert parameter from userdata to ComboAddress", "Unable to convert parameter from userdata to DNSQuestion",
            "Unable to convert parameter from string to integer", "This function requires at least 3 parameter(s)",
            "Unable to convert parameter from number to boolean", "Unable to convert parameter from userdata to string"]


@pytest.mark.parametrize("copies", [True, False])
def test_type_says_what_it_always_said(copies):
    words = "type(dq)..' '..type(dq.qname)..' '..type(dq.remoteaddr)..' '..type(dq.dh)..' '..type(dq.qtype)..' '..type(nil)"
    with Proxy(f"setLuaCopies({str(copies).lower()}) addAction(AllRule(), LuaAction(function(dq) local ok = not pcall(type) "
               f"return DNSAction.Spoof, ok and {words} == 'userdata userdata userdata userdata number nil' "
               "and '192.0.2.1' or '192.0.2.2' end))") as p:
        assert [record.to_text() for rrset in p.ask("type.test").answer for record in rrset] == ["192.0.2.1"]
        assert p.command("type(newDNSName('a'))..type(newCA('192.0.2.1'))..type(require('ffi').new('int'))") == "userdatauserdatacdata\n"
        assert "copied" in p.command("showLuaFunctions()") or not copies
