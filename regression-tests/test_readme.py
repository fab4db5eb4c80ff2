# SPDX-License-Identifier: BSD-2-Clause
"""The README's first ten minutes: every command, in order, against the configuration that ./quickstart writes.

Addresses and rcodes in the comment behind a command are parts of what it says, and so are, in order, lines below it that are
indented more. The commands are the README's own but for the ports.
"""
import base64
import os
import re
import shlex
import shutil
import subprocess

import pytest

from harness import ports
from harness.proxy import BINARY, TOP, Proxy

pytestmark = pytest.mark.skipif(shutil.which("dig") is None, reason="no dig")
PROMISED = re.compile(r"\b(?:\d+\.\d+\.\d+\.\d+|NXDOMAIN|REFUSED|SERVFAIL|NOTIMP)\b")


def section(title):
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        return re.search(rf"^## {title}$(.*?)^## ", file.read(), re.M | re.S).group(1)


def commands():
    """(command, parts of its output, in order), and what stands for `console`."""
    found, alias = [], None
    for line in section("The first ten minutes").splitlines():
        indent = len(line) - len(line.lstrip())
        if indent == 4 and line.strip().startswith("alias console="):
            alias = shlex.split(line)[1].partition("=")[2]
        elif indent == 4 and line.split()[0] in ("dig", "console"):
            command, _, comment = line.strip().partition(" # ")
            found.append((command.strip(), PROMISED.findall(comment)))
        elif indent > 4:
            found[-1][1].append(" ".join(line.split()))
        else:
            found += [(c, []) for c in re.findall(r"`(console [^`]+)`", line)]
    return found, alias


class Quickstart(Proxy):
    """The program with what ./quickstart prints, at free ports."""

    def write_configuration(self):
        folder = self.folder.name
        with open(os.path.join(folder, "console.key"), "w", encoding="ascii") as file:
            file.write(self.key + "\n")
        self.address = ("127.0.0.1", ports.free_port())
        self.console_address = ("127.0.0.1", ports.free_port())
        self.config_path = os.path.join(folder, "dnsproxy.conf")
        done = subprocess.run([os.path.join(TOP, "quickstart"), "--configuration"], capture_output=True, text=True, check=True,
                              env={**os.environ, "QUICKSTART_PORT": str(self.address[1]), "QUICKSTART_FOLDER": folder,
                                   "QUICKSTART_CONSOLE_PORT": str(self.console_address[1])})
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(done.stdout)


def test_the_first_ten_minutes():
    found, alias = commands()
    assert alias == "./dnsproxy/dnsproxy -C quickstart.d/dnsproxy.conf -c" and len(found) >= 14, found
    assert sum(len(promised) for _, promised in found) >= 8, "nothing is compared"
    with Quickstart() as p:
        assert len(base64.b64decode(p.key)) == 32
        for command, promised in found:
            words = shlex.split(command)
            if words[0] == "console":
                words = [BINARY, "-C", p.config_path, "-c", *words[1:]]
            else:
                words[words.index("5300")] = str(p.address[1])
            done = subprocess.run(words, input="help()\n", capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 0 and done.stderr == "", f"{command}: {done}"
            # What explain() and the like say is not read as a whole: its parts, one behind the other.
            said, at = " ".join(done.stdout.split()), 0
            for part in promised:
                assert part in said[at:], f"{command} does not say {part!r} (in its turn):\n{done.stdout}"
                at = said.index(part, at) + len(part)
            assert not done.stdout.startswith("Error: "), f"{command}: {done.stdout}"


def test_the_configuration_of_your_own():
    """With addresses that can be had here, and a key."""
    text = "\n".join(re.findall(r"^    (.*)$", section("A configuration of your own"), re.M))
    configuration, _, rest = text.partition("dnsproxy --check-config")
    configuration = configuration.replace('setKey("...")', f'setKey("{base64.b64encode(bytes(32)).decode()}")')
    from harness import proxy
    assert "newServer" in configuration
    done = proxy.run("--check-config", config=configuration)
    assert done.returncode == 0 and done.stdout.startswith('msg="Configuration OK"'), done.stdout
    request = re.search(r"dnsproxy --explain '([^']+)'", rest).group(1)
    done = proxy.run("--explain", request, config=configuration)
    assert done.returncode == 0 and "the query goes to internal" in done.stdout, done.stdout
