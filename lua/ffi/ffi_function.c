// SPDX-License-Identifier: BSD-2-Clause
// Calling FFI functions of users in the state that they belong to: the shared one, a worker's copy, or one of each thread.
#include "lua/ffi/ffi_function.h"

#include "lua/scripts/thread_state.h"

void
ffi_function_init(struct ffi_function *f, const struct value *v, const char *user, bool per_thread)
{
  if (per_thread)
    f->source = thread_script_new(v->string.data, v->string.size);
  else
    script_used_by(f->script = object_ref(v->object), user, false);
}

void
ffi_function_fini(struct ffi_function *f)
{
  object_unref(&f->script);
  object_unref(&f->source);
}

bool
ffi_function_begin(const struct ffi_function *f, struct ffi_call *call, struct query *q, enum action_side side, bool *compiled)
{
  *compiled = true;
  if (!script_may_run(NULL, q)) {
    *call = (struct ffi_call){.error = "is not run for a query that is made up"};
    if (f->source == NULL)
      script_lock(f->script);
    return false;
  }
  if (f->source != NULL)
    return thread_call_begin(call, f->source, q, side, compiled);
  lua_State *lua = script_lock(f->script);
  if (!ffi_call_begin(call, control_ffi(), q, side))
    return false;
  call->watched = atomic_load_explicit(&f->script->endless, memory_order_relaxed);
  script_push(lua, f->script);
  return true;
}

void
ffi_function_end(const struct ffi_function *f, struct ffi_call *call)
{
  if (call->lua != NULL)
    ffi_call_end(call);
  if (f->source == NULL)
    control_unlock();
}

void
ffi_function_report(const struct ffi_function *f, const struct ffi_call *call, enum script_user user, const struct query *q)
{
  script_report(user, call->error, f->source != NULL ? thread_script_where(f->source) : script_where(f->script), q);
}
