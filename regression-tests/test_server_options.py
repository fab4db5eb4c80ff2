# SPDX-License-Identifier: BSD-2-Clause
"""newServer(): what every option does, to queries, connections, sockets and health checks.

Most run in one process: each backend has a pool of its own, and the first label of a name says which is asked.
"""
import contextlib
import socket
import struct
import threading
import time

import dns.edns
import dns.flags
import dns.rcode
import pytest

from harness import ports, sockets
from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer, wait_until

pytestmark = pytest.mark.concurrent


def figures(p, row):
    """A backend's line of showTCPStats(), by column."""
    lines = p.command("showTCPStats()").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Backends:"))
    head = lines[start + 1]
    names = [name for name in head.split("  ") if name.strip()]
    names = [name.strip() for name in names]
    places = [head.index(name) for name in names] + [len(head) + 20]
    return {name: lines[start + 2 + row][places[i]:places[i + 1]].strip() for i, name in enumerate(names)}


class Strange:
    """A TCP server that does with each connection what the test says; it counts them."""

    def __init__(self, serve, backlog=64, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(backlog)
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.serve, self.accepted, self.ends = serve, 0, []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while True:
            try:
                end, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            self.ends.append(end)
            self.serve(end)

    def __enter__(self):
        if self.serve:
            self.thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for end in self.ends:
            end.close()


def read_and_close(end):
    end.recv(2)
    end.close()


def forced(*options):
    return "newServer{" + ", ".join(('healthCheckMode="up"',) + options) + "}"


# --- words

def test_words_of_a_server():
    with Responder() as one:
        config = ('newServer{address="$one", id="10000000-0000-0000-0000-000000000001", name="named", order=5, weight=9, qps=11, '
                  'pool={"a", "b"}, healthCheckMode="up"} '
                  'newServer{address="$one", pool="a", healthCheckMode="up"} newServer{address="$one", healthCheckMode="up"}')
        with Proxy(config, one=one.address) as p:
            rows = p.command("showServers({showUUIDs=true})").splitlines()
            named = next(row for row in rows if "named" in row).split()
            assert "10000000-0000-0000-0000-000000000001" in named and one.address in named
            head = rows[0].split()
            # From the state on there is a word in every column.
            tail = dict(zip(head[head.index("State"):], named[named.index("UP"):]))
            assert (tail["Ord"], tail["Wt"], tail["Qlim"]) == ("5", "9", "11")
            assert [p.command(f'#getPoolServers("{pool}")') for pool in ("a", "b", "")] == ["2\n", "1\n", "1\n"]
            assert p.command("getServer('10000000-0000-0000-0000-000000000001'):getName()") == "named\n"
            ids = p.command("(function() local t = {} for _, s in pairs(getServers()) do t[#t + 1] = s:getID() end "
                            "return table.concat(t, ' ') end)()")
            assert len(set(ids.split())) == 3


@pytest.mark.parametrize("option", [
    "ktls=true", 'ciphers="x"', 'ciphersTLS13="x"', 'ciphers13="x"', 'subjectName="x.test"', 'subjectAddr="192.0.2.1"', "validateCertificates=false",
    "releaseBuffers=false", "enableRenegotiation=true", 'keyLogFile="/nonexistent"', 'caStore="/nonexistent"',
    "addXForwardedHeaders=true", "autoUpgradeInterval=5", "autoUpgradeKeep=true", 'autoUpgradePool="x"', "autoUpgradeDoHKey=9",
    "lazyHealthCheckWhenUpgraded=true", "proxyProtocolAdvertiseTLS=true"])
def test_options_of_encryption_change_nothing_without_it(option):
    with Responder() as one, Proxy('newServer{address="$one", ' + option + "}", one=one.address) as p:
        assert addresses(p.ask("plain.options.test")) == ["192.0.2.1"]
        alone = option.startswith(("autoUpgrade", "addX"))
        assert ("Unknown key, ignored" in p.output) == alone


@pytest.mark.parametrize("option,words", [
    ('autoUpgrade=true', "autoUpgrade is accepted and has no effect"), ("cpus={0}", "the option cpus has no effect"),
    ('MACAddr="00:00:00:00:00:01"', "the option MACAddr has no effect")])
def test_what_has_no_effect_says_so_once(option, words):
    server = f'newServer{{address="$one", {option}}} '
    with Responder() as one, Proxy(server + server, one=one.address) as p:
        assert addresses(p.ask("plain.options.test")) == ["192.0.2.1"]
        assert p.output.count(words) == 1


ENCRYPTED = {
    "plain": "", "empty": 'tls=""', "word": 'tls="nonsense"', "true": "tls=true", "doh": 'tls="openssl", dohPath="/dns-query"',
    "path": 'dohPath="/dns-query"', "nopath": 'dohPath=""', "oddpath": "dohPath=true",
    "tcp": 'tls="openssl", tcpOnly=true', "up": 'tls="openssl", healthCheckMode="up"', "lazy": 'tls="openssl", healthCheckMode="lazy"',
    "checked": 'tls="openssl", checkTCP=true', "rr": 'tls="openssl"', "lua": 'tls="openssl"', "first": 'tls="openssl"',
    "setup": 'tls="openssl"', "setauto": 'tls="openssl"', "status": 'tls="openssl"', "again": 'tls="openssl"'}


@pytest.mark.parametrize("servfail", [True, False])
def test_nothing_leaves_for_an_encrypted_backend(servfail):
    """However it is chosen and whatever state it is given: nothing, not even a check or a connection."""
    config = f"setServFailWhenNoServer({str(servfail).lower()}) setVerboseHealthChecks(true) "
    for name, options in ENCRYPTED.items():
        config += f'addAction("{name}.options.test", PoolAction("{name}")) '
        config += f'server_{name} = newServer{{address="$one", pool="{name}", {options}}} '
    config += """
setPoolServerPolicy(roundrobin, "rr") setPoolServerPolicy(firstAvailable, "first")
setPoolServerPolicyLua("lua", function(servers, dq) return 1 end, "lua")
server_setup:setUp() server_setauto:setAuto(true) server_status.upStatus = true server_again:setUp()
addTimeoutResponseAction("again.options.test", LuaResponseAction(function(dr) dr:restart() return DNSResponseAction.None end))
"""
    with Responder() as one, Proxy(config, one=one.address) as p:
        for name in list(ENCRYPTED)[1:]:
            for stream in (False, True):
                asked = query(f"{name}.options.test")
                if servfail:
                    assert p.ask(f"{name}.options.test", tcp=stream).rcode() == dns.rcode.SERVFAIL, name
                elif not stream:
                    with p.udp() as client:
                        client.send_and_expect_nothing(asked, query("plain.options.test"))
        assert addresses(p.ask("plain.options.test")) == ["192.0.2.1"]
        assert {asked.name for asked in one.queries} == {"plain.options.test."} and one.connections == 0
        # Checks of the plain one go on, and there are no others.
        one.wait_checks(2)
        assert all(asked.protocol == "udp" for asked in one.checks) and one.connections == 0
        shown = p.command("showServers()")
        assert shown.count("down") == len(ENCRYPTED) - 1 and "stays down" in p.output
        if not servfail:
            assert p.drops()["no-protocol"] > 0


# --- many backends in one process: each is (name, options), asked for names that begin with its own

UDP = [
    ("timeout", "udpTimeout=1"),
    ("source", 'source="127.0.0.7"'),
    ("interface", 'source="lo"'),
    ("both", 'source="127.0.0.8@lo"'),
    ("unknown", 'source="no-such-interface"'),
    ("noport", 'source="127.0.0.9", ipBindAddrNoPort=false'),
    ("dscp", "dscp=46"),
    ("plain", "sockets=1"),
    ("many", "sockets=4"),
]


def silent_or_not(asked):
    return None if asked.name.startswith("silent") else answer(asked, "60 A 192.0.2.1")


@pytest.fixture(scope="module")
def udp():
    """Backends by name, and the program in front of them, with one worker."""
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(Responder(silent_or_not)) for name, _ in UDP}
        lines = ["setWorkers(1)"]
        for name, options in UDP:
            lines += [f'newServer{{address="{servers[name].address}", name="{name}", pool="{name}", {options}}}',
                      f'addAction("{name}.options.test", PoolAction("{name}"))']
        p = stack.enter_context(Proxy("\n".join(lines)))
        yield p, servers


def ask(world, name, label="x", **options):
    p, servers = world
    p.ask(f"{label}.{name}.options.test", **options)
    return servers[name].asked_for(f"{label}.{name}.options.test")[-1]


def test_udp_timeout(udp):
    p, _ = udp
    with p.udp() as end:
        end.send(query("silent.timeout.options.test"))
        started = time.monotonic()
        wait_until(lambda: p.command("getPoolServers('timeout')[1]:getDrops()") == "1\n", 5, "the time-out")
        assert 0.8 < time.monotonic() - started < 3


@pytest.mark.parametrize("name,source,device,no_port", [
    ("source", "127.0.0.7", "", 1), ("interface", "127.0.0.1", "lo", 0), ("both", "127.0.0.8", "lo", 1), ("unknown", "127.0.0.1", "", 0),
    ("noport", "127.0.0.9", "", 0)])
def test_source(udp, name, source, device, no_port):
    p, servers = udp
    assert ask(udp, name).source[0] == source
    tcp = ask(udp, name, "tcp", tcp=True)
    assert tcp.source[0] == source and tcp.protocol == "tcp"
    assert {check.source[0] for check in servers[name].checks} == {source}
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        ends = sockets.connected(p.process.pid, servers[name].port, kind)
        assert ends and {sockets.device(end) for end in ends} == {device}
        assert {end.getsockopt(socket.IPPROTO_IP, sockets.BIND_ADDRESS_NO_PORT) for end in ends} == {no_port}
    if name == "unknown":
        wait_until(lambda: "no-such-interface" in p.output)


@pytest.mark.parametrize("name,wanted", [("dscp", 46 << 2), ("plain", 0)])
def test_dscp(udp, name, wanted):
    p, servers = udp
    ask(udp, name), ask(udp, name, "tcp", tcp=True)
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        ends = sockets.connected(p.process.pid, servers[name].port, kind)
        assert ends and {end.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) for end in ends} == {wanted}


@pytest.mark.parametrize("name,count", [("plain", 1), ("many", 4)])
def test_sockets(udp, name, count):
    seen = [ask(udp, name, f"s{number}").source[1] for number in range(12)]
    assert len(set(seen)) == count
    assert seen == seen[:count] * (12 // count), "in turn"


def test_random_sockets():
    with Responder() as one:
        with Proxy('setWorkers(1) setRandomizedOutgoingSockets(true) newServer{address="$one", sockets=4}', one=one.address) as p, p.udp() as end:
            for number in range(60):
                end.ask(query(f"r{number}.options.test"))
            seen = [asked.source[1] for asked in one.queries]
            assert len(set(seen)) == 4 and seen != seen[:4] * 15


@pytest.mark.parametrize("option,renewed", [("reconnectOnUp=true", True), ("reconnectOnUp=false", False)])
def test_reconnect_on_up(option, renewed):
    with Responder() as one:
        with Proxy(f'setWorkers(1) newServer{{address="$one", checkTimeout=200, {option}}}', one=one.address) as p:
            p.ask("before.options.test")
            one.healthy = False
            wait_until(lambda: p.command("tostring(getServer(0).upStatus)") == "false\n", 10, "down")
            one.healthy = True
            wait_until(lambda: p.command("tostring(getServer(0).upStatus)") == "true\n", 10, "up")
            p.ask("after.options.test")
            before, after = (one.asked_for(f"{word}.options.test")[0].source[1] for word in ("before", "after"))
            assert (before != after) == renewed


@pytest.mark.parametrize("most,sockets_each,left", [(2, 1, 2), (3, 1, 3), (4, 4, 4), (20, 4, 20)])
def test_outstanding_limit(most, sockets_each, left):
    """The oldest gives way when as many as that are waiting."""
    with Responder(silent_or_not) as one:
        config = f'setWorkers(1) setMaxUDPOutstanding({most}) newServer{{address="$one", healthCheckMode="up", sockets={sockets_each}}}'
        with Proxy(config, one=one.address) as p:
            with p.udp() as end:
                for number in range(30):  # one by one: what gives way within a batch is never sent
                    end.send(query(f"silent-{number}.options.test"))
                    one.wait_for(lambda me, least=number: len(me.queries) > least)
                assert p.command("getServer(0):getDrops()") == f"{30 - left}\n"
                assert p.command("getServer(0):getOutstanding()") == f"{left}\n"


# --- TCP

@pytest.mark.parametrize("retries,attempts", [(None, 5), (0, 1), (1, 1), (2, 2), (3, 3)])
def test_retries(retries, attempts):
    with Strange(read_and_close) as strange:
        option = "tcpOnly=true" if retries is None else f"tcpOnly=true, retries={retries}"
        with Proxy("setWorkers(1) " + forced('address="$strange"', option), strange=strange.address) as p:
            with p.tcp() as end:
                end.send(query("retries.options.test"))
                assert end.at_end()
            assert strange.accepted == attempts
            assert (figures(p, 0)["Gave up"], figures(p, 0)["Total connections"]) == ("1", str(attempts))


def test_refused_connections_are_attempts():
    with Proxy("setWorkers(1) " + forced(f'address="127.0.0.1:{ports.free_port()}"', "retries=3")) as p:
        with p.tcp() as end:
            end.send(query("refused.options.test"))
            assert end.at_end()
        assert figures(p, 0)["Total connections"] == "3"


def test_connect_timeout():
    with Strange(None, backlog=0) as strange, contextlib.ExitStack() as stack:
        fillers = [stack.enter_context(socket.socket()) for _ in range(4)]
        for end in fillers:
            end.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                end.connect(("127.0.0.1", strange.port))
        with Proxy(forced('address="$strange"', "tcpConnectTimeout=1"), strange=strange.address) as p, p.tcp() as end:
            started = time.monotonic()
            end.send(query("connect.options.test"))
            assert end.at_end()
            assert 0.8 < time.monotonic() - started < 3
            assert figures(p, 0)["Connect timeouts"] == "1"


def test_receive_timeout():
    with Strange(lambda end: None) as strange:
        with Proxy(forced('address="$strange"', "tcpRecvTimeout=1"), strange=strange.address) as p, p.tcp() as end:
            started = time.monotonic()
            end.send(query("receive.options.test"))
            assert end.at_end()
            assert 0.8 < time.monotonic() - started < 3
            assert figures(p, 0)["Read timeouts"] == "1" and strange.accepted == 1


def test_send_timeout():
    """A backend that reads nothing, and more queries than fit into the kernel."""
    with Strange(lambda end: None, receive_buffer=4096) as strange:
        config = forced('address="$strange"', "tcpSendTimeout=1", "tcpRecvTimeout=30", "maxInFlight=1000")
        with Proxy(config, listen_options="{maxInFlight=1000}", strange=strange.address) as p, p.tcp() as end:
            frame = struct.pack("!H", 60000) + query("send.options.test").to_wire()
            frame += bytes(60002 - len(frame))

            def pour():
                with contextlib.suppress(OSError):
                    for _ in range(400):
                        end.socket.sendall(frame)
            thread = threading.Thread(target=pour)
            thread.start()
            try:
                wait_until(lambda: figures(p, 0)["Write timeouts"] != "0", 20, "the time-out")
            finally:
                end.socket.shutdown(socket.SHUT_RDWR)
                thread.join()


@pytest.mark.parametrize("option,wanted", [("tcpFastOpen=true", 1), ("tcpFastOpen=false", 0)])
def test_fast_open(option, wanted):
    with Responder() as one, Proxy(f'newServer{{address="$one", tcpOnly=true, {option}}}', one=one.address) as p:
        assert addresses(p.ask("fastopen.options.test")) == ["192.0.2.1"]
        ends = sockets.connected(p.process.pid, one.port, socket.SOCK_STREAM)
        assert ends and {end.getsockopt(socket.IPPROTO_TCP, sockets.FAST_OPEN_CONNECT) for end in ends} == {wanted}


def held(release):
    def handle(asked):
        threading.Thread(target=lambda: release.wait(20) and asked.reply_with(answer(asked, "60 A 192.0.2.1").to_wire()), daemon=True).start()
    return handle


@pytest.mark.parametrize("option,connections", [("maxInFlight=0", 6), ("maxInFlight=1", 6), ("maxInFlight=2", 3), ("maxInFlight=100", 1)])
def test_in_flight(option, connections):
    release = threading.Event()
    with Responder(held(release)) as one:
        config = "setWorkers(1) " + forced('address="$one"', option)
        with Proxy(config, listen_options="{maxInFlight=100}", one=one.address) as p, p.tcp() as end:
            for number in range(6):
                end.send(query(f"f{number}.options.test"))
            one.wait_for(lambda me: len(me.queries) == 6)
            assert one.connections == connections
            release.set()
            assert len({end.receive().question[0].name for _ in range(6)}) == 6


@pytest.mark.parametrize("workers", [1, 2])
def test_connections_limit(workers):
    release = threading.Event()
    with Responder(held(release)) as one, contextlib.ExitStack() as stack:
        config = f"setWorkers({workers}) " + forced('address="$one"', "maxConcurrentTCPConnections=2")
        with Proxy(config, one=one.address) as p:
            ends = [stack.enter_context(p.tcp()) for _ in range(6)]
            for number, end in enumerate(ends):
                end.send(query(f"c{number}.options.test"))
            wait_until(lambda: figures(p, 0)["Too many conn"] == "4", 5, "four refusals")
            one.wait_for(lambda me: len(me.queries) == 2)
            assert one.connections == 2
            release.set()
            answered = [end.receive() for end in ends]
            assert sum(reply is not None for reply in answered) == 2


@pytest.mark.parametrize("option,protocol", [("tcpOnly=true", "tcp"), ("tcpOnly=false", "udp")])
def test_tcp_only(option, protocol):
    with Responder() as one, Proxy(f'newServer{{address="$one", {option}}}', one=one.address) as p:
        p.ask("only.options.test")
        assert [asked.protocol for asked in one.queries] == [protocol]
        assert {asked.protocol for asked in one.checks} == {protocol}


# --- health checks

CHECKS = [
    ("default", ""),
    ("named", 'checkName="check.test"'),
    ("typed", 'checkType="TXT"'),
    ("class", "checkClass=3"),
    ("cd", "setCD=true"),
    ("tcp", "checkTCP=true"),
    ("slow", "checkTimeout=200"),
    ("patient", "checkTimeout=1500"),
    ("rare", "checkInterval=3"),
    ("up", 'healthCheckMode="up"'),
    ("down", 'healthCheckMode="down"'),
    ("lazy", 'healthCheckMode="lazy"'),
    ("auto", 'healthCheckMode="auto"'),
    ("strict", "mustResolve=true"),
    ("validated", ""),
    ("function", 'checkFunction=function(name, kind, class, dh) dh:setCD(true) return newDNSName("made.test"), DNSQType.AAAA, 4 end'),
]


@pytest.fixture(scope="module")
def checked():
    """All of them since long enough for a few rounds."""
    def handle(asked):
        if asked.message.question[0].name.to_text() == "silent.":
            return None
        return answer(asked, rcode="NXDOMAIN")

    def slowly(asked):
        time.sleep(0.6)
        return answer(asked)
    with contextlib.ExitStack() as stack:
        servers, lines = {}, []
        for name, options in CHECKS:
            servers[name] = stack.enter_context(Responder(slowly if name in ("slow", "patient") else handle, health_name="none."))
            comma = ", " if options else ""
            lines.append(f's_{name} = newServer{{address="{servers[name].address}", name="{name}"{comma}{options}}}')
        lines.append('s_validated:setHealthCheckResponseValidator(function(dr) asked = dr.rcode return dr.rcode ~= DNSRCode.NXDOMAIN end)')
        started = time.monotonic()
        p = stack.enter_context(Proxy("\n".join(lines)))
        servers["rare"].wait_for(lambda me: len(me.queries) >= 2)
        yield p, servers, time.monotonic() - started


@pytest.mark.parametrize("name,question,flags,protocol", [
    ("default", "a.root-servers.net. IN A", {"RD"}, "udp"), ("named", "check.test. IN A", {"RD"}, "udp"),
    ("typed", "a.root-servers.net. IN TXT", {"RD"}, "udp"), ("class", "a.root-servers.net. CH A", {"RD"}, "udp"),
    ("cd", "a.root-servers.net. IN A", {"RD", "CD"}, "udp"), ("tcp", "a.root-servers.net. IN A", {"RD"}, "tcp"),
    ("function", "made.test. HS AAAA", {"RD", "CD"}, "udp")])
def test_check_question(checked, name, question, flags, protocol):
    _, servers, _ = checked
    seen = servers[name].queries
    assert {asked.message.question[0].to_text() for asked in seen} == {question}
    assert {frozenset(dns.flags.to_text(asked.message.flags).split()) for asked in seen} == {frozenset(flags)}
    assert {asked.protocol for asked in seen} == {protocol}


@pytest.mark.parametrize("name,up,forced_state", [
    ("default", True, False), ("slow", False, False), ("patient", True, False), ("rare", True, False), ("up", True, True), ("down", False, True),
    ("lazy", True, False), ("auto", True, False), ("strict", False, False), ("validated", False, False), ("function", True, False)])
def test_check_outcome(checked, name, up, forced_state):
    p, servers, _ = checked
    assert p.command(f"tostring(s_{name}:isUp())") == f"{str(up).lower()}\n"
    assert (len(servers[name].queries) == 0) == forced_state


def test_check_counts(checked):
    p, servers, seconds = checked
    assert len(servers["lazy"].queries) == 1, "at the start alone"
    assert 3 <= len(servers["default"].queries) <= seconds + 2
    assert 2 <= len(servers["rare"].queries) <= seconds / 3 + 2
    assert p.command("tostring(asked == DNSRCode.NXDOMAIN)") == "true\n"


def test_parameters_change_at_run_time():
    with Responder() as one, Proxy('newServer{address="$one", checkTimeout=200, checkInterval=30}', one=one.address) as p:
        time.sleep(1.2)
        assert len(one.checks) == 1
        p.command("getServer(0):setHealthCheckParams({checkInterval=1, maxCheckFailures=2, rise=2, checkTimeout=0})")
        p.command("getServer(0):setAuto()")
        one.wait_checks(2)
        one.healthy = False
        before = len(one.checks)
        wait_until(lambda: p.command("tostring(getServer(0).upStatus)") == "false\n", 10, "down")
        assert len(one.checks) - before >= 2
        one.healthy = True
        before = len(one.checks)
        wait_until(lambda: p.command("tostring(getServer(0).upStatus)") == "true\n", 10, "up")
        assert len(one.checks) - before >= 2


# --- lazy mode: name, options, what real queries bring, is it checked then?

LAZY = [
    ("servfail", "", ["servfail"] * 3, True),
    ("timeoutonly", 'lazyHealthCheckMode="TimeoutOnly"', ["servfail"] * 3, False),
    ("timeouts", 'lazyHealthCheckMode="TimeoutOnly", udpTimeout=1', ["silent"] * 3, True),
    ("few", "lazyHealthCheckMinSampleCount=5", ["servfail"] * 4, False),
    ("enough", "lazyHealthCheckMinSampleCount=5", ["servfail"] * 5, True),
    ("below", "lazyHealthCheckThreshold=50, lazyHealthCheckMinSampleCount=4", ["good"] * 3 + ["servfail"] * 2, False),
    ("above", "lazyHealthCheckThreshold=50, lazyHealthCheckMinSampleCount=4", ["good"] * 2 + ["servfail"] * 2, True),
    ("default", "lazyHealthCheckMinSampleCount=5", ["good"] * 4 + ["servfail"], True),
    ("window", "lazyHealthCheckSampleSize=4, lazyHealthCheckMinSampleCount=4, lazyHealthCheckThreshold=30",
     ["good"] * 10 + ["servfail"] * 2, True),
    ("long", "lazyHealthCheckSampleSize=100, lazyHealthCheckMinSampleCount=4, lazyHealthCheckThreshold=30",
     ["good"] * 10 + ["servfail"] * 2, False),
    ("nxdomain", "", ["nxdomain"] * 3, False),
]


def lazily(asked):
    word = asked.name.split(".")[0].split("-")[0]
    if word == "silent":
        return None
    return answer(asked, rcode=word.upper()) if word in ("servfail", "nxdomain") else answer(asked, "60 A 192.0.2.1")


@pytest.fixture(scope="module")
def lazy():
    with contextlib.ExitStack() as stack:
        servers, lines = {}, ["setWorkers(1)"]
        for name, options, _, _ in LAZY:
            servers[name] = stack.enter_context(Responder(lazily))
            comma = ", " if options else ""
            lines += [f'newServer{{address="{servers[name].address}", name="{name}", pool="{name}", healthCheckMode="lazy"{comma}{options}}}',
                      f'addAction("{name}.lazy.test", PoolAction("{name}"))']
        p = stack.enter_context(Proxy("\n".join(lines)))
        with p.udp() as end:
            for name, _, words, _ in LAZY:
                for number, word in enumerate(words):
                    end.send(query(f"{word}-{number}.{name}.lazy.test"))
                    servers[name].wait_for(lambda me, least=number: len(me.queries) > least)
            for name, _, _, is_checked in LAZY:
                if is_checked:
                    servers[name].wait_for(lambda me: len(me.checks) > 1, 6, f"a check of {name}")
        yield p, servers


@pytest.mark.parametrize("name,is_checked", [(row[0], row[3]) for row in LAZY], ids=[row[0] for row in LAZY])
def test_lazy_checks(lazy, name, is_checked):
    _, servers = lazy
    assert (len(servers[name].checks) > 1) == is_checked


@pytest.mark.parametrize("options,gaps", [
    ("lazyHealthCheckFailedInterval=2", [2, 2]), ("lazyHealthCheckFailedInterval=1, lazyHealthCheckUseExponentialBackOff=true", [1, 2, 4]),
    ("lazyHealthCheckFailedInterval=1, lazyHealthCheckUseExponentialBackOff=true, lazyHealthCheckMaxBackOff=2", [1, 2, 2])],
    ids=["steady", "back-off", "capped"])
def test_intervals_of_a_failed_lazy_server(options, gaps):
    """Down from the start; the times between the checks that follow."""
    times = []
    with Responder(lambda asked: times.append(time.monotonic()), health_name="none.") as one:
        with Proxy(f'newServer{{address="$one", healthCheckMode="lazy", checkTimeout=100, {options}}}', one=one.address):
            one.wait_for(lambda me: len(me.queries) > len(gaps), 20, "the checks")
    seen = [later - earlier for earlier, later in zip(times, times[1:])][:len(gaps)]
    for gap, wanted in zip(seen, gaps):
        assert wanted - 0.5 < gap < wanted + 1.6, (seen, gaps)


# --- EDNS client subnet (more in test_ecs.py)

def test_client_subnet_and_zero_scope():
    def handle(asked):
        reply = answer(asked, "60 A 192.0.2.1", edns=1232)
        reply.use_edns(0, options=[dns.edns.ECSOption("127.0.0.0", 24, 0)])
        return reply
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Responder(handle)) for _ in range(3)]
        lines = []
        for number, (server, options) in enumerate(zip(servers, ["", ", useClientSubnet=true", ", useClientSubnet=true, disableZeroScope=true"])):
            lines += [f'newServer{{address="{server.address}", pool="p{number}"{options}}}', f'addAction("p{number}.test", PoolAction("p{number}"))',
                      f'getPool("p{number}"):setCache(newPacketCache(100, {{parseECS=true}}))']
        p = stack.enter_context(Proxy("\n".join(lines)))
        for number, server in enumerate(servers):
            for source in ("127.0.1.1", "127.0.2.1"):
                with p.udp(source=source) as end:
                    end.ask(query(f"x.p{number}.test"))
            options = [option for asked in server.queries for option in asked.message.options if option.otype == dns.edns.ECS]
            assert len(options) == (0, 1, 2)[number]
            assert len(server.queries) == (1, 1, 2)[number], "an answer for all serves the other subnet unless that is off"


def test_addresses_of_ipv6():
    with Responder(address_answer("192.0.2.6"), host="::1") as one:
        with Proxy('newServer{address="$one", source="::1", dscp=10}', one=one.address) as p:
            assert addresses(p.ask("six.options.test")) == ["192.0.2.6"]
            ends = sockets.connected(p.process.pid, one.port, socket.SOCK_DGRAM)
            assert {end.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) for end in ends} == {40}


@pytest.mark.parametrize("options,words", [
    ('address="not an address"', "Error creating new backend server"), ('address="$one", weight=0', "the weight is 1 to"),
    ('address="$one", healthCheckMode="often"', "Invalid value for key"), ('address="$one", lazyHealthCheckMode="x"', "Invalid value for key"),
    ('address="$one", mustResolve="yes"', "mustResolve"), ('address="$one", nonsense=1', "nonsense")])
def test_mistakes_are_told_and_survived(options, words):
    with Responder() as one:
        with Proxy('newServer("$one") newServer{' + options + "}", one=one.address) as p:
            wait_until(lambda: words in p.output)
            assert addresses(p.ask("mistake.options.test")) == ["192.0.2.1"]


