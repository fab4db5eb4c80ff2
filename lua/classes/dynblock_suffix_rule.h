// SPDX-License-Identifier: BSD-2-Clause
// The suffix rule of a DynBlockRulesGroup: functions of the user that choose names to be blocked. Lua lock held.
#ifndef LUA_CLASSES_DYNBLOCK_SUFFIX_RULE_H
#define LUA_CLASSES_DYNBLOCK_SUFFIX_RULE_H

#include "dnsproxy/guard/dynblock_group.h"
#include "lua/binder/binder.h"

int dynblock_set_suffix_rule(struct call *);     // setSuffixMatchRule()
int dynblock_set_suffix_rule_ffi(struct call *); // setSuffixMatchRuleFFI()
// Asks about every answered name; made is given the call. False: a function failed, the fault is set.
bool dynblock_suffix_rule_apply(struct call *, const struct dynblock_group *, dynblock_made_fn made);

#endif
