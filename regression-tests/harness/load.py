# SPDX-License-Identifier: BSD-2-Clause
"""Load by clients that check what they get, and by clients that behave badly, in processes of their own.

Run as `python3 -m harness.load JSON`; the result is one line of JSON. `Load` starts them and reads the results.
"""
import collections
import json
import os
import random
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time

from .bad_backend import address_of

ZONE = b"\x04load\x04test\x00"
# How long an unanswered query takes up room in the window. Its answer is still its own when it comes later.
FORGET_S = 0.2
# Words whose answers are noise by intent: only id and question are looked at.
NOISE = {b"tail", b"garbage", b"cut"}


def wire_query(word, number, identity, qtype=1):
    label = b"%s-%d" % (word, number)
    return struct.pack("!6H", identity, 0x0100, 1, 0, 0, 0) + bytes([len(label)]) + label + ZONE + \
        struct.pack("!HH", qtype, 1)


def complaint(asked, wire):
    """What is wrong with an answer to this query, or None."""
    if len(wire) < 12 or not wire[2] & 0x80:
        return "not an answer"
    question = asked[12:]
    if wire[:2] != asked[:2]:
        return "wrong id"
    if wire[4:6] != b"\x00\x00" and wire[12:12 + len(question)] != question:
        return "wrong question"
    word = asked[13:13 + asked[12]].split(b"-")[0]
    at = 12 + len(question)
    if word in NOISE or wire[4:8] != b"\x00\x01\x00\x01" or wire[at + 2:at + 4] != b"\x00\x01":
        return None
    address = wire[at + 12:at + 16]
    if address != address_of(question[:-4]) and address[:3] != b"\xc0\x00\x02":
        return "an address that belongs to another name"
    return None


class Words:
    """Names to ask: words by weight, numbers from a range."""

    def __init__(self, words, names, seed):
        self.chance = random.Random(seed)
        self.words = [word.encode() for word, weight in words.items() for _ in range(weight)]
        self.names = names

    def query(self, identity):
        return wire_query(self.chance.choice(self.words), self.chance.randrange(self.names), identity)


class UdpLoad:
    """Sockets with a window of unanswered queries each; every answer must belong to a query that is not answered yet."""

    def __init__(self, options, result):
        self.result = result
        self.words = Words(options["words"], options["names"], options["seed"])
        self.window, self.pause = options["window"], options["pause"]
        self.selector = selectors.DefaultSelector()
        self.clients = []
        for number in range(options["sockets"]):
            host, port = options["addresses"][number % len(options["addresses"])]
            end = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            end.connect((host, port))
            end.setblocking(False)
            client = {"end": end, "asked": {}, "late": set(), "order": collections.deque(), "open": 0, "id": number}
            self.clients.append(client)
            self.selector.register(end, selectors.EVENT_READ, client)

    def send(self, client, now):
        while client["order"] and client["order"][0][0] < now - FORGET_S:
            _, identity = client["order"].popleft()
            if identity in client["asked"]:
                client["late"].add(identity)
                client["open"] -= 1
        while client["open"] < self.window:
            client["id"] = (client["id"] + 1) % 65536
            wire = self.words.query(client["id"])
            try:
                client["end"].send(wire)
            except OSError:
                return
            client["asked"][client["id"]] = wire
            client["late"].discard(client["id"])
            client["order"].append((now, client["id"]))
            client["open"] += 1
            self.result["sent"] += 1

    def receive(self, client):
        for _ in range(2 * self.window):
            try:
                wire = client["end"].recv(65535)
            except OSError:
                return
            identity = struct.unpack("!H", wire[:2])[0] if len(wire) > 1 else None
            asked = client["asked"].pop(identity, None)
            if asked is None:
                complain(self.result, "an answer to no query", b"", wire)
                continue
            client["open"] -= identity not in client["late"]
            self.result["received"] += 1
            wrong = complaint(asked, wire)
            if wrong:
                complain(self.result, wrong, asked, wire)

    def run(self, until):
        while time.monotonic() < until:
            now = time.monotonic()
            for client in self.clients:
                self.send(client, now)
            if self.pause:
                time.sleep(self.pause)
            for key, _ in self.selector.select(0.01):
                self.receive(key.data)
        quiet_at = time.monotonic() + 0.5
        while time.monotonic() < quiet_at:
            for key, _ in self.selector.select(0.1):
                self.receive(key.data)


def complain(result, text, asked, wire):
    with result["lock"]:
        if len(result["wrong"]) < 20:
            result["wrong"].append(f"{text}: asked {asked.hex()} got {wire[:100].hex()}")


class TcpLoad:
    """One thread that opens connection after connection; a habit drawn by lot for each."""

    def __init__(self, options, result):
        self.options, self.result = options, result
        self.chance = random.Random(options["seed"])
        self.words = Words(options["words"], options["names"], options["seed"])
        self.habits = options["habits"]
        self.kept = []

    def run(self, until):
        while time.monotonic() < until:
            host, port = self.chance.choice(self.options["addresses"])
            try:
                end = socket.create_connection((host, port), timeout=4)
            except OSError:
                self.count("refused")
                continue
            try:
                getattr(self, "habit_" + self.chance.choice(self.habits))(end)
            except (OSError, EOFError):
                pass
            if end not in self.kept:
                end.close()
            while len(self.kept) > 20:
                self.kept.pop(0).close()
        for end in self.kept:
            end.close()

    def count(self, what, much=1):
        with self.result["lock"]:
            self.result[what] = self.result.get(what, 0) + much

    def query(self, identity=None):
        return self.words.query(self.chance.randrange(65536) if identity is None else identity)

    @staticmethod
    def frame(wire):
        return struct.pack("!H", len(wire)) + wire

    @staticmethod
    def exactly(end, size):
        data = b""
        while len(data) < size:
            more = end.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def read(self, end, asked):
        wire = self.exactly(end, struct.unpack("!H", self.exactly(end, 2))[0])
        query = asked.pop(struct.unpack("!H", wire[:2])[0], None) if len(wire) > 1 else None
        wrong = "an answer to no query" if query is None else complaint(query, wire)
        self.count("received")
        if wrong:
            complain(self.result, wrong, query or b"", wire)

    def send(self, end, wire):
        end.sendall(self.frame(wire))
        self.count("sent")

    # --- habits

    def habit_ask(self, end):
        for _ in range(5):
            wire = self.query()
            self.send(end, wire)
            self.read(end, {struct.unpack("!H", wire[:2])[0]: wire})

    def habit_pipeline(self, end):
        asked = {number: self.query(number) for number in range(100)}
        end.sendall(b"".join(map(self.frame, asked.values())))
        self.count("sent", 100)
        while asked:
            self.read(end, asked)

    def habit_leave(self, end):
        self.send(end, self.query())

    def habit_look(self, end):
        """Connects and goes."""

    def habit_reset(self, end):
        for _ in range(self.chance.randrange(4)):
            self.send(end, self.query())
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def habit_half(self, end):
        data = self.frame(self.query())
        end.sendall(data[:self.chance.randrange(1, len(data))])
        if self.chance.random() < .3:
            end.shutdown(socket.SHUT_WR)
        if self.chance.random() < .5:
            self.kept.append(end)

    def habit_shut(self, end):
        asked = {number: self.query(number) for number in range(5)}
        for wire in asked.values():
            self.send(end, wire)
        end.shutdown(socket.SHUT_WR)
        while asked:
            self.read(end, asked)

    def habit_deaf(self, end):
        """Never reads; stays until others take its place."""
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        end.settimeout(0.2)
        self.kept.append(end)
        for _ in range(20):
            data = b"".join(self.frame(wire_query(b"big", self.chance.randrange(50), number)) for number in range(100))
            end.sendall(data)

    def habit_bytes(self, end):
        wire = self.query()
        for byte in self.frame(wire)[:40]:
            end.sendall(bytes([byte]))
        end.sendall(self.frame(wire)[40:])
        self.read(end, {struct.unpack("!H", wire[:2])[0]: wire})

    def habit_noise(self, end):
        data = self.chance.randbytes(self.chance.randrange(1, 300))
        end.sendall(self.frame(data) if self.chance.random() < .5 else data)

    def habit_empty(self, end):
        end.sendall(self.frame(self.query()) + b"\x00\x00" + self.frame(self.query()))
        while end.recv(4096):
            pass


class Noise:
    """Malformed datagrams of every kind, as fast as asked; answers are thrown away."""

    def __init__(self, options, result):
        self.options, self.result = options, result
        self.chance = random.Random(options["seed"])

    def datagram(self):
        chance = self.chance
        wire = bytearray(wire_query(b"ok", chance.randrange(100), chance.randrange(65536)))
        kind = chance.randrange(10)
        if kind == 0:
            return chance.randbytes(chance.randrange(0, 1500))
        if kind == 1:
            return bytes(wire[:chance.randrange(len(wire))])
        if kind == 2:
            return bytes(wire[:12]) + bytes([0xc0, chance.randrange(256)]) + bytes(wire[-4:])
        if kind == 3:
            wire[2] |= 0x80
        if kind == 4:
            wire[4:12] = bytes(8)
        if kind == 5:
            wire[4:12] = b"\xff" * 8
        if kind == 6:
            wire[10:12] = b"\x00\x01"
            wire += b"\x00\x00\x29" + chance.randbytes(chance.randrange(20))
        if kind == 7:
            return bytes(wire[:12]) + b"\x3f" * chance.randrange(400)
        if kind == 8:
            return bytes(wire) + chance.randbytes(chance.randrange(4000))
        for _ in range(chance.randrange(1, 6)):
            wire[chance.randrange(len(wire))] = chance.randrange(256)
        return bytes(wire)

    def run(self, until):
        ends = []
        for host, port in self.options["addresses"]:
            end = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
            end.connect((host, port))
            end.setblocking(False)
            ends.append(end)
        while time.monotonic() < until:
            for end in ends:
                for _ in range(20):
                    try:
                        end.send(self.datagram())
                        end.recv(65535)
                    except OSError:
                        pass
            time.sleep(0.002)
        for end in ends:
            end.close()


DEFAULTS = {"seconds": 3, "addresses": [], "words": {"ok": 1}, "names": 100000, "seed": 1, "sockets": 8, "window": 60,
            "pause": 0.001, "tcp_threads": 0, "habits": ["ask"], "noise": False}


def run(options):
    options = {**DEFAULTS, **options}
    result = {"sent": 0, "received": 0, "wrong": [], "lock": threading.Lock()}
    until = time.monotonic() + options["seconds"]
    loads = [TcpLoad({**options, "seed": number}, result) for number in range(options["tcp_threads"])]
    loads += [Noise(options, result)] if options["noise"] else []
    threads = [threading.Thread(target=load.run, args=(until,)) for load in loads]
    for thread in threads:
        thread.start()
    if options["sockets"]:
        UdpLoad(options, result).run(until)
    for thread in threads:
        thread.join()
    del result["lock"]
    return result


class Load:
    """Load for the time of a `with`: one process for checked datagrams, another for streams and noise.

    result() waits for the end of both.
    """

    def __init__(self, **options):
        options = {**DEFAULTS, **options}
        self.parts = [{**options, "tcp_threads": 0, "noise": False}] if options["sockets"] else []
        if options["tcp_threads"] or options["noise"]:
            self.parts.append({**options, "sockets": 0})

    def __enter__(self):
        top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.processes = [subprocess.Popen([sys.executable, "-m", "harness.load", json.dumps(part)],
                                           stdout=subprocess.PIPE, cwd=top) for part in self.parts]
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()

    def running(self):
        return all(process.poll() is None for process in self.processes)

    def result(self):
        total = {"wrong": []}
        for process in self.processes:
            for key, value in json.loads(process.stdout.readline()).items():
                total[key] = total.get(key, [] if key == "wrong" else 0) + value
            process.wait()
        return total


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))), flush=True)
