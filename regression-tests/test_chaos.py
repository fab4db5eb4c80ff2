# SPDX-License-Identifier: BSD-2-Clause
"""Every call of the kernel that a worker makes fails, gives a part or takes its time: the program lives through it, counts
every query once, and is as good as new when that is over."""
import os

import pytest

from harness import ports
from harness.bad_backend import question_end
from harness.chaos import Chaos
from harness.client import query
from harness.load import Load
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until

CONFIG = """
setVerboseHealthChecks(false)
setTCPRecvTimeout(1)
setTCPSendTimeout(1)
setUDPTimeout(1)
newServer{address="$one", name="one", udpTimeout=1, tcpRecvTimeout=1, checkInterval=1, checkTimeout=2000, rise=1, maxCheckFailures=5}
newServer{address="$two", name="two", udpTimeout=1, tcpRecvTimeout=1, tcpOnly=true, maxInFlight=20, pool="streams",
          checkInterval=1, checkTimeout=2000, rise=1, maxCheckFailures=5}
getPool(""):setCache(newPacketCache(500))
addLocal("[::1]:$port6")
addLocal("127.0.0.1:$port2", {maxInFlight=20, reusePort=true})
addLocal("127.0.0.1:$port2", {maxInFlight=20, reusePort=true})
newServer{address="$one", source="127.0.0.3", pool="bound", udpTimeout=1, tcpRecvTimeout=1, sockets=3, reconnectOnUp=true,
          healthCheckMode="up", useClientSubnet=true}
newServer{address="127.0.0.1:$service", pool="service", udpTimeout=1, tcpRecvTimeout=1, healthCheckMode="up"}
addAction(QNameSuffixRule("bound.test"), PoolAction("bound"))
addAction(QNameSuffixRule("scripted.test"), PoolAction("service"))
addAction(QNameSuffixRule("tee.test"), TeeAction("$two"))
addAction(QNameSuffixRule("late.test"), DelayAction(20))
local ids = 0
addAction(QNameSuffixRule("parked.test"), LuaAction(function(dq)
  ids = (ids + 1) % 60000
  dq:suspend(1, ids, 30)
  return DNSAction.None
end))
addTimeoutResponseAction(QNameSuffixRule("again.test"), LuaResponseAction(function(dr) dr:restart() return 0 end))
local service = addDNSService{name="scripted", listen="127.0.0.1:$service"}
service:addHandler{label="all", match="scripted", handler=function(q, reply) reply("noerror", {rr(q.name, 60, "IN", "A", "192.0.2.1")}) end}
addAction(QNameSuffixRule("stream.test"), PoolAction("streams"))
addAction(QNameRule("self.test"), SpoofAction("192.0.2.9"))
addAction(QNameRule("drop.test"), DropAction())
"""
# 200 records, made once: a backend that is slow by itself would be found down.
BIG = b"".join(b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c\x00\xc9\xc8" + str(n).zfill(200).encode() for n in range(200))
SOA = "60 SOA ns.test. host.test. 7 3600 600 86400 60"


def handle(asked):
    if asked.type in ("AXFR", "IXFR"):
        return [answer(asked, SOA, "60 A 192.0.2.1")] + [answer(asked, f"60 A 192.0.2.{n}") for n in range(2, 40)] + \
            [answer(asked, SOA)]
    if asked.name.startswith("big-"):
        end = question_end(asked.wire)
        return asked.wire[:2] + b"\x81\x80\x00\x01\x00\xc8\x00\x00\x00\x00" + asked.wire[12:end] + BIG
    if asked.type == "A":
        return answer(asked, "60 A 192.0.2.1")
    return answer(asked)


def transfer(p):
    """A whole zone transfer, or None."""
    with p.tcp(timeout=8) as end:
        end.send(query("zone.stream.test", "AXFR"))
        records = []
        while sum(r.startswith("zone") and " SOA " in r for r in records) < 2:
            message = end.receive()
            if message is None or message.rcode() != 0:
                return None
            records += [f"{rrset.name} SOA " if rrset.rdtype == 6 else str(rrset) for rrset in message.answer
                        for _ in rrset]
        return len(records)


def trouble(p, rounds):
    """Queries by everything that there is, whatever becomes of them."""
    for number in range(rounds):
        for name in (f"t{number}.load.test", f"t{number}.stream.test", "self.test", "drop.test", f"big-{number}.load.test",
                     f"t{number}.bound.test", f"t{number}.scripted.test", f"t{number}.tee.test", f"t{number}.late.test",
                     f"t{number}.parked.test"):
            try:
                with p.tcp(timeout=2) as end:
                    end.send(query(name))
                    end.send(query(name))
                    if name != "drop.test":
                        end.receive_wire()
            except OSError:
                pass
            with p.udp(timeout=0.2) as end:
                for qtype in ("A", "TXT"):
                    try:
                        end.send(query(name, qtype))
                    except OSError:
                        pass
        try:
            transfer(p)
        except OSError:
            pass


def both_up(p):
    return all(p.command(f"tostring(getServer({number}):isUp())") == "true\n" for number in (0, 1))


def works(p):
    """Everything answers, at the first try."""
    with p.udp() as udp, p.tcp() as tcp:
        for number in range(40):
            for name in (f"after{number}.load.test", "again.load.test", f"after{number}.stream.test", "self.test",
                         f"after{number}.bound.test", f"after{number}.scripted.test"):
                for end in (udp, tcp):
                    reply = end.ask(query(name))
                    assert reply is not None and reply.rcode() == 0 and reply.answer, f"{name}:\n{reply}"
    assert transfer(p) == 41
    assert p.ask("big-after.load.test", "TXT", tcp=True).answer


@pytest.mark.concurrent
@pytest.mark.parametrize("permille", [30, 300])
def test_kernel_calls_that_fail(permille):
    seed = int(os.environ.get("CHAOS_SEED") or int.from_bytes(os.urandom(4), "big"))
    with Chaos(seed) as chaos, Responder(handle) as one, Responder(handle) as two:
        with Proxy(CONFIG, environment=chaos.environment, one=one.address, two=two.address,
                   port6=ports.free_port("::1"), port2=ports.free_port(), service=ports.free_port()) as p:
            wait_until(lambda: both_up(p), 20, "both are up")
            works(p)
            chaos.set(permille)
            with Load(addresses=[p.address], words={"ok": 5, "big": 1}, names=2000, sockets=6, window=20, tcp_threads=3, seconds=2,
                      seed=seed, habits=["ask", "pipeline", "leave", "look", "reset", "half", "shut", "bytes"]) as load:
                trouble(p, 4)
                result = load.result()
            chaos.set(0)
            print(chaos.seen(), chaos.injected())
            assert not result["wrong"], result["wrong"]
            wait_until(lambda: p.balance()[3] == 0, 20, "nothing under way")
            queries, answers, dropped, _ = p.balance()
            # A connection that is refused for want of descriptors (EMFILE) has brought no query yet.
            counted = sum(count for reason, count in p.drops().items() if reason != "descriptors")
            assert queries == answers + dropped and dropped == counted, p.command("showDrops()")
            wait_until(lambda: both_up(p), 20, "both are up again")
            works(p)
            injected = chaos.injected()
            missing = {call for call in ("recvmmsg", "sendmmsg", "send", "accept4", "epoll_wait", "epoll_ctl") if not injected[call]}
            assert not missing, injected
            assert "[warn]" not in p.output  # nothing writes past the log
