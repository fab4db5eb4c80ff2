# SPDX-License-Identifier: BSD-2-Clause
"""The sockets of another process, to ask the kernel what was set on them."""
import ctypes
import os
import socket

PIDFD_GETFD = 438  # the same number everywhere
FAST_OPEN, FAST_OPEN_CONNECT, TCP_INFO = 23, 30, 11
BIND_ADDRESS_NO_PORT = 24

libc = ctypes.CDLL(None, use_errno=True)


def sockets_of(pid):
    """Copies of a process's sockets; what is set on them is what that process set. PermissionError: we may not look."""
    process, found = os.pidfd_open(pid), []
    try:
        for fd in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
            try:
                if not os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
                    continue
            except FileNotFoundError:
                continue
            copy = libc.syscall(PIDFD_GETFD, process, fd, 0)
            if copy < 0:
                raise PermissionError(ctypes.get_errno(), "pidfd_getfd")
            found.append(socket.socket(fileno=copy))
    finally:
        os.close(process)
    return [end for end in found if end.family in (socket.AF_INET, socket.AF_INET6)]


def listening(pid, port, kind):
    """The sockets bound to a port that wait for clients, of one kind (SOCK_DGRAM, SOCK_STREAM)."""
    def waits(end):
        if end.type != kind or end.getsockname()[1] != port:
            return False
        return kind == socket.SOCK_DGRAM or end.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    return [end for end in sockets_of(pid) if waits(end)]


def connected(pid, port, kind):
    """The sockets connected to a port, of one kind."""
    def peer(end):
        try:
            return end.getpeername()[1]
        except OSError:
            return None
    return [end for end in sockets_of(pid) if end.type == kind and peer(end) == port]


def backlog(end):
    """Of a listening TCP socket: the queue that listen() asked for."""
    info = end.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 104)
    return int.from_bytes(info[28:32], "little")


def device(end):
    return end.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).split(b"\0")[0].decode()
