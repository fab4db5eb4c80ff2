// SPDX-License-Identifier: BSD-2-Clause
// A chain as workers see it: an immutable, counted list of rules in order, and an index over them.
//
//   rule_list (draft) --chain_build()--> chain: seats with the rules in order
//                                               base, a level of the index over most of them
//                                               top, a small level over those added or moved since
//                                               rules without a key
//
//   chain_run(query): its keys, hashed --> rules that have one of them   |
//                     rules without a key                                 > merged in chain order, each is asked
//
// A rule is looked at only if the query has one of its keys or it has none: the others would not match, and looking at them
// would change nothing. That is the whole contract of the index; chain_run_plain() is the definition, and a test holds the
// indexed walk to it with random chains. After a rule that may have changed the question or the client, the rest is looked
// up anew.
//
// Built at publish from a rule_list (Lua lock held); evaluated by any worker under its lease. Chains of two snapshots share
// what did not change. One whose last holder was a worker waits for control to free it (chains_reap()).
#ifndef RULES_CHAIN_CHAIN_H
#define RULES_CHAIN_CHAIN_H

#include "rules/chain/chain_key.h"
#include "rules/chain/chain_level.h"
#include "rules/chain/chain_seats.h"
#include "rules/chain/rule_list.h"

enum chain_id {
#define CHAIN(id, side, infix, word, help) CHAIN_##id,
#include "rules/chain/chains.def"
#undef CHAIN
  CHAIN_COUNT
};
struct chain_row {
  enum action_side side;
  const char *infix, *word, *help;
};
extern const struct chain_row chain_rows[CHAIN_COUNT];

// A rule that has no keys: it is evaluated for every query.
struct chain_always {
  uint64_t label;
  const struct rule *rule;
  bool changes; // it may change what keys are made of
};

struct chain {
  struct object object;
  uint32_t count;
  struct rule **rules;       // in order; the seats hold the references
  struct chain_seats seats;
  bool indexed;              // false: few rules have keys, or setRuleIndex(false); nothing below is there
  struct chain_level *base;  // most rules
  struct chain_level *recent; // added or moved since; NULL: none
  struct key_shape shape;    // of both
  struct chain_always *always;
  uint32_t always_count;
  struct chain *next; // of those that wait for chains_reap()
};

enum { CHAIN_LEVELS = 2 };

extern const struct object_class chain_class;
struct chain *chain_build(struct rule_list *); // a reference for the caller; opens the hit pages
// Chains whose last holder was a worker wait for this: giving back 100 000 rules takes time.
// Not on a worker.
void chains_reap(void);
size_t chain_memory(const struct chain *); // bytes of the chain itself, without its rules

// Evaluates in order until a rule ends it. Counts hits. The chain's end without a verdict is VERDICT_NEXT.
enum verdict chain_run(const struct chain *, struct query *);
enum verdict chain_run_plain(const struct chain *, struct query *);   // rule by rule, without the index
enum verdict chain_run_indexed(const struct chain *, struct query *); // of an indexed chain

// The table of show...Rules and top...Rules (console.md).
struct rule_table {
  bool uuids, cost;
  int64_t truncate_rule; // -1: no cut
};
void rule_table_print(struct rule *const *rules, uint32_t count, const struct rule_table *, struct text *);
// The `top` rules with most hits, most first; returns their number. out has room for list->count.
uint32_t rule_list_top(const struct rule_list *, uint32_t top, struct rule **out);

#endif
