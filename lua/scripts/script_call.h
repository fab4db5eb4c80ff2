// SPDX-License-Identifier: BSD-2-Clause
// Calling a user's function for a query, from whatever thread has it; and telling of functions that fail.
//
// A call takes the Lua lock from begin to end, unless the function has a copy on the thread (lua/scripts/copies.h). Owner: the caller's stack. Nothing that a script does ends the process.
#ifndef LUA_SCRIPTS_SCRIPT_CALL_H
#define LUA_SCRIPTS_SCRIPT_CALL_H

#include "lua/scripts/control_state.h"
#include "lua/scripts/script.h"
#include "lua/scripts/question_access.h"

struct script_host;
struct script_call {
  struct script *script;
  struct query *query;
  struct script_host *host;
  bool copied; // in a state of this thread: the Lua lock is not held
  lua_State *lua;
  int base;            // of the stack, before the call
  struct scope *scope; // NULL: begin failed
  const char *error;   // of begin or run; lives until the end
};

// Pushes the function. Whether it succeeds or not, script_call_end() must follow.
bool script_call_begin(struct script_call *, struct script *, struct query *, enum action_side);
void script_call_push_question(struct script_call *); // as the next argument: dq or dr
// False: the error is set. Results lie on top of the stack.
bool script_call_run(struct script_call *, int arguments, int results);
void script_call_end(struct script_call *);

enum script_user { SCRIPT_RULE, SCRIPT_ACTION, SCRIPT_RESPONSE_ACTION, SCRIPT_POLICY, SCRIPT_SOURCE, SCRIPT_QUERY_COUNT, SCRIPT_USERS };
// Counts the error and logs it, one line a second for each user at most. where: as script_where(). Any thread; of a call,
// before its end.
void script_report(enum script_user, const char *error, const char *where, const struct query *);

#endif
