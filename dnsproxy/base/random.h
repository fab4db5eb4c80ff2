// SPDX-License-Identifier: BSD-2-Clause
// Random numbers: one generator per owner (worker, thread), seeded from the kernel, never shared.
//
//   random_next(), random_below()   fast (xoshiro256**), foreseeable for who sees enough of it: choices by weight, sampling
//   random_bytes()                  cryptographic, from libsodium; any thread: keys, nonces, seeds of hashes, UUIDs
//   permutation16()                 ids of queries towards backends
//
// Ids have to be two things at once: foreseeable by nobody outside, who could answer in the backend's place; and none of
// those that are in flight. A keyed permutation of 0..65535 (four rounds of a Feistel network) over a number that counts up
// gives both: it repeats nothing within a period, and its inverse leads from the id of an answer to the number, and so to
// the slot, without a search.
//
// Owner: the worker or thread it is in; one at a time.
#ifndef DNSPROXY_BASE_RANDOM_H
#define DNSPROXY_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_state {
  uint64_t s[4]; // xoshiro256**; unpredictable things (ids, keys, nonces) use random_bytes() or a keyed permutation
};

void random_seed(struct random_state *);
uint64_t random_next(struct random_state *);
uint32_t random_below(struct random_state *, uint32_t limit); // 0 <= result < limit, limit > 0
double random_unit(struct random_state *);                    // 0 <= result < 1
void random_bytes(void *out, size_t count);                   // cryptographic, from libsodium; any thread

// A keyed permutation of 0..65535 and its inverse (a 4-round Feistel network): ids that never repeat within a
// period and that an outsider cannot foresee.
struct permutation16 {
  uint32_t key[4];
};
void permutation16_init(struct permutation16 *);
uint16_t permutation16(const struct permutation16 *, uint16_t x);
uint16_t permutation16_inverse(const struct permutation16 *, uint16_t y);

#endif
