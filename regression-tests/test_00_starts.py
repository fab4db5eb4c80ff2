# SPDX-License-Identifier: BSD-2-Clause
"""The most basic thing: it starts, answers through a backend, and ends well. When this fails look here first."""
from harness.client import addresses
from harness.proxy import Proxy


def test_starts_answers_and_stops(backend):
    with Proxy('newServer("$backend")', backend=backend.address) as p:
        assert addresses(p.ask("www.start.test")) == ["192.0.2.1"]
        assert addresses(p.ask("www.start.test", tcp=True)) == ["192.0.2.1"]
        assert "start" not in p.command("showVersion()") and p.command("showVersion()").startswith("dns")
