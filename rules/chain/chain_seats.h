// SPDX-License-Identifier: BSD-2-Clause
// Seats: where a chain keeps its rules, and with that their references. A vector in chunks that chains share.
//
//   chain of snapshot 1: [chunk a][chunk b][chunk c]        an edit in b: b is copied, a and c have a reference more
//   chain of snapshot 2: [chunk a][chunk b'][chunk c]
//
// A chunk is copied when it changes while somebody else holds it: an edit of a long chain costs a chunk and a copy of the
// pointers to the others. A rule keeps its seat when others come and go, as its order is its label; a seat that was left is
// used again.
//
// Owner: the builder (which changes it) and each chain (which reads it).
#ifndef RULES_CHAIN_CHAIN_SEATS_H
#define RULES_CHAIN_CHAIN_SEATS_H

#include "rules/chain/rule.h"

enum { CHUNK_SEATS = 256 };

struct seat_chunk {
  struct object object;
  struct rule *rules[CHUNK_SEATS]; // a reference each; NULL: nobody sits here
};

struct chain_seats {
  struct seat_chunk **chunks; // a reference each
  uint32_t count, capacity;   // chunks
};

void chain_seats_fini(struct chain_seats *);
void chain_seats_copy(struct chain_seats *, const struct chain_seats *from); // into one that is all zero
void chain_seats_set(struct chain_seats *, uint32_t seat, struct rule *);    // takes a reference; grows by a chunk

static inline struct rule *
chain_seats_get(const struct chain_seats *s, uint32_t seat)
{
  return s->chunks[seat / CHUNK_SEATS]->rules[seat % CHUNK_SEATS];
}

#endif
