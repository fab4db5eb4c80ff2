# SPDX-License-Identifier: BSD-2-Clause
"""Mistakes in console commands: the shape of what comes back, row by row (reference: errors.md)."""
import pytest

from harness import proxy
from harness.console import Closed
from harness.proxy import Proxy
from harness.responder import wait_until


@pytest.fixture(scope="module")
def p(backend):
    with Proxy('newServer{address="$backend", name="one"}', backend=backend.address) as running:
        yield running


@pytest.mark.parametrize("line,kind", [
    ("true", "boolean"), ("AllRule()", "userdata"), ("print", "function"), ("{a='x'}", "table")])
def test_what_cannot_be_printed_names_its_type(p, line, kind):
    answer = p.command(line)
    assert answer.startswith(f"Command returned an object we can't print: Trying to cast a lua variable from \"{kind}\"")
    assert answer.endswith("\n")


@pytest.mark.parametrize("line,kind", [("error({})", "table"), ("error()", "nil"), ("error(nil)", "nil")])
def test_errors_that_are_no_text(p, line, kind):
    answer = p.command(line)
    assert answer.startswith("Error: ") and f'from "{kind}"' in answer and not answer.endswith("\n")


@pytest.mark.parametrize("bits,word", [("300", "300"), ("-1", "-1"), ("x", "stoull")])
def test_prefix_lengths_that_are_no_numbers(p, bits, word):
    answer = p.command(f"addACL('10.0.0.0/{bits}')")
    assert answer.startswith("Error: Caught exception: ") and word in answer.splitlines()[0]


@pytest.mark.parametrize("call", [
    "addLocal('127.0.0.1:1')", "addTLSLocal('127.0.0.1:1', 'a', 'b')", "addDOHLocal('127.0.0.1:1')",
    "setMaxTCPClientThreads(4)", "setRingBuffersSize(10)", "setMaxUDPOutstanding(7)", "setUDPTimeout(3)",
    "setSyslogFacility('LOCAL1')", "includeDirectory('/nowhere')", "setMaxTCPConnectionsPerClient(3)"])
def test_config_only_functions(p, call):
    name = call[:call.index("(")]
    assert p.command(call) == f"{name} cannot be used at runtime!\n"


def test_client_refused_by_the_console_acl():
    with Proxy('setConsoleACL({"192.0.2.0/24"})') as p:
        with pytest.raises(Closed):
            p.console()
        done = proxy.run("-c", "-C", p.config_path, "-e", "1")
        assert done.returncode == 1 and 'msg="Fatal error"' in done.stdout and "Success" not in done.stdout


@pytest.mark.parametrize("option,value,most", [
    ("qps", "-1", 4294967295), ("maxCheckFailures", "-1", 4294967295), ("checkClass", "70000", 65535),
    ("dscp", "64", 63), ("order", "2^31", 2147483647), ("sockets", "2^40", 4294967295)])
def test_backend_numbers_out_of_range(p, option, value, most):
    before = p.command("#getServers()")
    answer = p.command(f'newServer{{address="127.0.0.1:9", {option}={value}}}')
    assert answer.startswith("Error: Caught exception: The value (")
    assert f"passed to {option} is too large, the maximum is {most}" in answer
    assert p.command("#getServers()") == before


def test_backend_source_that_does_not_exist_is_dismissed(p):
    assert p.command('newServer{address="127.0.0.1:9", name="dismissed", source="nosuchif9"}') == "dismissed\n"
    wait_until(lambda: "Dismissing source nosuchif9" in p.output, 5, "the warning")
    assert p.command("rmServer(getServer(#getServers() - 1))") == ""


def test_log_files_are_left_alone_by_checks_and_clients(tmp_path):
    kept = tmp_path / "query.log"
    kept.write_text("kept\n", encoding="utf-8")
    config = f'addAction(AllRule(), LogAction("{kept}", false, false))\n'
    assert proxy.run("--check-config", config=config).returncode == 0
    assert "valid" in proxy.run("-e", "1", config=config).stderr
    assert kept.read_text(encoding="utf-8") == "kept\n"
    missing = 'addAction(AllRule(), LogAction("/nonexistent/query.log"))\n'
    assert proxy.run("--check-config", config=missing).returncode == 1
    assert proxy.run("-e", "1", config=missing).returncode == 0, "a client needs none of the daemon's files"
