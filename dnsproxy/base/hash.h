// SPDX-License-Identifier: BSD-2-Clause
// A fast seeded hash for tables in memory. Any thread.
//
// Values differ between machines and versions: nothing stored or sent may depend on them. With a secret seed,
// tables that are filled by strangers stay flat; it is no cryptographic hash.
#ifndef DNSPROXY_BASE_HASH_H
#define DNSPROXY_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed);
uint64_t hash_u64(uint64_t number, uint64_t seed);

#endif
