# SPDX-License-Identifier: BSD-2-Clause
"""Settings and kinds of rules by what they do to queries and answers: those that no other file looks at."""
import contextlib
import struct

import dns.edns
import dns.flags
import dns.rcode
import dns.rrset
import pytest

from harness import ports
from harness.client import addresses, query
from harness.proxy import Proxy, run
from harness.responder import Responder, address_answer, answer, wait_until


def handle(asked):
    word = asked.name.split(".")[0].split("-")[0]
    edns = 1232 if asked.message.edns >= 0 else None
    if word in ("noquestion", "noquestionrefused"):
        return asked.wire[:2] + struct.pack("!H5H", 0x8180 | (5 if "refused" in word else 0), 0, 0, 0, 0, 0)
    if word == "lower":
        reply = answer(asked, "60 A 192.0.2.1").to_wire()
        size = len(asked.message.question[0].name.to_wire())
        return reply[:12] + reply[12:12 + size].lower() + reply[12 + size:]
    if word == "servfail":
        return answer(asked, rcode="SERVFAIL")
    if word == "tc":
        return answer(asked, "60 A 192.0.2.1", flags=["TC"], edns=edns)
    if word == "badvers":
        reply = answer(asked, edns=1232)
        reply.set_rcode(dns.rcode.BADVERS)
        return reply
    if word == "mixed":
        return answer(asked, "300 A 192.0.2.1", "other.test. 100 A 192.0.2.2", '200 TXT "x"')
    return answer(asked, "300 A 192.0.2.1", edns=edns)


@pytest.fixture(scope="module")
def backend():
    with Responder(handle) as responder:
        yield responder


# --- global settings, changed at run time unless the dialect forbids it

@pytest.fixture(scope="module")
def p(backend):
    with Proxy('newServer{address="$backend", udpTimeout=1} declareMetric("hits", "counter", "c") declareMetric("level", "gauge", "g", "other_name") '
               'declareMetric("by-colour", "counter", "c", {withLabels=true, customName="colours"})', backend=backend.address) as running:
        yield running


@contextlib.contextmanager
def setting(p, function, value, before):
    p.command(f"{function}({value})")
    try:
        yield
    finally:
        p.command(f"{function}({before})")


def answered(p, message):
    with p.udp(timeout=3) as end:
        end.send(message)
        try:
            return end.receive()
        except TimeoutError:
            return None


def test_answers_without_a_question(p):
    assert answered(p, query("noquestionrefused.settings.test")).rcode() == dns.rcode.REFUSED
    assert answered(p, query("noquestion.settings.test")) is None
    with setting(p, "setAllowEmptyResponse", "true", "false"):
        assert answered(p, query("noquestion.settings.test")).rcode() == dns.rcode.NOERROR


def test_queries_without_a_question(p):
    empty = struct.pack("!6H", 77, 0x0100, 0, 0, 0, 0)
    before = p.counters()["empty-queries"]
    assert answered(p, empty).rcode() == dns.rcode.NOTIMP
    with setting(p, "setDropEmptyQueries", "true", "false"), p.udp() as end:
        end.send_and_expect_nothing(empty, query("behind.settings.test"))
    assert p.counters()["empty-queries"] == before + 2


def test_casing_of_answers(p):
    ask = lambda: answered(p, query("LoWeR.SettingS.test")).question[0].name.to_text()  # noqa: E731
    with p.udp() as end:
        end.send(query("LOWER.settings.test"))
        assert b"lower" in end.receive_wire()
    with setting(p, "fixupCase", "true", "false"):
        assert ask() == "LoWeR.SettingS.test."


def test_truncated_answers(p):
    for tcp in (False, True):
        reply = p.ask("tc.settings.test", tcp=tcp)
        assert reply.flags & dns.flags.TC and addresses(reply) == ["192.0.2.1"]
    with setting(p, "truncateTC", "true", "false"):
        reply = p.ask("tc.settings.test", edns=1400)
        assert reply.flags & dns.flags.TC and not reply.answer and reply.edns == 0
        assert addresses(p.ask("tc.settings.test", tcp=True)) == ["192.0.2.1"]


def test_acl_at_run_time(p):
    p.command('setACL({"127.0.0.0/8"})')
    with p.udp(source="127.0.0.5") as end:
        assert end.ask(query("acl.settings.test"))
    p.command('setACL({"127.0.0.1", "127.0.0.5"}) rmACL("127.0.0.5")')
    before = p.counters()["acl-drops"]
    with p.udp(source="127.0.0.5") as end:
        end.send(query("acl.settings.test"))
        wait_until(lambda: p.counters()["acl-drops"] == before + 1, 5, "the drop")
    p.command('addACL("127.0.0.5/32")')
    with p.udp(source="127.0.0.5") as end:
        assert end.ask(query("acl.settings.test"))


def test_verbosity(p):
    assert p.command("tostring(getVerbose())") == "false\n"
    p.command('vinfolog("quiet words")')
    with setting(p, "setVerbose", "true", "false"):
        assert p.command("tostring(getVerbose())") == "true\n"
        p.command('vinfolog("loud words")')
    wait_until(lambda: "loud words" in p.output, 5, "the line")
    assert "quiet words" not in p.output


def test_server_id(p):
    import socket
    assert p.command("getServerID()") == socket.gethostname() + "\n"
    p.command('setServerID("me.test")')
    assert p.command("getServerID()") == "me.test\n"


METRICS = [
    ('incMetric("hits")', 1), ('incMetric("hits")', 2), ('incMetric("hits", 5)', 7), ('incMetric("hits", {step=3})', 10), ('decMetric("hits")', 9),
    ('decMetric("hits", 4)', 5), ('decMetric("hits", {step=2})', 3), ('getMetric("hits")', 3), ('setMetric("level", 1.5)', 1.5),
    ('getMetric("level")', 1.5), ('setMetric("level", -2)', -2), ('incMetric("by-colour", {labels={colour="red"}})', 1),
    ('incMetric("by-colour", {labels={colour="red"}, step=4})', 5), ('incMetric("by-colour", {labels={colour="blue"}})', 1),
    ('getMetric("by-colour", {labels={colour="red"}})', 5), ('getMetric("by-colour", {labels={colour="blue"}})', 1),
    ('incMetric("none")', 0), ('incMetric("level")', 0), ('setMetric("hits", 1)', 0), ('getMetric("none")', 0),
]


def test_metrics(p):
    for call, wanted in METRICS:
        assert float(p.command(call)) == wanted, call
    assert p.command('tostring(declareMetric("hits", "counter", "again"))') == "true\n"
    assert p.command('tostring(declareMetric("not a name", "counter", "x"))') == "false\n"
    assert p.command('tostring(declareMetric("name", "neither", "x"))') == "false\n"
    assert "hits" in p.command("dumpStats()")


def test_maintenance_callbacks(p):
    p.command("rounds = {} for i = 1, 2 do rounds[i] = 0 addMaintenanceCallback(function() rounds[i] = rounds[i] + 1 end) end "
              "addMaintenanceCallback(function() error('on purpose') end)")
    wait_until(lambda: int(p.command("rounds[1]")) >= 2 and int(p.command("rounds[2]")) >= 2, 8, "two rounds")
    assert p.output.count("on purpose") <= 2


def test_small_functions(p, tmp_path):
    resolvers = tmp_path / "resolv.conf"
    resolvers.write_text("# words\nsearch test\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions rotate\n")
    p.command('getPool("second")')
    for line, wanted in [
            (f'table.concat(getResolvers("{resolvers}"), " ")', "192.0.2.1 2001:db8::1"),
            ('(function() local t = getPoolNames() table.sort(t) return table.concat(t, "|") end)()', "|second"),
            ('newCAFromRaw("\\192\\0\\2\\1", 53):toStringWithPort()', "192.0.2.1:53"),
            ('newCAFromRaw("\\32\\1\\13\\184" .. ("\\0"):rep(11) .. "\\1"):toString()', "2001:db8::1"),
            ('newDNSNameFromRaw("\\3abc\\4test\\0"):toString()', "abc.test."),
            ('tostring(inClientStartup())', "false"), ('tostring(inConfigCheck())', "false"), ("refreshRuntimeConfiguration()", ""),
            ('getRingBuffersSamplingRate()', "0")]:
        assert p.command(line).rstrip("\n") == wanted, line


def test_the_phase_is_known():
    done = run("--check-config", config='io.stderr:write("check " .. tostring(inConfigCheck()) .. tostring(inClientStartup()))')
    assert "check truefalse" in done.stderr


def test_prefix_of_ipv6_clients():
    with Responder(handle, host="::1") as six:
        with Proxy('newServer{address="$six", useClientSubnet=true}', listen="::1", six=six.address) as p:
            p.ask("default.ecs.test")
            p.command("setECSSourcePrefixV6(64)")
            p.ask("longer.ecs.test")
            seen = [option.srclen for asked in six.queries for option in asked.message.options if option.otype == dns.edns.ECS]
            assert seen == [56, 64]


# --- bounded load

def silent(asked):
    return None


@pytest.mark.parametrize("policy,factor,bounded", [
    ("wrandom", "", False), ("wrandom", "setWeightedBalancingFactor(1)", True), ("whashed", "setWeightedBalancingFactor(1)", True),
    ("chashed", "", False), ("chashed", "setConsistentHashingBalancingFactor(1)", True), ("whashed", "setConsistentHashingBalancingFactor(1)", False),
    ("orderedWrandUntag", "setWeightedBalancingFactor(1)", True)])
def test_bounded_load(policy, factor, bounded):
    """Of two servers one keeps what it gets: bounded, it gets no more while the other is as good as idle."""
    with Responder(silent) as full, Responder(address_answer("192.0.2.2")) as idle:
        config = (f'setWorkers(1) newServer{{address="$full", weight=100, healthCheckMode="up"}} newServer{{address="$idle", weight=100, healthCheckMode="up"}} '
                  f"setServerPolicy({policy}) {factor}")
        with Proxy(config, full=full.address, idle=idle.address) as p, p.udp() as end:
            got = 0
            for number in range(24):
                end.send(query(f"b{number}.load.test"))
                wait_until(lambda least=number: len(full.queries) + len(idle.queries) > least, 5, "the query")
            end.socket.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                while end.receive():
                    got += 1
            assert got == len(idle.queries)
            assert (len(full.queries) <= 4) == bounded, (len(full.queries), got)


@pytest.mark.parametrize("factor", ["0.5", "-1"])
def test_factors_below_one_are_refused(factor):
    with Proxy(f"setWeightedBalancingFactor({factor}) setConsistentHashingBalancingFactor({factor})") as p:
        for name in ("setWeightedBalancingFactor", "setConsistentHashingBalancingFactor"):
            wait_until(lambda: f"dnsproxy.conf:5: {name}({factor}) is ignored: it must be 0, or at least 1" in p.output)


@pytest.mark.parametrize("policy", ["whashed", "chashed"])
def test_perturbation_is_the_same_in_every_process(policy):
    with Responder(address_answer("192.0.2.1")) as one, Responder(address_answer("192.0.2.2")) as two:
        def distribution(seed):
            config = "".join(f'newServer{{address="{server.address}", id="0000000{number}-0000-0000-0000-000000000000", weight=100, healthCheckMode="up"}} '
                             for number, server in enumerate((one, two), 1))
            with Proxy(config + f"setServerPolicy({policy}) setWHashedPerturbation({seed})") as p, p.udp() as end:
                return [addresses(end.ask(query(f"p{number}.hash.test"))) for number in range(40)]
        assert distribution(5) == distribution(5) != distribution(6)


def test_policy_of_one_pool(backend):
    with Responder(address_answer("192.0.2.2")) as other:
        config = """
            newServer{address="$backend", pool={"", "lua"}, order=1} newServer{address="$other", pool={"", "lua"}, order=2}
            setPoolServerPolicyLua("second", function(servers, dq) return 2 end, "lua")
            setServerPolicy(firstAvailable)
            addAction("lua.test", PoolAction("lua"))
        """
        with Proxy(config, backend=backend.address, other=other.address) as p:
            assert addresses(p.ask("x.lua.test")) == ["192.0.2.2"] and addresses(p.ask("x.test")) == ["192.0.2.1"]
            assert p.command('showPoolServerPolicy("lua")') == "second\n"


# --- kinds of rules

RULES = r"""
newServer{address="$backend"}
newServer{address="$backend", pool="cached"}
getPool("cached"):setCache(newPacketCache(100))
addAction("dnssec.rules.test", SetTagAction("seen", "yes"))
addAction(AndRule{QNameSuffixRule("dnssec.rules.test"), DNSSECRule()}, SpoofAction("192.0.2.9"))
addAction(AndRule{QNameSuffixRule("option.rules.test"), EDNSOptionRule(EDNSOptionCode.COOKIE)}, SpoofAction("192.0.2.9"))
addAction(AndRule{QNameSuffixRule("version.rules.test"), EDNSVersionRule(0)}, SpoofAction("192.0.2.9"))
addResponseAction(ERCodeRule(DNSRCode.BADVERS), LuaResponseAction(function(dr) matched = dr.qname:toString() return DNSResponseAction.None end))
addAction("validation.rules.test", SetDisableValidationAction())
addAction("ede.rules.test", SetExtendedDNSErrorAction(15, "blocked"))
addAction("ede2.rules.test", SetExtendedDNSErrorAction(15, "first"))
addAction("ede2.rules.test", SetExtendedDNSErrorAction(16, "second", false))
addAction("ede1.rules.test", SetExtendedDNSErrorAction(15, "first"))
addAction("ede1.rules.test", SetExtendedDNSErrorAction(16, "second"))
addAction("packet.rules.test", SpoofPacketAction("\1\2\129\133" .. ("\0"):rep(8), 12))
addAction("raw.rules.test", SpoofRawAction({"\192\0\2\77"}, {typeForAny=1, ttl=9}))
addAction("untag.rules.test", SetTagAction("colour", "blue"))
addAction("untag.rules.test", UnsetTagAction("colour"))
addAction(AndRule{QNameSuffixRule("untag.rules.test"), TagRule("colour")}, SpoofAction("192.0.2.9"))
addAction("cached.rules.test", PoolAction("cached", false))
addAction("returned.cached.rules.test", SetMaxReturnedTTLAction(5))
addAction("failure.cached.rules.test", SetTempFailureCacheTTLAction(0))
addAction("failures.cached.rules.test", SetTempFailureCacheTTLAction(2))
addResponseAction("clear.rules.test", ClearRecordTypesResponseAction(DNSQType.TXT))
addResponseAction("clearall.rules.test", ClearRecordTypesResponseAction({DNSQType.TXT, DNSQType.A}))
addResponseAction("edns.rules.test", SetEDNSOptionResponseAction(65001, "words"))
addResponseAction("reduced.rules.test", SetReducedTTLResponseAction(50))
addResponseAction("maxttl.rules.test", SetMaxTTLResponseAction(50))
addResponseAction("minttl.rules.test", SetMinTTLResponseAction(250))
addResponseAction("limit.rules.test", LimitTTLResponseAction(150, 250))
addResponseAction("limittype.rules.test", LimitTTLResponseAction(400, 500, {DNSQType.TXT}))
addResponseAction("returnedr.cached.rules.test", SetMaxReturnedTTLResponseAction(5))
addResponseAction("skip.cached.rules.test", SetSkipCacheResponseAction())
addResponseAction("tc.rules.test", TCResponseAction())
addResponseAction("runtag.rules.test", SetTagResponseAction("colour", "blue"))
addResponseAction("runtag.rules.test", UnsetTagResponseAction("colour"))
addResponseAction(AndRule{QNameSuffixRule("runtag.rules.test"), TagRule("colour")}, DropResponseAction())
addResponseAction("rede.rules.test", SetExtendedDNSErrorResponseAction(17, "filtered"))
"""


@pytest.fixture(scope="module")
def rules(backend):
    with Proxy(RULES, backend=backend.address) as running:
        yield running


def ttls(reply):
    return sorted((rrset.ttl, dns.rdatatype.to_text(rrset.rdtype)) for rrset in reply.answer)


@pytest.mark.parametrize("name,options,matches", [
    ("dnssec", {}, False), ("dnssec", {"do": True}, True), ("dnssec", {"cd": True}, True), ("dnssec", {"edns": 1232}, False),
    ("option", {}, False), ("option", {"options": [dns.edns.GenericOption(10, b"12345678")]}, True),
    ("option", {"options": [dns.edns.GenericOption(12, b"x")]}, False)])
def test_selectors(rules, name, options, matches):
    assert addresses(rules.ask(f"a.{name}.rules.test", **options)) == ["192.0.2.9" if matches else "192.0.2.1"]


@pytest.mark.parametrize("version,matches", [(None, False), (0, False), (1, True)])
def test_versions_above(rules, version, matches):
    message = query("a.version.rules.test")
    if version is not None:
        message.use_edns(version, payload=1232)
    assert addresses(answered(rules, message)) == ["192.0.2.9" if matches else "192.0.2.1"]


def test_extended_rcode(rules):
    rules.ask("badvers.rules.test", edns=1232)
    assert rules.command("matched") == "badvers.rules.test.\n"
    rules.ask("good.rules.test", edns=1232)
    assert rules.command("matched") == "badvers.rules.test.\n"


def test_disabled_validation(rules, backend):
    reply = rules.ask("a.validation.rules.test")
    assert backend.asked_for("a.validation.rules.test")[0].message.flags & dns.flags.CD and not reply.flags & dns.flags.CD


@pytest.mark.parametrize("name,wanted", [("ede", [(15, "blocked")]), ("ede2", [(15, "first"), (16, "second")]), ("ede1", [(16, "second")]),
                                         ("rede", [(17, "filtered")])])
def test_extended_errors(rules, name, wanted):
    reply = rules.ask(f"a.{name}.rules.test", edns=1232)
    assert [(int(option.code), option.text) for option in reply.options] == wanted
    assert not rules.ask(f"a.{name}.rules.test").options


def test_spoofed_packet(rules):
    message = query("a.packet.rules.test", id=4711)
    with rules.udp() as end:
        end.send(message)
        assert end.receive_wire() == struct.pack("!H", 4711) + b"\x81\x85" + bytes(8)


@pytest.mark.parametrize("qtype", ["A", "ANY"])
def test_spoofed_bytes(rules, qtype):
    assert rules.ask("a.raw.rules.test", qtype).answer[0].to_text() == "a.raw.rules.test. 9 IN A 192.0.2.77"


def test_tags_that_are_taken_away(rules):
    assert addresses(rules.ask("a.untag.rules.test")) == ["192.0.2.1"]
    assert addresses(rules.ask("a.runtag.rules.test")) == ["192.0.2.1"]


@pytest.mark.parametrize("name,wanted", [
    ("clear", [(100, "A"), (300, "A")]), ("clearall", []), ("reduced", [(50, "A"), (100, "TXT"), (150, "A")]),
    ("maxttl", [(50, "A"), (50, "A"), (50, "TXT")]), ("minttl", [(250, "A"), (250, "TXT"), (300, "A")]),
    ("limit", [(150, "A"), (200, "TXT"), (250, "A")]), ("limittype", [(100, "A"), (300, "A"), (400, "TXT")])])
def test_records_and_ttls(rules, name, wanted):
    assert ttls(rules.ask(f"mixed.{name}.rules.test")) == wanted


@pytest.mark.parametrize("name", ["returned", "returnedr"])
def test_ttls_capped_behind_the_cache(rules, backend, name):
    """The entry lives as long as the backend said; what is returned says less."""
    full = f"a.{name}.cached.rules.test"
    assert rules.ask(full).answer[0].ttl == 5
    hit = rules.ask(full).answer[0].ttl
    assert len(backend.asked_for(full)) == 1
    assert hit == 5 if name == "returned" else hit > 250


@pytest.mark.parametrize("label,asked", [("a.skip", 2), ("a.plain", 1), ("servfail.failure", 2), ("servfail.failures", 1), ("servfail.plain", 1)])
def test_what_rules_say_of_the_cache(rules, backend, label, asked):
    name = f"{label}.cached.rules.test"
    for _ in range(2):
        rules.ask(name)
    assert len(backend.asked_for(name)) == asked


def test_temporary_life_of_a_failure(rules, backend):
    name = "servfail.a.failures.cached.rules.test"
    rules.ask(name)
    wait_until(lambda: rules.ask(name) and len(backend.asked_for(name)) == 2, 6, "the end of the entry")


def test_option_of_the_answer(rules):
    reply = rules.ask("a.edns.rules.test", edns=1232)
    assert [(int(option.otype), option.data) for option in reply.options] == [(65001, b"words")]


def test_truncation_of_answers(rules):
    reply = rules.ask("a.tc.rules.test")
    assert reply.flags & dns.flags.TC and not reply.answer
    assert addresses(rules.ask("a.tc.rules.test", tcp=True)) == ["192.0.2.1"]


# --- time-outs and restarts over both transports

@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("times", [1, 3])
def test_restarts_from_pool_to_pool(tcp, times):
    """Pools that say nothing, one after the other, until one answers."""
    with contextlib.ExitStack() as stack:
        dead = [stack.enter_context(Responder(silent)) for _ in range(times)]
        good = stack.enter_context(Responder(address_answer("192.0.2.7")))
        lines = [f'newServer{{address="{server.address}", pool="p{number}", healthCheckMode="up", udpTimeout=1, tcpRecvTimeout=1}}'
                 for number, server in enumerate([*dead, good])]
        lines.append("""
            addAction(AllRule(), LuaAction(function(dq) dq:setRestartable() dq.pool = "p0" return DNSAction.None end))
            calls = {}
            addTimeoutResponseAction(AllRule(), LuaResponseAction(function(dr)
              calls[#calls + 1] = dr:getRestartCount() .. " " .. dr.pool .. " " .. dr:getProtocol()
              dr.pool = "p" .. (dr:getRestartCount() + 1)
              dr:restart()
              return DNSResponseAction.None
            end))""")
        p = stack.enter_context(Proxy("\n".join(lines)))
        assert addresses(p.ask("again.restart.test", tcp=tcp)) == ["192.0.2.7"]
        protocol = "Do53 TCP" if tcp else "Do53 UDP"
        assert p.command('table.concat(calls, "|")').rstrip("\n") == "|".join(f"{number} p{number} {protocol}" for number in range(times))
        assert [len(server.queries) for server in [*dead, good]] == [1] * (times + 1)


def test_the_fake_answer_of_a_time_out():
    config = """
        newServer{address="$backend", udpTimeout=1}
        addTimeoutResponseAction(AllRule(), LuaResponseAction(function(dr)
          local h = dr:getHeader()
          said = table.concat({dr.rcode, tostring(h:getRD()), tostring(h:getCD()), h:getID(), dr.qname:toString(), dr.qtype, #dr:getContent(),
            dr:getSelectedBackend() and "backend" or "none"}, " ")
          return DNSResponseAction.ServFail
        end))
    """
    with Responder(silent) as backend, Proxy(config, backend=backend.address) as p:
        with p.udp(timeout=3) as end:
            end.send(query("fake.restart.test", "TXT", id=321, cd=True))
            said = wait_until(lambda: (lambda s: s if s != "\n" and s else None)(p.command("said")), 6, "the time-out")
            assert said == "0 true true 321 fake.restart.test. 16 12 backend\n"
            with pytest.raises(TimeoutError):
                end.socket.settimeout(0.5)
                end.receive()  # the verdict is ignored


@pytest.mark.parametrize("tcp,option", [(True, ""), (False, ", tcpOnly=true")])
def test_backends_that_give_up_are_time_outs_to_rules(tcp, option):
    """Nobody listens there any more: another pool is asked."""
    with Responder(address_answer("192.0.2.7")) as good:
        config = f"""
            newServer{{address="127.0.0.1:{ports.free_port()}", pool="first", healthCheckMode="up", retries=1{option}}}
            newServer{{address="{good.address}", healthCheckMode="up"}}
            addAction(AllRule(), LuaAction(function(dq) dq:setRestartable() dq.pool = "first" return DNSAction.None end))
            addTimeoutResponseAction(AllRule(), LuaResponseAction(function(dr) dr.pool = "" dr:restart() return DNSResponseAction.None end))
        """
        with Proxy(config) as p:
            assert addresses(p.ask("gone.restart.test", tcp=tcp)) == ["192.0.2.7"]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_restart_into_nowhere(tcp):
    config = """
        setServFailWhenNoServer(true)
        newServer{address="$backend", healthCheckMode="up"}
        newServer{address="$backend", pool="down", healthCheckMode="down"}
        addAction(AllRule(), LuaAction(function(dq) dq:setRestartable() return DNSAction.None end))
        addResponseAction(AllRule(), LuaResponseAction(function(dr) dr.pool = "down" dr:restart() return DNSResponseAction.None end))
    """
    with Responder(handle) as backend, Proxy(config, backend=backend.address) as p:
        assert p.ask("nowhere.restart.test", tcp=tcp).rcode() == dns.rcode.SERVFAIL
        p.command("setServFailWhenNoServer(false)")
        if tcp:
            with p.tcp() as end:
                end.send(query("nowhere.restart.test"))
                assert end.at_end()
        else:
            assert answered(p, query("nowhere.restart.test")) is None


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_restart_finds_the_cache(tcp):
    """The query enters again behind the rules: the other pool's cache may know the answer."""
    config = """
        newServer{address="$bad", healthCheckMode="up"}
        newServer{address="$good", pool="good", healthCheckMode="up"}
        getPool("good"):setCache(newPacketCache(100))
        addAction(AllRule(), LuaAction(function(dq) dq:setRestartable() return DNSAction.None end))
        addResponseAction(RCodeRule(DNSRCode.SERVFAIL), LuaResponseAction(function(dr) dr.pool = "good" dr:restart() return DNSResponseAction.None end))
        hits = 0
        addCacheHitResponseAction(AllRule(), LuaResponseAction(function(dr) hits = hits + 1 return DNSResponseAction.None end))
    """
    with Responder(lambda asked: answer(asked, rcode="SERVFAIL")) as bad, Responder(handle) as good:
        with Proxy(config, bad=bad.address, good=good.address) as p:
            for _ in range(3):
                assert addresses(p.ask("cached.restart.test", tcp=tcp)) == ["192.0.2.1"]
            assert (len(bad.queries), len(good.queries), p.command("hits")) == (3, 1, "2\n")


# --- flags of answers made here: every action that takes them

FLAGGED = {
    "RCodeAction": "DNSRCode.REFUSED", "ERCodeAction": "DNSRCode.REFUSED", "NegativeAndSOAAction": "true, 'z.test', 5, 'm.test', 'r.test', 1, 2, 3, 4, 5",
    "SpoofAction": "'192.0.2.9'", "SpoofCNAMEAction": "'c.test'", "SpoofRawAction": "'\\192\\0\\2\\9'",
    "SpoofSVCAction": "{newSVCRecordParameters(1, 't.test')}",
}
FLAG_ROWS = [("", set()), ("aa=true", {"AA"}), ("aa=false", set()), ("ad=true", {"AD"}), ("ad=false", set()), ("ra=true", {"RA"}), ("ra=false", set()),
             ("aa=true, ad=true, ra=true", {"AA", "AD", "RA"})]


@pytest.fixture(scope="module")
def flagged():
    lines = []
    for action, arguments in FLAGGED.items():
        for number, (options, _) in enumerate(FLAG_ROWS):
            lines.append(f'addAction("r{number}.{action}.flags.test", {action}({arguments}, {{{options}}}))')
    with Proxy("\n".join(lines)) as running:
        yield running


@pytest.mark.parametrize("action", FLAGGED)
@pytest.mark.parametrize("rd", [True, False], ids=["rd", "no rd"])
def test_flags(flagged, action, rd):
    for number, (options, wanted) in enumerate(FLAG_ROWS):
        reply = flagged.ask(f"r{number}.{action}.flags.test", "HTTPS" if action == "SpoofSVCAction" else "A", rd=rd)
        seen = {flag for flag in ("AA", "AD", "RA") if reply.flags & dns.flags.from_text(flag)}
        assert seen == wanted | ({"RA"} if rd and "ra=" not in options else set()), options
        assert bool(reply.flags & dns.flags.RD) == rd


@pytest.mark.parametrize("soa,section", [("false", "additional"), ("true", "authority")])
def test_section_of_the_soa(soa, section):
    with Proxy(f"addAction(AllRule(), NegativeAndSOAAction(true, 'z.test', 5, 'm.test', 'r.test', 1, 2, 3, 4, 5, {{soaInAuthoritySection={soa}}}))") as p:
        reply = p.ask("x.test")
        assert reply.rcode() == dns.rcode.NXDOMAIN
        assert [rrset.to_text() for rrset in getattr(reply, section)] == ["z.test. 5 IN SOA m.test. r.test. 1 2 3 4 5"]


# --- most used rules of every chain

CHAIN_WORDS = ["", "CacheMiss", "Response", "CacheHitResponse", "CacheInsertedResponse", "SelfAnsweredResponse", "XFRResponse", "TimeoutResponse"]


@pytest.fixture(scope="module")
def chains(backend):
    lines = ['newServer{address="$backend"}']
    for number, word in enumerate(CHAIN_WORDS):
        action = "NoneAction()" if word in ("", "CacheMiss") else "AllowResponseAction()"
        for rule, name in (('QNameRule("a-rather-long-name.tops.test")', "often"), ('QNameRule("b.tops.test")', "never")):
            lines.append(f'add{word}Action({rule}, {action}, {{name="{name}", uuid="0000000{number}-0000-0000-0000-00000000000{1 if name == "often" else 2}"}})')
    with Proxy("\n".join(lines), backend=backend.address) as running:
        for _ in range(3):
            running.ask("a-rather-long-name.tops.test")
        yield running


@pytest.mark.parametrize("number,word", list(enumerate(CHAIN_WORDS)), ids=[word or "query" for word in CHAIN_WORDS])
def test_tops(chains, number, word):
    table = chains.command(f"top{word}Rules(1, {{showUUIDs=true, truncateRuleWidth=12}})").splitlines()
    assert f"0000000{number}-0000-0000-0000-000000000001" in table[1] or word not in ("", "Response")
    assert "qname==a-rat" in table[1] or "qname==b.top" in table[1]
    assert "a-rather-long" not in "\n".join(table)
    assert "0000-0000" not in chains.command(f"top{word}Rules(1)")
    assert len(chains.command(f"top{word}Rules()").splitlines()) >= 3
    assert chains.command(f"#getTop{word}Rules(1)") == "1\n" and chains.command(f"#getTop{word}Rules()") == "2\n"
    most = chains.command(f"getTop{word}Rules(1)[1]:getSelector():toString()")
    assert most == "qname==a-rather-long-name.tops.test.\n" or word not in ("", "Response")
    assert "a-rather-long" not in chains.command(f"show{word}Rules({{truncateRuleWidth=12}})")
    assert f"0000000{number}-0000-0000-0000-000000000002" in chains.command(f"show{word}Rules({{showUUIDs=true}})")


# ---- numbers without a meaning: refused by name, and what was stays

SENSELESS = ["setECSSourcePrefixV4(33)", "setECSSourcePrefixV4(200)", "setECSSourcePrefixV6(129)", "setUDPTimeout(0)",
             "setMaxUDPOutstanding(0)", "setCacheCleaningDelay(0)", "setTCPDownstreamCleanupInterval(0)",
             "setTCPConnectionRateInterval(0)", "setConsoleOutputMaxMsgSize(0)", "setScriptBudget(0)",
             "setProxyProtocolMaximumPayloadSize(3)"]
SENSELESS_OPTIONS = ["checkTimeout=0", "checkInterval=0", "maxCheckFailures=0", "rise=0", "checkClass=0", "tcpConnectTimeout=0",
                     "tcpSendTimeout=0", "tcpRecvTimeout=0", "lazyHealthCheckFailedInterval=0", "lazyHealthCheckSampleSize=0",
                     "lazyHealthCheckThreshold=101", "lazyHealthCheckMaxBackOff=0"]


def test_settings_without_a_meaning():
    """All of them at once: each is told with its name, and queries are answered as if they were not there."""
    config = "\n".join(SENSELESS) + '\nnewServer{address="$backend", useClientSubnet=true, ' + ", ".join(SENSELESS_OPTIONS) + "}"
    seen = []

    def subnets(asked):
        seen.extend(o.srclen for o in asked.message.options if o.otype == 8)
        return address_answer("192.0.2.1")(asked)
    with Responder(subnets) as backend, Proxy(config, backend=backend.address) as p:
        for call in SENSELESS:
            assert f"{call} is ignored" in p.output, call
        for option in SENSELESS_OPTIONS:
            assert f"{option} means nothing" in p.output, option
        assert p.ask("plain.test").rcode() == 0
        assert p.ask("plain.test", tcp=True).rcode() == 0
        assert p.command("showVersion()")
        assert set(seen) == {24}


def test_rules_with_more_bits_than_an_address_has():
    """What gives the whole address away, or counts no range, is told with its name."""
    config = '''newServer{address="192.0.2.1:53", healthCheckMode="up"}
    addAction("prefix.test", SetECSPrefixLengthAction(200, 64))
    addAction(MaxQPSIPRule(5, 33), DropAction())
    addAction(MaxQPSIPRule(50, 24, 129), DropAction())
    addAction(AndRule{MaxQPSIPRule(50, 24, 128), QNameRule("good.test")}, SetECSPrefixLengthAction(32, 128))'''
    with Proxy(config) as p:
        assert p.output.count("SetECSPrefixLengthAction: v4=200 means nothing: it must be 0 to 32, 24 is used") == 1
        assert p.output.count("more bits than an address has") == 1
        assert p.output.count("MaxQPSIPRule: v4Mask=33 means nothing and is ignored: it must be 0 to 32") == 1
        assert p.output.count("MaxQPSIPRule: v6Mask=129 means nothing and is ignored: it must be 0 to 128") == 1
        assert "(/32, /64) match for QPS over 5" in p.command("showRules()")
        assert "set ECS prefix length to 24/64" in p.command("showRules()")
