# SPDX-License-Identifier: BSD-2-Clause
"""Rings: what is remembered of queries and answers, and every table, list and tree that is made of it."""
import json
import os
import re
import stat
import threading
import time

import dns.opcode
import pytest

from harness.client import query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer, wait_until

CONFIG = """
setUDPTimeout(3)
newServer{address="$backend", name="one"}
pc = newPacketCache(1000)
getPool(""):setCache(pc)
addAction("self.rings.test", RCodeAction(DNSRCode.REFUSED))
addAction("drop.rings.test", DropAction())

function rows(list)  -- of a getTop...() list
  local out = {}
  for i, row in ipairs(list) do
    assert(#row == 3)
    out[i] = string.format("%s %d %.1f", row[1], row[2], row[3])
  end
  return table.concat(out, "|")
end
function clients(list)  -- of an exceed...() table
  local out = {}
  for address, count in pairs(list) do out[#out + 1] = address:toString() .. "=" .. count end
  table.sort(out)
  return table.concat(out, "|")
end
"""
SLOW = 1.0
HEADER = (f"{'Time':7} {'Client':47} {'Protocol':12} {'Server':12} {'ID':5} {'Name':25} {'Type':5} {'Lat.':6} "
          f"{'TC':2} {'RD':2} {'AA':2} Rcode\n")


def handle(asked):
    if asked.name.startswith("silent."):
        return None
    if asked.name.startswith("nx."):
        return answer(asked, rcode="NXDOMAIN", flags=["AA"])
    if asked.name.startswith("slow."):
        time.sleep(SLOW)
    if asked.type == "AXFR":
        soa = "60 SOA ns.rings.test. root.rings.test. 1 2 3 4 5"
        return answer(asked, soa, soa)
    return address_answer()(asked)


class Sent:
    """What was asked, for the lines that are expected of it."""

    def __init__(self):
        self.ports, self.sizes, self.bytes = {}, {}, {"127.0.0.1": 0, "127.0.0.2": 0}


def ask(p, sent, number, name, qtype="A", source="127.0.0.1", opcode=dns.opcode.QUERY, answered=True):
    message = query(name, qtype, id=number)
    message.set_opcode(opcode)
    wire = message.to_wire()
    sent.sizes[number] = len(wire)
    sent.bytes[source] += len(wire)
    with p.udp(source=source) as client:
        sent.ports[number] = client.socket.getsockname()[1]
        client.send(wire)
        if answered:
            sent.bytes[source] += len(client.receive_wire())


@pytest.fixture(scope="module")
def p():
    sent = Sent()
    with Responder(handle) as backend, Proxy(CONFIG, backend=backend.address) as proxy:
        proxy.sent, proxy.backend = sent, backend
        assert proxy.command("showResponseLatency()") == "No traffic yet.\n"
        assert proxy.command("topClients()") == f"{1:4}  {'Rest':40} {0:4} 100.0%\n"
        assert proxy.command("grepq('.')") == HEADER
        ask(proxy, sent, 1, "www.rings.test")
        ask(proxy, sent, 2, "www.rings.test")
        ask(proxy, sent, 3, "WWW.Rings.test", source="127.0.0.2")
        ask(proxy, sent, 4, "nx.rings.test")
        ask(proxy, sent, 5, "self.rings.test")
        with proxy.tcp() as client:
            message = query("tcp.rings.test", "AAAA", id=6)
            client.send(message)
            sent.ports[6] = client.socket.getsockname()[1]
            sent.bytes["127.0.0.1"] += len(message.to_wire()) + len(client.receive_wire())
        ask(proxy, sent, 7, "silent.other.test", answered=False)
        wait_until(lambda: "silent" in proxy.command("topTimeouts()"), timeout=20)
        with proxy.udp() as client:
            dropped, barrier = query("drop.rings.test", id=8), query("self.rings.test", id=9)
            client.send_and_expect_nothing(dropped, barrier)
            sent.ports[8] = sent.ports[9] = client.socket.getsockname()[1]
            sent.bytes["127.0.0.1"] += len(dropped.to_wire()) + 2 * len(barrier.to_wire())
        ask(proxy, sent, 10, "slow.other.test")
        ask(proxy, sent, 11, "self.rings.test", opcode=dns.opcode.NOTIFY)
        # Not remembered: no question; and of a zone transfer the question alone.
        with proxy.udp() as client:
            client.send(b"\x00\x0c\x01\x00" + 8 * b"\x00")
            assert client.receive_wire()[3] & 15 == 4
        with proxy.tcp() as client:
            message = query("zone.other.test", "AXFR", id=13)
            client.send(message)
            sent.ports[13] = client.socket.getsockname()[1]
            sent.bytes["127.0.0.1"] += len(message.to_wire())
            assert client.receive() is not None
        yield proxy


# Per line: number, name, type, and of answers server, latency class, TC RD AA, outcome.
def question(number, name, qtype="A", protocol="DoUDP", outcome="Question", rd="RD"):
    return (number, name, qtype, protocol, "", "", "", rd, "", outcome)


def reply(number, name, server, outcome, qtype="A", protocol="DoUDP", latency=r"\d+\.\d", aa="", rd="RD"):
    return (number, name, qtype, protocol, server, latency, "", rd, aa, outcome)


def lines(one):
    """All lines, oldest first; `one` is the backend."""
    return [
        question(1, "www.rings.test."), reply(1, "www.rings.test.", one, "No Error. 1 answers"),
        question(2, "www.rings.test."),
        reply(2, "www.rings.test.", "Cache", "No Error. 1 answers", protocol="-", latency="0.0"),
        question(3, "WWW.Rings.test."),
        reply(3, "WWW.Rings.test.", "Cache", "No Error. 1 answers", protocol="-", latency="0.0"),
        question(4, "nx.rings.test."), reply(4, "nx.rings.test.", one, "Non-Existent domain", aa="AA"),
        question(5, "self.rings.test."),
        reply(5, "self.rings.test.", "Cache", "Query Refused", protocol="-", latency="0.0"),
        question(6, "tcp.rings.test.", "AAAA", "DoTCP"),
        reply(6, "tcp.rings.test.", one, "No Error. 1 answers", "AAAA", "DoTCP"),
        question(7, "silent.other.test."),
        reply(7, "silent.other.test.", one, "No answer", latency="T.O"),
        question(8, "drop.rings.test."),
        question(9, "self.rings.test."),
        reply(9, "self.rings.test.", "Cache", "Query Refused", protocol="-", latency="0.0"),
        question(10, "slow.other.test."), reply(10, "slow.other.test.", one, "No Error. 1 answers"),
        question(11, "self.rings.test.", outcome="Question (Notify)"),
        reply(11, "self.rings.test.", "Cache", "Query Refused", protocol="-", latency="0.0"),
        question(13, "zone.other.test.", "AXFR", "DoTCP"),
    ]


def pattern(p, line):
    number, name, qtype, protocol, server, latency, tc, rd, aa, outcome = line
    source = "127.0.0.2" if number == 3 else "127.0.0.1"
    client = f"{source}:{p.sent.ports[number]}"
    before = re.escape(f" {client:47} {protocol:12} {server:12} {number:<5} {name:25} {qtype:5} ")
    after = re.escape(f" {tc:2} {rd:2} {aa:2} {outcome}")
    return rf"(?=.{{7}} )-\d+\.\d *{before}(?=.{{6}} ){latency} *{after}"


def check(p, table, wanted):
    assert table.startswith(HEADER)
    got = table[len(HEADER):].splitlines()
    assert len(got) == len(wanted), table
    for row, line in zip(got, wanted):
        assert re.fullmatch(pattern(p, line), row), f"{row!r} is not {line}"
    times = [float(row[:7]) for row in got]
    assert times == sorted(times)


def is_question(line):
    return line[-1].startswith("Question")


def test_grepq_prints_everything_in_order(p):
    everything = lines(p.backend.address)
    check(p, p.command("grepq('.')"), everything)
    check(p, p.command("grepq('')"), everything)
    check(p, p.command("grepq('0.0.0.0/0')"), everything)


def test_grepq_by_name(p):
    everything = lines(p.backend.address)
    check(p, p.command("grepq('WWW.rings.test')"), [x for x in everything if x[0] in (1, 2, 3)])
    check(p, p.command("grepq('other.test.')"), [x for x in everything if "other" in x[1]])
    check(p, p.command("grepq('ther.test')"), [])
    check(p, p.command("grepq(5)"), [])


def test_grepq_by_client(p):
    everything = lines(p.backend.address)
    two = [x for x in everything if x[0] == 3]
    check(p, p.command("grepq('127.0.0.2')"), two)
    check(p, p.command("grepq('127.0.0.2/32')"), two)
    check(p, p.command("grepq('127.0.0.0/30')"), everything)
    check(p, p.command("grepq('!127.0.0.1')"), two)
    check(p, p.command("grepq('::/0')"), [])


def test_grepq_by_latency_lists_answers_alone(p):
    everything = lines(p.backend.address)
    check(p, p.command("grepq('900ms')"), [x for x in everything if x[0] in (7, 10) and not is_question(x)])
    check(p, p.command("grepq('100000ms')"), [x for x in everything if x[0] == 7 and not is_question(x)])
    # Whatever took no time is not slower than 0.
    check(p, p.command("grepq('0ms')"), [x for x in everything if not is_question(x) and x[4] != "Cache"])


def test_grepq_combines_filters_and_the_last_of_a_kind_wins(p):
    everything = lines(p.backend.address)
    check(p, p.command("grepq({'rings.test', '127.0.0.2'})"), [x for x in everything if x[0] == 3])
    check(p, p.command("grepq({'rings.test', '900ms'})"), [])
    check(p, p.command("grepq({'rings.test', 'nx.rings.test'})"), [x for x in everything if x[0] == 4])
    check(p, p.command("grepq({'127.0.0.2', '127.0.0.1', 'slow.other.test'})"), [x for x in everything if x[0] == 10])
    check(p, p.command("grepq({})"), everything)


def test_grepq_limit_counts_queries_and_answers_apart(p):
    everything = lines(p.backend.address)
    last = lambda kind, n: [x for x in everything if is_question(x) == kind][-n:]  # noqa: E731
    wanted = last(True, 2) + last(False, 2)
    check(p, p.command("grepq('.', 2)"), sorted(wanted, key=everything.index))
    check(p, p.command("grepq('www.rings.test', 1)"), [x for x in everything if x[0] == 3])
    check(p, p.command("grepq('.', 1000)"), everything)


def test_grepq_into_a_file(p):
    path = os.path.join(p.folder.name, "grepq.txt")
    assert p.command(f"grepq('www.rings.test', 100, {{outputFile='{path}'}})") == ""
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="ascii") as file:
        check(p, file.read(), [x for x in lines(p.backend.address) if x[0] in (1, 2, 3)])
    again = p.command(f"grepq('.', 100, {{outputFile='{path}'}})")
    assert again == "Error opening the file for writing: File exists\n"


@pytest.mark.parametrize("call,text", [
    ("grepq()", "This function requires at least 1 parameter(s)"),
    ("grepq('.', 'x')", "Unable to convert parameter from string to integer"),
    ("grepq(true)", "Unable to convert parameter from boolean to string"),
    ("grepq('.', 1, {}, 2)", "This function requires at most 3 parameter(s)"),
    ("grepq('.', 1, {outputFile={}})", "Unable to convert parameter from table to table of options"),
    ("topQueries('x')", "Unable to convert parameter from string to integer"),
    ("topQueries(1, 2, 3)", "This function requires at most 2 parameter(s)"),
    ("topClients({})", "Unable to convert parameter from table to integer"),
    ("getTopResponses(10)", "This function requires at least 2 parameter(s)"),
    ("getSlowResponses(10)", "This function requires at least 2 parameter(s)"),
    ("exceedQRate(1)", "This function requires at least 2 parameter(s)"),
    ("exceedQTypeRate(1, 2)", "This function requires at least 3 parameter(s)"),
    ("showResponseLatency(1)", "This function requires at most 0 parameter(s)"),
    ("statNodeRespRing(1)", "Unable to convert parameter from number to function"),
    ("statNodeRespRing(function() error('boom') end)", "boom"),
    ("statNodeRespRing(function(node) return node.nothing.x end)", "attempt to index"),
    ("getRespRing('x')", "Unable to convert parameter from string to integer"),
    ("getRingEntries(1)", "This function requires at most 0 parameter(s)"),
])
def test_misuse(p, call, text):
    reply_text = p.command(call)
    assert reply_text.startswith("Error: ") and text in reply_text, reply_text


def test_grepq_of_nonsense_says_so(p):
    assert p.command("grepq('a..b')") == "'a..b' is no netmask, no time such as 100ms, and no domain\n"


# --- top tables

def top(*rows):
    return "".join(f"{i + 1:4}  {name:40} {count:4} {share:4.1f}%\n" for i, (name, count, share) in enumerate(rows))


def test_top_queries(p):
    table = top(("self.rings.test.", 3, 25), ("WWW.Rings.test.", 3, 25), ("silent.other.test.", 1, 100 / 12),
                ("Rest", 5, 500 / 12))
    assert p.command("topQueries(3)") == table
    assert p.command("topQueries(10)") == p.command("topQueries()")
    assert p.command("topQueries()").endswith(f"{9:4}  {'Rest':40} {0:4}  0.0%\n")
    assert p.command("topQueries(2, 2)") == top(("rings.test.", 9, 75), ("other.test.", 3, 25), ("Rest", 0, 0))
    assert p.command("topQueries(2, 1)") == top(("test.", 12, 100), ("Rest", 0, 0))
    assert p.command("topQueries(1, 0)") == top((".", 12, 100), ("Rest", 0, 0))
    assert p.command("topQueries(0)") == top(("Rest", 12, 100))
    assert p.command("topQueries('1')") == top(("self.rings.test.", 3, 25), ("Rest", 9, 75))
    assert p.command("rows(getTopQueries(2))") == "self.rings.test. 3 25.0|WWW.Rings.test. 3 25.0|Rest 6 50.0\n"
    assert p.command("rows(getTopQueries(1, 1))") == "test. 12 100.0|Rest 0 0.0\n"
    assert p.command("rows(getTopQueries(-1))").count("|") == 8


def test_top_responses(p):
    # A time-out is no answer, whatever the rcode.
    assert p.command("topResponses(10)") == top(
        ("WWW.Rings.test.", 3, 60), ("slow.other.test.", 1, 20), ("tcp.rings.test.", 1, 20), ("Rest", 0, 0))
    assert p.command("topResponses(10, DNSRCode.NXDOMAIN)") == top(("nx.rings.test.", 1, 100), ("Rest", 0, 0))
    assert p.command("topResponses(10, 5, 1)") == top(("test.", 3, 100), ("Rest", 0, 0))
    assert p.command("topResponses(10, 9)") == top(("Rest", 0, 100))
    assert p.command("rows(getTopResponses(1, 0))") == "WWW.Rings.test. 3 60.0|Rest 2 40.0\n"


def test_top_slow_and_timeouts(p):
    slow = top(("slow.other.test.", 1, 100), ("Rest", 0, 0))
    assert p.command("topSlow()") == slow
    assert p.command("topSlow(10, 900)") == slow
    assert p.command("topSlow(10, 900, 1)") == top(("test.", 1, 100), ("Rest", 0, 0))
    assert p.command("topSlow(10, 100000)") == top(("Rest", 0, 100))
    assert p.command("topTimeouts()") == top(("silent.other.test.", 1, 100), ("Rest", 0, 0))
    assert p.command("topTimeouts(5, 2)") == top(("other.test.", 1, 100), ("Rest", 0, 0))
    assert p.command("rows(getSlowResponses(5, 900))") == "slow.other.test. 1 100.0|Rest 0 0.0\n"
    assert p.command("rows(getSlowResponses(5, 900, nil, true))") == "silent.other.test. 1 100.0|Rest 0 0.0\n"
    assert p.command("rows(getSlowResponses(5, 0, 1, true))") == "test. 1 100.0|Rest 0 0.0\n"


def test_top_clients_and_bandwidth(p):
    assert p.command("topClients()") == top(("127.0.0.1", 11, 1100 / 12), ("127.0.0.2", 1, 100 / 12), ("Rest", 0, 0))
    assert p.command("topClients(1)") == top(("127.0.0.1", 11, 1100 / 12), ("Rest", 1, 100 / 12))
    one, two = (p.sent.bytes[source] for source in ("127.0.0.1", "127.0.0.2"))
    share = 100 / (one + two)
    assert p.command("topBandwidth()") == top(("127.0.0.1", one, one * share), ("127.0.0.2", two, two * share), ("Rest", 0, 0))
    assert p.command("rows(getTopBandwidth(1))") == f"127.0.0.1 {one} {one * share:.1f}|Rest {two} {two * share:.1f}\n"


def test_show_response_latency(p):
    rows = p.command("showResponseLatency()").splitlines()
    assert re.fullmatch(r"Average response latency: \d+\.\d\d ms", rows[0])
    assert rows[1] == "     ms\t"
    limits = [f"{0.1 * 2 ** i:7.2f}\t" for i in range(15)]
    assert [row[:8] for row in rows[2:]] == limits
    bars = [row[8:] for row in rows[2:]]
    assert all(re.fullmatch(r"\**|[.:]", bar) for bar in bars)
    assert max(len(bar) for bar in bars) == 70
    assert bars[0] == 70 * "*" and sum(bar != "" for bar in bars) >= 2


# --- lists

def test_response_ring(p):
    check_it = ("(function() local out = {} for i, r in ipairs(getResponseRing()) do "
                "out[i] = r.name .. ' ' .. r.qtype .. ' ' .. r.rcode .. ' ' .. (r.usec == 4294967295 and 'out' or "
                "r.usec == 0 and 'hit' or 'ok') end return table.concat(out, '|') end)()")
    wanted = ["www.rings.test. 1 0 ok", "www.rings.test. 1 0 hit", "WWW.Rings.test. 1 0 hit", "nx.rings.test. 1 3 ok",
              "self.rings.test. 1 5 hit", "tcp.rings.test. 28 0 ok", "silent.other.test. 1 -1 out",
              "self.rings.test. 1 5 hit", "slow.other.test. 1 0 ok", "self.rings.test. 1 5 hit"]
    assert p.command(check_it) == "|".join(wanted) + "\n"
    some = "(function() local out = {} for i, r in ipairs(getRespRing(%s)) do assert(type(r.rcode) == 'string') " \
           "out[i] = r.qname .. r.rcode end return table.concat(out, '|') end)()"
    assert p.command(some % 3) == "nx.rings.test.3\n"
    assert p.command(some % "") .count("|") == 8
    assert "silent" not in p.command(some % "") + p.command(some % 0)
    assert p.command(some % 9) == "\n"


def test_ring_entries(p):
    show = """(function()
      local out = {}
      for i, e in ipairs(getRingEntries()) do
        local h = e.dnsheader
        out[i] = table.concat({h:getID(), e.isResponse and "R" or "Q", e.qname:toString(), e.requestor:toStringWithPort(),
          e.isResponse and e.backend:toStringWithPort() or e.backend:toString(), e.qtype, e.size, e.protocol,
          h:getRD() and "rd" or "-", h:getAA() and "aa" or "-", "<" .. e.macAddress .. ">"}, " ")
        assert(e.when.tv_sec > 0 and e.when.tv_nsec < 1e9 and (e.isResponse or e.usec == 0))
        e.size = 5
        assert(e.size ~= 5)
      end
      return table.concat(out, "|")
    end)()""".replace("\n", " ")
    rows = p.command(show).strip().split("|")
    ports, one = p.sent.ports, p.backend.address
    assert len(rows) == 22
    assert rows[0] == f"1 Q www.rings.test. 127.0.0.1:{ports[1]} 0.0.0.0 1 {p.sent.sizes[1]} DoUDP rd - <>"
    wanted = [f"{number} {'Q' if outcome.startswith('Question') else 'R'} {name} "
              for number, name, *_, outcome in lines(p.backend.address)]
    assert all(row.startswith(start) for row, start in zip(rows, wanted)), "an answer is not behind its query"
    answers = [row for row in rows if row.split()[1] == "R"]
    rows = [row for row in rows if row.split()[1] == "Q"]
    assert rows[5].startswith(f"6 Q tcp.rings.test. 127.0.0.1:{ports[6]} 0.0.0.0 28 ") and " DoTCP " in rows[5]
    assert len(answers) == 10
    assert answers[0].startswith(f"1 R www.rings.test. 127.0.0.1:{ports[1]} {one} 1 ")
    assert answers[0].endswith(" DoUDP rd - <>")
    assert answers[1].startswith(f"2 R www.rings.test. 127.0.0.1:{ports[2]} 0.0.0.0:0 1 ")
    assert answers[3].endswith(" rd aa <>")
    assert answers[6] == f"7 R silent.other.test. 127.0.0.1:{ports[7]} {one} 1 0 DoUDP rd - <>"


def test_sampling_rate_of_no_sampling(p):
    assert p.command("getRingBuffersSamplingRate()") == "0\n"


# --- trees and rates

def test_stat_nodes(p):
    walk = """(function(seconds)
      local out = {}
      statNodeRespRing(function(node, s, all)
        out[#out + 1] = table.concat({node.fullname, node.labelsCount, node:numChildren(), s.queries, all.queries, all.noerrors,
          all.nxdomains, all.servfails, all.drops, all.hits}, " ")
        assert((s.bytes > 0) == (s.queries > 0 and s.drops == 0) and all.bytes >= s.bytes)
      end, seconds)
      return table.concat(out, "|")
    end)(%s)""".replace("\n", " ")
    wanted = ["silent.other.test. 3 0 1 1 0 0 0 1 0", "slow.other.test. 3 0 1 1 1 0 0 0 0", "other.test. 2 2 0 2 1 0 0 1 0",
              "nx.rings.test. 3 0 1 1 0 1 0 0 0", "self.rings.test. 3 0 3 3 0 0 0 0 3", "tcp.rings.test. 3 0 1 1 1 0 0 0 0",
              "www.rings.test. 3 0 3 3 3 0 0 0 2", "rings.test. 2 4 0 8 4 1 0 0 5", "test. 1 2 0 10 5 1 0 1 5",
              " 0 1 0 10 5 1 0 1 5"]
    assert p.command(walk % 1000).lower() == "|".join(wanted) + "\n"
    assert p.command(walk % "nil").lower() == "|".join(wanted) + "\n"


def test_exceed(p):
    # Twelve queries in a thousand seconds are no more than a rate of one; nobody is above a high rate.
    assert p.command("clients(exceedQRate(0, 1000))") == "127.0.0.1=11|127.0.0.2=1\n"
    assert p.command("clients(exceedQRate(1, 1000))") == "\n"
    assert p.command("clients(exceedQRate(-1, 1000))") == "\n"
    assert p.command("clients(exceedQTypeRate(DNSQType.AAAA, 0, 1000))") == "127.0.0.1=1\n"
    assert p.command("clients(exceedNXDOMAINs(0, 1000))") == "127.0.0.1=1\n"
    assert p.command("clients(exceedServFails(0, 1000))") == "\n"
    assert p.command("clients(exceedQRate(0, 0))") == "127.0.0.1=11|127.0.0.2=1\n"
    assert p.command("clients(exceedRespByterate(10000, 0))") == "\n"
    by_bytes = p.command("clients(exceedRespByterate(0, 1000))")
    assert re.fullmatch(r"127\.0\.0\.1=\d+\|127\.0\.0\.2=\d+\n", by_bytes)


def test_ffi(p):
    show = """(function()
      local ffi = require('ffi')
      local C, list = ffi.C, ffi.new('dnsdist_ffi_ring_entry_list_t *[1]')
      local out, n = {}, tonumber(C.dnsdist_ffi_ring_get_entries_by_addr('127.0.0.2', list))
      for i = 0, n do
        local name, from, to = C.dnsdist_ffi_ring_entry_get_name(list[0], i), C.dnsdist_ffi_ring_entry_get_requestor(list[0], i),
          C.dnsdist_ffi_ring_entry_get_backend(list[0], i)
        out[#out + 1] = i == n and tostring(name == nil and from == nil) or table.concat({
          tostring(C.dnsdist_ffi_ring_entry_is_response(list[0], i)), ffi.string(name), ffi.string(from), '<' .. ffi.string(to) .. '>',
          C.dnsdist_ffi_ring_entry_get_type(list[0], i), C.dnsdist_ffi_ring_entry_get_protocol(list[0], i),
          C.dnsdist_ffi_ring_entry_get_size(list[0], i) > 20 and 'size' or '-', C.dnsdist_ffi_ring_entry_get_latency(list[0], i),
          C.dnsdist_ffi_ring_entry_get_id(list[0], i), C.dnsdist_ffi_ring_entry_get_rcode(list[0], i),
          C.dnsdist_ffi_ring_entry_get_rd(list[0], i) and 'rd' or '-', C.dnsdist_ffi_ring_entry_get_aa(list[0], i) and 'aa' or '-',
          C.dnsdist_ffi_ring_entry_get_tc(list[0], i) and 'tc' or '-', C.dnsdist_ffi_ring_entry_get_ancount(list[0], i),
          C.dnsdist_ffi_ring_entry_get_nscount(list[0], i), C.dnsdist_ffi_ring_entry_get_arcount(list[0], i),
          C.dnsdist_ffi_ring_entry_get_age(list[0], i) > 0 and 'old' or 'new',
          tostring(C.dnsdist_ffi_ring_entry_has_mac_address(list[0], i)) }, ' ')
      end
      C.dnsdist_ffi_ring_entry_list_free(list[0])
      out[#out + 1] = tonumber(C.dnsdist_ffi_ring_get_entries(list))
      C.dnsdist_ffi_ring_entry_list_free(list[0])
      out[#out + 1] = tonumber(C.dnsdist_ffi_ring_get_entries_by_addr('nonsense', list))
      out[#out + 1] = tonumber(C.dnsdist_ffi_ring_get_entries_by_addr('192.0.2.1', list))
      out[#out + 1] = tonumber(C.dnsdist_ffi_ring_get_entries_by_mac('00:11:22:33:44:55', list))
      return table.concat(out, '|')
    end)()""".replace("\n", " ")
    timed_out = """(function()
      local ffi = require('ffi')
      local list, out, before = ffi.new('dnsdist_ffi_ring_entry_list_t *[1]'), {}, math.huge
      for i = 0, tonumber(ffi.C.dnsdist_ffi_ring_get_entries(list)) - 1 do
        local age = ffi.C.dnsdist_ffi_ring_entry_get_age(list[0], i)
        assert(age <= before)
        before = age
        if ffi.string(ffi.C.dnsdist_ffi_ring_entry_get_name(list[0], i)):find('silent') then
          out[#out + 1] = ffi.C.dnsdist_ffi_ring_entry_get_rcode(list[0], i)
        end
      end
      ffi.C.dnsdist_ffi_ring_entry_list_free(list[0])
      return table.concat(out, ' ')
    end)()""".replace("\n", " ")
    assert p.command(timed_out) == "0 255\n"
    port = p.sent.ports[3]
    assert p.command(show).strip().split("|") == [
        f"false WWW.Rings.test. 127.0.0.2:{port} <> 1 0 size 0 3 0 rd - - 0 0 0 old false",
        f"true WWW.Rings.test. 127.0.0.2:{port} <0.0.0.0:0> 1 0 size 0 3 0 rd - - 1 0 0 old false",
        "true", "22", "0", "0", "0"]


# --- options

def test_size_switches_and_sampling():
    config = """
    setRingBuffersSize(4, 2)
    setRingBuffersOptions({lockRetries=3, recordResponses=false, samplingRate=2, nonsense=1})
    setRingBuffersLockRetries(9)
    addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
    """
    with Proxy(config) as p:
        wait_until(lambda: "nonsense" in p.output)
        with p.udp() as client:
            for i in range(20):
                client.ask(query(f"n{i}.small.test"))
        # Every second one, of these the last four.
        names = re.findall(r"n\d+", p.command("grepq('.')"))
        assert names == ["n12", "n14", "n16", "n18"]
        assert p.command("getRingBuffersSamplingRate()") == "2\n"
        assert p.command("showResponseLatency()") == "No traffic yet.\n"
        assert p.command("#getResponseRing() + #getRingEntries()") == "4\n"
        # A rate is that of all queries: each entry stands for two.
        assert p.command("(function() for _, n in pairs(exceedQRate(0, 1000)) do return n end end)()") == "8\n"
        for call in ("setRingBuffersSize(5)", "setRingBuffersOptions({})", "setRingBuffersLockRetries(1)"):
            assert p.command(call) == f"{call[:call.index('(')]} cannot be used at runtime!\n"


@pytest.mark.parametrize("options", ["setRingBuffersSize(0)",
                                     "setRingBuffersOptions({recordQueries=false, recordResponses=false})"])
def test_no_rings(options):
    with Proxy(f"{options}\naddAction(AllRule(), RCodeAction(DNSRCode.REFUSED))") as p:
        p.ask("x.none.test")
        assert p.command("#getRingEntries()") == "0\n"
        assert p.command("grepq('.')") == HEADER
        assert p.command("topQueries()") == top(("Rest", 0, 100))


def test_time_outs_over_tcp():
    with Responder(handle) as backend, Proxy(
            'newServer{address="$backend", tcpOnly=true, tcpRecvTimeout=1}', backend=backend.address) as p:
        with p.udp() as client:
            client.send(query("silent.tcp.test", id=4660))
            wait_until(lambda: "silent.tcp.test." in p.command("topTimeouts()"), timeout=20)
            assert client.ask(query("www.tcp.test")).answer
        row = p.command("grepq({'silent.tcp.test', '1ms'})")[len(HEADER):]
        assert f" {'DoTCP':12} {backend.address:12} 4660 " in row and " T.O " in row and row.count("\n") == 1


def test_ipv6_clients():
    with Proxy("setACL('::/0')\naddAction(AllRule(), RCodeAction(DNSRCode.REFUSED))", listen="::1") as p:
        p.ask("six.rings.test")
        assert p.command("topClients()") == top(("::1", 1, 100), ("Rest", 0, 0))
        assert re.search(r"\n-\d\.\d {4}\[::1\]:\d+ +DoUDP ", p.command("grepq('::1')"))
        assert p.command("grepq('0.0.0.0/0')") == HEADER
        assert p.command("(function() for a in pairs(exceedQRate(0, 100)) do return a:toString() end end)()") == "::1\n"


@pytest.mark.concurrent
def test_reading_while_it_is_written():
    """Tables are whole while all workers write small rings around and around."""
    stop = threading.Event()
    with Responder() as backend, Proxy("setRingBuffersSize(50)\nsetWorkers(4)\nnewServer('$backend')",
                                       backend=backend.address) as p:
        def load(number):
            with p.udp() as client:
                i = 0
                while not stop.is_set():
                    client.ask(query(f"{'x' * (i % 60 + 1)}.w{number}.busy.test"))
                    i += 1
        threads = [threading.Thread(target=load, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        try:
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                table = p.command("grepq('busy.test')")
                for row in table[len(HEADER):].splitlines():
                    assert re.search(r" \d+ +x+\.w\d\.busy\.test\. +A ", row), row
                assert len(table.splitlines()) <= 101
                total = json.loads("[" + ",".join(re.findall(r" (\d+) +[\d.]+%", p.command("topQueries(100)"))) + "]")
                assert sum(total) <= 50
                p.command("statNodeRespRing(function() end)")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
