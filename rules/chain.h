// SPDX-License-Identifier: BSD-2-Clause
// A chain as workers see it: an immutable, counted array of rules in order.
//
// Built at publish from a rule_list (draft, Lua lock held); evaluated by any worker under its lease.
#ifndef RULES_CHAIN_H
#define RULES_CHAIN_H

#include "rules/rule.h"

enum chain_id {
#define CHAIN(id, side, infix, word, help) CHAIN_##id,
#include "rules/chains.def"
#undef CHAIN
  CHAIN_COUNT
};
struct chain_row {
  enum action_side side;
  const char *infix, *word, *help;
};
extern const struct chain_row chain_rows[CHAIN_COUNT];

struct chain {
  struct object object;
  uint32_t count;
  struct rule *rules[]; // one reference each
};

// The editable form. Every verb that changes it sets `changed`. Positions count from 0.
struct rule_list {
  struct rule **rules;
  uint32_t count, capacity;
  bool changed;
};

void rule_list_add(struct rule_list *, struct rule *);           // takes a reference of its own
bool rule_list_remove_at(struct rule_list *, uint32_t position); // false: out of range
// All that have it; returns their number. Text in UUID form is compared with UUIDs, never with names.
uint32_t rule_list_remove_named(struct rule_list *, const char *name_or_uuid);
bool rule_list_move(struct rule_list *, int64_t from, int64_t to); // console.md: in front of `to`
void rule_list_move_to_top(struct rule_list *);                  // the last becomes the first
void rule_list_clear(struct rule_list *);
void rule_list_set(struct rule_list *, struct rule *const *rules, uint32_t count);
struct rule *rule_list_find(const struct rule_list *, const char *name_or_uuid); // borrowed; NULL
extern const struct object_class chain_class;
struct chain *chain_build(const struct rule_list *); // a reference for the caller; opens the hit pages

// Evaluates in order until a rule ends it. Counts hits. The chain's end without a verdict is VERDICT_NEXT.
enum verdict chain_run(const struct chain *, struct query *);

// The table of show...Rules and top...Rules (console.md).
struct rule_table {
  bool uuids;
  int64_t truncate_rule; // -1: no cut
};
void rule_table_print(struct rule *const *rules, uint32_t count, const struct rule_table *, struct text *);
// The `top` rules with most hits, most first; returns their number. out has room for list->count.
uint32_t rule_list_top(const struct rule_list *, uint32_t top, struct rule **out);

#endif
