# SPDX-License-Identifier: BSD-2-Clause
"""The verbs of the eight chains from the console: add, show, get, move, remove, set, clear, top, hit counts."""
import uuid

import pytest

from harness.client import addresses, query
from harness.proxy import Proxy
from harness.responder import Responder

# Chain: word in the names of verbs, an action of its kind.
CHAINS = {
    "query": ("", "NoneAction()"),
    "cache-miss": ("CacheMiss", "NoneAction()"),
    "response": ("Response", "AllowResponseAction()"),
    "cache-hit": ("CacheHitResponse", "AllowResponseAction()"),
    "cache-inserted": ("CacheInsertedResponse", "AllowResponseAction()"),
    "self-answered": ("SelfAnsweredResponse", "AllowResponseAction()"),
    "xfr": ("XFRResponse", "AllowResponseAction()"),
    "timeout": ("TimeoutResponse", "AllowResponseAction()"),
}
SETTABLE = ["query", "cache-miss"]  # the chains whose verbs include set and getAction
UUIDS = [str(uuid.UUID(int=number + (4 << 76) + (8 << 60))) for number in range(1, 5)]


@pytest.fixture(scope="module")
def p():
    with Proxy() as proxy:
        yield proxy


class Chain:
    """The verbs of one chain."""

    def __init__(self, p, key):
        self.p, self.word, self.action = p, *CHAINS[key]

    def add(self, selector, options=""):
        answer = self.p.command(f"add{self.word}Action({selector}, {self.action}{', ' + options if options else ''})")
        assert answer == "", answer

    def verb(self, head, tail, *arguments):
        return self.p.command(f"{head}{self.word}{tail}({', '.join(map(str, arguments))})")

    def rules(self):
        """(position, name) of each row."""
        return [(int(row[:3]), row[4:34].strip()) for row in self.rows()]

    def rows(self):
        return self.verb("show", "Rules").splitlines()[1:]

    def names(self):
        return [name for _, name in self.rules()]


@pytest.fixture(params=CHAINS)
def chain(request, p):
    chain = Chain(p, request.param)
    chain.verb("clear", "Rules")
    for number, name in enumerate("abcd"):
        chain.add("AllRule()", f'{{name="{name}", uuid="{UUIDS[number]}"}}')
    yield chain
    chain.verb("clear", "Rules")


def test_show(chain):
    assert chain.rules() == [(0, "a"), (1, "b"), (2, "c"), (3, "d")]


def test_remove_by_position_name_and_uuid(chain):
    assert chain.verb("rm", "Rule", 1) == ""
    assert chain.names() == ["a", "c", "d"]
    assert chain.verb("rm", "Rule", '"c"') == ""
    assert chain.verb("rm", "Rule", f'"{UUIDS[3]}"') == ""
    assert chain.names() == ["a"]
    assert chain.verb("rm", "Rule", '"0"') == ""
    assert chain.names() == []


def test_remove_what_is_not_there(chain):
    assert chain.verb("rm", "Rule", 99) == "Error: attempt to delete non-existing rule\n"
    assert chain.verb("rm", "Rule", '"nope"') == "Error: no rule matched\n"
    assert chain.verb("rm", "Rule", f'"{uuid.uuid4()}"') == "Error: no rule matched\n"
    assert chain.names() == ["a", "b", "c", "d"]


def test_remove_takes_every_rule_of_a_name(chain):
    chain.add("AllRule()", '{name="b"}')
    assert chain.verb("rm", "Rule", '"b"') == ""
    assert chain.names() == ["a", "c", "d"]


@pytest.mark.parametrize("move,expected", [
    ((0, 2), "bacd"), ((3, 0), "dabc"), ((0, 4), "bcda"), ((1, 1), "abcd"), ((1, 2), "abcd")], ids=str)
def test_move(chain, move, expected):
    assert chain.verb("mv", "Rule", *move) == ""
    assert chain.names() == list(expected)


@pytest.mark.parametrize("move", [(4, 0), (0, 5), (0, 99)], ids=str)
def test_move_out_of_range(chain, move):
    assert chain.verb("mv", "Rule", *move) == "Error: attempt to move rules from/to invalid index\n"
    assert chain.names() == list("abcd")


def test_move_to_top(chain):
    assert chain.verb("mv", "RuleToTop") == ""
    assert chain.names() == list("dabc")


def test_move_to_top_of_nothing(chain):
    chain.verb("clear", "Rules")
    assert chain.verb("mv", "RuleToTop") == ""


def test_clear(chain):
    assert chain.verb("clear", "Rules") == ""
    assert chain.names() == []


def test_get(chain):
    """By position, name and UUID; an unknown name is nil, a position out of range raises."""
    def exists(selector):
        return chain.p.command(f"tostring(get{chain.word}Rule({selector}) ~= nil)")
    assert exists(0) == exists('"b"') == exists(f'"{UUIDS[2]}"') == "true\n"
    assert exists('"nope"') == "false\n"
    assert chain.verb("get", "Rule", 99).startswith("Error: ")


@pytest.mark.parametrize("chain", SETTABLE, indirect=True)
def test_get_action(chain):
    assert chain.p.command(f"tostring(get{chain.word}Action(0) ~= nil)") == "true\n"
    assert chain.verb("get", "Action", 99) == ""


@pytest.mark.parametrize("chain", SETTABLE, indirect=True)
def test_set(chain):
    answer = chain.p.command(f'set{chain.word}Rules({{newRuleAction(AllRule(), {chain.action}, {{name="x"}}), '
                             f'newRuleAction(RDRule(), {chain.action}, {{name="y"}})}})')
    assert answer == "" and chain.names() == ["x", "y"]


@pytest.mark.parametrize("chain", SETTABLE, indirect=True)
def test_set_with_a_wrong_element_changes_nothing(chain):
    answer = chain.p.command(f'set{chain.word}Rules({{newRuleAction(AllRule(), {chain.action}), 5}})')
    assert answer.startswith("Error: ") and chain.names() == list("abcd")


def test_show_uuids(chain):
    rows = chain.verb("show", "Rules", "{showUUIDs=true}").splitlines()
    assert rows[0] == f"{'#':3} {'Name':30} {'UUID':38} {'Cr. Order':>9} {'Matches':>9} {'Rule':56} Action"
    orders = []
    for row, wanted in zip(rows[1:], UUIDS):
        assert row[35:73].strip() == wanted
        orders.append(int(row[74:83]))
    assert orders == sorted(orders)


def test_truncate_rule_width(chain):
    chain.verb("clear", "Rules")
    chain.add('QNameRule("a-name-that-is-long.example.test")')
    row = chain.verb("show", "Rules", "{truncateRuleWidth=10}").splitlines()[1]
    assert row[45:101] == "qname==a-n".ljust(56)
    assert "a-name-that-is-long" in chain.verb("show", "Rules", "{truncateRuleWidth=-1}")


def test_top(chain):
    answer = chain.verb("top", "Rules", 2)
    assert len(answer.splitlines()) == 4, "two rules, a header, and the console's empty line"


def test_bad_uuid(chain):
    answer = chain.p.command(f'add{chain.word}Action(AllRule(), {chain.action}, {{uuid="x"}})')
    assert answer.startswith("Error: ") and "invalid uuid string" in answer


def test_hit_counts_and_edits_under_traffic():
    """Every console edit binds the next query; counts are exact."""
    with Responder() as backend, Proxy('newServer("$backend")', backend=backend.address) as p:
        p.command('addAction("verbs.test", NoneAction(), {name="counted"})')
        with p.udp() as end:
            for _ in range(25):
                end.ask(query("www.verbs.test"))
            assert int(p.command("showRules()").splitlines()[1][35:44]) == 25
            for number in range(1, 20):
                p.command(f'addAction("verbs.test", SpoofAction("192.0.2.{100 + number}"), {{name="s{number}"}})')
                p.command("mvRuleToTop()")
                assert addresses(end.ask(query("www.verbs.test"))) == [f"192.0.2.{100 + number}"]
            p.command("clearRules()")
            assert addresses(end.ask(query("www.verbs.test"))) == ["192.0.2.1"]
    assert "Error" not in p.output


@pytest.mark.concurrent
def test_edits_while_many_ask():
    """Rules come and go while clients ask: every answer is one of the two that are possible, none is missing."""
    import threading
    with Responder() as backend, Proxy('newServer("$backend")', backend=backend.address) as p:
        stop, wrong = threading.Event(), []

        def client():
            with p.udp() as end:
                while not stop.is_set():
                    try:
                        got = addresses(end.ask(query("www.verbs.test")))
                    except Exception as error:  # a lost answer is a finding, not the end of the thread
                        got = repr(error)
                    if got not in (["192.0.2.1"], ["192.0.2.99"]):
                        wrong.append(got)
                        return
        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            assert p.command('addAction("verbs.test", SpoofAction("192.0.2.99"), {name="x"})') == ""
            assert p.command('rmRule("x")') == ""
        stop.set()
        for thread in threads:
            thread.join(10)
        assert not wrong
