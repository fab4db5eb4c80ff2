# SPDX-License-Identifier: BSD-2-Clause
"""Link addresses of clients: the kernel's table of neighbours, as rules and scripts see it while it changes."""
import os
import subprocess
import sys

import pytest

import dns.message
from harness.client import addresses
from harness.proxy import Proxy
from harness.responder import Responder, answer, wait_until

HERE = os.path.abspath(__file__)
NETWORK = "ip link set lo up && ip link add one type veth peer name two && ip link set one up && " \
    "ip neigh add 127.0.0.1 lladdr 02:00:00:00:00:0a dev one"

LUA = """
    addAction("lua.test", LuaAction(function(dq)
      local link = getMACAddress(dq.remoteaddr:toString())
      return DNSAction.Spoof, "192.0.2." .. (link:byte(6) or 0)
    end))"""
FFI = """
    local ffi = require("ffi")
    addAction("ffi.test", LuaFFIAction(function(dq)
      local link = ffi.new("char[32]")
      local size = tonumber(ffi.C.dnsdist_ffi_dnsquestion_get_mac_addr(dq, link, 32))
      local text = "192.0.2." .. (size == 6 and link[5] or size)
      ffi.C.dnsdist_ffi_dnsquestion_set_result(dq, text, #text)
      return DNSAction.Spoof
    end))"""
THREAD = """
    addAction("thread.test", LuaFFIPerThreadAction([[
      local ffi = require("ffi")
      return function(dq)
        local link = ffi.new("char[32]")
        local size = tonumber(ffi.C["dnsdist_ffi_dnsquestion_get_mac_addr"](dq, link, 32))
        local text = "192.0.2." .. (size == 6 and link[5] or size)
        ffi.C.dnsdist_ffi_dnsquestion_set_result(dq, text, #text)
        return DNSAction.Spoof
      end]]))"""
RULES = {"lua.test": LUA, "ffi.test": FFI, "thread.test": THREAD}
# What nobody can see before a worker runs it: known a second after the first question.
HIDDEN_NAME = """
    addAction("hidden.test", LuaAction(function(dq)
      local link = _G["getMAC" .. "Address"](dq.remoteaddr:toString())
      return DNSAction.Spoof, "192.0.2." .. (link:byte(6) or 0)
    end))"""
HIDDEN_FFI = FFI.replace("ffi.test", "hidden.test").replace("ffi.C.dnsdist_ffi_dnsquestion_get_mac_addr(",
                                                            'ffi.C["dnsdist_ffi_dnsquestion_get_mac" .. "_addr"](')
HIDDEN_SOURCE = """
    addAction("hidden.test", LuaAction(function(dq)
      local link = loadstring("return getMAC" .. "Address(...)")(dq.remoteaddr:toString())
      return DNSAction.Spoof, "192.0.2." .. (link:byte(6) or 0)
    end))"""
HIDDEN = {"name": HIDDEN_NAME, "ffi": HIDDEN_FFI, "source": HIDDEN_SOURCE}


def ip(command):
    subprocess.run(["ip", *command.split()], check=True)


def own_network(name):
    """Runs one test of this file again, in a network where 127.0.0.1 has a neighbour's entry. False: it runs there now."""
    if os.environ.get("OWN_NETWORK"):
        return False
    if subprocess.run(["unshare", "-rn", "sh", "-c", NETWORK], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network of our own")
    command = f'{NETWORK} && exec "{sys.executable}" -m pytest -q -p no:cacheprovider "{HERE}::{name}"'
    done = subprocess.run(["unshare", "-rn", "sh", "-c", command], capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "OWN_NETWORK": "yes"}, cwd=os.path.dirname(HERE))
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    return True


def threads_of(p):
    folder = f"/proc/{p.process.pid}/task"
    return {open(f"{folder}/{task}/comm", encoding="ascii").read().strip() for task in os.listdir(folder)}


def last_byte(p, name):
    return int(addresses(p.ask(name))[0].rsplit(".", 1)[1])


@pytest.mark.concurrent
@pytest.mark.parametrize("name", list(RULES))
def test_scripts_see_changes(name):
    """The first query finds the address already; later ones what it has become, on every worker."""
    if own_network(f"test_scripts_see_changes[{name}]"):
        return
    with Proxy(RULES[name], arguments=("--workers", "2")) as p:
        assert last_byte(p, name) == 10
        ip("neigh replace 127.0.0.1 lladdr 02:00:00:00:00:0c dev one")
        wait_until(lambda: last_byte(p, name) == 12)
        ip("neigh del 127.0.0.1 dev one")
        wait_until(lambda: last_byte(p, name) == 0)
        ip("neigh add 127.0.0.1 lladdr 02:00:00:00:00:0d dev one")
        wait_until(lambda: last_byte(p, name) == 13)
        assert "neighbours" in threads_of(p)


@pytest.mark.parametrize("how", list(HIDDEN))
def test_a_name_that_nobody_could_see(how):
    if own_network(f"test_a_name_that_nobody_could_see[{how}]"):
        return
    with Proxy(HIDDEN[how]) as p:
        assert "neighbours" not in threads_of(p)
        assert last_byte(p, "hidden.test") == 0
        wait_until(lambda: last_byte(p, "hidden.test") == 10)


def test_a_rule_that_is_added_later():
    """Nothing runs until somebody needs it; the console asks the kernel itself."""
    if own_network("test_a_rule_that_is_added_later"):
        return
    with Responder(lambda asked: answer(asked, "60 A 192.0.2.1")) as server:
        with Proxy("newServer{address='$backend', healthCheckMode='up'}", backend=server.address) as p:
            p.ask("x.mac.test")
            assert "neighbours" not in threads_of(p)
            assert p.command("return #getMACAddress('127.0.0.1')").strip() == "6"
            p.command('addAction("mac.test", SetMacAddrAction(65001))')
            p.ask("y.mac.test")
            asked = dns.message.from_wire(server.asked_for("y.mac.test")[0].wire)
            assert [o.data for o in asked.options if o.otype == 65001] == [b"\2\0\0\0\0\x0a"]
            assert "neighbours" in threads_of(p)


def test_a_worker_adds_the_rule():
    """It does not wait for the thread that the rule needs."""
    if own_network("test_a_worker_adds_the_rule"):
        return
    with Responder(lambda asked: answer(asked, "60 A 192.0.2.1")) as server:
        with Proxy("""newServer{address='$backend', healthCheckMode='up'}
                      addAction("add.test", LuaAction(function(dq)
                        addAction("mac.test", SetMacAddrAction(65001))
                        return DNSAction.Spoof, "192.0.2.9"
                      end))""", backend=server.address) as p:
            def link_is_told():
                p.ask("mac.test")
                asked = dns.message.from_wire(server.asked_for("mac.test")[-1].wire)
                return [o.data for o in asked.options if o.otype == 65001] == [b"\2\0\0\0\0\x0a"]
            assert not link_is_told()
            assert last_byte(p, "add.test") == 9
            wait_until(link_is_told)


def test_explain_knows_it_too():
    if own_network("test_explain_knows_it_too"):
        return
    with Proxy("""newServer{address='192.0.2.1', healthCheckMode='up'}
                  addAction("mac.test", SetMacAddrAction(65001))""") as p:
        assert "65001" in p.command("explain('x.mac.test')")
