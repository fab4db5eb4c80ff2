// SPDX-License-Identifier: BSD-2-Clause
// A Lua state of each thread, for functions that share nothing and therefore take no lock.
//
// Made when a thread first needs it, closed when the thread ends. Thread: its own.
#ifndef LUA_SCRIPTS_THREAD_STATE_H
#define LUA_SCRIPTS_THREAD_STATE_H

#include "dnsproxy/base/object.h"
#include "dnsproxy/base/text.h"
#include "lua/scripts/ffi_state.h"

// Source text that returns a function: each thread compiles it once for itself. Counted; any thread.
struct thread_script;
extern const struct object_class thread_script_class;
struct thread_script *thread_script_new(const char *source, size_t size);
const char *thread_script_where(const struct thread_script *);
// Why the source does not compile, tried in a state of its own; false: it does. Any thread.
bool thread_script_check(const struct thread_script *, struct text *error);

// Begins a call as ffi_call_begin() does, with the function of the script pushed. False: the error is set; *compiled says
// whether the source gave a function at all.
bool thread_call_begin(struct ffi_call *, struct thread_script *, struct query *, enum action_side, bool *compiled);

// The calling thread needs its state no more: for the main one, whose end is the process's.
void thread_state_end(void);

#endif
