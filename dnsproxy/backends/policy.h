// SPDX-License-Identifier: BSD-2-Clause
// Policies: which backend of a pool gets this query.
//
// A policy is a row with a function: it gets the pool and the query and gives a backend, or says that none is there or that
// the script failed. Seven are built in (policy.c, a section each):
//
//   leastOutstanding     the fewest queries under way; among equals the lower order, then the lower latency: the default
//   firstAvailable       the first by order that is up and below its rate
//   wrandom, whashed     by weight: a random number, or the hash of the name, picks a place among the weights
//   orderedWrandUntag    wrandom among those of the lowest order that the query has no tag for: for trying again elsewhere
//   chashed              consistent hashing: a backend owns points on a ring, and losing it moves its own names only
//   roundrobin           the next one that is up; with nobody up still somebody
//
// By weight and by hash may be bounded by load: a backend that has more than its share is passed over. Others are functions of
// the user's; they have the same shape and are made in lua/. Policies are counted: a pool holds its own, the table of pools
// the default, and built-in ones are never freed.
//
// Thread: the worker of the query, on what it can see without waiting (weights, health and load are read relaxed); points of
// the ring are made where the pool is built.
#ifndef DNSPROXY_BACKENDS_POLICY_H
#define DNSPROXY_BACKENDS_POLICY_H

#include "dnsproxy/backends/backend.h"
#include "dnsproxy/core/query.h"

struct pool;
struct settings;

// What a policy decides with.
struct policy_input {
  const struct pool *pool;
  struct query *query; // its lease has the settings
  const uint64_t *hash; // for whashed and chashed; NULL: that of the query's name
};
enum policy_result { POLICY_CHOSEN, POLICY_NONE, POLICY_ERROR };

struct policy;
typedef enum policy_result (*policy_choose_fn)(const struct policy *, const struct policy_input *, struct backend **chosen);

// Built-in ones are one row each beside their code; their name and help are never freed.
struct policy {
  struct object object;
  char *name;
  const char *first_name; // of a built-in one: scripts may change the other
  const char *help; // one sentence; NULL: a script's
  policy_choose_fn choose;
  bool is_lua, is_ffi, per_thread;
  bool needs_points;  // consistent hashing: pools keep the ring sorted
  void *script;       // lua/: struct script *, freed by free_script
  void (*free_script)(struct policy *);
};
extern const struct object_class policy_class; // "ServerPolicy"
// Built-in, by name (leastOutstanding, firstAvailable, wrandom, whashed, chashed, roundrobin, orderedWrandUntag): closed by NULL.
extern struct policy *const builtin_policies[];
extern struct policy policy_whashed, policy_chashed; // those that can be asked with a hash of the caller's
struct policy *policy_builtin(const char *name); // borrowed; NULL: no such name
struct policy *policy_new(const char *name, policy_choose_fn);
// The seed of the name and point hashes: the setting, else one random number per process. Any thread.
uint64_t policy_seed(const struct settings *);

struct hash_point {
  uint32_t hash, backend; // backend: index in the pool
};

// The ring of consistent hashing, sorted; NULL for an empty pool. The caller frees it. Control.
struct hash_point *hash_points_build(const struct pool *, uint64_t seed, uint32_t *count);

#endif
