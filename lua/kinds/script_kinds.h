// SPDX-License-Identifier: BSD-2-Clause
// Selectors and actions whose code is the user's script: LuaRule, LuaAction, LuaResponseAction.
#ifndef LUA_KINDS_SCRIPT_KINDS_H
#define LUA_KINDS_SCRIPT_KINDS_H

#include "rules/act/action.h"

extern const struct selector_kind *const script_selector_kinds[]; // closed by NULL
extern const struct action_kind *const script_action_kinds[];

#endif
