# SPDX-License-Identifier: BSD-2-Clause
"""Every method and field of every class, called with what does not belong there, in one process that must survive it.

Classes, methods and the types of their parameters are what the program says of itself. Each parameter in turn gets
everything below while the others get something good, and each method is called on everything that it does not belong to.
A call may succeed or raise; it must not end the process, and an error says something.
"""
import json
import os
import resource
import socket
import subprocess

import pytest

from harness import ports
from harness.client import addresses, query
from harness.proxy import BINARY, Proxy
from harness.responder import Responder, address_answer, wait_until

# How an instance is got; those of queries are left by rules.
INSTANCES = {
    "DNSAction": "NoneAction()",
    "ComboAddress": 'newCA("[::ffff:192.0.2.1]:53")',
    "AsynchronousObject": "getAsynchronousObject(1, 1)",
    "PacketCache": "newPacketCache(10)",
    "EDNSOptionView": "option_view",
    "DNSHeader": "header_copy",
    "DNSService": "service",
    "QPSLimiter": "newQPSLimiter(10, 10)",
    "SharedCounter": "newSharedCounter()",
    "SharedTable": "newSharedTable(10)",
    "ClientState": "getBind(0)",
    "DNSName": 'newDNSName("a.b")',
    "DNSNameSet": "newDNSNameSet()",
    "Netmask": 'newNetmask("192.0.2.0/24")',
    "NetmaskGroup": "newNMG()",
    "DNSPacketOverlay": "newDNSPacketOverlay(packet)",
    "NetworkEndpoint": 'newNetworkEndpoint("$socket")',
    "NetworkListener": "newNetworkListener()",
    "ServerPolicy": 'newServerPolicy("mine", function(servers, dq) return 1 end)',
    "ServerPool": 'getPool("p")',
    "DNSQuestion": "kept_dq",
    "DNSResponse": "kept_dr",
    "DNSRecord": "newDNSPacketOverlay(packet):getRecord(0)",
    "DNSResponseAction": "AllowResponseAction()",
    "ResponseRuleAction": "getResponseRule(0)",
    "RuleAction": "getRule(0)",
    "DNSRule": "AllRule()",
    "Server": "getServer(0)",
    "SuffixMatchNode": "newSuffixMatchNode()",
    "TimedIPSetRule": "TimedIPSetRule()",
    "timespec": "getCurrentTime()",
    "BPFFilter": "newBPFFilter{}",
    "DynBPFFilter": "newDynBPFFilter(newBPFFilter{})",
    "KeyValueStore": 'newCDBKVStore("/nonexistent", 0)',
    "KeyValueLookupKey": "KeyValueLookupKeyQName()",
    "RemoteLogger": 'newRemoteLogger("127.0.0.1:9")',
    "SVCRecordParameters": 'newSVCRecordParameters(1, ".")',
    "DOHResponseMapEntry": 'newDOHResponseMapEntry("^/x", 200, "x")',
    "TLSCertificate": 'newTLSCertificate("x")',
    "LuaRingEntry": "getRingEntries()[1]",
    "DynBlockRulesGroup": "dynBlockRulesGroup()",
    "StatNode": "kept_node",
    "StatNodeStats": "kept_stats",
}
# No script can get one: nothing that makes them is built, or only inside of a call.
UNREACHABLE = {"DNSReply", "DNSCryptContext", "DOHFrontend", "DOH3Frontend", "DOQFrontend", "TLSFrontend", "XskSocket",
               "DynBlock", "XskSocket", "DNSDistProtoBufMessage", "DnstapMessage", "WebRequest", "WebResponse"}

LUA = r"""
newServer{address="$backend", name="one", udpTimeout=1}
addAction("keep.misuse.test", LuaAction(function(dq)
  kept_dq, kept_dh, header_copy, option_view = dq, dq.dh, dq:getHeader(), dq:getEDNSOptions()[10]
  return DNSAction.None
end))
addResponseAction("keep.misuse.test", LuaResponseAction(function(dr)
  kept_dr, kept_rh = dr, dr.dh
  return DNSResponseAction.None
end))
addAction("suspended.misuse.test", LuaAction(function(dq)
  dq:suspend(1, 1, 60000)
  return DNSAction.None
end))
service = addDNSService{name="misuse", listen="127.0.0.1:$port"}
packet = "\0\0\129\0\0\1\0\1\0\0\0\0\0\0\1\0\1\0\0\1\0\1\0\0\0\5\0\4abcd"
NIL = {}
objects, failures, calls, last = {}, {}, 0, ""

-- What does not belong: numbers at every edge, texts, tables, functions, foreign and own objects.
function evil()
  if evils then return evils end
  local huge = {}
  for i = 1, 300 do huge[i] = "x" .. i end
  local loop = {}
  loop.loop, loop[1] = loop, loop
  local proxy = newproxy(true)
  evils = {NIL, true, false, -1, 0, 1, 255, 256, 65535, 65536, 2^31, 2^32, 2^53, 2^63, -2^31, -2^63, 1e308, -1e308, 1/0, -1/0, 0/0,
    0.5, -0.5, "", "x", "a..b", "\0", "a\0b", ("x"):rep(64), ("x."):rep(200), ("x"):rep(70000), "-1", "1e400", "192.0.2.1",
    "::1", "!1.2.3.4/8", "%s%n%d", "\255\192\12", packet, {}, {1, 2, 3}, {"x", 1, {}}, {[1.5]=1}, {[true]=false}, {{}}, {a=1}, {a={}},
    {[{}]=1}, {nil, nil, 3}, huge, loop, function() end, function() error({}) end, function() error() end,
    function() return {}, {}, {} end, print, io.stdout, coroutine.create(function() end), proxy, _G}
  for _, o in pairs(objects) do evils[#evils + 1] = o end
  return evils
end

good = {integer=1, number=1, string="x", boolean=true, ["function"]=function() return true end, table={}, any="x",
  ["string|string[]"]="x", ["integer|string"]=0}

function good_for(kind)
  if kind == "DNSName" then return objects.DNSName end
  if kind == "ComboAddress" then return objects.ComboAddress end
  if kind == "PacketCache" or kind == "NetmaskGroup" then return objects[kind] end
  if kind:match("^table") then return {} end
  return good[kind] or "x"
end

function say(what) failures[#failures + 1] = last .. ": " .. what end

function attempt(f, ...)
  calls = calls + 1
  local worked, e = pcall(f, ...)
  if worked then return nil end
  local text = tostring(e)
  if type(text) ~= "string" or #text == 0 then say("an error without words") end
  return text
end

function describe(v) return type(v) == "string" and ("%q"):format(v:sub(1, 20)) or tostring(v) end

function arguments_of(kinds)
  local list = {}
  for i, kind in ipairs(kinds) do list[i] = good_for(kind) end
  return list
end

-- A method of an instance, with everything wrong that its arguments can be.
function arguments(o, name, kinds, variadic)
  local f = o[name]
  if type(f) ~= "function" then say("no such method") return end
  for i = 1, #kinds do
    for _, bad in ipairs(evil()) do
      local list = arguments_of(kinds)
      if bad == NIL then list[i] = nil else list[i] = bad end
      last = name .. " " .. i .. " " .. describe(bad)
      attempt(f, o, unpack(list, 1, #kinds))
    end
  end
  last = name .. " with too many"
  local many = arguments_of(kinds)
  for i = #kinds + 1, #kinds + 30 do many[i] = i end
  local e = attempt(f, o, unpack(many, 1, #kinds + 30))
  if not variadic and not (e and e:match("at most")) then say("takes too many arguments: " .. tostring(e)) end
  for i = 1, 5000 do many[i] = i end
  attempt(f, o, unpack(many))
end

-- A method called on everything but what it belongs to.
function selves(class, o, name, kinds)
  local f = o[name]
  for _, bad in ipairs(evil()) do
    if not (bad ~= NIL and objects_class[bad] == class) then
      last = name .. " on " .. describe(bad)
      local e
      if bad == NIL then e = attempt(f, nil, unpack(arguments_of(kinds), 1, #kinds))
      else e = attempt(f, bad, unpack(arguments_of(kinds), 1, #kinds)) end
      if e == nil then say("worked on another object")
      elseif not e:match("Unable to convert parameter from") then say("says of another object: " .. e) end
    end
  end
  last = name .. " on nothing"
  local e = attempt(f)
  if not (e and e:match("at least")) then say("without an object: " .. tostring(e)) end
end

function fields(o, names)
  for _, name in ipairs(names) do
    last = "." .. name
    attempt(function() return o[name] end)
    for _, bad in ipairs(evil()) do
      last = "." .. name .. " = " .. describe(bad)
      if bad == NIL then attempt(function() o[name] = nil end) else attempt(function() o[name] = bad end) end
    end
  end
  last = "unknown fields"
  for _, key in ipairs{"nonesuch", 1, -1, 0.5, true, "\0", "__gc", "__index"} do
    if attempt(function() return o[key] end) then say("reading an unknown field raises") end
    if not attempt(function() o[key] = 1 end) then say("an unknown field was written") end
  end
end

-- Operators, and what else can be done to a value.
function operators(o)
  for _, bad in ipairs(evil()) do
    last = "operators with " .. describe(bad)
    for _, f in ipairs{function() return o == bad end, function() return o < bad end, function() return o .. bad end,
        function() return o + bad end, function() return #o end, function() return o(bad) end, function() return -o end,
        function() for _ in pairs(o) do end end, function() setmetatable(o, {}) end, function() rawset(o, 1, 1) end,
        function() return getmetatable(o).__index end, function() return tostring(o) end, function() return ({[o]=bad})[o] end} do
      attempt(f)
    end
  end
end

function everything(class, methods, names)
  failures, calls = {}, 0
  local o = objects[class]
  if o == nil then return class .. ": no instance" end
  for _, m in ipairs(methods) do
    selves(class, o, m[1], m[2])
    arguments(o, m[1], m[2], m[3])
  end
  fields(o, names)
  operators(o)
  return #failures == 0 and "calls " .. calls or table.concat(failures, "\n"):sub(1, 3000)
end
"""

LIVE = r"""
live_methods, live_fields, live_results = {}, {}, {}
-- The query's or answer's own methods while it is there; what comes of it walks on.
function live(d)
  local index = tonumber(d.qname:toString():match("^(%d+)%."))
  local m = live_methods[index]
  failures, calls = {}, 0
  if m then arguments(d, m[1], m[2], false) else fields(d, live_fields) end
  last_failures = table.concat(failures, "\n")
  live_results[index] = calls
end
addAction("query.misuse.test", LuaAction(function(dq) live(dq) return DNSAction.None end))
addAction("behind.query.misuse.test", LuaAction(function(dq) return DNSAction.None end))
addResponseAction("answer.misuse.test", LuaResponseAction(function(dr) live(dr) return DNSResponseAction.None end))
addAction("parked.misuse.test", LuaAction(function(dq)
  dq:suspend(2, tonumber(dq.qname:toString():match("^(%d+)%.")), 60000)
  return DNSAction.None
end))
addResponseAction("parkedanswer.misuse.test", LuaResponseAction(function(dr)
  dr:suspend(3, tonumber(dr.qname:toString():match("^(%d+)%.")), 60000)
  return DNSResponseAction.None
end))
"""


def described():
    text = subprocess.run([BINARY, "--describe=json"], capture_output=True, text=True, check=True).stdout
    classes = {}
    for entry in json.loads(text)["classes"]:
        classes.setdefault(entry["name"], entry)  # the hollow cache has the name and methods of the other
    return classes


CLASSES = described()
# Methods of parts that wait take anything: they look at nothing.
WAITING = {"BPFFilter", "DynBPFFilter", "KeyValueStore", "RemoteLogger", "DNSCryptContext"}


def lua_methods(name):
    rows = []
    for m in CLASSES[name]["methods"]:
        kinds = ", ".join(json.dumps(p["type"]) for p in m["parameters"])
        rows.append(f'{{"{m["name"]}", {{{kinds}}}, {"true" if name in WAITING else "false"}}}')
    return "{" + ", ".join(rows) + "}"


def lua_fields(name):
    return "{" + ", ".join(f'"{a["name"]}"' for a in CLASSES[name]["attributes"]) + "}"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    path = os.path.join(str(tmp_path_factory.mktemp("misuse")), "end")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end, Responder() as backend:
        end.bind(path)
        with Proxy(LUA + LIVE, backend=backend.address, port=ports.free_port()) as p:
            with p.udp() as client:
                client.ask(with_cookie("keep.misuse.test"))
                client.send(query("suspended.misuse.test"))
                p.command("statNodeRespRing(function(node, stats) kept_node, kept_stats = node, stats end, 0)")
                p.command("objects_class = {}")
                for name, how in INSTANCES.items():
                    if name in CLASSES:
                        how = how.replace("$socket", path)
                        wait_until(lambda: made(p, name, how), what=f"an instance of {name}")
                yield p
        assert "misuse" in p.template


def with_cookie(name):
    import dns.edns
    message = query(name, edns=1232)
    message.use_edns(0, options=[dns.edns.GenericOption(10, b"12345678")])
    return message


def made(p, name, how):
    answer = p.command(f"local o = {how} objects.{name} = o objects_class[o] = '{name}' return type(o)")
    return answer.startswith("userdata") or answer.startswith("cdata")


def test_every_class_is_covered():
    assert set(CLASSES) - set(INSTANCES) - UNREACHABLE == set()


@pytest.mark.parametrize("name", ["DNSQuestion", "DNSResponse"])
def test_kept_beyond_the_call(proxy, name):
    which = "dq" if name == "DNSQuestion" else "dr"
    for m in CLASSES[name]["methods"]:
        kinds = "{" + ", ".join(json.dumps(p["type"]) for p in m["parameters"]) + "}"
        answer = proxy.command(f'local e = attempt(kept_{which}.{m["name"]}, kept_{which}, unpack(arguments_of({kinds}))) return tostring(e)')
        assert "has ended" in answer, (m["name"], answer)
    for a in CLASSES[name]["attributes"]:
        assert "has ended" in proxy.command(f"return kept_{which}.{a['name']}"), a["name"]
    for m in CLASSES["DNSHeader"]["methods"]:
        header = "kept_dh" if which == "dq" else "kept_rh"
        assert "has ended" in proxy.command(f"return {header}:{m['name']}({'true' if m['parameters'] else ''})")


@pytest.mark.parametrize("name, zone", [("DNSQuestion", "query"), ("DNSResponse", "answer")])
def test_misuse_of_what_is_there(proxy, name, zone):
    """Each method in turn abuses a query or answer that walks on: it gets an answer or a counted end."""
    methods = CLASSES[name]["methods"]
    proxy.command(f"live_methods, live_fields, live_results = {lua_methods(name)}, {lua_fields(name)}, {{}}")
    with proxy.udp() as client:
        for index in range(1, len(methods) + 2):
            client.send(query(f"{index}.{zone}.misuse.test", edns=1232))
            calls = int(wait_until(lambda: proxy.command(f"return live_results[{index}] or ''").strip(), what=f"call {index}"))
            assert calls > 0
            assert proxy.command("return last_failures") == "\n"
    wait_until(lambda: proxy.balance()[3] <= 1, timeout=30, what="all have ended")


@pytest.mark.parametrize("name, zone, number, get", [("DNSQuestion", "parked", 2, "getDQ"), ("DNSResponse", "parkedanswer", 3, "getDR"),
                                                     ("DNSResponse", "parked", 2, "getDR")])
def test_misuse_of_what_is_suspended(proxy, name, zone, number, get):
    methods = CLASSES[name]["methods"]
    proxy.command(f"live_methods, live_fields = {lua_methods(name)}, {lua_fields(name)}")
    with proxy.udp() as client:
        for index in range(1, len(methods) + 2):
            client.send(query(f"{index}.{zone}.misuse.test", edns=1232))
            wait_until(lambda: proxy.command(
                f"local ok, o = pcall(getAsynchronousObject, {number}, {index}) if not ok then return '' end taken = o return 'ok'").strip())
            answer = proxy.command(
                f"failures, calls = {{}}, 0 local d, m = taken:{get}(), live_methods[{index}] "
                "if m then arguments(d, m[1], m[2], false) else fields(d, live_fields) end "
                f"taken:{'resume' if index % 3 else 'drop'}() return #failures == 0 and 'calls' or table.concat(failures, '\\n')")
            assert answer == "calls\n"
    wait_until(lambda: proxy.balance()[3] <= 1, timeout=30, what="all have ended")


# Behind those that need a backend that works: it is abused here too. What was taken back is resumed, at last.
LAST = ["AsynchronousObject"]


@pytest.mark.parametrize("name", [n for n in INSTANCES if n in CLASSES and n not in LAST] + LAST)
def test_misuse(proxy, name):
    answer = proxy.command(f'return everything("{name}", {lua_methods(name)}, {lua_fields(name)})')
    assert answer.startswith("calls "), answer
    assert proxy.command("return 1 + 1") == "2\n"


TAMPERING = {
    "userdata": "debug.setmetatable(newproxy(), debug.getmetatable(newNMG())) collectgarbage() return 'survived'",
    "file": "local f = io.tmpfile() debug.setmetatable(f, debug.getmetatable(newNMG())) pcall(function() return f:size() end) pcall(tostring, f) return 'survived'",
    "index": "debug.getmetatable(getServer(0)).__index(newNMG(), 'weight') return 'read'",
    "newindex": "debug.getmetatable(getServer(0)).__newindex(newNMG(), 'weight', 5) return 'written'",
    "tostring": "return debug.getmetatable(newNMG()).__tostring(getServer(0))",
    "swapped": "local g = newNMG() local own = debug.getmetatable(g) debug.setmetatable(g, debug.getmetatable(getServer(0))) "
               "local good, why = pcall(function() return g.weight end) debug.setmetatable(g, own) return tostring(why)",
}


@pytest.mark.parametrize("what", TAMPERING)
def test_metatables_on_other_things(what):
    """debug.setmetatable() and metamethods called by hand: an error or nothing, no other object's memory."""
    with Responder() as backend, Proxy('newServer{address="$backend"}', backend=backend.address) as p:
        answer = p.command(f"(function() {TAMPERING[what]} end)()")
        assert answer == "survived\n" if "survived" in TAMPERING[what] else "Unable to convert parameter from userdata" in answer
        assert p.command("return 1") == "1\n"


def test_names_of_pools_that_are_too_long():
    with Responder() as backend, Proxy('newServer{address="$backend"}', backend=backend.address) as p:
        assert "at most 255 bytes" in p.command("getPool(('x'):rep(256)):setECS(true)")
        p.command("getPool(('x'):rep(255)):setECS(true)")
        assert p.command("return #getPoolNames()") == "2\n"


def test_collected_objects_and_finalizers():
    """Finalizers of scripts may see objects whose own has run, at the latest when the process ends."""
    config = LUA + """
    for i = 1, 50 do
      local p = newproxy(true)
      local all = {getServer(0), newNMG(), newDNSNameSet(), newPacketCache(10), AllRule(), NoneAction(), getPool("p"),
        newSuffixMatchNode(), TimedIPSetRule(), newDNSPacketOverlay(packet), newNetworkListener()}
      getmetatable(p).__gc = function()
        for _, o in ipairs(all) do
          for _, name in ipairs{"getName", "size", "add", "getStats", "toString", "getMatches", "check", "start", "getRecord", "getCache"} do
            pcall(function() return o[name](o) end)
            pcall(function() return o[name](o, "x") end)
            pcall(tostring, o)
          end
          pcall(addAction, o, o)
        end
      end
    end
    """
    with Responder() as backend, Proxy(config, backend=backend.address, port=ports.free_port()) as p:
        p.command("collectgarbage() collectgarbage()")
        p.command("local o = getServer(0) local gc = debug.getmetatable(o).__gc gc(o) gc(o) pcall(gc, io.stdout) pcall(gc) pcall(gc, 5)")
        assert p.command("local o = getServer(0) debug.getmetatable(o).__gc(o) return select(2, pcall(o.getName, o))") != ""
        assert p.command("return getServer(0):getName()") == "one\n"


STRICT = """
newServer{address="$backend", healthCheckMode="up"}
setmetatable(_G, {__index = function(_, name) error("undefined variable " .. name) end,
                  __newindex = function(_, name) error("new variable " .. name) end})
addMaintenanceCallback(function() rawset(_G, "ticks", (rawget(_G, "ticks") or 0) + 1) end)
addMaintenanceCallback(function() error({}) end)
addMaintenanceCallback(function() return nothing_of_that_name end)
addMaintenanceCallback(function() rawset(_G, "tocks", (rawget(_G, "tocks") or 0) + 1) end)
"""


def test_globals_that_raise_end_nothing():
    """A strict metatable of the globals: no maintenance() is none, and callbacks that fail stop nobody else's."""
    with Responder(address_answer("192.0.2.1")) as backend, Proxy(STRICT, backend=backend.address) as p:
        wait_until(lambda: int(p.command("return rawget(_G, 'ticks') or 0")) >= 2, what="ticks")
        assert int(p.command("return rawget(_G, 'tocks')")) >= 1
        assert "undefined variable wrong" in p.command("return wrong")
        p.command("newThread([[submitToMainThread('x', {})]])")
        wait_until(lambda: "there is no function threadmessage()" in p.output, what="the message")
        p.command("getAddressInfo('127.0.0.1', function(name, found) rawset(_G, 'found', #found) error('after') end)")
        wait_until(lambda: p.command("return rawget(_G, 'found') or 0") == "1\n", what="the address")
        assert p.ask("after.test").rcode() == 0


@pytest.mark.parametrize("evil", [
    "string = nil setmetatable(_G, {__index = function() error('strict') end})",
    "setfenv(0, setmetatable({}, {__index = function() error('strict') end}))",
    "for name in pairs(package.loaded) do package.loaded[name] = nil end ffi = nil",
    "debug.setmetatable(nil, {__index = function() error('nil') end, __call = error, __tostring = error})",
    "setmetatable(debug.getregistry(), {__index = function() error('r') end, __newindex = function() error('r') end})",
])
def test_what_was_there_is_gone_or_raises(evil):
    """Whatever a script does to what all scripts share: others get their errors, and the process ends well."""
    config = """newServer{address="$backend", healthCheckMode="up"}
    addAction("lua.test", LuaAction(function(dq) return DNSAction.Refused end))
    addAction("ffi.test", LuaFFIAction(function(dq) return DNSAction.Refused end))
    """
    for late in (False, True):
        with Responder() as backend, Proxy(config + ("" if late else evil), backend=backend.address) as p:
            if late:
                p.command(evil)
            for _ in range(3):
                p.command("addAction('more.test', LuaAction(function(dq) return 0 end)) collectgarbage()")
                assert p.ask("lua.test").rcode() in (2, 5) and p.ask("ffi.test").rcode() in (2, 5)
            assert addresses(p.ask("plain.test")) == ["192.0.2.1"]


def test_options_whose_table_raises():
    """Options are read without metatables: one that raises changes nothing, and leaves no memory behind."""
    with Responder() as backend, Proxy('newServer{address="$backend"}', backend=backend.address) as p:
        for call in ("newServer(%s{address='127.0.0.1:1', pool='x', healthCheckMode='down'})", "newPacketCache(10, %s{maxTTL=5})",
                     "addAction(AllRule(), NoneAction(), %s{name='x'})", "RCodeAction(5, %s{aa=true})"):
            evil = call % "(function(t) return setmetatable(t, {__index=error, __newindex=error, __len=error, __pairs=error}) end)"
            assert p.command(f"(function() return tostring((pcall(function() {evil} end))) end)()") == "true\n", call


@pytest.mark.parametrize("size", [1000000, 30])
def test_a_script_that_keeps_all_memory_ends_nothing(size):
    """What holds all that there may be is not given back: everybody's errors, and nobody's end."""
    config = """newServer{address="$backend", healthCheckMode="up"} switch = 1
    addAction("lua.test", LuaAction(function(dq) return switch and DNSAction.Refused or DNSAction.None end))
    """
    with Responder(address_answer("192.0.2.1")) as backend, Proxy(config, backend=backend.address) as p:
        pages = int(open(f"/proc/{p.process.pid}/statm", encoding="ascii").read().split()[0])
        room = pages * resource.getpagesize() + 100 * 1024 * 1024
        try:
            resource.prlimit(p.process.pid, resource.RLIMIT_AS, (room, room))
        except PermissionError:
            pytest.skip("may not set limits of another process")
        p.command(f"t = {{}} pcall(function() while true do t[#t + 1] = string.rep('x', {size}) .. #t end end)")
        for number in range(3):
            p.command(f"switch = {number}")
            p.command(f"addAction('n{number}.test', LuaAction(function(dq) return switch end))")
            assert p.ask("lua.test").rcode() in (2, 5)
            assert addresses(p.ask("plain.test")) == ["192.0.2.1"]


def test_a_script_without_memory_ends_nothing():
    """A command that uses up what the process may have: an error, and room again for what comes after it."""
    config = """newServer{address="$backend", healthCheckMode="up"} runs = 0
    function maintenance() runs = runs + 1 end"""
    with Responder(address_answer("192.0.2.1")) as backend, Proxy(config, backend=backend.address) as p:
        status = open(f"/proc/{p.process.pid}/statm", encoding="ascii").read().split()
        room = int(status[0]) * resource.getpagesize() + 300 * 1024 * 1024
        try:
            resource.prlimit(p.process.pid, resource.RLIMIT_AS, (room, room))
        except PermissionError:
            pytest.skip("may not set limits of another process")
        answer = p.command("local t = {} while true do t[#t + 1] = string.rep('x', 1000000) .. #t end")
        assert "not enough memory" in answer
        runs = int(p.command("return runs"))
        wait_until(lambda: int(p.command("return runs")) > runs, what="another run")
        assert p.ask("after.test").rcode() == 0
