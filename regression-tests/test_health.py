# SPDX-License-Identifier: BSD-2-Clause
"""Health checks: the start-up round, going down and up, the options, forced states, lazy mode."""
import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer, wait_until

pytestmark = pytest.mark.concurrent


def state(p, index=0):
    rows = p.command("showServers()").splitlines()
    start = rows[0].index("State")
    return rows[1 + index][start:start + 5].strip()


def wait_state(p, wanted, index=0, timeout=15):
    wait_until(lambda: state(p, index) == wanted, timeout, f"state {wanted}")


def test_first_round_is_over_before_the_first_answer():
    with Responder() as up, Responder() as down:
        down.healthy = False
        config = 'newServer{address="$down", order=1, checkTimeout=300} newServer{address="$up", order=2}'
        with Proxy(config, up=up.address, down=down.address) as p:
            assert [state(p, 0), state(p, 1)] == ["down", "up"]
            assert addresses(p.ask("first.health.test")) == ["192.0.2.1"]
            assert not down.queries


def test_default_check():
    with Responder() as backend, Proxy('newServer("$backend")', backend=backend.address):
        check = backend.checks[0]
        assert (check.name, check.type, check.protocol) == ("a.root-servers.net.", "A", "udp")
        assert check.message.flags & dns.flags.RD
        backend.wait_checks(2)
        assert len({asked.message.id for asked in backend.checks}) > 1


def test_down_and_up_again():
    with Responder() as backend, Responder(address_answer("192.0.2.2")) as spare:
        config = ('newServer{address="$backend", order=1, checkTimeout=200} newServer{address="$spare", order=2} '
                  'setServerPolicy(firstAvailable)')
        with Proxy(config, backend=backend.address, spare=spare.address) as p:
            assert addresses(p.ask("a.health.test")) == ["192.0.2.1"]
            backend.healthy = False
            wait_state(p, "down")
            assert addresses(p.ask("b.health.test")) == ["192.0.2.2"]
            backend.healthy = True
            wait_state(p, "up")
            assert addresses(p.ask("c.health.test")) == ["192.0.2.1"]
        assert "Updating status for backend" in p.output or "Marking downstream" in p.output


def test_max_check_failures_and_rise():
    with Responder() as backend:
        config = 'newServer{address="$backend", checkTimeout=100, maxCheckFailures=3, rise=2}'
        with Proxy(config, backend=backend.address) as p:
            backend.wait_checks(1)
            backend.healthy = False
            start = len(backend.checks)
            wait_state(p, "down")
            assert len(backend.checks) - start >= 3
            backend.healthy = True
            start = len(backend.checks)
            wait_state(p, "up")
            assert len(backend.checks) - start >= 2


@pytest.mark.parametrize("rcode,must_resolve,wanted", [
    ("SERVFAIL", False, "down"), ("NXDOMAIN", False, "up"), ("REFUSED", False, "up"),
    ("NXDOMAIN", True, "down"), ("REFUSED", True, "down"), ("NOERROR", True, "up")])
def test_what_counts_as_failure(rcode, must_resolve, wanted):
    def handle(asked):
        return answer(asked, rcode=rcode)
    with Responder(handle, health_name="not used.") as backend:
        config = f'newServer{{address="$backend", checkName="check.test", mustResolve={str(must_resolve).lower()}}}'
        with Proxy(config, backend=backend.address) as p:
            assert state(p) == wanted


@pytest.mark.parametrize("damage", ["id", "question", "qr", "short"])
def test_false_answers_are_failures(damage):
    def handle(asked):
        wire = bytearray(answer(asked).to_wire())
        if damage == "id":
            wire[0] ^= 1
        elif damage == "question":
            wire[14] ^= 1
        elif damage == "qr":
            wire[2] &= 0x7F
        else:
            del wire[9:]
        return bytes(wire)
    with Responder(handle, health_name="not used.") as backend:
        with Proxy('newServer{address="$backend", checkTimeout=300}', backend=backend.address) as p:
            assert state(p) == "down"


def test_options_of_the_check():
    with Responder(health_name="not used.") as backend:
        config = ('newServer{address="$backend", checkName="check.test", checkType="AAAA", checkClass=3, setCD=true, '
                  'checkTCP=true}')
        with Proxy(config, backend=backend.address):
            check = backend.queries[0]
            assert (check.name, check.type, check.protocol) == ("check.test.", "AAAA", "tcp")
            assert check.message.question[0].rdclass == 3 and check.message.flags & dns.flags.CD


def test_check_function():
    with Responder(health_name="not used.") as backend:
        config = """
            number = 0
            newServer{address="$backend", checkFunction=function(qname, qtype, qclass, dh)
              number = number + 1
              dh:setCD(true)
              return newDNSName("n" .. number .. ".check.test."), DNSQType.TXT, qclass
            end}
        """
        with Proxy(config, backend=backend.address):
            backend.wait_for(lambda me: me.asked_for("n2.check.test"))
            check = backend.asked_for("n1.check.test")[0]
            assert check.type == "TXT" and check.message.flags & dns.flags.CD


def test_tcp_only_backend_is_checked_over_tcp():
    with Responder() as backend, Proxy('newServer{address="$backend", tcpOnly=true}', backend=backend.address) as p:
        assert {asked.protocol for asked in backend.checks} == {"tcp"} and state(p) == "up"


def test_forced_states():
    with Responder() as backend, Proxy('newServer{address="$backend", checkTimeout=200}', backend=backend.address) as p:
        p.command("getServer(0):setDown()")
        assert state(p) == "DOWN" and p.command("tostring(getServer(0):isUp())") == "false\n"
        p.command("getServer(0):setUp()")
        assert state(p) == "UP"
        backend.healthy = False
        checks = len(backend.checks)
        assert addresses(p.ask("forced.health.test")) == ["192.0.2.1"]
        p.command("getServer(0):setAuto(false)")
        assert state(p) == "down"
        backend.healthy = True
        wait_state(p, "up")
        assert len(backend.checks) >= checks


@pytest.mark.parametrize("mode,wanted", [("up", "UP"), ("down", "DOWN")])
def test_forced_from_the_start(mode, wanted):
    with Responder() as backend:
        config = f'newServer{{address="$backend", healthCheckMode="{mode}"}}'
        with Proxy(config, backend=backend.address) as p:
            assert state(p) == wanted and not backend.checks


def test_lazy_mode_checks_only_after_failures():
    silent = []

    def handle(asked):
        return None if silent else answer(asked, "60 A 192.0.2.1")
    with Responder(handle) as backend:
        config = """
            newServer{address="$backend", healthCheckMode="lazy", checkInterval=1, checkTimeout=200, udpTimeout=1,
              lazyHealthCheckFailedInterval=1, lazyHealthCheckThreshold=50, lazyHealthCheckMinSampleCount=2,
              lazyHealthCheckSampleSize=4, rise=1, maxCheckFailures=1}
        """
        with Proxy(config, backend=backend.address) as p:
            assert len(backend.checks) == 1 and state(p) == "up", "the start-up round alone"
            for number in range(5):
                p.ask(f"lazy-{number}.health.test")
            assert len(backend.checks) == 1
            silent.append(True)
            backend.healthy = False
            with p.udp() as end:
                for number in range(6):
                    end.send(query(f"lost-{number}.health.test"))
                wait_state(p, "down")
            silent.clear()
            backend.healthy = True
            wait_state(p, "up")


def test_a_server_added_and_removed_while_running():
    with Responder() as one, Responder(address_answer("192.0.2.2")) as two:
        with Proxy('newServer("$one")', one=one.address) as p:
            p.command(f'newServer{{address="{two.address}", name="two"}}')
            wait_state(p, "up", 1)
            p.command("rmServer(0)")
            assert len(p.command("showServers()").splitlines()) == 3
            assert addresses(p.ask("added.health.test")) == ["192.0.2.2"]


def test_state_change_callback():
    with Responder() as backend:
        config = """
            newServer{address="$backend", name="one", checkTimeout=200}
            changes = {}
            addServerStateChangeCallback(function(name, up) changes[name] = (changes[name] or 0) + 1 end)
        """
        with Proxy(config, backend=backend.address) as p:
            backend.healthy = False
            wait_state(p, "down")
            wait_until(lambda: backend.address in p.command("changes"), 5, "the call")


def test_unreachable_backend_is_down_and_said_so():
    from harness import ports
    with Proxy(f'newServer{{address="127.0.0.1:{ports.free_port()}", name="gone"}} setServFailWhenNoServer(true)') as p:
        assert state(p) == "down"
        assert p.ask("gone.health.test").rcode() == dns.rcode.SERVFAIL
