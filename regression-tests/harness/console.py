# SPDX-License-Identifier: BSD-2-Clause
"""A console client, written from the description of the protocol and not from the program."""
import base64
import os
import socket
import struct

import nacl.bindings

NONCE_SIZE = 24
HALF = NONCE_SIZE // 2
TAG_SIZE = 16


class Closed(Exception):
    """The server ended the connection."""


def next_nonce(nonce):
    """The first four bytes are a big-endian counter that wraps; the others never change."""
    counter = (struct.unpack("!I", nonce[:4])[0] + 1) & 0xFFFFFFFF
    return struct.pack("!I", counter) + nonce[4:]


class Console:
    """One connection. command() returns the text of the answer; raw() and answer() are for tests of the frames."""

    def __init__(self, address, key, timeout=30, own_nonce=None):
        self.key = base64.b64decode(key)
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own = own_nonce or os.urandom(NONCE_SIZE)
        self.socket.sendall(own)
        peer = self.read(NONCE_SIZE)
        self.reading = own[:HALF] + peer[HALF:]
        self.writing = peer[:HALF] + own[HALF:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def read(self, size):
        data = b""
        while len(data) < size:
            try:
                more = self.socket.recv(size - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed(f"connection closed after {len(data)} of {size} bytes")
            data += more
        return data

    def seal(self, text):
        """The frame of a command; steps the writing nonce."""
        box = nacl.bindings.crypto_secretbox(text.encode(), self.writing, self.key)
        self.writing = next_nonce(self.writing)
        return struct.pack("!I", len(box)) + box

    def raw(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The next frame's text; a frame of length 0 gives None."""
        size = struct.unpack("!I", self.read(4))[0]
        if size == 0:
            return None
        assert size >= TAG_SIZE, f"a frame of {size} bytes cannot hold an authenticator"
        text = nacl.bindings.crypto_secretbox_open(self.read(size), self.reading, self.key)
        self.reading = next_nonce(self.reading)
        return text.decode(errors="surrogateescape")

    def command(self, line):
        self.raw(self.seal(line))
        return self.answer()

    def at_end(self):
        """Wait for the server to close; true when it did without another byte."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
