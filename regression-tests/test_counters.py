# SPDX-License-Identifier: BSD-2-Clause
"""What each counter of getStatisticsCounters() counts: one query each, and everything that it moved."""
import os
import re
import socket
import time

import dns.message
import dns.rcode
import pytest

from harness import ports
from harness.client import UdpClient, query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until

CONFIG = """
setACL({"127.0.0.1/32"})
newServer{address="$backend", healthCheckMode="up"}
newServer{address="$backend", pool="cached", healthCheckMode="up"}
newServer{address="$backend", pool="down", healthCheckMode="down"}
newServer{address="$silent", pool="silent", healthCheckMode="up", udpTimeout=1}
getPool("cached"):setCache(newPacketCache(100))
addAction("drop.test", DropAction())
addAction("nx.test", RCodeAction(DNSRCode.NXDOMAIN))
addAction("refused.test", RCodeAction(DNSRCode.REFUSED))
addAction("servfail.test", RCodeAction(DNSRCode.SERVFAIL))
addAction("noerror.test", SpoofAction("192.0.2.1"))
addAction("tc.test", TCAction())
addAction("cached.test", PoolAction("cached"))
addAction("down.test", PoolAction("down"))
addAction("silent.test", PoolAction("silent"))
addResponseAction("rdrop.test", DropResponseAction())
addAction("fail.test", LuaAction(function(dq) error("on purpose") end))
"""
LATENCY = {"latency0-1", "latency1-10", "latency10-50", "latency50-100", "latency100-1000", "latency-slow", "latency-count",
           "latency-sum"}
SYSTEM = ("udp-", "udp6-", "tcp-listen", "cpu-")


def handle(asked):
    rcode = asked.name.split(".")[0]
    if rcode == "odd":
        reply = answer(asked)
        reply.question = []
        return reply
    return answer(asked, "60 A 192.0.2.1", rcode=rcode.upper() if rcode in ("servfail", "nxdomain") else "NOERROR")


@pytest.fixture(scope="module")
def proxy():
    with Responder(handle) as backend, Responder(lambda asked: None) as silent, \
            Proxy(CONFIG, backend=backend.address, silent=silent.address) as running:
        running.ask("cached.test")  # so that it is cached
        yield running


def moved(proxy, before):
    after = proxy.counters()
    return {name: after[name] - before[name] for name in after
            if after[name] != before[name] and name not in LATENCY and not name.startswith(SYSTEM)}


def expect(proxy, before, wanted):
    wait_until(lambda: moved(proxy, before) == wanted, 10, f"{wanted}, not {moved(proxy, before)}")


ANSWERED = {"queries": 1, "rdqueries": 1, "answers-sent": 1}
RELAYED = {**ANSWERED, "responses": 1}
OWN = {**ANSWERED, "self-answered": 1}


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, wanted", [
    ("www.test", {**RELAYED, "frontend-noerror": 1}),
    ("servfail.backend.test", {**RELAYED, "servfail-responses": 1, "frontend-servfail": 1}),
    ("nxdomain.backend.test", {**RELAYED, "frontend-nxdomain": 1}),
    ("noerror.test", {**OWN, "frontend-noerror": 1}),
    ("nx.test", {**OWN, "rule-nxdomain": 1, "frontend-nxdomain": 1}),
    ("refused.test", {**OWN, "rule-refused": 1}),
    ("servfail.test", {**OWN, "rule-servfail": 1, "frontend-servfail": 1}),
    ("fail.test", {**OWN, "rule-servfail": 1, "frontend-servfail": 1, "script-errors": 1}),
])
def test_answers(proxy, name, wanted, tcp):
    before = proxy.counters()
    proxy.ask(name, tcp=tcp)
    expect(proxy, before, wanted)


def test_truncated_by_a_rule(proxy):
    before = proxy.counters()
    proxy.ask("tc.test")
    expect(proxy, before, {**OWN, "rule-truncated": 1, "frontend-noerror": 1})


def test_cache(proxy):
    before = proxy.counters()
    proxy.ask("cached.test")
    expect(proxy, before, {**ANSWERED, "cache-hits": 1, "responses": 1, "frontend-noerror": 1})
    proxy.ask("miss.cached.test")
    expect(proxy, before, {**{name: 2 for name in ANSWERED}, "cache-hits": 1, "cache-misses": 1, "responses": 2,
                           "frontend-noerror": 2})


@pytest.mark.parametrize("name, wanted", [
    ("drop.test", {"rule-drop": 1}),
    ("down.test", {"no-policy": 1}),
    ("rdrop.test", {"responses": 1}),
    ("silent.test", {"downstream-timeouts": 1}),
])
def test_no_answer(proxy, name, wanted):
    before = proxy.counters()
    with proxy.udp() as end:
        end.send(query(name))
        expect(proxy, before, {"queries": 1, "rdqueries": 1, **wanted})


@pytest.mark.parametrize("wire, wanted", [
    (query("x.test", id=1).to_wire()[:11], {"noncompliant-queries": 1}),
    (dns.message.make_response(query("x.test")).to_wire(), {"noncompliant-queries": 1, "queries": 1}),
], ids=["short", "answer"])
def test_no_query(proxy, wire, wanted):
    before = proxy.counters()
    with proxy.udp() as end:
        end.send(wire)
        expect(proxy, before, wanted)


def test_no_question(proxy):
    before = proxy.counters()
    empty = dns.message.Message()
    empty.flags = 0
    with proxy.udp() as end:
        assert end.ask(empty).rcode() == dns.rcode.NOTIMP
    assert moved(proxy, before)["empty-queries"] == 1


def test_recursion_not_desired(proxy):
    before = proxy.counters()
    proxy.ask("www.test", rd=False)
    assert "rdqueries" not in moved(proxy, before)


def test_acl(proxy):
    before = proxy.counters()
    with UdpClient(proxy.address, source="127.0.0.2") as end:
        end.send(query("x.test"))
        expect(proxy, before, {"acl-drops": 1})
        try:
            with socket.create_connection(proxy.address, timeout=10, source_address=("127.0.0.2", 0)) as stream:
                stream.recv(1)
        except ConnectionError:
            pass
        expect(proxy, before, {"acl-drops": 2})


def test_foreign_answer(proxy):
    """An answer with another question does not count as one."""
    before = proxy.counters()
    with proxy.udp() as end:
        end.send(query("odd.test"))
        wait_until(lambda: moved(proxy, before).get("noncompliant-responses") == 1)


def test_latency(proxy):
    before = proxy.counters()
    proxy.ask("www.test")
    after = proxy.counters()
    buckets = LATENCY - {"latency-count", "latency-sum"}
    assert sum(after[name] - before[name] for name in buckets) == 1
    assert after["latency-count"] - before["latency-count"] == 1


def test_dump_has_the_counters_and_more(proxy):
    words = proxy.command("dumpStats()").split()
    names = words[0::2]
    assert set(proxy.counters()) <= set(names)
    for name in ("latency-avg100", "latency-tcp-avg1000000", "uptime", "real-memory-usage", "fd-usage", "cpu-user-msec",
                 "dyn-block-nmg-size", "security-status", "special-memory-usage", "udp-in-errors", "udp6-in-csum-errors"):
        assert name in names
    assert "uptime" not in proxy.counters()


def test_uptime_counts_from_the_start():
    """And not from the first time that somebody asks."""
    with Proxy("") as p:
        with open(f"/proc/{p.process.pid}/stat") as file:
            started = int(file.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        wait_until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) - started > 2.2, what="two seconds")
        assert int(re.search(r"uptime\s+(\d+)", p.command("dumpStats()"))[1]) >= 1
