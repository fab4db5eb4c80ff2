# SPDX-License-Identifier: BSD-2-Clause
"""Actions of the query and response chains: one process, a rule per name, what each does to a query."""
import dns.flags
import dns.opcode
import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy, run
from harness.responder import Responder, address_answer, answer, wait_until

CONFIG = """
newServer{address="$main", name="main"}
newServer{address="$other", name="other", pool="other"}
newServer{address="$main", name="third", pool="third"}

addAction("allow.act.test", AllowAction())
addAction("drop.act.test", DropAction())
addAction("none.act.test", NoneAction())
addAction("none.act.test", SpoofAction("192.0.2.50"))
addAction("continue.act.test", ContinueAction(PoolAction("other")))
addAction("continue.act.test", SetTagAction("went", "on"))
addAction("pool.act.test", PoolAction("other"))
addAction("poolon.act.test", PoolAction("other", false))
addAction("poolon.act.test", PoolAction("third"))
addAction("qps.act.test", QPSAction(3))
addAction("qpspool.act.test", QPSPoolAction(3, "other"))
addAction("refused.act.test", RCodeAction(DNSRCode.REFUSED))
addAction("nxdomain.act.test", RCodeAction(DNSRCode.NXDOMAIN, {aa=true, ra=false}))
addAction("rcodead.act.test", RCodeAction(DNSRCode.NOERROR, {ad=true, ra=true}))
addAction("spoof.act.test", SpoofAction("192.0.2.51"))
addAction("spoof2.act.test", SpoofAction({"192.0.2.51", "192.0.2.52", "2001:db8::51"}, {ttl=17, aa=true}))
addAction("spoof6.act.test", SpoofAction("2001:db8::51"))
addAction("cname.act.test", SpoofCNAMEAction("target.act.test", {ttl=18}))
addAction("tc.act.test", TCAction())
addAction(AndRule{QNameRule("tcudp.act.test"), TCPRule(false)}, TCAction())
addAction("norecurse.act.test", SetNoRecurseAction())
addAction("tag.act.test", SetTagAction("colour", "blue"))
addAction(TagRule("colour", "blue"), SpoofAction("192.0.2.53"))
addAction("log.act.test", LogAction("$folder/query.log", false, true, false, false))
addAction("lua.act.test", LuaAction(function(dq) return DNSAction.Spoof, "192.0.2.54" end))
addAction("luanone.act.test", LuaAction(function(dq) return DNSAction.None end))
addAction("luanone.act.test", SpoofAction("192.0.2.55"))
addAction("luapool.act.test", LuaAction(function(dq) return DNSAction.Pool, "other" end))
addAction("luadrop.act.test", LuaAction(function(dq) return DNSAction.Drop end))
addAction("luanx.act.test", LuaAction(function(dq) return DNSAction.Nxdomain end))
addAction("luafail.act.test", LuaAction(function(dq) error("on purpose") end))
addAction("luatype.act.test", LuaAction(function(dq) return true end))
addAction("luatrunc.act.test", LuaAction(function(dq) return DNSAction.Truncate end))
addAction("luarcode.act.test", LuaAction(function(dq)
  dq.rcode = DNSRCode.REFUSED
  dq.dh:setQR(true)
  return DNSAction.HeaderModify
end))
addAction("luacname.act.test", LuaAction(function(dq) return DNSAction.Spoof, "elsewhere.act.test" end))
addAction("delay.act.test", DelayAction(300))

addResponseAction("rdrop.act.test", DropResponseAction())
addResponseAction("rallow.act.test", AllowResponseAction())
addResponseAction("rallow.act.test", DropResponseAction())
addResponseAction("rlua.act.test", LuaResponseAction(function(dr)
  return DNSResponseAction.ServFail
end))
addResponseAction("rluafail.act.test", LuaResponseAction(function(dr) error("on purpose") end))
addResponseAction("rdelay.act.test", DelayResponseAction(300))
addResponseAction("rttl.act.test", LuaResponseAction(function(dr)
  dr:editTTLs(function(section, class, type, ttl) return 77 end)
  return DNSResponseAction.None
end))
addSelfAnsweredResponseAction("selfdrop.act.test", DropResponseAction())
addAction("selfdrop.act.test", SpoofAction("192.0.2.56"))
"""


@pytest.fixture(scope="module")
def p():
    with Responder(address_answer("192.0.2.1")) as main, Responder(address_answer("192.0.2.2")) as other:
        with Proxy(CONFIG, main=main.address, other=other.address) as proxy:
            proxy.main, proxy.other = main, other
            yield proxy


@pytest.mark.parametrize("name,expected", [
    ("allow", ["192.0.2.1"]), ("none", ["192.0.2.50"]), ("pool", ["192.0.2.2"]), ("poolon", ["192.0.2.1"]),
    ("spoof", ["192.0.2.51"]), ("tag", ["192.0.2.53"]), ("lua", ["192.0.2.54"]), ("luanone", ["192.0.2.55"]),
    ("luapool", ["192.0.2.2"]), ("rallow", ["192.0.2.1"]), ("norule", ["192.0.2.1"])])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_which_address_is_answered(p, name, expected, tcp):
    assert addresses(p.ask(f"{name}.act.test", tcp=tcp)) == expected


@pytest.mark.parametrize("name", ["drop", "luadrop", "selfdrop", "rdrop"])
def test_dropped(p, name):
    """Over UDP nothing comes; over TCP the connection is closed."""
    barrier = query("allow.act.test")
    with p.udp() as end:
        end.send_and_expect_nothing(query(f"{name}.act.test"), barrier)
    with p.tcp() as end:
        end.send(query(f"{name}.act.test"))
        assert end.at_end()


@pytest.mark.parametrize("name,rcode", [
    ("refused", "REFUSED"), ("nxdomain", "NXDOMAIN"), ("luanx", "NXDOMAIN"), ("luafail", "SERVFAIL"),
    ("luatype", "SERVFAIL"), ("luarcode", "REFUSED"), ("rlua", "SERVFAIL"), ("rluafail", "SERVFAIL")])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_rcode(p, name, rcode, tcp):
    message = query(f"{name}.act.test")
    reply = p.ask(f"{name}.act.test", tcp=tcp)
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert reply.flags & dns.flags.QR and reply.question == message.question


def flags_of(reply):
    return {flag for flag in ("AA", "RA", "AD", "RD", "TC") if reply.flags & dns.flags.from_text(flag)}


@pytest.mark.parametrize("name,asked,expected", [
    ("refused", {}, {"RD", "RA"}), ("refused", dict(rd=False), set()), ("refused", dict(ad=True), {"RD", "RA"}),
    ("nxdomain", {}, {"RD", "AA"}), ("rcodead", dict(rd=False), {"AD", "RA"}),
    ("spoof", {}, {"RD", "RA"}), ("spoof2", {}, {"RD", "RA", "AA"}), ("tc", {}, {"RD", "RA", "TC"})])
def test_flags_of_answers_made_here(p, name, asked, expected):
    assert flags_of(p.ask(f"{name}.act.test", **asked)) == expected


def test_spoof_several(p):
    reply = p.ask("spoof2.act.test")
    assert sorted(addresses(reply)) == ["192.0.2.51", "192.0.2.52"] and reply.answer[0].ttl == 17
    assert addresses(p.ask("spoof2.act.test", "AAAA")) == ["2001:db8::51"]
    assert sorted(addresses(p.ask("spoof2.act.test", "ANY"))) == ["192.0.2.51", "192.0.2.52", "2001:db8::51"]
    assert p.ask("spoof.act.test").answer[0].ttl == 60


def test_spoof_of_another_family_lets_the_chain_go_on(p):
    assert addresses(p.ask("spoof6.act.test")) == ["192.0.2.1"]
    assert p.ask("spoof.act.test", "TXT").answer[0][0].to_text() == '"192.0.2.1"'


def test_spoof_cname(p):
    for qtype in ("A", "TXT"):
        reply = p.ask("cname.act.test", qtype)
        assert [rrset.to_text() for rrset in reply.answer] == ["cname.act.test. 18 IN CNAME target.act.test."]
    assert p.ask("luacname.act.test").answer[0].to_text() == "luacname.act.test. 60 IN CNAME elsewhere.act.test."


def test_casing_and_edns_of_spoofed_answers(p):
    reply = p.ask("SpOoF.act.test", edns=1400, do=True)
    assert reply.question[0].name.to_text() == reply.answer[0].name.to_text() == "SpOoF.act.test."
    assert reply.edns == 0 and reply.payload == 1232 and reply.ednsflags & dns.flags.DO
    assert p.ask("spoof.act.test").edns == -1


def test_truncation(p):
    assert p.ask("tc.act.test").flags & dns.flags.TC
    assert p.ask("luatrunc.act.test").flags & dns.flags.TC
    assert p.ask("tcudp.act.test").flags & dns.flags.TC
    assert addresses(p.ask("tcudp.act.test", tcp=True)) == ["192.0.2.1"]
    assert addresses(p.ask("luatrunc.act.test", tcp=True)) == ["192.0.2.1"], "the verdict means UDP alone"


def test_set_no_recurse(p):
    reply = p.ask("norecurse.act.test")
    assert not p.main.asked_for("norecurse.act.test")[0].message.flags & dns.flags.RD
    assert reply.flags & dns.flags.RD, "the client's own flag comes back"


def test_continue(p):
    p.ask("continue.act.test")
    assert p.other.asked_for("continue.act.test")


def test_qps_actions(p):
    with p.udp() as end:
        for _ in range(12):
            end.send(query("qps.act.test", id=1))
        end.send(query("allow.act.test", id=2))
        got = 0
        while end.receive().id == 1:
            got += 1
    assert 3 <= got <= 5
    with p.udp() as end:
        got = [addresses(end.ask(query("qpspool.act.test")))[0] for _ in range(12)]
    assert 3 <= got.count("192.0.2.2") <= 5 and "192.0.2.1" in got


def test_log_to_a_file(p):
    p.ask("log.act.test")
    path = f"{p.folder.name}/query.log"

    def logged():
        with open(path, encoding="utf-8", errors="replace") as file:
            return "log.act.test" in file.read()
    wait_until(logged, 5, "a line in the log")


@pytest.mark.parametrize("name", ["delay", "rdelay"])
def test_delay(p, name):
    """Answers of other queries overtake a delayed one; TCP is not delayed."""
    import time
    with p.udp() as end:
        started = time.monotonic()
        end.send(query(f"{name}.act.test", id=1))
        end.send(query("allow.act.test", id=2))
        assert end.receive().id == 2
        assert end.receive().id == 1
        assert time.monotonic() - started >= 0.29
    started = time.monotonic()
    p.ask(f"{name}.act.test", tcp=True)
    assert time.monotonic() - started < 0.25


def test_edit_ttls(p):
    assert p.ask("rttl.act.test").answer[0].ttl == 77


def test_texts_in_the_action_column():
    config = """
        addAction(AllRule(), AllowAction())
        addAction(AllRule(), DropAction())
        addAction(AllRule(), NoneAction())
        addAction(AllRule(), ContinueAction(DropAction()))
        addAction(AllRule(), DelayAction(20))
        addAction(AllRule(), PoolAction("x"))
        addAction(AllRule(), QPSAction(5))
        addAction(AllRule(), QPSPoolAction(5, "x"))
        addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
        addAction(AllRule(), SpoofAction("192.0.2.1"))
        addAction(AllRule(), SpoofCNAMEAction("cname.test"))
        addAction(AllRule(), TCAction())
        addAction(AllRule(), SetNoRecurseAction())
        addAction(AllRule(), SetTagAction("a", "b"))
        addAction(AllRule(), SetSkipCacheAction())
        addAction(AllRule(), LogAction())
        addAction(AllRule(), LuaAction(function(dq) return 0 end))
    """
    with Proxy(config) as p:
        texts = [line[102:].strip() for line in p.command("showRules()").splitlines()[1:]]
    assert texts == [
        "allow", "drop", "no op", "continue after: drop", "delay by 20 ms", "to pool x", "qps limit to 5",
        "max 5 to pool x", "set rcode 5", "spoof A 192.0.2.1", "spoof CNAME cname.test.", "tc=1 answer", "set rd=0",
        "set tag 'a' to value 'b'", "skip cache", "log", "Lua script"]


def test_response_chains_each_see_their_kind_of_answer():
    """Cache-hit, cache-inserted and self-answered chains, and the cache-miss chain of queries."""
    config = """
        newServer("$backend")
        getPool(""):setCache(newPacketCache(100))
        addAction("self.chains.test", SpoofAction("192.0.2.50"))
        seen = {}
        local function note(word)
          return function(d)
            local key = word .. " " .. d.qname:toString()
            seen[key] = (seen[key] or 0) + 1
            return 0
          end
        end
        local function noteResponse(word)
          local f = note(word)
          return LuaResponseAction(function(dr) f(dr) return DNSResponseAction.None end)
        end
        addCacheMissAction(AllRule(), LuaAction(function(dq) note("miss")(dq) return DNSAction.None end))
        addResponseAction(AllRule(), noteResponse("response"))
        addCacheHitResponseAction(AllRule(), noteResponse("hit"))
        addCacheInsertedResponseAction(AllRule(), noteResponse("inserted"))
        addSelfAnsweredResponseAction(AllRule(), noteResponse("self"))
    """
    import json
    with Responder() as backend, Proxy(config, backend=backend.address) as p:
        for name in ("www.chains.test", "www.chains.test", "self.chains.test"):
            p.ask(name)
        assert json.loads(p.command("seen")) == {
            "miss www.chains.test.": 1, "response www.chains.test.": 1, "inserted www.chains.test.": 1,
            "hit www.chains.test.": 1, "self self.chains.test.": 1}


def test_timeout_chain():
    config = """
        newServer{address="$backend", udpTimeout=1}
        timeouts = 0
        addTimeoutResponseAction(AllRule(), LuaResponseAction(function(dr)
          timeouts = timeouts + 1
          return DNSResponseAction.None
        end))
    """
    with Responder(lambda asked: None) as backend, Proxy(config, backend=backend.address) as p:
        with p.udp() as end:
            end.send(query("silent.chains.test"))
            wait_until(lambda: p.command("timeouts") == "1\n", 10, "a time-out")


def test_kinds_of_the_other_chain_are_refused():
    with Proxy() as p:
        for line in ("addAction(AllRule(), DropResponseAction())", "addResponseAction(AllRule(), DropAction())",
                     "addAction(AllRule(), AllRule())"):
            assert p.command(line).startswith("Error: "), line
        assert len(p.command("showRules()").splitlines()) == 1


@pytest.mark.parametrize("action", ["RCodeAction(5, {ttl=5, aa=true})", "ERCodeAction(5, {ttl=5})",
                                    'NegativeAndSOAAction(true, "a.", 5, "b.", "c.", 1, 2, 3, 4, 5, {ttl=5})'])
def test_ttl_option_of_answers_without_a_record_for_it(action):
    done = run("--check-config", config=f'addAction("a.test", {action})')
    assert done.returncode == 0 and "Unknown key" not in done.stdout, done.stdout
