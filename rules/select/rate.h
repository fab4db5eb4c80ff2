// SPDX-License-Identifier: BSD-2-Clause
// A limit in queries per second as rules have it: a token bucket, or nothing at all when the limit is 0.
//
//   MaxQPSRule(20), QPSAction(20), QPSPoolAction(20, "slow") --> struct rate --> token_bucket, shared by all workers
//
// The selector and the actions mean the same limit and differ in what they do about it. A query that is made up (explain())
// only looks whether there is a token, and takes none. Burst is the limit itself unless it is given.
//
// Owner: the selector or action it is in. Any worker.
#ifndef RULES_SELECT_RATE_H
#define RULES_SELECT_RATE_H

#include "dnsproxy/base/token_bucket.h"
#include "dnsproxy/core/query.h"

// Bounds of a limit. No query passes one of 0; a negative one is a huge one, as in the dialect.
#define RATE_BOUNDS(words)                                                                                             \
  .least = 1, .most = UINT32_MAX, .outside = OUTSIDE_ZERO_KEPT, .safe = "4294967295", .why = words

struct rate {
  uint32_t qps; // 0: no query passes
  struct token_bucket bucket;
};

static inline void
rate_init(struct rate *r, uint32_t qps, uint32_t burst)
{
  r->qps = qps;
  if (qps > 0)
    token_bucket_init(&r->bucket, qps, burst > 0 ? burst : 1);
}

// Takes a token if the query is within the limit. The objects that rates are in are const but for this.
static inline bool
rate_take(const struct rate *r, const struct query *q)
{
  if (q->rehearsal.dry)
    return r->qps > 0 && token_bucket_peek(&r->bucket, q->worker->now_us);
  return r->qps > 0 && token_bucket_take((struct token_bucket *)(uintptr_t)&r->bucket, q->worker->now_us);
}

#endif
