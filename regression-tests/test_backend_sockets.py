# SPDX-License-Identifier: BSD-2-Clause
"""Sockets towards backends: what they hold, what is lost in them, and when they are made anew."""
import resource
import signal
import socket

import dns.flags
import dns.message
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer, wait_until

pytestmark = pytest.mark.concurrent

UP = 'newServer{address="$one", healthCheckMode="up", udpTimeout=1}'


def test_a_burst_of_answers_finds_room():
    """The backend answers 2000 queries at once while nobody reads: as many as clients could send."""
    held = []
    with Responder(lambda asked: held.append(asked)) as one, \
            Proxy('newServer{address="$one", healthCheckMode="up"}', one=one.address) as p, p.udp() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        for i in range(2000):
            client.send(query(f"n{i}.burst.test"))
            if i % 100 == 99:
                one.wait_for(lambda me, n=i + 1: len(held) >= n)
        p.process.send_signal(signal.SIGSTOP)
        for asked in held:
            asked.reply_with(answer(asked, "60 A 192.0.2.1").to_wire())
        p.process.send_signal(signal.SIGCONT)
        answered = {client.receive().question[0].name for _ in held}
        assert len(answered) == 2000


def test_what_the_kernel_throws_away_is_no_fault_of_the_backend():
    held = []
    with Responder(lambda asked: held.append(asked)) as one, Proxy(UP, one=one.address) as p, p.udp() as client:
        client.send(query("lost.overflow.test"))
        one.wait_for(lambda me: held)
        p.process.send_signal(signal.SIGSTOP)
        # There is room for some thousand of them.
        good = answer(held[0], "60 A 192.0.2.1").to_wire()
        for _ in range(16000):
            held[0].reply_with(bytes(len(good)))
        held[0].reply_with(good)
        p.process.send_signal(signal.SIGCONT)
        wait_until(lambda: p.drops()["receive-overflow"] == 1, what="the drop")
        assert p.drops()["timeout"] == 0
        assert p.command("getServer(0):getDrops()") == "0\n"
        client.send(query("unanswered.overflow.test"))
        wait_until(lambda: p.drops()["timeout"] == 1, what="the time-out")
        assert p.command("getServer(0):getDrops()") == "1\n" and p.drops()["receive-overflow"] == 1


@pytest.mark.parametrize("records,cut", [(20, False), (300, True), (3900, True)])
def test_an_answer_that_is_larger_than_what_we_receive(records, cut):
    """Over UDP it is truncated, over TCP it is whole."""
    def handle(asked):
        return answer(asked, *[f"60 A 10.0.{i >> 8}.{i & 255}" for i in range(records)], edns=65000)
    with Responder(handle) as one, Proxy(UP, one=one.address) as p:
        over_udp = p.ask("large.sizes.test", edns=65000)
        assert bool(over_udp.flags & dns.flags.TC) == cut
        assert len(addresses(over_udp)) == (0 if cut else records)
        assert over_udp.question[0].name.to_text() == "large.sizes.test." and over_udp.edns == 0
        assert len(addresses(p.ask("large.sizes.test", tcp=True))) == records
        assert p.drops()["timeout"] == 0


def test_a_source_interface_that_does_not_exist():
    with Responder() as one, Proxy('newServer{address="$one", source="127.0.0.9@nosuch0"}', one=one.address) as p:
        wait_until(lambda: p.command("tostring(getServer(0):isUp())") == "true\n", what="up")
        asked = [addresses(p.ask("source.test", tcp=stream)) for stream in (False, True, False)]
        assert asked == [["192.0.2.1"]] * 3
        assert {asked.source[0] for asked in one.queries} == {"127.0.0.9"}
        assert "nosuch0" in p.output and p.output.count("nosuch0") <= 2


def test_sockets_are_made_anew_when_nothing_comes_back():
    """Another port after silence, the same one as long as there are answers; late answers at the old one count."""
    held = []

    def handle(asked):
        return held.append(asked) if asked.name.startswith("silent") else address_answer()(asked)
    with Responder(handle) as one, Proxy('setUDPTimeout(1) newServer{address="$one", healthCheckMode="up"}', one=one.address) as p, p.udp() as client:
        client.ask(query("first.anew.test"))
        first = one.queries[-1].source

        def moved():
            client.send(query("silent.anew.test"))
            one.wait_for(lambda me: held)
            return one.queries[-1].source != first
        wait_until(moved, what="another source port")
        last = one.queries[-1]
        last.reply_with(answer(last, "60 A 192.0.2.7").to_wire())
        assert addresses(client.receive()) == ["192.0.2.7"]
        ports = set()
        for i in range(5):
            client.ask(query(f"n{i}.anew.test"))
            ports.add(one.queries[-1].source)
        assert len(ports) == 1


def test_a_shortage_of_descriptors_is_no_verdict():
    """No more sockets: both stay up, queries go where sockets are open, and it is told."""
    config = 'newServer{address="$one"} newServer{address="$two"} setServerPolicy(firstAvailable)'
    with Responder() as one, Responder(address_answer("192.0.2.2")) as two, \
            Proxy(config, one=one.address, two=two.address) as p, p.udp() as client:
        for server in one, two:
            server.wait_checks()
        assert addresses(client.ask(query("before.shortage.test"))) == ["192.0.2.1"]
        p.command("showServers()")  # a connection to the console that stays
        _, hard = resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (3, hard))
        p.command("setServerPolicy(newServerPolicy('second', function(servers, dq) return 2 end))")
        for i in range(5):
            assert addresses(client.ask(query(f"n{i}.shortage.test"))) == ["192.0.2.1"]
        wait_until(lambda: p.output.count("Too many open files") >= 2, what="the warning")
        states = [p.command(f"tostring(getServer({n}):isUp())") for n in (0, 1)]
        assert states == ["true\n"] * 2
        resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        wait_until(lambda: addresses(client.ask(query("after.shortage.test"))) == ["192.0.2.2"], what="the second server")
        assert p.output.count("Too many open files") <= 4
