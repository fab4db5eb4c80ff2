// SPDX-License-Identifier: BSD-2-Clause
// What publishing a chain remembers of the last time, so that an edit of a long chain costs little.
//   edit --> seats of rules that left or moved are told --> publish: seats, labels and keys for what is new; the top level
//                                                            anew; the base only when the top has grown too large
//
// An index has two levels: a base over most rules, rebuilt now and then, and a small one over those that were added or moved
// since. Keys of rules are made once and kept with the seat, so that rebuilding hashes no name. A label per rule keeps the
// order, with room between for rules that come later; when there is none left, all are labelled anew.
//
// Owner: the rule_list. Lua lock held.
#ifndef RULES_CHAIN_CHAIN_BUILDER_H
#define RULES_CHAIN_CHAIN_BUILDER_H

#include <stdint.h>

struct chain_builder;

void chain_builder_free(struct chain_builder **);
// The rule of this seat leaves the list, or moves to another place in it.
void chain_builder_vacate(struct chain_builder *, uint32_t seat);
// The rules that keep their seats come in another order.
void chain_builder_reorder(struct chain_builder *);

#endif
