// SPDX-License-Identifier: BSD-2-Clause
// Random rules and queries of every kind, from a seed: for tests that compare two ways of evaluating chains.
//
// Owner: the test. The same seed makes the same rules, as objects of their own.
#ifndef TESTS_RANDOM_RULES_H
#define TESTS_RANDOM_RULES_H

#include "rules/chain/rule.h"
#include "tests/fake_worker.h"

// Selectors and actions that no program has: they tell when they are asked, fail, or change what keys are made of.
struct spies {
  uint64_t asked; // a running hash of which spy was asked, in which order
  unsigned count;
};

struct random_state random_seeded(uint64_t seed); // the same numbers for the same seed
struct selector *random_selector(struct random_state *, struct spies *, unsigned depth);
struct action *random_action(struct random_state *, struct spies *, enum action_side);
struct rule *random_rule(struct random_state *, struct spies *, enum action_side);
struct query *random_query(struct random_state *, struct fake_worker *, enum action_side);
// Is there a template for the kind of this name?
bool random_rules_know(const char *constructor);

#endif
