// SPDX-License-Identifier: BSD-2-Clause
// Timing a selector against made-up queries, off the path of packets. Lua lock.
#ifndef LUA_FUNCTIONS_BENCH_H
#define LUA_FUNCTIONS_BENCH_H

#include "dnsproxy/base/param.h"
#include "rules/select/selector.h"

struct bench {
  uint64_t matches, us;
};

// `times` queries for names below the suffix, a thousand different ones.
bool
bench_selector(const struct selector *, uint64_t times, const struct bytes *suffix, struct bench *, struct fault *);

#endif
