# SPDX-License-Identifier: BSD-2-Clause
"""The console: handshake, frames, evaluation of commands, access, limits, and the program's own client."""
import base64
import json
import os
import socket
import struct

import pytest

from harness import ports, proxy
from harness.console import NONCE_SIZE, Closed, Console
from harness.proxy import Proxy
from harness.responder import Responder, wait_until
from test_load import SANITIZED

pytestmark = pytest.mark.concurrent


@pytest.fixture(scope="module")
def p():
    with Responder() as backend:
        config = 'newServer{address="$backend", name="one"}\nfunction twice(x) return 2 * x end'
        with Proxy(config, backend=backend.address) as proxy_with_one_server:
            yield proxy_with_one_server


# --- frames

def test_empty_command_gets_an_empty_encrypted_answer(p):
    with p.console() as c:
        assert c.command("") == ""


def test_length_zero_gets_length_zero_and_no_nonce_step(p):
    with p.console() as c:
        c.raw(struct.pack("!I", 0))
        assert c.answer() is None
        assert c.command("1 + 1") == "2\n"


def test_nonces_step_with_every_message(p):
    with p.console() as c:
        for number in range(300):
            assert c.command(f"{number}") == f"{number}\n"


def test_nonce_counter_wraps(p):
    """The first four bytes of the client's writing nonce come from the server; of its reading nonce from us."""
    with p.console(own_nonce=b"\xff\xff\xff\xff" + os.urandom(NONCE_SIZE - 4)) as c:
        for number in range(3):
            assert c.command(f"{number}") == f"{number}\n"


def test_server_nonces_differ(p):
    nonces = set()
    for _ in range(5):
        with p.console() as c:
            nonces.add(c.writing[:12])
    assert len(nonces) == 5


def test_split_and_joined_frames(p):
    with p.console() as c:
        for byte in c.seal("'in pieces'"):
            c.raw(bytes([byte]))
        assert c.answer() == "in pieces\n"
        c.raw(c.seal("'first'") + c.seal("'second'"))
        assert [c.answer(), c.answer()] == ["first\n", "second\n"]


def test_half_a_handshake_does_no_harm(p):
    with socket.create_connection(p.console_address) as half:
        half.sendall(b"x" * 10)
    with socket.create_connection(p.console_address):
        pass
    with p.console() as c:
        assert c.command("1") == "1\n"


def test_wrong_key_is_hung_up_on(p):
    with p.console(key=base64.b64encode(bytes(32)).decode()) as c:
        c.raw(c.seal(""))
        assert c.at_end()


def test_damaged_frame_ends_the_connection(p):
    with p.console() as c:
        frame = bytearray(c.seal("1"))
        frame[-1] ^= 1
        c.raw(bytes(frame))
        assert c.at_end()


@pytest.mark.parametrize("size", [1, 15, 10_000_001, 0xFFFFFFFF])
def test_impossible_lengths_end_the_connection(p, size):
    with p.console() as c:
        c.raw(struct.pack("!I", size) + b"x" * 16)
        assert c.at_end()


def test_large_command_and_answer(p):
    with p.console() as c:
        text = "x" * 1_000_000
        assert c.command(f"'{text}'") == text + "\n"


def test_several_connections_at_once(p):
    connections = [p.console() for _ in range(10)]
    for number, c in enumerate(connections):
        assert c.command(f"{number}") == f"{number}\n"
    for c in connections:
        c.close()


# --- evaluation

@pytest.mark.parametrize("line,answer", [
    ("1 + 1", "2\n"), ("'text'", "text\n"), ("twice(4)", "8\n"), ("x = 5", ""), ("nil", ""), ("1, 2", "1\n"),
    ("1e20", "1e+20\n"), ("1/3", "0.33333333333333\n"), ("{}", "{}\n"), ("if true then y = 1 end", ""),
    ("{[\"a\"]=1}", '{"a": 1}\n'), ("show('shown')", "shown\n"), ("getServer(0)", "one\n"),
    ("for i = 1, 3 do show(i) end", "1\n2\n3\n")])
def test_answers(p, line, answer):
    assert p.command(line) == answer


def test_integer_keys(p):
    assert json.loads(p.command("{1, 2}")) == {"1": 1, "2": 2}


@pytest.mark.parametrize("line", ["true", "{a='x'}", "newDNSName('a.test')"])
def test_what_cannot_be_printed(p, line):
    assert p.command(line).startswith("Command returned an object we can't print: ")


@pytest.mark.parametrize("line,message", [
    ("error('on purpose')", "on purpose"), ("nofunction()", "attempt to call global 'nofunction' (a nil value)"),
    ("getServer(0):foo()", "attempt to call method 'foo' (a nil value)"), ("newDNSName()", "at least 1 parameter"),
    ("AllRule(1)", "at most 0 parameter"), ("addACL('bad')", "Unable to convert 'bad' to a netmask"),
    ("newDNSName('a..b')", "Found . in wrong position"), ("QTypeRule('BOGUS')", "Unable to convert 'BOGUS'"),
    ("RegexRule('[')", "RegexRule"), ("getRule(99)", "99"), ("newPacketCache(0)", "")])
def test_run_time_errors(p, line, message):
    answer = p.command(line)
    assert answer.startswith("Error: ") and message in answer and not answer.endswith("\n")


def test_syntax_error(p):
    answer = p.command("this is not lua")
    assert answer.startswith('Error: [string "this is not lua"]:1: ')


def test_an_error_leaves_the_connection_and_earlier_effects(p):
    with p.console() as c:
        assert c.command("kept = 7 error('x')").startswith("Error: ")
        assert c.command("kept") == "7\n"


def test_globals_are_shared_with_the_configuration_and_between_connections(p):
    with p.console() as one, p.console() as two:
        one.command("shared = 'here'")
        assert two.command("shared") == "here\n"


def test_config_only_functions_refuse_at_run_time(p):
    assert p.command("addLocal('127.0.0.1:1')") == "addLocal cannot be used at runtime!\n"


def test_delta_remembers_what_changed_something(p):
    p.command("clearConsoleHistory()")
    p.command("setServFailWhenNoServer(true)")
    p.command("showServers()")
    answer = p.command("delta()")
    assert "setServFailWhenNoServer(true)" in answer and "showServers" not in answer
    assert answer.startswith("-- ")


def test_make_key(p):
    answer = p.command("makeKey()")
    assert answer.startswith('setKey("') and len(base64.b64decode(answer.split('"')[1])) == 32


def test_help(p):
    assert "addAction(" in p.command("help()")
    assert p.command("help('newServer')").startswith("newServer(")
    assert p.command("help('nothing-of-this-name')") == "Nothing found for nothing-of-this-name\n"


def test_missing_debug_library_does_not_hurt_errors():
    with Proxy("debug = nil") as p:
        assert "on purpose" in p.command("error('on purpose')")


# --- access and limits

def test_without_a_key_connections_are_closed():
    port = ports.free_port()
    with Proxy(f'controlSocket("127.0.0.1:{port}")', console=False):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as end:
            assert end.recv(1) == b""


def test_console_acl():
    with Proxy('setConsoleACL({"192.0.2.0/24"})') as p:
        with pytest.raises(Closed):
            p.console()


def test_console_acl_at_run_time(p):
    p.command("addConsoleACL('192.0.2.0/24')")
    assert "192.0.2.0/24" in p.command("showConsoleACL()")


def test_concurrent_connections_limit_and_a_freed_slot():
    with Proxy("setConsoleMaximumConcurrentConnections(1)") as p:
        with p.console() as c:
            assert c.command("1") == "1\n"
            with pytest.raises(Closed):
                p.console()

        def free_again():
            try:
                with p.console() as c:
                    return c.command("2") == "2\n"
            except Closed:
                return False
        wait_until(free_again, 5, "a freed slot")


def test_message_size_limit():
    with Proxy("setConsoleOutputMaxMsgSize(1000)") as p:
        with p.console() as c:
            c.raw(struct.pack("!I", 1001))
            assert c.at_end()


def test_bad_key_at_run_time_closes_new_connections_only():
    with Proxy() as p:
        with p.console() as c:
            assert c.command("setKey('x')") == ""
            assert c.command("1") == "1\n"
            with pytest.raises(Closed):
                p.console()
            c.command(f"setKey('{p.key}')")
            with p.console() as again:
                assert again.command("1") == "1\n"


def test_shutdown_from_the_console():
    with Proxy() as p:
        with p.console() as c:
            c.raw(c.seal("shutdown()"))
            try:
                assert c.answer() == "", "an answer that is still sent is empty"
            except Closed:
                pass
        assert p.process.wait(10) == 0


# --- peers that do not have the key

def memory_mb(p):
    with open(f"/proc/{p.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def is_closed(peer):
    try:
        while peer.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def strangers(p, count, announced, sent):
    """Connections that announce a message and send a part of it, of random bytes."""
    peers = []
    for _ in range(count):
        peer = socket.create_connection(p.console_address)
        peer.settimeout(.2)
        try:
            peer.sendall(os.urandom(24) + struct.pack("!I", announced) + bytes(sent))
        except OSError:
            pass
        peer.setblocking(False)
        peers.append(peer)
    return peers


@pytest.mark.parametrize("announced,sent", [(9_999_999, 9_800_000), (600_000, 590_000), (65_536, 65_000), (0, 0)])
def test_strangers_cost_next_to_nothing(announced, sent):
    with Proxy() as p:
        assert p.command("1") == "1\n"
        before = memory_mb(p)
        peers = strangers(p, 30, announced, sent)
        with p.console() as owner:
            assert owner.command("'served'") == "served\n"
        assert SANITIZED or memory_mb(p) - before < 8
        for peer in peers:
            peer.close()


def test_many_strangers_keep_nobody_out():
    with Proxy("setConsoleConnectionsLogging(false)") as p:
        assert p.command("1") == "1\n"
        peers = []
        for _ in range(6):
            peers += strangers(p, 30, 60_000, 100)
            with p.console() as owner:
                assert owner.command("'served'") == "served\n"
        wait_until(lambda: sum(is_closed(peer) for peer in peers[:100]) == 100, 5, "the end of the oldest")
        assert p.command("2") == "2\n", "who has shown the key stays"
        for peer in peers:
            peer.close()


def test_strangers_do_not_hold_places_for_long():
    """Drops of bytes do not make the time longer; who has shown the key may be silent."""
    with Proxy("setConsoleMaximumConcurrentConnections(3)") as p:
        assert p.command("1") == "1\n"
        peers = strangers(p, 2, 60_000, 100)

        def served():
            for peer in peers:
                try:
                    peer.send(b"x")
                except OSError:
                    pass
            try:
                with p.console() as owner:
                    return owner.command("2") == "2\n"
            except (Closed, OSError):
                return False
        wait_until(served, 8, "a place")
        wait_until(lambda: all(is_closed(peer) for peer in peers), 15, "the end of strangers")
        assert p.command("3") == "3\n"
        for peer in peers:
            peer.close()


# --- the program's own client

def client_run(p, *arguments, **options):
    return proxy.run("-c", "-C", p.config_path, *arguments, **options)


def test_client_execute(p):
    done = client_run(p, "-e", "1 + 1")
    assert (done.returncode, done.stdout) == (0, "2\n")


def test_client_execute_without_answer(p):
    done = client_run(p, "-e", "z = 1")
    assert (done.returncode, done.stdout) == (0, "")


def test_client_execute_that_failed_says_so_with_its_status(p):
    done = client_run(p, "-e", "error('on purpose')")
    assert done.returncode != 0 and "Error: " in done.stdout and "on purpose" in done.stdout


@pytest.mark.parametrize("line", [
    "setVerbose(true)", 'infolog("loaded")', 'print("loaded")', 'io.write("loaded\\n")', 'io.stdout:write("loaded\\n")',
    'setACL({"127.0.0.1"}) warnlog("x")', 'newServer{address="127.0.0.1:9", nosuchoption=1, healthCheckMode="up"}',
    'setStructuredLogging(false) errlog("x")', 'showServers()', 'setStructuredLogging(true, {backend="paper"})'])
@pytest.mark.parametrize("arguments", [["-c", "-e", "1 + 1"], ["-e", "1 + 1"], ["-v", "-c", "-e", "1 + 1"]])
def test_client_prints_the_result_alone(p, line, arguments, tmp_path):
    with open(p.config_path, encoding="utf-8") as file:
        config = file.read() + line + "\n"
    done = proxy.run(*arguments, config=config)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr


@pytest.mark.parametrize("arguments", [["--explain", "a.test"], ["--describe=completion"], ["--version"]])
def test_programs_that_print_print_nothing_else(arguments):
    quiet, loud = (proxy.run(*arguments, config=config)
                   for config in ('setACL("0.0.0.0/0")\n', 'setACL("0.0.0.0/0") print("noise") warnlog("noise") io.write("noise\\n") setVerbose(true)\n'))
    assert quiet.stdout == loud.stdout and quiet.stdout != ""


def test_client_reads_lines_of_standard_input(p):
    done = client_run(p, stdin="1 + 1\n\n'two'\nquit\n")
    assert (done.returncode, done.stdout) == (0, "2\ntwo\n")
    done = client_run(p, stdin="3\n")
    assert (done.returncode, done.stdout) == (0, "3\n")


def test_client_address_and_key_of_the_command_line(p):
    done = proxy.run("-c", f"127.0.0.1:{p.console_address[1]}", "-k", p.key, "-C", "/dev/null", "-e", "'there'")
    assert (done.returncode, done.stdout) == (0, "there\n")


def test_client_without_a_key():
    done = proxy.run("-c", "-C", "/dev/null", "-e", "1")
    assert done.stdout == "" and done.stderr.count("\n") == 1


def test_client_with_the_wrong_key(p):
    key = base64.b64encode(bytes(32)).decode()
    done = proxy.run("-c", f"127.0.0.1:{p.console_address[1]}", "-k", key, "-C", "/dev/null", "-e", "1")
    assert done.stdout == "" and "key" in done.stderr.lower()


def test_client_without_a_server():
    key = base64.b64encode(bytes(32)).decode()
    done = proxy.run("-c", f"127.0.0.1:{ports.free_port()}", "-k", key, "-C", "/dev/null", "-e", "1")
    assert done.returncode == 1 and "Fatal error" in done.stdout
