# SPDX-License-Identifier: BSD-2-Clause
"""addLocal(), setLocal() and the functions that tune listeners, client connections and what is kept towards backends."""
import contextlib
import re
import socket
import struct
import threading
import time

import pytest

from harness import ports, sockets
from harness.client import TcpClient, UdpClient, addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until
from test_server_options import figures, forced, held

pytestmark = pytest.mark.concurrent

BACKEND = 'newServer{address="$backend", healthCheckMode="up"} '


def ends_soon(end, message=None):
    """The connection is closed without an answer."""
    try:
        if message is not None:
            end.send(message)
        return end.at_end()
    except OSError:
        return True


# --- sockets

LINES = [
    ("plain", "{}"),
    ("reused", "{reusePort=true}"),
    ("fastopen", "{tcpFastOpenQueueSize=7}"),
    ("device", '{interface="lo"}'),
    ("queue", "{tcpListenQueueSize=9}"),
    ("pinned", "{cpus={0}}"),
    ("everything", '{reusePort=true, tcpFastOpenQueueSize=3, interface="lo", cpus={0, 1}, tcpListenQueueSize=5, maxInFlight=10, '
                   "maxConcurrentTCPConnections=20, enableProxyProtocol=false}"),
]


@pytest.fixture(scope="module")
def lines(backend):
    """A listener for each row; ports by name."""
    port_of = {name: ports.free_port() for name, _ in LINES}
    config = [BACKEND, "setWorkers(2)", "setUDPSocketBufferSizes(150000, 170000)"]
    config += [f'addLocal("127.0.0.1:{port_of[name]}", {options})' for name, options in LINES]
    with Proxy("\n".join(config), backend=backend.address) as p:
        yield p, port_of


def both(lines, name):
    p, port_of = lines
    kinds = [sockets.listening(p.process.pid, port_of[name], kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    assert [len(ends) for ends in kinds] == [2, 2], "one per worker"
    return kinds


@pytest.mark.parametrize("name", [name for name, _ in LINES])
def test_every_line_answers(lines, name):
    _, port_of = lines
    with UdpClient(("127.0.0.1", port_of[name])) as udp, TcpClient(("127.0.0.1", port_of[name])) as tcp:
        assert addresses(udp.ask(query(f"{name}.lines.test"))) == ["192.0.2.1"]
        assert addresses(tcp.ask(query(f"{name}.lines.test"))) == ["192.0.2.1"]


@pytest.mark.parametrize("name,queue", [("plain", 0), ("fastopen", 7), ("everything", 3)])
def test_fast_open_queue(lines, name, queue):
    assert [end.getsockopt(socket.IPPROTO_TCP, sockets.FAST_OPEN) for end in both(lines, name)[1]] == [queue, queue]


@pytest.mark.parametrize("name,device", [("plain", ""), ("device", "lo"), ("everything", "lo")])
def test_interface(lines, name, device):
    assert {sockets.device(end) for kind in both(lines, name) for end in kind} == {device}


@pytest.mark.parametrize("name,backlog", [("plain", None), ("queue", 9), ("everything", 5)])
def test_listen_queue(lines, name, backlog):
    with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
        most = min(int(file.read()), socket.SOMAXCONN)
    assert [sockets.backlog(end) for end in both(lines, name)[1]] == [backlog or most] * 2


def test_buffer_sizes(lines):
    """The kernel doubles what it is told, and has limits."""
    udp, _ = both(lines, "plain")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as same:
        for option, size in ((socket.SO_RCVBUF, 150000), (socket.SO_SNDBUF, 170000)):
            same.setsockopt(socket.SOL_SOCKET, option, size)
            assert {end.getsockopt(socket.SOL_SOCKET, option) for end in udp} == {same.getsockopt(socket.SOL_SOCKET, option)}


def test_ports_are_shared_only_when_asked(lines):
    p, port_of = lines

    def share(name, kind):
        with socket.socket(socket.AF_INET, kind) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                other.bind(("127.0.0.1", port_of[name]))
                return True
            except OSError:
                return False
    assert share("reused", socket.SOCK_DGRAM) and share("reused", socket.SOCK_STREAM)
    config = f'setLocal("127.0.0.1:{port_of["plain"]}")\n' + BACKEND
    with pytest.raises(Exception, match="in use"):
        with Proxy(config.replace("$backend", "127.0.0.1:9"), listen=None, console=False):
            pass
    with Proxy(f'addLocal("127.0.0.1:{port_of["reused"]}", {{reusePort=true}})', console=False) as second:
        assert second.process.poll() is None


def test_pinning_says_once_that_it_has_no_effect(lines):
    p, _ = lines
    assert p.output.count("the option cpus has no effect") == 1


def test_one_line_is_two_listeners(lines):
    p, port_of = lines
    rows = p.command("showBinds()").splitlines()
    assert len([row for row in rows if f":{port_of['plain']} " in row]) == 2
    assert p.command("getBindCount()") == f"{2 * len(LINES) + 2}\n"


def test_set_local_replaces_what_was_before(backend):
    first, second = ports.free_port(), ports.free_port()
    config = f'addLocal("127.0.0.1:{first}") setLocal("127.0.0.1:{second}", {{maxInFlight=5}}) '
    with Proxy(config + BACKEND, backend=backend.address) as p:
        assert p.command("getBindCount()") == "2\n"
        with TcpClient(("127.0.0.1", second)) as end:
            assert addresses(end.ask(query("replaced.lines.test"))) == ["192.0.2.1"]
        with pytest.raises(ConnectionRefusedError):
            TcpClient(("127.0.0.1", first))


@pytest.mark.parametrize("options", ['{interface="no-such-one"}', '{interface="longer-than-there-can-be"}', "{nonsense=1}", '{reusePort="yes"}'])
def test_mistakes(backend, options):
    config = f'addLocal("127.0.0.1:{ports.free_port()}", {options}) ' + BACKEND
    with Proxy(config, backend=backend.address) as p:
        assert options.strip("{}").split("=")[0] in p.output
        if "interface" in options:  # told, and served without it
            assert options.split('"')[1] + "," in p.output
            port = int(re.search(r"127.0.0.1:(\d+)", config)[1])
            with TcpClient(("127.0.0.1", port)) as end:
                assert addresses(end.ask(query("without.lines.test"))) == ["192.0.2.1"]


# --- a connection's queries

@pytest.mark.parametrize("options,at_once", [("{}", 1), ("{maxInFlight=0}", 1), ("{maxInFlight=1}", 1), ("{maxInFlight=3}", 3)])
def test_in_flight(options, at_once):
    release = threading.Event()
    with Responder(held(release)) as one:
        with Proxy("setWorkers(1) " + forced('address="$one"', "maxInFlight=10"), listen_options=options, one=one.address) as p, p.tcp() as end:
            for number in range(5):
                end.send(query(f"f{number}.flight.test"))
            one.wait_for(lambda me: len(me.queries) == at_once)
            time.sleep(0.1)
            assert len(one.queries) == at_once
            release.set()
            assert len({end.receive().question[0].name for _ in range(5)}) == 5


@pytest.mark.parametrize("most,answered", [(1, 2), (5, 6)])
def test_queries_per_connection(backend, most, answered):
    with Proxy(BACKEND, backend=backend.address) as p:
        p.command(f"setMaxTCPQueriesPerConnection({most})")
        with p.tcp() as end:
            got = 0
            with contextlib.suppress(OSError):
                while got < 20:
                    end.send(query(f"n{got}.limit.test"))
                    if end.receive() is None:
                        break
                    got += 1
            assert got == answered


def test_connection_duration(backend):
    with Proxy(BACKEND + "setMaxTCPConnectionDuration(1) setTCPRecvTimeout(20)", backend=backend.address) as p:
        with p.tcp() as end:
            started = time.monotonic()
            end.ask(query("young.duration.test"))
            while time.monotonic() - started < 10:
                try:
                    if end.ask(query("old.duration.test")) is None:
                        break
                except (OSError, AttributeError):
                    break
                time.sleep(0.05)
            assert 0.9 < time.monotonic() - started < 3
        with p.tcp() as idle:
            started = time.monotonic()
            assert idle.at_end() and 0.9 < time.monotonic() - started < 3


@pytest.mark.parametrize("seconds,least,most", [(1, 0.9, 2.5), (3, 2.9, 4.5)])
def test_receive_timeout(backend, seconds, least, most):
    with Proxy(BACKEND, backend=backend.address) as p:
        p.command(f"setTCPRecvTimeout({seconds})")
        with p.tcp() as end:
            end.ask(query("idle.timeout.test"))
            started = time.monotonic()
            assert end.at_end() and least < time.monotonic() - started < most


def test_no_receive_timeout(backend):
    with Proxy(BACKEND + "setTCPRecvTimeout(0)", backend=backend.address) as p, p.tcp() as end:
        time.sleep(3)
        assert addresses(end.ask(query("patient.timeout.test"))) == ["192.0.2.1"]


def test_send_timeout():
    """A client that asks for much and reads nothing."""
    def large(asked):
        return answer(asked, *[f'60 TXT "{number:05} {"z" * 240}"' for number in range(240)])
    with Responder(large) as one:
        with Proxy(forced('address="$one"') + " setTCPSendTimeout(1) setTCPRecvTimeout(20)", one=one.address,
                   listen_options="{maxInFlight=200}") as p:
            end = socket.socket()
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            end.connect(p.address)
            frame = TcpClient.frame(query("much.timeout.test", "TXT"))
            with end, contextlib.suppress(OSError):
                for _ in range(400):
                    end.sendall(frame)
                wait_until(lambda: client_figures(p)["Client timeouts"] == "1", 15, "the time-out")
            assert client_figures(p)["Client timeouts"] == "1"


def client_figures(p):
    lines = p.command("showTCPStats()").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Frontends:"))
    head = lines[start + 1]
    names = [name.strip() for name in head.split("  ") if name.strip()]
    places = [head.index(name) for name in names] + [len(head) + 20]
    row = next(line for line in lines[start + 2:] if line.strip() and line.startswith("1 "))  # TCP of the first line
    return {name: row[places[i]:places[i + 1]].strip() for i, name in enumerate(names)}


def dribble(end, name):
    """A query a byte at a time; true when it was answered."""
    try:
        for byte in TcpClient.frame(query(name)):
            end.socket.sendall(bytes([byte]))
            time.sleep(0.002)
        return end.receive() is not None
    except OSError:
        return False


def test_reads_per_query_and_the_ban(backend):
    config = BACKEND + "setWorkers(1) setMaxTCPReadIOsPerQuery(5) setBanDurationForExceedingMaxReadIOsPerQuery(2)"
    with Proxy(config, backend=backend.address) as p:
        with p.tcp() as end:
            assert end.ask(query("whole.reads.test")) and not dribble(end, "pieces.reads.test")
        banned = time.monotonic()
        with p.tcp() as end:
            assert ends_soon(end, query("banned.reads.test"))
        with socket.create_connection(p.address, source_address=("127.0.0.3", 0)) as other:
            other.sendall(TcpClient.frame(query("other.reads.test")))
            assert other.recv(2)

        def again():
            try:
                return p.ask("again.reads.test", tcp=True)
            except (OSError, AttributeError):
                return None
        wait_until(again, 6, "the end of the ban")
        assert time.monotonic() - banned > 0.9


def test_reads_without_limit(backend):
    with Proxy(BACKEND + "setMaxTCPReadIOsPerQuery(0)", backend=backend.address) as p, p.tcp() as end:
        assert dribble(end, "a-name-that-is-as-long-as-need-be-for-sixty-reads.reads.test")


# --- limits per client and listener

def connect(p, source, stack):
    """A connection that was answered, or None."""
    end = socket.create_connection(p.address, source_address=(source, 0), timeout=10)
    stack.callback(end.close)
    try:
        end.sendall(TcpClient.frame(query("who.clients.test")))
        return end if end.recv(2) else None
    except OSError:
        return None


@pytest.mark.parametrize("masks,second,wanted", [
    ("", "127.0.0.2", True), ("", "127.0.0.1", False), ("setTCPConnectionsMaskV4(24)", "127.0.0.2", False),
    ("setTCPConnectionsMaskV4(24)", "127.0.1.2", True), ("setTCPConnectionsMaskV4(8)", "127.200.1.2", False)])
def test_connections_per_range(backend, masks, second, wanted):
    config = BACKEND + "setMaxTCPConnectionsPerClient(1) setTCPConnectionsOverloadThreshold(0) " + masks
    with Proxy(config, backend=backend.address) as p, contextlib.ExitStack() as stack:
        assert connect(p, "127.0.0.1", stack)
        assert (connect(p, second, stack) is not None) == wanted


@pytest.mark.parametrize("bits", [128, 8])
def test_connections_per_range_of_ipv6(backend, bits):
    """A machine has one address for itself: that others are apart is for the unit test."""
    config = BACKEND + f"setMaxTCPConnectionsPerClient(1) setTCPConnectionsOverloadThreshold(0) setTCPConnectionsMaskV6({bits})"
    with Proxy(config, listen="::1", backend=backend.address) as p, p.tcp() as one:
        assert one.ask(query("six.clients.test"))
        with p.tcp() as two:
            assert ends_soon(two, query("six.clients.test"))


@pytest.mark.parametrize("bits,wanted", [(0, False), (16, True)])
def test_connections_per_port_range(backend, bits, wanted):
    config = BACKEND + f"setMaxTCPConnectionsPerClient(1) setTCPConnectionsOverloadThreshold(0) setTCPConnectionsMaskV4Port({bits})"
    with Proxy(config, backend=backend.address) as p, contextlib.ExitStack() as stack:
        assert connect(p, "127.0.0.1", stack)
        assert (connect(p, "127.0.0.1", stack) is not None) == wanted


def test_connection_rate_and_the_ban(backend):
    """The rate counts from the first connection: the one that exceeds it is still served, the next brings a ban."""
    config = BACKEND + "setMaxTCPConnectionRatePerClient(20) setTCPConnectionRateInterval(1) setBanDurationForExceedingTCPTLSRate(30)"
    with Proxy(config, backend=backend.address) as p:
        answered = 0
        for _ in range(70):
            with contextlib.ExitStack() as stack:
                answered += connect(p, "127.0.0.1", stack) is not None
        assert 21 <= answered <= 40  # the seconds may have been two
        with contextlib.ExitStack() as stack:
            assert connect(p, "127.0.0.2", stack)
        assert addresses(p.ask("datagrams.clients.test")) == ["192.0.2.1"]


@pytest.mark.parametrize("threshold,restricted", [(50, True), (0, False)])
def test_connections_near_a_limit_are_hurried(backend, threshold, restricted):
    """Half a second to say something, instead of the time-out."""
    config = BACKEND + f"setMaxTCPConnectionsPerClient(4) setTCPConnectionsOverloadThreshold({threshold}) setTCPRecvTimeout(3)"
    with Proxy(config, backend=backend.address) as p, contextlib.ExitStack() as stack:
        ends = [stack.enter_context(p.tcp()) for _ in range(3)]
        for end in ends:
            assert end.ask(query("near.clients.test"))
        started = time.monotonic()
        assert ends[2].at_end()
        assert (time.monotonic() - started < 2) == restricted
        if restricted:
            assert ends[0].ask(query("early.clients.test"))


@pytest.mark.parametrize("workers", [1, 2])
def test_connections_of_a_listener(backend, workers):
    with Proxy(BACKEND + f"setWorkers({workers}) setTCPConnectionsOverloadThreshold(0)", backend=backend.address,
               listen_options="{maxConcurrentTCPConnections=2}") as p, contextlib.ExitStack() as stack:
        ends = [connect(p, f"127.0.0.{number}", stack) for number in range(1, 6)]
        assert [end is not None for end in ends] == [True, True, False, False, False]
        ends[0].close()

        def another():
            with contextlib.ExitStack() as inner:
                return connect(p, "127.0.0.9", inner) is not None
        wait_until(another, 5, "room for another")


def test_connections_of_a_listener_at_once(backend):
    """Whoever of the workers takes them: exactly as many as there may be."""
    with Proxy(BACKEND + "setWorkers(4) setTCPConnectionsOverloadThreshold(0) setTCPRecvTimeout(20)", backend=backend.address,
               listen_options="{maxConcurrentTCPConnections=5}") as p, contextlib.ExitStack() as stack:
        ends = [stack.enter_context(socket.socket()) for _ in range(40)]
        for end in ends:
            end.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                end.connect(p.address)
        answers = 0
        for end in ends:
            end.setblocking(True)
            end.settimeout(10)
            with contextlib.suppress(OSError):
                end.sendall(TcpClient.frame(query("once.clients.test")))
                answers += len(end.recv(2)) == 2
        assert answers == 5


# --- connections that are kept towards backends

def keep_some(p, one, release, count):
    """So many connections to the backend, then all idle."""
    with contextlib.ExitStack() as stack:
        ends = [stack.enter_context(p.tcp()) for _ in range(count)]
        for number, end in enumerate(ends):
            end.send(query(f"k{number}.kept.test"))
        one.wait_for(lambda me: len(me.queries) >= count)
        release.set()
        for end in ends:
            assert end.receive()


@pytest.mark.parametrize("most", [0, 1, 3])
def test_idle_connections_kept(most):
    release = threading.Event()
    with Responder(held(release)) as one:
        config = f"setWorkers(1) setMaxCachedTCPConnectionsPerDownstream({most}) " + forced('address="$one"')
        with Proxy(config, one=one.address) as p:
            keep_some(p, one, release, 5)
            wait_until(lambda: figures(p, 0)["Connections"] == str(most), 5, "the others closed")


@pytest.mark.parametrize("settings,kept", [("setTCPDownstreamMaxIdleTime(1) setTCPDownstreamCleanupInterval(1)", False),
                                           ("setTCPDownstreamMaxIdleTime(1) setTCPDownstreamCleanupInterval(60)", True),
                                           ("setTCPDownstreamMaxIdleTime(60) setTCPDownstreamCleanupInterval(1)", True)])
def test_idle_connections_end(settings, kept):
    release = threading.Event()
    with Responder(held(release)) as one:
        with Proxy("setWorkers(1) " + settings + " " + forced('address="$one"'), one=one.address) as p:
            keep_some(p, one, release, 2)
            if kept:
                time.sleep(3.2)
                assert figures(p, 0)["Connections"] == "2"
            else:
                wait_until(lambda: figures(p, 0)["Connections"] == "0", 6, "the end of idle connections")


# --- what has no effect here says so once

@pytest.mark.parametrize("name,value", [
    ("setMaxTCPClientThreads", "20"), ("setMaxTCPQueuedConnections", "100"), ("setTCPInternalPipeBufferSize", "0"), ("setRandomizedIdsOverUDP", "true"),
    ("setUDPMultipleMessagesVectorSize", "32"), ("setOutgoingDoHWorkerThreads", "2")])
def test_moot_tuning(name, value):
    with Proxy(f"{name}({value}) {name}({value})") as p:
        assert p.output.count(f"{name} has no effect: ") == 1


def test_ids_are_never_predictable():
    with Responder() as one, Proxy('setWorkers(1) newServer{address="$one"}', one=one.address) as p, p.udp() as end:
        for number in range(40):
            end.ask(query(f"i{number}.ids.test", id=number))
        ids = [struct.unpack("!H", asked.wire[:2])[0] for asked in one.queries]
        steps = {(later - earlier) % 65536 for earlier, later in zip(ids, ids[1:])}
        assert len(steps) > 20


@pytest.mark.parametrize("options", ["{tcpFastOpenQueueSize=3}", "{}"])
def test_fast_open_key(options):
    with Proxy('setTCPFastOpenKey("00000001-00000002-0000000a-ffffffff")', listen_options=options) as p:
        ends = sockets.listening(p.process.pid, p.address[1], socket.SOCK_STREAM)
        keys = {end.getsockopt(socket.IPPROTO_TCP, 33, 16) for end in ends}
        assert keys == {struct.pack("=4I", 1, 2, 10, 0xffffffff)}
