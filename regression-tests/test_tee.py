# SPDX-License-Identifier: BSD-2-Clause
"""TeeAction: copies for somebody else, what is added to them, and the figures."""
import struct

import dns.edns
import pytest

from harness.client import query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer, wait_until

CONFIG = """
newServer{address="$backend"}
addAction(QNameRule("plain.tee.test"), TeeAction("$copy"))
addAction(QNameSuffixRule("codes.tee.test"), TeeAction("$copy"))
addAction(QNameRule("subnet.tee.test"), TeeAction("$copy", true))
addAction(QNameRule("local.tee.test"), TeeAction("$copy", false, "127.0.0.77"))
addAction(QNameRule("header.tee.test"), TeeAction("$raw", false, nil, true))
addAction(QNameRule("both.tee.test"), TeeAction("$raw", true, nil, true))
addAction(QNameRule("nobody.tee.test"), TeeAction("127.0.0.1:$closed"))
"""
FIGURES = ["noerrors", "nxdomains", "other-rcode", "queries", "recv-errors", "refuseds", "responses", "send-errors",
           "servfails", "tcp-drops"]


def copied(asked):
    rcode = asked.name.split(".")[0].upper()
    return answer(asked, rcode=rcode if rcode in ("NXDOMAIN", "SERVFAIL", "REFUSED", "NOTIMP") else "NOERROR")


@pytest.fixture(scope="module")
def world():
    from harness import ports
    raw = []
    with Responder() as backend, Responder(copied) as copy, \
            Responder(unreadable=lambda wire: raw.append(wire), health_name="none.") as headers, \
            Proxy(CONFIG, backend=backend.address, copy=copy.address, raw=headers.address,
                  closed=ports.free_port()) as proxy:
        headers.raw = raw
        yield proxy, backend, copy, headers


def figures(proxy, rule):
    lines = proxy.command(f"getAction({rule}):printStats()").splitlines()
    assert [line.split("\t")[0] for line in lines] == FIGURES
    return {line.split("\t")[0]: int(line.split("\t")[1]) for line in lines}


def asked_for(responder, name):
    return [asked for asked in responder.queries if asked.name == name]


def test_copy_and_original(world):
    proxy, backend, copy, _ = world
    message = query("plain.tee.test", edns=1232)
    with proxy.udp() as client:
        assert client.ask(message).answer[0][0].address == "192.0.2.1"
    wait_until(lambda: asked_for(copy, "plain.tee.test."))
    assert asked_for(copy, "plain.tee.test.")[0].wire == message.to_wire()
    assert len(asked_for(backend, "plain.tee.test.")) == 1
    wait_until(lambda: figures(proxy, 0)["responses"] == 1)
    assert figures(proxy, 0) == {**dict.fromkeys(FIGURES, 0), "queries": 1, "responses": 1, "noerrors": 1}


def test_answers_are_counted_by_rcode(world):
    proxy, *_ = world
    for name in ("noerror", "nxdomain", "nxdomain", "servfail", "refused", "notimp"):
        proxy.ask(f"{name}.codes.tee.test")
    wait_until(lambda: figures(proxy, 1)["responses"] == 6)
    assert figures(proxy, 1) == {**dict.fromkeys(FIGURES, 0), "queries": 6, "responses": 6, "noerrors": 1, "nxdomains": 2,
                                 "servfails": 1, "refuseds": 1, "other-rcode": 1}
    assert proxy.command('getAction(1):getStats()["nxdomains"]') == "2\n"


def test_tcp_is_not_copied(world):
    proxy, _, copy, _ = world
    before = figures(proxy, 0)["queries"]
    proxy.ask("plain.tee.test", tcp=True)
    assert figures(proxy, 0)["tcp-drops"] == 1
    assert figures(proxy, 0)["queries"] == before


def test_subnet_is_in_the_copy_alone(world):
    proxy, backend, copy, _ = world
    proxy.ask("subnet.tee.test")
    wait_until(lambda: asked_for(copy, "subnet.tee.test."))
    options = asked_for(copy, "subnet.tee.test.")[0].message.options
    assert [option.to_text() for option in options] == ["ECS 127.0.0.0/24 scope/0"]
    assert not asked_for(backend, "subnet.tee.test.")[0].message.options


def test_local_address(world):
    proxy, _, copy, _ = world
    proxy.ask("local.tee.test")
    wait_until(lambda: asked_for(copy, "local.tee.test."))
    assert asked_for(copy, "local.tee.test.")[0].source[0] == "127.0.0.77"


@pytest.mark.parametrize("name", ["header", "both"])
def test_proxy_header(world, name):
    proxy, _, _, headers = world
    headers.raw.clear()
    message = query(f"{name}.tee.test")
    with proxy.udp() as client:
        client.ask(message)
        port = client.socket.getsockname()[1]
    wait_until(lambda: headers.raw)
    wire = headers.raw[0]
    assert wire[:16] == b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x12]) + struct.pack("!H", 12)
    assert wire[16:24] == bytes([127, 0, 0, 1, 127, 0, 0, 1])
    assert struct.unpack("!HH", wire[24:28]) == (port, proxy.address[1])
    rest = wire[28:]
    assert rest[:2] == message.to_wire()[:2]
    assert (rest == message.to_wire()) == (name == "header")


def test_nobody_listens(world):
    proxy, *_ = world
    for _ in range(3):
        proxy.ask("nobody.tee.test")
    wait_until(lambda: figures(proxy, 6)["recv-errors"] + figures(proxy, 6)["send-errors"] > 0)
    assert figures(proxy, 6)["queries"] == 3
    assert figures(proxy, 6)["responses"] == 0


def test_shown_and_removed_while_traffic_flows(world):
    proxy, _, copy, _ = world
    assert f"tee to {copy.address}" in proxy.command("showRules()")
    proxy.command(f'addAction("late.tee.test", TeeAction("{copy.address}"))')
    proxy.ask("late.tee.test")
    wait_until(lambda: asked_for(copy, "late.tee.test."))
    proxy.command("rmRule(7)")
    proxy.ask("late.tee.test")
    assert len(asked_for(copy, "late.tee.test.")) == 1


def test_other_actions_have_one_figure_without_name(world):
    proxy, *_ = world
    proxy.command("addAction(AllRule(), NoneAction())")
    count = len(proxy.command("showRules()").splitlines()) - 1
    assert proxy.command(f"getAction({count - 1}):printStats()") == "\t0\n"


@pytest.mark.parametrize("arguments, error", [
    ("", "This function requires at least 1 parameter(s)"),
    ('"bad"', "Unable to convert presentation address 'bad'"),
    ('"127.0.0.1", 1', "Unable to convert parameter from number to boolean"),
    ('"127.0.0.1", false, "x"', "Unable to convert presentation address 'x'"),
    ('"127.0.0.1", false, "127.0.0.1", false, 1', "This function requires at most 4 parameter(s)"),
])
def test_mistakes(world, arguments, error):
    proxy, *_ = world
    assert error in proxy.command(f"TeeAction({arguments})")


@pytest.mark.concurrent
def test_tees_come_and_go_under_load():
    """Sockets belong to workers, tees to rules that are made and removed while queries flow."""
    import threading
    with Responder() as backend, Responder() as copy, \
            Proxy("newServer{address='$backend', healthCheckMode='up'}\nsetWorkers(4)", backend=backend.address) as proxy:
        stop = threading.Event()

        def ask():
            while not stop.is_set():
                proxy.ask("load.test")
        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            for _ in range(20):
                proxy.command(f'addAction("load.test", TeeAction("{copy.address}", true))')
                seen = len(copy.queries)
                wait_until(lambda: len(copy.queries) > seen)
                proxy.command("getAction(0):printStats()")
                proxy.command("clearRules()")
        finally:
            stop.set()
            for client in clients:
                client.join(20)
