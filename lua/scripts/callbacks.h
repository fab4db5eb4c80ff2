// SPDX-License-Identifier: BSD-2-Clause
// Functions that scripts asked to be called: every second, at exit, when a server changes its state. Lua lock.
#ifndef LUA_SCRIPTS_CALLBACKS_H
#define LUA_SCRIPTS_CALLBACKS_H

#include "lua/scripts/control_state.h"

enum callback_kind { CALLBACK_MAINTENANCE, CALLBACK_EXIT, CALLBACK_SERVER_STATE, CALLBACK_KINDS };

struct callbacks { // private
  struct {
    struct script **items; // a reference each
    size_t count;
  } lists[CALLBACK_KINDS];
  uint64_t told_us;
  struct script *maintenance; // the global of that name, as it was when it last ran
};

// Of the configuration that the calling thread holds.
void callbacks_add(enum callback_kind, struct script *); // takes a reference
size_t callbacks_count(enum callback_kind);
struct script *callbacks_at(enum callback_kind, size_t position); // borrowed
void callbacks_clear(struct callbacks *);

#endif
