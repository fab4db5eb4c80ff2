// SPDX-License-Identifier: BSD-2-Clause
// Errors on their way through Lua: error objects, protected calls, tracebacks (errors.md section 1). Lua lock held.
#ifndef LUA_BINDER_ERRORS_H
#define LUA_BINDER_ERRORS_H

#include "dnsproxy/base/text.h"

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

void errors_open(lua_State *);

// What a failed call left: the message with its traceback, and the cause that comes last when it was an error object.
struct failure {
  struct text message, detail;
};
void failure_init(struct failure *);
void failure_fini(struct failure *);

// THE DOOR: how C enters a Lua state. Whatever may raise an error by itself, and all that takes memory may (pushing a text,
// looking up a global that has a metatable), happens in `step`; outside of it an error ends the process. False: the error
// is in `message`. The stack is as before.
bool errors_protect(lua_State *, void (*step)(lua_State *, void *arg), void *arg, struct text *message);
// After a call that failed for want of memory, gives back what it left.
void errors_make_room(lua_State *, int status);

// Calls the function below `arguments` arguments; false: the failure is filled, nothing is left on the stack.
bool errors_call(lua_State *, int arguments, int results, struct failure *);
// What errors_call() does around each call: `begin` says how long it may take (milliseconds, 0: as long as it likes) and
// begins a transaction of edits, `end` keeps them or takes them back. Once, before the first call.
struct errors_frame {
  uint64_t (*begin)(lua_State *);
  void (*end)(lua_State *, bool good);
};
void errors_use_frame(const struct errors_frame *);
// The same without a traceback, for rules: the message is short.
bool errors_call_short(lua_State *, int arguments, int results, struct text *message);

#endif
