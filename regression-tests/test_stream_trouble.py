# SPDX-License-Identifier: BSD-2-Clause
"""Backends whose TCP is ill while their UDP is well: which queries are lost, and when the way is taken again."""
import os
import socket
import struct
import threading

import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, wait_until

pytestmark = pytest.mark.concurrent


class Ill(Responder):
    """UDP as ever; what TCP connections do is `way(stream)`, or well when that is None."""

    def __init__(self, way, **options):
        self.way = way
        super().__init__(**options)

    def serve_stream(self, stream, source):
        if self.way is None:
            return super().serve_stream(stream, source)
        try:
            return self.way(stream)
        except OSError:
            return None


def read_query(stream):
    head = b""
    while len(head) < 2:
        more = stream.recv(2 - len(head))
        if not more:
            raise OSError("ended")
        head += more
    size, wire = struct.unpack("!H", head)[0], b""
    while len(wire) < size:
        more = stream.recv(size - len(wire))
        if not more:
            raise OSError("ended")
        wire += more
    return wire


def never_answers(stream):
    while stream.recv(4096):
        pass


def closes_at_once(stream):
    stream.close()


def closes_behind_the_query(stream):
    read_query(stream)
    stream.close()


def closes_in_the_middle(stream):
    wire = read_query(stream)
    stream.sendall(struct.pack("!H", len(wire) + 16) + wire[:2] + b"\x81\x80" + wire[4:20])
    stream.close()


def resets(stream):
    read_query(stream)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def stops_in_the_middle(stream):
    wire = read_query(stream)
    stream.sendall(struct.pack("!H", len(wire) + 16) + wire[:2] + b"\x81\x80" + wire[4:20])
    never_answers(stream)


WAYS = [never_answers, closes_at_once, closes_behind_the_query, closes_in_the_middle, stops_in_the_middle, resets]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_query_is_lost_to_an_ill_backend_beside_a_well_one(way):
    with Ill(way) as ill, Responder(address_answer("192.0.2.2")) as well, \
            Proxy('newServer{address="$ill"} newServer{address="$well"} setServerPolicy(roundrobin)',
                  ill=ill.address, well=well.address) as p:
        with p.tcp() as client:
            for i in range(12):
                assert addresses(client.ask(query(f"n{i}.ill.test"))) == ["192.0.2.2"]
        # Its datagrams are well, and go on.
        assert p.command("tostring(getServer(0):isUp())") == "true\n"
        assert {tuple(addresses(p.ask(f"u{i}.ill.test"))) for i in range(4)} == {("192.0.2.1",), ("192.0.2.2",)}
        # Once known, it costs nobody any time: it is asked by checks only.
        before = ill.connections
        for i in range(4):
            assert addresses(p.ask(f"m{i}.ill.test", tcp=True)) == ["192.0.2.2"]
        ill.way = None
        ill.drop_streams()
        wait_until(lambda: addresses(p.ask("again.ill.test", tcp=True)) == ["192.0.2.1"], what="the way back")
        assert ill.connections > before


class Full(Responder):
    """UDP as ever; TCP connections are never established, as behind a filter that drops their packets."""

    def serve_tcp(self):
        self.tcp.listen(0)
        self.waiting = [socket.socket() for _ in range(3)]
        for end in self.waiting:
            end.setblocking(False)
            end.connect_ex((self.host, self.port))

    def close(self):
        super().close()
        for end in self.waiting:
            end.close()


def test_no_query_is_lost_to_a_backend_that_cannot_be_connected_to():
    with Full() as ill, Responder(address_answer("192.0.2.2")) as well, \
            Proxy('newServer{address="$ill"} newServer{address="$well"} setServerPolicy(roundrobin)',
                  ill=ill.address, well=well.address) as p:
        with p.tcp(timeout=4) as client:
            for i in range(12):
                assert addresses(client.ask(query(f"n{i}.full.test"))) == ["192.0.2.2"]
        assert p.command("tostring(getServer(0):isUp())") == "true\n"


def test_many_at_once_beside_a_well_one():
    """A burst of clients, half of which meet a backend that takes connections and says nothing."""
    with Ill(never_answers) as ill, Responder(address_answer("192.0.2.2")) as well, \
            Proxy('newServer{address="$ill"} newServer{address="$well"} setServerPolicy(roundrobin)',
                  ill=ill.address, well=well.address) as p:
        clients = [p.tcp() for _ in range(30)]
        for i, client in enumerate(clients):
            client.send(query(f"c{i}.burst.test"))
        assert [addresses(client.receive()) for client in clients] == [["192.0.2.2"]] * 30
        for client in clients:
            client.close()


def test_alone_it_is_asked_again_until_it_answers():
    """One backend, whose first connections break under the query: the query goes out again."""
    turns = iter([closes_behind_the_query, closes_in_the_middle, resets])

    class Recovers(Ill):
        def serve_stream(self, stream, source):
            self.way = next(turns, None)
            return super().serve_stream(stream, source)
    with Recovers(None) as one, Proxy('newServer{address="$one"}', one=one.address) as p:
        assert addresses(p.ask("alone.ill.test", tcp=True)) == ["192.0.2.1"]
        assert one.connections == 4


def test_one_query_per_connection_is_learnt():
    """A backend that answers one query and closes, whatever else was asked: nothing is lost, and it is then asked so."""
    answered = []

    def one_each(stream):
        wire = read_query(stream)
        with lock:
            answered.append(wire)
        name_end = wire.index(b"\0", 12) + 5
        reply = wire[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + wire[12:name_end] + \
            b"\xc0\x0c\x00\x01\x00\x01" + struct.pack("!IH4B", 60, 4, 192, 0, 2, 3)
        stream.sendall(struct.pack("!H", len(reply)) + reply)
        stream.close()
    lock = threading.Lock()
    with Ill(one_each) as one, Proxy('newServer{address="$one", tcpOnly=true, healthCheckMode="up"}', one=one.address) as p:
        with p.udp() as client:
            for round_ in range(3):
                for i in range(40):
                    client.send(query(f"n{i}-{round_}.single.test"))
                names = set()
                while len(names) < 40:
                    reply = client.receive()
                    assert addresses(reply) == ["192.0.2.3"]
                    names.add(reply.question[0].name)


def test_unless_said_otherwise_a_crowd_shares_connections():
    """Ten connections for many queries; with maxInFlight=1 one each."""
    held = []
    with Responder(lambda asked: held.append(asked)) as one, \
            Proxy('newServer{address="$one", tcpOnly=true, healthCheckMode="up"} '
                  'newServer{address="$one", tcpOnly=true, healthCheckMode="up", maxInFlight=1, pool="single"} '
                  'addAction("single.crowd.test", PoolAction("single"))', one=one.address) as p, p.udp() as client:
        for i in range(60):
            client.send(query(f"n{i}.crowd.test"))
        one.wait_for(lambda me: len(held) == 60)
        assert one.connections <= 10 * len(os.sched_getaffinity(0))
        before = one.connections
        for i in range(25):
            client.send(query(f"n{i}.single.crowd.test"))
        one.wait_for(lambda me: len(held) == 85)
        assert one.connections - before == 25
        for asked in held:
            asked.reply_with(address_answer()(asked).to_wire())
        assert len({client.receive().question[0].name for _ in range(85)}) == 85
