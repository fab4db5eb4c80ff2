// SPDX-License-Identifier: BSD-2-Clause
// Token buckets by address range: a table of fixed size, in shards that are locked one at a time (MaxQPSIPRule).
//
//   client --cut to v4_bits, v6_bits--> range --hash--> shard, locked; a few places --> its bucket: take a token, or too many
//
// Owner: the selector. Made by control, used by any worker. Memory is taken once and touched as ranges appear, so that
// strangers who come from ever new addresses cost nothing more. A range whose bucket is full again is as good as forgotten,
// and its place free: nothing needs to be swept, no timer runs. When all places that a range may take hold ranges still
// counting, the one nearest to full gives way: it loses least.
//
// The hash has a secret seed, as clients choose their addresses. Any worker.
#ifndef RULES_SELECT_RATE_TABLE_H
#define RULES_SELECT_RATE_TABLE_H

#include "dnsproxy/base/address.h"

struct rate_table_options {
  uint32_t qps, burst;    // per range
  uint8_t v4_bits, v6_bits; // size of the ranges
  uint32_t expiration_s;  // a range not seen for this long starts afresh
  uint32_t shards;
};

struct rate_table;
struct rate_table *rate_table_new(const struct rate_table_options *);
void rate_table_free(struct rate_table **);
// Takes a token of the client's range; false: it is over its limit.
bool rate_table_take(struct rate_table *, const struct address *, uint64_t now_us);
// Would it be? *tokens: how many it has left.
bool rate_table_peek(struct rate_table *, const struct address *, uint64_t now_us, double *tokens);

#endif
