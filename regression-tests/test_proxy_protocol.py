# SPDX-License-Identifier: BSD-2-Clause
"""PROXY protocol v2: from senders in its ACL, towards backends; over UDP and TCP; bad headers."""
import ipaddress
import select
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.rcode
import pytest

from harness import ports
from harness.client import TcpClient, addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, wait_until
from test_load import check_balance

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def header(source="192.0.2.1", destination="192.0.2.99", sport=1234, dport=53, tcp=False, values=(), command=0x21, family=None):
    body = b""
    if command & 0xf:
        packed = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
        body = packed + struct.pack("!HH", sport, dport)
        family = family or ((0x10 if len(packed) == 8 else 0x20) | (1 if tcp else 2))
    for kind, value in values:
        body += struct.pack("!BH", kind, len(value)) + value
    return SIGNATURE + bytes([command, family or 0]) + struct.pack("!H", len(body)) + body


def parse(data):
    """(source, destination, sport, dport, family byte, values), rest"""
    assert data[:12] == SIGNATURE and data[12] in (0x20, 0x21), data[:16]
    size, = struct.unpack("!H", data[14:16])
    body, rest = data[16:16 + size], data[16 + size:]
    if data[12] == 0x20:
        return None, rest
    width = 4 if data[13] & 0xf0 == 0x10 else 16
    source, destination = (str(ipaddress.ip_address(body[i * width:(i + 1) * width])) for i in (0, 1))
    sport, dport = struct.unpack("!HH", body[2 * width:2 * width + 4])
    at, values = 2 * width + 4, []
    while at < size:
        kind, length = struct.unpack("!BH", body[at:at + 3])
        values.append((kind, body[at + 3:at + 3 + length]))
        at += 3 + length
    return (source, destination, sport, dport, data[13], values), rest


# ---- from clients ----

IN = """
newServer{address="$backend", useClientSubnet=false}
setACL({"127.0.0.1/32", "127.0.0.2/32", "192.0.2.0/24", "2001:db8::/32"})
setProxyProtocolACL({"127.0.0.1/32"})
addAction("who.proxy.test", LuaAction(function(dq)
  local values = dq:getProxyProtocolValues()
  local keys = {}
  for k, v in pairs(values) do keys[#keys + 1] = k .. "=" .. v end
  table.sort(keys)
  local text = dq.remoteaddr:toStringWithPort() .. " " .. dq.localaddr:toStringWithPort() .. " " .. table.concat(keys, ";")
  return DNSAction.SpoofRaw, string.char(#text) .. text
end))
addAction(ProxyProtocolValueRule(5), SpoofAction("192.0.2.5"))
addAction(ProxyProtocolValueRule(6, "six"), SpoofAction("192.0.2.6"))
"""


@pytest.fixture(scope="module")
def backend():
    with Responder(address_answer("192.0.2.80")) as responder:
        yield responder


@pytest.fixture(scope="module")
def p(backend):
    with Proxy(IN, backend=backend.address) as proxy:
        yield proxy


class Udp:
    def __init__(self, p):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.connect(p.address if isinstance(p.address, tuple) else tuple(p.udp().socket.getpeername()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, head, message):
        self.socket.send(head + message.to_wire())
        return dns.message.from_wire(self.socket.recv(65535))


def text_of(answer):
    return answer.answer[0][0].strings[0].decode()


CASES = [
    (header(), "192.0.2.1:1234 192.0.2.99:53 "),
    (header("2001:db8::1", "2001:db8::2", 7, 8), "[2001:db8::1]:7 [2001:db8::2]:8 "),
    (header(values=[(1, b"one"), (240, b"x" * 9)]), "192.0.2.1:1234 192.0.2.99:53 1=one;240=xxxxxxxxx"),
    (header(values=[(1, b"")]), "192.0.2.1:1234 192.0.2.99:53 1="),
    (header(tcp=True), "192.0.2.1:1234 192.0.2.99:53 "),
]


@pytest.mark.parametrize("head,expected", CASES)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_client_is_who_the_header_says(p, head, expected, transport):
    if transport == "udp":
        with Udp(p) as end:
            assert text_of(end.ask(head, query("who.proxy.test", "TXT"))) == expected
    else:
        with p.tcp() as end:
            end.socket.sendall(head)
            for _ in range(3):  # once per connection, for all of its queries
                assert text_of(end.ask(query("who.proxy.test", "TXT"))) == expected


def test_local_headers_leave_the_connection_as_it_is(p):
    with Udp(p) as end:
        assert text_of(end.ask(header(command=0x20), query("who.proxy.test", "TXT"))).startswith("127.0.0.1:")
    with p.tcp() as end:
        end.socket.sendall(header(command=0x20))
        assert text_of(end.ask(query("who.proxy.test", "TXT"))).startswith("127.0.0.1:")


def test_a_header_in_pieces(p):
    message = query("who.proxy.test", "TXT").to_wire()
    stream = header(values=[(1, b"one")]) + struct.pack("!H", len(message)) + message
    with p.tcp() as end:
        for byte in stream:
            end.socket.sendall(bytes([byte]))
        assert text_of(end.receive()) == "192.0.2.1:1234 192.0.2.99:53 1=one"
        end.socket.sendall(stream[-len(message) - 2:] * 2)
        assert text_of(end.receive()) == text_of(end.receive())


def test_rules_see_values(p):
    with Udp(p) as end:
        assert addresses(end.ask(header(values=[(5, b"any")]), query("a.proxy.test"))) == ["192.0.2.5"]
        assert addresses(end.ask(header(values=[(6, b"six")]), query("a.proxy.test"))) == ["192.0.2.6"]
        assert addresses(end.ask(header(values=[(6, b"seven")]), query("a.proxy.test"))) == ["192.0.2.80"]
    assert "proxy protocol value of type 6 matches" in p.command("showRules()")


BAD = {
    "none": b"",
    "version 1": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "signature": b"\r\n\r\n\0\r\nQUIT!" + header()[12:],
    "version": header(command=0x31),
    "command": header(command=0x2f, family=0x12),
    "unix": header(family=0x31),
    "unspecified": header(family=0x03),
    "short": SIGNATURE + b"\x21\x12\0\x08" + b"\0" * 8,
    "cut value": SIGNATURE + b"\x21\x12\0\x0e" + b"\0" * 12 + b"\1\0",
    "long value": SIGNATURE + b"\x21\x12\0\x10" + b"\0" * 12 + b"\1\0\xff\0",
    "too long": header(values=[(1, b"x" * 600)]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_headers_are_dropped_and_counted(p, name):
    before = p.counters()["proxy-protocol-invalid"]
    good = header() + query("who.proxy.test", "TXT").to_wire()
    with Udp(p) as end:
        end.socket.send(BAD[name] + query("a.proxy.test").to_wire())
        end.socket.send(good)
        assert text_of(dns.message.from_wire(end.socket.recv(65535))).startswith("192.0.2.1:1234")
    assert p.counters()["proxy-protocol-invalid"] == before + 1
    with p.tcp() as end:
        message = query("a.proxy.test").to_wire()
        end.socket.sendall(BAD[name] + struct.pack("!H", len(message)) + message + b"\0" * 16)
        assert end.at_end()
    wait_until(lambda: p.counters()["proxy-protocol-invalid"] == before + 2, 10, "the counter")
    check_balance(p)


def test_short_rests_are_malformed(p):
    before = p.drops()["malformed"]
    with Udp(p) as end:
        end.socket.send(header() + b"\0" * 11)
        assert text_of(end.ask(header(), query("who.proxy.test", "TXT")))
    assert p.drops()["malformed"] == before + 1


def test_who_is_not_in_the_proxy_acl_sends_none(p):
    """Over UDP the ACL counts: 127.0.0.3 is in none; 127.0.0.2 is a plain client whose header is no query."""
    with p.udp(source="127.0.0.2") as end:
        assert text_of(end.ask(query("who.proxy.test", "TXT"))).startswith("127.0.0.2:")
        end.send_and_expect_nothing(header() + query("a.proxy.test").to_wire(), query("who.proxy.test", "TXT"))
    before = p.drops()["acl"]
    with p.udp(source="127.0.0.3") as end:
        end.send(header() + query("a.proxy.test").to_wire())
        wait_until(lambda: p.drops()["acl"] == before + 1, 10, "the drop")


def test_the_acl_for_those_behind():
    config = IN + 'setACL({"127.0.0.0/8", "192.0.2.0/24"}) setProxyProtocolApplyACLToProxiedClients(true)'
    with Responder(address_answer("192.0.2.80")) as backend, Proxy(config, backend=backend.address) as p:
        with Udp(p) as end:
            end.socket.send(header("198.51.100.1") + query("a.proxy.test").to_wire())
            assert text_of(end.ask(header(), query("who.proxy.test", "TXT"))).startswith("192.0.2.1:")
        assert p.counters()["acl-drops"] == 1
        with p.tcp() as end:
            end.socket.sendall(header("198.51.100.1"))
            assert end.at_end()
        with p.tcp() as end:
            end.socket.sendall(header())
            assert text_of(end.ask(query("who.proxy.test", "TXT"))).startswith("192.0.2.1:")
        check_balance(p)


def test_a_listener_without_and_a_larger_maximum():
    config = IN + 'setACL({"127.0.0.0/8"}) setProxyProtocolMaximumPayloadSize(2000) addLocal("127.0.0.1:$second", {enableProxyProtocol=false})'
    from harness import ports
    second = ports.free_port()
    with Responder(address_answer("192.0.2.80")) as backend, Proxy(config, backend=backend.address, second=second) as p:
        with Udp(p) as end:
            got = text_of(end.ask(header(values=[(1, b"x" * 100)]), query("who.proxy.test", "TXT")))
            assert got.endswith("1=" + "x" * 100)
            assert addresses(end.ask(header(values=[(2, b"y" * 1900)]), query("a.proxy.test"))) == ["192.0.2.80"]
        with TcpClient(("127.0.0.1", second)) as end:
            assert text_of(end.ask(query("who.proxy.test", "TXT"))).startswith("127.0.0.1:")


def test_connections_that_never_send_their_header(p):
    ends = [p.tcp() for _ in range(5)]
    ends[0].socket.sendall(SIGNATURE[:5])
    ends[1].close()
    for end in ends[2:]:
        assert end.at_end()  # after the read time-out


def test_a_header_that_comes_drop_by_drop_has_no_more_time(p):
    with p.tcp() as end:
        head = SIGNATURE + b"\x21\x11" + struct.pack("!H", 400)
        gone = False
        for byte in head + bytes(40):
            try:
                end.socket.sendall(bytes([byte]))
                gone = bool(select.select([end.socket], [], [], 0.1)[0])
            except OSError:
                gone = True
            if gone:
                break
        assert gone, "every byte bought it another time-out"


# ---- to backends ----

class Listening:
    """A DNS server that wants a PROXY header: one per datagram, one per connection. Keeps what it was told."""

    def __init__(self):
        port = ports.free_port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", port))
        self.tcp = socket.create_server(("127.0.0.1", port))
        self.address = "127.0.0.1:%d" % self.udp.getsockname()[1]
        self.told, self.checks, self.connections = [], 0, 0
        for target in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=target, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.udp.close()
        self.tcp.close()

    def answer(self, told, wire):
        asked = dns.message.from_wire(wire)
        if told is None:
            self.checks += 1
        else:
            self.told.append((str(asked.question[0].name), told))
        made = dns.message.make_response(asked)
        made.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "A", "192.0.2.80"))
        return made.to_wire()

    def serve_udp(self):
        while True:
            try:
                data, source = self.udp.recvfrom(65535)
            except OSError:
                return
            told, wire = parse(data)
            self.udp.sendto(self.answer(told, wire), source)

    def serve_tcp(self):
        while True:
            try:
                stream, _ = self.tcp.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve_stream, args=(stream,), daemon=True).start()

    def serve_stream(self, stream):
        with stream, stream.makefile("rb") as reader:
            head = reader.read(16)
            told, _ = parse(head + reader.read(struct.unpack("!H", head[14:16])[0]))
            while len(size := reader.read(2)) == 2:
                wire = self.answer(told, reader.read(struct.unpack("!H", size)[0]))
                stream.sendall(struct.pack("!H", len(wire)) + wire)

    def of(self, name):
        return [told for asked, told in self.told if asked == name]


OUT = """
newServer{address="$backend", useProxyProtocol=true, name="one"}
setProxyProtocolACL({"127.0.0.5/32"})
addAction("values.proxy.test", SetProxyProtocolValuesAction({[3]="three", [1]="one"}))
addAction("add.proxy.test", SetAdditionalProxyProtocolValueAction(9, "nine"))
addAction("toolarge.proxy.test", SetProxyProtocolValuesAction({[1]=string.rep("x", 65535), [2]="two"}))
addAction("large.proxy.test", SetProxyProtocolValuesAction({[1]="one", [2]=string.rep("x", 65000)}))
addAction("lua.proxy.test", LuaAction(function(dq)
  dq:setProxyProtocolValues({[4]="four"}) dq:addProxyProtocolValue(8, "a\\0b") return DNSAction.None end))
"""


@pytest.fixture(scope="module")
def listening():
    with Listening() as server:
        yield server


@pytest.fixture(scope="module")
def out(listening):
    with Proxy(OUT, backend=listening.address) as proxy:
        yield proxy


def test_health_checks_say_local(listening, out):
    assert listening.checks >= 1


@pytest.mark.parametrize("name,values", [("plain.proxy.test.", []), ("values.proxy.test.", [(1, b"one"), (3, b"three")]),
                                         ("add.proxy.test.", [(9, b"nine")]), ("lua.proxy.test.", [(4, b"four"), (8, b"a\0b")])])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_backends_are_told_who_asks(listening, out, name, values, transport):
    with getattr(out, transport)() as end:
        mine, theirs = end.socket.getsockname(), end.socket.getpeername()
        assert addresses(end.ask(query(name))) == ["192.0.2.80"]
    family = 0x11 if transport == "tcp" else 0x12
    assert listening.of(name)[-1] == (mine[0], theirs[0], mine[1], theirs[1], family, values)


@pytest.mark.parametrize("name,transport,values", [("toolarge.proxy.test.", "udp", [(2, b"two")]),
                                                   ("toolarge.proxy.test.", "tcp", [(2, b"two")]),
                                                   ("large.proxy.test.", "tcp", [(1, b"one"), (2, b"x" * 65000)])])
def test_a_value_that_no_header_holds_is_left_out(listening, out, name, transport, values):
    """The others go along, and no query goes without its header."""
    with getattr(out, transport)() as end:
        assert addresses(end.ask(query(name))) == ["192.0.2.80"]
    assert listening.of(name)[-1][5] == values


def test_received_values_go_on(listening, out):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.settimeout(20)
    end.bind(("127.0.0.5", 0))
    with end, out.udp() as other:
        end.connect(other.socket.getpeername())
        end.send(header(values=[(7, b"seven")]) + query("add.proxy.test").to_wire())
        assert end.recv(65535)
    assert listening.of("add.proxy.test.")[-1] == ("192.0.2.1", "192.0.2.99", 1234, 53, 0x12, [(7, b"seven"), (9, b"nine")])


def test_connections_are_of_one_client(listening, out):
    before = listening.connections
    with out.tcp() as one, out.tcp() as other:
        for _ in range(3):
            assert one.ask(query("reuse.proxy.test")).answer
        assert listening.connections == before + 1
        assert other.ask(query("reuse.proxy.test")).answer
        assert listening.connections == before + 2
        assert one.ask(query("add.proxy.test")).answer  # another value: another connection
        assert listening.connections == before + 3
        assert one.ask(query("reuse.proxy.test")).answer
        assert listening.connections == before + 3
    check_balance(out)


def test_every_client_finds_its_connection_again(listening):
    """However many there are: the lists are enlarged on the way, and nobody is given another one's."""
    clients = 150
    with Proxy("setMaxCachedTCPConnectionsPerDownstream(1000)" + OUT, backend=listening.address, arguments=("--workers", "1")) as p:
        before, ends = listening.connections, [p.tcp() for _ in range(clients)]
        for turn in range(3):
            for number, end in enumerate(ends):
                name = f"c{number}-{turn}.again.test."
                assert end.ask(query(name)).answer
                (told,) = listening.of(name)
                assert told[:1] + (told[2],) == end.socket.getsockname()
            assert listening.connections == before + clients
        for end in ends:
            end.__exit__(None, None, None)
        check_balance(p)


@pytest.mark.concurrent
def test_many_clients_at_once(listening, out):
    wrong = []

    def client(number):
        for turn in range(20):
            name = f"n{number}-{turn}.many.test."
            with (out.tcp if number % 2 else out.udp)() as end:
                mine = end.socket.getsockname()
                end.ask(query(name))
            if listening.of(name)[0][:1] + (listening.of(name)[0][2],) != mine:
                wrong.append((name, listening.of(name), mine))
    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    check_balance(out)
