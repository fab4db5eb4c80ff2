// SPDX-License-Identifier: BSD-2-Clause
// What an index looks a rule up by: of the keys that its selector offers, those that fewest queries will have.
//
//   AndRule{QNameRule, QTypeRule}   one part is enough: the name, as more rules share a type than a name
//   OrRule{a, b}                    all parts, or none
//   anything behind a part that keeps state or runs a script: no key
//
// A rule may be skipped for a query that has none of its keys: its selector would not match, and evaluating it would have
// changed nothing. The second half is why effect classes are declared: a token that is taken, a random number that is drawn
// must happen for the queries for which it would have without an index. How many rules offer a key is counted about, not
// exactly.
//
// Owner: the builder of a chain. Lua lock held.
#ifndef RULES_CHAIN_CHAIN_PLAN_H
#define RULES_CHAIN_CHAIN_PLAN_H

#include "rules/chain/chain_key.h"
#include "rules/chain/rule.h"

// How many rules offer a key, about: a conjunction is better looked up by a key that it shares with few.
struct key_crowd {
  uint16_t *counts;
  size_t size; // a power of two; 0: nothing was counted
};

// The keys of many rules, one behind the other.
struct key_store {
  uint64_t *keys;
  size_t count, capacity;
  struct key_shape shape; // of all that were ever in it
};

struct rule_plan {
  size_t first;   // of its keys in the store
  uint32_t count; // of them; 0: it can never match
  bool always;    // it has no keys: it must be evaluated for every query
  bool changes;   // it may change what keys are made of
};

void key_crowd_init(struct key_crowd *, size_t keys); // about so many will be counted
void key_crowd_fini(struct key_crowd *);
size_t selector_offers(const struct selector *);                // number of keys it will count; 0: it has no choice
void key_crowd_count(struct key_crowd *, const struct selector *); // the keys that it can choose among

void rule_plan_make(struct rule_plan *, const struct rule *, const struct key_crowd *, struct key_store *);
void key_store_fini(struct key_store *);
size_t key_store_reserve(struct key_store *, size_t keys); // room for them at the end; returns where that is

#endif
