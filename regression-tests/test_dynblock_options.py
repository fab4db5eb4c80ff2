# SPDX-License-Identifier: BSD-2-Clause
"""Rules of dynamic-block groups: the arguments and options that each of them takes, one by one."""
import time

import dns.flags
import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until

CONFIG = """
newServer{address="$backend"}
addAction(TagRule("colour", "blue"), SpoofAction("192.0.2.8"))
"""


def reply(asked):
    rcode = {"nx": "NXDOMAIN", "fail": "SERVFAIL"}.get(asked.name.split(".")[0], "NOERROR")
    return answer(asked, "60 A 192.0.2.1", rcode=rcode) if rcode == "NOERROR" else answer(asked, rcode=rcode)


# Rule: its arguments in front of the action, the names that exceed it, the warning's argument that the same names exceed,
# and an argument list that only warnings are below.
RULES = {
    "setQueryRate": ("1, 10, 'why', 60", "nx", "1", "1000, 10, 'why', 60"),
    "setResponseByteRate": ("1, 10, 'why', 60", "nx", "1", "100000, 10, 'why', 60"),
    "setRCodeRate": ("DNSRCode.NXDOMAIN, 1, 10, 'why', 60", "nx", "1", "DNSRCode.NXDOMAIN, 1000, 10, 'why', 60"),
    "setQTypeRate": ("DNSQType.A, 1, 10, 'why', 60", "nx", "1", "DNSQType.A, 1000, 10, 'why', 60"),
    "setRCodeRatio": ("DNSRCode.NXDOMAIN, 0.2, 10, 'why', 60, 5", "nx", "0.3", "DNSRCode.NXDOMAIN, 1.0, 10, 'why', 60, 5"),
    "setAllowedRCodesRatio": ("{DNSRCode.NOERROR}, 0.2, 10, 'why', 60, 5", "nx", "0.3", "{DNSRCode.NOERROR}, 1.0, 10, 'why', 60, 5"),
    "setCacheMissRatio": ("0.2, 10, 'why', 60, 5, 0", "nx", "0.3", "1.0, 10, 'why', 60, 5, 0"),
}


@pytest.fixture(scope="module")
def backend():
    with Responder(reply) as responder:
        yield responder


@pytest.fixture(scope="module")
def p(backend):
    with Proxy(CONFIG, backend=backend.address) as running:
        yield running


@pytest.fixture(autouse=True)
def one_who_asked_too_much(p):
    """No blocks, and one client that has just asked for names that do not exist."""
    p.command("clearDynBlocks() setDynBlocksAction()")
    with p.udp(source="127.0.0.10") as end:
        for _ in range(20):
            end.ask(query("nx.ring.test"))


def shown(p):
    """What, warning, action of each block."""
    return [(line.split()[0], line[43:53].strip(), line[54:74].strip()) for line in p.command("showDynBlocks()").splitlines()[1:]]


def apply(p, call, quiet=True):
    said = p.command(f"g = dynBlockRulesGroup() g:setQuiet({str(quiet).lower()}) g:excludeRange('127.0.0.1') g:{call} g:apply()")
    assert said == "", said


@pytest.mark.parametrize("rule", RULES)
def test_default_action(p, rule):
    apply(p, f"{rule}({RULES[rule][0]})")
    assert shown(p) == [("127.0.0.10/32", "false", "Drop")]
    p.command("setDynBlocksAction(DNSAction.Refused)")
    assert shown(p) == [("127.0.0.10/32", "false", "Send Refused")]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("action,text,outcome", [("Refused", "Send Refused", "REFUSED"), ("Nxdomain", "Send NXDomain", "NXDOMAIN"), ("NoOp", "Do nothing (NoOp)", "NOERROR"),
                                                 ("Truncate", "Truncate over UDP", "NOERROR")])
def test_action(p, rule, action, text, outcome):
    apply(p, f"{rule}({RULES[rule][0]}, DNSAction.{action})")
    what, warning, said = shown(p)[0]
    assert (what, warning) == ("127.0.0.10/32", "false") and said.split()[0] == text.split()[0]
    with p.udp(source="127.0.0.10") as end:
        got = end.ask(query("good.outcome.test"))
        assert dns.rcode.to_text(got.rcode()) == outcome and bool(got.flags & dns.flags.TC) == (action == "Truncate")


@pytest.mark.parametrize("rule", RULES)
def test_tag(p, rule):
    warning = "0.0" if "Ratio" in rule else "0"
    apply(p, f"{rule}({RULES[rule][0]}, DNSAction.SetTag, {warning}, {{tagName='colour', tagValue='blue'}})")
    with p.udp(source="127.0.0.10") as end, p.udp() as other:
        assert addresses(end.ask(query("good.tag.test"))) == ["192.0.2.8"]
        assert addresses(other.ask(query("good.tag.test"))) == ["192.0.2.1"]


@pytest.mark.parametrize("rule", RULES)
def test_a_tag_needs_its_name(p, rule):
    said = p.command(f"g = dynBlockRulesGroup() g:{rule}({RULES[rule][0]}, DNSAction.SetTag)")
    assert "tagName" in said, said


@pytest.mark.parametrize("rule", RULES)
def test_warning(p, rule):
    _, _, warning, above = RULES[rule]
    apply(p, f"{rule}({above}, DNSAction.Refused, {warning})")
    assert shown(p) == [("127.0.0.10/32", "true", "Do nothing (NoOp)")]
    with p.udp(source="127.0.0.10") as end:
        assert addresses(end.ask(query("good.warning.test"))) == ["192.0.2.1"]


@pytest.mark.parametrize("rule", RULES)
def test_below_everything(p, rule):
    apply(p, f"{rule}({RULES[rule][3]})")
    assert shown(p) == []


def test_the_time_that_is_looked_at(p):
    """Of a second that nothing happened in nothing is counted."""
    time.sleep(2.1)
    for rule, (front, *_) in RULES.items():
        apply(p, f"{rule}({front.replace(', 10, ', ', 1, ')})")
        assert shown(p) == [], rule
        apply(p, f"{rule}({front})")
        assert shown(p) != [], rule
        p.command("clearDynBlocks()")


@pytest.mark.parametrize("rule", RULES)
def test_number_of_arguments(p, rule):
    front = RULES[rule][0]
    assert "at least" in p.command(f"dynBlockRulesGroup():{rule}({front.rsplit(',', 1)[0]})")
    assert "at most" in p.command(f"dynBlockRulesGroup():{rule}({front}, DNSAction.Drop, 0, {{}}, 1)")


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet(p, quiet):
    before = p.output.count("127.0.0.10")
    apply(p, "setQueryRate(1, 10, 'told or not', 60)", quiet)
    if quiet:
        p.command("infolog('behind')")
        wait_until(lambda: "behind" in p.output, 5, "the next line")
        assert p.output.count("127.0.0.10") == before
    else:
        wait_until(lambda: "told or not" in p.output and p.output.count("127.0.0.10") > before, 5, "the line")


@pytest.mark.parametrize("seconds,reason", [(60, "one"), (7, "two")])
def test_time_and_reason_of_the_block(p, seconds, reason):
    apply(p, f"setQueryRate(1, 10, '{reason}', {seconds})")
    line = p.command("showDynBlocks()").splitlines()[1]
    assert seconds - 1 <= int(line.split()[1]) <= seconds and line.endswith(reason)


RANGES = [
    ('g:excludeRange("127.0.0.0/8")', False), ('g:excludeRange({"192.0.2.0/24", "127.0.0.10"})', False),
    ('local n = newNMG() n:addMask("127.0.0.0/8") g:excludeRange(n)', False), ('g:excludeRange("127.0.0.11")', True),
    ('g:excludeRange("127.0.0.0/8") g:includeRange("127.0.0.8/29")', True), ('g:excludeRange("127.0.0.0/8") g:includeRange({"127.0.0.10"})', True),
    ('g:excludeRange("127.0.0.0/8") local n = newNMG() n:addMask("127.0.0.10") g:includeRange(n)', True),
    ('g:includeRange("127.0.0.0/8") g:excludeRange("127.0.0.10")', False), ('g:excludeRange("127.0.0.0/8") g:removeRange("127.0.0.0/8")', True),
    ('g:excludeRange("127.0.0.0/8") g:removeRange("127.0.0.0/16")', False),
    ('g:excludeRange({"127.0.0.0/8", "127.0.0.0/16"}) g:removeRange({"127.0.0.0/8", "127.0.0.0/16"})', True),
    ('g:excludeRange("127.0.0.0/8") local n = newNMG() n:addMask("127.0.0.0/8") g:removeRange(n)', True),
]


@pytest.mark.parametrize("ranges,blocked", RANGES, ids=[row[0] for row in RANGES])
def test_ranges(p, ranges, blocked):
    said = p.command(f"(function() local g = dynBlockRulesGroup() g:setQuiet(true) g:setQueryRate(1, 10, 'why', 60) {ranges} g:apply() end)()")
    assert said == "" and bool(shown(p)) == blocked


@pytest.mark.parametrize("masks,wanted", [("32, 128, 0", "127.0.0.10/32"), ("24, 56, 0", "127.0.0.0/24"), ("8, 128, 0", "127.0.0.0/8")])
def test_masks(p, masks, wanted):
    apply(p, f"setMasks({masks}) g:setQueryRate(1, 10, 'why', 60)")
    assert [row[0] for row in shown(p)] == [wanted]


def test_ports_tell_clients_apart(p):
    """Sixteen bits of the port: one socket is one client."""
    with p.udp(source="127.0.0.30") as one, p.udp(source="127.0.0.30") as two:
        for _ in range(15):
            one.ask(query("good.ports.test"))
        two.ask(query("good.ports.test"))
        apply(p, "setMasks(32, 128, 16) g:setQueryRate(1, 10, 'why', 60, DNSAction.Refused) g:excludeRange('127.0.0.10')")
        assert one.ask(query("good.ports.test")).rcode() == dns.rcode.REFUSED
        assert two.ask(query("good.ports.test")).rcode() == dns.rcode.NOERROR
        assert shown(p)[0][0] == f"127.0.0.30:{one.socket.getsockname()[1]}/16"


SUFFIX = [
    ("return node.fullname == 'ring.test.' and all.nxdomains > 10", "", ("ring.test.", "Drop", "why")),
    ("return node.fullname == 'ring.test.', 'words'", "", ("ring.test.", "Drop", "words")),
    ("return node.fullname == 'ring.test.', 'words', DNSAction.Refused", "", ("ring.test.", "Send Refused", "words")),
    ("return node.fullname == 'ring.test.', nil, DNSAction.Nxdomain", "", ("ring.test.", "Send NXDomain", "why")),
    ("return node.fullname == 'ring.test.'", "DNSAction.NoRecurse", ("ring.test.", "Set rd=0", "why")),
    ("return node.fullname == 'nx.ring.test.' and own.queries >= 15 and own.nxdomains >= 15 and own.noerrors == 0 and own.servfails == 0 "
     "and own.drops == 0 and own.bytes > 100 and own.hits == 0 and node.labelsCount == 3 and node:numChildren() == 0", "", ("nx.ring.test.", "Drop", "why")),
    ("return node.fullname == 'ring.test.' and own.queries == 0 and all.queries >= 15 and node:numChildren() == 1", "", ("ring.test.", "Drop", "why")),
    ("return false", "", None),
    ("return node.fullname == 'none.test.'", "", None),
]


@pytest.mark.parametrize("body,action,wanted", SUFFIX, ids=[row[0][:60] for row in SUFFIX])
def test_visitor(p, body, action, wanted):
    said = p.command("(function() local g = dynBlockRulesGroup() g:setQuiet(true) g:setSuffixMatchRule(60, 'why', 60, "
                     f"{action or 'nil'}, function(node, own, all) {body} end) g:apply() end)()")
    assert said == "", said
    lines = p.command("showDynBlocks()").splitlines()[1:]
    seen = [(line.split()[0], line[54:74].strip(), line[86:]) for line in lines]
    if wanted is None:
        assert seen == []
    else:
        assert len(seen) == 1 and (seen[0][0], seen[0][2]) == (wanted[0], wanted[2])
        assert seen[0][1].lower().startswith(wanted[1].lower().split()[0]), seen


def test_visitor_with_a_tag(p):
    p.command("(function() local g = dynBlockRulesGroup() g:setQuiet(true) g:setSuffixMatchRule(60, 'why', 60, DNSAction.SetTag, "
              "function(node) return node.fullname == 'ring.test.' end, {tagName='colour', tagValue='blue'}) g:apply() end)()")
    assert addresses(p.ask("good.ring.test")) == ["192.0.2.8"]


def test_hook_of_suffixes(p):
    p.command("said = nil (function() local g = dynBlockRulesGroup() g:setQuiet(true) g:setNewBlockInsertedHook(function(...) "
              "local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end said = table.concat(t, ' ') end) "
              "g:setSuffixMatchRule(60, 'why', 60, DNSAction.Refused, function(node) return node.fullname == 'ring.test.' end) g:apply() end)()")
    assert p.command("said") == "1 ring.test. why 5 60 false\n" or p.command("said").startswith("1 ring.test"), p.command("said")


def test_the_first_block_ends_a_client(p):
    """Query rate before qtype rate; one block with the reason of the first."""
    apply(p, "excludeRange('127.0.0.30') g:setQTypeRate(DNSQType.A, 1, 10, 'second', 60, DNSAction.Refused) g:setQueryRate(1, 10, 'first', 60, DNSAction.Nxdomain)")
    lines = p.command("showDynBlocks()").splitlines()[1:]
    assert len(lines) == 1 and lines[0].endswith("first")


def test_sampling_is_made_up_for(backend):
    """One in five is recorded and counts five times."""
    with Proxy(CONFIG + "setWorkers(1) setRingBuffersOptions({samplingRate=5})", backend=backend.address) as p:
        with p.udp(source="127.0.0.10") as end:
            for number in range(60):
                end.ask(query(f"good{number}.sampled.test"))
        apply(p, "setQueryRate(5, 10, 'why', 60)")
        assert shown(p) == [("127.0.0.10/32", "false", "Drop")]
        p.command("clearDynBlocks()")
        apply(p, "setQueryRate(7, 10, 'why', 60)")
        assert shown(p) == []


def test_groups_run_by_themselves_are_not_needed(backend):
    """The usual form: maintenance() applies the group."""
    config = CONFIG + "g = dynBlockRulesGroup() g:setQueryRate(1, 10, 'why', 60, DNSAction.Refused) function maintenance() g:apply() end"
    with Proxy(config, backend=backend.address) as p:
        with p.udp(source="127.0.0.10") as end:
            for _ in range(15):
                end.ask(query("good.maintained.test"))
            wait_until(lambda: shown(p), 5, "the block")
            assert end.ask(query("good.maintained.test")).rcode() == dns.rcode.REFUSED


def test_visitor_of_ffi(p):
    """The form for ffi: a node, true for a block; an action and its tag from the rule."""
    said = p.command("(function() local ffi = require('ffi') local g = dynBlockRulesGroup() g:setQuiet(true) g:setSuffixMatchRuleFFI(60, 'why', 60, DNSAction.SetTag, function(node) "
                     "return ffi.C.dnsdist_ffi_stat_node_get_labels_count(node) == 2 and ffi.C.dnsdist_ffi_stat_node_get_children_nxdomains_count(node) > 10 "
                     "end, {tagName='colour', tagValue='blue'}) g:apply() end)()")
    assert said == "", said
    assert p.command("showDynBlocks()").splitlines()[1].startswith("ring.test.")
    assert addresses(p.ask("good.ring.test")) == ["192.0.2.8"]


def test_visitor_of_ffi_says_more(p):
    said = p.command("(function() local ffi = require('ffi') local g = dynBlockRulesGroup() g:setQuiet(true) g:setSuffixMatchRuleFFI(60, 'why', 60, nil, "
                     "function(node) if ffi.C.dnsdist_ffi_stat_node_get_nxdomains_count(node) < 10 then return false end "
                     "ffi.C.dnsdist_ffi_state_node_set_reason(node, 'words', 5) ffi.C.dnsdist_ffi_state_node_set_action(node, DNSAction.Refused) return true end) "
                     "g:apply() end)()")
    assert said == "", said
    line = p.command("showDynBlocks()").splitlines()[1]
    assert line.startswith("nx.ring.test.") and line.endswith("words") and "Refused" in line
