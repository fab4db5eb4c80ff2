# SPDX-License-Identifier: BSD-2-Clause
"""Lua functions on every core: which are copied, that copies do what the shared ones do, and that they stay true."""
import os
import re
import threading

import dns.rcode
import pytest

from harness.client import UdpClient, addresses, query
from harness.ports import free_port
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, wait_until

BEFORE = """
newServer{address="$main", name="main"}
local table_of_file = {["a.copies.test."] = "192.0.2.1", deep = {er = {7}}}
local counter = 0
flag, limit = false, 3
seen, list, config = 0, {}, {mode = "one"}
names = newSuffixMatchNode() names:add(newDNSName("smn.copies.test"))
nets = newNMG() nets:addMask("127.0.0.0/8")
set = newDNSNameSet() set:add(newDNSName("x.set.copies.test"))
handlers = {[1] = function(dq) return DNSAction.Spoof, "192.0.2.11" end,
            [28] = function(dq) dq.rcode = 5 dq.dh:setQR(true) return DNSAction.HeaderModify end}
with_meta = setmetatable({}, {__index = function(t, k) return k end})
function helper(dq) dq:setTag("x", "y") return dq.qname:toString():lower() end
function writer(dq) seen = seen + 1 end
local function hidden(n) return n * 2 end
declareMetric("copies-count", "counter", "words")
"""

SPOOF = "DNSAction.Spoof"
# Label, words of function(dq), where it runs, what the reason says.
FUNCTIONS = [
    ("constant", "return DNSAction.Spoof, '192.0.2.1'", "copied", ""),
    ("lookup", "local a = table_of_file[dq.qname:toString()] return DNSAction.Spoof, a or '192.0.2.2'", "copied", ""),
    ("deep", "return DNSAction.Spoof, '192.0.2.' .. table_of_file.deep.er[1]", "copied", ""),
    ("helper", "return DNSAction.Spoof, #helper(dq) == 21 and '192.0.2.21' or '192.0.2.99'", "copied", ""),
    ("local", "return DNSAction.Spoof, '192.0.2.' .. hidden(4)", "copied", ""),
    ("suffix", "return DNSAction.Spoof, names:check(dq.qname) and '192.0.2.3' or '192.0.2.4'", "copied", ""),
    ("nets", "return DNSAction.Spoof, nets:match(dq.remoteaddr) and '192.0.2.5' or '192.0.2.6'", "copied", ""),
    ("set", "return DNSAction.Spoof, set:check(newDNSName('x.set.copies.test')) and '192.0.2.7' or '192.0.2.8'", "copied", ""),
    ("handlers", "local h = handlers[dq.qtype] if h then return h(dq) end return DNSAction.None", "copied", ""),
    ("own", "local t = {} for w in dq.qname:toString():gmatch('[^.]+') do t[#t + 1] = w end "
            "table.sort(t, function(a, b) return a < b end) return DNSAction.Spoof, '192.0.2.' .. #t", "copied", ""),
    ("closure", "local n = 0 local function add(x) n = n + x end add(5) add(6) return DNSAction.Spoof, '192.0.2.' .. n",
     "copied", ""),
    ("recursion", "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end "
                  "return DNSAction.Spoof, '192.0.2.' .. f(12)", "copied", ""),
    ("pairs", "local n = 0 for k, v in pairs(table_of_file) do n = n + 1 end return DNSAction.Spoof, '192.0.2.' .. n", "copied", ""),
    ("protected", "local ok = pcall(function() error('x') end) return DNSAction.Spoof, ok and '192.0.2.1' or '192.0.2.9'", "copied", ""),
    ("gsub", "return DNSAction.Spoof, (('192,0,2,13'):gsub(',', function() return '.' end))", "copied", ""),
    ("metric", "incMetric('copies-count') return DNSAction.Spoof, '192.0.2.14'", "copied", ""),
    ("tags", "dq:setTag('k', 'v') local t = dq:getTagArray() return DNSAction.Spoof, t.k == 'v' and '192.0.2.15' or '192.0.2.16'",
     "copied", ""),
    ("fields", "dq.skipCache = true dq.dh:setAD(true) return DNSAction.Spoof, '192.0.2.17'", "copied", ""),
    ("error", "error('on purpose')", "copied", ""),
    ("unknownfield", "dq.nonsense = 1", "copied", ""),
    ("flag", "return DNSAction.Spoof, flag and '192.0.2.31' or '192.0.2.30'", "copied", ""),
    ("config", "return DNSAction.Spoof, config.mode == 'two' and '192.0.2.33' or '192.0.2.32'", "copied", ""),
    ("ticks", "return DNSAction.Spoof, ticked and '192.0.2.35' or '192.0.2.34'", "copied", ""),
    ("writesglobal", "seen = seen + 1 return DNSAction.Spoof, '192.0.2.18'", "shared", "writes global 'seen'"),
    ("readsit", "return DNSAction.Spoof, seen >= 0 and '192.0.2.18' or ''", "shared", "reads global 'seen' that LuaAction at "),
    ("writesupvalue", "counter = counter + 1 return DNSAction.Spoof, '192.0.2.19'", "shared", "writes a variable"),
    ("writestable", "list[#list + 1] = 1 list[1] = nil return DNSAction.Spoof, '192.0.2.20'", "shared", "writes into a table"),
    ("writesfield", "config.x = 1 return DNSAction.Spoof, '192.0.2.22'", "shared", "writes 'x' into a table"),
    ("writesbelow", "writer(dq) return DNSAction.Spoof, '192.0.2.23'", "shared", "writes global 'seen'"),
    ("inserts", "table.insert(list, 1) table.remove(list) return DNSAction.Spoof, '192.0.2.24'", "shared", "writes into a table"),
    ("server", "local n = getServer(0).name return DNSAction.Spoof, '192.0.2.25'", "shared", "calls getServer()"),
    ("adds", "names:add(newDNSName('new.copies.test')) return DNSAction.Spoof, '192.0.2.26'", "shared", "calls :add()"),
    ("loads", "loadstring('return 1')() return DNSAction.Spoof, '192.0.2.27'", "shared", "calls loadstring()"),
    ("meta", "return DNSAction.Spoof, with_meta['192.0.2.28']", "shared", "metatable"),
    ("everything", "return DNSAction.Spoof, _G.flag and '192.0.2.29' or '192.0.2.29'", "shared", "all globals"),
]

# 'loads' may write anything, 'adds' changes a set: with them nothing that reads could be copied. They come by themselves.
ALONE = {"adds", "loads", "writesfield"}


def rules(functions):
    return "".join(f'addAction("{label}.copies.test", LuaAction(function(dq) {words} end), {{name="{label}"}})\n'
                   for label, words, _, _ in functions)


TOGETHER = BEFORE + rules([f for f in FUNCTIONS if f[0] not in ALONE]) + """
addAction("rule.copies.test", SpoofAction("192.0.2.40"))
addAction(LuaRule(function(dq) return dq.qname:toString() == "luarule.copies.test." end), SpoofAction("192.0.2.41"))
addResponseAction("resp.copies.test", LuaResponseAction(function(dr)
  dr:editTTLs(function(section, class, type, ttl) return 77 end) return DNSResponseAction.None end))
function maintenance() if tick then ticked = true end end
"""


@pytest.fixture(scope="module")
def p():
    with Responder(address_answer("192.0.2.1")) as main, Proxy(TOGETHER, main=main.address) as proxy:
        yield proxy


def shown(p):
    """Mode and reason by line of the configuration."""
    rows = {}
    for line in p.command("showLuaFunctions()").splitlines()[1:]:
        found = re.match(r"(.*):(\d+) +(\w+) +(copied|shared) +(\d+) +(\d+) +(\d+) (.*)", line)
        place, number, user, mode, calls, errors, _, reason = found.groups()
        if place == p.config_path:
            rows[int(number)] = (user, mode, int(calls), int(errors), reason)
    return rows


def line_of(p, label):
    with open(p.config_path) as f:
        for number, line in enumerate(f, 1):
            if f'name="{label}"' in line:
                return number
    raise AssertionError(label)


@pytest.mark.parametrize("label,words,mode,reason", [f for f in FUNCTIONS if f[0] not in ALONE], ids=lambda v: None)
def test_where_it_runs(p, label, words, mode, reason):
    user, got, _, _, why = shown(p)[line_of(p, label)]
    assert (user, got) == ("LuaAction", mode), why
    assert reason in why


def test_shared_ones_are_named_at_start(p):
    named = [line for line in p.output.splitlines() if "runs under the shared lock" in line]
    assert any("LuaAction at " in line and "writes global 'seen': runs under the shared lock" in line for line in named)
    assert len(named) == len([f for f in FUNCTIONS if f[2] == "shared" and f[0] not in ALONE])


def answers(p, labels):
    got = {}
    with p.udp() as end:
        for label in labels:
            for qtype in ("A", "AAAA"):
                answer = end.ask(query(f"{label}.copies.test", qtype))
                got[label, qtype] = (answer.rcode(), addresses(answer))
    return got


def test_copies_answer_as_shared_functions_do(p):
    labels = [f[0] for f in FUNCTIONS if f[0] not in ALONE] + ["rule", "luarule", "resp"]
    copied = answers(p, labels)
    with Responder(address_answer("192.0.2.1")) as main:
        with Proxy("setLuaCopies(false)\n" + TOGETHER, main=main.address) as other:
            assert all(mode == "shared" for _, mode, _, _, _ in shown(other).values())
            assert answers(other, labels) == copied
    assert copied["error", "A"][0] == copied["unknownfield", "A"][0] == dns.rcode.SERVFAIL
    assert copied["deep", "A"] == (0, ["192.0.2.7"])
    assert copied["handlers", "AAAA"] == (dns.rcode.REFUSED, [])


def test_calls_and_errors_are_counted(p):
    before = shown(p)[line_of(p, "error")]
    with p.udp() as end:
        for _ in range(5):
            end.ask(query("error.copies.test"))
    after = shown(p)[line_of(p, "error")]
    assert (after[2] - before[2], after[3] - before[3]) == (5, 5)


def one(p, name):
    with p.udp() as end:
        return addresses(end.ask(query(name)))


def test_what_the_console_changes_is_seen_by_the_next_query(p):
    for turn in range(20):
        p.command(f"flag = {'true' if turn % 2 else 'false'}")
        for _ in range(3):  # several sockets: several workers
            assert one(p, "flag.copies.test") == ["192.0.2.31" if turn % 2 else "192.0.2.30"]
    p.command("config.mode = 'two'")
    assert one(p, "config.copies.test") == ["192.0.2.33"]
    p.command("config = {mode = 'three'}")
    assert one(p, "config.copies.test") == ["192.0.2.32"]
    p.command("function helper(dq) return 'x' end")
    assert one(p, "helper.copies.test") == ["192.0.2.99"]
    p.command("names:add(newDNSName('suffix.copies.test'))")
    assert one(p, "suffix.copies.test") == ["192.0.2.3"]
    p.command("names:remove(newDNSName('suffix.copies.test'))")
    assert one(p, "suffix.copies.test") == ["192.0.2.4"]
    p.command("handlers[1] = function(dq) return DNSAction.Spoof, '192.0.2.12' end")
    assert one(p, "handlers.copies.test") == ["192.0.2.12"]


def test_what_maintenance_changes_is_seen(p):
    assert one(p, "ticks.copies.test") == ["192.0.2.34"]
    p.command("tick = true")
    wait_until(lambda: p.command("return tostring(ticked)").strip() == "true", 10, "maintenance")
    assert one(p, "ticks.copies.test") == ["192.0.2.35"]


def test_a_function_becomes_shared_when_another_begins_to_write(p):
    line = line_of(p, "flag")
    assert shown(p)[line][1] == "copied"
    p.command("addAction('toggle.copies.test', LuaAction(function(dq) flag = not flag return DNSAction.None end), {name='toggle'})")
    mode, reason = shown(p)[line][1], shown(p)[line][4]
    assert mode == "shared" and "reads global 'flag'" in reason
    before = one(p, "flag.copies.test")
    one(p, "toggle.copies.test")
    assert one(p, "flag.copies.test") != before
    p.command("rmRule('toggle')")
    wait_until(lambda: shown(p)[line][1] == "copied", 10, "the copy")


@pytest.mark.parametrize("label", sorted(ALONE))
def test_where_it_runs_alone(label):
    words, mode, reason = next(f[1:] for f in FUNCTIONS if f[0] == label)
    reader = ("reader", "return DNSAction.Spoof, (names:check(dq.qname) or config.mode) and '192.0.2.3' or '192.0.2.4'", "", "")
    plain = ("plain", "return DNSAction.Spoof, '192.0.2.1'", "", "")
    with Responder(address_answer("192.0.2.1")) as main:
        with Proxy(BEFORE + rules([(label, words, mode, reason), reader, plain]), main=main.address) as p:
            rows = shown(p)
            assert rows[line_of(p, label)][1] == "shared" and reason in rows[line_of(p, label)][4]
            assert rows[line_of(p, "reader")][1] == "shared" and "LuaAction at" in rows[line_of(p, "reader")][4]
            assert rows[line_of(p, "plain")][1] == "copied"
            assert one(p, f"{label}.copies.test")


# Each counts its calls in `list`, by ways that are no plain write. What stands before the function, its words.
HIDDEN = {
    "protected": ("", "pcall(table.insert, list, 1)"),
    "protectedtwice": ("", "pcall(pcall, table.insert, list, 1)"),
    "protectedmember": ("", "local t = {list = list} pcall(table.insert, t.list, 1)"),
    "handler": ("", "xpcall(error, function() table.insert(list, 1) end)"),
    "captured": ("", "local t = {} local function f() t = list end f() t[#t + 1] = 1"),
    "capturedlater": ("", "local t, f = {} for turn = 1, 2 do if f then f() t[#t + 1] = 1 end f = function() t = list end end"),
    "captureddeep": ("", "local t = {} local function f() return function() t = list end end f()() t[#t + 1] = 1"),
    "capturedargument": ("", "local function f() dq = list end f() dq[#dq + 1] = 1"),
    "field": ("", "local t = {f = table.insert} t.f(list, 1)"),
    "fieldraw": ("", "local t = {f = rawset} t.f(list, #list + 1, 1)"),
    "fieldeither": ("", "local f = dq.tcp and rawset or table.insert local t = {f = f} t.f(list, 1)"),
    "computed": ("", "table[dq.tcp and 'remove' or 'insert'](list, 1)"),
    "iterated": ("", "for name, f in pairs(table) do if name == 'insert' then f(list, 1) end end"),
    "kept": ("ops = {ins = table.insert}", "local k = 'ins' ops[k](list, 1)"),
    "keptmember": ("ops = {ins = table.insert} function put(o) o.ins(list, 1) end", "put(ops)"),
    "passed": ("function apply(o) o.f(list, 1) end", "apply({f = table.insert})"),
    "passedalone": ("function apply(f) local o = {f = f} o.f(list, 1) end", "apply(table.insert)"),
    "replaced": ("function count() list[#list + 1] = 1 return 'x' end", "('x'):gsub('.', count)"),
    "replacedfield": ("counters = {f = function() list[#list + 1] = 1 end}",
                      "local function g(t) ('x'):gsub('.', t.f) end g(counters)"),
    "loaded": ("package.loaded.mine = list", "table.insert(package.loaded.mine, 1)"),
}


@pytest.mark.parametrize("label", HIDDEN)
def test_hidden_writes_are_seen(label):
    before, words = HIDDEN[label]
    config = f"""newServer{{address="$main"}} list = {{}} {before}
addAction("w.test", LuaAction(function(dq) {words} return DNSAction.Spoof, "192.0.2." .. #list end), {{name="w"}})
addAction("r.test", LuaAction(function(dq) return DNSAction.Spoof, "192.0.2." .. #list end), {{name="r"}})"""
    with Responder(address_answer("192.0.2.1")) as main, Proxy(config, main=main.address) as p:
        rows = shown(p)
        assert rows[line_of(p, "w")][1] == rows[line_of(p, "r")][1] == "shared", rows
        for turn in range(1, 7):
            assert one(p, "w.test") == one(p, "r.test") == [f"192.0.2.{turn}"]


def test_globals_written_through_their_table():
    config = """newServer{address="$main"} seen, all = 0, _G
addAction("field.test", LuaAction(function(dq) _G.seen = _G.seen + 1 return DNSAction.Spoof, "192.0.2.1" end))
addAction("alias.test", LuaAction(function(dq) local g = all g["seen"] = g.seen + 1 return DNSAction.Spoof, "192.0.2.1" end))
addAction("computed.test", LuaAction(function(dq) _G["se" .. "en"] = seen + 1 return DNSAction.Spoof, "192.0.2.1" end))
addAction("r.test", LuaAction(function(dq) return DNSAction.Spoof, "192.0.2." .. seen end), {name="r"})"""
    with Responder(address_answer("192.0.2.1")) as main, Proxy(config, main=main.address) as p:
        for turn, label in enumerate(["field", "alias", "computed"] * 3, 1):
            assert one(p, f"{label}.test") == ["192.0.2.1"]
            assert one(p, "r.test") == [f"192.0.2.{turn}"], label


def test_callbacks_of_methods_are_copied():
    config = """newServer{address="$main"}
function letter(x) return "9" end
function ttl(section, class, type, ttl) return 77 end
addAction("gsub.test", LuaAction(function(dq) return DNSAction.Spoof, (("192.0.2.x"):gsub("x", letter)) end), {name="gsub"})
addResponseAction("ttl.test", LuaResponseAction(function(dr) dr:editTTLs(ttl) return DNSResponseAction.None end), {name="ttl"})"""
    with Responder(address_answer("192.0.2.1")) as main, Proxy(config, main=main.address) as p, p.udp() as end:
        assert {row[1] for row in shown(p).values()} == {"copied"}
        assert one(p, "gsub.test") == ["192.0.2.9"]
        assert end.ask(query("ttl.test")).answer[0].ttl == 77


def test_random_numbers_differ_between_workers_and_starts():
    config = """newServer{address="$main"} math.randomseed(os.time())
addAction("random.test", LuaAction(function(dq)
  return DNSAction.Spoof, math.random(250) .. "." .. math.random(250) .. "." .. math.random(250) .. ".1" end), {name="random"})"""
    seen = []
    with Responder(address_answer("192.0.2.1")) as main:
        for _ in range(2):
            with Proxy("setWorkers(2)" + config, main=main.address) as p:
                assert {row[1] for row in shown(p).values()} == {"copied"}
                seen += [one(p, "random.test")[0] for _ in range(16)]
    assert len(set(seen)) == len(seen)


def test_calls_before_there_are_workers():
    config = """r = LuaRule(function(dq) return false end)
benchRule(r, 10) setWorkers(40) newServer{address="$main"} addAction(r, NoneAction(), {name="r"})"""
    with Responder(address_answer("192.0.2.1")) as main, Proxy(config, main=main.address) as p:
        for _ in range(80):
            assert one(p, "a.test") == ["192.0.2.1"]
        calls = {row[2] for row in shown(p).values()}
        assert calls == {80}


LOOPS = """
newServer{address="$main"}
setScriptBudget(100)
addAction("while.copies.test", LuaAction(function(dq) while true do end end))
addAction("repeat.copies.test", LuaAction(function(dq) local n = 0 repeat n = n + 1 until n < 0 return 1 end))
addAction("for.copies.test", LuaAction(function(dq) for i = 1, 1e15 do end return DNSAction.None end))
addAction("tail.copies.test", LuaAction(function(dq) local function f(n) return f(n + 1) end return f(1) end))
addAction("deep.copies.test", LuaAction(function(dq) local function f(n) return 1 + f(n + 1) end return f(1) end))
addAction("caught.copies.test", LuaAction(function(dq) while true do pcall(function() while true do end end) end end))
state = 0
addAction("shared.copies.test", LuaAction(function(dq) state = state + 1 while true do end end))
addAction("good.copies.test", LuaAction(function(dq) local n = 0 while n < 1000 do n = n + 1 end return DNSAction.Spoof, "192.0.2.1" end))
"""


def test_endless_functions_are_ended():
    with Responder(address_answer("192.0.2.1")) as main, Proxy(LOOPS, main=main.address) as p, p.udp() as end:
        for label in ("while", "repeat", "for", "tail", "deep", "caught", "shared"):
            assert end.ask(query(f"{label}.copies.test")).rcode() == dns.rcode.SERVFAIL, label
            assert addresses(end.ask(query("good.copies.test"))) == ["192.0.2.1"]
        wait_until(lambda: "still running after 100 ms: ended" in p.output)


@pytest.mark.concurrent
def test_copies_on_all_workers_while_everything_changes():
    with Responder(address_answer("192.0.2.1")) as main, Proxy(TOGETHER, main=main.address) as p:
        stop, wrong = threading.Event(), []
        labels = ["lookup", "helper", "suffix", "nets", "handlers", "own", "flag", "config", "pairs", "writesglobal", "readsit", "error"]

        def client():
            while not stop.is_set():
                with p.udp() as end:
                    for label in labels:
                        got = end.ask(query(f"{label}.copies.test"))
                        if (got.rcode() != 0) != (label == "error"):
                            wrong.append((label, got))
        threads = [threading.Thread(target=client) for _ in range(4)]
        for t in threads:
            t.start()
        for turn in range(60):
            p.command(f"flag = {turn % 2 == 0} ".replace("True", "true").replace("False", "false"))
            p.command(f"names:add(newDNSName('n{turn}.copies.test')) table_x = {{1}} config = {{mode = '{turn}'}}")
            p.command(f"addAction('edit.copies.test', LuaAction(function(dq) return DNSAction.Spoof, '192.0.2.{turn}' end), {{name='edit'}})")
            assert one(p, "edit.copies.test") == [f"192.0.2.{turn}"]
            p.command("rmRule('edit')")
        stop.set()
        for t in threads:
            t.join()
        assert not wrong


# What people put into libraries, and a function that needs it to say 192.0.2.1.
CHANGED = {
    "function": ("function string.starts(s, start) return s:sub(1, #start) == start end",
                 "string.starts(dq.qname:toString(), 'x')"),
    "method": ("function string.starts(s, start) return s:sub(1, #start) == start end", "dq.qname:toString():starts('x')"),
    "replaced": ("string.lower = function() return 'mine' end", "dq.qname:toString():lower() == 'mine'"),
    "table": ("function table.contains(t, x) for _, v in pairs(t) do if v == x then return true end end end",
              "table.contains({28, 1}, dq.qtype)"),
    "local": ("local t = table t.one = 1", "t.one == 1"),
    "constant": ("DNSQType.MINE = 1", "dq.qtype == DNSQType.MINE"),
    "metatable of strings": ("getmetatable('').__index = function(s, k) return k == 'yes' or string[k] end", "('x').yes"),
    "metatable of globals": ("setmetatable(_G, {__index = function(_, k) return k == 'MAGIC' end})", "MAGIC"),
    "key": ("local key = function() end local known = {[key] = true}", "known[key]"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_changed_libraries_are_seen(what):
    before, condition = CHANGED[what]
    with Proxy(f"{before}\naddAction(AllRule(), LuaAction(function(dq) "
               f"return DNSAction.Spoof, {condition} and '192.0.2.1' or '192.0.2.2' end))") as p:
        assert addresses(p.ask("x.copies.test")) == ["192.0.2.1"]


def test_a_library_that_is_changed_at_run_time():
    words = "return DNSAction.Spoof, table.answer and '192.0.2.1' or '192.0.2.2'"
    with Proxy(f"addAction(AllRule(), LuaAction(function(dq) {words} end))") as p:
        assert addresses(p.ask("x.copies.test")) == ["192.0.2.2"]
        p.command("table.answer = true")
        assert addresses(p.ask("x.copies.test")) == ["192.0.2.1"]
        assert "uses table, which was changed" in p.command("showLuaFunctions()")
        p.command("table.answer = nil")
        assert addresses(p.ask("x.copies.test")) == ["192.0.2.2"]
        assert "copied" in p.command("showLuaFunctions()")


LARGE = """
small, large = {}, {}
for i = 1, 100 do small["x" .. i .. ".copies.test."] = true end
for i = 1, 300000 do large["x" .. i .. ".copies.test."] = {i} end
addAction("small", LuaAction(function(dq) return DNSAction.Spoof, small[dq.qname:toString()] and "192.0.2.1" or "192.0.2.2" end))
addAction("copies.test", LuaAction(function(dq) return DNSAction.Spoof, large[dq.qname:toString()] and "192.0.2.1" or "192.0.2.2" end))
function maintenance() ticks = (ticks or 0) + 1 end
"""


def test_large_tables_stay_in_the_shared_state():
    """They would be looked through after each maintenance() and command, while the lock is held."""
    with Proxy(LARGE) as p:
        assert addresses(p.ask("x7.copies.test")) == ["192.0.2.1"]
        p.command('large["x7.copies.test."] = nil')
        assert addresses(p.ask("x7.copies.test")) == ["192.0.2.2"]
        rows = p.command("showLuaFunctions()").splitlines()
        assert sum("copied" in row for row in rows) == 1
        assert sum("reaches more than 5000 values" in row for row in rows) == 1


# ---- perThread()

PER_THREAD = [
    ("reads", "known = {a=1} f = perThread(function(dq) return known.a end)", ""),
    ("writes", "f = perThread(function(dq) seen = 1 end)", "it writes global 'seen'"),
    ("outside", "f = perThread(function(dq) return getServer(0) end)", "it calls getServer()"),
    ("library", "f = perThread(print)", "takes a Lua function, not one of a library"),
    ("number", "f = perThread(5)", "Unable to convert parameter from number"),
    ("large", "big = {} for i = 1, 9000 do big[i] = {} end f = perThread(function(dq) return big[1] end)", "reaches more than 5000 values"),
]


@pytest.mark.parametrize("name,command,refused", PER_THREAD, ids=lambda v: None)
def test_per_thread(p, name, command, refused):
    answer = p.command(command)
    assert answer.startswith("Error") == bool(refused), answer
    assert refused in answer


def test_per_thread_gives_the_function_back(p):
    assert p.command("local f = function() return 1 end return perThread(f) == f and 'same' or 'other'") == "same\n"
    p.command('addAction("declared.copies.test", LuaAction(perThread(function(dq) return DNSAction.Spoof, "192.0.2.90" end)), {name="declared"})')
    assert addresses(p.ask("declared.copies.test")) == ["192.0.2.90"]
    p.command('rmRule("declared")')


# ---- what is written is seen, by the next query

def test_a_million_values_stall_nobody():
    """A table that is too large to copy is read in the shared state, and costs nothing while nothing happens."""
    config = """big = {} for i = 1, 1000000 do big[i] = i end
    newServer{address="$main", healthCheckMode="up"}
    runs = 0 function maintenance() runs = runs + 1 end
    addAction("big.test", LuaAction(function(dq) return DNSAction.Spoof, big[7] == 7 and "192.0.2.7" or "192.0.2.8" end))"""
    with Responder(address_answer("192.0.2.1")) as main, Proxy(config, main=main.address) as p:
        def cpu():
            fields = open(f"/proc/{p.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        first = int(p.command("return runs"))
        wait_until(lambda: int(p.command("return runs")) > first, what="a run")
        before, start = cpu(), int(p.command("return runs"))
        wait_until(lambda: int(p.command("return runs")) >= start + 2, what="two more runs")
        assert cpu() - before < 0.5  # looking through the table takes longer
        assert addresses(p.ask("big.test")) == ["192.0.2.7"]
        p.command("big[7] = 8")
        assert addresses(p.ask("big.test")) == ["192.0.2.8"]


def test_what_a_handler_writes_copies_see():
    """A service's handler is an event like others: the next query knows."""
    with Proxy("""
names = addDNSService{name="names", listen="127.0.0.1:$port"}
names:addHandler{label="any", match=".", handler=function(q, reply)
  asked = (asked or 0) + 1
  if q.name:find("block") then blocked = true end
  reply(0)
end}
addAction("seen.test", LuaAction(function(dq) if blocked then return DNSAction.Refused end return DNSAction.Nxdomain end))
""", port=(port := free_port())) as p, UdpClient(("127.0.0.1", port)) as service:
        assert " copied " in p.command("showLuaFunctions()")
        for name in ("other.test", "other.test", "block.test"):
            assert p.ask("seen.test").rcode() == dns.rcode.NXDOMAIN
            service.ask(query(name))
        assert p.ask("seen.test").rcode() == dns.rcode.REFUSED
        assert p.command("asked") == "3\n"
        assert " copied " in p.command("showLuaFunctions()")
