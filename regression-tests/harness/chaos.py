# SPDX-License-Identifier: BSD-2-Clause
"""Calls of the kernel that go wrong: tests/chaos/kernel_chaos.c in front of the C library of one program.

`Chaos(seed)` builds the library and makes the page that controls it; `environment` is for Proxy. Nothing happens until
`permille` is set, and nothing after it is 0 again. `injected()` tells how often each call was troubled.
"""
import mmap
import os
import re
import struct
import subprocess
import tempfile

from . import proxy

CALLS = ("read", "readv", "recv", "recvmsg", "recvmmsg", "write", "writev", "send", "sendmsg", "sendmmsg", "accept4", "connect",
         "socket", "bind", "setsockopt", "getsockopt", "shutdown", "epoll_wait", "epoll_ctl", "poll", "eventfd", "timerfd_create", "timerfd_settime", "getsockname",
         "mmap", "madvise")
SOURCE = os.path.join(proxy.TOP, "tests", "chaos", "kernel_chaos.c")


def sanitizer_runtime():
    """The library of the program's sanitizer, which has to come before any other."""
    needed = subprocess.run(["ldd", proxy.BINARY], capture_output=True, text=True, check=True).stdout
    return re.findall(r"=> (\S*/lib[at]san\.so\S*)", needed)


class Chaos:
    def __init__(self, seed):
        self.seed = seed
        self.folder = tempfile.TemporaryDirectory(prefix="dnsproxy-chaos-")

    def __enter__(self):
        library, page = (os.path.join(self.folder.name, name) for name in ("kernel_chaos.so", "control"))
        subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-g", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        with open(page, "w+b") as file:
            file.truncate(4096)
            self.page = mmap.mmap(file.fileno(), 4096)
        self.environment = {"LD_PRELOAD": " ".join([*sanitizer_runtime(), library]), "CHAOS_CONTROL": page,
                            "CHAOS_SEED": str(self.seed)}
        print(f"seed of the chaos: {self.seed}")
        return self

    def __exit__(self, *_):
        self.page.close()
        self.folder.cleanup()

    def set(self, permille):
        self.page[0:4] = struct.pack("=I", permille)

    def injected(self):
        return dict(zip(CALLS, struct.unpack_from(f"={len(CALLS)}I", self.page, 4)))

    def seen(self):
        return dict(zip(CALLS, struct.unpack_from(f"={len(CALLS)}I", self.page, 4 + 4 * len(CALLS))))
