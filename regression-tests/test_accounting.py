# SPDX-License-Identifier: BSD-2-Clause
"""Nothing vanishes uncounted: queries = answers sent + drops by reason + parked, after traffic of every kind."""
import random
import threading

import pytest

from harness.client import UdpClient, query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until

CONFIG = """
newServer{address="$one", name="one", udpTimeout=1, tcpRecvTimeout=1, checkTimeout=2000}
newServer{address="$two", name="two", udpTimeout=1, tcpRecvTimeout=1, checkTimeout=2000}
getPool(""):setCache(newPacketCache(1000))
addAction("drop.accounting.test", DropAction())
addAction("refused.accounting.test", RCodeAction(DNSRCode.REFUSED))
addAction("spoof.accounting.test", SpoofAction("192.0.2.9"))
addAction("truncated.accounting.test", TCAction())
addAction("delay.accounting.test", DelayAction(50))
addAction("nopool.accounting.test", PoolAction("nowhere"))
addAction("emptypool.accounting.test", PoolAction("empty"))
getPool("empty")
addAction("lua.accounting.test", LuaAction(function(dq) error("on purpose") end))
addResponseAction("rdrop.accounting.test", DropResponseAction())
addSelfAnsweredResponseAction("sdrop.accounting.test", DropResponseAction())
addAction("sdrop.accounting.test", SpoofAction("192.0.2.9"))
"""
KINDS = ["drop", "refused", "spoof", "truncated", "delay", "nopool", "emptypool", "lua", "rdrop", "sdrop", "plain",
         "cached", "silent", "late", "twice"]


def handle(asked):
    word = asked.name.split(".")[-4] if asked.name.count(".") >= 4 else ""
    right = answer(asked, "60 A 192.0.2.1")
    if word == "silent":
        return None
    if word == "twice":
        return [right, right]
    if word == "late":
        threading.Timer(3.5, lambda: asked.reply_with(right.to_wire())).start()
        return None
    return right


def drain(client):
    """How many answers wait on a client's socket."""
    client.socket.setblocking(False)
    got = 0
    try:
        while client.receive_wire():
            got += 1
    except BlockingIOError:
        return got


@pytest.mark.concurrent
def test_the_equation_holds():
    """What clients sent and got, and what backends saw, is what the program says it took in, sent and dropped."""
    chance = random.Random(7)
    with Responder(handle) as one, Responder(handle) as two:
        with Proxy(CONFIG, one=one.address, two=two.address) as p:
            clients = [UdpClient(p.address) for _ in range(20)]
            sent = received = 0
            for turn in range(100):
                for client in clients:
                    kind = chance.choice(KINDS)
                    name = f"{kind}.accounting.test" if kind == "cached" else \
                        f"x{turn % 7}-{chance.randrange(100)}.{kind}.accounting.test"
                    client.send(query(name))
                    sent += 1
            for client in clients:
                # All before it on this socket has been taken in when this is answered.
                client.send(query("barrier.spoof.accounting.test", id=1))
                sent += 1
                received += 1
                while client.receive_wire()[:2] != b"\x00\x01":
                    received += 1
            for number in range(60):
                with p.tcp() as end:
                    end.send(query(f"t{number}.{KINDS[number % len(KINDS)]}.accounting.test"))
                    sent += 1
                    received += end.receive_wire() is not None

            wait_until(lambda: p.balance()[3] == 0, 20, "nothing under way")
            received += sum(drain(client) for client in clients)
            queries, answers, dropped, _ = p.balance()
            counts = {reason: count for reason, count in p.drops().items() if count}
            assert (queries, answers) == (sent, received)
            assert queries == answers + dropped and dropped == sum(counts.values()), counts
            assert set(counts) == {"rule", "response-rule", "no-pool", "no-backend", "timeout"}
            counters = p.counters()
            assert counters["queries"] == sent and counters["rule-drop"] == counts["rule"]
            for client in clients:
                client.socket.close()


def test_acl_drops_are_not_queries():
    with Proxy('setACL("192.0.2.0/24")') as p:
        with p.udp() as end:
            end.send(query("acl.accounting.test"))
            wait_until(lambda: p.counters()["acl-drops"] == 1, 5, "the drop")
        assert p.counters()["queries"] == 0


@pytest.mark.concurrent
def test_counters_are_exact_over_many_workers():
    with Responder() as backend, Proxy('newServer("$backend")', backend=backend.address) as p:
        clients = [UdpClient(p.address) for _ in range(50)]
        for number in range(40):
            for client in clients:
                client.send(query(f"n{number}.accounting.test"))
            for client in clients:
                client.receive_wire()
        counters = p.counters()
        assert counters["queries"] == counters["responses"] == 2000
        assert p.command("getServer(0):getQueries()") == "2000\n"
        for client in clients:
            client.socket.close()
