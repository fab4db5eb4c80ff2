# SPDX-License-Identifier: BSD-2-Clause
"""The packet cache: what is a hit, what is stored for how long, what a hit looks like, expunging, staleness, eviction."""
import struct
import time

import dns.edns
import dns.flags
import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until


def handle(asked):
    word = asked.name.split(".")[0].split("-")[0]
    if word == "nxdomain":
        return answer(asked, rcode="NXDOMAIN")
    if word == "servfail":
        return answer(asked, rcode="SERVFAIL")
    if word == "negative":
        reply = answer(asked, rcode="NXDOMAIN")
        reply.authority.append(dns.rrset.from_text("cache.test.", 3600, "IN", "SOA",
                                                   "ns.cache.test. me.cache.test. 1 2 3 4 60"))
        return reply
    if word == "short":
        return answer(asked, "1 A 192.0.2.1")
    if word == "zero":
        return answer(asked, "0 A 192.0.2.1")
    if word == "mixed":
        return answer(asked, "3600 A 192.0.2.1", "other.cache.test. 1 A 192.0.2.2")
    if word == "empty":
        return answer(asked)
    if word == "large":
        return answer(asked, *[f'60 TXT "{number:04} {"z" * 200}"' for number in range(20)])
    return answer(asked, "3600 A 192.0.2.1")


@pytest.fixture(scope="module")
def server():
    with Responder(handle) as responder:
        yield responder


@pytest.fixture(scope="module")
def p(server):
    config = """
        newServer{address="$backend"}
        pc = newPacketCache(1000, {maxTTL=86400, minTTL=0, temporaryFailureTTL=60, staleTTL=60})
        getPool(""):setCache(pc)
        addAction("skip.cache.test", SetSkipCacheAction())
        addAction("tcp.cache.test", NoneAction())
    """
    with Proxy(config, backend=server.address) as proxy:
        yield proxy


def asked_times(server, name):
    return len(server.asked_for(name))


def test_second_query_is_a_hit(p, server):
    first, second = p.ask("hit.cache.test", id=1), p.ask("hit.cache.test", id=2)
    assert asked_times(server, "hit.cache.test") == 1
    assert second.id == 2 and addresses(second) == addresses(first) == ["192.0.2.1"]


def test_hit_has_the_casing_of_the_query(p, server):
    p.ask("casing.cache.test")
    reply = p.ask("CaSiNg.cache.TEST")
    assert asked_times(server, "casing.cache.test") == 1
    assert reply.question[0].name.to_text() == "CaSiNg.cache.TEST."


@pytest.mark.parametrize("variant", [
    dict(rd=False), dict(cd=True), dict(ad=True), dict(edns=1232), dict(edns=1232, do=True), dict(edns=4096),
    dict(qtype="AAAA"), dict(qclass="CH"), dict(tcp=True)], ids=str)
def test_what_makes_another_entry(p, server, variant):
    name = "variant-" + "-".join(f"{k}{v}" for k, v in variant.items()) + ".cache.test"
    p.ask(name)
    p.ask(name, **variant)
    assert asked_times(server, name) == 2
    p.ask(name, **variant)
    assert asked_times(server, name) == 2, "and that one is cached as well"


def test_skipped_options_do_not_make_another_entry(p, server):
    """Cookie (10) and padding (12) of the same length count by their code alone."""
    import dns.edns
    for content in (b"12345678", b"abcdefgh"):
        p.ask("cookie.cache.test", edns=1232, options=[dns.edns.GenericOption(10, content)])
    assert asked_times(server, "cookie.cache.test") == 1
    for content in (b"12345678", b"abcdefgh"):
        p.ask("option.cache.test", edns=1232, options=[dns.edns.GenericOption(65001, content)])
    assert asked_times(server, "option.cache.test") == 2


@pytest.mark.parametrize("word,cached", [
    ("nxdomain", False), ("servfail", True), ("negative", True), ("zero", False), ("empty", False),
    ("large", False)])
def test_what_is_stored(p, server, word, cached):
    """No record: nothing to tell the life by. TTL 0 is no life. Large is over maximumEntrySize (4096)."""
    name = f"{word}-store.cache.test"
    first, second = (p.ask(name, "TXT" if word == "large" else "A", tcp=word == "large") for _ in range(2))
    assert first.rcode() == second.rcode()
    assert asked_times(server, name) == (1 if cached else 2)


def test_skip_cache(p, server):
    p.ask("skip.cache.test")
    p.ask("skip.cache.test")
    assert asked_times(server, "skip.cache.test") == 2


def test_ttl_ages_and_entry_expires(p, server):
    """The smallest TTL of the answer is the entry's life; TTLs of a hit are less by its age."""
    p.ask("short.cache.test")
    p.ask("mixed.cache.test")
    wait_until(lambda: p.ask("short.cache.test") and asked_times(server, "short.cache.test") > 1, 5, "expiry")
    reply = p.ask("mixed.cache.test")
    assert asked_times(server, "mixed.cache.test") == 2, "the one second of the other record has passed too"
    assert reply.answer[0].ttl == 3600
    p.ask("hit2.cache.test")
    aged = wait_until(lambda: p.ask("hit2.cache.test").answer[0].ttl < 3600, 5, "an aged TTL")
    assert aged


def test_statistics(p, server):
    import json
    before = json.loads(p.command("getPool(''):getCache():getStats()"))
    p.ask("stats.cache.test")
    p.ask("stats.cache.test")
    after = json.loads(p.command("pc:getStats()"))
    assert after["hits"] - before["hits"] == 1
    assert after["misses"] - before["misses"] == 1
    assert after["entries"] - before["entries"] == 1
    assert after["maxEntries"] == 1000
    lines = p.command("pc:printStats()").splitlines()
    labels = [line.split(":")[0] for line in lines]
    for label in ("Entries", "Hits", "Misses", "Deferred inserts", "Deferred lookups", "Lookup Collisions",
                  "Insert Collisions", "TTL Too Shorts"):
        assert label in labels
    assert f"Entries: {after['entries']}/1000" in lines
    assert p.command("pc:toString()") == f"{after['entries']}/1000\n"


def test_counters_of_the_program(p):
    before = p.counters()
    p.ask("counters.cache.test")
    p.ask("counters.cache.test")
    after = p.counters()
    assert after["cache-hits"] - before["cache-hits"] == 1
    assert after["cache-misses"] - before["cache-misses"] == 1


def test_expunge_by_name(p, server):
    for name in ("a.purge.cache.test", "b.purge.cache.test", "keep.cache.test"):
        p.ask(name)
    assert p.command('pc:expungeByName(newDNSName("a.purge.cache.test"))') == "Expunged 1 records\n"
    assert p.command('pc:expungeByName("purge.cache.test", DNSQType.ANY, true)') == "Expunged 1 records\n"
    for name, times in (("a.purge.cache.test", 2), ("b.purge.cache.test", 2), ("keep.cache.test", 1)):
        p.ask(name)
        assert asked_times(server, name) == times


def test_expunge_by_name_and_type(p, server):
    p.ask("typed.cache.test", "A")
    p.ask("typed.cache.test", "AAAA")
    p.command('pc:expungeByName(newDNSName("typed.cache.test"), DNSQType.A)')
    p.ask("typed.cache.test", "A")
    assert [asked.type for asked in server.asked_for("typed.cache.test")] in (["A", "AAAA", "A"], ["A", "AAAA", "A"])


def test_dump(p):
    p.ask("dump.cache.test")
    path = f"{p.folder.name}/cache.dump"
    assert p.command(f'pc:dump("{path}")').startswith("Dumped ")
    with open(path, encoding="utf-8") as file:
        line, = [line for line in file if line.startswith("dump.cache.test. ")]
    added = int(line.partition(" added ")[2].partition(",")[0])
    assert abs(added - time.time()) < 30, "the time of insertion is a time of day"


def test_stale_answers_when_no_backend_is_up():
    with Responder(handle) as server:
        config = """
            newServer{address="$backend", name="one", healthCheckMode="up"}
            pc = newPacketCache(100, {staleTTL=42})
            getPool(""):setCache(pc)
            setStaleCacheEntriesTTL(3600)
        """
        with Proxy(config, backend=server.address) as p:
            p.ask("short.cache.test")
            wait_until(lambda: p.ask("short.cache.test") and asked_times(server, "short.cache.test") > 1, 5, "expiry")
            p.command("getServer(0):setDown()")
            reply = wait_until(lambda: (lambda r: r if r.answer[0].ttl == 42 else None)(p.ask("short.cache.test")), 5,
                               "a stale answer")
            assert addresses(reply) == ["192.0.2.1"]


def test_negative_ttl_cap_and_options():
    with Responder(handle) as server:
        config = """
            newServer{address="$backend"}
            pc = newPacketCache(100, {maxNegativeTTL=1, maxTTL=2, minTTL=2, temporaryFailureTTL=0, dontAge=true})
            getPool(""):setCache(pc)
        """
        with Proxy(config, backend=server.address) as p:
            p.ask("servfail.cache.test")
            p.ask("servfail.cache.test")
            assert asked_times(server, "servfail.cache.test") == 2, "temporaryFailureTTL=0"
            p.ask("short.cache.test")
            p.ask("short.cache.test")
            assert asked_times(server, "short.cache.test") == 2, "below minTTL"
            p.ask("long.cache.test")
            replies = []
            wait_until(lambda: replies.append(p.ask("long.cache.test")) or
                       asked_times(server, "long.cache.test") > 1, 6, "maxTTL")
            assert {reply.answer[0].ttl for reply in replies} == {3600}, "dontAge"


def test_one_cache_for_two_pools():
    with Responder(handle) as server:
        config = """
            newServer{address="$backend", pool={"", "other"}}
            pc = newPacketCache(100)
            getPool(""):setCache(pc)
            getPool("other"):setCache(pc)
            addAction(RDRule(), PoolAction("other"))
        """
        with Proxy(config, backend=server.address) as p:
            p.ask("shared.cache.test", rd=True)
            p.command("clearRules()")
            p.ask("shared.cache.test", rd=True)
            assert asked_times(server, "shared.cache.test") == 1


def test_cache_filled_over_its_size_stays_in_bounds():
    import json
    with Responder(handle) as server:
        config = 'newServer("$backend") pc = newPacketCache(100, {numberOfShards=1}) getPool(""):setCache(pc)'
        with Proxy(config, backend=server.address) as p:
            with p.udp() as end:
                for number in range(300):
                    end.ask(query(f"fill-{number}.cache.test"))
            stats = json.loads(p.command("pc:getStats()"))
            assert 0 < stats["entries"] <= 100


def test_newest_entries_find_a_place_when_the_cache_is_full():
    """The cache evicts; it does not refuse."""
    with Responder(handle) as server:
        config = 'newServer("$backend") pc = newPacketCache(100, {numberOfShards=1}) getPool(""):setCache(pc)'
        with Proxy(config, backend=server.address) as p:
            with p.udp() as end:
                for number in range(300):
                    end.ask(query(f"evict-{number}.cache.test"))
                for _ in range(2):
                    end.ask(query("newest.cache.test"))
            assert asked_times(server, "newest.cache.test") == 1


def opt(*options):
    """An OPT record as bytes."""
    data = b"".join(struct.pack("!HH", code, len(value)) + value for code, value in options)
    return b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(data)) + data


def test_options_that_nobody_would_find_are_not_kept():
    """An answer has one OPT, of the root, among the additional records: others may say to anybody what was meant for one."""
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"

    def handle(asked):
        cookie = asked.message.options[0].to_wire() + b"SERVER42"
        end = asked.wire.index(b"\0", 12) + 5
        counts, records = {"two": ((1, 0, 2), [record, opt(), opt((10, cookie))]),
                           "answer": ((2, 0, 0), [record, opt((10, cookie))]),
                           "named": ((1, 0, 1), [record, b"\xc0\x0c" + opt((10, cookie))[1:]]),
                           "one": ((1, 0, 1), [record, opt((10, cookie))])}[asked.name.split(".")[0]]
        return asked.wire[:2] + b"\x81\x80" + struct.pack("!4H", 1, *counts) + asked.wire[12:end] + b"".join(records)

    with Responder(handle) as one, Proxy('newServer{address="$one"} getPool(""):setCache(newPacketCache(100))', one=one.address) as p:
        for name in ("two", "answer", "named", "one"):
            with p.udp() as client:
                for cookie, other in ((b"AAAAAAAA", b"BBBBBBBB"), (b"BBBBBBBB", b"AAAAAAAA")):
                    client.send(query(f"{name}.opt.test", edns=1232, options=[dns.edns.GenericOption(10, cookie)]))
                    assert other not in client.receive_wire(), name
            assert len(one.asked_for(f"{name}.opt.test")) == (1 if name == "one" else 2)
