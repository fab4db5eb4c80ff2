# SPDX-License-Identifier: BSD-2-Clause
"""dq:setRestartable() and dr:restart(): another backend is asked when the first did not do (semantics.md section 5)."""
import dns.rcode
import pytest

from harness.client import addresses
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer

SCRIPT = """
    setUDPTimeout(1)
    newServer{address="$first", name="first", healthCheckMode="up", tcpRecvTimeout=1, retries=0}
    newServer{address="$second", name="second", healthCheckMode="up", pool="spare"}
    seen = {}
    function note() local s = table.concat(seen, " ") seen = {} return s end
    addAction("kept.test", LuaAction(function(dq) dq:setRestartable() return DNSAction.None end))
    addAction("renamed.test", LuaAction(function(dq)
      dq:setRestartable() dq:changeName(newDNSName("other.test")) return DNSAction.None
    end))
    function again(dr)
      local backend = dr:getSelectedBackend()
      seen[#seen + 1] = dr:getRestartCount() .. (backend and backend:getName() or "-") .. dr.rcode
      if dr.pool ~= "spare" then
        dr.pool = "spare"
        seen[#seen + 1] = tostring(dr:restart())
      end
      return DNSResponseAction.None
    end
    addResponseAction(RCodeRule(DNSRCode.SERVFAIL), LuaResponseAction(again))
    addTimeoutResponseAction(AllRule(), LuaResponseAction(again))
"""


def bad(asked):
    """Servfail, or nothing at all for names that say so."""
    if "silent" in asked.name:
        return None
    return answer(asked, rcode="SERVFAIL")


@pytest.fixture(scope="module")
def servers():
    with Responder(bad) as first, Responder(address_answer("192.0.2.2")) as second:
        with Proxy(SCRIPT, first=first.address, second=second.address) as running:
            yield running, first, second


@pytest.mark.parametrize("tcp", [False, True])
def test_another_pool_is_asked(servers, tcp):
    p, _, second = servers
    name = f"{'tcp' if tcp else 'udp'}.kept.test"
    assert addresses(p.ask(name, tcp=tcp)) == ["192.0.2.2"]
    assert p.command("note()") == "0first2 true\n"
    assert len(second.asked_for(name + ".")) == 1


@pytest.mark.parametrize("tcp", [False, True])
def test_after_a_time_out(servers, tcp):
    p, _, second = servers
    name = f"silent-{'tcp' if tcp else 'udp'}.kept.test"
    assert addresses(p.ask(name, tcp=tcp)) == ["192.0.2.2"]
    assert p.command("note()") == "0first0 true\n"
    assert len(second.asked_for(name + ".")) == 1


def test_the_query_is_asked_as_it_was_kept(servers):
    p, first, second = servers
    assert addresses(p.ask("renamed.test")) == ["192.0.2.2"]
    assert len(first.asked_for("other.test.")) == 1 and len(second.asked_for("renamed.test.")) == 1
    p.command("note()")


def test_nothing_kept_nothing_restarted(servers):
    p, _, second = servers
    assert p.ask("plain.test").rcode() == dns.rcode.SERVFAIL
    assert p.command("note()") == "0first2 false\n"
    assert second.asked_for("plain.test.") == []


def test_no_chain_but_those_of_the_backend_restarts(servers):
    p, _, second = servers
    p.command("""addAction("self.test", LuaAction(function(dq) dq:setRestartable() return DNSAction.Refused end))
                 addSelfAnsweredResponseAction("self.test", LuaResponseAction(again))""")
    assert p.ask("self.test").rcode() == dns.rcode.REFUSED
    assert p.command("note()").endswith("false\n")
    assert second.asked_for("self.test.") == []


def test_restarts_come_to_an_end():
    with Responder(bad) as server:
        config = """
            newServer{address="$backend", name="one", healthCheckMode="up"}
            addAction(AllRule(), LuaAction(function(dq) dq:setRestartable() return DNSAction.None end))
            addResponseAction(AllRule(), LuaResponseAction(function(dr)
              count = dr:getRestartCount() last = dr:restart() return DNSResponseAction.None
            end))"""
        with Proxy(config, backend=server.address) as p:
            for tcp in (False, True):
                assert p.ask("endless.test", tcp=tcp).rcode() == dns.rcode.SERVFAIL
                assert p.command("count") == "255\n" and p.command("tostring(last)") == "false\n"
            counters = p.counters()
            assert counters["queries"] == 2 and counters["responses"] == 2 * 256
