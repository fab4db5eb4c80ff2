# SPDX-License-Identifier: BSD-2-Clause
"""A scriptable DNS server in threads: UDP and TCP on one port of 127.0.0.1, answers by a callback."""
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from . import ports

HEALTH_NAME = "a.root-servers.net."


class Asked:
    """A query as it arrived: the message, its bytes, the transport, where it came from."""

    def __init__(self, wire, protocol, source, reply_with):
        self.wire = wire
        self.protocol = protocol
        self.source = source
        self.reply_with = reply_with  # sends bytes back, as often as one likes, from any thread
        self.message = dns.message.from_wire(wire, ignore_trailing=True)
        question = self.message.question[0]
        self.name = question.name.to_text().lower()
        self.type = dns.rdatatype.to_text(question.rdtype)


def answer(asked, *records, rcode="NOERROR", flags=(), edns=None):
    """A reply to a query with records in presentation form: "TTL TYPE RDATA" or "NAME TTL TYPE RDATA"."""
    reply = dns.message.make_response(asked.message, recursion_available=True)
    reply.set_rcode(dns.rcode.from_text(rcode))
    for record in records:
        words = record.split()
        owner = asked.message.question[0].name if words[0].isdigit() else words.pop(0)
        reply.answer.append(dns.rrset.from_text(owner, int(words[0]), "IN", words[1], " ".join(words[2:])))
    for flag in flags:
        reply.flags |= dns.flags.from_text(flag)
    if edns is not None:
        reply.use_edns(0, payload=edns)
    return reply


def address_answer(address="192.0.2.1", ttl=3600):
    """A callback that answers every A query with one address, AAAA likewise, anything else with no data."""
    def handle(asked):
        if asked.type == "A":
            return answer(asked, f"{ttl} A {address}")
        if asked.type == "AAAA":
            return answer(asked, f"{ttl} AAAA 2001:db8::{address.rsplit('.', 1)[1]}")
        if asked.type == "TXT":
            return answer(asked, f'{ttl} TXT "{address}"')
        return answer(asked)
    return handle


class Responder:
    """Answers queries by `handle(asked)`, which returns a message, bytes, a list of these, or None for silence.

    Health checks (queries for a.root-servers.net) are answered apart while `healthy` is true, and recorded apart in
    `checks`; every other query is in `queries`. `udp_gate` and `tcp_gate` close a transport for a time.
    `unreadable(wire)` may answer what is no message.
    """

    def __init__(self, handle=None, host="127.0.0.1", port=None, health_name=HEALTH_NAME, unreadable=None):
        self.handle = handle or address_answer()
        self.unreadable = unreadable or (lambda wire: None)
        self.host, self.port = host, port or ports.free_port(host)
        self.health_name = health_name
        self.healthy = True
        self.queries, self.checks, self.connections = [], [], 0
        self.changed = threading.Condition()
        self.open_streams = set()
        self.stopping = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.udp.bind((host, self.port))
        self.tcp = socket.socket(family, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((host, self.port))
        self.tcp.listen(64)
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.serve_udp, self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    @property
    def address(self):
        return ports.text(self.host, self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopping = True
        for end in (self.udp, self.tcp, *self.open_streams):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(5)
        self.udp.close()
        self.tcp.close()

    def take(self, wire, protocol, source, reply_with):
        """Record one query and send what the callback makes of it."""
        try:
            asked = Asked(wire, protocol, source, reply_with)
        except Exception:  # not a query: there is usually nothing to answer
            reply = self.unreadable(wire)
            return reply_with(reply) if reply else None
        health = asked.name == self.health_name
        with self.changed:
            (self.checks if health else self.queries).append(asked)
            self.changed.notify_all()
        if health:
            replies = answer(asked, "60 A 198.41.0.4") if self.healthy and asked.type == "A" else \
                answer(asked) if self.healthy else None
        else:
            replies = self.handle(asked)
        for reply in replies if isinstance(replies, (list, tuple)) else [replies]:
            if reply is not None:
                reply_with(reply if isinstance(reply, bytes) else reply.to_wire(max_size=65535))

    def serve_udp(self):
        while not self.stopping:
            try:
                wire, source = self.udp.recvfrom(65535)
            except OSError:
                return
            if not self.stopping:
                self.take(wire, "udp", source, lambda data, to=source: self.send_udp(data, to))

    def send_udp(self, data, to):
        try:
            self.udp.sendto(data, to)
        except OSError:
            pass

    def serve_tcp(self):
        while not self.stopping:
            try:
                stream, source = self.tcp.accept()
            except OSError:
                return
            self.connections += 1
            self.open_streams.add(stream)
            threading.Thread(target=self.serve_stream, args=(stream, source), daemon=True).start()

    def serve_stream(self, stream, source):
        lock = threading.Lock()

        def reply_with(data):
            with lock:
                try:
                    stream.sendall(struct.pack("!H", len(data)) + data)
                except OSError:
                    pass
        try:
            with stream, stream.makefile("rb") as reader:
                while True:
                    head = reader.read(2)
                    if len(head) < 2:
                        return
                    wire = reader.read(struct.unpack("!H", head)[0])
                    self.take(wire, "tcp", source, reply_with)
        except (OSError, ValueError):
            pass
        finally:
            self.open_streams.discard(stream)

    def drop_streams(self):
        """Reset every TCP connection that is open now."""
        for stream in list(self.open_streams):
            try:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def asked_for(self, name):
        name = name.rstrip(".").lower() + "."
        return [asked for asked in self.queries if asked.name == name]

    def wait_for(self, condition, timeout=10, what="the expected queries"):
        """Wait until condition(self) is true; it is looked at whenever a query arrives."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), timeout):
                raise AssertionError(f"{self.address}: {what} did not arrive in {timeout} s; "
                                     f"got {[(q.name, q.type, q.protocol) for q in self.queries]}")

    def wait_checks(self, more=1, timeout=10):
        """Wait for so many more health checks."""
        target = len(self.checks) + more
        self.wait_for(lambda me: len(me.checks) >= target, timeout, f"{more} more health checks")


def wait_until(condition, timeout=10, what="condition"):
    """For states that can only be asked for, not awaited (tables on the console): ask again until it is true."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not true after {timeout} s")
        time.sleep(0.02)
