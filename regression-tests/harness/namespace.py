# SPDX-License-Identifier: BSD-2-Clause
"""A network of one's own for each process of a parallel run: ports cannot collide, nobody else's traffic is seen."""
import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def enter():
    """The calling thread, and all that it starts, live in a new network namespace whose loopback is up. Without the right
    to do so nothing changes: ports then come from the kernel as they do in a run of one process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(end, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(end, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
    return True
