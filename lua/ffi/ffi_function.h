// SPDX-License-Identifier: BSD-2-Clause
// A user's FFI function as kinds and policies hold it: one of the shared state, under its lock, or source that each thread
// compiles for itself, without any.
//
// Owner: the selector, action or policy. Any thread.
#ifndef LUA_FFI_FFI_FUNCTION_H
#define LUA_FFI_FFI_FUNCTION_H

#include "lua/scripts/ffi_state.h"
#include "lua/scripts/script_call.h"

struct ffi_function {
  struct script *script;        // of the shared state; NULL: `source`
  struct thread_script *source;
};

// Of PARAM_FUNCTION, or with per_thread of PARAM_STRING. user: the kind's name.
void ffi_function_init(struct ffi_function *, const struct value *, const char *user, bool per_thread);
void ffi_function_fini(struct ffi_function *);

// The function is pushed, its handles come next. False: the error is set. An end must follow in any case.
// *compiled: false when the source is no function at all, which is not an error of this call.
bool ffi_function_begin(const struct ffi_function *, struct ffi_call *, struct query *, enum action_side, bool *compiled);
void ffi_function_end(const struct ffi_function *, struct ffi_call *);
void ffi_function_report(const struct ffi_function *, const struct ffi_call *, enum script_user, const struct query *);

#endif
