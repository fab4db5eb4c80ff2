# SPDX-License-Identifier: BSD-2-Clause
"""TCP clients that take more than their share: of memory, of time, of descriptors; and the end of those that are slow."""
import contextlib
import re
import signal
import socket
import struct

import pytest

from harness.client import TcpClient, addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, wait_until
from test_load import SANITIZED

pytestmark = pytest.mark.concurrent

# Answers of nearly 60 kB, and small ones.
LARGE = """
    local data = {}
    for i = 1, 230 do data[i] = "\\255" .. ("x"):rep(255) end
    addAction(QTypeRule("TXT"), SpoofRawAction(data))
    addAction(AllRule(), SpoofAction("192.0.2.1"))
    setMaxTCPQueriesPerConnection(0)
"""


def memory_kib(p):
    with open(f"/proc/{p.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s*(\d+)", status.read()).group(1))


def test_clients_that_never_read():
    """What is made for them is bounded, however much they ask for, and datagrams are answered meanwhile."""
    with Proxy(LARGE, listen_options="{maxInFlight=1000}") as p, contextlib.ExitStack() as stack:
        assert p.ask("warm.greedy.test", "TXT", tcp=True)
        before = memory_kib(p)
        wire = TcpClient.frame(query("large.greedy.test", "TXT")) * 200
        for _ in range(100):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(p.address)
            client.sendall(wire)
        for number in range(50):
            assert addresses(p.ask(f"n{number}.greedy.test")) == ["192.0.2.1"]
        assert SANITIZED or memory_kib(p) - before < 100 * 300  # 100 * 200 * 58 KiB were asked for


def test_descriptors_are_kept_for_others():
    """Idle clients are refused before they use up what backends, checks and the console need."""
    config = 'newServer{address="$backend", checkInterval=1} setTCPRecvTimeout(30)'
    with Responder() as backend, contextlib.ExitStack() as stack:
        with Proxy(config, descriptors=128, backend=backend.address) as p:
            served = 0
            for number in range(150):
                client = stack.enter_context(p.tcp())
                try:
                    served += client.ask(query(f"n{number}.many.test")) is not None
                except (OSError, EOFError, AssertionError, struct.error):
                    pass
            assert 4 <= served < 128
            assert p.drops()["descriptors"] >= 150 - served
            assert addresses(p.ask("datagram.many.test")) == ["192.0.2.1"]
            assert "up" in p.command("showServers()")
            assert p.output.count("TCP clients are refused") == 1


def test_draining_delivers_what_was_made():
    """After SIGTERM: every answer that was made arrives whole, the connection ends in order, so does the process."""
    with Proxy(LARGE, listen_options="{maxInFlight=1000}") as p, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(p.address)
        client.settimeout(10)
        wire = TcpClient.frame(query("slow.greedy.test", "TXT"))
        client.sendall(wire * 100)
        wait_until(lambda: p.counters()["self-answered"] >= 2)
        before = -1
        while before != p.counters()["self-answered"]:
            before = p.counters()["self-answered"]
        p.process.send_signal(signal.SIGTERM)
        client.sendall(wire)  # it does not know yet
        got = b""
        while part := client.recv(1 << 16):
            got += part
        answers = 0
        while got:
            (size,) = struct.unpack("!H", got[:2])
            assert len(got) >= 2 + size
            got = got[2 + size:]
            answers += 1
        assert answers >= before
        client.close()
        assert p.process.wait(10) == 0


def test_siblings_of_a_dropped_query():
    """A query without an answer ends the connection, but not before those around it have theirs."""
    config = 'addAction("drop.siblings.test", DropAction()) addAction(AllRule(), SpoofAction("192.0.2.1"))'
    with Proxy(config, listen_options="{maxInFlight=100}") as p, p.tcp() as end:
        names = ["a.siblings.test", "drop.siblings.test", "b.siblings.test"]
        end.socket.sendall(b"".join(end.frame(query(name, id=number + 1)) for number, name in enumerate(names)))
        assert [end.receive().id for _ in range(2)] == [1, 3]
        assert end.at_end()
