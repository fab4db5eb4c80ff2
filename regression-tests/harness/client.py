# SPDX-License-Identifier: BSD-2-Clause
"""DNS clients: one that keeps its UDP socket, one TCP connection, and queries made from a few words."""
import socket
import struct

import dns.flags
import dns.message
import dns.rdatatype


def query(name, qtype="A", qclass="IN", **options):
    """A query; options: id, rd (True), cd, ad, edns (payload size), do, options (EDNS)."""
    edns = options.pop("edns", None)
    want_dnssec = options.pop("do", False)
    edns_options = options.pop("options", None)
    message = dns.message.make_query(name, qtype, qclass)
    if edns or want_dnssec or edns_options:
        message.use_edns(0, dns.flags.DO if want_dnssec else 0, edns or 1232, options=edns_options)
    message.flags = dns.flags.RD if options.pop("rd", True) else 0
    message.flags |= (dns.flags.CD if options.pop("cd", False) else 0)
    message.flags |= (dns.flags.AD if options.pop("ad", False) else 0)
    if "id" in options:
        message.id = options.pop("id")
    assert not options, f"unknown: {options}"
    return message


def wire_of(message):
    return message if isinstance(message, bytes) else message.to_wire()


class UdpClient:
    """A connected UDP socket, so that all its queries meet the same worker, in order."""

    def __init__(self, address, timeout=20, source=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, message):
        self.socket.send(wire_of(message))

    def receive_wire(self):
        return self.socket.recv(65535)

    def receive(self):
        return dns.message.from_wire(self.receive_wire(), ignore_trailing=True)

    def send_and_expect_nothing(self, message, barrier):
        """Nothing comes for this message: the first thing to arrive is the answer to a query sent after it.

        One socket meets one worker, which works in order: no waiting is needed. The barrier must go the same way (to the
        same backend, or be answered by a rule) as the message.
        """
        self.send(message)
        self.send(barrier)
        reply = self.receive()
        assert reply.id == barrier.id and reply.question == barrier.question, f"got an answer:\n{reply}"

    def ask(self, message):
        self.send(message)
        reply = self.receive()
        if not isinstance(message, bytes):
            assert reply.id == message.id, "the answer's id is not the query's"
        return reply


class TcpClient:
    """A TCP connection with the two-byte framing."""

    def __init__(self, address, timeout=20):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.reader.close()
        self.socket.close()

    @staticmethod
    def frame(message):
        data = wire_of(message)
        return struct.pack("!H", len(data)) + data

    def send(self, message):
        self.socket.sendall(self.frame(message))

    def receive_wire(self):
        """The next message's bytes, or None when the server closed."""
        try:
            head = self.reader.read(2)
        except ConnectionResetError:
            return None
        if len(head) < 2:
            return None
        size = struct.unpack("!H", head)[0]
        data = self.reader.read(size)
        if len(data) < size:
            raise ConnectionAbortedError(f"the connection ended after {len(data)} bytes of a message of {size}")
        return data

    def receive(self, **options):
        data = self.receive_wire()
        return None if data is None else dns.message.from_wire(data, **options)

    def ask(self, message):
        self.send(message)
        return self.receive()

    def at_end(self):
        return self.receive_wire() is None


def addresses(message):
    """The addresses of the answer section, in order."""
    return [record.to_text() for rrset in message.answer
            if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA) for record in rrset]
