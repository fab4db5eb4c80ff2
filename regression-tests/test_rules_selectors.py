# SPDX-License-Identifier: BSD-2-Clause
"""Selectors: one process with a rule per row of the table; each row says which queries match."""
import dns.flags
import dns.opcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer

MATCHED, UNMATCHED = "192.0.2.9", "192.0.2.1"

# (selector, queries that match, queries that do not). A query is its name's prefix, or (prefix, options).
# BASE in a selector is the name that belongs to the row alone.
ROWS = [
    ("AllRule()", ["", "a."], []),
    ("AndRule({})", [""], []),
    ("OrRule({})", [], [""]),
    ("AndRule({RDRule(), TCPRule(false)})", [""], [("", dict(rd=False)), ("", dict(tcp=True))]),
    ("OrRule({QTypeRule('A'), TCPRule(true)})", ["", ("", dict(qtype="AAAA", tcp=True))],
     [("", dict(qtype="AAAA"))]),
    ("NotRule(RDRule())", [("", dict(rd=False))], [""]),
    ("NotRule(AndRule({RDRule(), QTypeRule(DNSQType.AAAA)}))", ["", ("", dict(rd=False, qtype="AAAA"))],
     [("", dict(qtype="AAAA"))]),
    ("QNameRule('www.BASE')", ["www.", "WWW."], ["", "a.www."]),
    ("QNameSuffixRule('sub.BASE')", ["sub.", "a.sub.", "A.b.SUB."], ["", "xsub."]),
    ("QNameSuffixRule({'x.BASE', 'y.BASE'})", ["x.", "a.y."], ["z."]),
    ("SuffixMatchNodeRule(newSuffixMatchNode())", [], [""]),
    ("SuffixMatchNodeRule({'sub.BASE'}, true)", ["sub.", "a.sub."], [""]),
    ("makeRule('sub.BASE')", ["sub.", "a.sub."], [""]),
    ("makeRule({'sub.BASE', 'zub.BASE'})", ["zub."], ["a."]),
    ("makeRule(newDNSName('sub.BASE'))", ["sub."], [""]),
    ("makeRule({newDNSName('sub.BASE'), newDNSName('zub.BASE')})", ["a.zub."], [""]),
    ("makeRule('127.0.0.0/8')", [""], []),
    ("makeRule({'127.0.0.0/8', '192.0.2.0/24'})", [""], []),
    ("makeRule({'192.0.2.0/24', 'BASE'})", [], [""]),
    ("makeRule({})", [], [""]),
    ("QTypeRule(DNSQType.A)", [""], [("", dict(qtype="AAAA"))]),
    ("QTypeRule('AAAA')", [("", dict(qtype="AAAA"))], [""]),
    ("QTypeRule('aaaa')", [("", dict(qtype="AAAA"))], [""]),
    ("QTypeRule('28')", [("", dict(qtype="AAAA"))], [""]),
    ("QTypeRule('TYPE65280')", [("", dict(qtype="TYPE65280"))], [""]),
    ("QClassRule(DNSClass.IN)", [""], [("", dict(qclass="CH"))]),
    ("QClassRule(3)", [("", dict(qclass="CH"))], [""]),
    ("OpcodeRule(DNSOpcode.Query)", [""], [("", dict(opcode="STATUS"))]),
    ("OpcodeRule(DNSOpcode.Status)", [("", dict(opcode="STATUS"))], [""]),
    ("RDRule()", [""], [("", dict(rd=False))]),
    ("NetmaskGroupRule('127.0.0.0/8')", [""], []),
    ("NetmaskGroupRule({'192.0.2.0/24', '!127.0.0.1'})", [], [""]),
    ("NetmaskGroupRule({'127.0.0.0/8', '!127.0.0.1'})", [("", dict(source="127.0.0.3"))], [""]),
    ("NetmaskGroupRule({'127.0.0.2/32', '127.0.0.3'}, true, true)",
     [("", dict(source="127.0.0.2")), ("", dict(source="127.0.0.3"))], [""]),
    ("NetmaskGroupRule({'127.0.0.1/32'}, false)", [("", dict(source="127.0.0.3"))], []),
    ("DSTPortRule($port)", [""], []),
    ("DSTPortRule(1)", [], [""]),
    ("TCPRule(true)", [("", dict(tcp=True))], [""]),
    ("TCPRule(false)", [""], [("", dict(tcp=True))]),
    ("ProbaRule(1.0)", [""], []),
    ("ProbaRule(0)", [], [""]),
    ("RegexRule('^[0-9]+\\\\.')", ["12."], ["a12.", ""]),
    ("RegexRule('ABC')", ["abc.", "xAbCx."], ["ab."]),
    ("TagRule('seen')", [""], []),
    ("TagRule('seen', 'yes')", [""], []),
    ("TagRule('seen', 'no')", [], [""]),
    ("TagRule('unseen')", [], [""]),
    ("LuaRule(function(dq) return dq.qtype == DNSQType.AAAA end)", [("", dict(qtype="AAAA"))], [""]),
    ("LuaRule(function(dq) return dq.qname:isPartOf(newDNSName('sub.BASE')) end)", ["sub.", "a.sub."], [""]),
    ("LuaRule(function(dq) error('broken') end)", [], [""]),
    ("LuaRule(function(dq) return 1 end)", [], [""]),
    ("LuaRule(function(dq) return dq.dh:getRD() and not dq.tcp end)", [""],
     [("", dict(rd=False)), ("", dict(tcp=True))]),
    ("LuaRule(function(dq) return dq.remoteaddr:toString() == '127.0.0.3' end)",
     [("", dict(source="127.0.0.3"))], [""]),
    ("MaxQPSRule(1000)", [""], []),
    ("MaxQPSIPRule(1000)", [], [""]),
]


def base(number):
    return f"row{number}.selectors.test"


@pytest.fixture(scope="module")
def p():
    # The row's selector is tried only for the row's own names. AAAA, odd types and so on are not spoofed by
    # SpoofAction, hence an action that answers everything: a pool whose backend gives the other address.
    rules = ["addAction(AllRule(), SetTagAction('seen', 'yes'))"]
    for number, (selector, _, _) in enumerate(ROWS):
        rules.append(f'addAction(AndRule({{QNameSuffixRule("{base(number)}"), '
                     f'{selector.replace("BASE", base(number))}}}), PoolAction("matched"))')
    config = 'newServer("$plain") newServer{address="$other", pool="matched"}\n' + "\n".join(rules)
    with Responder(address_answer(UNMATCHED)) as plain, Responder(address_answer(MATCHED)) as other:
        proxy = Proxy(config, plain=plain.address, other=other.address, port=0)
        write = proxy.write_configuration

        def write_with_port():
            write()
            with open(proxy.config_path, encoding="utf-8") as file:
                text = file.read()
            with open(proxy.config_path, "w", encoding="utf-8") as file:
                file.write(text.replace("DSTPortRule(0)", f"DSTPortRule({proxy.address[1]})"))
        proxy.write_configuration = write_with_port
        proxy.servers = {"plain": plain, "other": other}
        with proxy:
            yield proxy


def matches(p, name, options):
    options = dict(options)
    tcp, source = options.pop("tcp", False), options.pop("source", None)
    opcode = options.pop("opcode", None)
    message = query(name, options.pop("qtype", "A"), options.pop("qclass", "IN"), **options)
    if opcode:
        message.set_opcode(dns.opcode.from_text(opcode))
    before = {key: len(server.queries) for key, server in p.servers.items()}
    with (p.tcp() if tcp else p.udp(source=source)) as end:
        end.ask(message)
    after = {key: len(server.queries) - before[key] for key, server in p.servers.items()}
    assert sum(after.values()) == 1, "exactly one backend was asked"
    return after["other"] == 1


CASES = [(number, case, expected) for number, (_, yes, no) in enumerate(ROWS)
         for cases, expected in ((yes, True), (no, False)) for case in cases]


def case_id(case):
    number, what, expected = case
    return f"{ROWS[number][0]}|{what}|{'match' if expected else 'no match'}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_selector(p, case):
    number, what, expected = case
    prefix, options = what if isinstance(what, tuple) else (what, {})
    assert matches(p, prefix + base(number), options) is expected


def test_qps_limits():
    """MaxQPSRule matches while under the limit, MaxQPSIPRule when over it, per masked source."""
    config = """
        newServer("$backend")
        addAction(AndRule({QNameRule("all.qps.test"), MaxQPSRule(1, 5)}), SpoofAction("192.0.2.9"))
        addAction(AndRule({QNameRule("ip.qps.test"), MaxQPSIPRule(1, 32, 64, 5)}), SpoofAction("192.0.2.9"))
    """
    with Responder() as backend, Proxy(config, backend=backend.address) as p:
        with p.udp() as one, p.udp(source="127.0.0.5") as two:
            got = [addresses(one.ask(query("all.qps.test"))) == [MATCHED] for _ in range(20)]
            assert got[:5] == [True] * 5 and got.count(True) <= 7, "a burst of five, then one a second"
            got = [addresses(one.ask(query("ip.qps.test"))) == [MATCHED] for _ in range(20)]
            assert got[:5] == [False] * 5 and got.count(False) <= 7
            assert addresses(two.ask(query("ip.qps.test"))) != [MATCHED], "another source has a bucket of its own"


def test_rcode_selector_in_the_response_chain():
    def handle(asked):
        from harness.responder import answer
        return answer(asked, rcode="NXDOMAIN" if asked.name.startswith("nx") else "NOERROR")
    config = """
        newServer("$backend")
        addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), SetTagResponseAction("nx", "1"))
        addResponseAction(TagRule("nx", "1"), LuaResponseAction(function(dr)
          dr.rcode = DNSRCode.REFUSED
          return DNSResponseAction.None
        end))
    """
    with Responder(handle) as backend, Proxy(config, backend=backend.address) as p:
        assert p.ask("nx.rcode.test").rcode() == dns.rcode.REFUSED
        assert p.ask("fine.rcode.test").rcode() == dns.rcode.NOERROR


def test_texts_in_the_rule_column():
    config = """
        addAction(AllRule(), NoneAction())
        addAction(AndRule({RDRule(), TCPRule(true)}), NoneAction())
        addAction(OrRule({RDRule(), TCPRule(false)}), NoneAction())
        addAction(NotRule(QNameRule("Text.test")), NoneAction())
        addAction({"b.test", "a.test"}, NoneAction())
        addAction("192.0.2.0/24", NoneAction())
        addAction(NetmaskGroupRule("192.0.2.1", false), NoneAction())
        addAction(NetmaskGroupRule("192.0.2.1", true, true), NoneAction())
        addAction(QTypeRule("AAAA"), NoneAction())
        addAction(QTypeRule(65280), NoneAction())
        addAction(QClassRule(3), NoneAction())
        addAction(OpcodeRule(2), NoneAction())
        addAction(DSTPortRule(5300), NoneAction())
        addAction(MaxQPSRule(10), NoneAction())
        addAction(MaxQPSIPRule(10), NoneAction())
        addAction(ProbaRule(0.5), NoneAction())
        addAction(RegexRule("a+"), NoneAction())
        addAction(TagRule("t"), NoneAction())
        addAction(TagRule("t", "v"), NoneAction())
        addAction(LuaRule(function(dq) return true end), NoneAction())
        addAction(RCodeRule(3), NoneAction())
        addAction(QNameSuffixRule({"a.test"}, true), NoneAction())
    """
    with Proxy(config) as p:
        texts = [line[45:].rsplit("no op", 1)[0].strip() for line in p.command("showRules()").splitlines()[1:]]
    assert texts == [
        "All", "(rd==1) && (TCP)", "(rd==1) || (UDP)", "!(qname==Text.test.)", "qname in a.test., b.test.",
        "Src: 192.0.2.0/24", "Dst: 192.0.2.1/32", "Src: in-group", "qtype==AAAA", "qtype==TYPE65280", "qclass==3",
        "opcode==2", "dst port==5300", "Max 10 qps", "IP (/32, /64) match for QPS over 10 burst 10",
        "match with prob. 0.50", "Regex: a+", "tag 't' is set", "tag 't' is set to 'v'", "Lua script",
        "rcode==Non-Existent domain", "qname==in-set"]
