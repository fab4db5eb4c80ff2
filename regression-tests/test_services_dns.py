# SPDX-License-Identifier: BSD-2-Clause
"""Scripted DNS servers: handlers, answers at once and later, limits of size and time, bad input, and use as a backend."""
import socket
import struct
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from harness import ports
from harness.client import TcpClient, UdpClient, addresses, query
from harness.proxy import Proxy
from harness.responder import wait_until

SCRIPT = r"""
waiting = {}
service = addDNSService{name="alpha", listen="127.0.0.1:$port"}
service:addHandler{label="www", match="^www\\.", handler=function(q, reply)
  seen = q
  reply("noerror", {rr(q.name, 60, "IN", "A", "192.0.2.1"), rr(q.name, 60, "IN", "A", "192.0.2.2")},
        {rr("handler.test", 61, "IN", "NS", "ns.handler.test")}, {rr("ns.handler.test", 62, "IN", "A", "192.0.2.3")},
        {aa=true, ra=true})
end}
service:addHandler{label="number", match="^number\\.", handler=function(q, reply) reply(3) end}
service:addHandler{label="twice", match="^twice\\.", handler=function(q, reply)
  reply("NXDOMAIN")
  second, why = reply("NOERROR")
end}
service:addHandler{label="error", match="^error\\.", handler=function(q, reply) error("on purpose") end}
service:addHandler{label="badrcode", match="^badrcode\\.", handler=function(q, reply) reply("NOSUCHCODE") end}
service:addHandler{label="badrecord", match="^badrecord\\.", handler=function(q, reply) reply(0, "not a record") end}
service:addHandler{label="later", match="^later\\.", timeout=30, handler=function(q, reply)
  waiting[#waiting + 1] = function() return reply("NOERROR", {rr(q.name, 1, "IN", "TXT", '"' .. q.name .. '"')}) end
end}
service:addHandler{label="never", match="^never\\.", timeout=0.2, onTimeout="NOTAUTH", handler=function(q, reply)
  kept = reply
end}
service:addHandler{label="many", match="^many-[0-9]+\\.", handler=function(q, reply)
  local records = {}
  for i = 1, tonumber(q.name:match("%d+")) do
    records[i] = rr(q.name, 1, "IN", "A", "192.0." .. math.floor(i / 256) .. "." .. i % 256)
  end
  reply("NOERROR", records)
end}
service:addHandler{label="txt", match="^txt\\.", handler=function(q, reply)
  local records = {}
  for i = 1, 400 do records[i] = rr(q.name, 1, "IN", "TXT", string.rep("x", 250)) end
  reply("NOERROR", records)
end}
service:addHandler{label="echo", match="^(?i)echo\\.|^\\.$$", handler=function(q, reply)
  reply("NOERROR", {rr(q.name, 1, "IN", "TXT", '"' .. q.type .. "/" .. q.class .. "/" .. q.protocol .. "/" .. q.label .. '"')})
end}
function answerAll() for _, f in ipairs(waiting) do f() end waiting = {} end
newServer{address="127.0.0.1:$port", name="alpha"}
"""


@pytest.fixture(scope="module")
def p():
    port = ports.free_port()
    with Proxy(SCRIPT, port=str(port)) as proxy:
        proxy.service = ("127.0.0.1", port)
        yield proxy


def ask(p, name, qtype="A", tcp=False, **options):
    with (TcpClient if tcp else UdpClient)(p.service) as end:
        return end.ask(query(name, qtype, **options))


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_answer(p, tcp):
    reply = ask(p, "www.handler.test", tcp=tcp, cd=True)
    assert addresses(reply) == ["192.0.2.1", "192.0.2.2"]
    assert reply.authority[0].to_text() == "handler.test. 61 IN NS ns.handler.test."
    assert reply.additional[0].to_text() == "ns.handler.test. 62 IN A 192.0.2.3"
    assert dns.flags.to_text(reply.flags) == "QR AA RD RA CD"
    assert p.command("return seen.name .. ' ' .. seen.type .. ' ' .. seen.label") == "www.handler.test A www\n"
    assert p.command("return seen.remote").startswith("127.0.0.1:")


def test_case_counts_and_is_kept(p):
    assert ask(p, "WWW.handler.test").rcode() == dns.rcode.REFUSED
    reply = ask(p, "eChO.Handler.test", "TYPE65280", qclass="CH")
    assert reply.question[0].name.to_text() == "eChO.Handler.test."
    assert reply.answer[0][0].to_text() == '"TYPE65280/CH/UDP/echo"'
    assert ask(p, ".", "NS", tcp=True).answer[0][0].to_text() == '"NS/IN/TCP/echo"'


@pytest.mark.parametrize("word,rcode", [
    ("number", "NXDOMAIN"), ("twice", "NXDOMAIN"), ("error", "SERVFAIL"), ("badrcode", "SERVFAIL"),
    ("badrecord", "SERVFAIL"), ("nobody", "REFUSED")])
def test_rcodes(p, word, rcode):
    reply = ask(p, f"{word}.handler.test")
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert dns.flags.to_text(reply.flags) == "QR RD"
    if word == "twice":
        assert p.command("return tostring(second) .. ': ' .. why") == "nil: answered already\n"


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_answers_later_and_out_of_order(p, tcp):
    """Two wait; a third that comes after them is answered before; then a console command answers both."""
    with (TcpClient if tcp else UdpClient)(p.service) as end:
        for number in (1, 2):
            end.send(query(f"later.n{number}.handler.test", "TXT", id=number))
        end.send(query("number.handler.test", id=3))
        assert end.receive().id == 3
        p.command("answerAll()")
        assert sorted(end.receive().answer[0][0].to_text() for _ in range(2)) == [
            '"later.n1.handler.test"', '"later.n2.handler.test"']


def test_never_answered(p):
    assert dns.rcode.to_text(ask(p, "never.handler.test").rcode()) == "NOTAUTH"
    assert p.command("local done, why = kept() return tostring(done) .. ': ' .. why").startswith("nil: too late")


def test_client_leaves_before_the_answer(p):
    with TcpClient(p.service) as end:
        end.send(query("later.gone.handler.test"))
        wait_until(lambda: p.command("return #waiting") == "1\n", 5, "the handler")
        end.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    p.command("answerAll()")
    assert addresses(ask(p, "www.after.test")) == ["192.0.2.1", "192.0.2.2"]


def test_truncation(p):
    """512 bytes without EDNS, at most 1232 with it, everything over TCP, and SERVFAIL for what no message can hold."""
    for count, edns, whole in [(28, None, True), (40, None, False), (40, 4096, True), (40, 600, False), (200, 4096, False)]:
        reply = ask(p, f"many-{count}.handler.test", edns=edns)
        assert len(addresses(reply)) == (count if whole else 0), (count, edns)
        assert bool(reply.flags & dns.flags.TC) != whole
        assert len(reply.to_wire()) <= min(edns or 512, 1232)
    assert len(addresses(ask(p, "many-1000.handler.test", tcp=True))) == 1000
    assert ask(p, "txt.handler.test", "TXT", tcp=True).rcode() == dns.rcode.SERVFAIL


def test_edns(p):
    reply = ask(p, "www.handler.test", edns=4096, do=True, options=[dns.edns.GenericOption(65001, b"abc")])
    assert (reply.edns, reply.payload, reply.ednsflags, reply.options) == (0, 1232, dns.flags.DO, ())
    assert ask(p, "www.handler.test").edns == -1
    strange = query("www.handler.test", edns=1232)
    strange.use_edns(1)
    with UdpClient(p.service) as end:
        assert end.ask(strange).rcode() == dns.rcode.BADVERS


BAD = {
    "header alone": (struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0), "FORMERR"),
    "no question": (struct.pack("!6H", 7, 0x0100, 0, 0, 0, 0), "FORMERR"),
    "question cut": (query("www.handler.test", id=7).to_wire()[:-3], "FORMERR"),
    "two questions": (struct.pack("!6H", 7, 0x0100, 2, 0, 0, 0) + b"\x01a\x00\x00\x01\x00\x01" * 2, "FORMERR"),
    "missing record": (struct.pack("!6H", 7, 0x0100, 1, 0, 0, 1) + b"\x01a\x00\x00\x01\x00\x01", "FORMERR"),
    "pointer": (struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01", "FORMERR"),
    "status": (struct.pack("!6H", 7, 0x1000, 1, 0, 0, 0) + b"\x01a\x00\x00\x01\x00\x01", "NOTIMP"),
    "update": (struct.pack("!6H", 7, 0x2800, 1, 0, 0, 0) + b"\x01a\x00\x00\x06\x00\x01", "NOTIMP"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("client", [UdpClient, TcpClient])
def test_malformed(p, kind, client):
    wire, rcode = BAD[kind]
    with client(p.service) as end:
        end.send(wire)
        reply = end.receive_wire()
    assert reply[:2] == wire[:2] and reply[2] & 0x80
    assert dns.rcode.to_text(reply[3] & 15) == rcode


def test_answers_are_not_answered(p):
    with UdpClient(p.service) as end:
        for noise in (struct.pack("!6H", 7, 0x8180, 1, 0, 0, 0) + b"\x01a\x00\x00\x01\x00\x01", b"", b"abc"):
            end.send_and_expect_nothing(noise, query("number.barrier.test"))


def test_handlers_edited_while_it_runs(p):
    p.command('service:addHandler{label="new", match="^new\\\\.", handler=function(q, reply) reply("YXDOMAIN") end}')
    assert ask(p, "new.handler.test").rcode() == dns.rcode.YXDOMAIN
    assert "new" in p.command("service:showHandlers()")
    p.command('getDNSService("alpha"):rmHandler("new")')
    assert ask(p, "new.handler.test").rcode() == dns.rcode.REFUSED
    for line, text in [('service:rmHandler("new")', "there is no handler 'new'"),
                       ('service:addHandler{label="www", match="a", handler=print}', "has a handler 'www' already"),
                       ('service:addHandler{label="x", match="(", handler=print}', "is not a regular expression"),
                       ('service:addHandler{label="x", match="a"}', "'handler' is missing"),
                       ('rr("a", 1, "IN", "A", "x")', "a 1 IN A x")]:
        assert text in p.command(line)
    assert "alpha" in p.command("showDNSServices()")
    assert p.command("return service:name() .. ' ' .. service:address()") == "alpha 127.0.0.1:%d\n" % p.service[1]


def test_is_a_backend_and_no_bind_of_the_proxy(p):
    assert addresses(p.ask("www.through.test")) == ["192.0.2.1", "192.0.2.2"]
    assert addresses(p.ask("www.through.test", tcp=True)) == ["192.0.2.1", "192.0.2.2"]
    assert p.command("getBindCount()") == "2\n"
    assert str(p.service[1]) not in p.command("showBinds()")
    counters = p.counters()
    ask(p, "www.direct.test")
    assert p.counters()["queries"] == counters["queries"], "its queries are not the proxy's"


def test_dig(p):
    done = subprocess.run(["dig", "+short", "-p", str(p.service[1]), "@127.0.0.1", "www.dig.test"], capture_output=True,
                          text=True, timeout=20, check=True)
    assert done.stdout.split() == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.concurrent
def test_many_wait(p):
    """A thousand wait, one hundred others are answered meanwhile, then all at once."""
    # Ten clients, so that the answers fit into the receive buffers that the kernel allows.
    ends = [UdpClient(p.service, timeout=20) for _ in range(10)]
    before = int(p.command("return #waiting"))
    for number in range(1000):
        end = ends[number % 10]
        end.send(query(f"later.m{number}.handler.test", "TXT"))
        if number % 10 == 0:
            end.send(query("number.handler.test", id=1))
            assert end.receive().id == 1
    # The last ones may still be on their way to the handler.
    wait_until(lambda: int(p.command("return #waiting")) >= before + 1000, 20, "a thousand waiting")
    p.command("answerAll()")
    names = {end.receive().answer[0].name.to_text() for end in ends for _ in range(100)}
    assert len(names) == 1000
    for end in ends:
        end.socket.close()


def test_ends_while_queries_wait():
    port = ports.free_port()
    with Proxy(SCRIPT, port=str(port)) as proxy, UdpClient(("127.0.0.1", port)) as end:
        end.send(query("later.end.handler.test"))
        wait_until(lambda: proxy.command("return #waiting") == "1\n", 5, "the handler")
