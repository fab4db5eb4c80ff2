# SPDX-License-Identifier: BSD-2-Clause
"""Zone transfers: messages of any number through the XFR chain, their end, slow clients, backends that break off."""
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest

from harness.client import query
from harness.peers import ZONE, Knot, have_knot
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until
from test_load import check_balance

SOA = "{} SOA ns.xfr.test. host.xfr.test. {} 3600 600 86400 60"


def soa(serial=7):
    return f"60 SOA ns.xfr.test. host.xfr.test. {serial} 3600 600 86400 60"


def message(asked, *records, question=True, rcode=0):
    made = dns.message.make_response(asked.message)
    made.flags |= dns.flags.AA
    made.set_rcode(rcode)
    for number, text in enumerate(records):
        made.answer.append(dns.rrset.from_text(asked.message.question[0].name, *text.replace("60 ", "60 IN ", 1).split(None, 3)))
    if not question:
        made.question = []
    return made


def a(n):
    return f"60 A 192.0.2.{n}"


# Name: the messages of an AXFR (lists of records), how many are to arrive, what follows.
TRANSFERS = {
    "one": ("AXFR", [[soa(), a(1), soa()]], 1),
    "two": ("AXFR", [[soa(), a(1)], [a(2), soa()]], 2),
    "five": ("AXFR", [[soa()], [a(1)], [a(2), a(3)], [a(4)], [soa()]], 5),
    "nothingbehind": ("AXFR", [[soa(), a(1)], [soa()], [a(9)]], 2),
    "nosoa": ("AXFR", [[a(1)], [a(2)]], 1),
    "otherserial": ("AXFR", [[soa(7)], [a(1), soa(8)], [soa(7)]], 3),
    "uptodate": ("IXFR", [[soa(5)]], 1),
    "diffs": ("IXFR", [[soa(7), soa(5), a(1)], [soa(6), a(2), soa(6), a(3)], [soa(7), a(4)], [soa(7)]], 4),
    "whole": ("IXFR", [[soa(7), a(1)], [a(2), soa(7)]], 2),
    "singlefirst": ("IXFR", [[soa(7)], [soa(5), a(1), soa(7), a(2), soa(7)]], 2),
}

CONFIG = """
newServer{address="$backend", tcpRecvTimeout=5}
pc = newPacketCache(100)
getPool(""):setCache(pc)
addXFRResponseAction("dropsecond.xfr.test", LuaResponseAction(function(dr)
  seen = (seen or 0) + 1 if seen == 2 then return DNSResponseAction.Drop end return DNSResponseAction.None end))
addXFRResponseAction("ttl.xfr.test", LuaResponseAction(function(dr)
  dr:editTTLs(function() return 77 end) return DNSResponseAction.None end))
addResponseAction("ttl.xfr.test", DropResponseAction())
addAction("refused.xfr.test", RCodeAction(DNSRCode.REFUSED))
"""


def reply(asked):
    label = str(asked.message.question[0].name).split(".")[0]
    qtype = asked.message.question[0].rdtype
    if qtype not in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
        return answer(asked, "60 A 192.0.2.1")
    if label in TRANSFERS:
        return [message(asked, *records, question=number == 0) for number, records in enumerate(TRANSFERS[label][1])]
    if label == "notauth":
        return message(asked, rcode=dns.rcode.NOTAUTH)
    if label == "midway":
        return [message(asked, soa(), a(1)), message(asked, rcode=dns.rcode.SERVFAIL)]
    if label in ("dropsecond", "ttl"):
        return [message(asked, soa(), a(1)), message(asked, a(2)), message(asked, soa())]
    if label == "wrongid":
        wrong = message(asked, a(2))
        wrong.id ^= 1
        return [message(asked, soa(), a(1)), wrong]
    if label == "wrongname":
        other = dns.message.make_response(dns.message.make_query("other.test.", "AXFR", id=asked.message.id))
        return [message(asked, soa(), a(1)), other]
    if label == "silent":
        return [message(asked, soa(), a(1))]
    return None


@pytest.fixture(scope="module")
def backend():
    with Responder(reply) as responder:
        yield responder


@pytest.fixture(scope="module")
def p(backend):
    with Proxy(CONFIG, backend=backend.address) as proxy:
        yield proxy


def ixfr(name, qtype, serial=5):
    made = query(name, qtype)
    if qtype == "IXFR":
        made.authority.append(dns.rrset.from_text(name + ".", 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    return made


@pytest.mark.parametrize("label", TRANSFERS)
def test_transfers_of_several_messages(p, label):
    qtype, messages, expected = TRANSFERS[label]
    with p.tcp() as end:
        end.send(ixfr(f"{label}.xfr.test", qtype))
        for number in range(expected):
            got = end.receive(one_rr_per_rrset=True)
            assert len(got.answer) == len(messages[number]), number
        # The connection goes on: the next thing that comes is the answer to this.
        assert end.ask(query("after.xfr.test")).answer
    wait_until(lambda: p.balance()[3] == 0, 10, "nothing under way")


def test_an_error_ends_it(p):
    with p.tcp() as end:
        assert end.ask(query("notauth.xfr.test", "AXFR")).rcode() == dns.rcode.NOTAUTH
        end.send(query("midway.xfr.test", "AXFR"))
        assert end.receive().rcode() == dns.rcode.NOERROR
        assert end.receive().rcode() == dns.rcode.SERVFAIL
        assert end.ask(query("refused.xfr.test", "AXFR")).rcode() == dns.rcode.REFUSED
        assert end.ask(query("after.xfr.test")).answer


def test_every_message_walks_through_the_xfr_chain_and_no_other(p):
    with p.tcp() as end:
        end.send(query("ttl.xfr.test", "AXFR"))
        assert [rrset.ttl for _ in range(3) for rrset in end.receive().answer] == [77] * 4
    assert " 3 " in [line for line in p.command("showXFRResponseRules()").splitlines() if "ttl.xfr.test" in line][0]


def test_a_rule_that_drops_a_message_ends_the_connection(p):
    with p.tcp() as end:
        end.send(query("dropsecond.xfr.test", "AXFR"))
        assert end.receive().answer
        assert end.at_end()
    check_balance(p)


@pytest.mark.parametrize("label", ["wrongid", "wrongname"])
def test_nonsense_in_between_ends_the_connection(p, label):
    with p.tcp() as end:
        end.send(query(f"{label}.xfr.test", "AXFR"))
        assert end.receive().answer
        assert end.at_end()
    check_balance(p)


def test_a_backend_that_falls_silent(p):
    with p.tcp() as end:
        end.send(query("silent.xfr.test", "AXFR"))
        assert end.receive().answer
        assert end.at_end()
    check_balance(p)


def slowly(asked):
    """A message every 0.4 seconds, 3.2 seconds in all; any other query is answered at once."""
    if asked.type != "AXFR":
        return answer(asked, "60 A 192.0.2.1")
    for records in [[soa(), a(1)]] + [[a(n)] for n in range(2, 9)] + [[soa()]]:
        asked.reply_with(message(asked, *records).to_wire())
        time.sleep(.4)
    return None


def test_a_transfer_may_take_longer_than_a_silence():
    """tcpRecvTimeout is how long a backend may be silent, not how long a whole transfer may take."""
    config = 'newServer{address="$backend", tcpRecvTimeout=1}'
    with Responder(slowly) as backend, Proxy(config, backend=backend.address) as p:
        with p.tcp() as end:
            end.send(query("slow.xfr.test", "AXFR"))
            for _ in range(9):
                assert end.receive().answer
            assert end.ask(query("after.xfr.test")).answer
        check_balance(p)


def test_several_at_once_and_clients_that_leave(p):
    ends = [p.tcp() for _ in range(10)]
    for number, end in enumerate(ends):
        end.send(query("five.xfr.test", "AXFR"))
        if number % 2:
            end.close()
    for end in ends[::2]:
        assert [len(end.receive(one_rr_per_rrset=True).answer) for _ in range(5)] == [1, 1, 2, 1, 1]
        end.close()
    check_balance(p)


def test_nothing_of_it_is_cached(p, backend):
    before = len([asked for asked in backend.queries if asked.type == "AXFR"])
    cached = p.command("return pc:toString()")
    for _ in range(2):
        with p.tcp() as end:
            end.send(query("two.xfr.test", "AXFR"))
            assert end.receive().answer and end.receive().answer
    assert len([asked for asked in backend.queries if asked.type == "AXFR"]) == before + 2
    assert p.command("return pc:toString()") == cached


class Flood:
    """A server that sends one long transfer as fast as its client reads; counts what it could send."""

    def __init__(self, messages):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.messages, self.sent, self.broken = messages, 0, False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.transfer, args=(stream,), daemon=True).start()

    def transfer(self, stream):
        try:
            reader = stream.makefile("rb")
            asked = dns.message.from_wire(reader.read(struct.unpack("!H", reader.read(2))[0]))
            first = dns.message.make_response(asked)
            first.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "SOA", ". . 7 0 0 0 0"))
            middle = dns.message.make_response(asked)
            for number in range(600):
                middle.answer.append(dns.rrset.from_text(f"n{number}.big.xfr.test.", 60, "IN", "TXT", "x" * 60))
            wire = middle.to_wire()
            stream.sendall(struct.pack("!H", len(first.to_wire())) + first.to_wire())
            for _ in range(self.messages):
                stream.sendall(struct.pack("!H", len(wire)) + wire)
                self.sent += 1
            stream.sendall(struct.pack("!H", len(first.to_wire())) + first.to_wire())
            stream.shutdown(socket.SHUT_WR)
            reader.read()
        except OSError:
            self.broken = True
        finally:
            stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def flood_config():
    return 'newServer{address="$backend", tcpOnly=true, healthCheckMode="up"} setTCPSendTimeout(20)'


def test_a_slow_client_slows_the_backend_down():
    """What the client has not read stays with the backend: memory is bounded."""
    with Flood(1500) as backend, Proxy(flood_config(), backend=backend.address) as p:
        with p.tcp() as end:
            end.send(query("big.xfr.test", "AXFR"))
            assert end.receive().answer
            wait_until(lambda: backend.sent > 5, 10, "the transfer under way")
            seen = -1
            while seen != backend.sent:  # until it stands still
                seen = backend.sent
                threading.Event().wait(.3)
            assert backend.sent < 1000, "the program takes it all"
            for _ in range(1500):
                assert end.receive_wire()
            assert end.receive().answer[0].rdtype == dns.rdatatype.SOA
        assert backend.sent == 1500
        check_balance(p)


def test_a_client_that_leaves_a_full_transfer():
    with Flood(1500) as backend, Proxy(flood_config(), backend=backend.address) as p:
        with p.tcp() as end:
            end.send(query("big.xfr.test", "AXFR"))
            assert end.receive().answer
            wait_until(lambda: backend.sent > 5, 10, "the transfer under way")
        wait_until(lambda: backend.broken, 10, "the backend is told")
        check_balance(p)


def test_the_process_ends_in_the_middle_of_a_transfer():
    with Flood(1500) as backend, Proxy(flood_config(), backend=backend.address) as p:
        with p.tcp() as end:
            end.send(query("big.xfr.test", "AXFR"))
            assert end.receive().answer
            p.stop()


@pytest.mark.skipif(not have_knot(), reason="no knotd")
@pytest.mark.concurrent
def test_a_real_server():
    content = ZONE + "".join(f'n{number} TXT "{"x" * 60}"\n' for number in range(3000))
    with Knot(content=content) as knot, Proxy('newServer{address="$knot", checkName="zone.test."}', knot=knot.address) as p:
        def transfer(where):
            host, port = where.rsplit(":", 1) if isinstance(where, str) else where
            messages = dns.query.xfr(host, "zone.test.", port=int(port), lifetime=60, relativize=False)
            return dns.zone.from_xfr(messages, relativize=False)
        direct = transfer(knot.address)
        zones, threads = [], []
        for _ in range(4):
            threads.append(threading.Thread(target=lambda: zones.append(transfer(p.address))))
            threads[-1].start()
        for thread in threads:
            thread.join()
        assert len(zones) == 4 and all(zone == direct for zone in zones)
        assert sum(len(rdataset) for node in direct.values() for rdataset in node) > 3000
        check_balance(p)
