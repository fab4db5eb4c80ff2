// SPDX-License-Identifier: BSD-2-Clause
// What a Lua function touches beyond what it makes itself: found by following its bytecode with what its registers can
// hold, into every function that it calls and every value that it reaches. What cannot be followed counts against it.
//
// Lua lock of the control state. Nothing is called and nothing is changed while looking.
#ifndef LUA_SCRIPTS_PURITY_H
#define LUA_SCRIPTS_PURITY_H

#include "dnsproxy/base/text.h"

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

// Where a value lives: a global's name, an upvalue, a table or a handle.
struct place {
  enum { PLACE_GLOBAL, PLACE_UPVALUE, PLACE_VALUE } kind;
  const void *id; // PLACE_GLOBAL: the name's characters, which Lua keeps one copy of
};
struct places {
  struct place *items;
  size_t count;
};

struct purity {
  bool shares;      // it writes, or reaches, what others see: it belongs to the shared state
  char reason[160]; // "writes global 'seen'": the first that was found
  bool anything;    // what it writes cannot be told
  bool endless;     // a loop without a bound in sight, or recursion
  struct places reads, writes;
  struct places globals; // names that it looks up, users' and libraries'
  struct places functions; // that can be called: all others are never reached by a call
  struct places loops;   // functions with such loops (PLACE_VALUE: the Lua function)
};

void purity_find(lua_State *, int function, struct purity *);
void purity_fini(struct purity *);
bool places_have(const struct places *, struct place);
// Does one write what the other reads? The place in *which.
bool purity_conflict(const struct purity *writer, const struct purity *reader, struct place *which);

#endif
