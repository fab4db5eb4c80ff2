# SPDX-License-Identifier: BSD-2-Clause
"""Queries go to a backend and come back: ids, casing, EDNS, sizes, both transports, both families, wrong answers."""
import struct

import dns.flags
import dns.message
import pytest

from harness.client import UdpClient, addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer


def handle(asked):
    """What the backend does is in the first label of the name."""
    word = asked.name.split(".")[0]
    right = answer(asked, "3600 A 192.0.2.1")
    wire = bytearray(right.to_wire())
    if word == "wrong-id":
        wire[0] ^= 0x55
        return [bytes(wire), right]
    if word == "wrong-name":
        return [spoofed(asked, "other.forward.test.", asked.type), right]
    if word == "wrong-type":
        return [spoofed(asked, asked.name, "AAAA"), right]
    if word == "not-answer":
        wire[2] &= 0x7F
        return [bytes(wire), right]
    if word == "short":
        return [bytes(wire[:11]), right]
    if word == "twice":
        return [right, right]
    if word == "silent":
        return None
    if word == "big":
        records = [f'60 TXT "{number:04} {"y" * 200}"' for number in range(5)]
        return answer(asked, *records)
    if word == "truncated" and asked.protocol == "udp":
        return answer(asked, flags=["TC"])
    if word == "nxdomain":
        return answer(asked, rcode="NXDOMAIN")
    if word == "lower":
        return bytes(wire).replace(b"\x05LoWeR", b"\x05lower")
    return right


def spoofed(asked, name, qtype):
    fake = dns.message.make_query(name, qtype, id=asked.message.id)
    fake.flags |= dns.flags.QR
    return fake.to_wire()


@pytest.fixture(scope="module")
def server():
    with Responder(handle) as responder:
        yield responder


@pytest.fixture(scope="module")
def p(server):
    config = 'newServer{address="$backend", name="one"}\nsetMaxUDPOutstanding(5000)\n'
    with Proxy(config, backend=server.address) as proxy:
        yield proxy


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_answer_comes_back(p, tcp):
    message = query("www.forward.test", id=4711)
    with (p.tcp() if tcp else p.udp()) as end:
        reply = end.ask(message)
    assert reply.id == 4711 and reply.question == message.question
    assert addresses(reply) == ["192.0.2.1"]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_transport_is_kept(p, server, tcp):
    name = f"transport-{tcp}.forward.test"
    p.ask(name, tcp=tcp)
    assert [asked.protocol for asked in server.asked_for(name)] == ["tcp" if tcp else "udp"]


def test_flags_go_through(p, server):
    """RD and CD arrive as sent and come back as sent."""
    for rd in (True, False):
        for cd in (True, False):
            name = f"flags-{rd}-{cd}.forward.test"
            reply = p.ask(name, rd=rd, cd=cd)
            seen = server.asked_for(name)[0].message
            assert bool(seen.flags & dns.flags.RD) is rd and bool(seen.flags & dns.flags.CD) is cd
            assert bool(reply.flags & dns.flags.RD) is rd


def test_edns_goes_through_unchanged(p, server):
    p.ask("edns.forward.test", edns=1400, do=True)
    seen = server.asked_for("edns.forward.test")[0].message
    assert seen.edns == 0 and seen.payload == 1400 and seen.ednsflags & dns.flags.DO
    p.ask("no-edns.forward.test")
    assert server.asked_for("no-edns.forward.test")[0].message.edns == -1


def test_casing_of_the_question_reaches_the_backend(p, server):
    reply = p.ask("MiXeD.Forward.TEST")
    assert server.asked_for("mixed.forward.test")[-1].message.question[0].name.to_text() == "MiXeD.Forward.TEST."
    assert reply.question[0].name.to_text() == "MiXeD.Forward.TEST."


@pytest.mark.parametrize("word", ["wrong-id", "wrong-name", "wrong-type", "not-answer", "short"])
def test_a_false_answer_does_not_hide_the_right_one(p, word):
    assert addresses(p.ask(f"{word}.forward.test")) == ["192.0.2.1"]


def test_a_second_answer_is_ignored(p):
    with p.udp() as end:
        end.ask(query("twice.forward.test"))
        follower = query("follower.forward.test")
        assert end.ask(follower).id == follower.id


def test_rcode_goes_through(p):
    assert p.ask("nxdomain.forward.test").rcode() == dns.rcode.NXDOMAIN


def test_truncated_answer_goes_through_and_tcp_gets_the_whole(p):
    assert p.ask("truncated.forward.test").flags & dns.flags.TC
    reply = p.ask("truncated.forward.test", tcp=True)
    assert not reply.flags & dns.flags.TC and addresses(reply)


def test_big_answer_over_tcp(p):
    reply = p.ask("big.forward.test", "TXT", tcp=True)
    assert sum(len(rrset) for rrset in reply.answer) == 5


def test_many_queries_on_one_socket(p):
    """A burst on one socket: every query gets its own answer."""
    wanted = {number: f"burst-{number}.forward.test." for number in range(1, 201)}
    with p.udp() as end:
        for number, name in wanted.items():
            end.send(query(name, id=number))
        for _ in range(len(wanted)):
            reply = end.receive()
            assert reply.question[0].name.to_text() == wanted.pop(reply.id)
    assert not wanted


@pytest.mark.concurrent
def test_many_clients(p):
    """Many sockets, hence many workers: answers go only to those who asked."""
    ends = [UdpClient(p.address) for _ in range(100)]
    try:
        for turn in range(10):
            for number, end in enumerate(ends):
                end.send(query(f"c{number}-{turn}.forward.test", id=7))
            for number, end in enumerate(ends):
                assert end.receive().question[0].name.to_text() == f"c{number}-{turn}.forward.test."
    finally:
        for end in ends:
            end.socket.close()


def test_source_ports_and_ids_towards_the_backend_are_not_those_of_the_client(p, server):
    for number in range(20):
        p.ask(f"random-{number}.forward.test", id=1)
    ids = {server.asked_for(f"random-{number}.forward.test")[0].message.id for number in range(20)}
    assert len(ids) > 10


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_answers_leave_from_the_address_they_were_sent_to(server, address):
    with Proxy('newServer("$backend")', backend=server.address, listen="0.0.0.0") as any_address:
        with UdpClient((address, any_address.address[1])) as end:
            assert addresses(end.ask(query("local.forward.test"))) == ["192.0.2.1"]


def test_ipv6_listener_and_backend():
    with Responder(handle, host="::1") as server6:
        with Proxy('newServer("$backend")', backend=server6.address, listen="::1") as proxy6:
            assert addresses(proxy6.ask("six.forward.test")) == ["192.0.2.1"]
            assert addresses(proxy6.ask("six.forward.test", tcp=True)) == ["192.0.2.1"]


def test_tcp_only_backend_serves_udp_clients(server):
    config = 'newServer{address="$backend", tcpOnly=true}'
    with Proxy(config, backend=server.address) as tcp_only:
        assert addresses(tcp_only.ask("tcponly.forward.test")) == ["192.0.2.1"]
        assert [asked.protocol for asked in server.asked_for("tcponly.forward.test")] == ["tcp"]
        reply = tcp_only.ask("big.forward.test", "TXT")
        assert reply.flags & dns.flags.TC and not reply.answer, "too big for 512 bytes"
        assert not tcp_only.ask("big.forward.test", "TXT", edns=4096).flags & dns.flags.TC


def test_several_sockets_per_backend(server):
    with Proxy('newServer{address="$backend", sockets=8}', backend=server.address) as several:
        for number in range(40):
            several.ask(f"sockets-{number}.forward.test")
        used = {server.asked_for(f"sockets-{number}.forward.test")[0].source for number in range(40)}
        assert len(used) > 1


def test_source_address_towards_the_backend(server):
    with Proxy('newServer{address="$backend", source="127.0.0.7"}', backend=server.address) as from_seven:
        from_seven.ask("source.forward.test")
        from_seven.ask("source.forward.test", tcp=True)
    assert {asked.source[0] for asked in server.asked_for("source.forward.test")} == {"127.0.0.7"}


def test_real_server(knot):
    with Proxy('newServer{address="$backend", checkName="zone.test", mustResolve=true}',
               backend=knot.address) as real:
        assert addresses(real.ask("www.zone.test")) == ["192.0.2.80"]
        assert addresses(real.ask("www.zone.test", "AAAA", tcp=True)) == ["2001:db8::80"]
        assert real.ask("none.zone.test").rcode() == dns.rcode.NXDOMAIN
        assert addresses(real.ask("alias.zone.test")) == ["192.0.2.80"]
        assert real.ask("big.zone.test", "TXT").flags & dns.flags.TC
        assert len(real.ask("big.zone.test", "TXT", tcp=True).answer[0]) == 40
        assert real.ask("zone.test", "SOA", edns=1232).edns == 0


def test_zone_transfer_through_the_proxy(knot):
    with Proxy('newServer{address="$backend", checkName="zone.test"}', backend=knot.address) as real:
        with real.tcp() as end:
            end.send(query("zone.test", "AXFR", rd=False))
            soas = records = 0  # the transfer begins and ends with the SOA
            while soas < 2:
                for rrset in end.receive(one_rr_per_rrset=True).answer:
                    records += len(rrset)
                    soas += rrset.rdtype == dns.rdatatype.SOA
            assert records > 40


def test_positional_backend_and_local_option(server):
    from harness import ports
    port = ports.free_port()
    with Proxy("", listen=None, arguments=["-l", f"127.0.0.1:{port}", server.address]) as plain:
        with UdpClient(("127.0.0.1", port)) as end:
            assert addresses(end.ask(query("positional.forward.test"))) == ["192.0.2.1"]
        assert server.address in plain.command("showServers()")


def test_query_with_trailing_bytes_is_forwarded(p):
    with p.udp() as end:
        reply = end.ask(query("trailing.forward.test").to_wire() + struct.pack("!I", 0xDEADBEEF))
    assert addresses(reply) == ["192.0.2.1"]
