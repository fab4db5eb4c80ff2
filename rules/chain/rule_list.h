// SPDX-License-Identifier: BSD-2-Clause
// The editable form of a chain: rules in order, and for each the place it has in what was published last.
//
//   addAction(), mvRule(), rmRule(), topRule(), clearRules(), setRules() --> rule_list --publish--> chain_build()
//
// One structure and one set of verbs serve all chains: a verb is written once, and chains.def makes its functions for each.
// Rules are found by position, name or UUID. Each verb leaves a record of how to take it back (base/undo) before it changes
// anything, and tells the builder which seats are concerned, so that publishing looks at those alone.
//
// Owner: the configuration that is being edited. Whoever holds the Lua lock edits it.
#ifndef RULES_CHAIN_RULE_LIST_H
#define RULES_CHAIN_RULE_LIST_H

#include "rules/chain/rule.h"

struct chain_builder;

// Kept by the verbs in step with the rules.
struct rule_place {
  uint64_t label;     // ascending along the chain; of seated rules
  uint32_t seat;      // NO_SEAT: added or moved since the last chain_build()
  uint32_t name_hash; // of its name and of its UUID: the rule is looked at only if they fit
  uint32_t uuid_hash;
  bool in_base;       // the builder's big level has it
  bool always;        // it has no keys
};
enum { NO_SEAT = UINT32_MAX };

// Every verb that changes it sets `changed`. Positions count from 0.
struct rule_list {
  struct rule **rules; // a reference each
  struct rule_place *places;
  uint32_t count, capacity;
  bool changed;
  bool plain;                    // setRuleIndex(false): what is built has no index
  struct chain_builder *builder; // chain_builder.h; NULL before the first chain_build()
};

void rule_list_add(struct rule_list *, struct rule *);           // takes a reference of its own
bool rule_list_remove_at(struct rule_list *, uint32_t position); // false: out of range
// All that have it; returns their number. Text in UUID form is compared with UUIDs, never with names.
uint32_t rule_list_remove_named(struct rule_list *, const char *name_or_uuid);
bool rule_list_move(struct rule_list *, int64_t from, int64_t to); // console.md: in front of `to`
void rule_list_move_to_top(struct rule_list *);                  // the last becomes the first
void rule_list_clear(struct rule_list *);                        // and gives back all memory
void rule_list_set(struct rule_list *, struct rule *const *rules, uint32_t count);
struct rule *rule_list_find(const struct rule_list *, const char *name_or_uuid); // borrowed; NULL

#endif
