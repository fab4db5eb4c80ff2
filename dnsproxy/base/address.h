// SPDX-License-Identifier: BSD-2-Clause
// An IPv4 or IPv6 socket address as a plain value: 28 bytes that are copied, compared and hashed like a number.
//
// It holds what the kernel takes and gives (sockaddr), so that bind(), sendmsg() and recvmsg() need no conversion. Unset
// (AF_UNSPEC) is a value too, and what all zero bytes mean: "none", as for a source address that nobody chose.
//
// Three things to know. A port belongs to it, and functions say whether it counts; 0 stands for none. The scope of a
// link-local address is part of it ("fe80::1%eth0"). An IPv4-mapped address (::ffff:a.b.c.d) stays IPv6, as sockets give it:
// nothing here turns one into the other, because ACLs of the dialect tell them apart.
//
// Owner: the structure it is in. Any thread.
#ifndef DNSPROXY_BASE_ADDRESS_H
#define DNSPROXY_BASE_ADDRESS_H

#include "dnsproxy/base/fault.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
  union {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  }; // sa.sa_family is AF_INET, AF_INET6 or AF_UNSPEC (unset)
};

enum { ADDRESS_TEXT_SIZE = 80 }; // enough for "[v6%scope]:port" and its NUL

// Parses "1.2.3.4", "1.2.3.4:53", "::1", "[::1]:53", "fe80::1%eth0". Without a port, `port` is taken.
// Error (FAULT_ADDRESS): Unable to convert presentation address '<text>'.
bool address_parse(struct address *, const char *text, uint16_t port, struct fault *);
// 4 or 16 raw bytes in network order.
bool address_from_raw(struct address *, const void *bytes, size_t count, uint16_t port);
// Without port: "1.2.3.4", "::1". With: "1.2.3.4:53", "[::1]:53". Return `out`, which has ADDRESS_TEXT_SIZE bytes.
char *address_text(const struct address *, char *out);
char *address_text_with_port(const struct address *, char *out);

socklen_t address_size(const struct address *); // for bind() and sendmsg()
uint16_t address_port(const struct address *);  // host order
void address_set_port(struct address *, uint16_t port);
bool address_is_v6(const struct address *);
bool address_is_set(const struct address *);
bool address_is_any(const struct address *);    // 0.0.0.0 or ::
bool address_is_mapped(const struct address *); // ::ffff:a.b.c.d
// Address bytes in network order, 4 or 16 of them (*count).
const uint8_t *address_raw(const struct address *, size_t *count);
bool address_equal(const struct address *, const struct address *);         // port included
bool address_equal_ip(const struct address *, const struct address *);      // port ignored
int address_compare(const struct address *, const struct address *);        // family, bytes, port
uint64_t address_hash(const struct address *, uint64_t seed);               // port ignored
void address_truncate(struct address *, unsigned bits);                     // zero the host bits

#endif
