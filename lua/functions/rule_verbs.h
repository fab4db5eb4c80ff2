// SPDX-License-Identifier: BSD-2-Clause
// Making a rule from the arguments (selector, action, options): for the add verbs and newRuleAction(). Lua lock.
#ifndef LUA_FUNCTIONS_RULE_VERBS_H
#define LUA_FUNCTIONS_RULE_VERBS_H

#include "lua/binder/binder.h"
#include "rules/chain/chain.h"

extern const struct param rule_options[]; // uuid, name
// The rule lives as long as the call, or as whoever takes a reference.
bool rule_make(struct call *, const struct value *args, struct rule **);

#endif
