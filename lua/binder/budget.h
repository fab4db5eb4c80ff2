// SPDX-License-Identifier: BSD-2-Clause
// How long a function of a user may run: watched by a hook that counts instructions, which raises an error when it is over.
//
// Thread: that of the state. Budgets nest; the one that ends first counts. Compiled code takes no hooks: nothing
// is compiled meanwhile, and functions that may go on for ever are left uncompiled (lua/scripts/copies.h).
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
