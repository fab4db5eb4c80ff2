// SPDX-License-Identifier: BSD-2-Clause
// A token bucket shared by all workers: refill `rate` per second, capacity `burst` (semantics.md 11).
//
//   queries --take?--> bucket of `burst` tokens <-- `rate` per second
//
// QPS limits of rules and of backends are of the whole process, so all workers take from one bucket, without a lock. The
// trick is the generic cell rate algorithm: instead of a level that somebody must refill, the bucket is one number, the time
// at which it will be full again. Taking a token moves that into the future by the time that a token takes to come back; if
// it would lie further ahead than a whole bucket takes, there is none. One compare-and-exchange, and exact at any rate.
//
// Owner: the selector, action or backend it is in. Any thread.
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
