# SPDX-License-Identifier: BSD-2-Clause
"""newPacketCache(): what every option does. One process, a pool and a cache for each row, named by the zone of the query."""
import contextlib
import time

import dns.edns
import dns.flags
import dns.rcode
import dns.rrset
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until

CACHES = [
    ("default", "{}"),
    ("unaged", "{dontAge=true}"),
    ("aged", "{dontAge=false}"),
    ("brief", "{maxTTL=1}"),
    ("negative", "{maxNegativeTTL=1}"),
    ("least", "{minTTL=10}"),
    ("failures", "{temporaryFailureTTL=1}"),
    ("nofailures", "{temporaryFailureTTL=0}"),
    ("truncated", "{truncatedTTL=60}"),
    ("cookies", "{cookieHashing=true}"),
    ("skip", "{skipOptions={65001}}"),
    ("skipnocookie", "{skipOptions={65001}, cookieHashing=true}"),
    ("small", "{maximumEntrySize=600}"),
    ("large", "{maximumEntrySize=20000}"),
    ("ranks", "{payloadRanks={512, 1232, 4096}}"),
    ("shuffled", "{shuffle=true}"),
    ("subnets", "{parseECS=true}"),
    ("locks", "{deferrableInsertLock=false}"),
    ("shards", "{numberOfShards=3}"),
]


def handle(asked):
    word = asked.name.split(".")[0].split("-")[0]
    if word in ("nxdomain", "nodata"):
        reply = answer(asked, rcode="NXDOMAIN" if word == "nxdomain" else "NOERROR")
        reply.authority.append(dns.rrset.from_text("soa.test.", 3600, "IN", "SOA", "ns.soa.test. me.soa.test. 1 2 3 4 60"))
        return reply
    if word in ("servfail", "refused"):
        return answer(asked, rcode=word.upper())
    if word == "truncated":
        return answer(asked, flags=["TC"])
    if word == "bare":
        return answer(asked)
    if word.startswith("ttl"):
        return answer(asked, f"{word[3:]} A 192.0.2.1")
    if word == "big":
        return answer(asked, *[f'60 TXT "{number:04} {"z" * 200}"' for number in range(int(asked.name.split("-")[1].split(".")[0]))])
    if word == "several":
        return answer(asked, *[f"60 A 192.0.2.{number}" for number in range(1, 9)])
    reply = answer(asked, "3600 A 192.0.2.1", edns=1232 if asked.message.edns >= 0 else None)
    if word == "echo":
        reply.use_edns(0, payload=1232, options=[*asked.message.options, dns.edns.GenericOption(3, b"ns1"),
                                                 dns.edns.GenericOption(11, b"\0\7"), dns.edns.EDEOption(4, "forged")])
        if "middle" in asked.name:
            return in_the_middle(reply)
        if "damaged" in asked.name:  # the last option is longer than the record
            wire = bytearray(reply.to_wire())
            wire[-9] += 1
            return bytes(wire)
    return reply


def in_the_middle(reply):
    """An address record stands behind the OPT: its TTL is where it was not before."""
    wire = bytearray(reply.to_wire())
    wire[10:12] = b"\0\2"
    return bytes(wire) + b"\xc0\x0c\0\1\0\1\0\0\0\x64\0\4\xc0\0\2\2"


@pytest.fixture(scope="module")
def world():
    with Responder(handle) as server:
        lines = [f'newServer{{address="{server.address}", pool={{{", ".join(repr(name) for name, _ in CACHES)}}}}}']
        for name, options in CACHES:
            lines += [f'c_{name} = newPacketCache(1000, {options}) getPool("{name}"):setCache(c_{name})',
                      f'addAction("{name}.caches.test", PoolAction("{name}"))']
        with Proxy("\n".join(lines)) as p:
            yield p, server


def times(world, cache, label, *variants, tcp=False, qtype="A"):
    """How often the backend is asked when these queries come one after the other; the last answer."""
    p, server = world
    name = f"{label}.{cache}.caches.test"
    before = len(server.asked_for(name))
    reply = None
    for options in variants or ({}, {}):
        with (p.tcp() if tcp else p.udp()) as end:
            reply = end.ask(query(name, qtype, **options))
    return len(server.asked_for(name)) - before, reply


def expires(world, cache, label, within=4):
    """True when the entry is gone in that time; asking does not prolong it."""
    assert times(world, cache, label)[0] == 1
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if times(world, cache, label, {})[0]:
            return True
        time.sleep(0.1)
    return False


def cookie(text):
    return {"options": [dns.edns.GenericOption(10, text)]}


def private(text):
    return {"options": [dns.edns.GenericOption(65001, text)]}


def padding(size):
    return {"options": [dns.edns.GenericOption(12, bytes(range(1, size + 1)))]}


# Cache, label, queries one after the other, how often the backend is asked.
ROWS = [
    ("default", "same", ({}, {}), 1),
    ("default", "recursion", ({}, {"rd": False}), 2),
    ("default", "checking", ({}, {"cd": True}), 2),
    ("default", "dnssec", ({"edns": 1232}, {"do": True}), 2),
    ("default", "opt", ({}, {"edns": 1232}), 2),
    ("default", "size", ({"edns": 1232}, {"edns": 1300}), 2),
    ("default", "cookie", (cookie(b"12345678"), cookie(b"abcdefgh")), 1),
    ("default", "padding", (padding(4), {"options": [dns.edns.GenericOption(12, b"xxxx")]}), 1),
    ("default", "padlength", (padding(4), padding(5)), 2),
    ("default", "private", (private(b"a"), private(b"b")), 2),
    ("cookies", "cookie", (cookie(b"12345678"), cookie(b"abcdefgh")), 2),
    ("cookies", "samecookie", (cookie(b"12345678"), cookie(b"12345678")), 1),
    ("cookies", "padding", (padding(4), {"options": [dns.edns.GenericOption(12, b"xxxx")]}), 1),
    ("skip", "private", (private(b"a"), private(b"b")), 1),
    ("skip", "cookie", (cookie(b"12345678"), cookie(b"abcdefgh")), 1),
    ("skip", "padding", (padding(4), {"options": [dns.edns.GenericOption(12, b"xxxx")]}), 2),
    ("skipnocookie", "cookie", (cookie(b"12345678"), cookie(b"abcdefgh")), 2),
    ("skipnocookie", "private", (private(b"a"), private(b"b")), 1),
    ("ranks", "same", ({"edns": 1232}, {"edns": 1300}), 1),
    ("ranks", "below", ({"edns": 1231}, {"edns": 600}), 1),
    ("ranks", "apart", ({"edns": 1231}, {"edns": 1232}), 2),
    ("ranks", "high", ({"edns": 4096}, {"edns": 9000}), 1),
    ("default", "servfail", ({}, {}), 1),
    ("default", "refused", ({}, {}), 1),
    ("default", "nxdomain", ({}, {}), 1),
    ("default", "nodata", ({}, {}), 1),
    ("default", "truncated", ({}, {}), 2),
    ("default", "bare", ({}, {}), 2),
    ("default", "ttl0", ({}, {}), 2),
    ("nofailures", "servfail", ({}, {}), 2),
    ("nofailures", "refused", ({}, {}), 2),
    ("truncated", "truncated", ({}, {}), 1),
    ("truncated", "bare", ({}, {}), 2),
    ("least", "ttl9", ({}, {}), 2),
    ("least", "ttl10", ({}, {}), 1),
    ("locks", "same", ({}, {}), 1),
    ("shards", "same", ({}, {}), 1),
    ("subnets", "same", ({}, {}), 1),
]


@pytest.mark.parametrize("cache,label,variants,wanted", ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_hits(world, cache, label, variants, wanted):
    assert times(world, cache, label, *variants)[0] == wanted


@pytest.mark.parametrize("cache,label,gone", [
    ("brief", "ttl3600", True), ("default", "ttl3600", False), ("brief", "nxdomain", False), ("negative", "nxdomain", True), ("negative", "nodata", True),
    ("negative", "ttl3600", False), ("failures", "servfail", True), ("failures", "refused", True), ("default", "ttl1", True)])
def test_lives(world, cache, label, gone):
    assert expires(world, cache, label, 4 if gone else 2.2) == gone


@pytest.mark.parametrize("cache,less", [("unaged", False), ("aged", True), ("default", True)])
def test_ages(world, cache, less):
    times(world, cache, "ttl3600", {})
    time.sleep(1.2)
    count, reply = times(world, cache, "ttl3600", {})
    assert count == 0 and (reply.answer[0].ttl < 3600) == less


@pytest.mark.parametrize("cache,label,wanted", [
    ("default", "big-10", 1), ("default", "big-30", 2), ("small", "big-2", 1), ("small", "big-4", 2), ("large", "big-30", 1), ("large", "big-120", 2)])
def test_sizes(world, cache, label, wanted):
    assert times(world, cache, label, {}, {}, tcp=True, qtype="TXT")[0] == wanted


@pytest.mark.parametrize("cache,changes", [("shuffled", True), ("default", False)])
def test_order_of_addresses(world, cache, changes):
    seen = {tuple(addresses(times(world, cache, "several", {})[1])) for _ in range(12)}
    assert {frozenset(order) for order in seen} == {frozenset(f"192.0.2.{number}" for number in range(1, 9))}
    assert (len(seen) > 1) == changes


def test_transports_are_apart(world):
    """What went over UDP may have been cut to fit."""
    assert times(world, "default", "transport", {})[0] == 1
    assert times(world, "default", "transport", {}, tcp=True)[0] == 1
    assert times(world, "default", "transport", {}, tcp=True)[0] == 0


def test_shards_share_what_is_left_by_expunge(world):
    p, _ = world
    for number in range(9):
        times(world, "shards", f"s{number}", {})
    left = int(p.command("c_shards:toString()").split("/")[0])
    removed = int(p.command("c_shards:expunge(2)"))
    assert removed == left, "two for three parts are none for each"


@pytest.mark.parametrize("keep", [True, False])
def test_stale_data(keep):
    """Expired entries are served when nobody is up, with a TTL of their own, if the cleaning left them."""
    with Responder(handle) as server:
        config = (f'newServer{{address="$backend", healthCheckMode="up"}} pc = newPacketCache(100, {{keepStaleData={str(keep).lower()}, staleTTL=7}}) '
                  'getPool(""):setCache(pc) setStaleCacheEntriesTTL(3600) setCacheCleaningDelay(1) setServFailWhenNoServer(true)')
        with Proxy(config, backend=server.address) as p:
            p.ask("ttl1.stale.test")
            p.command("getServer(0):setDown()")
            if keep:
                time.sleep(3.5)
            else:
                wait_until(lambda: p.command("pc:toString()") == "0/100\n", 8, "cleaning")
            reply = p.ask("ttl1.stale.test")
            if keep:
                assert addresses(reply) == ["192.0.2.1"] and reply.answer[0].ttl == 7
            else:
                assert reply.rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize("percentage,left", [(100, 0), (50, 50), (0, 100)])
def test_cleaning(percentage, left):
    """Expired entries go until no more than the rest of the room is taken."""
    with Responder(handle) as server:
        config = ('newServer{address="$backend", healthCheckMode="up"} pc = newPacketCache(100, {numberOfShards=1, maxTTL=1}) getPool(""):setCache(pc) '
                  f"setCacheCleaningPercentage({percentage}) setCacheCleaningDelay(1)")
        with Proxy(config, backend=server.address) as p, p.udp() as end:
            for number in range(100):
                end.ask(query(f"c{number}.clean.test"))
            entries = lambda: int(p.command("pc:toString()").split("/")[0])  # noqa: E731
            before = entries()
            assert before > 60
            wait_until(lambda: entries() <= min(left, before), 8, "cleaning")
            time.sleep(1.5)
            assert entries() == min(left, before)


@pytest.mark.parametrize("options,words", [("{maxTTL=true}", "maxTTL"), ("{nonsense=1}", "nonsense"), ("{payloadRanks={100}}", "payloadRanks"),
                                           ("{numberOfShards=20}", "The number of shards (20) is reduced")])
def test_mistakes(options, words):
    with Proxy(f"pc = newPacketCache(10, {options})") as p:
        assert words in p.output and p.command("pc:toString()") == "0/10\n"


@pytest.mark.parametrize("call", ['newPacketCache(10, {maxTTL="x"})', "newPacketCache(0)"])
def test_refused(call):
    with Proxy("x = 1") as p:
        assert p.command(call).startswith("Command")or "rror" in p.command(call) or "aught" in p.command(call)


def test_lists_as_long_as_need_be():
    options = ", ".join(str(number) for number in range(65001, 65101))
    ranks = ", ".join(str(number) for number in range(512, 4000, 40))
    with Responder(handle) as server, contextlib.ExitStack() as stack:
        config = f'newServer("$backend") pc = newPacketCache(1000, {{skipOptions={{{options}}}, payloadRanks={{{ranks}}}}}) getPool(""):setCache(pc)'
        p = stack.enter_context(Proxy(config, backend=server.address))
        for text in (b"a", b"b"):
            p.ask("last.lists.test", options=[dns.edns.GenericOption(65100, text)])
        assert len(server.asked_for("last.lists.test")) == 1
        for size in (3992, 3999, 3991):
            p.ask("ranks.lists.test", edns=size)
        assert len(server.asked_for("ranks.lists.test")) == 2


def test_large_answers_of_a_tcp_backend_are_cut_for_datagrams():
    with Responder(handle) as server:
        config = 'newServer{address="$backend", tcpOnly=true} pc = newPacketCache(100, {maximumEntrySize=20000}) getPool(""):setCache(pc)'
        with Proxy(config, backend=server.address) as p:
            assert len(p.ask("big-30.cut.test", "TXT", tcp=True).answer[0]) == 30
            for _ in range(2):
                reply = p.ask("big-30.cut.test", "TXT")
                assert reply.flags & dns.flags.TC and not reply.answer
            assert len(server.asked_for("big-30.cut.test")) == 1
            for _ in range(2):
                assert len(p.ask("big-30.cut.test", "TXT", edns=16000).answer[0]) == 30
            assert len(server.asked_for("big-30.cut.test")) == 2, "EDNS is part of the key"


def content_of(reply):
    """Code to content of the answer's options."""
    return {int(option.otype): option.to_wire() for option in reply.options}


def client_options(number):
    return {"options": [dns.edns.GenericOption(10, b"client-%d" % number), dns.edns.GenericOption(12, b"pad%d" % number),
                        dns.edns.GenericOption(65001, b"mine%d" % number)]}


# Which of the client's options do not count as another query, and which of its own come back from the cache.
@pytest.mark.parametrize("cache, own, others", [
    ("default", [10, 12], [65001]), ("subnets", [10, 12], [65001]), ("cookies", [12], [10, 65001]),
    ("skip", [10, 65001], [12]), ("skipnocookie", [65001], [10, 12])])
@pytest.mark.parametrize("label", ["echo", "echo-middle"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_what_is_private_stays_with_its_client(world, cache, own, others, label, tcp):
    """Options that do not tell queries apart, and what is of one connection: never another client's."""
    p, server = world
    name = f"{label}{'-tcp' if tcp else ''}.{cache}.caches.test"
    replies = []
    for number in range(3):
        options = client_options(number)
        for option in options["options"]:
            if int(option.otype) in others:
                option.data = b"same of all"[:len(option.data)]
        with (p.tcp() if tcp else p.udp()) as end:
            replies.append(end.ask(query(name, **options)))
    assert len(server.asked_for(name)) == 1
    first = content_of(replies[0])
    assert set(first) == {3, 10, 11, 12, 15, 65001} and first[10] == client_options(0)["options"][0].data or 10 in others
    for reply in replies[1:]:
        assert set(content_of(reply)) == {3, 15, *others}
        assert addresses(reply) == ["192.0.2.1"] and reply.payload == 1232
        assert [r.ttl for r in reply.additional] == ([100] if "middle" in label else [])


def test_options_that_cannot_be_read_are_not_kept(world):
    variants = [client_options(0), client_options(0)]
    p, server = world
    for options in variants:
        with p.udp() as end:
            end.send(query("echo-damaged.default.caches.test", **options))
            end.receive_wire()
    assert len(server.asked_for("echo-damaged.default.caches.test")) == 2


@pytest.mark.parametrize("opcode", [2, 4, 5])
@pytest.mark.parametrize("cache", ["default", "subnets"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_other_opcodes_are_events(world, opcode, cache, tcp):
    """Each is for the backend, whatever it says; a query for the same name is not answered by what they were told."""
    p, server = world
    for label in ("refused", "plain", "nxdomain"):
        name = f"{label}-{opcode}-{tcp}.{cache}.caches.test"
        for _ in range(2):
            message = query(name, "SOA", rd=False)
            message.flags |= opcode << 11
            with (p.tcp() if tcp else p.udp()) as end:
                end.ask(message)
        assert len(server.asked_for(name)) == 2
        with (p.tcp() if tcp else p.udp()) as end:
            end.ask(query(name, "SOA", rd=False))
        assert len(server.asked_for(name)) == 3


def test_two_questions_are_not_cached(world):
    p, server = world
    wire = query("refused-two.default.caches.test").to_wire()
    wire = wire[:4] + b"\0\2" + wire[6:] + b"\5other\4test\0\0\1\0\1"
    for _ in range(2):
        with p.udp() as end:
            end.send(wire)
            end.receive_wire()
    assert len(server.asked_for("refused-two.default.caches.test")) == 2
