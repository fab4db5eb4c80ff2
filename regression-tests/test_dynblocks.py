# SPDX-License-Identifier: BSD-2-Clause
"""Dynamic blocks: by hand, by rates and ratios, by a visitor of names; what they do, what is printed, when they end."""
import dns.flags
import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until
from test_load import check_balance

CONFIG = """
newServer{address="$backend"}
setACL({"0.0.0.0/0"})
addAction("rule.dyn.test", SpoofAction("192.0.2.7"))
addAction(TagRule("blocked", "yes"), SpoofAction("192.0.2.8"))
hooked = {}
function group() local g = dynBlockRulesGroup() g:setQuiet(true) return g end
"""


def reply(asked):
    label = asked.name.split(".")[0]
    if label.startswith("nx"):
        return answer(asked, rcode="NXDOMAIN")
    if label.startswith("fail"):
        return answer(asked, rcode="SERVFAIL")
    return answer(asked, "60 A 192.0.2.1", *(f"60 A 198.51.100.{n}" for n in range(20 if label.startswith("big") else 0)))


@pytest.fixture(scope="module")
def backend():
    with Responder(reply) as responder:
        yield responder


@pytest.fixture(scope="module")
def p(backend):
    with Proxy(CONFIG, backend=backend.address) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def no_blocks(p):
    p.command("clearDynBlocks() setDynBlocksAction()")
    yield


def shown(p):
    return p.command("showDynBlocks()").splitlines()[1:]


ACTIONS = {
    "Drop": None, "Nxdomain": dns.rcode.NXDOMAIN, "Refused": dns.rcode.REFUSED, "NoOp": ["192.0.2.7"], "Truncate": "tc",
    "NoRecurse": ["192.0.2.1"], "SetTag": ["192.0.2.8"], "ServFail": None,
}


@pytest.mark.parametrize("kind", ["address", "suffix"])
@pytest.mark.parametrize("action", ACTIONS)
def test_what_blocks_do(p, kind, action):
    options = ', {tagName="blocked", tagValue="yes"}' if action == "SetTag" else ""
    if kind == "address":
        middle = f', nil, 0{options}' if options else ''
        p.command(f'addDynamicBlock("127.0.0.9", "why", DNSAction.{action}, 60{middle})')
    else:
        p.command(f'addDynBlockSMT({{"dyn.test"}}, "why", 60, DNSAction.{action}{options})')
    before = p.counters()["dyn-blocked"]
    expected = ACTIONS[action]
    with p.udp(source="127.0.0.9") as end, p.udp() as other:
        # A tag lets the rules go on: the name must not meet the first of them.
        asked = query("tag.dyn.test" if action == "SetTag" else "rule.dyn.test")
        if expected is None:
            end.send(asked)
            wait_until(lambda: p.counters()["dyn-blocked"] == before + 1, 10, "the drop")
        else:
            got = end.ask(asked)
            if expected == "tc":
                assert got.flags & dns.flags.TC and not got.answer
            elif isinstance(expected, list):
                assert addresses(got) == expected
            else:
                assert got.rcode() == expected
        if kind == "address":
            assert addresses(other.ask(query("rule.dyn.test"))) == ["192.0.2.7"]
    assert p.counters()["dyn-blocked"] - before == (0 if action == "NoOp" else 1)
    assert shown(p)[0].split()[2] == ("0" if action == "NoOp" else "1")


def test_truncation_is_for_datagrams(p):
    p.command('addDynamicBlock("127.0.0.1", "why", DNSAction.Truncate, 60)')
    with p.tcp() as end:
        assert addresses(end.ask(query("rule.dyn.test"))) == ["192.0.2.7"]


def test_dropped_streams_end(p):
    p.command('addDynamicBlock("127.0.0.1", "why", DNSAction.Drop, 60)')
    with p.tcp() as end:
        end.send(query("rule.dyn.test"))
        assert end.at_end()
    check_balance(p)


def test_the_default_action(p):
    p.command('addDynamicBlock("127.0.0.1", "why")')
    p.command("setDynBlocksAction(DNSAction.Refused)")
    with p.udp() as end:
        assert end.ask(query("rule.dyn.test")).rcode() == dns.rcode.REFUSED
    assert "Send Refused" in shown(p)[0]
    assert "can only be" in p.command("setDynBlocksAction(DNSAction.Spoof)")
    assert "Send Refused" in shown(p)[0]


def test_the_table(p):
    p.command('addDynamicBlock("198.51.100.7", "too many queries", DNSAction.Drop, 43)')
    p.command('addDynamicBlock("198.51.100.77", "a range", DNSAction.None, 43, 24)')
    p.command('addDynamicBlock("2001:db8::1", "six", DNSAction.Nxdomain, 43, 64)')
    p.command('addDynamicBlock("192.0.2.1:40000", "ports", DNSAction.Drop, 43, 32, 4)')
    p.command('addDynBlockSMT({"Flood.example", "a.b.example."}, "random labels", 43, DNSAction.Refused)')
    table = p.command("showDynBlocks()").splitlines()
    assert table[0] == f'{"What":<24} {"Seconds":>8} {"Blocks":>8} {"Warning":<10} {"Action":<20} {"eBPF":<10} Reason'
    rows = [(line[:24].strip(), int(line[25:33]), int(line[34:42]), line[43:53].strip(), line[54:74].strip(), line[86:]) for line in table[1:]]
    assert [row[0] for row in rows] == ["192.0.2.1:36864/4", "198.51.100.0/24", "198.51.100.7/32", "2001:db8::/64",
                                        "Flood.example.", "a.b.example."]
    assert all(41 <= row[1] <= 43 and row[2] == 0 and row[3] == "false" for row in rows)
    assert [row[4] for row in rows] == ["Drop", "Drop", "Drop", "Send NXDomain", "Send Refused", "Send Refused"]
    assert rows[2][5] == "too many queries"
    assert p.command('local b = getDynamicBlocks()["198.51.100.7/32"] return b.reason .. b.blocks .. b.action .. tostring(b.warning) '
                     '.. tostring(b.bpf) .. tostring(b["until"].tv_sec > 1e9)').strip() == "too many queries00falsefalsetrue"
    assert p.command('return getDynamicBlocksSMT()["a.b.example."].domain:toString()').strip() == "a.b.example."


def test_longest_match(p):
    p.command('addDynamicBlock("127.0.0.0", "wide", DNSAction.Refused, 60, 8)')
    p.command('addDynamicBlock("127.0.0.9", "narrow", DNSAction.NoOp, 60)')
    p.command('addDynBlockSMT({"test"}, "wide", 60, DNSAction.Nxdomain) addDynBlockSMT({"rule.dyn.test"}, "narrow", 60, DNSAction.NoOp)')
    with p.udp(source="127.0.0.9") as end, p.udp(source="127.0.0.8") as other:
        assert addresses(end.ask(query("RULE.dyn.test"))) == ["192.0.2.7"]
        assert end.ask(query("x.dyn.test")).rcode() == dns.rcode.NXDOMAIN
        assert other.ask(query("rule.dyn.test")).rcode() == dns.rcode.REFUSED


def test_blocks_end(p):
    p.command('addDynamicBlock("127.0.0.1", "why", DNSAction.Refused, 1)')
    with p.udp() as end:
        assert end.ask(query("rule.dyn.test")).rcode() == dns.rcode.REFUSED
        wait_until(lambda: addresses(end.ask(query("rule.dyn.test"))) == ["192.0.2.7"], 10, "the end")
    assert not shown(p)


def test_longer_blocks_are_kept_and_hits_go_on(p):
    p.command('addDynamicBlock("127.0.0.1", "long", DNSAction.Refused, 60)')
    with p.udp() as end:
        end.ask(query("rule.dyn.test"))
    p.command('addDynamicBlock("127.0.0.1", "short", DNSAction.Drop, 10)')
    assert "long" in shown(p)[0]
    p.command('addDynamicBlock("127.0.0.1", "longer", DNSAction.Drop, 100)')
    line = shown(p)[0]
    assert "longer" in line and line.split()[2] == "1"


def ask_many(p, names, source, qtype="A"):
    with p.udp(source=source) as end:
        for name in names:
            end.ask(query(name, qtype))


@pytest.mark.parametrize("rule,names,blocked", [
    ("setQueryRate(2, 10, 'why', 60)", ["a.ring.test"] * 21, True),
    ("setQueryRate(2, 10, 'why', 60)", ["a.ring.test"] * 20, False),
    ("setQTypeRate(DNSQType.A, 1, 10, 'why', 60)", ["a.ring.test"] * 11, True),
    ("setQTypeRate(DNSQType.AAAA, 1, 10, 'why', 60)", ["a.ring.test"] * 11, False),
    ("setRCodeRate(DNSRCode.NXDOMAIN, 1, 10, 'why', 60)", ["nx.ring.test"] * 11, True),
    ("setRCodeRate(DNSRCode.SERVFAIL, 1, 10, 'why', 60)", ["nx.ring.test"] * 11, False),
    ("setRCodeRatio(DNSRCode.SERVFAIL, 0.4, 10, 'why', 60, 10)", ["fail.ring.test", "a.ring.test"] * 5, True),
    ("setRCodeRatio(DNSRCode.SERVFAIL, 0.5, 10, 'why', 60, 10)", ["fail.ring.test", "a.ring.test"] * 5, False),
    ("setRCodeRatio(DNSRCode.SERVFAIL, 0.4, 10, 'why', 60, 11)", ["fail.ring.test", "a.ring.test"] * 5, False),
    ("setAllowedRCodesRatio({DNSRCode.NOERROR, DNSRCode.NXDOMAIN}, 0.1, 10, 'why', 60, 5)", ["fail.ring.test", "a.ring.test"] * 5, True),
    ("setAllowedRCodesRatio({DNSRCode.NOERROR, DNSRCode.SERVFAIL}, 0.1, 10, 'why', 60, 5)", ["fail.ring.test", "a.ring.test"] * 5, False),
    ("setResponseByteRate(300, 10, 'why', 60)", ["big.ring.test"] * 10, True),
    ("setResponseByteRate(3000, 10, 'why', 60)", ["big.ring.test"] * 10, False),
    ("setCacheMissRatio(0.5, 10, 'why', 60, 5, 0)", ["a.ring.test"] * 10, True),
    ("setCacheMissRatio(0.5, 10, 'why', 60, 5, 0.9)", ["a.ring.test"] * 10, False),
], ids=lambda v: str(v)[:40] if isinstance(v, str) else "")
def test_rules_of_a_group(backend, rule, names, blocked):
    with Proxy(CONFIG, backend=backend.address) as p:
        ask_many(p, names, "127.0.0.10")
        ask_many(p, names[:2], "127.0.0.11")
        p.command(f"g = group() g:{rule} g:apply()")
        assert [line.split()[0] for line in shown(p)] == (["127.0.0.10/32"] if blocked else [])


def test_masks_exclusions_warnings_and_the_hook(backend):
    with Proxy(CONFIG, backend=backend.address) as p:
        for last in (16, 17, 32, 48):
            ask_many(p, ["a.ring.test"] * 15, f"127.0.0.{last}")
        p.command("g = group() g:setNewBlockInsertedHook(function(...) hooked[#hooked + 1] = table.concat({tostring((select(1, ...))), "
                  "select(2, ...), select(3, ...), tostring((select(4, ...))), tostring((select(5, ...))), tostring((select(6, ...)))}, ' ') end)")
        p.command("g:setQueryRate(20, 10, 'why', 60, DNSAction.Refused, 1) g:excludeRange('127.0.0.32/27') g:includeRange('127.0.0.48')")
        p.command("g:apply()")
        assert [line.split()[0] for line in shown(p)] == ["127.0.0.16/32", "127.0.0.17/32", "127.0.0.48/32"]
        assert all(line.split()[3] == "true" and "NoOp" in line for line in shown(p))
        assert p.command("return hooked[1]").startswith("0 127.0.0.")
        assert " why 11 60 true" in p.command("return hooked[1]")
        with p.udp(source="127.0.0.16") as end:
            assert addresses(end.ask(query("rule.dyn.test"))) == ["192.0.2.7"]
        # Two together are above the rate, and a block takes the place of warnings.
        p.command("g:setMasks(28, 128, 0) g:setQueryRate(2, 10, 'range', 60, DNSAction.Refused, 1) g:apply()")
        assert ["127.0.0.16/28", "false"] in [[line.split()[0], line.split()[3]] for line in shown(p)]
        assert "127.0.0.32/28" not in p.command("showDynBlocks()")
        p.command("g:removeRange('127.0.0.32/27') g:setMasks(32, 128, 0) g:setQueryRate(1, 10, 'gone', 60, DNSAction.Refused) g:apply()")
        assert "127.0.0.32/32" in p.command("showDynBlocks()")
        for wrong in ("g:setMasks(33, 0, 0)", "g:setMasks(0, 129, 0)", "g:setMasks(32, 0, 17)", "g:setMasks(24, 0, 4)"):
            assert "Caught exception" in p.command(wrong)


def test_suffix_rule(backend):
    with Proxy(CONFIG, backend=backend.address) as p:
        ask_many(p, [f"nx{n}.flood.dyn.test" for n in range(12)] + [f"nx{n}.kept.dyn.test" for n in range(12)] + ["a.good.dyn.test"] * 12,
                 "127.0.0.10")
        p.command("g = group() g:excludeDomains('kept.dyn.test') g:setSuffixMatchRule(10, 'random', 60, DNSAction.Refused, "
                  "function(node, own, all) if node.labelsCount == 3 and all.nxdomains > 10 then return true, 'flood ' .. all.nxdomains end "
                  "return false end) g:apply()")
        lines = shown(p)
        assert len(lines) == 1 and lines[0].startswith("flood.dyn.test. ") and lines[0].endswith("flood 12")
        with p.udp() as end:
            assert end.ask(query("any.flood.dyn.test")).rcode() == dns.rcode.REFUSED
            assert end.ask(query("nx1.kept.dyn.test")).rcode() == dns.rcode.NXDOMAIN
        assert "on purpose" in p.command("g:setSuffixMatchRule(10, 'random', 60, nil, function() error('on purpose') end) g:apply()")


FFI = """
ffi = require("ffi")
C = ffi.C
function all_blocks(kind)
  local list, text = ffi.new("dnsdist_ffi_dynamic_blocks_list_t *[1]"), {}
  local count = tonumber(C["dnsdist_ffi_dynamic_blocks_" .. kind .. "get_entries"](list))
  for i = 0, count - 1 do
    local e = C.dnsdist_ffi_dynamic_blocks_list_get(list[0], i)
    text[#text + 1] = table.concat({ffi.string(e.key), ffi.string(e.reason), tonumber(e.blockedQueries), tonumber(e.remainingTime) > 50 and "long" or "short",
                                    e.action, tostring(e.ebpf), tostring(e.warning)}, " ")
  end
  assert(count == 0 or C.dnsdist_ffi_dynamic_blocks_list_get(list[0], count) == nil)
  C.dnsdist_ffi_dynamic_blocks_list_free(list[0])
  return table.concat(text, ", ")
end
function see(node)
  local name, size = ffi.new("const char *[1]"), ffi.new("size_t [1]")
  C.dnsdist_ffi_stat_node_get_full_name_raw(node, name, size)
  return ffi.string(name[0], size[0])
end
addAction("maker.dyn.test", LuaFFIPerThreadAction([[
  local C = require("ffi").C
  return function(dq)
    C.dnsdist_ffi_dynamic_blocks_smt_add("made.dyn.test", "from a thread", DNSAction.Refused, 100, nil, nil)
    return DNSAction.Refused
  end]]))
"""


def test_ffi_blocks(backend):
    with Proxy(CONFIG + FFI, backend=backend.address) as p:
        add = "return tostring(C.dnsdist_ffi_dynamic_blocks_add({}))"
        assert p.command("return all_blocks('')").strip() == ""
        assert p.command(add.format("'127.0.0.9', 'why', DNSAction.Refused, 100, 32, 0, nil, nil")) == "true\n"
        assert p.command(add.format("'127.0.0.9', 'why', DNSAction.Refused, 90, 32, 0, nil, nil")) == "false\n", "a longer one is there"
        assert p.command(add.format("'127.0.0.9', 'why', DNSAction.Refused, 200, 32, 0, nil, nil")) == "true\n", "it lasts longer now"
        assert p.command(add.format("'2001:db8::1', 'range', DNSAction.SetTag, 100, 64, 0, 'key', 'value'")) == "true\n"
        for wrong in ("nil, 'why', 1, 1, 32, 0, nil, nil", "'x', 'why', 1, 1, 32, 0, nil, nil", "'127.0.0.1', nil, 1, 1, 32, 0, nil, nil",
                      "'127.0.0.1', 'why', 200, 1, 32, 0, nil, nil", "'127.0.0.1', 'tag', DNSAction.SetTag, 1, 32, 0, nil, nil"):
            assert p.command(add.format(wrong)) == "false\n", wrong
        assert p.command("return tostring(C.dnsdist_ffi_dynamic_blocks_smt_add('bad..name', 'why', 1, 1, nil, nil))") == "false\n"
        with p.udp(source="127.0.0.9") as end:
            assert end.ask(query("www.dyn.test")).rcode() == dns.rcode.REFUSED
        assert p.command("return all_blocks('')").strip() == \
            "127.0.0.9/32 why 1 long 2 false false, 2001:db8::/64 range 0 long 15 false false"
        assert p.command("return all_blocks('smt_')").strip() == ""
        p.ask("maker.dyn.test")
        assert p.command("return all_blocks('smt_')").strip() == "made.dyn.test. from a thread 0 long 2 false false"
        assert p.ask("www.made.dyn.test").rcode() == dns.rcode.REFUSED


def test_ffi_suffix_rule(backend):
    with Proxy(CONFIG + FFI, backend=backend.address) as p:
        ask_many(p, [f"nx{n}.flood.dyn.test" for n in range(12)] + ["a.good.dyn.test"] * 12, "127.0.0.10")
        p.command("""seen = {} g = group() g:setSuffixMatchRuleFFI(10, 'random', 60, DNSAction.Drop, function(node)
            local name = see(node)
            kept = node
            seen[name] = table.concat({tonumber(C.dnsdist_ffi_stat_node_get_queries_count(node)), tonumber(C.dnsdist_ffi_stat_node_get_nxdomains_count(node)),
                tonumber(C.dnsdist_ffi_stat_node_get_noerrors_count(node)), tonumber(C.dnsdist_ffi_stat_node_get_servfails_count(node)),
                C.dnsdist_ffi_stat_node_get_labels_count(node), C.dnsdist_ffi_stat_node_get_children_count(node),
                tonumber(C.dnsdist_ffi_stat_node_get_children_queries_count(node)), tonumber(C.dnsdist_ffi_stat_node_get_children_nxdomains_count(node)),
                tonumber(C.dnsdist_ffi_stat_node_get_children_noerrors_count(node)),
                tonumber(C.dnsdist_ffi_stat_node_get_children_drops_count(node)),
                tostring(C.dnsdist_ffi_stat_node_get_children_bytes_count(node) > 0)}, ' ')
            if name == 'flood.dyn.test.' then
              C.dnsdist_ffi_state_node_set_reason(node, 'of the function', 15)
              C.dnsdist_ffi_state_node_set_action(node, DNSAction.Refused)
              return true
            end
            return name == 'good.dyn.test.' end)
          g:setSuffixMatchRule(10, 'random', 60, DNSAction.Drop, function() error('the other one goes before') end)
          g:apply()""")
        assert p.command("return seen['flood.dyn.test.']").strip() == "0 0 0 0 3 12 12 12 0 0 true"
        assert p.command("return seen['a.good.dyn.test.']").strip() == "12 0 12 0 4 0 12 0 12 0 true"
        assert p.command("return tostring(seen[''] ~= nil)").strip() == "true"
        flood, good = sorted(shown(p))
        assert flood.startswith("flood.dyn.test. ") and flood.endswith("of the function") and "Refused" in flood
        assert good.startswith("good.dyn.test. ") and good.endswith("random") and "Drop" in good
        assert p.command("return tonumber(C.dnsdist_ffi_stat_node_get_queries_count(kept))") == "0\n"
        assert "on purpose" in p.command("g:setSuffixMatchRuleFFI(10, 'random', 60, nil, function() error('on purpose') end) g:apply()")


# What an FFI visitor reads of a node, as one text; the same of what a plain one is given.
STAT_NODES = r"""
local ffi = require('ffi')
local C = ffi.C
local fields = {"queries", "noerrors", "nxdomains", "servfails", "drops", "bytes", "hits"}
local function get(node, field, below)
  local name = (below and "children_" or "") .. field
  local counted = not (field == "hits" or field == "bytes" and not below)
  return tonumber(C["dnsdist_ffi_stat_node_get_" .. name .. (counted and "_count" or "")](node))
end
function name_of(node)
  local data, size = ffi.new('const char *[1]'), ffi.new('size_t[1]')
  C.dnsdist_ffi_stat_node_get_full_name_raw(node, data, size)
  return ffi.string(data[0], size[0])
end
function read_ffi(node)
  local row = {name_of(node), C.dnsdist_ffi_stat_node_get_labels_count(node), C.dnsdist_ffi_stat_node_get_children_count(node)}
  for _, below in ipairs{false, true} do
    for _, field in ipairs(fields) do row[#row + 1] = get(node, field, below) end
  end
  return table.concat(row, " ")
end
function read_plain(node, own, all)
  local row = {node.fullname, node.labelsCount, node:numChildren()}
  for _, counts in ipairs{own, all} do
    for _, field in ipairs(fields) do row[#row + 1] = counts[field] end
  end
  return table.concat(row, " ")
end
function look(kind, read)
  local rows, g = {}, group()
  g["setSuffixMatchRule" .. kind](g, 20, 'why', 60, nil, function(...) rows[#rows + 1] = read(...) return false end)
  g:apply()
  return table.concat(rows, "\n")
end
"""


@pytest.mark.parametrize("sampling", [0, 3])
def test_ffi_visitors_read_what_others_are_given(backend, sampling):
    config = CONFIG + f"setWorkers(1) setRingBuffersOptions({{samplingRate={sampling}}})" + STAT_NODES
    with Proxy(config, backend=backend.address) as p:
        ask_many(p, [f"{label}{n}.Tree.test" for label in ("nx", "fail", "big", "plain") for n in range(6)] + ["tree.test"] * 6, "127.0.0.10")
        seen, given = p.command("return look('FFI', read_ffi)").splitlines(), p.command("return look('', read_plain)").splitlines()
        assert seen == given
        tree = {row.split()[0].lower(): [int(value) for value in row.split()[1:]] for row in seen if not row.startswith(" ")}["tree.test."]
        if sampling == 0:
            assert tree[:6] == [2, 24, 6, 6, 0, 0] and tree[9:13] == [30, 18, 6, 6]
        else:
            assert all(count % sampling == 0 for count in tree[2:]) and tree[9] > 0
        assert seen[-1].startswith(" 0 1 ")  # the root


def test_what_ffi_visitors_say(backend):
    visitor = ("function(node) if C.dnsdist_ffi_stat_node_get_labels_count(node) ~= 3 then return false end local name = name_of(node) "
               "if name:find('^said') then C.dnsdist_ffi_state_node_set_reason(node, 'said by itself', 11) "
               "C.dnsdist_ffi_state_node_set_action(node, DNSAction.Nxdomain) end "
               "if name:find('^odd') then for _, a in ipairs{-1, 99, 2147483647, DNSAction.None} do C.dnsdist_ffi_state_node_set_action(node, a) end "
               "C.dnsdist_ffi_state_node_set_reason(node, nil, 5) end "
               "if name:find('^empty') then C.dnsdist_ffi_state_node_set_reason(node, '', 0) end "
               "kept = node return not name:find('^good') end")
    with Proxy(CONFIG + "C = require('ffi').C" + STAT_NODES.replace("local C", "C"), backend=backend.address) as p:
        ask_many(p, [f"a.{name}.dyn.test" for name in ("said", "odd", "empty", "good", "kept")], "127.0.0.10")
        p.command("g = group() g:excludeDomains('kept.dyn.test') "
                  "g:setNewBlockInsertedHook(function(type, key, reason, action, duration) hooked[#hooked + 1] = key .. action end) "
                  f"g:setSuffixMatchRuleFFI(10, 'rule', 60, DNSAction.Refused, {visitor}) g:apply()")
        rows = {line.split()[0]: (line[54:74].strip(), line[86:].strip()) for line in shown(p)}
        assert rows == {"said.dyn.test.": ("Send NXDomain", "said by its"), "odd.dyn.test.": ("Send Refused", "rule"),
                        "empty.dyn.test.": ("Send Refused", "")}
        assert p.command("table.sort(hooked) return table.concat(hooked, ' ')").strip() == "empty.dyn.test.2 odd.dyn.test.2 said.dyn.test.1"
        with p.udp() as end:
            assert end.ask(query("b.said.dyn.test")).rcode() == dns.rcode.NXDOMAIN
            assert end.ask(query("b.odd.dyn.test")).rcode() == dns.rcode.REFUSED
            assert addresses(end.ask(query("b.good.dyn.test"))) == ["192.0.2.1"]
        # A handle that was kept leads nowhere.
        assert p.command("C.dnsdist_ffi_state_node_set_reason(kept, 'x', 1) C.dnsdist_ffi_state_node_set_action(kept, 1) return read_ffi(kept)"
                         ).split() == ["0"] * 16


def test_ffi_visitors_go_before_others_and_fail_as_they_do(backend):
    with Proxy(CONFIG, backend=backend.address) as p:
        ask_many(p, ["a.flood.dyn.test"] * 3, "127.0.0.10")
        p.command("g = group() g:setSuffixMatchRuleFFI(10, 'one', 60, DNSAction.Refused, function(node) count = (count or 0) + 1 return false end)")
        p.command("g:setSuffixMatchRule(10, 'two', 60, DNSAction.Refused, function() return true end)")
        assert p.command("g:apply() return count").strip() == "5"
        assert not shown(p) and "reason: 'two'" in p.command("return g:toString()")
        assert "on purpose" in p.command("g:setSuffixMatchRuleFFI(10, 'why', 60, nil, function() error('on purpose') end) g:apply()")
        assert "tagName" in p.command("g:setSuffixMatchRuleFFI(10, 'why', 60, DNSAction.SetTag, function() end)")
        p.command("g:setSuffixMatchRuleFFI(10, 'why', 60, DNSAction.SetTag, function() return true end, {tagName='blocked', tagValue='yes'}) g:apply()")
        with p.udp() as end:
            assert addresses(end.ask(query("flood.dyn.test"))) == ["192.0.2.8"]


# Blocks everything below the second label, of the client's own network for `me`; of a function of either kind of state.
ADD = """return function(dq)
  local ffi, data, size = require('ffi'), require('ffi').new('const char *[1]'), require('ffi').new('size_t[1]')
  ffi.C.dnsdist_ffi_dnsquestion_get_qname_raw(dq, data, size)
  if ffi.string(data[0], size[0]):find('me') then
    ffi.C.dnsdist_ffi_dynamic_blocks_add('127.0.0.77', 'from ffi', DNSAction.Refused, 60, 28, 0, nil, nil)
  else
    ffi.C.dnsdist_ffi_dynamic_blocks_smt_add('victim.test', 'from ffi', DNSAction.None, 60, nil, nil)
  end
  return DNSAction.None
end"""
LIST = """
function list(suffixes)
  local ffi = require('ffi')
  local out, rows = ffi.new('dnsdist_ffi_dynamic_blocks_list_t *[1]'), {}
  local get = suffixes and ffi.C.dnsdist_ffi_dynamic_blocks_smt_get_entries or ffi.C.dnsdist_ffi_dynamic_blocks_get_entries
  for i = 0, tonumber(get(out)) - 1 do
    local e = ffi.C.dnsdist_ffi_dynamic_blocks_list_get(out[0], i)
    rows[#rows + 1] = table.concat({ffi.string(e.key), ffi.string(e.reason), tonumber(e.blockedQueries), e.action, tostring(e.warning),
                                    tostring(e.remainingTime > 50 and e.remainingTime <= 60)}, '|')
  end
  ffi.C.dnsdist_ffi_dynamic_blocks_list_free(out[0])
  return table.concat(rows, '\\n')
end
"""


@pytest.mark.parametrize("state", ["shared", "thread"])
def test_ffi_functions_block(backend, state):
    action = f"LuaFFIPerThreadAction([[{ADD}]])" if state == "thread" else f"LuaFFIAction(loadstring([[{ADD}]])())"
    with Proxy(CONFIG + LIST + f'addAction("add.test", {action})', backend=backend.address) as p:
        assert p.command("return list(false) .. list(true)").strip() == ""
        with p.udp(source="127.0.0.9") as end, p.udp(source="127.0.0.76") as near:
            end.ask(query("you.add.test"))
            end.send_and_expect_nothing(query("any.victim.test"), query("rule.dyn.test"))
            assert p.command("return list(true)").strip() == "victim.test.|from ffi|1|0|false|true"
            p.command("setDynBlocksAction(DNSAction.Truncate)")
            assert p.command("return list(true)").strip() == "victim.test.|from ffi|1|8|false|true"
            assert addresses(near.ask(query("rule.dyn.test"))) == ["192.0.2.7"]
            end.ask(query("me.add.test"))
            assert near.ask(query("rule.dyn.test")).rcode() == dns.rcode.REFUSED
            assert addresses(end.ask(query("rule.dyn.test"))) == ["192.0.2.7"]
        assert p.command("return list(false)").strip() == "127.0.0.64/28|from ffi|1|2|false|true"


def test_ffi_lists_hold_warnings_and_all_of_many(backend):
    with Proxy(CONFIG + LIST, backend=backend.address) as p:
        ask_many(p, ["a.ring.test"] * 15, "127.0.0.16")
        p.command("g = group() g:setQueryRate(20, 10, 'why', 60, DNSAction.Refused, 1) g:apply()")
        assert p.command("return list(false)").strip() == "127.0.0.16/32|why|0|11|true|true"
        p.command("for i = 0, 999 do addDynamicBlock('198.51.' .. math.floor(i / 250) .. '.' .. i % 250, 'many', DNSAction.Drop, 60) end")
        rows = p.command("return list(false)").splitlines()
        assert len(rows) == 1001 and len(set(rows)) == 1001 and "198.51.3.249/32|many|0|0|false|true" in rows
        p.command("clearDynBlocks()")
        assert p.command("return list(false)").strip() == ""


@pytest.mark.concurrent
def test_ffi_functions_of_all_threads_block_at_once(backend):
    """Every worker adds while the console clears and lists; nobody waits for ever, and what was said last holds."""
    import threading
    add = ADD.replace("'victim.test'", "ffi.string(data[0] + 1, data[0][0]) .. '.victim.test'")
    with Proxy(CONFIG + LIST + f'setWorkers(4) addAction("add.test", LuaFFIPerThreadAction([[{add}]]))', backend=backend.address) as p:
        def client(number):
            with p.udp(source=f"127.0.1.{number}") as end:
                for i in range(25):
                    end.ask(query(f"n{number}-{i}.add.test"))
        threads = [threading.Thread(target=client, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            p.command("list(true) showDynBlocks()")
        for thread in threads:
            thread.join()
        assert len(p.command("return list(true)").splitlines()) == 100


def test_exceed_functions_feed_blocks(backend):
    with Proxy(CONFIG, backend=backend.address) as p:
        ask_many(p, ["nx.ring.test"] * 15, "127.0.0.10")
        p.command("addDynBlocks(exceedNXDOMAINs(1, 10), 'many', 60, DNSAction.Refused)")
        assert shown(p)[0].split()[0] == "127.0.0.10/32"


def test_group_as_text(p):
    text = p.command("g = group() g:setQueryRate(30, 10, 'why', 60) g:setRCodeRate(DNSRCode.SERVFAIL, 5, 10, 'bad', 60) "
                     "g:setQTypeRate(DNSQType.ANY, 5, 10, 'any', 60) g:excludeRange('10.0.0.0/8') g:excludeDomains({'a.test', 'b.test'}) "
                     "return g:toString()")
    for part in ("Query rate rule: 30 per second", "Response rate rule: \n", "- Server Failure: 5 per second", "- ANY: 5 per second",
                 "Excluded Subnets: 10.0.0.0/8", "Excluded Domains: a.test., b.test."):
        assert part in text, text


@pytest.mark.parametrize("command,words", [
    ("addDynamicBlock('not an address', 'why')", ""),
    ("addDynamicBlock({}, 'why')", "Unable to convert parameter"),
    ("addDynamicBlock('192.0.2.1')", "at least 2"),
    ("addDynamicBlock('192.0.2.1', 'why', DNSAction.SetTag)", "tagName"),
    ("addDynBlockSMT('a.test', 'why')", "Unable to convert parameter"),
    ("addDynBlockSMT({'a..b'}, 'why')", "Error"),
    ("addDynBlocks({1, 2}, 'why')", "Unable to convert parameter"),
    ("dynBlockRulesGroup():setQueryRate('x', 1, 'why', 1)", "Unable to convert parameter"),
    ("dynBlockRulesGroup():setSuffixMatchRule(1, 'why', 1, nil, 5)", "Unable to convert parameter"),
    ("dynBlockRulesGroup():apply(1)", "at most"),
])
def test_misuse(p, command, words):
    assert words in p.command(command)
    assert not [line for line in shown(p) if "why" in line]


@pytest.mark.concurrent
def test_many_blocks_under_load(backend):
    import threading
    with Proxy(CONFIG, backend=backend.address) as p:
        stop, wrong = threading.Event(), []

        def client(number):
            while not stop.is_set():
                with p.udp(source=f"127.0.1.{number}") as end:
                    for name in ("rule.dyn.test", "x.blocked.test"):
                        got = end.ask(query(name))
                        if got.rcode() not in (dns.rcode.NOERROR, dns.rcode.REFUSED):
                            wrong.append(got)
        threads = [threading.Thread(target=client, args=(n,)) for n in range(1, 5)]
        for thread in threads:
            thread.start()
        p.command("g = group() g:setQueryRate(5, 10, 'load', 1, DNSAction.Refused)")
        for turn in range(30):
            p.command(f"for i = 0, 999 do addDynamicBlock('10.{turn}.' .. math.floor(i / 250) .. '.' .. i % 250, 'many', DNSAction.Drop, 60) end")
            p.command("g:apply() addDynBlockSMT({'blocked.test'}, 'name', 1, DNSAction.Refused)")
        stop.set()
        for thread in threads:
            thread.join()
        assert not wrong
        assert len(shown(p)) >= 30000
        assert any(int(line.split()[2]) > 0 for line in shown(p) if "load" in line or "name" in line) or p.counters()["dyn-blocked"] > 0
        p.command("clearDynBlocks()")
        check_balance(p)


@pytest.mark.parametrize("command,what", [
    ('addDynamicBlock("192.0.2.77", "by hand", DNSAction.Drop, 30)', "192.0.2.77/32"),
    ('addDynBlocks({[newCA("192.0.2.78")]=5}, "by hand", 30)', "192.0.2.78/32"),
    ('addDynBlockSMT({"log.dyn.test"}, "by hand", 30)', "log.dyn.test."),
    ('require("ffi").C.dnsdist_ffi_dynamic_blocks_add("192.0.2.79", "by hand", DNSAction.Drop, 30, 32, 0, nil, nil)', "192.0.2.79/32"),
    ('require("ffi").C.dnsdist_ffi_dynamic_blocks_smt_add("ffilog.dyn.test", "by hand", DNSAction.Drop, 30, nil, nil)', "ffilog.dyn.test."),
])
def test_blocks_by_hand_are_logged_once(p, command, what):
    line = f"Inserting dynamic block for {what} for 30 seconds: by hand"
    p.command(command)
    p.command(command)
    wait_until(lambda: line in p.output, 10, "the line")
    assert p.output.count(line) == 1


def test_address_blocks_are_a_gauge(p):
    def stored():
        words = p.command("dumpStats()").split()
        return int(words[words.index("dyn-block-nmg-size") + 1])
    assert stored() == 0
    p.command('addDynamicBlock("192.0.2.77", "x", DNSAction.Drop, 30) addDynBlockSMT({"gauge.dyn.test"}, "x", 30)')
    assert stored() == 1
    p.command("clearDynBlocks()")
    assert stored() == 0
