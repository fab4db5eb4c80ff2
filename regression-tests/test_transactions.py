# SPDX-License-Identifier: BSD-2-Clause
"""A command, a file, a run of maintenance() is applied whole or not at all."""
import itertools
import re

import dns.rcode
import pytest

from harness.client import addresses
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, wait_until

CONFIG = """
newServer{address="$one", name="one", healthCheckMode="up", weight=5, order=2}
newServer{address="$two", name="two", healthCheckMode="up", pool="other"}
getPool("other"):setCache(newPacketCache(100))
addAction("spoof.test", SpoofAction("192.0.2.10"), {name="spoof"})
addAction("refused.test", RCodeAction(DNSRCode.REFUSED), {name="refused"})
addAction("other.test", PoolAction("other"), {name="other"})
addResponseAction("nothing.test", AllowResponseAction(), {name="allow"})
addDynamicBlock("192.0.2.77", "by hand", DNSAction.Refused, 3600)
addMaintenanceCallback(function() end)
group = dynBlockRulesGroup()
group:setQueryRate(30, 10, "fast", 60)
service = addDNSService{name="names", listen="127.0.0.1:0"}
service:addHandler{label="www", match="^www", handler=function(q, reply) reply(3) end}
policy = newServerPolicy("of a script", function(servers, dq) return 1 end)
addResponseAction("script.test", LuaResponseAction(function(dr) return DNSResponseAction.None, "" end), {name="script"})
"""

# What is edited, by each kind of edit: none may be seen when an error follows.
EDITS = {
    "clear": "clearRules()",
    "clear and add": 'clearRules() addAction("x.test", RCodeAction(DNSRCode.NXDOMAIN))',
    "add": 'addAction("x.test", DropAction(), {name="x"}) addAction("y.test", DropAction())',
    "set": 'setRules{newRuleAction(AllRule(), DropAction())}',
    "remove": "rmRule(0) rmRule(0)",
    "remove by name": 'rmRule("refused")',
    "move": "mvRule(0, 3) mvRule(1, 0) mvRuleToTop()",
    "response rules": 'mvResponseRuleToTop() clearResponseRules() addResponseAction(AllRule(), DropResponseAction())',
    "mixed rules": 'addAction("a.test", DropAction()) mvRuleToTop() rmRule(1) rmRule("refused") mvRule(0, 2)',
    "new server": 'newServer{address="192.0.2.1", name="new", pool={"", "made"}, order=-1}',
    "remove server": "rmServer(0) rmServer(0)",
    "remove and make": 'rmServer(0) newServer{address="192.0.2.1", name="new"}',
    "server pools": 'getServer(0):addPool("other") getServer(1):rmPool("other") getServer(1):addPool("made")',
    "server attributes": 'local s = getServer(0) s.name = "renamed" s.order = 9 s.weight = 77 s:setQPS(3)',
    "server down": "getServer(0):setDown() getServer(1):setDown()",
    "server modes": "getServer(0):setLazyAuto(false) getServer(1):setAuto(false)",
    "server up status": "getServer(1).upStatus = not getServer(1).upStatus",
    "check parameters": "getServer(0):setHealthCheckParams{checkInterval=77}",
    "policies": 'setServerPolicy(roundrobin) setPoolServerPolicy(firstAvailable, "other")',
    "lua policies": 'setServerPolicyLua("mine", function(servers, dq) return 1 end) setPoolServerPolicy(chashed, "made")',
    "caches": 'getPool("other"):unsetCache() getPool(""):setCache(newPacketCache(77))',
    "pool flags": 'getPool("made"):setECS(true) getPool(""):setZeroScope(false)',
    "acl": 'setACL("192.0.2.0/24") addACL("198.51.100.0/24") rmACL("127.0.0.0/8")',
    "console acl": 'setConsoleACL("192.0.2.0/24") addConsoleACL("198.51.100.0/24")',
    "proxy acl": 'setProxyProtocolACL{"127.0.0.0/8"}',
    "key": "setKey(\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\")",
    "settings": "setServFailWhenNoServer(true) setRuleIndex(false) setECSSourcePrefixV4(9) setPayloadSizeOnSelfGeneratedAnswers(600)",
    "verbose": "setVerbose(true)",
    "blocks": 'addDynamicBlock("192.0.2.78", "late") addDynamicBlock("192.0.2.77", "longer", DNSAction.Drop, 9999)',
    "clear blocks": 'clearDynBlocks() addDynamicBlock("192.0.2.79", "other") setDynBlocksAction(DNSAction.NoRecurse)',
    "group rules": 'group:setQueryRate(5, 5, "other", 5) group:setRCodeRate(DNSRCode.NXDOMAIN, 3, 4, "many", 5)',
    "group suffix rule": 'group:setSuffixMatchRule(9, "names", 8, DNSAction.Drop, function() return true end)',
    "group ranges": 'group:excludeRange("192.0.2.0/24") group:excludeDomains("kept.test") group:includeRange("192.0.2.1/32")',
    "group masks": 'group:setMasks(24, 48, 0) group:setQuiet(true) group:setNewBlockInsertedHook(function() end)',
    "handlers": 'service:rmHandler("www") service:addHandler{label="late", match=".", handler=function(q, reply) end}',
    "policy names": 'policy.name = "renamed" leastOutstanding.name = "least"',
    "copies": "setLuaCopies(false)",
    "metrics": 'declareMetric("late-metric", "counter", "after an edit") incMetric("late-metric")',
    "callbacks": "addMaintenanceCallback(function() runs = (runs or 0) + 1 end) addExitCallback(function() end)",
}
# Everything that can be looked at.
SERVERS = "showServers({showUUIDs=true})"
LOOKS = ["showRules({showUUIDs=true})", "showResponseRules({showUUIDs=true})", SERVERS, "showPools()", "showACL()",
         "showConsoleACL()", "showServerPolicy()", 'showPoolServerPolicy("other")', "showDynBlocks()", "return tostring(getVerbose())",
         "topRules()", "return tostring(getServer(1).upStatus) .. getServer(0):getHealthCheckMode()", "return group:toString()",
         "service:showHandlers()", "return policy.name .. leastOutstanding.name", "showLuaFunctions()",
         'return getMetric("late-metric")']
FAILURES = {
    "error": 'error("enough")',
    "type": 'addAction({}, {})',
    "nil": "local nothing = nil; nothing.field = 1",
    "refused": 'newServer{address="127.0.0.1:5", weight={}} error("still here")',
}


@pytest.fixture(scope="module")
def p():
    with Responder(address_answer("192.0.2.1")) as one, Responder(address_answer("192.0.2.2")) as two, \
            Proxy(CONFIG, one=one.address, two=two.address) as proxy:
        yield proxy


def look(p):
    """What everything is like, without rates, latencies and times, which go on by themselves."""
    seen = [p.command(line) for line in LOOKS]
    rows = [line.split() for line in seen[LOOKS.index(SERVERS)].splitlines() if not line.startswith("All")]
    seen[LOOKS.index(SERVERS)] = [row[:5] + row[6:11] + row[15:] for row in rows]
    return [re.sub(r"(192\.0\.2\.\d+/32\S* +)\d+", r"\1", text) if isinstance(text, str) else text for text in seen]


def answers(p):
    return [p.ask("spoof.test", "A").rcode(), addresses(p.ask("spoof.test", "A")), p.ask("refused.test").rcode(),
            addresses(p.ask("other.test")), addresses(p.ask("plain.test")), p.ask("x.test").rcode()]


@pytest.mark.parametrize("edit", EDITS)
def test_nothing_of_a_command_that_fails_is_live(p, edit):
    answered = answers(p)
    before = look(p)
    for failure in FAILURES.values():
        result = p.command(EDITS[edit] + " " + failure)
        assert result.startswith("Error"), result
        assert look(p) == before
    assert answers(p) == answered


@pytest.mark.parametrize("edit", EDITS)
def test_a_command_that_ends_well_is_live(edit):
    """The same edits can be seen when no error follows: or the test above sees nothing."""
    unseen = ("key", "proxy acl", "callbacks", "group masks", "pool flags", "check parameters", "settings")
    with Responder(address_answer("192.0.2.1")) as one, Responder(address_answer("192.0.2.2")) as two, \
            Proxy(CONFIG, one=one.address, two=two.address) as proxy:
        before = look(proxy)
        assert not proxy.command(EDITS[edit]).startswith("Error")
        assert (look(proxy) != before) or edit in unseen


def test_settings_and_keys_are_those_from_before(p):
    p.command(EDITS["key"] + ' error("x")')
    with p.console() as console:  # the old key opens it
        assert console.command("return tostring(getVerbose())") == "false\n"
    assert p.ask("nobody.test").rcode() == dns.rcode.NOERROR
    p.command('setServFailWhenNoServer(true) addAction("gone.test", PoolAction("gone")) getPool("gone") error("x")')
    assert p.command("getPoolNames()[1]") != "gone\n"


def test_what_was_printed_before_the_error_is_gone_and_the_error_told(p):
    assert "enough" in p.command('clearRules() error("enough")')
    assert p.command("showRules()").count("\n") == 4


def test_an_error_that_the_command_catches_is_its_own_business(p):
    """pcall() inside a command: the command decides what to do, and ends well."""
    p.command('pcall(function() addAction("caught.test", DropAction(), {name="caught"}) error("x") end)')
    assert "caught" in p.command("showRules()")
    p.command('rmRule("caught")')
    assert "caught" not in p.command("showRules()")


def test_what_explain_sees_inside_a_command_nobody_else_sees(p):
    """explain() tells of the edits of its command, before they are certain."""
    p.command('addAction("half.test", RCodeAction(DNSRCode.REFUSED)) said = explain("half.test", {form="json"}) error("x")')
    assert "REFUSED" in p.command("said").upper()
    assert p.ask("half.test").rcode() == dns.rcode.NOERROR
    p.command('addAction("half.test", RCodeAction(DNSRCode.REFUSED), {name="half"}) explain("half.test")')
    assert p.ask("half.test").rcode() == dns.rcode.REFUSED
    p.command('rmRule("half")')
    assert p.ask("half.test").rcode() == dns.rcode.NOERROR


def test_a_server_that_was_nearly_removed_serves_on(p):
    for _ in range(3):
        p.command("rmServer(0) error('x')")
        assert addresses(p.ask("serves.test")) == ["192.0.2.1"]
    assert addresses(p.ask("serves.test", tcp=True)) == ["192.0.2.1"]


def test_a_file_that_fails_changes_nothing(p, tmp_path):
    before = look(p)
    file = tmp_path / "more.conf"
    file.write_text('clearRules()\naddAction(AllRule(), DropAction())\nerror("in the file")\n')
    assert "in the file" in p.command(f'dofile("{file}")')
    assert look(p) == before


def test_maintenance_that_fails():
    config = """newServer{address="$one", healthCheckMode="up"}
    addAction("spoof.test", SpoofAction("192.0.2.10"), {name="spoof"})
    others = 0
    function maintenance() clearRules() runs = (runs or 0) + 1 error("in maintenance") end
    addMaintenanceCallback(function() others = others + 1 rmServer(0) error("in the callback") end)
    addMaintenanceCallback(function() if others == 1 then addAction("good.test", SpoofAction("192.0.2.11")) end end)"""
    with Responder(address_answer("192.0.2.1")) as one, Proxy(config, one=one.address) as p:
        wait_until(lambda: int(p.command("return runs or 0")) >= 2 and int(p.command("return others")) >= 2, what="two runs")
        assert addresses(p.ask("spoof.test")) == ["192.0.2.10"]
        assert addresses(p.ask("good.test")) == ["192.0.2.11"]  # one failure stops nobody else's work
        assert addresses(p.ask("plain.test")) == ["192.0.2.1"]


def test_a_command_whose_time_is_over(p):
    before = look(p)
    p.command("setScriptBudget(10)")
    assert "still running" in p.command("clearRules() while true do end")
    p.command("setScriptBudget(1000)")
    assert look(p) == before


def test_many_edits_taken_back_are_in_order(p):
    """A long list, edited at random and taken back, is what it was, whatever the order of verbs."""
    before = p.command("showRules({showUUIDs=true})")
    script = """
      for i = 1, 300 do
        local r = math.random(7)
        local n = math.max(1, #getTopRules and 3 or 3)
        if r == 1 then addAction("n" .. i .. ".test", DropAction(), {name="n" .. math.random(20)})
        elseif r == 2 then rmRule(math.random(0, 3))
        elseif r == 3 then mvRule(math.random(0, 3), math.random(0, 4))
        elseif r == 4 then mvRuleToTop()
        elseif r == 5 then rmRule("n" .. math.random(20))
        elseif r == 6 and i % 40 == 0 then clearRules()
        elseif r == 7 and i % 30 == 0 then setRules{newRuleAction(AllRule(), DropAction())}
        else addAction("m" .. i .. ".test", DropAction()) end
      end
      error("enough")"""
    for seed in range(8):
        assert "enough" in p.command(f"getTopRules = {{}} math.randomseed({seed}) {script}")
        assert p.command("showRules({showUUIDs=true})") == before


@pytest.mark.concurrent
def test_queries_never_see_half_of_a_command():
    """Both rules of a name come and go in one command that sometimes fails in between: no query gets past both."""
    config = """newServer{address="$one", healthCheckMode="up"}
    addAction("a.test", SpoofAction("192.0.2.10"), {name="a"})"""
    with Responder(address_answer("192.0.2.1")) as one, Proxy(config, one=one.address) as p, p.udp() as client:
        from harness.client import query
        for turn in itertools.islice(itertools.cycle(["", "error('x')"]), 40):
            p.command(f'clearRules() addAction("a.test", SpoofAction("192.0.2.10"), {{name="a"}}) {turn}')
            assert addresses(client.ask(query("a.test"))) == ["192.0.2.10"]


def test_a_rule_that_fails():
    """What functions of rules edit is theirs whole or not at all, too: plain ones, those of the shared FFI, policies."""
    with Responder() as backend, Proxy("""
newServer{address="$backend", name="one", healthCheckMode="up"}
addAction("good.test", LuaAction(function(dq) addAction("x.test", DropAction(), {name="good"}) return DNSAction.None end))
addAction("bad.test", LuaAction(function(dq) addAction("x.test", DropAction(), {name="bad"}) setACL("192.0.2.0/24") error("x") end))
addAction("ffi.test", LuaFFIAction(function(dq) addAction("x.test", DropAction(), {name="ffi"}) error("x") end))
addAction(LuaRule(function(dq) if dq.qname:toString() == "rule.test." then clearRules() error("x") end return false end), DropAction())
""", backend=backend.address) as p:
        before = p.command("showRules()").count("\n")
        for name in ("bad.test.", "ffi.test.", "rule.test."):
            p.ask(name)
            assert p.command("showRules()").count("\n") == before, name
        p.ask("good.test.")
        assert p.command("showRules()").count("\n") == before + 1
        assert "127.0.0.0/8" in p.command("showACL()")
