// SPDX-License-Identifier: BSD-2-Clause
// The functions and tables that every state begins with, known again by their addresses: the standard libraries, our
// constants and our global functions. What may be called without the shared state is marked.
//
//   state A: string.format (address) --library_find()--> its name --library_push()--> state B: its own string.format
//
// Copying a function to another state must not copy what is there already: what the library knows is sent as a name. And
// whether a function of a user shares anything is decided by what it calls: a marked function does not. A script that
// replaces a function of the library has another value at that place, which is not known, and is looked at like anything
// else.
//
// Lua lock of the control state; library_push() is for any state.
#ifndef LUA_BINDER_LIBRARY_H
#define LUA_BINDER_LIBRARY_H

#include "lua/binder/binder.h"

enum library_kind {
  LIBRARY_UNKNOWN,  // no part of the libraries: a user's, or replaced
  LIBRARY_FORBIDDEN, // reaches what is shared, in ways that cannot be followed: rawset, setfenv, loadstring, debug...
  LIBRARY_OUTSIDE,  // acts on files, the process, or C objects, not on values of the state
  LIBRARY_PURE,     // neither keeps nor changes anything
  LIBRARY_ITERATES, // pairs, ipairs, string.gmatch: what it returns goes on over its argument
  LIBRARY_CALLS,    // pcall, string.gsub: calls functions among its arguments
  LIBRARY_CHANGES,  // table.insert: changes its first argument, and may call its second
  LIBRARY_TABLE,    // a library or a table of constants
};

// Notes what the state holds now. Once, when it is opened and before anything of a user's ran.
void library_open(lua_State *);
// Looks which libraries were changed since: copies of functions would not see that. Before purity_find().
bool library_look(lua_State *); // true: some are changed that were not, or the other way round
bool library_has(lua_State *, const void *table); // is it one of them?
bool library_changed(lua_State *, const void *table); // lua_topointer() of a LIBRARY_TABLE
bool library_changed_everywhere(lua_State *); // what no name tells: methods of strings, a metatable of the globals
struct library_entry {
  enum library_kind kind;
  const char *path;                    // "string.format"; lives as long as the state
  const struct lua_function *function; // ours; NULL: a standard one
};
struct library_entry library_find(lua_State *, int index); // of the value there
// Pushes the value of the same path in another state. False: there is none.
bool library_push(lua_State *, const struct library_entry *);

#endif
