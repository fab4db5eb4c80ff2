# SPDX-License-Identifier: BSD-2-Clause
"""Scripts that leave anything in a packet, wherever they run: what was known of the packet never outlives it."""
import itertools

import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer, wait_until

# Names are CHANGE.PLACE.packet.test: the rule of the place does the change to the packet at hand.
CONFIG = r"""
setUDPTimeout(1)
local ffi = require("ffi")
local C = ffi.C
local header = "\0\0\1\0\0\1\0\0\0\0\0\0"
local raw = ffi.new("char[4096]", ("\192\12"):rep(2048))
local function bytes(d) return ffi.cast("unsigned char *", C.dnsdist_ffi_dnsquestion_get_header(d)) end
local function resized(d, size) C.dnsdist_ffi_dnsquestion_set_size(d, size) end
lua_changes = {
  header = function(d) d.len = 12 end,
  cut = function(d) d.len = 13 end,
  half = function(d) d.len = 12 + math.floor((d.len - 12) / 2) end,
  nearly = function(d) d.len = d.len - 1 end,
  long = function(d) d.len = 1400 end,
  pointers = function(d) d:setContent(header .. ("\192\12"):rep(20)) end,
  nothing = function(d) d:setContent(("\0"):rep(12)) end,
  labels = function(d) d:setContent(header .. ("\63" .. ("x"):rep(63)):rep(5)) end,
  answer = function(d) d:setContent("\0\0\129\0\0\1\0\1\0\0\0\0\1a\0\0\1\0\1") end,
  other = function(d) d:setContent(header .. "\5other\4test\0\0\16\0\1") end,
  root = function(d) d:changeName(newDNSName(".")) end,
  longest = function(d) d:changeName(newDNSName(("a."):rep(126))) end,
  twice = function(d) d:changeName(newDNSName(("b."):rep(100))) d.len = 40 end,
  tail = function(d) d:setTrailingData(d:getContent()) d.len = d.len - 3 end,
  question = function(d) d.dh:setQR(d.opcode == 0 and d.rcode == 0) d.len = 14 end,
  query = function(d) d.dh:setQR(false) d:setContent(header .. "\1y\0\0\1\0\1") end,
}
ffi_changes = {
  fheader = function(d) resized(d, 12) end,
  fcut = function(d) resized(d, 17) end,
  flong = function(d) resized(d, 1200) end,
  fnone = function(d) bytes(d)[5] = 0 end,
  fmany = function(d) bytes(d)[4] = 255 end,
  frecords = function(d) for i = 6, 11 do bytes(d)[i] = 255 end end,
  fpointers = function(d) ffi.copy(bytes(d) + 12, raw, tonumber(C.dnsdist_ffi_dnsquestion_get_size(d)) - 12) end,
  frename = function(d) C.dnsdist_ffi_dnsquestion_set_alternate_name(d, "\1x\0", 3, nil, 0, nil, 0, nil, 0) resized(d, 15) end,
}
local function first(name) return name:match("^(%l+)%.") end
local function change(d, result)
  local act = lua_changes[first(d.qname:toString())]
  if act then act(d) end
  return result
end
local name, size = ffi.new("const char *[1]"), ffi.new("size_t[1]")
local function ffi_change(d, result)
  C.dnsdist_ffi_dnsquestion_get_qname_raw(d, name, size)
  local label = tonumber(size[0]) > 1 and ffi.string(name[0] + 1, ffi.cast("unsigned char", name[0][0])) or ""
  if ffi_changes[label] then ffi_changes[label](d) end
  return result
end
local function dq_change(dq) return change(dq, DNSAction.None) end
local function dr_change(dr) return change(dr, DNSResponseAction.None) end
local function ffi_dq_change(dq) return ffi_change(dq, DNSAction.None) end
local function ffi_dr_change(dr) return ffi_change(dr, DNSResponseAction.None) end

function policy(servers, dq) change(dq) return 1 end
function ffi_policy(servers, dq) ffi_change(dq) return 0 end
ids = 0
function suspend(d)
  ids = ids + 1
  d:suspend(1, ids, 20000)
  return DNSAction.None
end
function resume_all()
  local there, object = pcall(getAsynchronousObject, 1, ids)
  if not there then return 0 end
  change(object:getDR())
  object:resume()
  return 1
end

newServer{address="$backend", name="default"}
getPool(""):setCache(newPacketCache(1000))
for _, pool in ipairs({"policy", "ffipolicy", "mixed", "mixedffi"}) do
  newServer{address="$backend", pool=pool, useClientSubnet=pool == "mixed"}
  if pool:match("mixed") then newServer{address="$backend", pool=pool} end
  getPool(pool):setCache(newPacketCache(1000))
  addAction(pool .. ".packet.test", PoolAction(pool))
end
setPoolServerPolicyLua("policy", policy, "policy")
setPoolServerPolicyLua("mixed", policy, "mixed")
setPoolServerPolicyLuaFFI("ffipolicy", ffi_policy, "ffipolicy")
setPoolServerPolicyLuaFFI("mixedffi", ffi_policy, "mixedffi")
newServer{address="$backend", pool="subnet", useClientSubnet=true}
getPool("subnet"):setCache(newPacketCache(1000, {parseECS=true}))
addAction("subnet.packet.test", PoolAction("subnet", false))
addAction({"query.packet.test", "subnet.packet.test"}, LuaAction(dq_change))
addAction({"query.packet.test", "subnet.packet.test"}, LuaFFIAction(ffi_dq_change))
addAction("restart.packet.test", LuaAction(function(dq) change(dq) dq:setRestartable() return DNSAction.None end))
addAction("spoofed.packet.test", LuaAction(dq_change))
addAction("spoofed.packet.test", LuaFFIAction(ffi_dq_change))
addAction("spoofed.packet.test", SpoofAction({"192.0.2.9", "192.0.2.8"}))
addAction("self.packet.test", SpoofAction("192.0.2.9"))
addAction("suspended.packet.test", LuaAction(suspend))
addCacheMissAction("miss.packet.test", LuaAction(dq_change))
addCacheMissAction("miss.packet.test", LuaFFIAction(ffi_dq_change))
addResponseAction("restart.packet.test", LuaResponseAction(function(dr)
  change(dr)
  if dr:getRestartCount() == 0 then dr:restart() end
  return DNSResponseAction.None
end))
addResponseAction("late.packet.test", LuaResponseAction(suspend))
local function on_response(add, place)
  add(place .. ".packet.test", LuaResponseAction(dr_change))
  add(place .. ".packet.test", LuaFFIResponseAction(ffi_dr_change))
end
on_response(addResponseAction, "response")
on_response(addCacheHitResponseAction, "hit")
on_response(addCacheInsertedResponseAction, "inserted")
on_response(addSelfAnsweredResponseAction, "self")
on_response(addXFRResponseAction, "xfr")
on_response(addTimeoutResponseAction, "timeout")
addTimeoutResponseAction("timeout.packet.test", SetExtendedDNSErrorResponseAction(3, "x"))
addResponseAction(AllRule(), SetExtendedDNSErrorResponseAction(3, "x"))
addResponseAction(EDNSVersionRule(1), DropResponseAction())
addResponseAction(TrailingDataRule(), LuaResponseAction(dr_change))
addCacheHitResponseAction(RecordsCountRule(1, 60000, 65535), DropResponseAction())
addSelfAnsweredResponseAction(AllRule(), SetMaxReturnedTTLResponseAction(7))
"""

CHANGES = ["header", "cut", "half", "nearly", "long", "pointers", "nothing", "labels", "answer", "other", "root", "longest",
           "twice", "tail", "question", "query", "fheader", "fcut", "flong", "fnone", "fmany", "frecords", "fpointers", "frename"]
PLACES = ["query", "miss", "response", "hit", "inserted", "self", "spoofed", "subnet", "policy", "ffipolicy", "mixed", "mixedffi",
          "restart", "suspended", "late", "xfr", "timeout"]


def handle(asked):
    return None if ".timeout." in asked.name else address_answer()(asked)


def unreadable(wire):
    """A refusal, as servers send it for what they cannot read."""
    return wire[:2] + b"\x81\x81" + bytes(8) if len(wire) >= 12 else None


@pytest.fixture(scope="module")
def world():
    with Responder(handle, unreadable=unreadable) as backend, Proxy(CONFIG, backend=backend.address) as p:
        p.backend = backend
        yield p


def control(p, number):
    reply = p.ask(f"after{number}.control.test")
    assert addresses(reply) == ["192.0.2.1"]


def suspended(p):
    return int(p.command("ids"))


@pytest.mark.parametrize("place", PLACES)
def test_it_goes_on(world, place):
    """Whatever is left in the packet: no end of the program, and the next query has its answer."""
    clients = [world.udp] if place == "timeout" else [world.udp, world.tcp]  # backends are waited for longer over TCP
    for number, (change, edns) in enumerate(itertools.product(CHANGES, (None, 1232))):
        message = query(f"{change}.{place}.packet.test", "AXFR" if place == "xfr" else "A", edns=edns)
        for connect, again in itertools.product(clients, (0, 1) if place == "hit" else (0,)):
            before = suspended(world)
            with connect() as client:
                client.send(message)
                if place in ("suspended", "late"):
                    wait_until(lambda: suspended(world) > before)
                    wait_until(lambda: int(world.command("resume_all()")) == 1)
                if place == "hit" and not again:
                    client.receive_wire()
        control(world, f"{place}{number}")


def test_nothing_is_cached_for_what_cannot_be_read(world):
    """Queries that scripts have emptied differ in nothing: each is the backend's to answer."""
    for _ in range(2):
        asked = world.command("getPool(''):getCache():getStats()['entries']")
        reply = world.ask("fheader.query.packet.test", edns=1232)
        assert reply.rcode() == dns.rcode.FORMERR
        assert world.command("getPool(''):getCache():getStats()['entries']") == asked


def test_another_question_is_cached_under_its_own_name(world):
    before = len(world.backend.asked_for("other.test"))
    for _ in range(3):
        assert world.ask("other.query.packet.test").question[0].name.to_text() == "other.test."
    assert len(world.backend.asked_for("other.test")) == before + 1 or before > 0
    # Changed behind the lookup: the answer is for a question that nobody has looked for.
    entries = int(world.command("getPool(''):getCache():getStats()['entries']"))
    for _ in range(2):
        world.ask("other.miss.packet.test", edns=1200)
    assert int(world.command("getPool(''):getCache():getStats()['entries']")) == entries


SIZES = """
local ffi = require("ffi")
results = {}
-- NAME.SIZE.how.side.size.test: the packet is to have so many bytes.
local how = {
  lua = function(d, size) return d:setTrailingData(("x"):rep(size - d.len)) end,
  ffi = function(d, size)
    local more = size - tonumber(ffi.C.dnsdist_ffi_dnsquestion_get_size(d))
    return ffi.C.dnsdist_ffi_dnsquestion_set_trailing_data(d, ("x"):rep(more), more)
  end,
  option = function(d, size) return (pcall(d.setEDNSOption, d, 65001, ("x"):rep(size - d.len - 15))) end,
}
local function try(word, side)
  return function(d)
    local name = word == "ffi" and "ffi" or d.qname:toString()
    results[#results + 1] = tostring(how[word](d, wanted))
    return side == "query" and DNSAction.Refused or DNSResponseAction.None
  end
end
addAction("lua.query.test", LuaAction(try("lua", "query")))
addAction("option.query.test", LuaAction(try("option", "query")))
addAction("ffi.query.test", LuaFFIAction(try("ffi", "query")))
addAction({"lua.answer.test", "ffi.answer.test"}, SpoofAction("192.0.2.1"))
addSelfAnsweredResponseAction("lua.answer.test", LuaResponseAction(try("lua", "answer")))
addSelfAnsweredResponseAction("ffi.answer.test", LuaFFIResponseAction(try("ffi", "answer")))
newServer{address="$backend"}
addAction("large.test", SetEDNSOptionAction(65001, ("x"):rep(3000)))
addAction("large.test", SetEDNSOptionAction(65002, ("x"):rep(3000)))
"""


def test_how_large_scripts_make_packets():
    """4096 bytes over UDP, what a stream carries over TCP; what is more is refused, and leaves the packet as it was."""
    with Responder() as backend, Proxy(SIZES, backend=backend.address) as p:
        for name in "lua.query", "ffi.query", "option.query", "lua.answer", "ffi.answer":
            for tcp, size, good in ((False, 4096, True), (False, 4097, False), (True, 4097, True), (True, 65535, True)):
                p.command(f"wanted = {size} results = {{}}")
                with (p.tcp() if tcp else p.udp()) as end:
                    end.send(query(f"{name}.test"))
                    assert end.receive_wire()
                assert p.command("table.concat(results, ' ')").strip() == str(good).lower(), (name, tcp, size)
        # An option of a rule that does not fit is not added; the query goes on.
        for tcp, codes in ((False, [65001]), (True, [65001, 65002])):
            assert addresses(p.ask("large.test", tcp=tcp)) == ["192.0.2.1"]
            assert [option.otype for option in backend.queries[-1].message.options] == codes


def test_the_equation_holds(world):
    def holds():
        queries, sent, dropped, parked = world.balance()
        return parked == 0 and queries == sent + dropped
    wait_until(holds, what="the equation")
