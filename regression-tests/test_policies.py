# SPDX-License-Identifier: BSD-2-Clause
"""Load-balancing policies: which backend gets which query."""
import collections
import threading

import dns.rcode
import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder, address_answer, answer, wait_until


@pytest.fixture(scope="module")
def three():
    """Three backends, answering 192.0.2.1 to 192.0.2.3."""
    servers = [Responder(address_answer(f"192.0.2.{number}")) for number in (1, 2, 3)]
    yield servers
    for server in servers:
        server.close()


def run(three, config, options=("", "", "")):
    servers = "\n".join(f'newServer{{address="{server.address}", name="s{number}"{", " + more if more else ""}}}'
                        for number, (server, more) in enumerate(zip(three, options), 1))
    return Proxy(servers + "\n" + config)


def spread(p, count, name="q{}.policies.test"):
    """How many of so many queries each address answered."""
    got = collections.Counter()
    with p.udp() as end:
        for number in range(count):
            got[addresses(end.ask(query(name.format(number))))[0][-1]] += 1
    return got


def test_round_robin_is_exact(three):
    with run(three, "setServerPolicy(roundrobin)") as p:
        assert p.command("showServerPolicy()") == "roundrobin\n"
        assert spread(p, 30) == {"1": 10, "2": 10, "3": 10}
        p.command("getServer(1):setDown()")
        got = spread(p, 30)
        assert got["2"] == 0 and min(got["1"], got["3"]) >= 10


def test_first_available(three):
    with run(three, "setServerPolicy(firstAvailable)", ("order=2", "order=1, qps=5", "order=3")) as p:
        got = spread(p, 20)
        assert 5 <= got["2"] <= 8 and got["1"] == 20 - got["2"]
        p.command("getServer(0):setDown()")
        p.command("getServer(1):setDown()")


def test_least_outstanding_avoids_the_busy(three):
    release = threading.Event()

    def slow(asked):
        def later():
            release.wait(20)
            asked.reply_with(answer(asked, "60 A 192.0.2.9").to_wire())
        threading.Thread(target=later, daemon=True).start()
    with Responder(slow) as busy:
        config = f'newServer{{address="{busy.address}", order=1}} newServer{{address="{three[1].address}", order=2}}'
        with Proxy(config) as p, p.udp() as end:
            end.send(query("first.policies.test", id=1))
            busy.wait_for(lambda me: me.asked_for("first.policies.test"))
            for number in range(10):
                assert addresses(end.ask(query(f"then-{number}.policies.test"))) == ["192.0.2.2"]
            release.set()
            assert end.receive().id == 1


def test_weighted_random(three):
    with run(three, "setServerPolicy(wrandom)", ("weight=1", "weight=3", "weight=0x6")) as p:
        got = spread(p, 1000)
        # Ten standard deviations wide, so that chance alone does not fail it.
        assert abs(got["1"] - 100) < 95 and abs(got["2"] - 300) < 145 and abs(got["3"] - 600) < 155


@pytest.mark.parametrize("policy", ["whashed", "chashed"])
def test_hashed_policies_follow_the_name(three, policy):
    options = ["weight=1000"] * 3
    with run(three, f"setServerPolicy({policy}) setWHashedPerturbation(42)", options) as p:
        with p.udp() as end:
            first = {name: addresses(end.ask(query(name)))
                     for name in (f"h{number}.policies.test" for number in range(60))}
            assert all(addresses(end.ask(query(name.upper()))) == value for name, value in first.items())
        assert len({value[0] for value in first.values()}) == 3


def test_consistent_hash_moves_few_names(three):
    with run(three, "setServerPolicy(chashed) setWHashedPerturbation(42)", ["weight=1000"] * 3) as p, p.udp() as end:
        names = [f"c{number}.policies.test" for number in range(60)]
        before = {name: addresses(end.ask(query(name))) for name in names}
        p.command("getServer(0):setDown()")
        for name in names:
            after = addresses(end.ask(query(name)))
            assert after == before[name] or before[name] == ["192.0.2.1"]


def test_ordered_wrand_untag(three):
    config = """
        setServerPolicy(orderedWrandUntag)
        addAction("tagged.policies.test", SetTagAction(getServer(0):getNameWithAddr(), "1"))
    """
    with run(three, config, ("order=1", "order=2", "order=3")) as p:
        assert addresses(p.ask("plain.policies.test")) == ["192.0.2.1"]
        assert addresses(p.ask("tagged.policies.test")) == ["192.0.2.2"]


def test_lua_policy(three):
    config = """
        setServerPolicyLua("mine", function(servers, dq)
          if dq.qname:toString() == "second.policies.test." then return 2 end
          if dq.qname:toString() == "none.policies.test." then return 0 end
          return #servers
        end)
        setServFailWhenNoServer(true)
    """
    with run(three, config) as p:
        assert p.command("showServerPolicy()") == "mine\n"
        assert addresses(p.ask("second.policies.test")) == ["192.0.2.2"]
        assert addresses(p.ask("last.policies.test")) == ["192.0.2.3"]
        assert p.ask("none.policies.test").rcode() == dns.rcode.SERVFAIL


def test_lua_policy_that_fails_drops(three):
    config = """
        setServerPolicyLua("broken", function(servers, dq)
          if dq.qname:toString() == "bad.policies.test." then error("on purpose") end
          return 1
        end)
    """
    with run(three, config) as p, p.udp() as end:
        end.send_and_expect_nothing(query("bad.policies.test"), query("good.policies.test"))


def test_policy_objects(three):
    config = 'mine = newServerPolicy("second", function(servers, dq) return 2 end) setPoolServerPolicy(mine, "")'
    with run(three, config) as p:
        assert set(spread(p, 5)) == {"2"}
        assert p.command('showPoolServerPolicy("")') == "second\n"
        p.command('setPoolServerPolicy(roundrobin, "")')
        assert set(spread(p, 6)) == {"1", "2", "3"}


def test_no_server(three):
    """Dropped and counted; SERVFAIL when told so; a pool that does not exist drops too."""
    config = 'addAction("pool.policies.test", PoolAction("empty")) getPool("empty")'
    with run(three, config) as p:
        for number in range(3):
            p.command(f"getServer({number}):setDown()")
        p.command('addAction("barrier.policies.test", SpoofAction("192.0.2.99")) ')
        before = p.counters()["no-policy"]
        with p.udp() as end:
            end.send_and_expect_nothing(query("down.policies.test"), query("barrier.policies.test"))
            end.send_and_expect_nothing(query("pool.policies.test"), query("barrier.policies.test"))
        assert p.counters()["no-policy"] - before == 2
        p.command("setServFailWhenNoServer(true)")
        assert p.ask("down.policies.test").rcode() == dns.rcode.SERVFAIL
        assert p.ask("down.policies.test", tcp=True).rcode() == dns.rcode.SERVFAIL


def test_round_robin_with_all_down(three):
    with run(three, "setServerPolicy(roundrobin)") as p:
        for number in range(3):
            p.command(f"getServer({number}):setDown()")
        assert p.ask("stillone.policies.test").answer
        p.command("setRoundRobinFailOnNoServer(true) setServFailWhenNoServer(true)")
        assert p.ask("nomore.policies.test").rcode() == dns.rcode.SERVFAIL


def test_order_is_kept_when_servers_are_added(three):
    with run(three, "setServerPolicy(firstAvailable)", ("order=5", "order=6", "order=7")) as p:
        assert addresses(p.ask("a.policies.test")) == ["192.0.2.1"]
        with Responder(address_answer("192.0.2.8")) as early:
            p.command(f'newServer{{address="{early.address}", order=1, healthCheckMode="up"}}')
            wait_until(lambda: addresses(p.ask("b.policies.test")) == ["192.0.2.8"], 5, "the new first")
            assert p.command("showServers()").splitlines()[1][25:].split()[0] == early.address


COPIED = """
setWorkers(2)
first = newServer{address="$one", name="one", healthCheckMode="up"}
second = newServer{address="$two", name="two", healthCheckMode="up"}
setServerPolicyLua("all", function(servers, dq)
  local best, least
  for i, s in ipairs(servers) do
    local load = s:getOutstanding() + s.weight + s.order + s:getLatency() + s:getQueries() * 0 + s:getDrops() * 0
    if s:isUp() and s.upStatus ~= nil and #s:getName() > 0 and #s.name > 0 and #s:getNameWithAddr() > 0 and (least == nil or load < least) then
      best, least = i, load
    end
  end
  return best
end)
"""


@pytest.mark.concurrent
def test_functions_run_on_all_workers_while_servers_change():
    with Responder(address_answer("192.0.2.1")) as one, Responder(address_answer("192.0.2.2")) as two, \
            Proxy(COPIED, one=one.address, two=two.address) as p:
        assert " copied " in p.command("showLuaFunctions()").splitlines()[1]
        stop, wrong, answered = threading.Event(), [], []

        def ask():
            while not stop.is_set():
                with p.udp() as client:
                    for _ in range(20):
                        got = addresses(client.ask(query("www.policy.test")))
                        answered.append(got[0])
                        if got[0] not in ("192.0.2.1", "192.0.2.2"):
                            wrong.append(got)
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for t in threads:
            t.start()
        for i in range(60):
            p.command(f"first.name = 'name{i}' first.weight = {i % 5 + 1} first.order = {i % 3}")
            p.command("second:setDown()")
            p.command("second:setUp()")
            p.command(f"more = newServer{{address='127.0.0.1:1', name='more{i}', pool='other', healthCheckMode='up'}}")
            p.command("rmServer(more)")
        stop.set()
        for t in threads:
            t.join()
        assert not wrong and {"192.0.2.1", "192.0.2.2"} == set(answered)
        row = p.command("showLuaFunctions()").splitlines()[1].split()
        assert int(row[3]) >= len(answered) and row[4] == "0"


def test_functions_that_change_servers_stay_shared():
    with Responder(address_answer("192.0.2.1")) as one:
        with Proxy('newServer{address="$one", healthCheckMode="up"} setServerPolicyLua("p", function(servers, dq) '
                   'servers[1].order = 7 return 1 end)', one=one.address) as p:
            assert addresses(p.ask("www.policy.test")) == ["192.0.2.1"]
            assert "writes 'order' into a table" in p.command("showLuaFunctions()")
            assert p.command("return getServer(0).order").strip() == "7"


def test_a_policy_that_gives_a_server():
    """The form of the 1.x dialect: the server itself, not its index; for all pools, and for one."""
    config = """newServer{address="$one", name="one", order=1, healthCheckMode="up"}
    newServer{address="$two", name="two", order=2, pool={"", "named"}, healthCheckMode="up"}
    setServerPolicyLua("second", function(servers, dq) for _, s in ipairs(servers) do if s:getName() == "two" then return s end end end)
    setPoolServerPolicyLua("first", function(servers, dq) return servers[1] end, "named")
    addAction("named.test", PoolAction("named"))
    addAction("stranger.test", PoolAction("stranger"))
    newServer{address="$one", name="far", pool="stranger", healthCheckMode="up"}
    kept = getServer(0)
    setPoolServerPolicyLua("stranger", function(servers, dq) return kept end, "stranger")
    setServFailWhenNoServer(true)"""
    with Responder(address_answer("192.0.2.1")) as one, Responder(address_answer("192.0.2.2")) as two, \
            Proxy(config, one=one.address, two=two.address) as p:
        assert addresses(p.ask("plain.test")) == ["192.0.2.2"]
        assert addresses(p.ask("named.test")) == ["192.0.2.2"]
        # One that is not among those of the pool: as wrong as anything else.
        with p.udp() as client:
            client.send_and_expect_nothing(query("stranger.test"), query("plain.test"))
        wait_until(lambda: "one of the servers, or nil" in p.output, what="the error")
