# SPDX-License-Identifier: BSD-2-Clause
"""showTCPStats() and its kin: the columns, and that the figures are those of what happened."""
import pytest

from harness.client import query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, wait_until
from test_cli import run

FRONTENDS = [("#", 3), ("Address", 20), ("Connections", 20), ("Max concurrent conn", 20), ("Died reading query", 20),
             ("Died sending response", 25), ("Gave up", 20), ("Client timeouts", 20), ("Downstream timeouts", 20),
             ("Avg queries/conn", 20), ("Avg duration", 20), ("Avg read IOs/conn", 20), ("TLS new sessions", 20),
             ("TLS Resumptions", 25), ("TLS unknown ticket keys", 25), ("TLS inactive ticket keys", 15), ("TLS 1.0", 15),
             ("TLS 1.1", 15), ("TLS 1.2", 15), ("TLS 1.3", 15), ("TLS other", 15)]
BACKENDS = [("#", 3), ("Name", 20), ("Address", 20), ("Connections", 20), ("Max concurrent conn", 20), ("Died sending query", 25),
            ("Died reading response", 25), ("Gave up", 20), ("Read timeouts", 20), ("Write timeouts", 20), ("Connect timeouts", 20),
            ("Too many conn", 20), ("Total connections", 20), ("Reused connections", 20), ("TLS resumptions", 20),
            ("Avg queries/conn", 20), ("Avg duration", 20)]


def header(columns):
    return " ".join(f"{name:<{width}}" for name, width in columns)


def row(columns, line):
    return dict(zip((name for name, _ in columns), line.split()))


def test_the_tables():
    with Responder(address_answer("192.0.2.1")) as backend:
        with Proxy('newServer{address="$backend", name="one", tcpOnly=true}', backend=backend.address) as p:
            with p.tcp() as first, p.tcp() as second:
                for _ in range(3):
                    first.ask(query("a.test"))
                second.ask(query("b.test"))
                lines = p.command("showTCPStats()").splitlines()
                assert lines[0] == f'{"Workers":<12} {"Max Workers":<12} {"Queued":<12} {"Max Queued":<12}'
                assert lines[2:5] == ["", "Frontends:", header(FRONTENDS)]
                tcp = [row(FRONTENDS, line) for line in lines[5:lines.index("Backends:") - 1]][1]
                assert (tcp["Connections"], tcp["Max concurrent conn"], tcp["Avg queries/conn"]) == ("2", "2", "2.000000")
                place = lines.index("Backends:")
                assert lines[place - 1] == "" and lines[place + 1] == header(BACKENDS)
                one = row(BACKENDS, lines[place + 2])
                assert one["Name"] == "one" and int(one["Total connections"]) >= 1 and int(one["Connections"]) >= 1
                assert int(one["Total connections"]) + int(one["Reused connections"]) == 4
            wait_until(lambda: row(FRONTENDS, p.command("showTCPStats()").splitlines()[6])["Connections"] == "0", 10, "the end")
            assert float(row(FRONTENDS, p.command("showTCPStats()").splitlines()[6])["Avg duration"]) > 0


def test_the_states():
    with Responder(address_answer("192.0.2.1")) as backend:
        with Proxy('newServer{address="$backend", name="one", tcpOnly=true}', backend=backend.address) as p, p.tcp() as end:
            end.ask(query("a.test"))
            p.command("requestTCPStatesDump()")
            wait_until(lambda: "0 queries in flight, 1 so far" in p.output and "connections busy, 1 idle" in p.output, 10, "the lines")


@pytest.mark.parametrize("key,good", [("01234567-89abcdef-01234567-89abcdef", True), ("nonsense", False), ("1-2-3", False),
                                      ("1-2-3-4-5", False)])
def test_fast_open_key(key, good):
    done = run("--check-config", config=f'setTCPFastOpenKey("{key}")')
    assert (done.returncode == 0) == good
