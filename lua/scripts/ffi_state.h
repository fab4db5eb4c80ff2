// SPDX-License-Identifier: BSD-2-Clause
// A Lua state that FFI functions of scripts run in: the shared one, or one of a thread's own.
//
// Owner: lua/scripts/control_state for the shared one (Lua lock), lua/scripts/thread_state for the others (their thread).
#ifndef LUA_SCRIPTS_FFI_STATE_H
#define LUA_SCRIPTS_FFI_STATE_H

#include "dnsproxy/core/query.h"
#include "rules/act/action.h"

#include <lua.h>

struct stat_node;
struct ffi_state;
struct pool;
struct thread_script;

extern const char *const ffi_text[]; // ffi_text.c: what ffi.cdef() is given, closed by NULL

// Declares the functions and makes the handles. NULL: the error is on top of the stack.
struct ffi_state *ffi_state_new(lua_State *);
void ffi_state_free(struct ffi_state **); // after its lua_State was closed

// One call of a user's function. Owner: the caller's stack.
struct ffi_call {
  lua_State *lua; // NULL: begin failed
  struct ffi_state *state;
  int base;
  struct dnsdist_ffi_dnsquestion_t *frame;
  struct dnsdist_ffi_servers_list_t *servers;
  struct dnsdist_ffi_network_message_t *message;
  struct dnsdist_ffi_stat_node_t *stat_node;
  bool watched; // its function may go on for ever
  const char *error; // of begin or run; lives until the end
};

// The function comes next onto the stack, then its handles. False: the error is set. An end must follow in any case.
bool ffi_call_begin(struct ffi_call *, struct ffi_state *, struct query *, enum action_side);
void ffi_call_push_question(struct ffi_call *);
bool ffi_call_push_servers(struct ffi_call *, const struct pool *); // false: no memory
void ffi_call_push_message(struct ffi_call *, uint16_t endpoint_id, const char *payload, size_t size);
void ffi_call_push_stat_node(struct ffi_call *, const struct stat_node *, uint32_t weight);
bool ffi_call_run(struct ffi_call *, int arguments);                // one result, on top
const struct bytes *ffi_call_result(const struct ffi_call *);       // what set_result() said; NULL: nothing
void ffi_call_forget_result(struct ffi_call *);
void ffi_call_end(struct ffi_call *);

#endif
