// SPDX-License-Identifier: BSD-2-Clause
// Errors on their way through Lua: error objects, protected calls, tracebacks (errors.md section 1).
//
//   C: fault --> raised by the binder: a string, "Caught exception: ...", or an error object, by the fault's kind --> script
//   script's error --> errors_call(): protected, with a traceback --> text for the log, the console, or a fault
//
// errors_protect() is the door: whatever may raise an error, and all that takes memory of Lua may, happens behind it,
// because an error that nobody catches ends the process. Errors may be anything: tables, userdata whose tostring fails, a
// metatable of _G that raises; each is turned into a text that can be shown, or into a word that says that it cannot. A call
// that failed for want of memory is followed by a collection.
//
// Thread: that of the state.
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
