# SPDX-License-Identifier: BSD-2-Clause
"""Queries and answers that scripts suspend: taken back, changed, resumed, dropped, forgotten, timed out, shut down."""
import signal
import threading

import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, wait_until

# The first label is the query's number; the second what happens, the third the time in ms.
CONFIG = """
newServer{address="$backend", name="one"}
getPool("cached"):setCache(newPacketCache(100))
newServer{address="$backend", name="two", pool="cached"}
function suspend(which)
  return function(d)
    local id, ms = d.qname:toString():match("^(%d+)%.%a+%.(%d+)%.")
    results = (results or "") .. tostring(d:suspend(which, tonumber(id), tonumber(ms))) .. " "
    if d.qname:toString():match("error") then error("after suspend") end
    return which == 1 and DNSAction.Refused or DNSResponseAction.ServFail
  end
end
addAction("query.suspend.test", LuaAction(suspend(1)))
addAction("cached.suspend.test", PoolAction("cached"))
addAction("miss.suspend.test", PoolAction("cached"))
addAction("self.suspend.test", SpoofAction("192.0.2.77"))
addAction("behind.query.suspend.test", RCodeAction(DNSRCode.NOTIMP))
addCacheMissAction("miss.suspend.test", LuaAction(suspend(1)))
addResponseAction("answer.suspend.test", LuaResponseAction(suspend(2)))
addCacheHitResponseAction("cached.suspend.test", LuaResponseAction(suspend(2)))
addSelfAnsweredResponseAction("self.suspend.test", LuaResponseAction(suspend(2)))
addSelfAnsweredResponseAction("query.suspend.test", SetMaxReturnedTTLResponseAction(5))
function get(which, id) return getAsynchronousObject(which, id) end
"""
LONG = 20000


@pytest.fixture(scope="module")
def world():
    with Responder() as backend, Proxy(CONFIG, backend=backend.address) as p:
        p.backend = backend
        yield p


def show(p, line):
    """A command whose result may be true, false or nil: the console prints none of them."""
    head, _, value = line.rpartition("return ")
    return p.command(f"{head}return tostring({value})").rstrip()


def park(p, client, name, which, number):
    """Send a query that is suspended; wait until it is there to be taken, and leave it as `o`."""
    client.send(query(name))
    wait_until(lambda: show(p, f"_, object = pcall(get, {which}, {number}) return _") == "true", what=name)


def balanced(p):
    def holds():
        queries, sent, dropped, parked = p.balance()
        return parked == 0 and queries == sent + dropped
    wait_until(holds, what="the equation")


def test_a_query_goes_on_behind_the_rules(world):
    with world.udp() as client:
        park(world, client, f"1.plain.{LONG}.query.suspend.test", 1, 1)
        assert world.balance()[3] == 1  # under way
        assert not world.backend.asked_for(f"1.plain.{LONG}.query.suspend.test")
        assert show(world, "return object:resume()") == "true"
        assert addresses(client.receive()) == ["192.0.2.1"]
    assert show(world, "return object:resume()") == "false"
    assert show(world, "return object:drop()") == "false"
    assert show(world, "return object:setRCode(3, true)") == "false"
    assert "This query has ended" in show(world, "return object:getDQ().qname")
    assert "Unable to find asynchronous object" in world.command("getAsynchronousObject(1, 1)")
    balanced(world)


def test_what_a_script_sees_and_changes(world):
    with world.udp() as client:
        name = f"2.plain.{LONG}.query.suspend.test"
        park(world, client, name, 1, 2)
        assert show(world, "dq = object:getDQ() return dq.qname:toString()") == f"{name}."
        assert show(world, "return dq.qtype") == "1" and show(world, "return dq.tcp") == "false"
        assert show(world, "return dq.dh:getRD()") == "true"
        assert show(world, "dq:setTag('k', string.rep('v', 5000)) return #dq:getTag('k')") == "5000"
        assert show(world, "return dq:suspend(1, 99, 1)") == "false"
        assert show(world, "dh = dq.dh dq:spoof({newCA('192.0.2.5'), newCA('192.0.2.6')}) return dq.dh:getAA()") == "false"
        world.command("object:resume()")
        reply = client.receive()
        assert sorted(addresses(reply)) == ["192.0.2.5", "192.0.2.6"]
        assert reply.answer[0].ttl == 5  # of the self-answered chain
        assert "has ended" in show(world, "return dh:getRD()")
        assert "has ended" in world.command("dh:setRD(true)")
    balanced(world)


def test_a_name_and_a_large_packet_from_a_script(world):
    with world.udp() as client:
        park(world, client, f"3.plain.{LONG}.query.suspend.test", 1, 3)
        world.command("dq = object:getDQ() dq:changeName(newDNSName('other.suspend.test')) dq:setTrailingData(string.rep('x', 3900))")
        assert show(world, "return #dq:getTrailingData()") == "3900"
        assert show(world, "return dq:setTrailingData(string.rep('x', 9000))") == "false"
        world.command("dq:setTrailingData('') object:resume()")
        client.receive()
    assert world.backend.asked_for("other.suspend.test")
    balanced(world)


def test_rcode_and_records(world):
    for clear in ("true", "false"):
        with world.udp() as client:
            park(world, client, f"4.plain.{LONG}.query.suspend.test", 1, 4)
            assert show(world, f"return object:setRCode(DNSRCode.NXDOMAIN, {clear})") == "true"
            world.command("object:resume()")
            reply = client.receive()
            assert reply.rcode() == dns.rcode.NXDOMAIN and not reply.answer
            park(world, client, f"4.plain.{LONG}.answer.suspend.test", 2, 4)
            assert show(world, f"return object:setRCode(DNSRCode.REFUSED, {clear})") == "true"
            world.command("object:resume()")
            reply = client.receive()
            assert reply.rcode() == dns.rcode.REFUSED
            assert len(addresses(reply)) == (0 if clear == "true" else 1)
    balanced(world)


def test_an_answer_goes_on_behind_its_rules(world):
    for end in (world.udp(), world.tcp()):
        with end as client:
            park(world, client, f"5.plain.{LONG}.answer.suspend.test", 2, 5)
            assert show(world, "dr = object:getDR() return dr.rcode") == "0"
            assert show(world, "return dr:getSelectedBackend():getName()") == "one"
            assert show(world, "return object:getDQ():getSelectedBackend():getName()") == "one"
            world.command("dr:editTTLs(function(section, class, type, ttl) return 42 end) object:resume()")
            reply = client.receive()
            assert addresses(reply) == ["192.0.2.1"] and reply.answer[0].ttl == 42
    balanced(world)


def test_other_chains(world):
    with world.udp() as client:
        park(world, client, f"6.plain.{LONG}.self.suspend.test", 2, 6)
        world.command("object:resume()")
        assert addresses(client.receive()) == ["192.0.2.77"]
        park(world, client, f"7.plain.{LONG}.miss.suspend.test", 1, 7)
        world.command("object:resume()")
        assert addresses(client.receive()) == ["192.0.2.1"]
        name = f"8.plain.{LONG}.cached.suspend.test"
        client.ask(query(name))
        hits = world.counters()["cache-hits"]
        park(world, client, name, 2, 8)
        world.command("object:resume()")
        assert addresses(client.receive()) == ["192.0.2.1"]
        assert world.counters()["cache-hits"] == hits + 1
    balanced(world)


def test_drop(world):
    before = world.drops().get("script-drop", 0)
    with world.tcp() as client:
        park(world, client, f"9.plain.{LONG}.query.suspend.test", 1, 9)
        world.command("object:drop()")
        assert client.at_end()
    with world.udp() as client:
        park(world, client, f"9.plain.{LONG}.answer.suspend.test", 2, 9)
        world.command("object:drop()")
        assert client.ask(query(f"1.plain.{LONG}.self.other.test")).rcode() == dns.rcode.NOERROR
    assert world.drops()["script-drop"] == before + 2
    balanced(world)


def test_time_is_over(world):
    """Never taken, taken and kept, forgotten: it goes on as if nothing had happened."""
    with world.udp() as client:
        assert addresses(client.ask(query("10.plain.20.query.suspend.test"))) == ["192.0.2.1"]
        assert addresses(client.ask(query("10.plain.0.answer.suspend.test"))) == ["192.0.2.1"]
        park(world, client, "11.plain.500.query.suspend.test", 1, 11)
        world.command("dq = object:getDQ()")
        assert addresses(client.receive()) == ["192.0.2.1"]
        assert "has ended" in show(world, "return dq.qname")
        assert show(world, "return object:resume()") == "false"
        park(world, client, "12.plain.500.query.suspend.test", 1, 12)
        world.command("dq = nil object = nil collectgarbage() collectgarbage()")
        assert show(world, "_ = pcall(get, 1, 12) return _") == "true"
        world.command("collectgarbage() collectgarbage()")
        assert addresses(client.receive()) == ["192.0.2.1"]
    balanced(world)


def test_errors_and_pairs_in_use(world):
    world.command("results = ''")
    with world.udp() as client:
        park(world, client, f"13.error.{LONG}.query.suspend.test", 1, 13)
        world.command("object:resume()")
        assert addresses(client.receive()) == ["192.0.2.1"]
        client.send(query(f"14.plain.{LONG}.query.suspend.test"))
        reply = client.ask(query(f"14.twice.{LONG}.query.suspend.test"))
        assert reply.rcode() == dns.rcode.REFUSED  # the verdict counts: it was not suspended
        wait_until(lambda: show(world, "_ = pcall(get, 1, 14) return _") == "true")
        world.command("collectgarbage() collectgarbage() get(1, 14):resume()")
        assert addresses(client.receive()) == ["192.0.2.1"]
    assert show(world, "return results") == "true true false"
    assert "Unable to convert" in world.command("getAsynchronousObject({}, 1)")
    balanced(world)


def test_edits_while_suspended(world):
    """A query ends under the configuration it began with."""
    with world.udp() as client:
        park(world, client, f"15.plain.{LONG}.query.suspend.test", 1, 15)
        for _ in range(20):
            world.command('addAction(AllRule(), DropAction()) rmRule(5)')
            world.command('getPool("x" .. os.clock())')
        world.command("object:resume()")
        assert addresses(client.receive()) == ["192.0.2.1"]
    balanced(world)


def test_a_client_that_leaves(world):
    with world.tcp() as client:
        park(world, client, f"16.plain.{LONG}.query.suspend.test", 1, 16)
    world.command("object:resume()")
    balanced(world)


LOAD = """
newServer{address="$backend"}
count = 0
addAction(AllRule(), LuaAction(function(dq)
  count = count + 1
  dq:suspend(3, count, 1 + count % 5)
  return DNSAction.Allow
end))
addResponseAction(AllRule(), LuaResponseAction(function(dr)
  dr:suspend(4, count, 1 + count % 7)
  return DNSResponseAction.Allow
end))
kept = {}
function play(i)
  for a = 3, 4 do
    local good, o = pcall(getAsynchronousObject, a, i)
    if good then
      local way = math.random(5)
      if way == 1 then o:resume() elseif way == 2 then o:drop() elseif way == 3 then kept[i % 50] = o
      elseif way == 4 then o:getDQ():setTag("a", "b") o:resume() end
    end
  end
end
"""


@pytest.mark.concurrent
def test_many_at_once():
    """Time-outs, scripts and edits race for the same queries; every one ends once."""
    with Responder() as backend, Proxy(LOAD, backend=backend.address, arguments=["--workers", "2"]) as p:
        stop = threading.Event()

        def ask():
            with p.udp(timeout=0.05) as client:
                number = 0
                while not stop.is_set():
                    number += 1
                    client.send(query(f"n{number}.suspend.test"))
                    try:
                        client.receive()
                    except TimeoutError:
                        pass
        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for turn in range(5000):
            if turn % 10 == 0 and int(p.command("return count")) > 600:
                break
            p.command("for i = math.max(1, count - 30), count do play(i) end if math.random(9) == 1 then collectgarbage() end")
            if turn % 10 == 0:
                p.command('addAction("nothing.test", DropAction()) rmRule(1)')
        stop.set()
        for thread in threads:
            thread.join()
        assert int(p.command("return count")) > 200
        p.command("kept = {} collectgarbage() collectgarbage()")
        balanced(p)


@pytest.mark.concurrent
def test_shutdown_with_suspended_queries():
    """Those that wait are let go on, and are answered, those that a script keeps too."""
    with Responder() as backend, Proxy(CONFIG, backend=backend.address) as p:
        with p.udp() as client:
            park(p, client, f"1.plain.{LONG * 10}.query.suspend.test", 1, 1)
            p.command("dq = object:getDQ()")
            client.send(query(f"2.plain.{LONG * 10}.query.suspend.test"))
            wait_until(lambda: p.balance()[3] == 2)
            p.process.send_signal(signal.SIGTERM)
            assert [addresses(client.receive()) for _ in range(2)] == [["192.0.2.1"]] * 2
