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
// A set of places: its own, found by hashing, and those of whole closures, which many sets share.
struct closure;
struct places {
  struct place *items; // in the order they were added
  size_t count;
  uint32_t *slots; // items + 1 by hash; 0: free. NULL while there are few
  size_t mask;
  struct closure **closures; // a reference each
  size_t closure_count;
};

struct purity {
  bool shares;      // it writes, or reaches, what others see: it belongs to the shared state
  char reason[160]; // "writes global 'seen'": the first that was found
  bool anything;    // what it writes cannot be told
  bool hidden;      // code that nobody followed may run: of metatables, of what cannot be known
  bool calls_out;   // a function of ours that may call other scripts before it returns
  bool endless;     // a loop without a bound in sight, or recursion
  struct places reads, writes;
  struct places globals; // names that it looks up, users' and libraries'
  struct places functions; // that can be called: all others are never reached by a call
  struct places loops;   // functions with such loops (PLACE_VALUE: the Lua function)
};

// What many functions reach is looked at once between these two: nothing may be written meanwhile.
void purity_begin(lua_State *);
void purity_end(lua_State *);
void purity_abandon(lua_State *); // after an error between the two
void purity_find(lua_State *, int function, struct purity *);
// The same for a function that is about to run: what it writes itself is not relied upon while following it, so that
// `writes`, with `anything` and `hidden`, holds for all of the run. others: what somebody else may write at any time.
void purity_find_effects(lua_State *, int function, const struct places *others, struct purity *);
void purity_fini(struct purity *);
void purity_drop(struct purity **); // of memory_new(); NULL: nothing
void places_add(struct places *, struct place);
void places_fini(struct places *);
bool places_have(const struct places *, struct place);
// Does one write what the other reads? The place in *which.
bool purity_conflict(const struct purity *writer, const struct purity *reader, struct place *which);
// Is any of them read, or looked up by name?
bool purity_reads_any(const struct purity *, const struct places *);

#endif
