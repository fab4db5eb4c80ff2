# SPDX-License-Identifier: BSD-2-Clause
"""The command line: what packages, init scripts and administrators' scripts rely on."""
import os
import re
import signal

import pytest

from harness import ports
from harness.proxy import BINARY, Proxy, StartFailed, run
from harness.responder import Responder, wait_until

CHECK = ("--check-config",)


def check(config, *more, **options):
    return run(*CHECK, *more, config=config, **options)


def test_version():
    for option in ("-V", "--version"):
        done = run(option)
        lines = done.stdout.splitlines()
        assert done.returncode == 0
        assert re.fullmatch(r"dnsproxy \S+ \(.*LuaJIT.*\)", lines[0]), lines[0]
        assert lines[1].startswith("Enabled features: ") and "recvmmsg/sendmmsg" in lines[1]


def test_started_as_dnsdist_it_says_dnsdist(tmp_path):
    link = tmp_path / "dnsdist"
    link.symlink_to(BINARY)
    import subprocess
    done = subprocess.run([link, "--version"], capture_output=True, text=True, timeout=30, check=False)
    assert re.match(r"dnsdist 2\.1\.1 \(dnsproxy \S+\)", done.stdout), done.stdout


def test_help():
    for option in ("-h", "--help"):
        done = run(option)
        assert done.returncode == 0 and "--check-config" in done.stdout


def test_unknown_option():
    done = run("--no-such-option")
    assert done.returncode == 1 and "no-such-option" in done.stderr


# --- --check-config

def test_check_config_good_structured():
    done = check("-- nothing")
    assert done.returncode == 0
    assert done.stdout.startswith('msg="Configuration OK" subsystem="setup" level="0" prio="Info" ts="')


def test_check_config_good_with_instance():
    done = check("setStructuredLogging(true, {instance='foobar'})")
    assert done.stdout.startswith('msg="Configuration OK" subsystem="setup" level="0" prio="Info" '
                                  'instance="foobar" ts="')


def test_check_config_good_unstructured():
    done = check("-- nothing", "--structured-logging", "false")
    assert (done.returncode, done.stdout) == (0, f"Configuration '{done.config_path}' OK!\n")
    done = check("setStructuredLogging(false)", "--structured-logging", "true")
    assert done.stdout.splitlines()[0] == f"Configuration '{done.config_path}' OK!"


def test_check_config_good_json():
    done = check("-- nothing", "--structured-logging", "true", "--structured-logging-backend", "json")
    assert done.returncode == 0
    assert done.stderr.startswith('{"level": "0", "msg": "Configuration OK", "path": ')


@pytest.mark.parametrize("config,cause", [
    ("this is not lua", "syntax error|near|expected"),
    ("nofunction()", "attempt to call global 'nofunction'"),
    ("\n\nerror('on line three')", r'dnsproxy\.conf:3: on line three'),
    ("addACL('bad')", "Unable to convert 'bad' to a netmask"),
    ("addAction(AllRule())", "requires at least"),
    ("addLocal('bad')", "Unable to convert presentation address 'bad'"),
    ("addAction(nope, DropAction())", "from nil"),
    ("setServerPolicy('roundrobin')", "Unable to convert parameter from string"),
], ids=range(8))
def test_check_config_bad(config, cause):
    done = check(config)
    assert done.returncode == 1
    assert re.search(cause, done.stdout + done.stderr), done.stdout + done.stderr


def test_check_config_missing_file():
    assert run(*CHECK, "-C", "/no/such/file").returncode == 1


@pytest.mark.parametrize("status", [0, 3])
def test_check_config_os_exit(status):
    assert check(f"os.exit({status})").returncode == status


@pytest.mark.parametrize("config,word", [
    ("newServer{address='127.0.0.1:1', bogus=1}", "bogus"), ("newServer('bad')", "bad"),
    ("includeDirectory('/no/such/directory')", "/no/such/directory"), ("setKey('not base64!')", ""),
    ("newServer{address='127.0.0.1:1', mustResolve='yes'}", "mustResolve"),
    ("newServer{address='127.0.0.1:1', weight=0}", "")], ids=range(6))
def test_check_config_tolerates(config, word):
    done = check(config)
    assert done.returncode == 0 and "OK" in done.stdout and word in done.stdout + done.stderr


def test_check_config_binds_nothing():
    """An address in use, a privileged port and a dead backend are no matter of the file."""
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert check(f"addLocal('127.0.0.1:{port}') newServer('192.0.2.1')").returncode == 0


def test_include_directory(tmp_path):
    (tmp_path / "b.conf").write_text("order = order .. 'b'\n")
    (tmp_path / "a.conf").write_text("order = (order or '') .. 'a'\n")
    (tmp_path / "ignored.txt").write_text("error('not a .conf')\n")
    assert check(f"includeDirectory('{tmp_path}') assert(order == 'ab', order)").returncode == 0
    (tmp_path / "c.conf").write_text("error('from c')\n")
    done = check(f"includeDirectory('{tmp_path}')")
    assert done.returncode == 1 and "from c" in done.stdout + done.stderr


def test_the_file_with_the_mistake_is_named(tmp_path):
    """An included file too: it can be any of a directory's."""
    (tmp_path / "good.conf").write_text("x = 1\n")
    (tmp_path / "wrong.conf").write_text("\naddACL('bad')\n")
    config = f"includeDirectory('{tmp_path}')"
    done = check(config)
    assert done.returncode == 1 and done.stdout.startswith('msg="Unable to include a file"')
    assert f'path="{tmp_path}/wrong.conf"' in done.stdout and f'path="{done.config_path}"' in done.stdout
    assert "wrong.conf:2:" in done.stdout and "Unable to convert 'bad' to a netmask" in done.stdout
    plain = check(config, "--structured-logging", "false")
    assert f"Unable to include the file '{tmp_path}/wrong.conf': " in plain.stdout
    assert f"(in the file '{plain.config_path}')" in plain.stdout


@pytest.mark.parametrize("text,line", [("no_such_function()", 3), ("addAction(AllRule(", 3), ("addACL('bad')", 3),
                                       ("local function f() error('deep') end f()", 3)])
def test_errors_name_file_and_line(tmp_path, text, line):
    done = check("\n\n" + text)
    assert done.returncode == 1 and f"dnsproxy.conf:{line}:" in done.stdout, done.stdout
    (tmp_path / "part.conf").write_text("\n\n" + text)
    for config in (f"includeDirectory('{tmp_path}')", f"dofile('{tmp_path}/part.conf')"):
        done = check(config)
        assert done.returncode == 1 and f"part.conf:{line}:" in done.stdout, done.stdout


def test_odd_entries_of_a_directory_are_passed_over(tmp_path):
    (tmp_path / "10-first.conf").write_text("order = (order or '') .. 'first '\n")
    (tmp_path / "20-link.conf").symlink_to("/nonexistent/file")
    (tmp_path / "30-folder.conf").mkdir()
    os.mkfifo(tmp_path / "40-pipe.conf")
    (tmp_path / "50-device.conf").symlink_to("/dev/zero")
    (tmp_path / "60-again.conf").write_text(f"includeDirectory('{tmp_path}')\nincludeDirectory('{tmp_path}/../{tmp_path.name}')\n")
    (tmp_path / "90-last.conf").write_text("order = order .. 'last'\n")
    done = check(f"includeDirectory('{tmp_path}') assert(order == 'first last', order) includeDirectory('{tmp_path}')")
    assert done.returncode == 0, done.stdout
    for name in ("20-link", "30-folder", "40-pipe", "50-device"):
        assert f"{name}.conf' is passed over" in done.stdout
    assert "is being included already" in done.stdout


def test_signals_that_change_nothing():
    """SIGHUP and its like: told, and nothing else, from the moment that the configuration is read."""
    with Proxy("os.execute('kill -HUP ' .. io.open('/proc/self/stat'):read('*n'))") as p:
        for name in ("HUP", "USR1", "USR2"):
            p.process.send_signal(getattr(signal, f"SIG{name}"))
            wait_until(lambda: f"SIG{name} changes nothing" in p.output, what=name)
        p.process.send_signal(signal.SIGPIPE)
        assert "showACL" not in p.command("showVersion()")


def test_a_bad_console_key_is_told():
    """The README's setKey("...") as it stands: accepted, but not in silence."""
    done = check('setKey("...")')
    assert done.returncode == 0
    assert 'subsystem="setKey"' in done.stdout and "makeKey()" in done.stdout
    assert 'subsystem="setKey"' not in check(f'setKey("{"A" * 43}=")').stdout


def test_names_not_built_yet_warn_and_go_on():
    done = check("webserver('127.0.0.1:0') addTLSLocal('127.0.0.1:0', 'cert', 'key') "
                 "addDOHLocal('127.0.0.1:0') setWebserverConfig({password='x', apiKey='y'})")
    assert done.returncode == 0


# --- start and stop

def test_address_in_use_is_fatal():
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        p = Proxy(f'addLocal("127.0.0.1:{port}")', listen=None)
        with pytest.raises(StartFailed) as failure:
            p.start()
    assert p.process.returncode == 1
    assert f"binding socket to 127.0.0.1:{port}" in str(failure.value)


def test_second_instance_on_the_same_port_is_told():
    """Workers share the port among themselves; a second process must not join them silently."""
    with Responder() as backend, Proxy('newServer("$backend")', backend=backend.address) as p:
        second = Proxy(f'addLocal("127.0.0.1:{p.address[1]}")', listen=None)
        with pytest.raises(StartFailed):
            second.start()
        assert second.process.returncode == 1
        p.ask("still.here.test")


def test_bad_configuration_does_not_start():
    p = Proxy("nofunction()")
    with pytest.raises(StartFailed):
        p.start()
    assert p.process.returncode == 1


def test_unknown_user():
    done = run("--supervised", "-u", "no-such-user-here", config=f"addLocal('127.0.0.1:{ports.free_port()}')")
    assert done.returncode == 1


def statuses_of_threads(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as file:
                yield dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended meanwhile


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("rule", ["", 'addAction("mac.test", SetMacAddrAction(65001))',
                                  "function link(dq) return getMACAddress(dq.remoteaddr:toString()) end"],
                         ids=["plain", "link addresses", "link addresses of a script"])
@pytest.mark.parametrize("group", [("-g", "nogroup"), ()], ids=["a group", "the user's groups"])
def test_privileges_are_dropped(rule, group):
    """A service manager that waits for a notice must drop them itself: hence this start without it. A thread that watches
    link addresses is there for the first query all the same, and may do nothing either."""
    import subprocess
    from harness.client import UdpClient, addresses, query
    from harness.responder import wait_until
    with Responder() as backend:
        port = ports.free_port()
        config = f"/tmp/dnsproxy-test-{os.getpid()}.conf"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'addLocal("127.0.0.1:{port}") newServer("{backend.address}")\n{rule}\n')
        process = subprocess.Popen([BINARY, "--supervised", "--disable-syslog", "-u", "nobody", *group,
                                    "-C", config], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            def answered():
                try:
                    with UdpClient(("127.0.0.1", port), timeout=1) as end:
                        return addresses(end.ask(query("drop.cli.test")))
                except OSError:
                    return None
            wait_until(answered, 10, "an answer")
            import grp
            import pwd
            names = set()
            for status in statuses_of_threads(process.pid):
                names.add(status["Name"].strip())
                assert set(status["Uid"].split()) == {str(pwd.getpwnam("nobody").pw_uid)}
                assert set(status["Gid"].split()) == {str(grp.getgrnam("nogroup").gr_gid)}
                assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
            assert ("neighbours" in names) == (rule != "")
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            os.unlink(config)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_signals_end_it_well(how):
    with Proxy() as p:
        p.stop(how=how)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("check", ["", "checkFunction=function() io.open($mark, 'w'):close() while true do end end"],
                         ids=["no answer", "script without end"])
def test_signals_end_it_during_the_first_round_of_checks(how, check, tmp_path):
    """A backend that does not answer holds the start up; a manager that stops us then has only seconds."""
    import socket
    import subprocess
    from harness.responder import wait_until
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(10)
        config, mark = tmp_path / "c.conf", tmp_path / "mark"
        check = check.replace("$mark", f"'{mark}'")
        config.write_text(f'addLocal("127.0.0.1:{ports.free_port()}")\n'
                          f'newServer{{address="127.0.0.1:{silent.getsockname()[1]}", checkTimeout=50000, {check}}}\n')
        process = subprocess.Popen([BINARY, "--supervised", "--disable-syslog", "-C", config],
                                   stdout=subprocess.PIPE, text=True)
        try:
            if check:
                wait_until(mark.exists, 10, "the script")
            else:
                silent.recv(512)
            process.send_signal(how)
            assert process.wait(10) == 0
            if not check:
                assert process.stdout.read() == "Exiting on user request\n"
        finally:
            process.kill()
            process.stdout.close()


def test_shutdown_in_the_configuration():
    done = run("--supervised", "--disable-syslog", config="shutdown() error('not reached')")
    assert (done.returncode, done.stdout) == (0, "Exiting on user request\n")


def test_exit_callback_runs(tmp_path):
    path = tmp_path / "bye"
    with Proxy(f'addExitCallback(function() io.open("{path}", "w"):close() end)'):
        pass
    assert path.exists()


def test_stopping_notice():
    with Proxy() as p:
        p.process.send_signal(signal.SIGTERM)
        p.await_notice(b"STOPPING=1", 10)
        p.process.wait(10)


def test_queries_in_flight_are_drained():
    """A query that waits for its backend when SIGTERM arrives is still answered."""
    import threading
    from harness.client import addresses, query
    from harness.responder import answer
    release = threading.Event()

    def slow(asked):
        def later():
            release.wait(10)
            asked.reply_with(answer(asked, "60 A 192.0.2.1").to_wire())
        threading.Thread(target=later, daemon=True).start()
    with Responder(slow) as backend, Proxy('newServer("$backend")', backend=backend.address) as p:
        with p.udp() as end:
            end.send(query("slow.cli.test"))
            backend.wait_for(lambda me: me.asked_for("slow.cli.test"))
            p.process.send_signal(signal.SIGTERM)
            p.await_notice(b"STOPPING=1", 10)
            release.set()
            assert addresses(end.receive()) == ["192.0.2.1"]


def test_acl_option():
    with Proxy(arguments=["-a", "192.0.2.0/24", "--acl", "198.51.100.0/24"]) as p:
        assert p.command("showACL()").splitlines() == ["192.0.2.0/24", "198.51.100.0/24"]


def test_nothing_is_left_behind():
    with Proxy() as p:
        before = set(os.listdir(p.folder.name))
        p.stop()
        assert set(os.listdir(p.folder.name)) == before
