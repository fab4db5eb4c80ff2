// SPDX-License-Identifier: BSD-2-Clause
// What is spoken over a connection: where a message ends, and what is put around one that is sent.
//
//   byte layer (net/byte_layer)     bytes, in the clear or not
//   protocol (here)                 messages of them
//   owner (net/stream, upstream/, console/, ...)   what they mean, when to stop, when to close
//
// A protocol is a constant without state: it looks at the bytes that are there. One that has a head and a body (HTTP) measures
// both; one that multiplexes measures frames. It may be changed in mid-stream (connection_speak()): a PROXY header, then DNS.
//
// Adding one: a row here with its measure function, and an owner that knows what to do with the messages.
#ifndef DNSPROXY_NET_PROTOCOL_H
#define DNSPROXY_NET_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_BROKEN SIZE_MAX

struct protocol {
  const char *name;
  // Bytes that the first message of these takes in all; 0: cannot tell yet; PROTOCOL_BROKEN: no message begins like this.
  size_t (*measure)(const uint8_t *bytes, size_t count);
  size_t head, tail; // bytes in front of and behind the message that are not part of it
  size_t most;       // bytes of the longest message, head and tail included
  void (*wrap)(uint8_t *head, uint8_t *tail, size_t size); // writes both around a message of this size; NULL: nothing to write
};

enum { DNS_PREFIX = 2, LINE_MAX_SIZE = 65536 };

extern const struct protocol protocol_dns;   // two bytes of length, then the message (RFC 1035 section 4.2.2)
extern const struct protocol protocol_lines; // up to a newline, which is not part of it
extern const struct protocol protocol_proxy_header; // one header of the PROXY protocol, version 2

#endif
