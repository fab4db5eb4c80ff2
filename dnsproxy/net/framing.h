// SPDX-License-Identifier: BSD-2-Clause
// DNS messages in a stream: two bytes of length, then the message (RFC 1035 section 4.2.2). No sockets.
//
// Bytes are read into a scratch buffer that all connections of a thread share; whole messages are used where they lie.
// Only what is left behind, a part of a message or messages that must wait, is kept in memory of the connection, which
// therefore owns none while it is idle. Owner and thread: the connection's.
//
//   n = framing_space(f, scratch, size, parts);  read into the n parts;  framing_received(f, got);
//   while (framing_next(f, &message)) ...        framing_keep(f), even if nothing was read.
#ifndef DNSPROXY_NET_FRAMING_H
#define DNSPROXY_NET_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { FRAMING_PREFIX = 2, FRAMING_MAX = FRAMING_PREFIX + 65535 };

struct framing {
  uint8_t *kept; // malloc'ed; bytes [start, end) of it are unread
  size_t start, end, capacity;
  uint8_t *scratch; // borrowed between framing_space() and framing_keep(): bytes [at, limit) are unread
  size_t at, limit;
};

struct frame {
  uint8_t *message; // valid until framing_keep(); its bytes may be changed, nothing may be written behind them
  uint16_t size;
};

// Where the next read goes: one or two parts. Messages that are complete must have been taken before. 0: no memory.
int framing_space(struct framing *, uint8_t *scratch, size_t scratch_size, struct iovec parts[2]);
void framing_received(struct framing *, size_t count); // bytes were read into those parts, in their order
// Takes the next complete message. False: none; what is left is a part of one, or nothing.
bool framing_next(struct framing *, struct frame *);
// Puts the message that was just taken back: it will be the next again.
void framing_put_back(struct framing *, const struct frame *);
// The scratch buffer goes to somebody else: keeps a copy of what is unread. False: no memory.
bool framing_keep(struct framing *);
size_t framing_unread(const struct framing *);
bool framing_has_message(const struct framing *); // framing_next() would find one
void framing_fini(struct framing *);              // ready for a new stream

#endif
