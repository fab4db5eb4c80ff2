// SPDX-License-Identifier: BSD-2-Clause
// The generic cell rate algorithm. Time is counted in ticks of which a token is worth a whole number, so that no
// rounding adds up: 2^14 or less in a microsecond, which 64 bits hold for 35 years of uptime.
#include "dnsproxy/base/token_bucket.h"

#include <assert.h>

static const double TICKS_PER_US = 16384, CAPACITY_MOST = 0x1p62;

void
token_bucket_init(struct token_bucket *b, double rate, double burst)
{
  assert(rate >= 0 && burst >= 0);
  atomic_init(&b->full_at, 0);
  b->rate = rate;
  b->burst = burst;
  double ticks_per_token = rate > 0 ? TICKS_PER_US * 1e6 / rate : 1;
  b->ticks_per_token = ticks_per_token < 1 ? 1 : ticks_per_token < CAPACITY_MOST ? (uint64_t)ticks_per_token
                                                                                 : (uint64_t)CAPACITY_MOST;
  b->ticks_per_us = (double)b->ticks_per_token * rate / 1e6;
  if (b->ticks_per_us > TICKS_PER_US) // 16 thousand million per second are as good as more
    b->ticks_per_us = TICKS_PER_US;
  double capacity = burst * (double)b->ticks_per_token;
  b->capacity = capacity < CAPACITY_MOST ? (uint64_t)capacity : (uint64_t)CAPACITY_MOST;
}

// When the bucket would be full again after one more token is taken; false: there is none.
static bool
token_bucket_after_taking(const struct token_bucket *b, uint64_t full_at, uint64_t now_us, uint64_t *after)
{
  uint64_t now = (uint64_t)((double)now_us * b->ticks_per_us);
  uint64_t from = full_at > now ? full_at : now;
  *after = from + b->ticks_per_token;
  return *after - now <= b->capacity;
}

bool
token_bucket_take(struct token_bucket *b, uint64_t now_us)
{
  // Relaxed: the word guards nothing but itself.
  uint64_t full_at = atomic_load_explicit(&b->full_at, memory_order_relaxed), after;
  do
    if (!token_bucket_after_taking(b, full_at, now_us, &after))
      return false;
  while (!atomic_compare_exchange_weak_explicit(&b->full_at, &full_at, after, memory_order_relaxed,
                                                memory_order_relaxed));
  return true;
}

bool
token_bucket_peek(const struct token_bucket *b, uint64_t now_us)
{
  uint64_t after;
  return token_bucket_after_taking(b, atomic_load_explicit(&b->full_at, memory_order_relaxed), now_us, &after);
}

double
token_bucket_level(const struct token_bucket *b, uint64_t now_us)
{
  uint64_t full_at = atomic_load_explicit(&b->full_at, memory_order_relaxed);
  uint64_t now = (uint64_t)((double)now_us * b->ticks_per_us);
  uint64_t owed = full_at > now ? full_at - now : 0;
  return owed > b->capacity ? 0 : (double)(b->capacity - owed) / (double)b->ticks_per_token;
}
