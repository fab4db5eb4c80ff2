# SPDX-License-Identifier: BSD-2-Clause
"""TCP towards clients and towards backends: pipelining, split reads, order, limits, time-outs, reuse, loss."""
import socket
import struct
import threading
import time

import pytest

from harness.client import TcpClient, addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until

pytestmark = pytest.mark.concurrent


@pytest.fixture(scope="module")
def p(backend):
    config = 'newServer("$backend") setTCPRecvTimeout(1) setMaxTCPQueriesPerConnection(0)'
    with Proxy(config, backend=backend.address) as proxy:
        yield proxy


def test_several_queries_on_a_connection(p):
    with p.tcp() as end:
        for number in range(50):
            reply = end.ask(query(f"n{number}.tcp.test"))
            assert reply.question[0].name.to_text() == f"n{number}.tcp.test."


def test_pipelined(p):
    with p.tcp() as end:
        end.socket.sendall(b"".join(end.frame(query(f"p{number}.tcp.test", id=number)) for number in range(1, 41)))
        assert sorted(end.receive().id for _ in range(40)) == list(range(1, 41))


def test_every_split(p):
    frame = TcpClient.frame(query("split.tcp.test"))
    with p.tcp() as end:
        for cut in range(1, len(frame)):
            end.socket.sendall(frame[:cut])
            end.socket.sendall(frame[cut:])
            assert addresses(end.receive()) == ["192.0.2.1"]


def test_byte_by_byte_within_the_read_budget():
    """More reads for one query than setMaxTCPReadIOsPerQuery close the connection."""
    with Responder() as backend:
        config = 'newServer("$backend") setMaxTCPReadIOsPerQuery(100) setBanDurationForExceedingMaxReadIOsPerQuery(0)'
        with Proxy(config, backend=backend.address) as p:
            with p.tcp() as end:
                for byte in end.frame(query("bytes.tcp.test")):
                    end.socket.sendall(bytes([byte]))
                assert addresses(end.receive()) == ["192.0.2.1"]


def test_half_closed_connection_still_gets_its_answer(p):
    with p.tcp() as end:
        end.send(query("halfclosed.tcp.test"))
        end.socket.shutdown(socket.SHUT_WR)
        assert addresses(end.receive()) == ["192.0.2.1"]
        assert end.at_end()


def test_connection_without_data_does_no_harm(p):
    for _ in range(20):
        p.tcp().close()
    with p.tcp() as end:
        end.socket.sendall(b"\x00")
    assert addresses(p.ask("after.tcp.test", tcp=True)) == ["192.0.2.1"]


def test_reset_by_the_client_does_no_harm(p):
    for _ in range(10):
        end = p.tcp()
        end.send(query("reset.tcp.test"))
        end.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()
    assert addresses(p.ask("after.tcp.test", tcp=True)) == ["192.0.2.1"]


@pytest.mark.parametrize("sent", [b"", b"\x00", b"\x00\x40abc"], ids=["nothing", "half a length", "half a query"])
def test_idle_connection_is_closed(p, sent):
    with p.tcp(timeout=8) as end:
        end.socket.sendall(sent)
        started = time.monotonic()
        assert end.at_end()
        assert 0.9 <= time.monotonic() - started < 6


def test_zero_length_closes(p):
    with p.tcp() as end:
        end.socket.sendall(b"\x00\x00")
        assert end.at_end()


def test_largest_answer(p):
    with Responder(lambda asked: answer(asked, *[f'60 TXT "{number:05} {"z" * 240}"' for number in range(240)])) as big:
        with Proxy('newServer("$backend")', backend=big.address) as with_big:
            reply = with_big.ask("big.tcp.test", "TXT", tcp=True)
            assert sum(len(rrset) for rrset in reply.answer) == 240


def slow_and_fast(release):
    def handle(asked):
        if not asked.name.startswith("slow"):
            return answer(asked, "60 A 192.0.2.1")

        def later():
            release.wait(10)
            asked.reply_with(answer(asked, "60 A 192.0.2.1").to_wire())
        threading.Thread(target=later, daemon=True).start()
        return None
    return handle


def test_out_of_order_with_max_in_flight():
    release = threading.Event()
    with Responder(slow_and_fast(release)) as backend:
        config = 'newServer{address="$backend", maxInFlight=10}'
        with Proxy(config, listen_options="{maxInFlight=10}", backend=backend.address) as p, p.tcp() as end:
            end.send(query("slow.tcp.test", id=1))
            end.send(query("fast.tcp.test", id=2))
            assert end.receive().id == 2
            release.set()
            assert end.receive().id == 1


def test_in_order_without_max_in_flight():
    release = threading.Event()
    with Responder(slow_and_fast(release)) as backend:
        with Proxy('newServer{address="$backend"}', backend=backend.address) as p, p.tcp() as end:
            end.send(query("slow.tcp.test", id=1))
            end.send(query("fast.tcp.test", id=2))
            backend.wait_for(lambda me: me.asked_for("slow.tcp.test"))
            release.set()
            assert [end.receive().id, end.receive().id] == [1, 2]


def test_queries_per_connection_limit():
    """More than n are not read: n + 1 are answered."""
    with Responder() as backend:
        with Proxy('newServer("$backend") setMaxTCPQueriesPerConnection(3)', backend=backend.address) as p:
            with p.tcp() as end:
                answered = 0
                try:
                    while answered < 10:
                        end.send(query("limit.tcp.test"))
                        if end.receive() is None:
                            break
                        answered += 1
                except OSError:
                    pass
                assert answered == 4


def test_connections_per_client_limit():
    with Responder() as backend:
        with Proxy('newServer("$backend") setMaxTCPConnectionsPerClient(2)', backend=backend.address) as p:
            with p.tcp() as one, p.tcp() as two:
                assert one.ask(query("one.tcp.test")) and two.ask(query("two.tcp.test"))
                with p.tcp() as three:
                    try:
                        three.send(query("three.tcp.test"))
                        assert three.at_end()
                    except OSError:
                        pass

            def again():
                try:
                    return p.ask("again.tcp.test", tcp=True)
                except OSError:
                    return None
            wait_until(again, 5, "a free place after the others left")


def test_acl_closes():
    with Responder() as backend:
        with Proxy('newServer("$backend") setACL("192.0.2.0/24")', backend=backend.address) as p:
            with p.tcp() as end:
                try:
                    end.send(query("acl.tcp.test"))
                    assert end.at_end()
                except OSError:
                    pass
            assert p.counters()["acl-drops"] >= 1


# --- towards the backend

def test_backend_connection_is_used_again():
    with Responder() as backend:
        with Proxy('newServer{address="$backend", tcpOnly=true, checkTCP=false}', backend=backend.address) as p:
            with p.udp() as end:
                end.ask(query("first.tcp.test"))
                before = backend.connections
                for number in range(50):
                    end.ask(query(f"again-{number}.tcp.test"))
                assert backend.connections - before <= 12, "one per worker at most"


def test_backend_that_closes_after_each_answer():
    def handle(asked):
        if asked.protocol == "tcp":
            asked.reply_with(answer(asked, "60 A 192.0.2.1").to_wire())
            server.drop_streams()
            return None
        return answer(asked, "60 A 192.0.2.1")
    with Responder(handle) as server:
        with Proxy('newServer{address="$backend", tcpOnly=true}', backend=server.address) as p, p.udp() as end:
            for number in range(10):
                assert addresses(end.ask(query(f"closing-{number}.tcp.test"))) == ["192.0.2.1"]


def test_backend_that_refuses_tcp_closes_the_client():
    with Responder() as backend:
        with Proxy('newServer{address="$backend", retries=1}', backend=backend.address) as p:
            backend.tcp.shutdown(socket.SHUT_RDWR)
            backend.tcp.close()
            with p.tcp() as end:
                end.send(query("refused.tcp.test"))
                assert end.at_end()
            assert addresses(p.ask("udp.tcp.test")) == ["192.0.2.1"]


def test_many_connections():
    with Responder() as backend, Proxy('newServer("$backend") setTCPRecvTimeout(30)', backend=backend.address) as p:
        ends = [p.tcp() for _ in range(100)]
        for turn in range(5):
            for number, end in enumerate(ends):
                end.send(query(f"m{number}-{turn}.tcp.test", id=9))
            for number, end in enumerate(ends):
                assert end.receive().question[0].name.to_text() == f"m{number}-{turn}.tcp.test."
        for end in ends:
            end.close()
