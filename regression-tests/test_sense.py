# SPDX-License-Identifier: BSD-2-Clause
"""Numbers without sense: every parameter that takes a number says which have one, and whatever is outside is told or refused.

The calls come from --describe=json: what is declared tomorrow is called tomorrow. Each call is a line of its own, so that a
warning, which names its line, belongs to it."""
import json
import re

import pytest

from harness import proxy
from harness.client import query
from harness.proxy import Proxy, run
from harness.responder import Responder, address_answer, wait_until

NUMBERS = ("integer", "number", "integer?", "integer|integer[]", "integer|string")
EXACT = 2 ** 53  # Lua's numbers are exact up to here

# Arguments by name, for functions that look closer at them than their types say.
BY_FUNCTION = {
    ("newPacketCache", "maxEntries"): "100", ("hashPassword", "workFactor"): "2", ("newNetmask", "network"): 'newCA("192.0.2.1")',
    ("PayloadSizeRule", "comparison"): '"equal"', ("RecordsCountRule", "min"): "0", ("newCAFromRaw", "raw"): '"\\1\\2\\3\\4"',
    ("SpoofRawAction", "rdata"): '"\\1\\2\\3\\4"',
    ("addDynBlocks", "addresses"): "{}", ("rr", "type"): '"TXT"', ("rr", "class"): '"IN"', ("SpoofAction", "ip"): '"192.0.2.1"', ("set", "value"): "1", ("add", "value"): "1",
    ("setMasks", "v4"): "32", ("setMasks", "v6"): "128", ("setMasks", "port"): "0",
    ("SpoofPacketAction", "packet"): '("\\0"):rep(12)', ("SpoofPacketAction", "len"): "12",
}
BY_NAME = {"address": '"127.0.0.1:53"', "names": '{"a.test"}', "network": '"192.0.2.0/24"', "uuid": '""',
           "visitor": "function() return false end", "listen": '"127.0.0.1:0"'}
BY_TYPE = {
    "boolean": "true", "number": "1", "string": '"a"', "string|string[]": '"a"', "table<string, string>": "{}", "integer|string": "1",
    "DNSRule": "AllRule()", "DNSRule[]": "{AllRule()}", "DNSRule|DNSName|DNSName[]|string|string[]": '"a.test"',
    "DNSAction": "AllowAction()", "DNSResponseAction": "AllowResponseAction()", "NetmaskGroup|string|string[]": '"192.0.2.0/24"',
    "SuffixMatchNode|DNSName|string|string[]": '"a.test"', "DNSName": 'newDNSName("a.test")', "DNSName|string": '"a.test"',
    "ComboAddress": 'newCA("192.0.2.1")', "ComboAddress|string": '"192.0.2.1"', "function": "function() end", "table": "{}",
    "any": "{}", "Server": "server", "ServerPolicy": "roundrobin", "PacketCache": "newPacketCache(10)", "DynBPFFilter": "newDynBPFFilter(newBPFFilter({}))", "integer|integer[]": "{1}",
}
OBJECTS = {
    "ComboAddress": 'newCA("192.0.2.1")', "PacketCache": "newPacketCache(10)", "DynBlockRulesGroup": "dynBlockRulesGroup()",
    "SharedCounter": "newSharedCounter()", "SharedTable": "newSharedTable(8)", "Server": "server", "TimedIPSetRule": "TimedIPSetRule()",
    "DNSPacketOverlay": "newDNSPacketOverlay(query)", "NetworkListener": "newNetworkListener()",
}


def numeric(parameter):
    return parameter["type"] in NUMBERS


def every_call(described):
    """(expression that is called, parameters) of all functions and methods."""
    for function in described["functions"]:
        yield function["name"], function["name"], function["parameters"]
    for a_class in described["classes"]:
        for method in a_class["methods"]:
            yield f"{a_class['name']}:{method['name']}", method["name"], method["parameters"]


@pytest.fixture(scope="module")
def described():
    return json.loads(proxy.run("--describe=json").stdout)


def test_every_number_has_bounds(described):
    """Or says that there are none: a new parameter must decide."""
    without = []
    for where, _, parameters in every_call(described):
        rows = parameters + [option for p in parameters for option in p.get("options", ())]
        without += [f"{where}: {p['name']}" for p in rows if numeric(p) and not p.keys() & {"least", "max", "bounds"}]
    for a_class in described["classes"]:
        without += [f"{a_class['name']}.{a['name']}" for a in a_class["attributes"]
                    if numeric(a) and not a["read_only"] and not a.keys() & {"least", "max", "bounds"}]
    assert not without, without


def good_number(function, p):
    if (function, p["name"]) in BY_FUNCTION:
        return BY_FUNCTION[function, p["name"]]
    low = max(1, p.get("least", 0), p.get("min", 0))
    number = str(min(low, p.get("most", low)))
    return f"{{{number}}}" if p["type"] == "integer|integer[]" else number


def good_value(function, p):
    if (function, p["name"]) in BY_FUNCTION:
        return BY_FUNCTION[function, p["name"]]
    if numeric(p):
        return good_number(function, p)
    if p["name"] in BY_NAME and p["type"] in ("string", "any", "string|string[]", "function"):
        return BY_NAME[p["name"]]
    if p["type"] == "table" and p.get("options"):
        needed = [f"{o['name']}={good_value(function, o)}" for o in p["options"] if not o["optional"]]
        if function == "newServer":
            needed.append('address="127.0.0.1:53"')
        return "{" + ", ".join(needed) + "}"
    return BY_TYPE[p["type"]]


def bad_numbers(p):
    """Below the least and above the most, as far as Lua can say them."""
    if p.get("bounds") == "own":
        yield from (-1, 2 ** 40)
    half = 0.5 if p["type"] == "number" else 1
    if "least" in p:
        below = p["least"] - half
        yield -1 if p.get("zero") and below == 0 else below
        if p["most"] < EXACT:
            yield p["most"] + half
    elif 0 < p.get("max", 0):
        if p["max"] < EXACT:
            yield p["max"] + 1
        if p.get("min", 0) > -EXACT:
            yield p.get("min", 0) - 1


def as_lua(p, number):
    return f"{{{number}}}" if p["type"] == "integer|integer[]" else str(number)


def calls_of(name, parameters):
    """(arguments, what they are about) of one function: None when all of them are good."""
    def arguments(changed, value):
        wanted = []
        for number, p in enumerate(parameters):
            if number == changed:
                wanted.append(value)
            elif p["optional"] and (name, p["name"]) not in BY_FUNCTION:
                wanted.append("nil")
            else:
                wanted.append(good_value(name, p))
        while wanted and wanted[-1] == "nil":
            wanted.pop()
        return ", ".join(wanted)

    yield arguments(None, None), None
    for number, p in enumerate(parameters):
        if numeric(p):
            yield arguments(number, good_number(name, p)), None
            for bad in bad_numbers(p):
                yield arguments(number, as_lua(p, bad)), p["name"]
        for option in filter(numeric, p.get("options", ())):
            table = good_value(name, p)[1:-1]
            for bad, about in [(good_number(name, option), None)] + [(as_lua(option, bad), option["name"]) for bad in bad_numbers(option)]:
                yield arguments(number, "{" + ", ".join(filter(None, (table, f"{option['name']}={bad}"))) + "}"), about


def lines_of(described, classes, prelude):
    """A script of one call per line, and what each line is about."""
    lines, about = list(prelude), {}
    for where, name, parameters in every_call(described):
        rows = parameters + [option for p in parameters for option in p.get("options", ())]
        if not any(map(numeric, rows)):
            continue
        owner = where.split(":")[0] if ":" in where else None
        if owner is not None and owner not in classes or owner is None and None not in classes:
            continue
        for arguments, what in calls_of(name, parameters):
            call = f"{name}({arguments})" if owner is None else f"{classes[owner]}:{name}({arguments})"
            lines.append(f"said({len(lines) + 1}, pcall(function() local r = {call} return r end))")
            about[len(lines)] = (call, name, what, any(p.get("bounds") == "own" for p in rows))
    return "\n".join(lines) + "\n", about


TOLD = re.compile(r"dnsproxy\.conf:(\d+): ([^\"]*)")


def judge(about, output):
    """Each bad number is told by name at its line, refused, or answered with nothing where a position is wrong; a good one is not."""
    told, said = {}, {}
    for line, sentence in TOLD.findall(output):
        told.setdefault(int(line), []).append(sentence)
    for line, good, what in re.findall(r"^said (\d+) (true|false) (.*)$", output, re.M):
        said[int(line)] = (good == "true", what)
    assert said.keys() == about.keys()
    silent, wrongly = [], []
    for line, (call, name, what, own) in about.items():
        sentences = [s for s in told.get(line, ()) if "must be" in s or "should be" in s]
        heard = any(s.startswith(f"{name}(") or f"{name}: {what}=" in s or s.startswith(f"{what}=") for s in sentences) or own and line in told
        if what is not None and not heard and said[line][0] and not (own and said[line][1] == "nil"):
            silent.append(call)
        if what is None and not own and (sentences or not said[line][0]):
            wrongly.append((call, sentences, said[line]))
    assert not silent, "\n".join(["taken silently:", *silent])
    assert not wrongly, "\n".join(["told or refused, with sense:", *map(str, wrongly)])


PRELUDE = ['function said(line, good, what) print("said " .. line .. " " .. tostring(good) .. " " .. tostring(what):gsub("\\n.*", "")) end',
           'server = newServer("127.0.0.1:53") query = nil addAction(AllRule(), AllowAction())']
# What needs a file, a key, a query, or a listener that is not there in this run.
ELSEWHERE = {"getAsynchronousObject", "newXsk"}


def test_every_declaration_tells(described):
    """Each number below its least and above its most, in functions, constructors, options and methods."""
    classes = {None: None} | {name: text for name, text in OBJECTS.items() if "query" not in text}
    described = dict(described, functions=[f for f in described["functions"] if f["name"] not in ELSEWHERE])
    config, about = lines_of(described, classes, PRELUDE)
    done = proxy.run("--check-config", config=config, timeout=120)
    output = done.stdout + done.stderr
    assert len(about) > 500
    judge(about, output)


def calls_on_a_query(a_class):
    """(call, name, parameter, whether the function looks itself) of methods and attributes."""
    for method in a_class["methods"]:
        own = any(p.get("bounds") == "own" for p in method["parameters"])
        if any(map(numeric, method["parameters"])) and method["name"] not in ("suspend", "spoof"):
            for arguments, what in calls_of(method["name"], method["parameters"]):
                yield f"local r = dq:{method['name']}({arguments})", method["name"], what, own
    for a in a_class["attributes"]:
        if numeric(a) and not a["read_only"]:
            for number in bad_numbers(a):
                yield f"dq.{a['name']} = {number}", a["name"], a["name"], a.get("bounds") == "own"


IN_A_QUERY = """
said = {}
function say(line, good, what) said[#said + 1] = "said " .. line .. " " .. tostring(good) .. " " .. tostring(what):gsub("\\n.*", "") end
each = loadstring([==[
$calls
]==], "@dnsproxy.conf")
addAction(AllRule(), LuaAction(function(dq) each(dq) return DNSAction.None end))
addAction(AllRule(), SpoofAction("192.0.2.1"))
"""


def test_methods_of_queries_tell(described):
    """The same for what only exists while a query is answered."""
    lines, about = ["local dq = ..."], {}
    shown = next(a_class for a_class in described["classes"] if a_class["name"] == "DNSQuestion")
    for call in calls_on_a_query(shown):
        about[len(lines) + 1] = call
        lines.append(f"say({len(lines) + 1}, pcall(function() {call[0]} end))")
    assert len(about) > 20
    with Proxy(IN_A_QUERY, calls="\n".join(lines)) as p, p.udp() as end:
        end.ask(query("sense.test"))
        results = p.command("return table.concat(said, '\\n')")
    judge(about, results + "\n" + p.output)  # the whole log: the program has ended


PREFIXES = """
newServer{address="$backend", useClientSubnet=true}
addAction("action.test", SetECSPrefixLengthAction(200, 200))
addAction("attribute.test", LuaAction(function(dq) dq.ecsPrefixLength = 33 return DNSAction.None end))
ffi_prefix = [[local ffi = require("ffi") return function(dq) ffi.C.dnsdist_ffi_dnsquestion_set_ecs_prefix_length(dq, 60) return DNSAction.None end]]
addAction("ffi.test", LuaFFIAction(loadstring(ffi_prefix)()))
addAction("good.test", SetECSPrefixLengthAction(32, 128))
"""


def test_no_prefix_gives_the_whole_address_away_by_mistake():
    """Whoever sets it: more bits than an address has are told, and the client's network stays a network."""
    with Responder(address_answer("192.0.2.1")) as backend, Proxy(PREFIXES, backend=backend.address) as p:
        seen = {}
        for name in ("action", "attribute", "ffi", "good"):
            assert p.ask(f"{name}.test").rcode() == 0
            seen[name] = [o.srclen for o in backend.queries[-1].message.options if o.otype == 8]
        assert seen == {"action": [24], "attribute": [24], "ffi": [24], "good": [32]}
        for told in ("SetECSPrefixLengthAction: v4=200 means nothing", "dq.ecsPrefixLength: bits of IPv4=33 means nothing",
                     "dnsdist_ffi_dnsquestion_set_ecs_prefix_length: bits of IPv4=60 means nothing"):
            wait_until(lambda sentence=told: sentence in p.output, 5, told)
            assert p.output.count(told) == 1, told


@pytest.mark.parametrize("call,text", [
    ("DelayAction(-1)", "delay by 0 ms"), ("DelayAction(100000)", "delay by 65535 ms"), ("RCodeAction(300)", "set rcode 44"),
    ("SetMaxReturnedTTLAction(-1)", "cap the TTL of the returned response to 4294967295"), ("QPSAction(0)", "qps limit to 0"),
    ("SetECSPrefixLengthAction(33, 300)", "set ECS prefix length to 24/56"), ("SetECSPrefixLengthAction(-1, 0)", "set ECS prefix length to 24/0"),
    ("QPSAction(2^32)", "qps limit to 4294967295"), ("QPSAction(-1)", "qps limit to 4294967295"),
])
def test_what_counts_instead(call, text):
    """No wrap turns a number into its opposite; those that codes of the protocol have always had stay."""
    with Proxy(f"addAction(AllRule(), {call})") as p:
        assert text in p.command("showRules()")
        wait_until(lambda: f": {call[:call.index('(')]}" in p.output, 5, "the warning")


def test_told_once_however_many_queries():
    config = """addAction(AllRule(), LuaAction(function(dq) number = (number or 99) + 1 dq.rcode = number return DNSAction.None end))
    addAction(AllRule(), SpoofAction("192.0.2.1"))"""
    with Proxy(config) as p, p.udp() as end:
        for number in range(20):
            end.ask(query(f"q{number}.test"))
    assert p.output.count("rcode=100 has no sense: it should be 0 to 15") == 1
    assert p.output.count("has no sense") == 1


@pytest.mark.parametrize("call,sentence", [
    ("setUDPTimeout(0)", "setUDPTimeout(0) is ignored: it must be 1 to 255; no answer comes in no time"),
    ("setECSSourcePrefixV4(0/0)", "setECSSourcePrefixV4(nan) is ignored: it must be 0 to 32"),
    ("LimitTTLResponseAction(100, 5)", "LimitTTLResponseAction: min=100 is above max=5"),
    ("newPacketCache(10, {minTTL=100000})", "newPacketCache: minTTL=100000 is above maxTTL=86400"),
    ("newServer('127.0.0.1:0')", "newServer: the port of 127.0.0.1:0 is 0"),
    ("newServer{address='127.0.0.1:53', checkType='BOGUS'}", "newServer: checkType=BOGUS is no type"),
    ("addACL('192.0.2.0/99')", "addACL: 192.0.2.0/99 is a prefix longer than the address: its 32 bits count"),
    ("addAction({'2001:db8::/64', '2001:db8::/130'}, DropAction())", "addAction: 2001:db8::/130 is a prefix longer than the address: its 128"),
    ("newNMG():addMask('192.0.2.1/33')", "addMask: 192.0.2.1/33 is a prefix longer than the address"),
    ("addDynamicBlock('192.0.2.1', 'x', DNSAction.Drop, 10, 64)", "addDynamicBlock: clientIPMask=64 is more than the address has"),
])
def test_sentences(call, sentence):
    """With the file and the line; the configuration is good all the same. A client, which applies nothing, tells nothing."""
    done = proxy.run("--check-config", config=f"\n{call}\n")
    assert done.returncode == 0
    assert done.stdout.replace("-nan", "nan").count(f"dnsproxy.conf:2: {sentence}") == 1
    assert sentence not in proxy.run("-e", "1", config=f"\n{call}\n").stdout


def test_the_console_says_so_to_the_person():
    with Proxy("") as p:
        for _ in range(2):
            assert p.command("setECSSourcePrefixV4(200)").startswith("setECSSourcePrefixV4(200) is ignored: it must be 0 to 32")
    assert p.output.count("setECSSourcePrefixV4(200)") == 1


def test_extended_rcodes_have_sense():
    done = run("--check-config", config="""addAction("a.test", ERCodeAction(DNSRCode.BADVERS)) addAction("b.test", ERCodeAction(23))
addAction("c.test", ERCodeAction(5000))""")
    told = [line for line in (done.stdout + done.stderr).splitlines() if "ERCodeAction" in line]
    assert len(told) == 1 and "5000" in told[0] and "4095" in told[0]


def test_a_reason_is_that_of_its_end():
    """What is said of a number below the least is not said of one above the most, nor of one that is replaced by no limit."""
    done = run("--check-config", config="""addAction(MaxQPSRule(-1), DropAction())
addAction(AllRule(), QPSAction(-1))
newServer{address="127.0.0.1:1", checkTimeout=100000}
newServer{address="127.0.0.1:1", checkTimeout=0}""")
    told = [line for line in (done.stdout + done.stderr).splitlines() if "means nothing" in line]
    assert ["never matches" in line or "is dropped" in line or "no answer comes" in line for line in told] == [False] * 3 + [True]
