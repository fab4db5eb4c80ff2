// SPDX-License-Identifier: BSD-2-Clause
// A rule: selector, action, name, UUID, and hits counted per worker.
//
//   addAction(selector, action, {name=..., uuid=...}) --> struct rule --> rule_list of a chain --> chains of snapshots
//
// Counted and immutable; Lua handles, drafts and chains hold references: a rule that is moved or seen by two snapshots is
// the same one, and its hits go on. Hits live in pages that each worker has of its own, by the rule's slot, so that counting
// a hit is one addition without sharing; a slot is given back with the rule and cleared before another gets it.
//
// Made by control (Lua lock), matched by workers, sums read by anybody.
#ifndef RULES_CHAIN_RULE_H
#define RULES_CHAIN_RULE_H

#include "dnsproxy/base/uuid.h"
#include "rules/act/action.h"

struct rule_cost;
struct rule {
  struct object object;
  struct selector *selector;
  struct action *action;
  char *name;              // "" when unnamed
  struct uuid uuid;
  uint64_t creation_order; // over all chains
  _Atomic(struct rule_cost *) cost; // of what was timed; NULL: nothing yet
  uint32_t slot;           // of its hit counters, unique while it lives
  struct rule *next, **link; // of the same selector; what points here
};

extern const struct object_class rule_class;          // "RuleAction"
extern const struct object_class response_rule_class; // "ResponseRuleAction"

// Takes references of its own. uuid NULL or zero: random. The class follows the action's side. Control thread.
// NULL when HIT_PAGES * HIT_PAGE_SLOTS rules are alive.
struct rule *rule_new(struct selector *, struct action *, const char *name, const struct uuid *);
uint64_t rule_hits(const struct rule *); // sum over workers
uint64_t rule_next_creation_order(void); // consumes one (failed additions, newRuleAction: console.md)

// Opens the pages of all slots in use for the workers that exist: before rules are published to them.
void rule_pages_open(void);
// The page of a slot, for a worker that was made after the rules: at most once per page.
uint64_t *rule_page_open(struct worker *, uint32_t slot);

static inline void
rule_hit(const struct rule *r, struct worker *w)
{
  uint64_t *page = atomic_load_explicit(&w->hits[r->slot / HIT_PAGE_SLOTS], memory_order_acquire);
  if (page == NULL)
    page = rule_page_open(w, r->slot);
  counter_add((_Atomic uint64_t *)&page[r->slot % HIT_PAGE_SLOTS], 1);
}

#endif
