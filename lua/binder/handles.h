// SPDX-License-Identifier: BSD-2-Clause
// Userdata of our types: how they lie in memory, their metatables. For the binder. Names and addresses that compiled
// members made (lua/binder/members.h) are cdata that hold the same.
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
