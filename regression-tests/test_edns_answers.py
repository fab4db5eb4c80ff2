# SPDX-License-Identifier: BSD-2-Clause
"""EDNS of answers that the program makes itself: whichever way they are made, the client's decides."""
import dns.edns
import dns.flags
import dns.message
import pytest

from harness.client import query
from harness.proxy import Proxy
from harness.responder import Responder, answer

CONFIG = """
    newServer{address="$backend"}
    addAction("option.header.test", SetEDNSOptionAction(65001, "mine"))
    addAction("rcode.test", RCodeAction(DNSRCode.REFUSED))
    addAction("ercode.test", ERCodeAction(16))
    addAction("spoof.test", SpoofAction({"192.0.2.1", "192.0.2.2"}))
    addAction("cname.test", SpoofCNAMEAction("target.test"))
    addAction("raw.test", SpoofRawAction("\\192\\000\\002\\001"))
    addAction("negative.test", NegativeAndSOAAction(true, "z.test", 60, "m.test", "r.test", 1, 2, 3, 4, 5))
    addAction("authority.test", NegativeAndSOAAction(false, "z.test", 60, "m.test", "r.test", 1, 2, 3, 4, 5,
                                                     {soaInAuthoritySection=true}))
    addAction("tc.test", TCAction())
    addAction("nxdomain.test", LuaAction(function(dq) return DNSAction.Nxdomain end))
    addAction("luaspoof.test", LuaAction(function(dq) return DNSAction.Spoof, "192.0.2.1" end))
    addAction("methodspoof.test", LuaAction(function(dq) dq:spoof("\\192\\000\\002\\001") return DNSAction.HeaderModify end))
    addAction("fail.test", LuaAction(function(dq) error("x") end))
    addAction("header.test", LuaAction(function(dq)
      dq.dh:setQR(true)
      dq.rcode = DNSRCode.REFUSED
      return DNSAction.HeaderModify
    end))
    addAction("nobackend.test", PoolAction("nobackend"))
    getPool("nobackend")
    setServFailWhenNoServer(true)
    addAction("soa.test", LuaAction(function(dq)
      dq:setNegativeAndAdditionalSOA(false, newDNSName("z.test"), 60, newDNSName("m.test"), newDNSName("r.test"), 1, 2, 3, 4, 5)
      return DNSAction.HeaderModify
    end))
    local C = require("ffi").C
    newServer{address="$backend", pool="errors"}
    getPool("errors"):setCache(newPacketCache(100))
    addAction("set.error.test", SetExtendedDNSErrorAction(2, "ours"))
    addAction("add.error.test", SetExtendedDNSErrorAction(2, "ours", false))
    addAction({"two.error.test", "late.error.test"}, SetExtendedDNSErrorAction(2, "ours"))
    addAction("two.error.test", SetExtendedDNSErrorAction(3, "", false))
    addAction("lua.error.test", LuaAction(function(dq) dq:setExtendedDNSError(2, "ours") return DNSAction.None end))
    addAction("ffi.error.test", LuaFFIAction(function(dq)
      C.dnsdist_ffi_dnsquestion_set_extended_dns_error(dq, 2, "ours", 4) return DNSAction.None end))
    addAction("ffiadd.error.test", LuaFFIAction(function(dq)
      C.dnsdist_ffi_dnsquestion_add_extended_dns_error(dq, 2, "ours", 4) return DNSAction.None end))
    addAction("error.test", PoolAction("errors"))
    for _, add in ipairs({addResponseAction, addCacheHitResponseAction}) do
      add("late.error.test", SetExtendedDNSErrorResponseAction(4, "late", false))
      add("rset.error.test", SetExtendedDNSErrorResponseAction(2, "ours"))
      add("radd.error.test", SetExtendedDNSErrorResponseAction(2, "ours", false))
      add("lradd.error.test", LuaResponseAction(function(dr) dr:setExtendedDNSError(2, "ours", false) return DNSResponseAction.None end))
    end
    addSelfAnsweredResponseAction("ede.rcode.test", SetExtendedDNSErrorResponseAction(15, "blocked"))
"""
NAMES = ["rcode", "ercode", "spoof", "cname", "raw", "negative", "authority", "tc", "nxdomain", "luaspoof", "methodspoof",
         "fail", "header", "nobackend"]


def handle(asked):
    reply = answer(asked, "60 A 192.0.2.1")
    if asked.message.edns >= 0:
        reply.use_edns(0, options=[dns.edns.EDEOption(1, "theirs")])
    return reply


@pytest.fixture(scope="module")
def p():
    with Responder(handle) as server, Proxy(CONFIG, backend=server.address) as proxy:
        yield proxy


COOKIE = [dns.edns.GenericOption(10, b"01234567"), dns.edns.ECSOption("192.0.2.0", 24)]
PATHS = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])


def ask(p, message, tcp=False):
    with (p.tcp() if tcp else p.udp()) as end:
        end.send(message)
        return dns.message.from_wire(end.receive_wire())


@PATHS
@pytest.mark.parametrize("name", NAMES)
def test_opt(p, name, tcp):
    if name == "tc" and tcp:
        pytest.skip("a stream is not truncated")
    reply = ask(p, query(f"x.{name}.test"), tcp)
    assert reply.edns == -1 and reply.flags & dns.flags.QR
    for do in (False, True):
        reply = ask(p, query(f"x.{name}.test", edns=4000, do=do, options=COOKIE), tcp)
        assert (reply.edns, reply.payload, reply.options) == (0, 1232, ()), reply
        assert bool(reply.ednsflags & dns.flags.DO) == do
    # signed: nothing of it comes back
    signed = query(f"x.{name}.test", edns=1232).to_wire()
    signed = signed[:10] + b"\0\2" + signed[12:] + b"\3key\0\0\xfa\0\xff\0\0\0\0\0\3sig"
    reply = ask(p, signed, tcp)
    assert reply.edns == 0 and not any(rrset.rdtype == 250 for rrset in reply.additional)


def test_extended_rcode(p):
    assert ask(p, query("x.ercode.test")).rcode() == 0
    assert ask(p, query("x.ercode.test", edns=512)).rcode() == 16


def test_our_own_opt_is_not_the_clients(p):
    assert ask(p, query("x.option.header.test")).edns == -1
    assert ask(p, query("x.option.header.test", edns=512)).options == ()


def test_extended_errors_need_an_opt(p):
    assert ask(p, query("ede.rcode.test")).edns == -1
    reply = ask(p, query("ede.rcode.test", edns=512))
    assert [(option.code, option.text) for option in reply.options] == [(15, "blocked")]


@pytest.mark.parametrize("size,sent", [(1400, 1400), (100, 512), (512, 512), (1500, 1500), (9000, 1500)])
def test_payload_size(p, size, sent):
    p.command(f"setPayloadSizeOnSelfGeneratedAnswers({size})")
    try:
        assert ask(p, query("x.rcode.test", edns=4000)).payload == sent
    finally:
        p.command("setPayloadSizeOnSelfGeneratedAnswers(1232)")


def test_switched_off(p):
    p.command("setAddEDNSToSelfGeneratedResponses(false)")
    try:
        for name in NAMES:
            assert ask(p, query(f"x.{name}.test", edns=4000)).edns == -1, name
    finally:
        p.command("setAddEDNSToSelfGeneratedResponses(true)")


@pytest.mark.parametrize("name", ["rcode", "ercode", "spoof", "cname", "raw", "negative", "authority"])
def test_flags(p, name):
    """AD is cleared, RA is RD, AA is left alone."""
    for rd in (False, True):
        reply = ask(p, query(f"x.{name}.test", rd=rd, ad=True))
        assert bool(reply.flags & dns.flags.RA) == rd and not reply.flags & (dns.flags.AD | dns.flags.AA)
        message = query(f"x.{name}.test", rd=rd)
        message.flags |= dns.flags.AA
        assert ask(p, message).flags & dns.flags.AA


@PATHS
@pytest.mark.parametrize("name", ["nxdomain", "fail", "header", "nobackend", "soa"])
def test_flags_that_stay(p, name, tcp):
    """Verdicts, failures and methods turn the query around as it is: RA, AA, AD and TC too."""
    for bits in ("", "RD", "RD AD", "RD AD CD", "AD", "RA", "RA AA", "AA AD RA RD CD", "TC RD"):
        message = query(f"x.{name}.test")
        message.flags = dns.flags.from_text(bits)
        assert dns.flags.to_text(ask(p, message, tcp).flags & ~0xf) == dns.flags.to_text(dns.flags.from_text("QR " + bits))


def errors(reply):
    return sorted((int(option.code), option.text) for option in reply.options if option.otype == dns.edns.EDE)


@PATHS
def test_extended_errors_of_the_backend(p, tcp):
    """Set takes their place, Set with false and Add join them; the cache hands out the backend's, and ours behind it."""
    theirs, ours = (1, "theirs"), (2, "ours")
    for name, want in (("plain", [theirs]), ("set", [ours]), ("add", [theirs, ours]), ("two", [ours, (3, None)]),
                       ("late", [ours, (4, "late")]), ("rset", [ours]), ("radd", [theirs, ours]), ("lua", [ours]), ("lradd", [theirs, ours]),
                       ("ffi", [ours]), ("ffiadd", [theirs, ours])):
        for _ in range(2):  # from the backend, then from the cache
            assert errors(ask(p, query(f"{name}.error.test", edns=1232), tcp)) == want, name
        assert ask(p, query(f"{name}.error.test"), tcp).edns == -1


def test_flags_of_truncation(p):
    message = query("x.tc.test", ad=True)
    message.flags |= dns.flags.AA
    reply = ask(p, message)
    assert reply.flags & (dns.flags.AA | dns.flags.AD | dns.flags.TC | dns.flags.RA) == dns.flags.TC | dns.flags.RA


def test_too_large_for_the_client(p):
    """512 bytes, or what its EDNS says: else nothing but the question, TC and the OPT."""
    addresses = ", ".join(f'"192.0.2.{i}"' for i in range(1, 60))
    p.command(f'addAction("large.test", SpoofAction({{{addresses}}}))')
    for edns, complete in ((None, False), (600, False), (100, False), (1232, True)):
        reply = ask(p, query("large.test", **(dict(edns=edns) if edns else {})))
        assert bool(reply.flags & dns.flags.TC) != complete and bool(reply.answer) == complete
        assert reply.edns == (0 if edns else -1)
    assert len(ask(p, query("large.test"), tcp=True).answer[0]) == 59
