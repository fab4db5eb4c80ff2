// SPDX-License-Identifier: BSD-2-Clause
// Keeps scripts from using up the C stack: LuaJIT bounds its own stack, but not what its library takes of C's when
// coroutines resume each other or gsub() calls functions that call gsub().
//
//   a library function that calls back --> ours around it --> too little of C's stack left: an error
//
// A process must not end because of a script. The functions of the library that call functions of the user (gsub, sort,
// coroutine.resume, ...) are replaced in every state by ones that look how much of the thread's stack is left. Any thread.
#ifndef LUA_BINDER_STACK_GUARD_H
#define LUA_BINDER_STACK_GUARD_H

#include <lua.h>
#include <stdbool.h>

// Is so little left of the calling thread's stack that nothing more should be called?
bool stack_guard_low(void);
// Puts the guard before library functions that call back. Standard libraries are open; their protection is the caller's.
void stack_guard_open(lua_State *);

#endif
