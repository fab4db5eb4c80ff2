# SPDX-License-Identifier: BSD-2-Clause
"""Log lines: their forms, where they go, what the options of the command line and of the file do."""
import json
import os
import re
import signal
import subprocess

import pytest

from harness.proxy import BINARY, Proxy, run
from harness.responder import Responder, wait_until

DEFAULT = re.compile(r'msg="(?:[^"\\]|\\.)*"( error="(?:[^"\\]|\\.)*")?( subsystem="[^"]*")? level="0" prio="[A-Z][a-z]+"'
                     r'( instance="[^"]*")? ts="\d+\.\d{3}"( [a-z_.-]+="(?:[^"\\]|\\.)*")*\n')


def check(config, *options):
    return run("--check-config", *options, config=config)


@pytest.fixture(scope="module")
def backend():
    with Responder() as responder:
        yield responder


def test_default_form(backend):
    with Proxy('newServer{address="$backend", name="east1"}\nwarnlog("with \\"quotes\\" and \\\\")\n',
               backend=backend.address) as p:
        p.command("errlog('gone wrong')")
    lines = p.output.splitlines(True)
    assert lines.count("Exiting on user request\n") == 1  # plain in every form
    assert all(DEFAULT.fullmatch(line) or line == "Exiting on user request\n" for line in lines), p.output
    assert r'msg="with \"quotes\" and \\"' in p.output and 'prio="Warning"' in p.output
    assert 'msg="gone wrong"' in p.output and 'prio="Error"' in p.output
    status = next(line for line in lines if 'msg="Setting initial status for backend"' in line)
    fields = re.findall(r' ([a-z_.]+)=', status[status.index(" ts="):])
    assert fields == ["ts"] + sorted(fields[1:])
    assert (f'subsystem="backend" level="0" prio="Info"' in status
            and f'backend.address="{backend.address}" backend.health_check.status="up" backend.name="east1" '
                'backend.protocol="DoUDP"' in status)


def test_json_goes_to_standard_error(tmp_path):
    path = tmp_path / "p.conf"
    path.write_text('addLocal("127.0.0.1:0")\nwarnlog("two\\nlines")\nerrlog("bytes: \\255")\n')
    process = subprocess.Popen([BINARY, "--supervised", "--disable-syslog", "--structured-logging-backend", "json",
                                "-C", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = [process.stderr.readline() for _ in range(3)]
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == b"Exiting on user request\n"
    assert process.wait(15) == 0
    process.stdout.close()
    process.stderr.close()
    entries = [json.loads(line) for line in lines]
    assert [list(entry) for entry in entries] == [sorted(entry) for entry in entries]
    assert entries[0]["msg"] == "two\nlines" and entries[0]["priority"] == "4" and entries[0]["level"] == "0"
    assert entries[1]["msg"] == "bytes: \ufffd" and entries[1]["priority"] == "3"
    assert re.fullmatch(r"\d+\.\d{3}", entries[0]["ts"])


def test_plain_form(tmp_path):
    done = check("warnlog('hello')", "--structured-logging", "false")
    assert done.stdout == f"hello\nConfiguration '{done.config_path}' OK!\n"


@pytest.mark.parametrize("word, structured", [("true", True), ("TRUE", True), ("false", False), ("yes", False)])
def test_structured_or_not(word, structured):
    assert check("", "--structured-logging", word).stdout.startswith('msg="' if structured else "Configuration '")


def test_timestamps_of_the_plain_form():
    done = check("warnlog('hello')", "--structured-logging", "false", "--log-timestamps")
    assert re.fullmatch(r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [^\n]*\n){2}", done.stdout)
    assert re.match(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d hello\n", done.stdout)


def test_timestamps_do_not_touch_the_structured_form():
    assert DEFAULT.fullmatch(check("", "--log-timestamps").stdout)


def test_time_format():
    done = check('setStructuredLogging(true, {timeFormat="ISO8601"})')
    assert re.search(r' ts="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}" ', done.stdout)


def test_unknown_backend_on_the_command_line():
    done = check("", "--structured-logging-backend", "paper")
    first, second = done.stdout.splitlines()
    assert done.returncode == 0
    assert "The backend 'paper' of structured logging is not known" in first and 'prio="Warning"' in first
    assert second.startswith('msg="Configuration OK"')


def test_unknown_backend_in_the_file():
    done = check('setStructuredLogging(true, {backend="paper"})')
    assert done.returncode == 0
    assert "The backend 'paper' is not known" in done.stdout and 'prio="Warning"' in done.stdout


@pytest.mark.skipif(os.path.exists("/run/systemd/journal/socket"), reason="lines would go to the journal")
def test_journal_that_is_not_there():
    done = check("", "--structured-logging-backend", "systemd-journal")
    assert DEFAULT.fullmatch(done.stdout)


def test_verbose_lines_have_their_own_file(backend):
    with Proxy('setVerboseLogDestination("$folder/verbose.log")\nsetVerbose(true)\nnewServer("$backend")\n'
               'addAction("logged.test", LogAction())', backend=backend.address) as p:
        p.command("vinfolog('chatter')")
        p.command("infolog('news')")
        p.ask("logged.test")
        p.stop()
        with open(os.path.join(p.folder.name, "verbose.log"), encoding="utf-8") as file:
            verbose = file.read()
    assert 'msg="chatter"' in verbose and "Packet from 127.0.0.1" in verbose and "news" not in verbose
    assert 'msg="news"' in p.output and "chatter" not in p.output and "Packet from" not in p.output


def test_verbose_lines_need_verbose_mode(backend):
    with Proxy('newServer("$backend")\naddAction("quiet.test", LogAction())\n'
               'addAction("loud.test", LogAction("", true, true, false, false))\n'
               'addResponseAction("loud.test", LogResponseAction("", true, false, false, true))',
               backend=backend.address) as p:
        p.command("vinfolog('chatter')")
        p.ask("quiet.test")
        with p.udp() as client:
            from harness.client import query
            client.ask(query("loud.test", id=4660))
        wait_until(lambda: "Answer to" in p.output)
    assert "chatter" not in p.output and "quiet.test" not in p.output
    assert re.search(r'msg="Packet from 127\.0\.0\.1:\d+ for loud\.test\. A with id 4660"', p.output)
    assert re.search(r'msg="\[\d+\.\d{9}\] Answer to 127\.0\.0\.1:\d+ for loud\.test\. A \(No Error\) with id 4660"', p.output)


def test_log_files(backend):
    with Proxy('newServer("$backend")\n'
               'addAction(AllRule(), LogAction("$folder/binary.log"))\n'
               'addAction(AllRule(), LogAction("$folder/text.log", false, false, true))\n'
               'addResponseAction(AllRule(), LogResponseAction("$folder/answers.log", false, false, false, true))',
               backend=backend.address) as p:
        with p.udp() as client:
            from harness.client import query
            client.ask(query("file.test", id=4660))
            port = client.socket.getsockname()[1]
        p.stop()
        content = {}
        for name in ("binary", "text", "answers"):
            with open(os.path.join(p.folder.name, f"{name}.log"), "rb") as file:
                content[name] = file.read()
    assert content["text"] == f"Packet from 127.0.0.1:{port} for file.test. A with id 4660\n".encode()
    assert re.fullmatch(rb"\[\d+\.\d{9}\] Answer to 127\.0\.0\.1:%d for file\.test\. A \(No Error\) with id 4660\n" % port,
                        content["answers"])
    assert content["binary"][:2] == b"\x12\x34"
    assert content["binary"][2:13] == b"\4file\4test\0"
    assert content["binary"][-6:] == bytes([127, 0, 0, 1]) + port.to_bytes(2, "big")


def test_options_that_have_no_effect_say_so_once(backend):
    with Proxy('addLocal("127.0.0.1:0", {cpus={0}})\naddLocal("127.0.0.1:0", {cpus={0}})\n'
               'newServer{address="$backend", cpus={0}}\nsetMaxTCPClientThreads(4)\nsetMaxTCPClientThreads(5)\n'
               "setRandomizedIdsOverUDP(true)", backend=backend.address) as p:
        pass
    assert p.output.count("addLocal: the option cpus has no effect: workers are placed by the kernel") == 1
    assert p.output.count("newServer: the option cpus has no effect") == 1
    assert p.output.count("setMaxTCPClientThreads has no effect: workers serve TCP connections themselves") == 1
    assert p.output.count("setRandomizedIdsOverUDP has no effect: ids towards backends are always unpredictable") == 1


def test_acl_file_is_the_servers_business(tmp_path):
    """A console client on another machine does not have it; a server must."""
    assert check('setACLFromFile("/nonexistent/acl")').returncode == 1
    done = run("-c", "-e", "showVersion()", config='setACLFromFile("/nonexistent/acl")')
    assert done.returncode == 0 and "acl" not in done.stdout + done.stderr


def test_acl_file(tmp_path):
    path = tmp_path / "acl"
    path.write_text("# " + "x" * 2000 + "10.0.0.0/8\n127.0.0.0/8 # us\n\n  ::1  \n")
    with Proxy(f'setACLFromFile("{path}")') as p:
        assert p.command("showACL()") == "127.0.0.0/8\n::1/128\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("user", ["nobody", "65534"])
def test_a_user_brings_its_groups(user, tmp_path):
    """-u alone must not leave the process in root's group."""
    import pwd
    path = tmp_path / "p.conf"
    path.write_text('addLocal("127.0.0.1:0")\nprint("loaded")\n')
    process = subprocess.Popen([BINARY, "--supervised", "--disable-syslog", "-u", user, "-C", str(path)],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        def status():
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
                return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        entry = pwd.getpwnam("nobody")
        wait_until(lambda: set(status()["Uid"].split()) == {str(entry.pw_uid)}, 10, "another user")
        assert set(status()["Gid"].split()) == {str(entry.pw_gid)}
        assert "0" not in status()["Groups"].split()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)


VERBOSE = """
newServer{address="$backend", name="one"}
setACL("127.0.0.1")
setVerbose(true)
addAction("here.test", RCodeAction(5))
addAction("gone.test", DropAction())
pc = newPacketCache(100)
addAction("cached.test", PoolAction("cached"))
newServer{address="$backend", name="two", pool="cached"}
getPool("cached"):setCache(pc)
"""


def test_verbose_mode_tells_what_became_of_each_query(backend):
    with Proxy(VERBOSE, backend=backend.address) as p:
        with p.udp() as end, p.udp(source="127.0.0.2") as stranger:
            from harness.client import query
            stranger.send(query("stranger.test"))
            end.send_and_expect_nothing(query("gone.test"), query("here.test"))
            for name in ("plain.test", "cached.test", "cached.test"):
                end.ask(query(name))
        p.ask("stream.test", tcp=True)
        p.command("setVerbose(false)")
        p.ask("quiet.test")

    def told(text, **fields):
        lines = [line for line in p.output.splitlines() if line.startswith(f'msg="{text}')]
        return [line for line in lines if all(f' {key}="{value}' in line for key, value in fields.items())]
    assert told("Query dropped: The client is not in the ACL.", source="127.0.0.2:")
    assert told("Query dropped: A rule of the query", question="gone.test. A", source="127.0.0.1:", proto="Do53 UDP")
    assert told("Query answered here", question="here.test. A")
    assert told("Query relayed to a backend", question="plain.test. A") and told(
        "Answer of a backend", question="plain.test. A", **{"backend.name": "one", "backend.address": backend.address})
    assert len(told("Query relayed to a backend", question="cached.test. A")) == 1
    assert len(told("Query answered from the cache", question="cached.test. A")) == 1
    assert told("Query relayed to a backend", question="stream.test. A", proto="Do53 TCP")
    assert "quiet.test" not in p.output


def test_verbose_mode_in_plain_lines(backend):
    with Proxy('newServer{address="$backend", name="one"}', backend=backend.address,
               arguments=["--verbose", "--structured-logging", "false"]) as p:
        p.ask("plain.test")
    client = r"from 127\.0\.0\.1:\d+ \(Do53 UDP\)"
    assert re.search(rf"^Got query for plain\.test\. A {client}, relayed to one \({backend.address}\)$", p.output, re.M)
    assert re.search(rf"^Got answer for plain\.test\. A {client}, it came from one \({backend.address}\) and took \d+ us$",
                     p.output, re.M)


def test_traces_of_scripts_keep_their_lines(backend):
    with Proxy('newServer("$backend") addAction(AllRule(), LuaAction(function(dq) error("on purpose") end))',
               backend=backend.address) as p:
        p.ask("broken.test")
        wait_until(lambda: "on purpose" in p.output, 10, "the line")
    assert re.search(r'error="[^ ]*dnsproxy\.conf:\d+: on purpose\nstack traceback:\n\t', p.output)


@pytest.mark.parametrize("options,field", [
    ("{setInstanceFromServerID=true}", 'instance="me.test"'), ("{setInstanceFromServerID=false}", None), ('{levelPrefix="x"}', None),
    ('{instance="other"}', 'instance="other"'), ('{setInstanceFromServerID=true, instance="other"}', 'instance="other"')])
@pytest.mark.parametrize("order", ["before", "after"])
def test_instance(options, field, order):
    lines = [f"setStructuredLogging(true, {options})", 'setServerID("me.test")']
    if "other" in options and order == "after" and "FromServerID" in options:
        pytest.skip("who comes last wins")
    done = check("\n".join(lines if order == "after" else reversed(lines)))
    line = next(line for line in done.stdout.splitlines() if 'msg="Configuration OK"' in line)
    assert (field in line) if field else ("instance" not in line)


@pytest.mark.parametrize("word,form,told", [("numeric", r'ts="\d+\.\d{3}"', False), ("ISO8601", r'ts="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"', False),
                                            ("nonsense", r'ts="\d+\.\d{3}"', True)])
def test_time_format(word, form, told):
    done = check(f'setStructuredLogging(true, {{timeFormat="{word}"}})')
    assert re.search(form, done.stdout.splitlines()[-1]) and ("'nonsense' is not known" in done.stdout) == told


# --- readers that do not read

UNREAD = """
setUDPTimeout(60)
newServer{address="$backend", name="one", checkInterval=1, maxCheckFailures=1, checkTimeout=10000}
addAction("log.test", LogAction("", false, true, false, false))
addAction("file.test", LogAction("$folder/fifo", false))
addAction("script.test", LuaAction(function(dq) infolog(string.rep("x", 400)) return DNSAction.None end))
addAction("print.test", LuaAction(function(dq) print(string.rep("x", 400)) io.write("more\\n") io.stderr:write("error\\n") return DNSAction.None end))
addAction("verbose.test", LogAction())
"""


def start_unread(p, stdout, stderr, *options):
    """The program of a stopped Proxy once more, with these descriptors as its outputs."""
    process = subprocess.Popen([BINARY, "--supervised", "--disable-syslog", "-C", p.config_path, *options], stdout=stdout,
                               stderr=stderr, stdin=subprocess.DEVNULL, cwd=p.folder.name)
    p.process, p.kept_console = process, None
    return process


@pytest.mark.parametrize("name", ["log.test", "file.test", "script.test", "print.test", "verbose.test"])
def test_a_full_pipe_costs_lines_and_nothing_else(backend, name):
    """Queries that log are answered, the console works, checks go on, the lost lines are counted and told, SIGTERM works."""
    from harness.client import query
    with Responder() as own, Proxy("", backend=own.address) as p:
        p.stop()
        fifo = os.path.join(p.folder.name, "fifo")
        os.mkfifo(fifo)
        fifo_end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        p.template = UNREAD
        p.write_configuration()
        read, write = os.pipe()
        options = ["--verbose"] if name == "verbose.test" else []
        process = start_unread(p, write, write, *options)
        os.close(write)
        try:
            wait_until(lambda: process.poll() is not None or p.command("1+1") == "2\n" if _listens(p) else False, 20, "a console")
            with p.udp() as client:
                rounds = 0
                while p.counters()["log-lines-lost"] < 100 and rounds < 200:
                    for _ in range(200):
                        client.ask(query(f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{name}"))
                    rounds += 1
            assert p.counters()["log-lines-lost"] >= 100
            assert p.command("showServers()").count(" up ") == 1
            p.command("errlog('one more')")
            if name == "file.test":
                os.close(fifo_end)
                fifo_end = None
            if name == "log.test":  # somebody reads again
                text = b""
                while b"were lost" not in text:
                    text = text[-100:] + os.read(read, 65536)
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(10)
            p.process = None
            if fifo_end is not None:
                os.close(fifo_end)
            os.close(read)
        assert status == 0


def _listens(p):
    import socket
    with socket.socket() as s:
        return s.connect_ex(p.console_address) == 0


def test_syslog_that_hangs(backend, tmp_path):
    """Only where nobody owns /dev/log already."""
    import socket
    if os.geteuid() != 0 or os.path.exists("/dev/log"):
        pytest.skip("no /dev/log of our own")
    from harness.client import query
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind("/dev/log")
        try:
            with Proxy('newServer("$backend") addAction(AllRule(), LogAction("", false, true, false, false))',
                       backend=backend.address) as p:
                p.stop()
                process = subprocess.Popen([BINARY, "--supervised", "--structured-logging", "false", "-C", p.config_path],
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                p.process = process
                try:
                    wait_until(lambda: _listens(p), 20, "a console")
                    while b"dnsproxy[%d]" % process.pid not in (record := daemon.recv(8192)):
                        pass  # of a program that another test runs
                    assert re.match(rb"<30>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d dnsproxy\[%d\]: [^\n]+$" % process.pid, record)
                    with p.udp() as client:
                        for _ in range(500):
                            client.ask(query("a.test"))
                finally:
                    process.send_signal(signal.SIGTERM)
                    status = process.wait(10)
                    p.process = None
                assert status == 0
        finally:
            os.unlink("/dev/log")


def test_closed_descriptors_are_filled(backend):
    """Otherwise the log would go to whatever is opened first."""
    with Proxy('newServer("$backend")', backend=backend.address) as p:
        p.stop()
        shell = 'exec "$@" <&- >&- 2>&-'
        process = subprocess.Popen(["sh", "-c", shell, "sh", BINARY, "--supervised", "--disable-syslog", "-C", p.config_path])
        p.process = process
        try:
            wait_until(lambda: _listens(p), 20, "a console")
            assert [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
            p.command("errlog('x')")
            assert p.ask("a.test").rcode() == 0
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(10)
            p.process = None
        assert status == 0


def test_what_a_crash_was_about_is_written():
    with Proxy("") as p:
        p.command("for i = 1, 200 do warnlog('line ' .. i) end")
        os.kill(p.process.pid, signal.SIGSEGV)
        wait_until(lambda: p.process.poll() is not None, 10, "the end")
        p.reader.join(5)
        wait_until(lambda: 'msg="line 200"' in p.output)
        p.process = None
