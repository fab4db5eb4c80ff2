// SPDX-License-Identifier: BSD-2-Clause
// An entry of a ring as it lies in memory: two cache lines of words, and a tail that only long names touch.
//
// Private to guard/. The worker writes, anybody reads. Each word is stored with release order and loaded with acquire
// order, so that who reads a word of a newer entry also sees that the sequence has changed.
#ifndef DNSPROXY_GUARD_RING_ENTRY_H
#define DNSPROXY_GUARD_RING_ENTRY_H

#include "dnsproxy/guard/rings.h"

enum ring_word {
  RING_SEQUENCE, // 2 * position + 1 while it is written, 2 * position + 2 when it is whole, 0 at first
  RING_WHEN,
  RING_CLIENT, // 4 or 16 bytes
  RING_CLIENT_2,
  RING_FACTS, // client's port, qtype, size, protocol, size of the name, from the lowest bit up
  RING_HEADER,
  RING_HEADER_2, // the last 4 bytes of the header, latency
  RING_MORE,     // scope of the client's address, backend's port, families
  RING_BACKEND,
  RING_BACKEND_2,
  RING_NAME,
  RING_WORDS = 16
};
enum { RING_NAME_WORDS = RING_WORDS - RING_NAME, RING_TAIL_WORDS = (NAME_MAX_SIZE + 7) / 8 - RING_NAME_WORDS };
enum { RING_CLIENT_IS_V6 = 1, RING_BACKEND_IS_V6 = 2, RING_HAS_BACKEND = 4 };

struct ring {
  _Atomic uint64_t written; // entries, ever
  uint32_t slot;            // of the next one
  uint32_t pass;            // how many of the next ones sampling leaves out
  _Atomic uint64_t (*entries)[RING_WORDS]; // NULL: not recorded
  _Atomic uint64_t (*tails)[RING_TAIL_WORDS];
};

struct rings {
  struct ring ring[RING_KINDS];
};

// A word that does not begin at a multiple of 8 is the last one of a longer name: its bytes overlap.
static inline size_t
ring_name_offset(size_t size, size_t word)
{
  return size >= 8 && 8 * word + 8 > size ? size - 8 : 8 * word;
}

#endif
