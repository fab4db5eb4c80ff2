// SPDX-License-Identifier: BSD-2-Clause
// Policies that are FFI functions of the user: setServerPolicyLuaFFI(), setServerPolicyLuaFFIPerThread() and their kin.
//
//   query --> policy->choose --> ffi_function: a copy, the shared state, or a state of the thread --> index of a server
//
// The function gets pointers to the list of servers and to the query (lua/ffi), which are only something during the call,
// and returns a number. One that is out of range, or an error, means what the dialect makes of it, and is logged. Workers.
#include "lua/scripts/policy_lua.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "lua/ffi/ffi_function.h"
#include "lua/scripts/thread_state.h"

#include <stdlib.h>

// The result on top: counted from 0; what no server has means nobody.
static enum policy_result
policy_ffi_read_choice(struct ffi_call *call, const struct pool *pool, struct backend **chosen)
{
  if (!lua_isnumber(call->lua, -1)) {
    call->error = "a policy must return the index of a server";
    return POLICY_ERROR;
  }
  double index = lua_tonumber(call->lua, -1);
  if (!(index >= 0 && index < (double)pool->count))
    return POLICY_NONE;
  struct backend *b = pool->backends[(uint32_t)index];
  if (atomic_load_explicit(&b->retired, memory_order_relaxed))
    return POLICY_NONE;
  *chosen = b;
  return POLICY_CHOSEN;
}

static enum policy_result
policy_ffi_choose(const struct policy *policy, const struct policy_input *in, struct backend **chosen)
{
  const struct ffi_function *f = policy->script;
  struct ffi_call call;
  bool compiled;
  enum policy_result result = POLICY_ERROR;
  if (ffi_function_begin(f, &call, in->query, SIDE_QUERY, &compiled) && ffi_call_push_servers(&call, in->pool)) {
    ffi_call_push_question(&call);
    if (ffi_call_run(&call, 2))
      result = policy_ffi_read_choice(&call, in->pool, chosen);
  }
  if (result == POLICY_ERROR && !in->query->rehearsal.untold)
    ffi_function_report(f, &call, SCRIPT_POLICY, in->query);
  ffi_function_end(f, &call);
  return result;
}

static void
policy_ffi_drop_function(struct policy *policy)
{
  ffi_function_fini(policy->script);
  free(policy->script);
  policy->script = NULL;
}

// ---- functions ----

// NULL: the source does not compile, the fault is set.
static struct policy *
policy_make(struct call *c, bool per_thread)
{
  struct ffi_function *f = memory_new(sizeof *f);
  ffi_function_init(f, &c->args[1], "ServerPolicy", per_thread);
  struct policy *p = policy_new(c->args[0].string.data, policy_ffi_choose);
  p->is_lua = p->is_ffi = p->needs_points = true; // the function may ask for the hashing policies' choice
  p->per_thread = per_thread;
  p->script = f;
  p->free_script = policy_ffi_drop_function;
  call_own(c, p);
  struct text error;
  text_init(&error);
  bool bad = per_thread && thread_script_check(f->source, &error);
  if (bad)
    call_fault(c, FAULT_CAUGHT, "%s", error.data);
  text_fini(&error);
  return bad ? NULL : p;
}

static int
policy_ffi_set_default(struct call *c, bool per_thread)
{
  struct policy *p = policy_make(c, per_thread);
  if (p == NULL)
    return -1;
  pool_draft_set_default_policy(&config()->pools, p);
  return 0;
}

static int
policy_ffi_set_of_pool(struct call *c, bool per_thread)
{
  struct policy *p = policy_make(c, per_thread);
  if (p == NULL)
    return -1;
  pool_entry_set_policy(pool_draft_get(&config()->pools, c->args[2].string.data), p);
  return 0;
}

static int
policy_ffi_set_default_shared(struct call *c)
{
  return policy_ffi_set_default(c, false);
}

static int
policy_ffi_set_default_per_thread(struct call *c)
{
  return policy_ffi_set_default(c, true);
}

static int
policy_ffi_set_of_pool_shared(struct call *c)
{
  return policy_ffi_set_of_pool(c, false);
}

static int
policy_ffi_set_of_pool_per_thread(struct call *c)
{
  return policy_ffi_set_of_pool(c, true);
}

#define NAME_ROW {.name = "name", .type = PARAM_STRING, .help = "name of the policy"}
#define FUNCTION_ROW                                                                                                   \
  {.name = "choose", .type = PARAM_FUNCTION,                                                                           \
   .help = "function(servers, dq) on FFI handles that returns the index of a server, counted from 0"}
#define CODE_ROW {.name = "code", .type = PARAM_STRING, .help = "source text that returns such a function"}
#define POOL_ROW {.name = "pool", .type = PARAM_STRING, .help = "name of the pool; made if it does not exist"}

const struct lua_function ffi_policy_functions[] = {
    {.name = "setServerPolicyLuaFFI",
     .help = "Make a policy that asks an FFI function the default of all pools",
     .params = PARAMS(NAME_ROW, FUNCTION_ROW),
     .call = policy_ffi_set_default_shared},
    {.name = "setServerPolicyLuaFFIPerThread",
     .help = "The same with a function of a state of each thread, without a lock",
     .params = PARAMS(NAME_ROW, CODE_ROW),
     .call = policy_ffi_set_default_per_thread},
    {.name = "setPoolServerPolicyLuaFFI",
     .help = "Give a pool a policy that asks an FFI function",
     .params = PARAMS(NAME_ROW, FUNCTION_ROW, POOL_ROW),
     .call = policy_ffi_set_of_pool_shared},
    {.name = "setPoolServerPolicyLuaFFIPerThread",
     .help = "The same with a function of a state of each thread, without a lock",
     .params = PARAMS(NAME_ROW, CODE_ROW, POOL_ROW),
     .call = policy_ffi_set_of_pool_per_thread},
    {.name = NULL}};
