# SPDX-License-Identifier: BSD-2-Clause
"""Functions that are called while something is walked, and change what is walked."""
import dns.flags
import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, wait_until

EDITS = {
    "longer": "dr:setContent(dr:getContent() .. ('x'):rep(900))",
    "shorter": "dr:setContent(dr:getContent():sub(1, 12))",
    "len": "dr.len = 12",
    "longlen": "dr.len = 60000",
    "renamed": "dr:changeName(newDNSName(('a'):rep(60) .. '.' .. ('b'):rep(60) .. '.' .. ('c'):rep(60) .. '.test'))",
    "trailing": "dr:setTrailingData(('x'):rep(900))",
}
CONFIG = """
newServer{address="$main", healthCheckMode="up"}
""" + "".join(f"""
addResponseAction("{name}.test", LuaResponseAction(function(dr)
  dr:editTTLs(function(section, class, type, ttl) {words} return 77 end) return DNSResponseAction.None end))
""" for name, words in EDITS.items()) + """
addResponseAction("bits.test", LuaResponseAction(function(dr)
  dr:editTTLs(function(section, class, type, ttl) dr.dh:setAA(true) dr:setTag("a", "b") return 77 end) return DNSResponseAction.None end))
addResponseAction("fails.test", LuaResponseAction(function(dr)
  pcall(function() dr:editTTLs(function(section, class, type, ttl) error("no") end) end) return DNSResponseAction.None end))
"""


@pytest.fixture(scope="module")
def p():
    with Responder(address_answer("192.0.2.1")) as main, Proxy(CONFIG, main=main.address) as proxy:
        yield proxy


@pytest.mark.parametrize("name", EDITS)
def test_the_answer_changes_while_its_ttls_are_edited(p, name):
    before = p.counters()["script-errors"]
    for _ in range(3):
        with p.udp() as end:  # what the function made of it need not be a message
            end.send(query(f"{name}.test"))
            assert end.socket.recv(65535)[3] & 15 == dns.rcode.SERVFAIL
    assert p.counters()["script-errors"] == before + 3
    wait_until(lambda: "The answer was changed while its TTLs were edited" in p.output)


def test_what_is_no_record_may_change_meanwhile(p):
    with p.udp() as end:
        answer = end.ask(query("bits.test"))
        assert answer.answer[0].ttl == 77 and answer.flags & dns.flags.AA
        answer = end.ask(query("fails.test"))
        assert addresses(answer) == ["192.0.2.1"] and answer.answer[0].ttl != 77


GROUP = """(function()
local g, errors = dynBlockRulesGroup(), {}
local function change()
  for number = 0, 40 do
    local ok, why = pcall(g.setQTypeRate, g, number, 1, 1, ("r"):rep(500), 60)
    if not ok then errors[#errors + 1] = tostring(why) end
  end
  pcall(g.setQueryRate, g, 1, 1, ("r"):rep(500), 60)
  local ok, why = pcall(g.setSuffixMatchRule, g, 1, ("s"):rep(500), 60, DNSAction.Drop, function() return true end)
  if not ok then errors[#errors + 1] = tostring(why) end
end
g:setQuiet(true)
g:setQueryRate(0, 3600, ("q"):rep(500), 60)
g:setQTypeRate(DNSQType.A, 0, 3600, ("t"):rep(500), 60)
g:setSuffixMatchRule(3600, ("s"):rep(500), 60, DNSAction.None, function(node) %s return true, ("v"):rep(500) end)
g:setNewBlockInsertedHook(function(type, key, reason) %s said = reason end)
g:apply()
collectgarbage()
g:setQTypeRate(255, 1, 1, "later", 60)
return (said or "nothing"):sub(1, 1) .. " " .. (errors[1] or "no error")
end)()"""


@pytest.mark.parametrize("visitor,hook", [("change()", ""), ("", "change()"), ("change()", "change()")])
def test_a_group_changes_while_it_is_applied(visitor, hook):
    with Responder(address_answer("192.0.2.1")) as main:
        with Proxy('newServer{address="$main", healthCheckMode="up"}', main=main.address) as p:
            for number in range(5):
                p.ask(f"{number}.test")
            answer = p.command("return " + " ".join((GROUP % (visitor, hook)).split("\n")))
            assert "cannot be changed while it is applied" in answer
            assert p.command("return 1").strip() == "1"


def test_groups_that_are_applied_within_each_other():
    with Responder(address_answer("192.0.2.1")) as main:
        with Proxy('newServer{address="$main", healthCheckMode="up"}', main=main.address) as p:
            p.ask("a.test")
            answer = p.command("return " + " ".join((GROUP % ("", "pcall(g.apply, g) change()")).split("\n")))
            assert "cannot be changed while it is applied" in answer
