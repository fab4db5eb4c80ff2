# SPDX-License-Identifier: BSD-2-Clause
"""Configurations as people write them (configs/): checked, then run with queries."""
import base64
import os
import socket
import string
import struct

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from harness import ports
from harness.client import UdpClient, addresses, query
from harness.proxy import Proxy, run
from harness.responder import Responder, address_answer, answer, wait_until

FOLDER = os.path.join(os.path.dirname(__file__), "configs")
NAMES = sorted(name[:-5] for name in os.listdir(FOLDER) if name.endswith(".conf"))


def content(name):
    with open(os.path.join(FOLDER, f"{name}.conf"), encoding="utf-8") as file:
        return file.read()


class Configured(Proxy):
    """A configuration that says itself where to listen; files of its folder are written first."""

    def __init__(self, name, files=None, **values):
        self.files = files or {}
        super().__init__(content(name), listen=None, console=False, **values)

    def write_configuration(self):
        self.address = ("127.0.0.1", ports.free_port())
        self.console_address = ("127.0.0.1", ports.free_port())
        self.values.update(listen=ports.text(*self.address), console=ports.text(*self.console_address), key=self.key)
        for path, text in self.files.items():
            path = os.path.join(self.folder.name, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        super().write_configuration()

    def ask_from(self, source, name, qtype="A", **options):
        with UdpClient(self.address, source=source) as end:
            return end.ask(query(name, qtype, **options))


class Values(dict):
    """Every placeholder of a configuration: an address that nobody uses, where it is not known better."""

    def __missing__(self, name):
        return "192.0.2.1:53"


@pytest.mark.parametrize("name", NAMES)
def test_checked(name, tmp_path):
    values = Values(listen="127.0.0.1:53", console="127.0.0.1:5199", folder=str(tmp_path),
                    key=base64.b64encode(bytes(32)).decode())
    text = string.Template(content(name))
    done = run("--check-config", config="setUDPTimeout(2)\n" + text.substitute(values))
    assert done.returncode == 0, done.stdout
    assert 'msg="Configuration OK"' in done.stdout
    assert 'prio="Error"' not in done.stdout.replace("conf.d", "") or name == "many-pools"


def home(address="192.0.2.1"):
    return Responder(address_answer(address), health_name="example.com.")


def test_home_resolver():
    with home("192.0.2.1") as first, Responder(address_answer("192.0.2.2")) as second, home("192.0.2.3") as router, \
            Configured("home-resolver", {"blocked.txt": "# list\nads.test\n\n tracker.test \n"}, first=first.address,
                       second=second.address, router=router.address) as p:
        assert addresses(p.ask("www.elsewhere.test")) == ["192.0.2.1"]
        p.ask("www.elsewhere.test")
        assert len(first.queries) == 1  # the second came from the cache
        assert addresses(p.ask("printer.lan")) == ["192.0.2.3"]
        assert addresses(p.ask("1.1.168.192.in-addr.arpa")) == ["192.0.2.3"]
        assert addresses(p.ask("localhost")) == ["127.0.0.1"]
        assert addresses(p.ask("x.ads.test")) == ["0.0.0.0"]
        assert p.ask("tracker.test", "AAAA").rcode() == dns.rcode.NXDOMAIN
        assert p.ask("use-application-dns.net").rcode() == dns.rcode.NXDOMAIN
        assert not p.ask("_dns.resolver.arpa", "SVCB").answer
        assert addresses(p.ask("tcp.elsewhere.test", tcp=True)) == ["192.0.2.1"]
        assert p.ask("long.elsewhere.test").answer[0].ttl <= 7200
        assert "no-bypass" in p.command("showRules()")
        p.command("getServer(0):setDown()")
        assert addresses(p.ask("after.elsewhere.test")) == ["192.0.2.2"]


def zone(address):
    def handle(asked):
        if asked.message.opcode() != dns.opcode.QUERY or asked.type in ("AXFR", "IXFR"):
            return answer(asked, rcode="NOTAUTH")
        return address_answer(address)(asked)
    return Responder(handle, health_name="zone.test.")


def test_authoritative_front():
    with zone("192.0.2.1") as first, zone("192.0.2.2") as second, zone("192.0.2.3") as primary:
        # Health checks ask for the SOA of the zone, as clients do.
        for responder in (first, second, primary):
            responder.health_name = "none."
        with Configured("authoritative-front", first=first.address, second=second.address,
                        primary=primary.address) as p:
            assert addresses(p.ask("www.zone.test"))[0] in ("192.0.2.1", "192.0.2.2")
            asked = [a for r in (first, second) for a in r.queries if a.name == "www.zone.test."]
            assert len(asked) == 1 and not asked[0].message.flags & dns.flags.RD
            reply = p.ask("www.zone.test")
            assert reply.flags & dns.flags.RD
            assert p.ask("www.elsewhere.test").rcode() == dns.rcode.REFUSED
            assert p.ask("www.zone.test", "ANY").flags & dns.flags.TC
            assert p.ask("www.zone.test", "ANY", tcp=True).rcode() == dns.rcode.NOTIMP
            assert p.ask("zone.test", "AXFR", tcp=True).rcode() == dns.rcode.REFUSED
            chaos = dns.message.make_query("version.bind", "TXT", "CH")
            with p.udp() as end:
                reply = end.ask(chaos)
            assert reply.answer[0][0].strings == (b"go away \0",)
            notify = query("zone.test", "SOA")
            notify.set_opcode(dns.opcode.NOTIFY)
            with UdpClient(p.address, source="127.0.0.2") as end:
                assert end.ask(notify).rcode() == dns.rcode.NOTAUTH
            with UdpClient(p.address) as end:
                assert end.ask(notify).rcode() == dns.rcode.REFUSED
            assert len(primary.queries) == 1


def test_anti_abuse():
    with Responder() as first, Configured("anti-abuse", first=first.address) as p:
        assert addresses(p.ask("www.test")) == ["192.0.2.1"]
        with p.udp() as end:
            barrier = query("barrier.test")
            end.send_and_expect_nothing(query("0123456789abcdef0123456789abcdef.water.test"), barrier)
            end.send_and_expect_nothing(query(".".join(["x" * 50] * 4) + ".test"), barrier)
            end.send_and_expect_nothing(query("trail.test").to_wire() + b"tail", barrier)
        assert p.ask("a.b.c.d.e.f.g.tunnel.test").rcode() == dns.rcode.REFUSED
        version = query("version.test", edns=1232)
        version.use_edns(1)
        with UdpClient(p.address, source="127.0.0.9") as end:
            assert end.ask(version).rcode() == dns.rcode.BADVERS
        with UdpClient(p.address, source="127.0.0.8") as end:
            replies = [end.ask(query("many.test")) for _ in range(60)]
        assert sum(bool(reply.flags & dns.flags.TC) for reply in replies) >= 15
        assert not replies[0].flags & dns.flags.TC
        with UdpClient(p.address, source="127.0.0.7") as end:
            end.ask(query("large.test", options=[dns.edns.GenericOption(65001, bytes(600))]))
        with open(os.path.join(p.folder.name, "large.log"), encoding="utf-8") as file:
            assert "for large.test. A" in file.read()
        assert "per-client" in p.command("topRules(1)")


def test_split_horizon():
    with Responder(address_answer("10.0.0.1")) as inside, Responder(address_answer("192.0.2.1")) as outside, \
            Configured("split-horizon", inside=inside.address, outside=outside.address) as p:
        assert addresses(p.ask_from("127.0.0.2", "www.corp.test")) == ["10.0.0.1"]
        assert addresses(p.ask_from("127.0.0.3", "www.corp.test")) == ["192.0.2.1"]
        assert addresses(p.ask_from("127.0.0.1", "www.corp.test")) == ["192.0.2.1"]
        guest = p.ask_from("127.0.0.3", "wiki.corp.test")
        assert guest.rcode() == dns.rcode.NXDOMAIN and guest.additional
        assert addresses(p.ask_from("127.0.0.2", "wiki.corp.test")) == ["10.0.0.1"]
        assert addresses(p.ask_from("127.0.0.4", "moved.corp.test")) == ["192.0.2.77"]
        cname = p.ask_from("127.0.0.4", "printer.corp.test").answer[0]
        assert (cname.ttl, cname[0].target.to_text()) == (300, "printer.office.corp.test.")
        assert p.ask_from("127.0.0.2", "text.corp.test", "TXT").answer[0].ttl == 1
        assert p.ask_from("127.0.0.2", "a.short.corp.test").answer[0].ttl == 30
        p.ask_from("127.0.0.1", "night.corp.test")
        assert not next(a for a in outside.queries if a.name == "night.corp.test.").message.flags & dns.flags.RD
        with UdpClient(p.address, source="127.0.0.1") as end:
            end.send_and_expect_nothing(query("night.corp.test", cd=True), query("barrier.corp.test"))
        wait_until(lambda: "odd question for night.corp.test." in p.output and "no helpers" in p.output, what="both lines")
        staff = next(a for a in inside.queries if a.name == "www.corp.test.")
        assert [o.to_text() for o in staff.message.options] == ["ECS 127.0.0.2/32 scope/0"]


def test_many_pools():
    extra = {"conf.d/10-extra.conf": 'addAction("extra.test.", SpoofAction("192.0.2.99"))\nmvRuleToTop()\n',
             "conf.d/ignored.txt": "nonsense("}
    with Responder(address_answer("192.0.2.1")) as first, Responder(address_answer("192.0.2.2")) as second, \
            Responder(address_answer("192.0.2.3")) as last, \
            Configured("many-pools", extra, first=first.address, second=second.address, last=last.address,
                       dead="192.0.2.250:53") as p:
        for n in (1, 2, 7, 60):
            assert addresses(p.ask(f"www.c{n}.test"))[0] in ("192.0.2.1", "192.0.2.2")
        for n in range(5):
            assert addresses(p.ask(f"x{n}.c3.test")) == ["192.0.2.2"]
        assert addresses(p.ask("www.fragile.test")) == ["192.0.2.3"]
        assert addresses(p.ask("elsewhere.test")) == ["192.0.2.3"]
        assert addresses(p.ask("extra.test")) == ["192.0.2.99"]
        assert len(p.command("showPools()").splitlines()) >= 63
        assert p.command("getServer(61).name").strip() == "last"  # in the order of showServers()
        p.ask("www.c7.test")
        before = len(first.queries) + len(second.queries)
        p.ask("www.c7.test")
        assert len(first.queries) + len(second.queries) == before
        assert p.command("getRule('customer60'):getSelector():toString()") == "qname in c60.test.\n"


def test_waiting():
    with Responder() as first, Configured("waiting", first=first.address) as p:
        assert addresses(p.ask("www.test")) == ["192.0.2.1"]
        assert addresses(p.ask("trap.test")) == ["192.0.2.1"]
        with p.udp() as end:
            end.send_and_expect_nothing(query("secret.private.test"), query("barrier.test"))
        assert not [a for a in first.queries if a.name == "secret.private.test."]
        output = p.output
    for name in ("addTLSLocal", "addDOQLocal", "webserver", "newCDBKVStore", "SNIRule", "HTTPStatusAction", "snmpAgent"):
        assert f'msg="{name} ({p.config_path}:' in output
