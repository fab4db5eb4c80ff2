# SPDX-License-Identifier: BSD-2-Clause
"""Client subnet: what backends are sent byte by byte, what clients get back, which answers the cache gives to whom."""
import os
import struct
import subprocess
import sys

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer

ECS, COOKIE, NSID = 8, 10, 3
COOKIE_OPTION = dns.edns.GenericOption(COOKIE, b"01234567")
LOCAL_24 = b"\0\1\x18\0\x7f\0\0"  # 127.0.0.0/24
V6_56 = b"\0\2\x38\0" + bytes(7)    # ::/56
OPT_512 = b"\0\0\x29\2\0\0\0\0\0"   # without the size of its options
FAR = dns.edns.ECSOption("198.51.100.0", 24, 0)
FAR_BYTES = b"\0\1\x18\0\xc6\x33\x64"


def option(code, data):
    return struct.pack("!HH", code, len(data)) + data


def opt_with(*options):
    data = b"".join(options)
    return OPT_512 + struct.pack("!H", len(data)) + data


def counts_of(wire):
    return struct.unpack_from("!4H", wire, 4)


def with_counts(wire, *counts):
    return wire[:4] + struct.pack("!4H", *counts) + wire[12:]


def options_of(message, code=ECS):
    return [o.to_wire() if not isinstance(o, dns.edns.GenericOption) else o.data
            for o in message.options if o.otype == code]


def scoped(asked, scope, *extra):
    """An answer with an OPT that has the subnet asked for with this scope, behind and before other options."""
    reply = answer(asked, "3600 A 192.0.2.1", edns=1232)
    subnet = [dns.edns.ECSOption(o.address, o.srclen, scope) for o in asked.message.options if o.otype == ECS]
    reply.use_edns(0, asked.message.ednsflags & dns.flags.DO, 1232, options=[*extra, *subnet])
    return reply


def handle(asked):
    word = asked.name.split(".")[0].split("-")[0]
    if word == "noopt":
        return without_opt(asked)
    if word == "all":
        return scoped(asked, 0)
    if word == "part":
        return scoped(asked, 24)
    if word == "cookie":
        return scoped(asked, 24, COOKIE_OPTION, dns.edns.GenericOption(NSID, b"ns1"))
    if word == "middle":
        return opt_in_the_middle(scoped(asked, 24, COOKIE_OPTION))
    if word == "broken":
        return scoped(asked, 0).to_wire()[:-1]
    if word == "tc":
        reply = scoped(asked, 24)
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        return reply
    if word == "large":
        return answer(asked, *[f"3600 A 192.0.2.{number}" for number in range(50)], edns=1232)
    if word == "plain":
        return answer(asked, "3600 A 192.0.2.1", edns=1232)  # an OPT, but no subnet in it
    return scoped(asked, 24)


def without_opt(asked):
    reply = answer(asked, "3600 A 192.0.2.1")
    reply.use_edns(False)
    return reply


def opt_in_the_middle(reply):
    """The OPT before two address records, whose owners point behind it."""
    wire = reply.to_wire()
    extra = b"\2ns\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + b"\xc0\0\2\x35"
    again = struct.pack("!H", 0xc000 | len(wire)) + struct.pack("!HHIH", 28, 1, 60, 16) + bytes(15) + b"\1"
    wire = wire + extra + again
    questions, answers, authorities, additional = counts_of(wire)
    return with_counts(wire, questions, answers, authorities, additional + 2)


@pytest.fixture(scope="module")
def server():
    with Responder(handle) as responder:
        yield responder


@pytest.fixture(scope="module")
def server6():
    with Responder(handle) as responder:
        yield responder


CONFIG = """
    newServer{address="$backend", useClientSubnet=true}
    newServer{address="$backend", useClientSubnet=true, pool={"cached", "other"}}
    newServer{address="$backend", useClientSubnet=true, disableZeroScope=true, pool="noscope"}
    newServer{address="$backend", pool="without"}
    newServer{address="$backend", useClientSubnet=true, tcpOnly=true, pool="stream"}
    pc = newPacketCache(1000, {parseECS=true})
    getPool("cached"):setCache(pc)
    getPool("noscope"):setCache(newPacketCache(1000, {parseECS=true}))
    getPool("other"):setCache(newPacketCache(1000))
    getPool("stream"):setCache(newPacketCache(1000, {parseECS=true, truncatedTTL=3600}))
    for _, name in ipairs({"cached", "noscope", "other", "without", "stream"}) do
      addAction(name .. ".test", PoolAction(name, false))
    end
    addAction("override.test", SetECSOverrideAction(true))
    addAction("keep.test", SetECSOverrideAction(false))
    addAction("disable.test", SetDisableECSAction())
    addAction("prefix.test", SetECSPrefixLengthAction(20, 44))
    addAction("whole.test", SetECSPrefixLengthAction(32, 128))
    addAction("none.test", SetECSPrefixLengthAction(0, 0))
    addAction("given.test", SetECSAction("203.0.113.77/25", "2001:db8:1:2::/60"))
    addAction("alone.test", SetECSAction("2001:db8:ffff:ffff::/33"))
    addAction("option.test", SetEDNSOptionAction(NSID, "xx"))
    addAction("mac.test", SetMacAddrAction(65001))
    addAction("script.test", LuaAction(function(dq)
      seen = string.format("%s %s %d", dq.useECS, dq.ecsOverride, dq.ecsPrefixLength)
      dq.ecsOverride = true
      dq.ecsPrefixLength = 9
      return DNSAction.None
    end))
    addAction("noscript.test", LuaAction(function(dq) dq.useECS = false return DNSAction.None end))
    addAction("again.test", LuaAction(function(dq) dq:setRestartable() return DNSAction.None end))
    addResponseAction("again.test", LuaResponseAction(function(dr)
      if dr.pool ~= "without" then
        dr.pool = "without"
        dr:restart()
      end
      return DNSResponseAction.None
    end))
    addAction("refused.test", RCodeAction(DNSRCode.REFUSED))
    addCacheMissAction("miss.cached.test", RCodeAction(DNSRCode.REFUSED))
""".replace("NSID", str(NSID))


@pytest.fixture(scope="module")
def p(server):
    with Proxy(CONFIG, backend=server.address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def p6(server6):
    with Proxy(CONFIG, backend=server6.address, listen="::1") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def p_of_broken():
    """In front of a backend that complains about what it cannot read, and the list of what that was."""
    seen = []

    def complain(wire):
        seen.append(wire)
        return wire[:2] + b"\x81\x81" + bytes(8)
    with Responder(handle, unreadable=complain) as server, Proxy(CONFIG, backend=server.address) as proxy:
        yield proxy, seen


def exchange(p, server, message, tcp=False):
    """What the backend got and what the client got, as bytes."""
    wire = message if isinstance(message, bytes) else message.to_wire()
    before = len(server.queries)
    with (p.tcp() if tcp else p.udp()) as end:
        end.send(wire)
        reply = end.receive_wire()
    assert len(server.queries) == before + 1
    asked = server.queries[-1].wire
    assert reply[:2] == wire[:2]
    return wire[:2] + asked[2:], reply


BOTH = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])


# --- on the way to the backend

@BOTH
def test_query_without_opt(p, server, tcp):
    """An OPT of 512 bytes comes with the subnet, and is gone from the answer."""
    sent = query("noedns.test").to_wire()
    asked, reply = exchange(p, server, sent, tcp)
    assert asked == with_counts(sent, 1, 0, 0, 1) + opt_with(option(ECS, LOCAL_24))
    assert dns.message.from_wire(reply).edns == -1
    assert counts_of(reply) == (1, 1, 0, 0)
    assert reply == expected_answer(sent)


def expected_answer(sent):
    """Header, question and the address record, nothing behind."""
    message = dns.message.from_wire(sent)
    reply = dns.message.make_response(message, recursion_available=True)
    reply.answer.append(dns.rrset.from_text(message.question[0].name, 3600, "IN", "A", "192.0.2.1"))
    reply.use_edns(False)
    return reply.to_wire()


@BOTH
def test_opt_without_subnet(p, server, tcp):
    """The option goes behind the others, and of the answer's options it alone goes away."""
    sent = query("cookie.test", edns=1400, do=True, options=[dns.edns.GenericOption(NSID, b"")])
    asked, reply = exchange(p, server, sent, tcp)
    before = sent.to_wire()
    assert asked[:len(before) - 6] == before[:-6]  # up to the size of the options
    assert asked[len(before) - 6:] == struct.pack("!H", 15) + option(NSID, b"") + option(ECS, LOCAL_24)
    reply = dns.message.from_wire(reply)
    assert reply.edns == 0 and reply.payload == 1232 and reply.ednsflags & dns.flags.DO
    assert [o.otype for o in reply.options] == [COOKIE, NSID]
    assert options_of(reply, COOKIE) == [b"01234567"]


@BOTH
def test_subnet_of_the_client_stays(p, server, tcp):
    sent = query("own.test", edns=1232, options=[COOKIE_OPTION, FAR]).to_wire()
    asked, reply = exchange(p, server, sent, tcp)
    assert asked == sent
    assert options_of(dns.message.from_wire(reply)) == [dns.edns.ECSOption("198.51.100.0", 24, 24).to_wire()]


@BOTH
def test_subnet_of_the_client_is_replaced(p, server, tcp):
    """The client asked with a subnet and gets the one that was asked with."""
    sent = query("own.override.test", edns=1232, options=[FAR, COOKIE_OPTION]).to_wire()
    asked, reply = exchange(p, server, sent, tcp)
    asked = dns.message.from_wire(asked)
    assert options_of(asked) == [LOCAL_24] and options_of(asked, COOKIE) == [b"01234567"]
    assert asked.payload == 1232
    assert options_of(dns.message.from_wire(reply)) == [dns.edns.ECSOption("127.0.0.0", 24, 24).to_wire()]


def test_several_subnets_become_one(p, server):
    sent = query("several.override.test", edns=1232, options=[FAR, COOKIE_OPTION, FAR])
    asked, _ = exchange(p, server, sent)
    assert options_of(dns.message.from_wire(asked)) == [LOCAL_24]


@pytest.mark.parametrize("name,content", [
    ("x.prefix.test", b"\0\1\x14\0\x7f\0\0"), ("x.whole.test", b"\0\1\x20\0\x7f\0\0\1"), ("x.none.test", b"\0\1\0\0"),
    ("x.given.test", b"\0\1\x19\0\xcb\0\x71\0"), ("x.alone.test", b"\0\2\x21\0\x20\1\x0d\xb8\x80"),
    ("x.script.test", b"\0\1\x09\0\x7f\0"), ("x.test", LOCAL_24)])
def test_content(p, server, name, content):
    asked, _ = exchange(p, server, query(name))
    assert asked.endswith(opt_with(option(ECS, content)))


@pytest.mark.parametrize("name,content", [
    ("six.prefix.test", b"\0\2\x2c\0" + bytes(6)), ("six.whole.test", b"\0\2\x80\0" + bytes(15) + b"\1"),
    ("six.none.test", b"\0\2\0\0"), ("six.given.test", b"\0\2\x3c\0\x20\1\x0d\xb8\0\1\0\0"),
    ("six.alone.test", b"\0\2\x21\0\x20\1\x0d\xb8\x80"), ("six.script.test", b"\0\2\x09\0\0\0"), ("six.test", V6_56)])
@BOTH
def test_content_for_ipv6(p6, server6, name, content, tcp):
    asked, reply = exchange(p6, server6, query(name), tcp)
    assert asked.endswith(opt_with(option(ECS, content)))
    assert counts_of(reply) == (1, 1, 0, 0)


def test_what_scripts_see(p, p6, server, server6):
    exchange(p, server, query("seen.script.test"))
    assert p.command("return seen").strip() == "true false 24"
    exchange(p6, server6, query("seen.script.test"))
    assert p6.command("return seen").strip() == "true false 56"


@pytest.mark.parametrize("name", ["off.disable.test", "off.noscript.test", "off.without.test"])
@BOTH
def test_nothing_is_added(p, server, name, tcp):
    sent = query(name).to_wire()
    asked, reply = exchange(p, server, sent, tcp)
    assert asked == sent
    sent = query("edns-" + name, edns=1232, options=[FAR]).to_wire()
    asked, reply = exchange(p, server, sent, tcp)
    assert asked == sent
    assert len(options_of(dns.message.from_wire(reply))) == 1  # the answer's subnet is the client's business


@BOTH
def test_trailing_garbage_is_cut(p, server, tcp):
    sent = query("garbage.test").to_wire()
    asked, _ = exchange(p, server, sent + b"garbage", tcp)
    assert asked == with_counts(sent, 1, 0, 0, 1) + opt_with(option(ECS, LOCAL_24))
    sent = query("garbage.test", edns=512).to_wire()
    asked, _ = exchange(p, server, sent + b"garbage", tcp)
    assert asked == sent[:-2] + struct.pack("!H", 11) + option(ECS, LOCAL_24)


def record(owner, kind, data):
    return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


@BOTH
def test_records_where_queries_have_none(p, server, tcp):
    """Answers, authorities, and additional records before and behind the OPT: all stay, the OPT gets its option."""
    plain = query("unusual.test").to_wire()
    before = record(b"\xc0\x0c", 1, b"\xc0\0\2\1") + record(b"\xc0\x0c", 2, b"\2ns\xc0\x0c") + \
        record(b"\2ar\xc0\x0c", 1, b"\xc0\0\2\2")
    behind = record(b"\3key\0", 16, b"\1x")
    opt = OPT_512 + struct.pack("!H", 4) + option(NSID, b"")
    asked, reply = exchange(p, server, with_counts(plain + before + opt + behind, 1, 1, 1, 3), tcp)
    assert asked == with_counts(plain + before + opt_with(option(NSID, b""), option(ECS, LOCAL_24)) + behind, 1, 1, 1, 3)
    assert options_of(dns.message.from_wire(reply)) == []
    # without an OPT one is added behind all others
    asked, reply = exchange(p, server, with_counts(plain + before + behind, 1, 1, 1, 2), tcp)
    assert asked == with_counts(plain + before + behind + opt_with(option(ECS, LOCAL_24)), 1, 1, 1, 3)
    assert dns.message.from_wire(reply).edns == -1


def test_subnet_is_replaced_among_other_records(p, server):
    plain = query("unusual.override.test").to_wire()
    opt, behind = opt_with(option(ECS, FAR_BYTES)), record(b"\xc0\x0c", 16, b"\1x")
    asked, _ = exchange(p, server, with_counts(plain + opt + behind, 1, 0, 0, 2))
    assert asked == with_counts(plain + opt_with(option(ECS, LOCAL_24)) + behind, 1, 0, 0, 2)


@BOTH
@pytest.mark.parametrize("damage", [
    lambda plain: with_counts(plain, 1, 0, 0, 1) + OPT_512 + b"\0\5\0\3\0\xff\0\0",  # an option ends behind its OPT
    lambda plain: with_counts(plain, 1, 0, 0, 2) + opt_with(option(NSID, b"")),        # a record is missing
    lambda plain: with_counts(plain, 1, 1, 0, 0) + b"\xc0",
], ids=["option", "count", "name"])
def test_what_cannot_be_read_is_left_alone(p_of_broken, tcp, damage):
    """The backend says FORMERR: it gets to see what the client sent."""
    p, seen = p_of_broken
    sent = damage(query("unreadable.test").to_wire())
    seen.clear()
    with (p.tcp() if tcp else p.udp()) as end:
        end.send(sent)
        reply = end.receive_wire()
    assert [wire[2:] for wire in seen] == [sent[2:]] and reply == sent[:2] + b"\x81\x81" + bytes(8)


def large(name, size, opt=b""):
    """A TCP query of exactly this size: an additional record of an unknown type fills it."""
    plain = query(name).to_wire()
    filler = size - len(plain) - len(opt) - 11
    return with_counts(plain + b"\0" + struct.pack("!HHIH", 65400, 1, 0, filler) + b"x" * filler + opt, 1, 0, 0,
                       2 if opt else 1)


def test_does_not_fit(p, server):
    """The subnet and its OPT take 22 bytes: of a larger message than 65513 bytes nothing is forwarded."""
    asked, _ = exchange(p, server, large("fits.test", 65535 - 22), tcp=True)
    assert len(asked) == 65535 and asked.endswith(opt_with(option(ECS, LOCAL_24)))
    asked, _ = exchange(p, server, large("fits.test", 65535 - 11, opt_with()), tcp=True)
    assert len(asked) == 65535 and asked.endswith(opt_with(option(ECS, LOCAL_24)))
    for message in (large("large.test", 65535 - 21), large("large.test", 65535 - 10, opt_with())):
        dropped = p.drops()["ecs-too-large"]
        with p.tcp() as end:
            end.send(message)
            assert end.at_end()
        assert p.drops()["ecs-too-large"] == dropped + 1
    assert not server.asked_for("large.test")


def test_does_not_fit_a_datagram(p, server):
    """Over UDP backends are sent up to 4096 bytes."""
    asked, _ = exchange(p, server, large("datagram.test", 4096 - 22))
    assert len(asked) == 4096
    dropped = p.drops()["ecs-too-large"]
    with p.udp() as end:
        end.send_and_expect_nothing(large("large.test", 4096 - 21), query("barrier.test"))
    assert p.drops()["ecs-too-large"] == dropped + 1
    assert not server.asked_for("large.test")


# --- on the way back

@BOTH
def test_answer_without_opt(p, server, tcp):
    for options in ({}, dict(edns=1232)):
        sent = query("noopt.test", **options)
        asked, reply = exchange(p, server, sent, tcp)
        assert options_of(dns.message.from_wire(asked)) == [LOCAL_24]
        assert dns.message.from_wire(reply).edns == -1 and addresses(dns.message.from_wire(reply)) == ["192.0.2.1"]


@BOTH
def test_opt_in_the_middle_of_the_answer(p, server, tcp):
    """What stands behind the OPT stays, names that pointed behind it included."""
    for options in ({}, dict(edns=1232)):
        _, reply = exchange(p, server, query("middle.test", **options), tcp)
        reply = dns.message.from_wire(reply)
        assert [(r.name.to_text(), dns.rdatatype.to_text(r.rdtype), r[0].to_text()) for r in reply.additional] == [
            ("ns.middle.test.", "A", "192.0.2.53"), ("ns.middle.test.", "AAAA", "::1")]
        assert reply.edns == (0 if options else -1)
        assert options_of(reply) == [] and options_of(reply, COOKIE) == ([b"01234567"] if options else [])


@pytest.mark.parametrize("options", [{}, {"edns": 1232}], ids=["no OPT", "OPT"])
def test_answer_that_cannot_be_read_is_dropped(p, server, options):
    """What we had added cannot be taken off: the client gets nothing, and it is counted."""
    before = p.drops()["broken-answer"]
    with p.udp() as end:
        end.send_and_expect_nothing(query("broken.test", **options), query("plain.test", **options))
    with p.tcp() as end:
        end.send(query("broken.test", **options))
        assert end.at_end()
    assert p.drops()["broken-answer"] == before + 2


def test_truncated_answer(p, server):
    _, reply = exchange(p, server, query("tc.test"))
    assert len(reply) == len(query("tc.test").to_wire()) and reply[2] & 2
    assert counts_of(reply) == (1, 0, 0, 0)


def test_self_made_answers_have_the_clients_edns(p, server):
    """No OPT that we had added makes a self-made answer look as if the client had sent one."""
    assert p.ask("x.refused.test").edns == -1
    assert p.ask("x.miss.cached.test").edns == -1
    reply = p.ask("x.miss.cached.test", edns=4096, do=True, options=[COOKIE_OPTION])
    assert (reply.edns, reply.payload, len(reply.options)) == (0, 1232, 0) and reply.ednsflags & dns.flags.DO


def test_option_of_an_action(p, server):
    """The OPT that SetEDNSOptionAction brings, 512 bytes, is taken off too, whether or not a subnet joins it."""
    for name, more in (("x.option.test", option(ECS, LOCAL_24)), ("x.option.without.test", b"")):
        sent = query(name).to_wire()
        p.command('addAction("option.without.test", SetEDNSOptionAction(3, "xx"))')
        asked, reply = exchange(p, server, sent)
        assert asked == with_counts(sent, 1, 0, 0, 1) + opt_with(option(NSID, b"xx"), more)
        assert reply == expected_answer(sent)


def test_mac_address_of_the_loopback_interface(p, server):
    """Nobody's: nothing is added, but the subnet."""
    asked, _ = exchange(p, server, query("x.mac.test"))
    assert options_of(dns.message.from_wire(asked), 65001) == []


def in_own_network(name):
    """Run one test of this file in a network where 127.0.0.1 has a neighbour's entry; false: not allowed here."""
    here = os.path.abspath(__file__)
    make = "ip link set lo up && ip link add one type veth peer name two && ip link set one up && " \
        "ip neigh add 127.0.0.1 lladdr 02:00:00:00:00:0a dev one && ip neigh add ::1 lladdr 02:00:00:00:00:0b dev one"
    if subprocess.run(["unshare", "-rn", "sh", "-c", make], capture_output=True, check=False).returncode != 0:
        return False
    command = f'{make} && exec "{sys.executable}" -m pytest -q -p no:cacheprovider "{here}::{name}"'
    done = subprocess.run(["unshare", "-rn", "sh", "-c", command], capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "OWN_NETWORK": "yes"}, cwd=os.path.dirname(here))
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    return True


def test_mac_address():
    """Of the client, as the kernel knows it; with the subnet in one OPT, which the answer does not have."""
    if not os.environ.get("OWN_NETWORK"):
        if not in_own_network("test_mac_address"):
            pytest.skip("no network of our own")
        return
    with Responder(handle) as server:
        for listen, mac, subnet in (("127.0.0.1", b"\2\0\0\0\0\x0a", LOCAL_24), ("::1", b"\2\0\0\0\0\x0b", V6_56)):
            with Proxy(CONFIG, backend=server.address, listen=listen) as p:
                sent = query("x.mac.test").to_wire()
                asked, reply = exchange(p, server, sent)
                assert asked == with_counts(sent, 1, 0, 0, 1) + opt_with(option(65001, mac), option(ECS, subnet))
                assert reply == expected_answer(sent)
                sent = query("x.mac.test", edns=1232, options=[dns.edns.GenericOption(65001, b"mine")])
                asked, reply = exchange(p, server, sent)
                assert options_of(dns.message.from_wire(asked), 65001) == [mac]
                assert dns.message.from_wire(reply).edns == 0


def test_restart_begins_with_the_query_as_it_was(p, server):
    """The second backend wants no subnet: it gets the client's query, and the answer is left alone."""
    sent = query("x.again.test").to_wire()
    with p.udp() as end:
        end.send(sent)
        reply = end.receive_wire()
    first, second = (q.wire for q in server.asked_for("x.again.test"))
    assert first[2:] == with_counts(sent, 1, 0, 0, 1)[2:] + opt_with(option(ECS, LOCAL_24))
    assert second[2:] == sent[2:]
    assert dns.message.from_wire(reply).edns == 0  # the backend's own


# --- the cache

def ask_from(p, source, name, **options):
    with p.udp(source=source) as end:
        return end.ask(query(name, **options))


def times(server, name):
    return len(server.asked_for(name))


@pytest.mark.parametrize("options", [{}, dict(edns=1232), dict(edns=1232, do=True)], ids=["plain", "edns", "do"])
def test_answer_for_all_serves_every_subnet(p, server, options):
    name = f"all-{'-'.join(options)}.cached.test"
    first = ask_from(p, "127.0.0.1", name, **options)
    second = ask_from(p, "127.0.9.1", name, **options)
    assert times(server, name) == 1
    assert second.answer == first.answer and (second.edns, second.options) == (first.edns, ())


def test_answer_for_some_serves_these(p, server):
    name = "part.cached.test"
    ask_from(p, "127.0.0.1", name)
    again = ask_from(p, "127.0.0.2", name)
    assert times(server, name) == 1 and again.edns == -1
    ask_from(p, "127.0.9.1", name)
    assert times(server, name) == 2
    ask_from(p, "127.0.9.77", name)
    assert times(server, name) == 2


@pytest.mark.parametrize("name", ["noopt.cached.test", "plain.cached.test"])
def test_answer_that_says_nothing_is_for_its_subnet(p, server, name):
    ask_from(p, "127.0.0.1", name)
    ask_from(p, "127.0.9.1", name)
    assert times(server, name) == 2


def test_misses_are_counted_once(p, server):
    misses, hits = (p.counters()[k] for k in ("cache-misses", "cache-hits"))
    before = p.command("return pc:getStats()['misses']")
    ask_from(p, "127.0.0.1", "part-count.cached.test")
    ask_from(p, "127.0.0.1", "part-count.cached.test")
    assert (p.counters()["cache-misses"], p.counters()["cache-hits"]) == (misses + 1, hits + 1)
    assert int(p.command("return pc:getStats()['misses']")) == int(before) + 1


def test_subnet_of_the_client_is_not_for_all(p, server):
    """Who asks for a subnet gets what holds there, not what holds for all; and leaves nothing for all behind."""
    name = "all-own.cached.test"
    ask_from(p, "127.0.0.1", name, edns=1232)
    ask_from(p, "127.0.0.1", name, edns=1232, options=[FAR])
    assert times(server, name) == 2
    ask_from(p, "127.0.0.1", name, edns=1232, options=[FAR])
    assert times(server, name) == 2
    name = "all-own2.cached.test"
    ask_from(p, "127.0.0.1", name, edns=1232, options=[FAR])
    ask_from(p, "127.0.0.1", name, edns=1232)
    assert times(server, name) == 2


def test_clients_bytes_do_not_make_another_clients_answer(p, server):
    """What we make of a query may be what another client sends itself: that one's answer has the OPT."""
    name = "part-same.cached.test"
    first = ask_from(p, "127.0.0.1", name)
    second = ask_from(p, "127.0.0.1", name, edns=512, options=[dns.edns.ECSOption("127.0.0.0", 24, 0)])
    third = ask_from(p, "127.0.0.1", name)
    fourth = ask_from(p, "127.0.0.1", name, edns=512)
    assert [m.edns for m in (first, second, third, fourth)] == [-1, 0, -1, 0]
    assert [len(m.options) for m in (second, fourth)] == [1, 0]
    assert times(server, name) == 3


@pytest.mark.parametrize("pool", ["noscope", "other"])
def test_without_zero_scope(p, server, pool):
    """disableZeroScope, or a cache that does not look at subnets: every subnet asks for itself."""
    name = f"all.{pool}.test"
    ask_from(p, "127.0.0.1", name)
    ask_from(p, "127.0.0.1", name)
    assert times(server, name) == 1
    ask_from(p, "127.0.9.1", name)
    assert times(server, name) == 2


def test_zero_scope_over_tcp(p, server):
    name = "all-stream.cached.test"
    for _ in range(2):
        reply = p.ask(name, tcp=True)
        assert reply.edns == -1 and addresses(reply) == ["192.0.2.1"]
    assert times(server, name) == 1


def test_backend_over_tcp_alone(p, server):
    name = "all.stream.test"
    for source in ("127.0.0.1", "127.0.9.1"):
        assert ask_from(p, source, name).edns == -1
    assert times(server, name) == 1 and server.asked_for(name)[0].protocol == "tcp"


def test_clients_of_a_tcp_backend_share_its_answers(p, server):
    """Over UDP or TCP, the answer came over TCP; one that was cut for a datagram is not kept."""
    assert addresses(p.ask("all-shared.stream.test")) == ["192.0.2.1"]
    assert addresses(p.ask("all-shared.stream.test", tcp=True)) == ["192.0.2.1"]
    assert times(server, "all-shared.stream.test") == 1
    first = p.ask("large-shared.stream.test")
    assert first.flags & dns.flags.TC and not first.answer
    for _ in range(2):
        assert len(p.ask("large-shared.stream.test", tcp=True).answer[0]) == 50
    assert p.ask("large-shared.stream.test").flags & dns.flags.TC
    assert times(server, "large-shared.stream.test") == 2


def test_skip_cache(p, server):
    p.command('addAction("skip.cached.test", SetSkipCacheAction())')
    for _ in range(2):
        assert p.ask("all.skip.cached.test").edns == -1
    assert times(server, "all.skip.cached.test") == 2


def test_dump_names_the_subnet(p, tmp_path):
    ask_from(p, "127.0.0.1", "part-dump.cached.test")
    ask_from(p, "127.0.0.1", "all-dump.cached.test")
    path = tmp_path / "dump"
    p.command(f'pc:dump("{path}")')
    lines = {line.split()[0]: line for line in path.read_text().splitlines() if "-dump" in line}
    assert "ecs 127.0.0.0/24," in lines["part-dump.cached.test."]
    assert "ecs -," in lines["all-dump.cached.test."]


# --- pools whose backends disagree

def test_inconsistent_pool(server):
    """The backend is chosen before the cache is asked: the one in turn decides whether there is a subnet."""
    config = """
        setServerPolicy(firstAvailable)
        a = newServer{address="$backend", name="a", useClientSubnet=true, order=1}
        b = newServer{address="$backend", name="b", order=2}
        getPool(""):setCache(newPacketCache(1000, {parseECS=true}))
    """
    with Proxy(config, backend=server.address) as p:
        asked, reply = exchange(p, server, query("all-mixed.test"))
        assert asked.endswith(opt_with(option(ECS, LOCAL_24))) and counts_of(reply) == (1, 1, 0, 0)
        ask_from(p, "127.0.9.1", "all-mixed.test")
        assert times(server, "all-mixed.test") == 1
        p.command("a:setDown() b:setUp()")
        sent = query("all-mixed2.test").to_wire()
        asked, reply = exchange(p, server, sent)
        assert asked == sent
        # nobody up: what the script says decides how the cache is asked
        p.command('b:setDown() setServFailWhenNoServer(true)')
        assert p.command('return tostring(getPool(""):getECS())').strip() == "false"
        for _ in range(2):
            assert addresses(p.ask("all-mixed.test")) == ["192.0.2.1"]
        assert p.ask("part-mixed.test").rcode() == 2
        p.command('a:setUp()')
        assert p.ask("part-mixed.test").rcode() == 0
        p.command('a:setDown()')
        assert p.ask("part-mixed.test").rcode() == 2
        p.command('getPool(""):setECS(true)')
        assert p.ask("part-mixed.test").rcode() == 0
        queries, dropped = p.counters()["no-policy"], len(server.queries)
        assert p.ask("other-mixed.test").rcode() == 2
        assert p.counters()["no-policy"] == queries + 1 and len(server.queries) == dropped


def test_getters_of_pools(p):
    for pool, ecs, scope in (("", True, True), ("noscope", True, False), ("without", False, True), ("empty", False, True)):
        line = f'return tostring(getPool("{pool}"):getECS()) .. tostring(getPool("{pool}"):getZeroScope())'
        assert p.command(line).strip() == f"{str(ecs).lower()}{str(scope).lower()}"
    p.command('getPool("empty"):setECS(true) getPool("empty"):setZeroScope(false)')
    line = 'return tostring(getPool("empty"):getECS()) .. tostring(getPool("empty"):getZeroScope())'
    assert p.command(line).strip() == "truefalse"


def test_global_settings(server):
    config = """
        newServer{address="$backend", useClientSubnet=true}
        setECSOverride(true)
        setECSSourcePrefixV4(17)
    """
    with Proxy(config, backend=server.address) as p:
        asked, _ = exchange(p, server, query("settings.test", edns=1232, options=[FAR]))
        assert options_of(dns.message.from_wire(asked)) == [b"\0\1\x11\0\x7f\0\0"]
        p.command("setECSSourcePrefixV4(8) setECSOverride(false)")
        asked, _ = exchange(p, server, query("settings.test"))
        assert options_of(dns.message.from_wire(asked)) == [b"\0\1\x08\0\x7f"]
        asked, _ = exchange(p, server, query("settings.test", edns=1232, options=[FAR]))
        assert options_of(dns.message.from_wire(asked)) == [FAR_BYTES]
        p.command("setECSSourcePrefixV4(300)")  # more than an address has: refused, or it would give the whole away
        asked, _ = exchange(p, server, query("settings.test"))
        assert options_of(dns.message.from_wire(asked)) == [b"\0\1\x08\0\x7f"]
        assert "has no effect" not in p.output


def test_actions_in_tables(p):
    table = p.command("showRules()")
    for text in ("set ECS to 203.0.113.0/25 / 2001:db8:1:0::/60", "set ECS to 2001:db8:8000::/33", "disable ECS",
                 "set ECS override to 1", "set ECS prefix length to 20/44", "add EDNS MAC (code=65001)"):
        assert text in table.replace("2001:db8:1::/60", "2001:db8:1:0::/60")


@pytest.mark.concurrent
def test_many_at_once(p, server):
    """Subnets of many clients in one cache: each gets its own or the one for all."""
    with p.udp() as one, p.udp(source="127.0.9.1") as two:
        for number in range(200):
            one.send(query(f"{'all' if number % 2 else 'part'}-{number % 20}.many.cached.test", id=number))
            two.send(query(f"{'all' if number % 2 else 'part'}-{number % 20}.many.cached.test", id=number, edns=1232))
            if number % 8 == 7:
                for end in (one, two):
                    for _ in range(8):
                        reply = end.receive()
                        assert addresses(reply) == ["192.0.2.1"] and options_of(reply) == []
                        assert reply.edns == (0 if end is two else -1)
