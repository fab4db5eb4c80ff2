// SPDX-License-Identifier: BSD-2-Clause
// A fast seeded hash for tables in memory.
//
// Bytes go through multiplications of 64 by 64 bits whose halves are folded, 16 bytes at a time: a name of a query takes a
// few nanoseconds. Every table that strangers can fill (names, clients, cache keys, labels of sets) draws a secret seed when
// it is made, so that nobody outside can aim at one bucket; and still bounds its chains, as this is no cryptographic hash.
//
// Values differ between machines and versions: nothing stored or sent may depend on them. Hashes that users see, of
// consistent hashing for example, are seeded with what the configuration says (setWHashedPerturbation). Any thread.
#ifndef DNSPROXY_BASE_HASH_H
#define DNSPROXY_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed);
uint64_t hash_u64(uint64_t number, uint64_t seed);

#endif
