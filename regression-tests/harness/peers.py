# SPDX-License-Identifier: BSD-2-Clause
"""Real DNS servers as backends: a knotd with one small zone."""
import os
import shutil
import socket
import subprocess
import tempfile

from . import ports

ZONE = """$ORIGIN zone.test.
$TTL 300
@      SOA   ns.zone.test. hostmaster.zone.test. 7 3600 600 86400 60
@      NS    ns
ns     A     192.0.2.53
www    A     192.0.2.80
www    AAAA  2001:db8::80
alias  CNAME www
*.wild A     192.0.2.81
"""


class Knot:
    """knotd on a port of 127.0.0.1; ready when it says so."""

    def __init__(self, zone="zone.test", content=ZONE, big_txt=40):
        self.zone = zone
        self.content = content + "".join(
            f'big    TXT   "record {number:03} {"x" * 60}"\n' for number in range(big_txt))

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="knot-test-")
        self.port = ports.free_port()
        self.address = f"127.0.0.1:{self.port}"
        here = self.folder.name
        with open(os.path.join(here, "zone"), "w", encoding="utf-8") as file:
            file.write(self.content)
        with open(os.path.join(here, "knot.conf"), "w", encoding="utf-8") as file:
            file.write(f"server:\n  listen: 127.0.0.1@{self.port}\n  rundir: {here}\n"
                       f"database:\n  storage: {here}\n"
                       "acl:\n  - id: all\n    address: 127.0.0.1\n    action: transfer\n"
                       f"zone:\n  - domain: {self.zone}\n    storage: {here}\n    file: zone\n    acl: all\n")
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.bind(os.path.join(here, "notify"))
        notices.settimeout(30)
        self.process = subprocess.Popen(["knotd", "-c", os.path.join(here, "knot.conf")], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL,
                                        env={**os.environ, "NOTIFY_SOCKET": os.path.join(here, "notify")})
        with notices:
            while b"READY=1" not in notices.recv(4096):
                pass
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()


def have_knot():
    return shutil.which("knotd") is not None or os.path.exists("/usr/sbin/knotd")
