# SPDX-License-Identifier: BSD-2-Clause
"""Long chains: what is found by the index is what walking them finds, also right after an edit from the console."""
import threading

import dns.rcode
import pytest

from harness.client import query
from harness.proxy import Proxy

# 400 rules of each kind that has keys; every one answers with a code that tells which rule it was.
CONFIG = """
for i = 1, 400 do
  local code = RCodeAction(1 + i % 10)
  addAction(QNameRule("name" .. i .. ".index.test"), code)
  addAction(QNameSuffixRule({"suffix" .. i .. ".index.test", "other" .. i .. ".index.test"}), code)
  addAction(AndRule({NetmaskGroupRule("127.0.0.0/8"), QNameRule("and" .. i .. ".index.test")}), code)
  addAction(AndRule({NetmaskGroupRule("192.0.2.0/24"), QNameRule("never" .. i .. ".index.test")}), code)
  addAction(OrRule({QTypeRule(1000 + i), QNameRule("or" .. i .. ".index.test")}), code)
  addAction(QTypeRule(2000 + i), code)
end
addAction(AllRule(), SetTagAction("seen", "yes"))
addAction(AndRule({TagRule("seen", "yes"), QNameRule("tagged.index.test")}), RCodeAction(DNSRCode.NOTAUTH))
addAction(QNameRule("moved.index.test"), RCodeAction(DNSRCode.YXDOMAIN), {name="moved"})
addAction(AllRule(), RCodeAction(DNSRCode.NOTZONE), {name="rest"})
"""
NOTZONE, NOTAUTH, YXDOMAIN = dns.rcode.NOTZONE, dns.rcode.NOTAUTH, dns.rcode.YXDOMAIN


def code_of(end, name, qtype="A"):
    return end.ask(query(name + ".index.test.", qtype)).rcode()


def check_all(end):
    for i in (1, 7, 200, 399, 400):
        code = 1 + i % 10
        assert code_of(end, f"name{i}") == code
        assert code_of(end, f"x.name{i}") == NOTZONE
        assert code_of(end, f"a.B.Suffix{i}") == code
        assert code_of(end, f"other{i}") == code
        assert code_of(end, f"and{i}") == code
        assert code_of(end, f"never{i}") == NOTZONE
        assert code_of(end, f"or{i}") == code
        assert code_of(end, "any", f"TYPE{1000 + i}") == code
        assert code_of(end, "any", f"TYPE{2000 + i}") == code
    assert code_of(end, "tagged") == NOTAUTH
    assert code_of(end, "moved") == YXDOMAIN


def test_with_and_without_the_index():
    with Proxy(CONFIG) as p, p.udp() as end:
        for on in ("true", "false", "true"):
            assert p.command(f"setRuleIndex({on})") == ""
            check_all(end)


def test_an_edit_counts_for_the_next_query():
    with Proxy(CONFIG) as p, p.udp() as end:
        for i in range(30):
            p.command(f'addAction(QNameRule("new{i}.index.test"), RCodeAction(3), {{name="new"}}) mvRuleToTop()')
            assert code_of(end, f"new{i}") == 3
        p.command('addAction("moved.index.test", RCodeAction(2), {name="first"}) mvRuleToTop()')
        assert code_of(end, "moved") == 2
        p.command("mvRule(0, 2430)")
        assert code_of(end, "moved") == 2
        p.command("mvRule(2429, 2434)")  # now behind the other
        assert code_of(end, "moved") == YXDOMAIN
        p.command('rmRule("moved")')
        assert code_of(end, "moved") == 2
        p.command('rmRule("first") rmRule("new")')
        assert code_of(end, "moved") == NOTZONE and code_of(end, "new3") == NOTZONE
        p.command("rules = {} for i = 2402, 0, -1 do rules[#rules + 1] = getRule(i) end setRules(rules)")
        assert code_of(end, "name7") == NOTZONE  # the last is the first now
        p.command('rmRule("rest")')
        assert code_of(end, "name7") == 8
        assert p.command("clearRules() addAction(AllRule(), RCodeAction(1))") == ""
        assert code_of(end, "name7") == 1


def hits_of(row):
    begin = max(3, len(row.split()[0])) + 32
    return int(row[begin:begin + 9])


def test_hits_are_those_of_the_walk():
    with Proxy(CONFIG) as p, p.udp() as end:
        for name in ("name1", "name1", "a.suffix9", "nothing"):
            code_of(end, name)
        hits = [hits_of(row) for row in p.command("showRules()").splitlines()[1:]]
        assert hits[0] == 2 and hits[8 * 6 + 1] == 1
        assert hits[2400] == 1 and hits[-1] == 1  # SetTagAction and the rest: only the query that found nothing else
        assert sum(hits) == 5


@pytest.mark.concurrent
def test_edits_while_queries_walk():
    """Rules that stay answer as ever while others come and go around them."""
    stop, wrong = threading.Event(), []

    def client(p, number):
        with p.udp() as end:
            while not stop.is_set():
                i = 1 + number * 97 % 400
                number += 1
                if code_of(end, f"a.suffix{i}") != 1 + i % 10 or code_of(end, f"and{i}") != 1 + i % 10:
                    wrong.append(i)

    with Proxy(CONFIG) as p:
        threads = [threading.Thread(target=client, args=(p, number)) for number in range(4)]
        for t in threads:
            t.start()
        for i in range(60):
            p.command(f'addAction("edit{i}.index.test", RCodeAction(3), {{name="edit"}}) mvRuleToTop()')
            p.command(f"mvRule(0, {i * 7})")
            if i % 10 == 9:
                p.command(f'rmRule("edit") setRuleIndex({"false" if i % 20 == 9 else "true"})')
        stop.set()
        for t in threads:
            t.join()
        assert not wrong
