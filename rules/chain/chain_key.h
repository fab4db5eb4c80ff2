// SPDX-License-Identifier: BSD-2-Clause
// Keys of an index: what rules are looked up by, as 64-bit hashes of a family and a value.
//
//   family     of a rule                         of a query
//   NAME       QNameRule, a set's names          its name
//   SUFFIX     suffixes                          each suffix of its name, of the numbers of labels that some rule has
//   SOURCE     few netmasks                      its client's address, cut to each length that some rule has
//   QTYPE      QTypeRule                         its type
//
// A query's keys are made once per walk and only for the families that the chain has. Two keys may collide: a rule that was
// found is still asked whether it matches, so that a collision costs a look and is never wrong. Hashes are seeded. Any
// thread.
#ifndef RULES_CHAIN_CHAIN_KEY_H
#define RULES_CHAIN_CHAIN_KEY_H

#include "dnsproxy/core/query.h"
#include "rules/select/selector.h"

enum key_family { KEYS_NAME, KEYS_SUFFIX, KEYS_SOURCE, KEYS_QTYPE };

struct key {
  uint64_t hash;
  enum key_family family : 8;
  bool v6;         // KEYS_SOURCE
  uint8_t measure; // KEYS_SUFFIX: labels, KEYS_SOURCE: bits
  uint16_t qtype;
};

// Which keys some rules have: a query is asked for no others. All zero: none.
struct key_shape {
  bool names, suffixes;
  uint8_t most_labels;                    // of any suffix
  uint64_t labels[NAME_MAX_LABELS / 64]; // bit n: a suffix of n labels
  uint64_t v4, v6[3];                     // bit n: a netmask of n bits
  uint64_t qtypes[4];                     // bit n: a type that is n modulo 256
};

// One name, one for each suffix and each length of netmask, one type.
enum { QUERY_KEYS_MAX = 1 + NAME_MAX_LABELS + 129 + 1 };

void key_shape_add(struct key_shape *, const struct key *);
void key_shape_join(struct key_shape *, const struct key_shape *other);

// The keys of a selector that is no compound: it matches no query that has none of them. Any order.
typedef void key_visit_fn(const struct key *, void *arg);
bool selector_has_keys(const struct selector *); // false: it can match any query
size_t selector_key_count(const struct selector *);
void selector_keys(const struct selector *, key_visit_fn *, void *arg);

// The keys of a query that rules of this shape may have; returns their number.
unsigned query_keys(const struct query *, const struct key_shape *, uint64_t keys[QUERY_KEYS_MAX]);
// Changes when one of the facts changes that query_keys() looks at.
uint64_t query_keys_stamp(const struct query *);

#endif
