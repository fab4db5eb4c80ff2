// SPDX-License-Identifier: BSD-2-Clause
// Random numbers and the keyed permutation of ids.
#include "dnsproxy/base/random.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>

static void
random_sodium_open(void)
{
  int failed = sodium_init();
  assert(failed >= 0);
}

void
random_bytes(void *out, size_t count)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, random_sodium_open);
  randombytes_buf(out, count);
}

void
random_seed(struct random_state *r)
{
  do
    random_bytes(r->s, sizeof r->s);
  while ((r->s[0] | r->s[1] | r->s[2] | r->s[3]) == 0); // the one state that never moves
}

static inline uint64_t
random_rotate(uint64_t x, unsigned by)
{
  return x << by | x >> (64 - by);
}

// xoshiro256** (Blackman and Vigna, 2018).
uint64_t
random_next(struct random_state *r)
{
  uint64_t *s = r->s;
  uint64_t result = random_rotate(s[1] * 5, 7) * 9;
  uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = random_rotate(s[3], 45);
  return result;
}

// Lemire's multiplication: the few values that would make some results likelier are drawn again.
uint32_t
random_below(struct random_state *r, uint32_t limit)
{
  assert(limit > 0);
  uint64_t product = (random_next(r) >> 32) * limit;
  if ((uint32_t)product < limit) {
    uint32_t unfair = -limit % limit;
    while ((uint32_t)product < unfair)
      product = (random_next(r) >> 32) * limit;
  }
  return (uint32_t)(product >> 32);
}

double
random_unit(struct random_state *r)
{
  return (double)(random_next(r) >> 11) * 0x1p-53;
}

void
permutation16_init(struct permutation16 *p)
{
  random_bytes(p->key, sizeof p->key);
}

// A byte from half of the number and one round's key.
static inline uint16_t
random_round_byte(uint32_t key, uint16_t half)
{
  uint32_t v = (key ^ half) * 0x9e3779b1u;
  v ^= v >> 15;
  v = (v + key) * 0x85ebca6bu;
  return (uint16_t)((v ^ v >> 13) >> 8 & 0xff);
}

uint16_t
permutation16(const struct permutation16 *p, uint16_t x)
{
  uint16_t left = x >> 8, right = x & 0xff;
  for (unsigned i = 0; i < 4; i++) {
    uint16_t next = left ^ random_round_byte(p->key[i], right);
    left = right;
    right = next;
  }
  return (uint16_t)(left << 8 | right);
}

uint16_t
permutation16_inverse(const struct permutation16 *p, uint16_t y)
{
  uint16_t left = y >> 8, right = y & 0xff;
  for (unsigned i = 4; i-- > 0;) {
    uint16_t before = right ^ random_round_byte(p->key[i], left);
    right = left;
    left = before;
  }
  return (uint16_t)(left << 8 | right);
}
