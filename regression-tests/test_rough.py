# SPDX-License-Identifier: BSD-2-Clause
"""Rough treatment that is no load of packets: scripts that edit while they run, kept objects, few descriptors, signals,
a log that nobody reads, consoles that break off."""
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from harness import ports
from harness.bad_backend import BadBackendProcess
from harness.client import query
from harness.console import Closed
from harness.load import Load
from harness.proxy import BINARY, Proxy
from harness.responder import Responder, wait_until
from test_load import SANITIZED, Repeater, check_balance, check_load, descriptors

pytestmark = pytest.mark.concurrent


def is_answered(p):
    with p.udp(timeout=1) as client, contextlib.suppress(TimeoutError):
        return client.ask(query("ok-1.load.test")).rcode() == 0
    return False


def test_scripts_that_edit_while_they_run():
    """A rule adds and removes rules, servers, pools and caches, itself among them, on the path of packets."""
    config = """
        newServer{address="$backend", udpTimeout=1, tcpRecvTimeout=1}
        calls = 0
        function edit(dq)
          if stopped then return DNSAction.None, "" end
          calls = calls + 1
          if calls % 7 == 0 then addAction("x" .. calls .. ".load.test", SpoofAction("192.0.2.1")) end
          if calls % 11 == 0 then addResponseAction(AllRule(), LuaResponseAction(answered)) end
          if calls % 13 == 0 then newServer{address="$backend", udpTimeout=1, tcpRecvTimeout=1} end
          if calls % 17 == 0 then while #getServers() > 1 do rmServer(#getServers() - 1) end end
          if calls % 19 == 0 then getPool(""):setCache(newPacketCache(calls % 100 + 1)) end
          if calls % 23 == 0 then getPool(""):unsetCache() end
          if calls % 29 == 0 then setServerPolicyLua("p", function(servers, dq) edit(dq) return servers[1] end) end
          if calls % 31 == 0 then setServerPolicy(leastOutstanding) end
          if calls % 37 == 0 then clearRules() clearResponseRules() addAction(AllRule(), LuaAction(edit)) end
          if calls % 41 == 0 then dq.pool = "p" .. calls % 5 getPool("p" .. calls % 5) end
          return DNSAction.None, ""
        end
        function answered(dr) edit(dr) return DNSResponseAction.None, "" end
        addAction(AllRule(), LuaAction(edit))
    """
    with BadBackendProcess() as backend, Proxy(config, backend=backend.address) as p:
        with Load(addresses=[p.address], seconds=2, words={"ok": 20, "slow": 1}, tcp_threads=2) as load:
            with Repeater(lambda: p.command("showRules()")):
                check_load(load, least=0)  # the rules decide how many get an answer
        p.command("stopped = true clearRules() clearResponseRules() setServerPolicy(leastOutstanding)")
        p.command('newServer{address="%s", healthCheckMode="up"}' % backend.address)
        wait_until(lambda: is_answered(p), 20, "an answer, as before")  # what waits in buffers comes first
        check_balance(p)


def test_objects_kept_beyond_their_query():
    """Using what belonged to a query that is gone is an error of the script, not of ours."""
    config = """
        newServer("$backend")
        kept = {}
        addAction("keep.rough.test", LuaAction(function(dq) kept = {dq, dq.dh, dq.qname, dq.remoteaddr} return DNSAction.None end))
        addResponseAction("keep.rough.test", LuaResponseAction(function(dr) table.insert(kept, dr) return DNSResponseAction.None end))
    """
    uses = ["kept[%d].qname:toString()", "kept[%d].qtype", "kept[%d]:getTag('a')", "kept[%d]:setTag('a', 'b')",
            "kept[%d].pool", "kept[%d]:getRD()", "kept[%d]:toString()", "kept[%d].remoteaddr:toString()",
            "kept[%d].dh:getRD()", "kept[%d].dh:setTC(true)"]
    with Responder() as backend, Proxy(config, backend=backend.address) as p:
        p.ask("keep.rough.test")
        for use in uses:
            for number in range(1, 6):
                p.command(use % number)
        p.command("kept = nil collectgarbage() collectgarbage()")
        assert p.ask("after.rough.test").answer


def served(connect):
    """Is a query answered, over a new socket?"""
    try:
        with connect(timeout=1) as end:
            return end.ask(query("ok-1.rough.test")) is not None
    except OSError:
        return False


def test_few_descriptors():
    """Without descriptors connections wait or are refused; nothing else happens, and it passes."""
    with BadBackendProcess() as backend:
        config = 'newServer{address="$backend", udpTimeout=1, sockets=3, tcpRecvTimeout=1} setTCPRecvTimeout(1)'
        with Proxy(config, backend=backend.address) as p:
            soft, hard = resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (sum(descriptors(p).values()) + 4, hard))
            with Load(addresses=[p.address], seconds=2, words={"ok": 1}, tcp_threads=30,
                      habits=["ask", "half", "pipeline"]) as load:
                load.result()
            resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
            wait_until(lambda: served(p.udp), 10, "an answer")
            wait_until(lambda: served(p.tcp), 10, "an answer over TCP")
            check_balance(p)


def test_files_that_may_not_grow(backend):
    """A limit for files is told as a full disk is, and ends nothing."""
    config = """newServer{address="$backend"} getPool(""):setCache(newPacketCache(1000))
    addAction(AllRule(), LogAction("$folder/queries", false, true, false))"""
    with Proxy(config, backend=backend.address) as p:
        resource.prlimit(p.process.pid, resource.RLIMIT_FSIZE, (512, 512))
        with p.udp() as client:
            for number in range(100):
                assert client.ask(query(f"n{number}.grow.test")).rcode() == 0
        assert "Error writing the dump" in p.command(f"getPool(''):getCache():dump('{p.folder.name}/dump')")
        assert p.ask("after.grow.test").rcode() == 0


def test_paused_program_goes_on():
    """A laptop that sleeps: time jumps, sockets are full, clients are gone."""
    with BadBackendProcess() as backend:
        config = 'newServer{address="$backend", udpTimeout=1, tcpRecvTimeout=1, checkTimeout=500, maxCheckFailures=3}'
        with Proxy(config, backend=backend.address) as p:
            with Load(addresses=[p.address], seconds=5, words={"ok": 10, "slow": 1}, tcp_threads=4) as load:
                for _ in range(2):
                    time.sleep(.5)
                    p.process.send_signal(signal.SIGSTOP)
                    time.sleep(1.4)
                    p.process.send_signal(signal.SIGCONT)
                check_load(load)
            check_balance(p)


def test_log_that_nobody_reads():
    """The reader of standard output is gone: the program serves on and ends well."""
    with Responder() as backend:
        with Proxy('newServer("$backend")', backend=backend.address) as p:
            config = p.config_path
            p.process.terminate()
            p.process.wait()
            read, write = os.pipe()
            process = subprocess.Popen([BINARY, "--supervised", "--disable-syslog", "-C", config], stdout=write, stderr=write)
            os.close(write)
            os.close(read)
            try:
                wait_until(lambda: process.poll() is not None or served(p.udp), 20, "an answer")
                assert process.poll() is None, process.returncode
                with p.console() as console:
                    for text in ("infolog('x')", "errlog('y')", "error('z')"):
                        console.command(text)
                assert served(p.udp)
            finally:
                process.terminate()
                status = process.wait(10)
            assert status == 0


def test_consoles_that_break_off():
    """Connections that leave in the middle of the greeting, of a frame, of a long answer; noise instead of frames."""
    config = 'newServer("$backend") function long() return string.rep("0123456789", 300000) end'
    with Responder() as backend, Proxy(config, backend=backend.address) as p:
        before = sum(descriptors(p).values())
        for turn in range(40):
            raw = socket.create_connection(p.console_address)
            raw.send(os.urandom(turn))
            raw.close()
            console = p.console()
            sealed = console.seal("long()")
            console.raw(sealed[:turn * 2 + 1] if turn % 2 else sealed)
            if turn % 3 == 0:
                console.raw(os.urandom(100))
            console.close()
        assert p.command("return 1") == "1\n"
        wait_until(lambda: sum(descriptors(p).values()) <= before + 1, 10, "descriptors")
        assert p.ask("after.rough.test").answer


def test_console_busy_while_traffic_flows():
    """A command that takes long holds nobody up who needs no script."""
    with Responder() as backend, Proxy('newServer("$backend")', backend=backend.address) as p:
        busy = threading.Thread(target=lambda: p.command("local t = os.clock() while os.clock() - t < 1.5 do end"))
        busy.start()
        with p.udp(timeout=1) as end:
            for number in range(20):
                assert end.ask(query(f"n{number}.rough.test")).answer
        assert busy.is_alive()
        busy.join()


@pytest.mark.parametrize("where", ["console", "rule", "maintenance"])
def test_end_while_a_script_never_ends(where, monkeypatch):
    """The way down never waits for Lua."""
    # The process leaves without waiting for its threads: that is what is tested, not a leak.
    monkeypatch.setenv("TSAN_OPTIONS", os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0")
    config = """newServer("$backend")
        addAction("spin.rough.test", LuaAction(function(dq) while true do end end))
        spin = false
        function maintenance() while spin do end end"""
    with Responder() as backend, Proxy(config, backend=backend.address) as p:
        end = None
        if where == "console":
            console = p.console()
            console.raw(console.seal("while true do end"))
        elif where == "rule":
            end = p.udp()
            end.send(query("spin.rough.test"))
        else:
            p.command("spin = true")
            time.sleep(1.2)
        time.sleep(.3)
        started = time.monotonic()
        p.stop()
        assert time.monotonic() - started < (10 if SANITIZED else 5)
        if end:
            end.socket.close()


def test_unreachable_and_odd_backends():
    """No route, no such interface, a port that refuses, an address of another family; with health checks of all kinds."""
    config = """
        for _, address in ipairs{"127.0.0.1:1", "240.0.0.1:53", "[::1]:1", "[2001:db8::1]:53", "255.255.255.255:53"} do
          newServer{address=address, healthCheckMode="up", udpTimeout=1, tcpConnectTimeout=1, retries=1}
          newServer{address=address, checkInterval=1, checkTimeout=200, udpTimeout=1, tcpConnectTimeout=1, retries=0, healthCheckMode="lazy", lazyHealthCheckMinSampleCount=1}
        end
        newServer{address="127.0.0.1:1", source="192.0.2.1", healthCheckMode="up", udpTimeout=1}
        newServer{address="$backend", checkFunction=function() error("on purpose") end, checkInterval=1, udpTimeout=1}
        newServer{address="$backend", tcpOnly=true, tcpFastOpen=true, tcpRecvTimeout=1, maxInFlight=5, healthCheckMode="up"}
        setServerPolicy(roundrobin)
    """
    with BadBackendProcess() as backend, Proxy(config, backend=backend.address) as p:
        with Load(addresses=[p.address], seconds=3, words={"ok": 1}, tcp_threads=4, habits=["ask", "leave", "reset"]) as load:
            check_load(load)
        check_balance(p)


def test_few_slots():
    """More queries than a small table holds: the oldest give way, each counted."""
    with BadBackendProcess() as backend:
        config = 'setMaxUDPOutstanding(64) newServer{address="$backend", udpTimeout=1}'
        with Proxy(config, backend=backend.address) as p:
            with Load(addresses=[p.address], seconds=2, words={"slow": 5, "ok": 5, "silent": 1}) as load:
                check_load(load)
            check_balance(p)
            assert p.drops()["slot-reused"] > 0


def test_services_under_load():
    """Scripted servers in the process that fail, answer late or never; then the end while they wait."""
    config = """
        s = addDNSService{name="s", listen="127.0.0.1:$port"}
        n = 0
        s:addHandler{label="all", match=".*", handler=function(q, reply)
          n = n + 1
          if n % 10 == 0 then error("on purpose") end
          if n % 11 == 0 then return end
          reply{rcode="NOERROR", answer={q.name .. " 60 IN A 192.0.2.9"}}
        end}
        newServer{address="127.0.0.1:$port", udpTimeout=1, tcpRecvTimeout=1, healthCheckMode="up"}
        getPool(""):setCache(newPacketCache(100))
    """
    with Proxy(config, port=ports.free_port()) as p:
        with Load(addresses=[p.address], seconds=2, words={"ok": 1}, tcp_threads=3, names=1000) as load:
            check_load(load)
        check_balance(p)
        with Load(addresses=[p.address], seconds=10, words={"ok": 1}, tcp_threads=3, names=1000):
            time.sleep(.3)
            p.stop()


def test_shutdown_from_everywhere():
    """shutdown() in a rule on the path of packets, in maintenance, on the console."""
    for config, command in (('addAction("end.rough.test", LuaAction(function() shutdown() return 0, "" end))', None),
                            ("go = false function maintenance() if go then shutdown() end end", "go = true"),
                            ("", "shutdown()")):
        with BadBackendProcess() as backend:
            with Proxy('newServer("$backend") ' + config, backend=backend.address) as p:
                with Load(addresses=[p.address], seconds=10, words={"ok": 5, "slow": 1}, tcp_threads=3):
                    time.sleep(.2)
                    if command:
                        with contextlib.suppress(Closed):  # gone before it could answer
                            p.command(command)
                    else:
                        with p.udp() as end:
                            end.send(query("end.rough.test"))
                    p.process.wait(10)
                    assert p.process.returncode == 0


HOLD_PORTS = """
import socket, sys
held = []
low, high = map(int, open("/proc/sys/net/ipv4/ip_local_port_range").read().split())
for port in range(low, high + 1):
    if port % 8 < 3:  # of even and odd ones the kernel prefers one kind
        one = socket.socket()
        try:
            one.bind(("127.0.0.19", port))
            one.listen(1)
            held.append(one)
        except OSError:
            one.close()
print(len(held), flush=True)
sys.stdin.read()
"""


def test_port_0_is_one_that_udp_and_tcp_both_get():
    """Many TCP ports of an address are taken: what the kernel gives for UDP may not be free there."""
    with subprocess.Popen([sys.executable, "-c", HOLD_PORTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert int(holder.stdout.readline()) > 5000
        for _ in range(8):
            p = Proxy('addLocal("127.0.0.19:0")')
            p.start()  # not as `with` does it, which tries again
            with contextlib.closing(p.console()) as console:
                found = re.findall(r"127\.0\.0\.19:(\d+)", console.command("showBinds()"))
            p.stop()
            assert len(found) == 2 and found[0] == found[1] != "0"


@pytest.mark.skipif(SANITIZED, reason="sanitizers keep what was freed")
def test_servers_that_come_and_go_leave_no_memory_behind(backend):
    def resident(p):
        with open(f"/proc/{p.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def turns(p, count):
        for _ in range(count):
            p.command(f'newServer{{address="{backend.address}", pool="x"}}')
            p.command("rmServer(getServers()[2])")
            p.command("collectgarbage()")
    with Proxy('newServer("$backend")', backend=backend.address) as p:
        turns(p, 300)
        before = resident(p)
        turns(p, 600)
        assert resident(p) - before < 8000
