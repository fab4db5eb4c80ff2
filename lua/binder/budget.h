// SPDX-License-Identifier: BSD-2-Clause
// How long a function of a user may run: watched by a hook that counts instructions, which raises an error when it is over.
//
//   budget_begin(): end = now + setScriptBudget --> a hook every so many instructions --> time is over: error --> budget_end()
//
// Commands and maintenance() have 30 times as long as a function that runs for a query. Budgets nest (a command that calls a
// policy); the one that ends first counts. The error can be caught by the script's own pcall(), and from then on comes again
// at every instruction, so that a script cannot stay by that.
//
// Compiled code takes no hooks: nothing is compiled meanwhile, and functions that may go on for ever are left uncompiled
// (lua/scripts/copies.h). Thread: that of the state.
#ifndef LUA_BINDER_BUDGET_H
#define LUA_BINDER_BUDGET_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
  uint64_t outer_us, outer_ms; // deadline and time of the call around, perhaps in another state; 0: none
  bool outermost;    // of this state
};

void budget_begin(struct budget *, lua_State *, uint64_t ms);
void budget_end(const struct budget *, lua_State *);

#endif
