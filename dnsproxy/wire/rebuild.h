// SPDX-License-Identifier: BSD-2-Clause
// Writing a message anew, record by record, when bytes move that compression pointers may lead to.
//
// Private to wire/. Names are compressed again (exact casing only) where RFC 1035 allows it, written in full elsewhere;
// RDATA of unknown types is copied (RFC 3597). Trailing data is left out. Any thread; 64 kB of stack.
#ifndef DNSPROXY_WIRE_REBUILD_H
#define DNSPROXY_WIRE_REBUILD_H

#include "dnsproxy/wire/rewrite.h"

// What is different in the new message. All zero: nothing but the compression.
struct rebuild {
  const struct name *rename; // new first question; owners equal to the old one follow
  const uint16_t *drop_types;
  size_t drop_count;
  bool drop_opt;              // every OPT
  const uint8_t *new_options; // of the first OPT, or NULL
  size_t new_options_size;
};

// False: malformed or does not fit; the message is then as it was.
bool rebuild_message(struct wire_buffer *, const struct rebuild *);

#endif
