# SPDX-License-Identifier: BSD-2-Clause
"""The program under test: one process, its configuration, a clean end."""
import base64
import json
import os
import re
import select
import signal
import socket
import string
import subprocess
import tempfile
import threading
import time

from . import client, ports
from .console import Console

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BINARY = os.path.abspath(os.environ.get("DNSPROXY_BINARY") or os.path.join(TOP, "dnsproxy", "dnsproxy"))
SANITIZER = re.compile(r"(ERROR|WARNING): \w*Sanitizer|runtime error:|LeakSanitizer|Assertion .* failed")
START_TIMEOUT = 30
STOP_TIMEOUT = 15


def run(*arguments, config=None, stdin="", timeout=30, environment=None, directory=None):
    """Run the program to its end; the configuration, when given, is a file named by -C."""
    with tempfile.TemporaryDirectory() as folder:
        command = [BINARY, *arguments]
        if config is not None:
            path = os.path.join(folder, "dnsproxy.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(config)
            command += ["-C", path]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout,
                              cwd=directory or folder, env={**os.environ, **(environment or {})}, check=False)
        assert not SANITIZER.search(done.stdout + done.stderr), done.stdout + done.stderr
        done.config_path = path if config is not None else None
        return done


class StartFailed(Exception):
    """The process ended, or was not ready in time."""


class Proxy:
    """Start with a configuration in which $name stands for a keyword argument; stop at the end of a `with`.

    The configuration gets a listener, a console and its key in front, unless `listen` or `console` is false.
    """

    def __init__(self, config="", *, listen="127.0.0.1", listen_options="{}", console=True, arguments=(), descriptors=None,
                 environment=None, **values):
        self.limits = [] if descriptors is None else ["prlimit", f"--nofile={descriptors}"]
        self.template, self.values = config, values
        self.listen, self.listen_options, self.with_console = listen, listen_options, console
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.folder = tempfile.TemporaryDirectory(prefix="dnsproxy-test-")
        self.key = base64.b64encode(os.urandom(32)).decode()
        self.process = self.kept_console = None
        self.output_text, self.output_lock = [], threading.Lock()

    # --- life

    def __enter__(self):
        for attempt in range(3):
            try:
                self.start()
                return self
            except StartFailed:
                # Somebody took the port between our choice and its use.
                if "in use" not in self.output or attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def __exit__(self, kind, error, trace):
        if self.kept_console:
            self.kept_console.close()
            self.kept_console = None
        try:
            self.stop(check=kind is None)
        finally:
            if kind is not None:
                print("--- output of the program:\n" + self.output)
            self.folder.cleanup()

    def write_configuration(self):
        # Patience: a scripted backend on a busy machine may need longer than the default two seconds.
        lines = ["setUDPTimeout(20)"]
        if self.listen:
            self.address = (self.listen, ports.free_port(self.listen))
            lines.append(f'addLocal("{ports.text(*self.address)}", {self.listen_options})')
        if self.with_console:
            self.console_address = ("127.0.0.1", ports.free_port())
            lines += [f'setKey("{self.key}")', f'controlSocket("{ports.text(*self.console_address)}")']
        values = {**self.values, "folder": self.folder.name}
        lines.append(string.Template(self.template).safe_substitute(values))
        self.config_path = os.path.join(self.folder.name, "dnsproxy.conf")
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def start(self):
        self.write_configuration()
        self.output_text.clear()
        notices = os.path.join(self.folder.name, "notify")
        if os.path.exists(notices):
            os.unlink(notices)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(notices)
        self.process = subprocess.Popen(
            [*self.limits, BINARY, "--supervised", "--disable-syslog", "-C", self.config_path, *self.arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.folder.name,
            start_new_session=True,
            env={**os.environ, **self.environment, "NOTIFY_SOCKET": notices})
        self.reader = threading.Thread(target=self.read_output, daemon=True)
        self.reader.start()
        self.await_notice(b"READY=1", START_TIMEOUT)

    def await_notice(self, word, timeout):
        """Wait for a word of the service-manager protocol, or the end of the process."""
        process_end = os.pidfd_open(self.process.pid)
        deadline = time.monotonic() + timeout
        try:
            while True:
                left = deadline - time.monotonic()
                ready, _, _ = select.select([self.notify, process_end], [], [], max(left, 0))
                if self.notify in ready and word in self.notify.recv(4096).split(b"\n"):
                    return
                if process_end in ready and self.notify not in ready:
                    self.process.wait()
                    self.reader.join(5)
                    raise StartFailed(f"exit status {self.process.returncode} before {word}:\n{self.output}")
                if not ready:
                    raise StartFailed(f"no {word} in {timeout} s:\n{self.output}")
        finally:
            os.close(process_end)

    def read_output(self):
        for line in self.process.stdout:
            with self.output_lock:
                self.output_text.append(line.decode(errors="replace"))

    @property
    def output(self):
        with self.output_lock:
            return "".join(self.output_text)

    def stop(self, check=True, how=signal.SIGTERM):
        """End the process; unless something failed already it must end well, in time and without a report."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            status = "no end"
        self.reader.join(5)
        self.process.stdout.close()
        self.notify.close()
        self.process = None
        if check:
            assert status == 0, f"exit status {status}:\n{self.output}"
        assert not SANITIZER.search(self.output), self.output

    # --- clients

    def udp(self, **options):
        return client.UdpClient(self.address, **options)

    def tcp(self, **options):
        return client.TcpClient(self.address, **options)

    def ask(self, name, qtype="A", tcp=False, **options):
        """One query on a new socket; returns the answer."""
        with (self.tcp() if tcp else self.udp()) as end:
            return end.ask(client.query(name, qtype, **options))

    # --- console

    def console(self, key=None, **options):
        return Console(self.console_address, key or self.key, **options)

    def command(self, line):
        """Run a command on a console connection that is kept for the life of the process."""
        if self.kept_console is None:
            self.kept_console = self.console()
        return self.kept_console.command(line)

    def counters(self):
        return json.loads(self.command("getStatisticsCounters()"))

    def drops(self):
        """Reason to count, as showDrops() tells."""
        table = self.command("showDrops()").split("\n\n")[0].splitlines()
        return {row.split()[0]: int(row.split()[1]) for row in table[1:]}

    def balance(self):
        """The equation of the last line of showDrops(): queries, answers sent, dropped, under way."""
        line = self.command("showDrops()").splitlines()[-1]
        match = re.fullmatch(r"(\d+) queries = (\d+) answers sent \+ (\d+) dropped \+ (\d+) under way", line)
        assert match, line
        return tuple(int(number) for number in match.groups())
