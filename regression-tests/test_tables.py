# SPDX-License-Identifier: BSD-2-Clause
"""Tables of the console: scripts cut them by column, so the columns stand where they stood for ten years."""
import re

import pytest

from harness.client import query
from harness.proxy import Proxy
from harness.responder import Responder

UUID = "0a1b2c3d-1111-4222-8333-444455556666"
CONFIG = f"""
newServer{{address="$one", name="east1", id="{UUID}", order=1, weight=100, pool={{"web", "mail"}}}}
newServer{{address="$two", name="a-name-of-more-than-twenty-letters", order=2, qps=500, healthCheckMode="down"}}
pc = newPacketCache(1000)
getPool(""):setCache(pc)
setPoolServerPolicy(roundrobin, "web")
addAction(QTypeRule("ANY"), RCodeAction(DNSRCode.NOTIMP), {{name="no-any"}})
addAction({{"worse.example", "bad.example"}}, DropAction())
addACL("192.0.2.7/24")
addACL("2001:db8::/32")
"""


@pytest.fixture(scope="module")
def p():
    with Responder() as one, Responder() as two:
        with Proxy(CONFIG, one=one.address, two=two.address) as proxy:
            proxy.backends = (one, two)
            yield proxy


def test_show_servers(p):
    rows = p.command("showServers()").splitlines()
    header = (f"{'#':3} {'Name':20} {'Address':44} {'State':>5} {'Qps':>7} {'Qlim':>7} {'Ord':>10} {'Wt':>10} "
              f"{'Queries':>10} {'Drops':>7} {'Drate':>5} {'Lat':>5} {'TCP':>5} {'Outstanding':>11} Pools")
    assert rows[0] == header
    assert rows[0].index("Address") == 25 and rows[0].index("State") == 70
    assert rows[1][:25] == f"{0:<3} {'east1':20} "
    assert rows[1][25:69].strip() == p.backends[0].address
    assert rows[1][70:75] == "   up" and rows[2][70:75] == " DOWN"
    assert rows[2][4:24] == "a-name-of-more-than-"
    assert rows[2][84:91].strip() == "500" and rows[1][84:91].strip() == "0"
    assert rows[1][92:102].strip() == "1" and rows[1][103:113].strip() == "100"
    assert sorted(rows[1][rows[0].index("Pools"):].split()) == ["mail", "web"]
    assert rows[2][rows[0].index("Pools"):].strip() == ""
    assert rows[-1].startswith("All ") and len(rows) == 4


def test_show_servers_counts_queries(p):
    p.command('addAction("count.tables.test", PoolAction("web"))')
    before = p.command("showServers()").splitlines()
    for _ in range(3):
        p.ask("count.tables.test")
    after = p.command("showServers()").splitlines()
    column = slice(114, 124)
    assert int(after[1][column]) - int(before[1][column]) == 3
    assert int(after[-1][column]) == sum(int(row[column]) for row in after[1:-1])
    latency = after[1][after[0].index("  Lat"):][:5].strip()
    assert re.fullmatch(r"\d+\.\d", latency), "measured once a query was answered"
    p.command("rmRule(2)")


def test_show_servers_with_uuids(p):
    rows = p.command("showServers({showUUIDs=true})").splitlines()
    assert rows[0].index("UUID") == 4 and rows[0].index("Address") == 62 and rows[0].index("State") == 107
    assert rows[1][4:40] == UUID


def test_show_rules(p):
    rows = p.command("showRules()").splitlines()
    assert rows[0] == f"{'#':3} {'Name':30} {'Matches':>9} {'Rule':56} Action"
    assert rows[1] == f"{0:<3} {'no-any':30} {0:>9} {'qtype==ANY':56} set rcode 4"
    assert rows[2] == f"{1:<3} {'':30} {0:>9} {'qname in bad.example., worse.example.':56} drop"


@pytest.mark.parametrize("name", ["CacheMiss", "Response", "CacheHitResponse", "CacheInsertedResponse",
                                  "SelfAnsweredResponse", "XFRResponse", "TimeoutResponse"])
def test_show_rules_of_other_chains(p, name):
    assert p.command(f"show{name}Rules()") == f"{'#':3} {'Name':30} {'Matches':>9} {'Rule':56} Action\n"


def test_show_pools(p):
    rows = p.command("showPools()").splitlines()
    assert rows[0] == f"{'Name':24} {'Cache':>20} {'ServerPolicy':>20} Servers"
    by_name = {row[:20].strip(): row for row in rows[1:]}
    assert set(by_name) == {"", "web", "mail"}
    assert "/1000" in by_name[""] and "leastOutstanding" in by_name[""]
    assert "roundrobin" in by_name["web"] and f"east1 {p.backends[0].address}" in by_name["web"]


def test_show_binds(p):
    rows = p.command("showBinds()").splitlines()
    assert [rows[0].index(word) for word in ("Address", "Protocol", "Queries")] == [4, 35, 57]
    assert [row[35:55].strip() for row in rows[1:]] == ["UDP", "TCP"]
    assert {row[4:34].strip() for row in rows[1:]} == {f"127.0.0.1:{p.address[1]}"}


def test_show_binds_counts(p):
    p.command('addAction("tables.test", SpoofAction("192.0.2.1"))')
    before = [int(row[57:]) for row in p.command("showBinds()").splitlines()[1:]]
    p.ask("binds.tables.test")
    p.ask("binds.tables.test", tcp=True)
    p.ask("binds2.tables.test", tcp=True)
    after = [int(row[57:]) for row in p.command("showBinds()").splitlines()[1:]]
    p.command("rmRule(2)")
    assert [new - old for new, old in zip(after, before)] == [1, 2]


def test_long_ipv6_address_is_cut():
    with Proxy(listen="::1") as p:
        assert p.command("showBinds()").splitlines()[1][4:24].strip().startswith("[::1]:")


def test_show_acl(p):
    lines = p.command("showACL()").splitlines()
    assert "192.0.2.0/24" in lines and "2001:db8::/32" in lines and "127.0.0.0/8" in lines
    assert [":" in line for line in lines] == sorted(":" in line for line in lines), "IPv4 first"
    assert lines[0] == "10.0.0.0/8"


def test_show_server_policy(p):
    assert p.command("showServerPolicy()") == "leastOutstanding\n"
    assert p.command('showPoolServerPolicy("web")') == "roundrobin\n"
    assert p.command('showPoolServerPolicy("nowhere")').startswith("Error: ")


def test_show_version(p):
    assert re.fullmatch(r"dnsproxy \d+\.\d+\.\d+\S*\n", p.command("showVersion()"))


def test_dump_stats(p):
    lines = p.command("dumpStats()").splitlines()
    words = [word for line in lines for word in line.split()]
    names, values = words[::2], words[1::2]
    assert all(re.fullmatch(r"[\d.-]+", value) for value in values)
    for name in ("queries", "responses", "cache-hits", "cache-misses", "acl-drops", "rule-drop", "uptime",
                 "latency-avg100", "noncompliant-queries", "self-answered"):
        assert name in names
    left = [line.split()[0] for line in lines]
    assert left == sorted(left)
    assert lines[0][35] == "\t" and len(lines[0]) > 51


def test_counters_as_a_table(p):
    counters = p.counters()
    assert counters["queries"] >= 1 and counters["cache-misses"] >= 0


def test_show_drops(p):
    """Every reason with its count and a sentence."""
    before = p.drops()
    with p.udp() as end:
        end.send(b"short")
        end.send_and_expect_nothing(query("bad.example"), query("barrier.tables.test", "ANY"))
    after = p.drops()
    assert {reason: after[reason] - before[reason] for reason in after if after[reason] != before[reason]} == \
        {"too-short": 1, "rule": 1}
    rows = p.command("showDrops()").split("\n\n")[0].splitlines()
    assert rows[0].split() == ["Reason", "Count", "Meaning"]
    assert all(row.endswith(".") and len(row) > 40 for row in rows[1:]), "a sentence each"


def test_get_server_out_of_range(p):
    assert p.command("getServer(9)") == "Error: trying to retrieve server 9 while there is only 2servers\n"
    assert p.command("getServer('00000000-0000-4000-8000-000000000000')") == "Error: no server matched\n"


def test_get_bind(p):
    assert p.command("getBind(0)") == f"127.0.0.1:{p.address[1]}\n"
    assert p.command("getBind(99)") == ""
    assert p.command("getBindCount()") == "2\n"


def test_server_methods(p):
    assert p.command("getServer(0):getName()") == "east1\n"
    assert p.command("getServer(0):getNameWithAddr()") == f"east1 ({p.backends[0].address})\n"
    assert p.command(f"getServer('{UUID}'):getID()") == f"{UUID}\n"
    assert p.command("tostring(getServer(0):isUp())") == "true\n"
    assert p.command("getServer(0).weight") == "100\n"
    assert p.command("getServer(0).weight = 0") == "" and p.command("getServer(0).weight") == "100\n"
    p.command("getServer(0):addPool('new')")
    assert "new" in p.command("showServers()").splitlines()[1]
    p.command("getServer(0):rmPool('new')")
    assert "new" not in p.command("showServers()").splitlines()[1]


def test_bench_rule(p):
    assert re.fullmatch(r"Had 1000 matches out of 1000, [\d.e+]+ qps, in [\d.]+ us\n",
                        p.command("benchRule(AllRule(), 1000)"))


def test_default_pool_leaves_no_gap_in_show_servers():
    with Responder() as one, Proxy('newServer{address="$one", pool={"", "web"}}', one=one.address) as p:
        header, row = p.command("showServers()").splitlines()[:2]
        assert row[header.index("Pools"):] == "web"


@pytest.mark.parametrize("command,columns", [
    ("showTLSFrontends()", [(0, "#"), (4, "Address"), (25, "# ticket keys"), (40, "Rotation delay"), (55, "Next rotation")]),
    ("showTLSErrorCounters()", [(0, "#"), (4, "Address"), (25, "DH key too small"), (193, "Unsupported protocol")]),
    ("showDOHFrontends()", [(0, "#"), (4, "Address"), (25, "HTTP"), (41, "HTTP/1"), (201, "Next rotation")]),
    ("showDOQFrontends()", [(0, "#"), (4, "Address"), (25, "Bad Version"), (73, "Valid")]),
    ("showDOH3Frontends()", [(0, "#"), (4, "Address"), (25, "Bad Version"), (73, "Valid")]),
    ("showDNSCryptBinds()", [(0, "#"), (4, "Address"), (25, "Provider Name")]),
])
def test_tables_of_listeners_that_there_are_none_of(p, command, columns):
    rows = p.command(command).splitlines()
    assert [row for row in rows if row.strip()] == rows[:1]
    for at, word in columns:
        assert rows[0][at:].startswith(word) and (at == 0 or rows[0][at - 1] == " "), (at, word)


def test_empty_tables_of_several_parts(p):
    table = "#   Address              200             400             403             500             502             Others         \n"
    assert p.command("showDOHResponseCodes()") == f"\n- HTTP/1:\n\n{table}\n- HTTP/2:\n\n{table}"
    assert p.command("showSecurityStatus()") == "0\n"
