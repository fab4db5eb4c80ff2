# SPDX-License-Identifier: BSD-2-Clause
"""Bad packets from clients: dropped or refused as the dialect says, counted, and nothing else suffers."""
import os
import random
import socket
import struct

import dns.flags
import dns.opcode
import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer

HEADER = struct.Struct("!HHHHHH")


def message(name=b"\x03www\x09malformed\x04test\x00", flags=0x0100, counts=(1, 0, 0, 0), tail=b"\x00\x01\x00\x01"):
    return HEADER.pack(4242, flags, *counts) + name + tail


# name: (bytes, counter that must grow or None)
DROPPED = {
    "empty": (b"", None),
    "one byte": (b"x", "noncompliant-queries"),
    "eleven bytes": (message()[:11], "noncompliant-queries"),
    "answer, not query": (message(flags=0x8180), "noncompliant-queries"),
    "header alone, one question announced": (message()[:12], None),
    "name cut": (message()[:20], None),
    "no type and class": (message(tail=b""), None),
    "no class": (message(tail=b"\x00\x01"), None),
    "label type 01": (message(name=b"\x41" + b"a" * 65 + b"\x00"), None),
    "label type 10": (message(name=b"\x81a\x00"), None),
    "pointer to itself": (message(name=b"\xc0\x0c"), None),
    "pointer forward": (message(name=b"\xc0\xff"), None),
    "pointer cut": (message()[:12] + b"\xc0", None),
    "name over 255 bytes": (message(name=(b"\x3f" + b"a" * 63) * 4 + b"\x01a\x00"), None),
    "name without an end": (message(name=b"\x3f" + b"a" * 40, tail=b""), None),
}


@pytest.fixture(scope="module")
def p():
    config = """
        newServer("$backend")
        getPool(""):setCache(newPacketCache(100))
        addAction(RDRule(), NoneAction())
        addAction(QTypeRule("A"), NoneAction())
        addAction("malformed.test", NoneAction())
    """
    with Responder() as backend, Proxy(config, backend=backend.address) as proxy:
        proxy.backend = backend
        yield proxy


@pytest.mark.parametrize("kind", DROPPED)
def test_dropped_over_udp(p, kind):
    wire, counter = DROPPED[kind]
    before = p.counters()
    with p.udp() as end:
        end.send_and_expect_nothing(wire, query("barrier.malformed.test"))
    if counter:
        assert p.counters()[counter] - before[counter] == 1


@pytest.mark.parametrize("kind", [kind for kind in DROPPED if kind != "empty"])
def test_closes_over_tcp(p, kind):
    with p.tcp() as end:
        end.send(DROPPED[kind][0])
        assert end.at_end()
    assert addresses(p.ask("after.malformed.test")) == ["192.0.2.1"]


def test_every_drop_has_a_reason(p):
    """The sum over all reasons grows by one per malformed packet."""
    before = p.drops()
    sent = [wire for wire, _ in DROPPED.values() if wire]
    with p.udp() as end:
        for wire in sent:
            end.send(wire)
        end.ask(query("barrier.malformed.test"))
    after = p.drops()
    assert sum(after.values()) - sum(before.values()) == len(sent)


def test_no_question_is_not_implemented(p):
    before = p.counters()
    with p.udp() as end:
        end.send(HEADER.pack(99, 0x0100, 0, 0, 0, 0))
        reply = end.receive()
    assert reply.id == 99 and reply.rcode() == dns.rcode.NOTIMP and reply.flags & dns.flags.QR
    assert p.counters()["empty-queries"] - before["empty-queries"] == 1


def test_no_question_dropped_when_told_so(p):
    p.command("setDropEmptyQueries(true)")
    with p.udp() as end:
        end.send_and_expect_nothing(HEADER.pack(99, 0x0100, 0, 0, 0, 0), query("barrier.malformed.test"))
    p.command("setDropEmptyQueries(false)")


@pytest.mark.parametrize("opcode", ["STATUS", "NOTIFY", "UPDATE"])
def test_other_opcodes_are_forwarded(p, opcode):
    unusual = query(f"{opcode}.malformed.test", "SOA")
    unusual.set_opcode(dns.opcode.from_text(opcode))
    with p.udp() as end:
        end.send(unusual)
        end.receive()
    assert p.backend.asked_for(f"{opcode}.malformed.test")


def test_root_and_longest_name(p):
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    for name in (".", longest):
        assert addresses(p.ask(name)) == ["192.0.2.1"]


def test_binary_labels(p):
    name = b"\x04\x00\xff.\\\x04test\x00"
    with p.udp() as end:
        end.send(message(name=name))
        assert end.receive().id == 4242


def test_damaged_edns(p):
    """The question is sound, so such queries may be answered; they must not do harm."""
    opt = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00"
    for tail in (opt, opt + b"\x00", opt + b"\xff\xff", opt + b"\x00\x04\x00\x08", opt + b"\x00\x08\x00\x0a\xff\xff1234",
                 opt + b"\x00\x00" + opt + b"\x00\x00"):
        with p.udp() as end:
            end.send(message(counts=(1, 0, 0, 1), tail=b"\x00\x01\x00\x01" + tail))
            end.send(query("barrier.malformed.test", id=1))
            while end.receive_wire()[:2] != b"\x00\x01":
                pass


def test_random_bytes(p):
    """A fixed seed; every datagram is followed by a sound query now and then, which must be answered."""
    chance = random.Random(5)
    with p.udp() as end:
        for turn in range(1000):
            wire = bytearray(message())
            for _ in range(chance.randrange(1, 8)):
                wire[chance.randrange(len(wire))] = chance.randrange(256)
            end.send(bytes(wire[:chance.randrange(len(wire) + 1)]))
            if turn % 50 == 0:
                end.send(query("barrier.malformed.test", id=7))
                while end.receive_wire()[:2] != b"\x00\x07":
                    pass


def test_bad_answers_from_the_backend(p):
    """Random bytes under the right id: counted or passed on, and the next query is served."""
    chance = random.Random(6)

    def broken(asked):
        if not asked.name.startswith("broken"):
            return answer(asked, "60 A 192.0.2.1")
        wire = bytearray(asked.wire + bytes(chance.randrange(256) for _ in range(chance.randrange(60))))
        wire[2] |= 0x80
        wire[6:12] = bytes(chance.randrange(4) for _ in range(6))
        return bytes(wire)
    with Responder(broken) as backend:
        config = 'newServer{address="$backend", udpTimeout=1} getPool(""):setCache(newPacketCache(100))'
        with Proxy(config, backend=backend.address) as broken_proxy, broken_proxy.udp() as end:
            for number in range(100):
                end.send(query(f"broken-{number}.malformed.test", id=1))
            end.send(query("sound.malformed.test", id=2))
            while end.receive_wire()[:2] != b"\x00\x02":
                pass


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a raw socket")
def test_source_port_zero(p):
    """No answer can reach it: dropped and counted, and the next client is answered."""
    before = p.drops().get("source-port", 0)
    wire = message()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        for _ in range(3):
            raw.sendto(struct.pack("!4H", 0, p.address[1], 8 + len(wire), 0) + wire, ("127.0.0.1", 0))
    assert p.ask("after.malformed.test") is not None
    assert p.drops()["source-port"] == before + 3
