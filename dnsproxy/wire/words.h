// SPDX-License-Identifier: BSD-2-Clause
// Eight bytes of a name at a time: lower-casing and mixing for the functions of wire/ that run for every query.
//
// Private to wire/. Length bytes of labels (0 to 63) are below 'A', so a whole name may be lower-cased blindly. Any thread.
#ifndef DNSPROXY_WIRE_WORDS_H
#define DNSPROXY_WIRE_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_OF(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t
word_load(const uint8_t *at)
{
  uint64_t w;
  memcpy(&w, at, sizeof w);
  return w;
}

static inline uint64_t
word_load_half(const uint8_t *at)
{
  uint32_t w;
  memcpy(&w, at, sizeof w);
  return w;
}

// Sets bit 5 of each byte between 'A' and 'Z'; bytes above 127 are left alone.
static inline uint64_t
word_lower(uint64_t w)
{
  uint64_t low = w & WORD_OF(0x7f);
  uint64_t from_a = low + WORD_OF(0x80 - 'A');
  uint64_t above_z = low + WORD_OF(0x7f - 'Z');
  uint64_t upper = (from_a ^ above_z) & ~w & WORD_OF(0x80);
  return w | upper >> 2;
}

// Two words that hold all of 1 to 16 bytes (some twice): equal words and equal sizes mean equal bytes.
static inline void
word_pair(const uint8_t *at, size_t size, uint64_t pair[2])
{
  if (size >= 8) {
    pair[0] = word_load(at);
    pair[1] = word_load(at + size - 8);
  } else if (size >= 4) {
    pair[0] = word_load_half(at);
    pair[1] = word_load_half(at + size - 4);
  } else {
    pair[0] = (uint64_t)at[0] << 16 | (uint64_t)at[size / 2] << 8 | at[size - 1];
    pair[1] = 0;
  }
}

// Upper and lower half of the product, folded.
static inline uint64_t
word_mix(uint64_t a, uint64_t b)
{
  __extension__ unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Hash of lower-cased bytes. The seed goes into both factors of each product: who does not know it cannot make one zero.
static inline uint64_t
word_hash(const uint8_t *bytes, size_t size, uint64_t seed)
{
  uint64_t key = seed ^ UINT64_C(0x9e3779b97f4a7c15);
  uint64_t h = (seed << 32 | seed >> 32) + UINT64_C(0xd6e8feb86659fd93) * size;
  uint64_t pair[2];
  for (; size > 16; bytes += 16, size -= 16)
    h = word_mix(word_lower(word_load(bytes)) ^ key, word_lower(word_load(bytes + 8)) ^ h);
  if (size > 0) {
    word_pair(bytes, size, pair);
    h = word_mix(word_lower(pair[0]) ^ key, word_lower(pair[1]) ^ h);
  }
  return word_mix(h ^ UINT64_C(0xa0761d6478bd642f), key);
}

#endif
