# SPDX-License-Identifier: BSD-2-Clause
"""What scripts do beside queries: counting them, resolving names, threads, UNIX datagrams, the host's networks."""
import os
import socket
import threading
import time

import pytest

from harness.client import addresses, query
from harness.proxy import Proxy, run
from harness.responder import Responder, wait_until


def show(p, line):
    head, _, value = line.rpartition("return ")
    return p.command(f"{head}return tostring({value})").rstrip("\n")


# ---- counting queries


def test_query_counters():
    config = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\nsetQueryCount(true)'
    with Proxy(config, arguments=["--workers", "2"]) as p:
        for name in ("a.test", "A.test", "b.test", "a.TEST"):
            p.ask(name)
        assert p.command("getQueryCounters()") == (
            "query counting is currently: enabled (2 records in buffer)\n1   a.test.: 3 request(s)\n2   b.test.: 1 request(s)\n")
        assert p.command("getQueryCounters(1)").count("request(s)") == 1
        assert p.command("clearQueryCounters()") == "2 records cleared from query counter buffer\n"
        p.command("setQueryCount(false)")
        p.ask("c.test")
        assert p.command("getQueryCounters()") == "query counting is currently: disabled (0 records in buffer)\n"
        p.command('setQueryCount(true) setQueryCountFilter(function(dq) '
                  'return dq.qname:toString() ~= "no.test.", "type " .. dq.qtype end)')
        for name in ("a.test", "b.test", "no.test"):
            p.ask(name)
        assert "1   type 1: 2 request(s)\n" in p.command("getQueryCounters()")
        p.command("setQueryCountFilter(function(dq) return 5 end)")
        p.ask("d.test")
        assert "(1 records" in p.command("getQueryCounters()")
        wait_until(lambda: "query is not counted" in p.output)


@pytest.mark.concurrent
def test_counting_while_it_is_read_and_filters_change():
    config = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\nsetQueryCount(true)'
    with Proxy(config, arguments=["--workers", "2"]) as p:
        stop = threading.Event()

        def ask():
            with p.udp() as client:
                number = 0
                while not stop.is_set():
                    number += 1
                    client.ask(query(f"n{number % 100}.test"))
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(100):
            p.command(f'setQueryCountFilter(function(dq) return true, "{turn % 3}" end) getQueryCounters(5)')
            if turn % 10 == 0:
                p.command("clearQueryCounters()")
        stop.set()
        for thread in threads:
            thread.join()
        assert "request(s)" in p.command("getQueryCounters()")


# ---- resolving


@pytest.mark.concurrent
def test_addresses_of_names():
    config = """
got = {}
getAddressInfo("127.0.0.1", function(host, list) got[host] = list[1]:toString() .. " " .. #list end)
"""
    with Proxy(config) as p:
        wait_until(lambda: show(p, 'return got["127.0.0.1"]') == "127.0.0.1 1")
        p.command('getAddressInfo("::1", function(host, list) got[host] = list[1]:toStringWithPort() end)')
        wait_until(lambda: show(p, 'return got["::1"]') == "[::1]:0")
        p.command('getAddressInfo("not a name", function(host, list) got[host] = #list end)')
        wait_until(lambda: show(p, 'return got["not a name"]') == "0")
        p.command('getAddressInfo("127.0.0.2", function(host, list) error("on purpose") end)')
        wait_until(lambda: "on purpose" in p.output)


# ---- threads

THREADS = """
heard = {}
function threadmessage(cmd, data)
  if cmd == "fail" then error("threadmessage on purpose") end
  heard[#heard + 1] = cmd .. "=" .. tostring(data.a) .. tostring(data["5"])
end
newThread([[
  submitToMainThread("hello", {a="b", [5]=6})
  submitToMainThread("fail", {})
  submitToMainThread("bare", {a=tostring(newServer)})
  local good, e = pcall(submitToMainThread, "x", {a={}})
  submitToMainThread(tostring(good), {a=e})
  while true do end
]])
newThread("this is not Lua")
newThread([[ submitToMainThread("short", {}) ]])
"""


@pytest.mark.concurrent
def test_threads():
    with Proxy(THREADS) as p:
        wait_until(lambda: show(p, "return #heard") == "4")
        heard = p.command('return table.concat(heard, "|")')
        assert "hello=b6" in heard and "bare=nilnil" in heard and "takes a string and a table of strings" in heard
        wait_until(lambda: "threadmessage on purpose" in p.output and "newThread:1:" in p.output)
        # After five seconds those that ended begin again.
        wait_until(lambda: show(p, "return #heard") == "5", timeout=15)
        before = time.monotonic()
    assert time.monotonic() - before < 5  # an endless one does not keep the process


def test_no_thread_for_a_check():
    done = run("--check-config", config='newThread("os.exit(7)") getAddressInfo("127.0.0.1", function() os.exit(8) end)')
    assert done.returncode == 0


def test_too_many_threads():
    with Proxy() as p:
        answer = p.command("for i = 1, 200 do newThread('x = 1') end")
        assert "No more threads can be started" in answer


def test_a_thread_that_cannot_be_reached_is_left_behind():
    with Proxy("newThread('os.execute(\"exec sleep 8 >/dev/null 2>&1\")')") as p:
        before = time.monotonic()
    assert time.monotonic() - before < 5
    assert p.process is None


# ---- UNIX datagrams

NETWORK = """
heard = {}
listener = newNetworkListener()
good = listener:addUnixListeningEndpoint("$folder/in", 7, function(id, payload, from)
  heard[#heard + 1] = id .. " " .. payload .. " " .. from
end)
abstract = listener:addUnixListeningEndpoint("\\0dnsproxy-test-$number", 65537, function(id, payload, from)
  if payload == "fail" then error("heard on purpose") end
  heard[#heard + 1] = id .. " " .. payload .. " " .. #from
end)
none = listener:addUnixListeningEndpoint("/nonexistent/x", 1, function() end)
listener:start()
"""


@pytest.mark.concurrent
def test_unix_datagrams():
    with Proxy(NETWORK, number=os.getpid()) as p:
        assert [show(p, f"return {word}") for word in ("good", "abstract", "none")] == ["true", "true", "false"]
        path = os.path.join(p.folder.name, "in")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.bind(os.path.join(p.folder.name, "out"))
            end.sendto(b"some\x00bytes", path)
            wait_until(lambda: show(p, "return #heard") == "1")
            assert show(p, "return (heard[1]:gsub('%z', '0'))") == f"7 some0bytes {p.folder.name}/out"
            p.command(f'e = newNetworkEndpoint("{p.folder.name}/out")')
            assert show(p, "return e:isValid()") == "true"
            assert show(p, "return e:send('to\\0you')") == "true"
            end.settimeout(10)
            assert end.recv(100) == b"to\0you"
        assert show(p, "return e:send('nobody')") == "false"
        p.command(f'a = newNetworkEndpoint("\\0dnsproxy-test-{os.getpid()}")')
        p.command("a:send('fail') a:send('') a:send('x')")
        wait_until(lambda: show(p, "return #heard") == "3")
        assert show(p, "return heard[2] .. '|' .. heard[3]") == "1  0|1 x 0"
        wait_until(lambda: "heard on purpose" in p.output)
        for path in "'/nonexistent/y'", "''", "string.rep('x', 200)", f"'{p.folder.name}/nobody'":
            assert show(p, f"e = newNetworkEndpoint({path}) return type(e)") == "userdata"
            assert show(p, "return tostring(e:isValid()) .. tostring(e:send('x')) .. tostring(e:send(''))") == "falsefalsefalse"
        p.command("e = nil collectgarbage()")
        assert "started" in p.command("listener:start()")
        assert "no more endpoints" in p.command(f'listener:addUnixListeningEndpoint("{p.folder.name}/z", 1, function() end)')
        p.command("e = nil a = nil listener = nil collectgarbage() collectgarbage()")
    assert not os.path.exists(path)


ASYNC = """
newServer{address="$backend"}
local listener = newNetworkListener()
listener:addUnixListeningEndpoint("$folder/asked", 1, function(id, payload, from)
  endpoint = endpoint or newNetworkEndpoint("$folder/answers")
  endpoint:send(payload)
end)
listener:addUnixListeningEndpoint("$folder/answers", 2, function(id, payload, from)
  local o = getAsynchronousObject(1, tonumber(payload))
  if tonumber(payload) % 3 == 0 then o:drop() return end
  if tonumber(payload) % 3 == 1 then o:getDQ():spoof({newCA("192.0.2.99")}) end
  o:resume()
end)
listener:start()
count = 0
addAction(AllRule(), LuaAction(function(dq)
  count = count + 1
  asker = asker or newNetworkEndpoint("$folder/asked")
  dq:suspend(1, count, 20000)
  asker:send(tostring(count))
  return DNSAction.Allow
end))
"""


@pytest.mark.concurrent
def test_a_query_asks_another_program():
    """What suspension is for: a datagram goes out for each query, and the answer to it decides."""
    with Responder() as backend, Proxy(ASYNC, backend=backend.address, arguments=["--workers", "2"]) as p:
        with p.udp() as client:
            for number in range(1, 60):
                client.send(query(f"n{number}.async.test"))
                if number % 3 == 1:
                    assert addresses(client.receive()) == ["192.0.2.99"]
                elif number % 3 == 2:
                    assert addresses(client.receive()) == ["192.0.2.1"]
                else:
                    wait_until(lambda: p.drops()["script-drop"] == number // 3)
        assert p.balance()[3] == 0


# ---- the host's networks


def test_interfaces():
    with Proxy() as p:
        names = p.command('return table.concat(getListOfNetworkInterfaces(), " ")').split()
        assert sorted(names) == sorted(name for _, name in socket.if_nameindex())
        assert "127.0.0.1" in p.command('return table.concat(getListOfAddressesOfNetworkInterface("lo"), " ")').split()
        assert "127.0.0.0/8" in p.command('return table.concat(getListOfRangesOfNetworkInterface("lo"), " ")').split()
        assert show(p, 'return #getListOfAddressesOfNetworkInterface("nonesuch")') == "0"
        assert show(p, 'return #getListOfRangesOfNetworkInterface("nonesuch")') == "0"
        assert show(p, 'return #getMACAddress("203.0.113.77")') == "0"
        assert "Unable to convert presentation address" in p.command('getMACAddress("bad")')
