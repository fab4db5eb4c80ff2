#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the committed inputs of fuzz/seeds for the targets of dnsproxy/wire and net. Run it by hand after changing it.

Needs dnspython. Finds of a fuzzer are added to the same folders, under a name that says what they broke.
"""
import os
import struct

import dns.edns
import dns.flags
import dns.message
import dns.rrset

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seeds")


def query(name, kind, **options):
    message = dns.message.make_query(name, kind, **options)
    message.id = 0x1234
    return message


def answer(name, kind, *rrsets):
    message = dns.message.make_response(query(name, kind, use_edns=0, want_dnssec=True))
    message.flags |= dns.flags.RA
    for section, owner, ttl, rtype, *data in rrsets:
        getattr(message, section).append(dns.rrset.from_text(owner, ttl, "IN", rtype, *data))
    return message.to_wire()


def raw(flags, counts, body):
    return struct.pack("!HHHHHH", 0x1234, flags, *counts) + body


A_B = b"\1a\1b\0\0\1\0\1"
OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
COOKIE = b"\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x0801234567"
TSIG = b"\3key\0\0\xfa\0\xff\0\0\0\0\0\3sig"


def messages():
    ecs = dns.edns.ECSOption("192.0.2.0", 24)
    yield "query", query("www.example.org", "A").to_wire()
    yield "query-root", query(".", "NS").to_wire()
    yield "query-longest-name", query(".".join(["a" * 63] * 3 + ["b" * 61]), "AAAA").to_wire()
    yield "query-edns", query("www.example.org", "A", use_edns=0, payload=1232, want_dnssec=True).to_wire()
    yield "query-ecs", query("www.example.org", "A", use_edns=0, options=[ecs]).to_wire()
    yield "query-tsig-behind-opt", raw(0x0100, (1, 0, 0, 2), A_B + COOKIE + TSIG)
    yield "query-two-questions", raw(0x0100, (2, 0, 0, 1), A_B + b"\xc0\x0c\0\x1c\0\1" + OPT)
    yield "query-two-opts", raw(0x0100, (1, 0, 0, 2), A_B + COOKIE + COOKIE)
    yield "query-no-question", raw(0x0100, (0, 0, 0, 0), b"")
    yield "query-opt-options-overrun", raw(0x0100, (1, 0, 0, 1), A_B + b"\0\0\x29\2\0\0\0\0\0\0\5\0\x0a\0\x40x")
    yield "query-opt-cut", raw(0x0100, (1, 0, 0, 1), A_B + OPT[:-1])
    yield "query-question-like-opt", raw(0x0100, (1, 0, 0, 1), b"\0\0\x29\0\1\5aaa\0\0\0\0\x29\2\0\0\0\0\0\0\0")
    yield "query-trailing", query("www.example.org", "A").to_wire() + b"trailing"
    yield "query-self-pointer", raw(0x0100, (1, 0, 0, 0), b"\xc0\x0c\0\1\0\1")
    yield "query-no-root", raw(0x0100, (1, 0, 0, 0), b"\1a" * 130)
    yield "query-cut", query("www.example.org", "A").to_wire()[:20]
    yield "answer-cname", answer("www.example.org", "A", ("answer", "www.example.org.", 60, "CNAME", "web.example.org."),
                                 ("answer", "web.example.org.", 60, "A", "192.0.2.1", "192.0.2.2"))
    yield "answer-negative", answer("no.example.org", "A", (
        "authority", "example.org.", 300, "SOA", "ns.example.org. root.example.org. 1 7200 3600 1209600 300"))
    yield "answer-many-types", answer(
        "example.org", "ANY", ("answer", "example.org.", 60, "MX", "10 mail.example.org.", "20 mail2.example.org."),
        ("answer", "example.org.", 60, "NS", "ns.example.org."), ("answer", "example.org.", 60, "TXT", '"text"'),
        ("answer", "_sip._tcp.example.org.", 60, "SRV", "1 2 5060 sip.example.org."),
        ("answer", "example.org.", 60, "NAPTR", '1 2 "s" "SIP+D2U" "" _sip._udp.example.org.'),
        ("answer", "example.org.", 60, "RP", "a.example.org. b.example.org."),
        ("answer", "example.org.", 60, "HTTPS", "1 . alpn=h2"),
        ("additional", "mail.example.org.", 60, "AAAA", "2001:db8::1"))
    yield "answer-loop", raw(0x8180, (1, 2, 0, 0), A_B + b"\1x\xc0\x15\0\1\0\1\0\0\0\0\0\4\1\2\3\4" + b"\xc0\x27" + b"\0" * 10)
    yield "answer-forward-pointer", raw(0x8180, (1, 1, 0, 0), A_B + b"\xc0\x19\0\1\0\1\0\0\0\0\0\4\1\2\3\4")
    yield "answer-rdata-overrun", raw(0x8180, (1, 1, 0, 0), A_B + b"\xc0\x0c\0\5\0\1\0\0\0\0\xff\xff\1x\0")
    yield "answer-rdata-name-over-end", raw(0x8180, (1, 1, 0, 1), A_B + b"\xc0\x0c\0\5\0\1\0\0\0\0\0\1\xc0" + OPT)
    yield "answer-pointer-chain", raw(0x8180, (1, 1, 0, 0), A_B + b"\xc0\x0c\0\x63\0\1\0\0\0\0\0\x08\xc0\x0e\xc0\x21\xc0\x23\xc0\x25")
    yield "answer-counts-lie", raw(0x8180, (1, 0xffff, 0xffff, 0xffff), A_B + OPT)
    yield "answer-empty-rdata", raw(0x8180, (1, 1, 1, 0), A_B + b"\xc0\x0c\0\5\0\xff\0\0\0\0\0\0" * 2)


def subnets():
    def opt(data):
        return OPT[:-2] + struct.pack("!H", len(data)) + data
    ours, theirs = b"\0\x08\0\x07\0\1\x18\0\xc0\0\2", b"\0\x08\0\x08\0\1\x20\x18\x0a\0\0\1"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"
    yield "subnet", raw(0x0100, (1, 0, 0, 1), A_B + opt(ours))
    yield "subnet-other", raw(0x0100, (1, 0, 0, 1), A_B + opt(theirs))
    yield "subnet-twice", raw(0x0100, (1, 0, 0, 1), A_B + opt(theirs + ours))
    yield "subnet-short", raw(0x0100, (1, 0, 0, 1), A_B + opt(b"\0\x08\0\3\0\1\x18"))
    yield "subnet-empty", raw(0x0100, (1, 0, 0, 1), A_B + opt(b"\0\x08\0\0"))
    yield "subnet-overrun", raw(0x0100, (1, 0, 0, 1), A_B + opt(b"\0\x08\0\x09\0\1\x18\0\xc0\0\2"))
    yield "subnet-long", raw(0x0100, (1, 0, 0, 1), A_B + opt(b"\0\x08\0\x20" + b"\0\2\x80\0" + b"x" * 28))
    yield "subnet-then-half", raw(0x0100, (1, 0, 0, 1), A_B + opt(ours + b"\0\x0a\0"))
    yield "subnet-behind-records", raw(0x0100, (1, 1, 1, 2), A_B + record * 3 + opt(theirs))
    yield "subnet-before-record", raw(0x0100, (1, 0, 0, 2), A_B + opt(theirs) + record)
    yield "subnet-before-tsig", raw(0x0100, (1, 0, 0, 2), A_B + opt(ours) + TSIG)
    yield "subnet-trailing", raw(0x0100, (1, 0, 0, 1), A_B + opt(ours) + b"trailing")
    yield "subnet-in-answer-section", raw(0x8180, (1, 1, 0, 0), A_B + opt(ours))
    yield "subnet-two-opts", raw(0x0100, (1, 0, 0, 2), A_B + opt(theirs) + opt(ours))
    yield "answer-scope", raw(0x8180, (1, 1, 0, 1), A_B + record + opt(theirs))
    yield "answer-for-all", raw(0x8180, (1, 1, 0, 2), A_B + record + opt(ours) + record)


NAMES = {
    "simple": b"www.example.org", "dot": b".", "empty": b"", "final-dot": b"a.b.", "pair": b"a.b.c\nB.C", "same": b"A.b\na.B",
    "root-pair": b"a\n.", "escapes": b"a\\.b.\\000\\255\\032c", "backslash": b"a\\\\b", "bad-escape": b"a\\256",
    "cut-escape": b"a\\2", "lone-backslash": b"a\\", "empty-label": b"a..b", "leading-dot": b".a", "spaces": b"a b\tc",
    "high": b"\xc3\xa9.example", "label-63": b"a" * 63, "label-64": b"a" * 64,
    "longest": b".".join([b"a" * 63] * 3 + [b"b" * 61]), "too-long": b".".join([b"a" * 63] * 4),
    "most-labels": b"a." * 127 + b"\n" + b"A." * 126, "too-many-labels": b"a." * 128, "wire": b"\3www\7example\0",
    "label-boundary": b"xb.c\nb.c", "order": b"\\001.z.example\n*.z.example",
}


def framings():
    framed = [struct.pack("!H", len(content)) + content for _, content in messages()]
    yield "one", framed[0]
    yield "all", b"".join(framed)
    yield "cut", b"".join(framed[:3])[:-1]
    yield "half-prefix", framed[0] + b"\0"
    yield "empty-messages", b"\0\0" * 40
    yield "longest", b"\xff\xff" + b"x" * 65535 + framed[0]
    yield "claims-much", b"\xff\xff" + b"x" * 100
    yield "pipeline", framed[1] * 60


def write(target, name, content):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)


def main():
    for number, (name, content) in enumerate(messages()):
        write("message", name, content)
        write("rewrite", name, bytes((number * 7 % 256, number * 37 % 256)) + content)
    for number, (name, content) in enumerate((*messages(), *subnets())):
        write("client_subnet", name, bytes((number * 7 % 64, number * 11 % 140, number % 4)) + content)
    for name, content in NAMES.items():
        write("name", name, content)
    for number, (name, content) in enumerate(framings()):
        write("tcp_framing", name, bytes((number * 29 % 256, number * 53 % 256)) + content)


main()
