// SPDX-License-Identifier: BSD-2-Clause
// A token bucket shared by all workers: refill `rate` per second, capacity `burst` (semantics.md 11).
//
// Owner: the selector, action or backend it is in. Any thread; lock-free (one atomic word: the theoretical
// arrival time), exact at any rate.
#ifndef DNSPROXY_BASE_TOKEN_BUCKET_H
#define DNSPROXY_BASE_TOKEN_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
  _Atomic uint64_t full_at; // when the bucket will be full again, in ticks of the monotonic clock
  double ticks_per_us;      // the bucket's own unit of time
  uint64_t ticks_per_token, capacity; // in ticks
  double rate;  // tokens per second; 0: what is gone stays gone
  double burst; // tokens; below 1: never any
};

void token_bucket_init(struct token_bucket *, double rate, double burst);
// Takes a token if there is one. now_us: monotonic clock.
bool token_bucket_take(struct token_bucket *, uint64_t now_us);
bool token_bucket_peek(const struct token_bucket *, uint64_t now_us); // is there one?
double token_bucket_level(const struct token_bucket *, uint64_t now_us);    // how many there are

#endif
