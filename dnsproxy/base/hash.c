// SPDX-License-Identifier: BSD-2-Clause
// Multiply-and-mix hashing: 16 bytes go through one 64x64 -> 128 bit multiplication whose halves are folded.
//
//     state = fold((bytes 0..7 ^ key) * (bytes 8..15 ^ state))
//
// The key and the state are made of the seed, so both factors of every product are secret. Were one of them known, bytes
// could be chosen that make the product zero: the state, and the seed in it, would be lost, and whoever chooses the bytes
// that follow would choose the hash. The three lanes of long inputs have keys of their own that nobody can relate, or equal
// bytes in two of them would cancel each other out.
#include "dnsproxy/base/hash.h"

#include <string.h>

// Odd constants with as many ones as zeros: digits of pi, e, the golden ratio and the square root of 2.
static const uint64_t PI = 0x243f6a8885a308d3u, E = 0xb7e151628aed2a6bu, PHI = 0x9e3779b97f4a7c15u,
                      ROOT2 = 0x6a09e667f3bcc909u;

static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t
hash_load64(const uint8_t *p)
{
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint64_t
hash_load32(const uint8_t *p)
{
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

// 0 to 16 bytes as two words; the size, which is mixed in last, tells apart what the overlap does not.
static inline void
hash_load_short(const uint8_t *p, size_t size, uint64_t *a, uint64_t *b)
{
  if (size >= 8) {
    *a = hash_load64(p);
    *b = hash_load64(p + size - 8);
  } else if (size >= 4) {
    *a = hash_load32(p);
    *b = hash_load32(p + size - 4);
  } else if (size > 0) {
    *a = (uint64_t)p[0] << 16 | (uint64_t)p[size / 2] << 8 | p[size - 1];
    *b = 0;
  } else {
    *a = *b = 0;
  }
}

uint64_t
hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
  const uint8_t *p = bytes;
  size_t left = size;
  const uint64_t key = hash_mix(seed ^ ROOT2, PHI);
  seed ^= hash_mix(seed ^ PI, E);
  if (left > 48) { // three independent lanes keep the multiplier busy
    const uint64_t key1 = hash_mix(key ^ PI, ROOT2), key2 = hash_mix(key ^ E, PHI);
    uint64_t lane1 = key1, lane2 = key2;
    for (; left > 48; p += 48, left -= 48) {
      seed = hash_mix(hash_load64(p) ^ key, hash_load64(p + 8) ^ seed);
      lane1 = hash_mix(hash_load64(p + 16) ^ key1, hash_load64(p + 24) ^ lane1);
      lane2 = hash_mix(hash_load64(p + 32) ^ key2, hash_load64(p + 40) ^ lane2);
    }
    seed ^= lane1 ^ lane2;
  }
  for (; left > 16; p += 16, left -= 16)
    seed = hash_mix(hash_load64(p) ^ key, hash_load64(p + 8) ^ seed);
  uint64_t a, b;
  hash_load_short(p, left, &a, &b);
  return hash_mix(ROOT2 ^ size, hash_mix(a ^ key, b ^ seed));
}

uint64_t
hash_u64(uint64_t number, uint64_t seed)
{
  return hash_mix(hash_mix(number ^ seed ^ PHI, seed ^ PI) ^ number, E ^ seed);
}
