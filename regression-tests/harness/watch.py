# SPDX-License-Identifier: BSD-2-Clause
"""What workers must not do, counted: tests/watch/worker_watch.c in front of the C library of one program.

`Watch()` builds the library and makes the page it counts in; `environment` is for Proxy. Nothing is counted but between
`begin()` and `end()`, which returns what was found: a text per place, with its stack. Not for builds with a sanitizer.
"""
import mmap
import os
import struct
import subprocess
import tempfile

from . import proxy
from .chaos import sanitizer_runtime

KINDS = ("memory taken", "memory given back", "lock", "sleep", "call", "file", "name")
SOURCE = os.path.join(proxy.TOP, "tests", "watch", "worker_watch.c")
PLACES, FRAMES, WHAT = 64, 14, 32
HEAD, PLACE = struct.Struct(f"=I{len(KINDS)}II4xQ"), struct.Struct(f"=QII{WHAT}s{FRAMES}Q")


def possible():
    return not sanitizer_runtime()


class Watch:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="dnsproxy-watch-")

    def __enter__(self):
        library, page = (os.path.join(self.folder.name, name) for name in ("worker_watch.so", "page"))
        subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-g", "-fno-builtin", "-shared", "-fPIC", "-o", library, SOURCE,
                        "-ldl"], check=True)
        with open(page, "w+b") as file:
            file.truncate(65536)
            self.page = mmap.mmap(file.fileno(), 65536)
        self.environment = {"LD_PRELOAD": library, "WATCH_PAGE": page}
        return self

    def __exit__(self, *_):
        self.page.close()
        self.folder.cleanup()

    def begin(self):
        base = self.head()[-1]
        self.page[0:] = HEAD.pack(0, *[0] * len(KINDS), 0, base).ljust(len(self.page), b"\0")
        self.page[0:4] = struct.pack("=I", 1)

    def head(self):
        return HEAD.unpack_from(self.page, 0)

    def allowed(self):
        """How often something was done under an exception's name."""
        return self.head()[len(KINDS) + 1]

    def end(self):
        self.page[0:4] = struct.pack("=I", 0)
        places = [PLACE.unpack_from(self.page, HEAD.size + i * PLACE.size) for i in range(PLACES)]
        return [self.tell(*place[1:4], place[4:]) for place in places if place[1] > 0]

    def tell(self, count, kind, what, frames):
        base = self.head()[-1]
        own = [hex(frame - base - 1) for frame in frames if base <= frame < base + 0x4000000]
        told = subprocess.run(["addr2line", "-f", "-s", "-e", proxy.BINARY, *own], capture_output=True, text=True, check=False)
        names = told.stdout.split("\n")[0::2][:8]
        return f"{KINDS[kind]}, {count} times: {what.split(bytes(1))[0].decode()} < {' < '.join(filter(None, names))}"
