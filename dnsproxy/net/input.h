// SPDX-License-Identifier: BSD-2-Clause
// Bytes that were read from a connection and not yet used, cut into the messages of its protocol. No sockets.
//
//   socket --read--> [ kept: part of a message ][ scratch: shared by all connections of a thread ] --frames--> owner
//
// Bytes are read into a scratch buffer that all connections of a thread share; whole messages are used where they lie.
// Only what is left behind, a part of a message or messages that must wait, is copied into memory of the connection, which
// therefore owns none while it is idle. The next read completes that part where it is and goes on in the scratch buffer.
//
// The trick that keeps this simple: bytes in the scratch buffer follow the kept ones, and while there are any, the kept ones
// are whole messages. How long a message is, the protocol says (net/protocol.h); a length that a peer claims is believed in
// steps, so that two bytes do not cost 64 KiB. Owner and thread: the connection's.
//
//   n = input_space(in, scratch, size, parts);  read into the n parts;  input_received(in, got);
//   while (input_next(in, &frame)) ...          input_keep(in), even if nothing was read.
#ifndef DNSPROXY_NET_INPUT_H
#define DNSPROXY_NET_INPUT_H

#include "dnsproxy/base/buffers.h"
#include "dnsproxy/net/protocol.h"

#include <stdbool.h>
#include <sys/uio.h>

struct input {
  const struct protocol *protocol;
  size_t most;    // bytes of a message, with what stands around it
  struct buffers *buffers; // of the thread; NULL: malloc
  uint8_t *kept;  // one of those; bytes [start, end) of it are unread
  size_t start, end, capacity;
  size_t room;    // of the next read, behind the kept ones
  uint8_t *scratch; // borrowed between input_space() and input_keep(): bytes [at, limit) are unread
  size_t at, limit;
  bool broken;    // what comes is no message, or one too long
};

struct frame {
  uint8_t *message; // valid until input_keep(); its bytes may be changed, nothing may be written behind them
  size_t size;
};

// Messages from here on are of this protocol; what is unread stays. most: 0 is the protocol's own limit.
void input_speak(struct input *, const struct protocol *, size_t most);
// Where the next read goes: one or two parts. Messages that are complete must have been taken before. 0: no memory.
int input_space(struct input *, uint8_t *scratch, size_t scratch_size, struct iovec parts[2]);
void input_received(struct input *, size_t count); // bytes were read into those parts, in their order
// Takes the next complete message. False: none; what is left is a part of one, or nothing, or broken.
bool input_next(struct input *, struct frame *);
// Puts the message that was just taken back: it will be the next again.
void input_put_back(struct input *, const struct frame *);
// The scratch buffer goes to somebody else: keeps a copy of what is unread. False: no memory.
bool input_keep(struct input *);
size_t input_unread(const struct input *);
bool input_has_message(const struct input *); // input_next() would find one
void input_fini(struct input *);              // ready for a new connection

#endif
