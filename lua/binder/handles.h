// SPDX-License-Identifier: BSD-2-Clause
// Userdata of our types: how they lie in memory, their metatables.
//
//   userdata: | class | reference to a counted object, or the value itself |      __gc drops the reference
//   names and addresses of compiled members (binder/members): cdata that hold the same
//
// A handle knows its class, so that an argument is checked by one comparison. Objects that are the same for C are the same
// for a script's == where the dialect has it so. Handles of what is there for a call only (dq, dr, dq.dh) have a level: when
// the call has ended they lead nowhere, and each use is an error.
//
// The binder makes and reads them; images copy them between states by what they hold. Thread: that of the state.
#ifndef LUA_BINDER_HANDLES_H
#define LUA_BINDER_HANDLES_H

#include "lua/binder/binder.h"

// A userdata: the class, then the reference or the value.
struct handle {
  const struct lua_class *class;
  union {
    void *object;
    uint64_t value; // the bytes of a value begin here: LuaJIT aligns to 8, no more
  };
};

enum { LUA_TCDATA = LUA_TTHREAD + 2 }; // LuaJIT's lua_type() of what ffi makes

void handles_open(lua_State *); // makes the metatables of all classes
struct handle *handle_test(lua_State *, int index); // NULL: not one of ours
// binder.c: the function that Lua calls for a row; upvalue 1 is the row, upvalue 2 the class of a method.
int binder_dispatch(lua_State *);

#endif
