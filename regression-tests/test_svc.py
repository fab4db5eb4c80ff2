# SPDX-License-Identifier: BSD-2-Clause
"""SpoofSVCAction and newSVCRecordParameters: what a resolver library reads in the answers."""
import dns.message
import pytest

from harness.client import query
from harness.proxy import Proxy
from harness.responder import wait_until

CONFIG = """
local ddr = {
  newSVCRecordParameters(1, "dot.resolver.test.", {mandatory={"port"}, alpn={"dot"}, noDefaultAlpn=true, port=853,
                         ipv4hint={"192.0.2.1", "192.0.2.2"}, ipv6hint={"2001:db8::1"}}),
  newSVCRecordParameters(2, newDNSName("doh.resolver.test."), {mandatory={"port", "alpn"}, alpn={"h2", "h3"}, port=443,
                         ipv4hint="192.0.2.1", key7="/dns-query{?dns}"}),
}
addAction("_dns.resolver.arpa.", SpoofSVCAction(ddr, {aa=true, ttl=17}))
addAction("self.svc.test", SpoofSVCAction({newSVCRecordParameters(1, ".", {ipv4hint="192.0.2.9"})}))
addAction("alias.svc.test", SpoofSVCAction({newSVCRecordParameters(0, "elsewhere.test")}))
addAction("none.svc.test", SpoofSVCAction({}))
addAction("ech.svc.test", SpoofSVCAction({newSVCRecordParameters(1, ".", {ech="\\0\\1\\255", key65280="x"})}))
addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
"""


@pytest.fixture(scope="module")
def proxy():
    with Proxy(CONFIG) as running:
        yield running


def records(section):
    return sorted(f"{r.name} {r.ttl} {item.to_text()}" for r in section for item in r)


@pytest.mark.parametrize("tcp", [False, True])
def test_designated_resolvers(proxy, tcp):
    reply = proxy.ask("_dns.resolver.arpa.", "SVCB", tcp=tcp, edns=4096)
    assert reply.flags & 0x0400  # AA
    assert records(reply.answer) == [
        '_dns.resolver.arpa. 17 1 dot.resolver.test. mandatory="port" alpn="dot" no-default-alpn port="853" '
        'ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1"',
        '_dns.resolver.arpa. 17 2 doh.resolver.test. mandatory="alpn,port" alpn="h2,h3" port="443" ipv4hint="192.0.2.1" '
        'key7="/dns-query{?dns}"']
    assert records(reply.additional) == [
        "doh.resolver.test. 17 192.0.2.1", "dot.resolver.test. 17 192.0.2.1", "dot.resolver.test. 17 192.0.2.2",
        "dot.resolver.test. 17 2001:db8::1"]
    assert reply.edns == 0


def test_order_of_addresses(proxy):
    """IPv4 before IPv6, names in canonical order (the root's stand-in first), then addresses."""
    found = proxy.command("""addAction("order.svc.test", SpoofSVCAction({
      newSVCRecordParameters(1, "b.z.test.", {ipv4hint={"192.0.2.20", "192.0.2.3"}, ipv6hint={"2001:db8::10", "2001:db8::9"}}),
      newSVCRecordParameters(2, "Z.a.test.", {ipv4hint={"198.51.100.1"}}), newSVCRecordParameters(3, "test.", {ipv6hint={"::1"}}),
      newSVCRecordParameters(4, ".", {ipv4hint={"203.0.113.1"}, ipv6hint={"ff::"}}), newSVCRecordParameters(5, "A.A.TEST.", {ipv4hint={"198.51.100.2"}}),
      newSVCRecordParameters(6, "a.b.z.test.", {ipv4hint={"192.0.2.1"}})}, {ttl=1}))""")
    assert found.strip() == ""
    proxy.command("mvRuleToTop()")
    with proxy.udp() as end:
        end.send(query("order.svc.test", "HTTPS", edns=4096))
        reply = dns.message.from_wire(end.receive_wire(), one_rr_per_rrset=True)
    assert [f"{r.name} {r[0]}".lower() for r in reply.additional] == [
        "order.svc.test. 203.0.113.1", "a.a.test. 198.51.100.2", "z.a.test. 198.51.100.1", "b.z.test. 192.0.2.3", "b.z.test. 192.0.2.20",
        "a.b.z.test. 192.0.2.1", "order.svc.test. ff::", "test. ::1", "b.z.test. 2001:db8::9", "b.z.test. 2001:db8::10"]


def test_https_type(proxy):
    assert records(proxy.ask("self.svc.test", "HTTPS").answer) == ['self.svc.test. 60 1 . ipv4hint="192.0.2.9"']


def test_hints_of_the_owner(proxy):
    assert records(proxy.ask("self.svc.test", "SVCB").additional) == ["self.svc.test. 60 192.0.2.9"]


def test_alias(proxy):
    reply = proxy.ask("alias.svc.test", "SVCB")
    assert records(reply.answer) == ["alias.svc.test. 60 0 elsewhere.test."]
    assert not reply.additional


def test_bytes(proxy):
    assert records(proxy.ask("ech.svc.test", "HTTPS").answer) == ['ech.svc.test. 60 1 . ech="AAH/" key65280="x"']


@pytest.mark.parametrize("name, qtype", [("self.svc.test", "A"), ("self.svc.test", "ANY"), ("none.svc.test", "SVCB")])
def test_goes_on(proxy, name, qtype):
    assert proxy.ask(name, qtype).rcode() == 5


@pytest.mark.parametrize("expression, error", [
    ("newSVCRecordParameters(1)", "This function requires at least 2 parameter(s)"),
    ('newSVCRecordParameters(1, "a..b")', "Found . in wrong position in DNSName"),
    ('newSVCRecordParameters(65536, ".")', "is too large, the maximum is 65535"),
    ('newSVCRecordParameters(1, ".", 1)', "Unable to convert parameter from number to table"),
    ('newSVCRecordParameters(1, ".", {ipv4hint="x"})', "Unable to convert presentation address 'x'"),
    ('newSVCRecordParameters(1, ".", {ipv4hint="::1"})', "'::1' is no IPv4 address"),
    ('newSVCRecordParameters(1, ".", {port=70000})', "is too large, the maximum is 65535"),
    ('newSVCRecordParameters(1, ".", {mandatory={"nope"}})', "'nope' is no key of SVC records"),
    ('newSVCRecordParameters(1, ".", {port=1, key3="xx"})', "The key 3 is given twice"),
    ('newSVCRecordParameters(1, ".", {alpn={""}})', "has 1 to 255 bytes"),
    ('SpoofSVCAction(newSVCRecordParameters(1, "."))', "Unable to convert parameter from userdata to"),
    ("SpoofSVCAction({1})", "Unable to convert parameter from number to SVCRecordParameters"),
])
def test_mistakes(proxy, expression, error):
    assert error in proxy.command(expression)


def test_unknown_key_is_told(proxy):
    proxy.command('x = newSVCRecordParameters(1, ".", {bogus="x"})')
    wait_until(lambda: 'msg="Unknown key, ignored" subsystem="newSVCRecordParameters"' in proxy.output and 'key="bogus"' in proxy.output,
               what="the line")
