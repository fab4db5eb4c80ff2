# SPDX-License-Identifier: BSD-2-Clause
"""explain() and --explain: what is said is what happens, and saying it changes nothing."""
import json

import dns.message
import dns.rcode
import pytest

from harness.client import query
from harness.proxy import Proxy, run
from harness.responder import Responder, address_answer, answer

CONFIG = """
setACL({"127.0.0.1/32", "192.0.2.0/24"})
newServer{address="$backend", name="plain", healthCheckMode="up"}
newServer{address="$other", name="other", pool="other", healthCheckMode="up", useClientSubnet=true}
newServer{address="$other", name="down", pool="down", healthCheckMode="down"}
cache = newPacketCache(1000)
getPool(""):setCache(cache)
limit = MaxQPSIPRule(5)
addAction(AndRule{QNameRule("limited.test"), limit}, DropAction(), {name="limit"})
addAction("drop.test", DropAction())
addAction("nx.test", RCodeAction(DNSRCode.NXDOMAIN), {name="no such name"})
addAction("spoof.test", SpoofAction({"192.0.2.1", "2001:db8::1"}))
addAction(NetmaskGroupRule("192.0.2.0/24"), SetTagAction("who", "guest"))
addAction(AndRule{TagRule("who", "guest"), QTypeRule(DNSQType.AAAA)}, PoolAction("other"))
addAction("other.test", PoolAction("other"))
addAction("down.test", PoolAction("down"))
addAction("nopool.test", PoolAction("nowhere"))
addAction("log.test", LogAction("", false))
addAction("qps.test", QPSAction(1))
addAction("pure.test", LuaAction(function(dq)
  dq:setTag("seen", "yes")
  if dq.qtype == DNSQType.AAAA then return DNSAction.Refused end
  return DNSAction.None
end))
count = 0
addAction("impure.test", LuaAction(function(dq) count = count + 1 return DNSAction.Nxdomain end))
addAction("error.test", LuaAction(function(dq) error("on purpose") end))
addAction("ffi.test", LuaFFIAction(function(dq) return DNSAction.Nxdomain end))
addAction("suspend.test", LuaAction(function(dq) dq:suspend(1, 2, 100) return DNSAction.Allow end))
addSelfAnsweredResponseAction("nx.test", SetMaxTTLResponseAction(5))
addResponseAction(RCodeRule(DNSRCode.SERVFAIL), DropResponseAction(), {name="no failures"})
addCacheHitResponseAction("cached.test", DelayResponseAction(1))
addDynamicBlock(newCA("192.0.2.66"), "a nuisance", DNSAction.Refused, 1000)
"""


@pytest.fixture(scope="module")
def proxy():
    with Responder(lambda asked: answer(asked, "60 A 192.0.2.9")) as backend, \
            Responder(lambda asked: answer(asked, "60 A 192.0.2.10")) as other, \
            Proxy(CONFIG, backend=backend.address, other=other.address) as running:
        running.ask("cached.test")
        yield running


def explain(proxy, name, **options):
    words = ", ".join(f"{key}={json.dumps(value)}" for key, value in options.items())
    return json.loads(proxy.command(f'explain("{name}", {{form="json", {words}}})'))


def room(explanation, label):
    return next(r for r in explanation["rooms"] if r["room"] == label)


def matched(explanation, label="query_rules"):
    return [r for r in room(explanation, label)["rules"] if r.get("matches")]


# name, options, what the end says
ENDS = [
    ("plain.test", {}, {"what": "forwarded", "server": "plain", "over": "UDP"}),
    ("plain.test", {"tcp": True}, {"what": "forwarded", "server": "plain", "over": "TCP"}),
    ("other.test", {}, {"what": "forwarded", "server": "other", "over": "UDP"}),
    ("a.other.test", {"type": "TXT"}, {"what": "forwarded", "server": "other", "over": "UDP"}),
    ("plain.test", {"client": "192.0.2.7", "type": "AAAA"}, {"what": "forwarded", "server": "other", "over": "UDP"}),
    ("plain.test", {"client": "192.0.2.7", "type": 1}, {"what": "forwarded", "server": "plain", "over": "UDP"}),
    ("plain.test", {"client": "198.51.100.1"}, {"what": "dropped", "why": "acl"}),
    ("plain.test", {"client": "192.0.2.66"}, {"what": "answered", "by": "a rule"}),
    ("drop.test", {}, {"what": "dropped", "why": "rule"}),
    ("nx.test", {}, {"what": "answered", "by": "a rule"}),
    ("spoof.test", {}, {"what": "answered", "by": "a rule"}),
    ("down.test", {}, {"what": "dropped", "why": "no-backend"}),
    ("nopool.test", {}, {"what": "dropped", "why": "no-pool"}),
    ("log.test", {}, {"what": "forwarded", "server": "plain", "over": "UDP"}),
    ("limited.test", {}, {"what": "forwarded", "server": "plain", "over": "UDP"}),
    ("cached.test", {}, {"what": "answered", "by": "the cache"}),
    ("cached.test", {"type": "AAAA"}, {"what": "forwarded", "server": "plain", "over": "UDP"}),
    ("pure.test", {}, {"what": "forwarded", "server": "plain", "over": "UDP"}),
    ("pure.test", {"type": "AAAA"}, {"what": "answered", "by": "a rule"}),
    ("plain.test", {"rcode": "NXDOMAIN"}, {"what": "answered", "by": "the server"}),
    ("plain.test", {"rcode": "SERVFAIL"}, {"what": "dropped", "why": "response-rule"}),
]


@pytest.mark.parametrize("name,options,end", ENDS)
def test_end(proxy, name, options, end):
    said = explain(proxy, name, **options)
    end = dict(end)
    server = end.pop("server", None)
    assert {key: said["end"][key] for key in end} == end
    assert server is None or said["end"]["server"].startswith(server + " (")
    assert said["untold"] is False


@pytest.mark.parametrize("name,qtype", [("plain.test", "A"), ("nx.test", "A"), ("spoof.test", "A"), ("spoof.test", "AAAA"),
                                        ("pure.test", "AAAA"), ("cached.test", "A"), ("drop.test", "A"), ("down.test", "A")])
def test_it_happens_as_said(proxy, name, qtype):
    """The real answer is the one that was said, record by record."""
    said = explain(proxy, name, type=qtype)
    if said["end"]["what"] == "dropped":
        with proxy.udp() as client:
            client.send_and_expect_nothing(query(name, qtype), query("nx.test"))
        return
    got = proxy.ask(name, qtype)
    if said["end"]["what"] == "forwarded":
        assert got.answer[0][0].to_text() == "192.0.2.9"
        return
    assert said["answer"]["rcode"] == dns.rcode.to_text(got.rcode())
    records = [f"{rrset.name} {data.rdtype.name} {data.to_text()}" for rrset in got.answer for data in rrset]
    assert [" ".join((w := r["text"].split())[:1] + w[2:]) for r in said["answer"]["records"]] == records


def test_rules_say_what_they_changed(proxy):
    said = explain(proxy, "www.other.test", client="192.0.2.7")
    tag, pool = matched(said)
    assert tag["changes"] == {"tags": ["", "who=guest"]} and tag["verdict"] == "goes on"
    assert pool["changes"] == {"pool": ["''", "'other'"]} and pool["verdict"] == "ends the chain"
    assert pool["uuid"] in proxy.command("showRules({showUUIDs=true})").splitlines()[1 + pool["position"]]
    assert room(said, "choose_pool")["pool"] == "other"
    assert "EDNS" in room(said, "ecs")["changes"], "the subnet of the client is added"
    assert [s["chosen"] for s in room(said, "choose_backend")["servers"]] == [True]


def test_cache_key_is_the_same_for_the_same_question(proxy):
    keys = [room(explain(proxy, name), "cache_lookup")["key"] for name in ("same.test", "SAME.test", "another.test")]
    assert keys[0] == keys[1] != keys[2]


def test_dynamic_block_is_named(proxy):
    said = explain(proxy, "plain.test", client="192.0.2.66")
    (block,) = room(said, "dynblock")["blocks"]
    assert block["of"] == "192.0.2.66/32" and block["reason"] == "a nuisance" and 0 < block["seconds_left"] <= 1000
    assert said["answer"]["rcode"] == "REFUSED"


def test_nothing_is_left_behind(proxy):
    """Not in counters, hits of rules, caches, limits, blocks, rings, nor in what scripts keep."""
    def state():
        counters = {k: v for k, v in proxy.counters().items()
                    if not k.startswith(("cpu-", "udp-", "udp6-", "latency", "tcp-listen")) and
                    k not in ("uptime", "real-memory-usage", "fd-usage", "security-status")}
        return [counters, proxy.drops(), proxy.command("showRules()"), proxy.command("showResponseRules()"),
                proxy.command("showSelfAnsweredResponseRules()"), proxy.command("cache:printStats()"),
                proxy.command("showDynBlocks()").splitlines()[1].split()[2], proxy.command("topQueries(20)"),
                proxy.command("showServers()").split("\n")[1][:60], proxy.command("showLuaFunctions()"),
                proxy.command("return count")]
    before = state()
    for _ in range(20):
        for name, options, _end in ENDS:
            explain(proxy, name, **options)
        explain(proxy, "impure.test")
        explain(proxy, "suspend.test")
    assert state() == before


def test_limits_are_looked_at(proxy):
    def sees():
        return room(explain(proxy, "limited.test"), "query_rules")["rules"][0]
    assert sees()["matches"] is False and sees()["sees"] == "the client's range has 5.0 tokens left"
    with proxy.udp() as client:
        for _ in range(8):
            client.send(query("limited.test"))
        client.send(query("nx.test"))
        while client.receive().question[0].name.to_text() != "nx.test.":
            pass  # those within the limit are answered too
        said = sees()
    tokens = float(said["sees"].split()[4])
    assert tokens < 5 and said["matches"] is (tokens < 1) and said.get("verdict") == ("drops" if tokens < 1 else None)


# ---- scripts ----

def test_a_script_that_may_do_more_is_left_out(proxy):
    said = explain(proxy, "impure.test")
    rules = room(said, "query_rules")["rules"]
    assert [r["untold"] for r in rules if "untold" in r] and said["untold"] is True
    assert said["end"]["what"] == "forwarded"
    assert "could not be told" in proxy.command('explain("impure.test")')


def test_unless_it_is_asked_to_run(proxy):
    before = int(proxy.command("return count"))
    said = explain(proxy, "impure.test", scripts=True)
    assert said["answer"]["rcode"] == "NXDOMAIN" and said["untold"] is False
    assert int(proxy.command("return count")) == before + 1
    assert explain(proxy, "ffi.test")["untold"] is True
    assert explain(proxy, "ffi.test", scripts=True)["answer"]["rcode"] == "NXDOMAIN"
    said = explain(proxy, "suspend.test", scripts=True)
    assert said["end"]["what"] == "forwarded", "a query that is made up cannot be suspended"


def test_errors_of_scripts_are_told(proxy):
    said = explain(proxy, "error.test", scripts=True)
    (rule,) = matched(said)
    assert "on purpose" in rule["error"] and said["answer"]["rcode"] == "SERVFAIL"


def test_forms(proxy):
    text = proxy.command('explain("nx.test")')
    assert text.startswith("nx.test. A from 127.0.0.1:0 to 127.0.0.1:53 over UDP\n")
    assert "no such name: qname in nx.test. -> set rcode 3" in text and "End: answered by a rule." in text
    assert proxy.command('return explain("nx.test", {form="table"})["end"].what').strip() == "answered"
    assert proxy.command('return #explain("nx.test", {form="table"}).rooms').strip() == "6"


@pytest.mark.parametrize("command,words", [
    ('explain("a..b")', "Found . in wrong position"),
    ('explain("a", {type="NOSUCH"})', "there is no type 'NOSUCH'"),
    ('explain("a", {client="no address"})', "Unable to convert presentation address 'no address'"),
    ('explain("a", {ecs="x"})', "Unable to convert 'x' to a netmask"),
    ('explain("a", {rcode="BADVERS"})', "is no rcode of a header"),
    ('explain("a", {form="xml"})', "text, table or json"),
    ('explain()', "requires at least 1 parameter"),
    ('explain(nil)', "from nil to DNSName or string"),
    ('explain("a", 3)', "from number to table of options"),
])
def test_mistakes(proxy, command, words):
    assert words in proxy.command(command)


def test_longest_name(proxy):
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert explain(proxy, name, edns=65535, ecs="2001:db8::/128", dnssec=True)["end"]["what"] == "forwarded"


# ---- on the command line ----

OFFLINE = """
newServer{address="192.0.2.53", name="one"}
newServer{address="192.0.2.54", name="two", healthCheckMode="down"}
addAction("nx.test", RCodeAction(DNSRCode.NXDOMAIN), {name="nothing here"})
addAction("lua.test", LuaAction(function(dq) return DNSAction.Refused end))
"""


@pytest.mark.parametrize("words,end", [
    ("www.test", {"what": "forwarded", "server": "one (192.0.2.53:53)", "over": "UDP"}),
    ("www.test tcp", {"what": "forwarded", "server": "one (192.0.2.53:53)", "over": "TCP"}),
    ("www.test client=8.8.8.8", {"what": "dropped", "why": "acl", "sentence": "The client is not in the ACL."}),
    ("nx.test type=AAAA edns=1232", {"what": "answered", "by": "a rule"}),
    ("  lua.test  tcp=false ", {"what": "answered", "by": "a rule"}),
])
def test_command_line(words, end):
    done = run("--explain", words + " form=json", config=OFFLINE)
    assert done.returncode == 0
    assert json.loads(done.stdout)["end"] == end, "nothing else is on standard output"


def test_command_line_mistakes(tmp_path):
    done = run("--explain", "a..b", config=OFFLINE)
    assert done.returncode == 1 and done.stdout == "" and "Found . in wrong position" in done.stderr
    assert run("--explain", "a.test", config="nonsense(").returncode == 1
    assert run("--explain", "a.test", "-C", str(tmp_path / "none")).returncode == 1
    assert "End: the query goes to one" in run("--explain", "a.test", config=OFFLINE).stdout


def test_not_while_the_file_is_read():
    done = run("--explain", "a.test", config=OFFLINE + '\nexplain("x")')
    assert done.returncode == 0


# ---- what rules cost ----

@pytest.mark.parametrize("indexed", [True, False])
def test_cost_of_rules(indexed):
    """A slow script takes nearly all of the time, whether rules are found by an index or not."""
    config = "".join(f'addAction("n{i}.test", RCodeAction(DNSRCode.REFUSED))\n' for i in range(50)) + """
        addAction(AllRule(), LuaAction(function(dq) local s = 0 for i = 1, 20000 do s = s + i % 7 end return DNSAction.None end), {name="slow"})
        addAction("slow.test", RCodeAction(DNSRCode.REFUSED))
        addAction("never.test", RCodeAction(DNSRCode.REFUSED))
        """ + f"setRuleIndex({str(indexed).lower()})\n"
    with Proxy(config) as proxy:
        header, *before = proxy.command("showRules({cost=true})").splitlines()
        assert header.split()[:8] == ["#", "Name", "Matches", "Time", "%", "Mean", "ns", "p99"]
        assert all(row.split("-")[1:3] == [" " * 9, " " * 9] for row in before), "nothing was timed"
        with proxy.udp() as client:
            for _ in range(3000):
                client.ask(query("slow.test"))
        rows = proxy.command("showRules({cost=true})").splitlines()[1:]
        slow = rows[50].split()
        assert slow[1] == "slow" and slow[2] == "3000"
        share, mean, p99 = float(slow[3]), int(slow[4]), int(slow[5])
        assert share > 50 and 0 < mean and mean / 4 < p99
        assert rows[51].split()[1] == "3000"
        assert len(proxy.command("showRules({cost=true, showUUIDs=true})").splitlines()[0]) > len(header)


def test_functions_of_another_state_are_ended():
    """The command and a per-thread function that it calls each have a state and a time of their own."""
    config = """newServer{address="$main", healthCheckMode="up"} setScriptBudget(20)
addAction("x.test", LuaFFIPerThreadAction([[return function(dq) while true do end end]]))"""
    with Responder(address_answer("192.0.2.1")) as main, Proxy(config, main=main.address) as p:
        for _ in range(2):
            assert "still running after 20 ms" in p.command("return explain('x.test', {scripts=true})")
            assert "still running after 600 ms" in p.command("while true do end")
