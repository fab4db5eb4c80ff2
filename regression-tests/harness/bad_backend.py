# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server in a process of its own that misbehaves on request: the first word of a name says how.

Run as `python3 -m harness.bad_backend PORT`. It writes one line when it serves. It can be killed, stopped and started
again like any server.
"""
import heapq
import os
import random
import selectors
import socket
import struct
import subprocess
import sys
import time
import zlib

from . import ports

HEADER = struct.Struct("!6H")


def address_of(name):
    """The address that belongs to a name in wire form: an answer in the wrong hands shows itself."""
    return struct.pack("!I", zlib.crc32(name.lower()))


def question_end(wire):
    """Where the question of a well-formed query ends."""
    at = 12
    while wire[at]:
        at += wire[at] + 1
    return at + 5


def good_answer(wire, end, count=1):
    """An answer with the address of the name, `count` times."""
    flags = 0x8180
    is_address = wire[end - 4:end - 2] == b"\x00\x01"
    record = b"\xc0\x0c\x00\x01\x00\x01" + struct.pack("!IH", 60, 4) + address_of(wire[12:end - 4])
    count = count if is_address else 0
    return wire[:2] + HEADER.pack(0, flags, 1, count, 0, 0)[2:] + wire[12:end] + record * count


def with_id(data, identity):
    return struct.pack("!H", identity) + data[2:]


class BadBackend:
    """What this word says, as a list of (delay in seconds, bytes)."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def replies(self, wire):
        try:
            end = question_end(wire)
        except IndexError:
            return []
        word = wire[13:13 + wire[12]].split(b"-")[0].decode(errors="replace")
        make = getattr(self, "say_" + word, None)
        if make is None:
            return [(0, good_answer(wire, end))]
        return make(wire, end)

    def say_wrongid(self, wire, end):
        data = good_answer(wire, end)
        return [(0, with_id(data, self.chance.randrange(65536))) for _ in range(3)] + [(0.05, data)]

    def say_wrongname(self, wire, end):
        other = b"\x05other\x04load\x04test\x00"
        data = wire[:2] + b"\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" + other + wire[end - 4:end]
        return [(0, data), (0.05, good_answer(wire, end))]

    def say_garbage(self, wire, _end):
        data = self.chance.randbytes(self.chance.randrange(600))
        return [(0, wire[:2] + b"\x81\x80" + data if self.chance.random() < .5 else data)]

    def say_tail(self, wire, end):
        """Right up to the question, then noise that counters call records."""
        counts = [self.chance.randrange(5) for _ in range(3)]
        head = wire[:2] + b"\x81\x80" + struct.pack("!4H", 1, *counts)
        return [(0, head + wire[12:end] + self.chance.randbytes(self.chance.randrange(80)))]

    def say_cut(self, wire, end):
        data = good_answer(wire, end)
        return [(0, data[:self.chance.randrange(len(data))])]

    def say_twice(self, wire, end):
        return [(0, good_answer(wire, end))] * 3

    def say_slow(self, wire, end):
        return [(0.2, good_answer(wire, end))]

    def say_late(self, wire, end):
        return [(1.6, good_answer(wire, end))]

    def say_silent(self, _wire, _end):
        return []

    def say_truncated(self, wire, end):
        return [(0, wire[:2] + b"\x83\x80\x00\x01\x00\x00\x00\x00\x00\x00" + wire[12:end])]

    def say_noquestion(self, wire, _end):
        return [(0, wire[:2] + b"\x81\x85" + bytes(8))]

    def say_big(self, wire, end):
        return [(0, good_answer(wire, end, 220))]

    def say_servfail(self, wire, end):
        return [(0, wire[:2] + b"\x81\x82\x00\x01\x00\x00\x00\x00\x00\x00" + wire[12:end])]

    def say_echo(self, wire, _end):
        return [(0, wire)]


class Stream:
    def __init__(self, end):
        self.end, self.data, self.out = end, b"", b""


class Server:
    def __init__(self, port, host="127.0.0.1"):
        self.backend = BadBackend(port)
        self.later, self.order = [], 0
        self.selector = selectors.DefaultSelector()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for end in (self.udp, self.tcp):
            end.bind((host, port))
            end.setblocking(False)
        self.tcp.listen(128)
        self.selector.register(self.udp, selectors.EVENT_READ, self.on_udp)
        self.selector.register(self.tcp, selectors.EVENT_READ, self.on_accept)

    def run(self):
        while True:
            wait = max(self.later[0][0] - time.monotonic(), 0) if self.later else None
            for key, what in self.selector.select(wait):
                key.data(what)
            now = time.monotonic()
            while self.later and self.later[0][0] <= now:
                _, _, send, data = heapq.heappop(self.later)
                send(data)

    def answer(self, wire, send):
        for delay, data in self.backend.replies(wire):
            if delay:
                self.order += 1
                heapq.heappush(self.later, (time.monotonic() + delay, self.order, send, data))
            else:
                send(data)

    def on_udp(self, _what):
        for _ in range(64):
            try:
                wire, source = self.udp.recvfrom(4096)
            except OSError:
                return
            self.answer(wire, lambda data, to=source: self.send_udp(data, to))

    def send_udp(self, data, to):
        try:
            self.udp.sendto(data, to)
        except OSError:
            pass

    def on_accept(self, _what):
        try:
            end, _ = self.tcp.accept()
        except OSError:
            return
        end.setblocking(False)
        stream = Stream(end)
        self.selector.register(end, selectors.EVENT_READ, lambda what: self.on_stream(stream, what))

    def close(self, stream):
        if stream.end.fileno() >= 0:
            self.selector.unregister(stream.end)
            stream.end.close()

    def on_stream(self, stream, what):
        if what & selectors.EVENT_WRITE:
            self.send_stream(stream, b"")
        if not what & selectors.EVENT_READ or stream.end.fileno() < 0:
            return
        try:
            more = stream.end.recv(65536)
        except OSError:
            more = b""
        if not more:
            self.close(stream)
            return
        stream.data += more
        while len(stream.data) >= 2 and stream.end.fileno() >= 0:
            size = struct.unpack("!H", stream.data[:2])[0]
            if len(stream.data) < size + 2:
                return
            wire, stream.data = stream.data[2:size + 2], stream.data[size + 2:]
            self.take(stream, wire)

    def take(self, stream, wire):
        """Beside the words of datagrams: closes the connection, cuts an answer and closes, or says half and hangs."""
        word = wire[13:13 + wire[12]].split(b"-")[0] if len(wire) > 13 else b""
        if word == b"close":
            self.close(stream)
        elif word in (b"half", b"cutoff"):
            data = good_answer(wire, question_end(wire))
            self.send_stream(stream, struct.pack("!H", len(data)) + data[:len(data) // 2])
            if word == b"cutoff":
                self.close(stream)
        else:
            self.answer(wire, lambda data: self.send_stream(stream, struct.pack("!H", len(data)) + data))

    def send_stream(self, stream, data):
        if stream.end.fileno() < 0:
            return
        stream.out += data
        try:
            stream.out = stream.out[stream.end.send(stream.out):]
        except BlockingIOError:
            pass
        except OSError:
            self.close(stream)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if stream.out else 0)
        key = self.selector.get_key(stream.end)
        if key.events != events:
            self.selector.modify(stream.end, events, key.data)


class BadBackendProcess:
    """The server as a process to be hurt: start, kill, pause, go_on."""

    def __init__(self):
        self.port = ports.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-m", "harness.bad_backend", str(self.port)],
                                        stdout=subprocess.PIPE,
                                        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        assert self.process.stdout.readline() == b"serving\n"

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def send_signal(self, number):
        self.process.send_signal(number)


if __name__ == "__main__":
    server = Server(int(sys.argv[1]))
    print("serving", flush=True)
    server.run()
