# SPDX-License-Identifier: BSD-2-Clause
"""No malloc on the path of a packet, and a worker never blocks: counted over traffic of all kinds, after a warm-up, and zero."""
import socket

import pytest

from harness.client import query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until
from harness.watch import Watch, possible

pytestmark = pytest.mark.skipif(not possible(), reason="a sanitizer has a malloc of its own")

CONFIG = """
setVerboseHealthChecks(false)
setUDPTimeout(1)
setTCPRecvTimeout(60)
setMaxTCPConnectionDuration(0)
setMaxTCPQueriesPerConnection(0)
newServer{address="$one", name="one", checkInterval=3600, useClientSubnet=true}
newServer{address="$two", name="two", checkInterval=3600, tcpOnly=true, pool="streams"}
newServer{address="$silent", name="header", healthCheckMode="up", useProxyProtocol=true, pool="header"}
newServer{address="$silent", name="silent", healthCheckMode="up", pool="silent"}
cache = newPacketCache(5000, {maxTTL=3600})
getPool(""):setCache(cache)
getPool("streams"):setCache(newPacketCache(100))
setECSSourcePrefixV4(24)
addAction(QNameSuffixRule("stream.test"), PoolAction("streams"))
addAction(QNameSuffixRule("header.test"), PoolAction("header"))
addAction(QNameSuffixRule("silent.test"), PoolAction("silent"))
addAction(QNameSuffixRule("self.test"), SpoofAction({"192.0.2.9", "2001:db8::9"}))
addAction(QNameSuffixRule("raw.test"), SpoofRawAction("\\192\\0\\2\\9"))
addAction(QNameSuffixRule("name.test"), SpoofCNAMEAction("other.test"))
addAction(QNameSuffixRule("drop.test"), DropAction())
addAction(QNameSuffixRule("refused.test"), RCodeAction(DNSRCode.REFUSED))
addAction(AndRule{QNameSuffixRule("cut.test"), TCPRule(false)}, TCAction())
addAction(QNameSuffixRule("late.test"), DelayAction(5))
addAction(QNameSuffixRule("nocache.test"), SetSkipCacheAction())
addAction(QNameSuffixRule("mac.test"), SetMacAddrAction(65001))
addAction(QNameSuffixRule("tag.test"), SetTagAction("a", "b"))
addAction(TagRule("a"), SetEDNSOptionAction(65002, "x"))
addAction(QNameSuffixRule("error.test"), SetExtendedDNSErrorAction(15, "because"))
addAction(OrRule{QTypeRule("MX"), QClassRule(3), OpcodeRule(4), RDRule(), NotRule(QNameRule("n.test"))}, NoneAction())
addAction(AndRule{MaxQPSIPRule(100000), NetmaskGroupRule("127.0.0.0/8"), QNameLabelsCountRule(1, 9), RegexRule("x.*y")}, NoneAction())
addAction(AndRule{QNameWireLengthRule(1, 200), DNSSECRule(), RecordsCountRule(0, 1, 1), ProbaRule(0.5), TimedIPSetRule():slice()}, NoneAction())
addResponseAction(QNameSuffixRule("ttl.test"), LimitTTLResponseAction(1, 20))
addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), SetMaxReturnedTTLResponseAction(5))
addCacheHitResponseAction(QNameSuffixRule("hit.test"), AllowResponseAction())
addTimeoutAction
setDynBlocksAction(DNSAction.Refused)
addDynBlocks({["127.0.0.9"]="test"}, "test", 3600)
addDynamicBlock("127.0.0.8", "test", DNSAction.Drop, 3600)
"""
CONFIG = CONFIG.replace("addTimeoutAction\n", "").replace(", TimedIPSetRule():slice()", "").replace(
    'addDynBlocks({["127.0.0.9"]="test"}, "test", 3600)\n', 'addDynamicBlock("127.0.0.9", "test", DNSAction.Refused, 3600)\n')
KINDS = ("self", "raw", "name", "refused", "cut", "late", "nocache", "mac", "tag", "error", "ttl", "hit", "stream")


def handle(asked):
    if asked.type in ("AXFR", "IXFR"):
        soa = "60 SOA ns.test. host.test. 7 3600 600 86400 60"
        return [answer(asked, soa, "60 A 192.0.2.1")] + [answer(asked, f"60 A 192.0.2.{n}") for n in range(2, 40)] + \
            [answer(asked, soa)]
    if asked.name.startswith("none"):
        return answer(asked, rcode="NXDOMAIN")
    if asked.name.startswith("big"):
        return answer(asked, *[f'60 TXT "{str(n) * 100}"' for n in range(10, 30)])
    return answer(asked, "60 A 192.0.2.1")


def over_udp(end, rounds, start):
    for number in range(start, start + rounds):
        for kind in KINDS:
            for name in (f"a{number}.{kind}.test", f"same.{kind}.test", f"none{number}.{kind}.test"):
                assert end.ask(query(name, edns=1232 if number % 2 else None)) is not None
        end.ask(query(f"big{number}.test", "TXT"))


def over_tcp(end, rounds, start):
    for number in range(start, start + rounds):
        names = [f"a{number}.{kind}.test" for kind in KINDS] + [f"same.{kind}.test" for kind in KINDS] + [f"big{number}.test"]
        for name in names:
            end.send(query(name, "TXT" if name.startswith("big") else "A"))
        for _ in names:
            assert end.receive_wire()


class Traffic:
    def __init__(self, p):
        self.p, self.udp, self.tcp, self.number = p, p.udp(), p.tcp(), 0
        self.refused, self.dropped = p.udp(source="127.0.0.9"), p.udp(source="127.0.0.8")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in (self.udp, self.tcp, self.refused, self.dropped):
            end.__exit__(None, None, None)

    def run(self, rounds, silent=False):
        over_udp(self.udp, rounds, self.number)
        over_tcp(self.tcp, rounds, self.number)
        for _ in range(rounds):
            assert self.refused.ask(query("x.self.test")).rcode() == 5
            self.dropped.send(query("x.self.test"))
            self.udp.send(query("x.drop.test"))
            if silent:
                self.udp.send(query("x.silent.test"))
                self.udp.send(query("x.header.test"))
        wait_until(lambda: self.p.balance()[3] == 0, 20, "nothing under way")
        self.number += rounds


def transfer(p):
    with p.tcp() as end:
        end.send(query("zone.stream.test", "AXFR"))
        count = 0
        while count < 41:
            count += sum(len(rrset) for rrset in end.receive().answer)


class Silent(socket.socket):
    """A backend that takes queries and never answers."""
    def __init__(self):
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.getsockname()[1]


def test_traffic():
    """Queries over what is open already: nothing is allowed, and nothing is needed."""
    with Watch() as watch, Responder(handle) as one, Responder(handle) as two, \
            Silent() as silent:
        with Proxy(CONFIG, environment=watch.environment, arguments=("--workers", "1"), one=one.address, two=two.address,
                   silent=silent.address) as p, Traffic(p) as traffic:
            traffic.run(10, silent=True)
            watch.begin()
            traffic.run(10, silent=True)
            found = watch.end()
            assert not found, "\n".join(["", *found])


def test_connections_transfers_and_edits():
    """What happens once per connection, transfer or edit may take memory: by name. Nothing waits, and the rest takes none."""
    with Watch() as watch, Responder(handle) as one, Responder(handle) as two, Silent() as silent:
        with Proxy(CONFIG, environment=watch.environment, arguments=("--workers", "2"), one=one.address, two=two.address,
                   silent=silent.address) as p, Traffic(p) as traffic:
            traffic.run(5, silent=True)
            for number in range(2):
                if number == 1:
                    watch.begin()
                for _ in range(5):
                    transfer(p)
                    with Traffic(p) as more:
                        more.run(2)
                p.command(f'newServer{{address="{one.address}", name="more", healthCheckMode="up"}}')
                traffic.run(3)
                p.command('rmServer("more")')
                p.command('addAction("x.test", NoneAction())')
                p.command('cache:expungeByName(newDNSName("test."), DNSQType.ANY, true)')
                traffic.run(3)
            found = watch.end()
            assert not found, "\n".join(["", *found])
            assert watch.allowed() > 0


def test_it_sees_what_scripts_do():
    """The other way round: what counts is counted."""
    script = "local sum = 0 for n = 1, 500 do sum = sum + n end io.open('/dev/null'):close()"
    with Watch() as watch, Proxy(f'addAction("lua.test", LuaAction(function(dq) {script} return DNSAction.Nxdomain end))',
                                 environment=watch.environment) as p:
        assert p.ask("lua.test").rcode() == 3
        watch.begin()
        for _ in range(20):
            p.ask("lua.test")
        found = watch.end()
        for kind in ("memory taken", "memory given back", "file"):
            assert any(place.startswith(kind) for place in found), found
