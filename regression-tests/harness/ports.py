# SPDX-License-Identifier: BSD-2-Clause
"""Ports that nobody uses, chosen by the kernel."""
import socket


def free_port(host="127.0.0.1"):
    """A port free for UDP and for TCP. Another process can take it before we do: callers start again then."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
            tcp.bind((host, 0))
            try:
                udp.bind((host, tcp.getsockname()[1]))
            except OSError:
                continue
            return tcp.getsockname()[1]


def text(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
