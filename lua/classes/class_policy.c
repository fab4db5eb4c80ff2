// SPDX-License-Identifier: BSD-2-Clause
// Policies as scripts see them: the built-in ones as globals, custom ones, and which is in effect.
//
//   leastOutstanding, roundrobin, ...              ServerPolicy: name, whether it is of the user, policy(servers, dq)
//   setServerPolicy(p), setServerPolicyLua(...)    the default of all pools; setPoolServerPolicy() for one
//
// Policies are counted objects (backends/policy); one of the user's has its function as a script, run in the worker's copy
// if it shares nothing. A policy that is set by another name again replaces the one before in an edit. Lua lock.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"
#include "lua/scripts/policy_builtin.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// ---- ServerPolicy ----

static int
class_policy_get_name(struct call *c)
{
  lua_pushstring(c->lua, ((struct policy *)c->self)->name);
  return 1;
}

// Names that were are never freed: workers may be reading one.
struct old_name {
  struct old_name *next;
  const char *text;
};
static struct old_name *_Atomic old_names;

static void
class_policy_rename(struct policy *p, const char *name, size_t size)
{
  struct old_name *old = memory_new(sizeof *old);
  *old = (struct old_name){.next = atomic_load(&old_names), .text = p->name};
  while (!atomic_compare_exchange_weak(&old_names, &old->next, old))
    ;
  p->name = memory_copy(name, size);
}

// The name before, for a transaction that is taken back.
struct policy_rename {
  struct policy *policy;
  char *was;
};

static void
class_policy_rename_back(void *room)
{
  const struct policy_rename *r = room;
  class_policy_rename(r->policy, r->was, strlen(r->was));
}

static void
class_policy_rename_gone(void *room)
{
  struct policy_rename *r = room;
  free(r->was);
  object_unref(&r->policy);
}

// Built-in policies may be renamed too: every table then shows the new name.
static int
class_policy_set_name(struct call *c, const struct value *v)
{
  struct policy *p = c->self;
  struct policy_rename *r = undo_record(sizeof *r, class_policy_rename_back, class_policy_rename_gone);
  if (r != NULL)
    *r = (struct policy_rename){.policy = object_ref(p), .was = memory_string(p->name)};
  class_policy_rename(p, v->string.data, v->string.size);
  return 0;
}

static int
class_policy_get_function(struct call *c)
{
  policy_push_function(c->lua, c->self);
  return 1;
}

static int
class_policy_get_ffi_function(struct call *c)
{
  lua_pushnil(c->lua);
  return 1;
}

static int
class_policy_get_is_lua(struct call *c)
{
  lua_pushboolean(c->lua, ((struct policy *)c->self)->is_lua);
  return 1;
}

static int
class_policy_get_is_ffi(struct call *c)
{
  lua_pushboolean(c->lua, ((struct policy *)c->self)->is_ffi);
  return 1;
}

static int
class_policy_get_per_thread(struct call *c)
{
  lua_pushboolean(c->lua, ((struct policy *)c->self)->per_thread);
  return 1;
}

static int
class_policy_push_text(struct call *c)
{
  const struct policy *p = c->self;
  lua_pushfstring(c->lua, "ServerPolicy%s \"%s\"", p->is_lua ? " (Lua)" : "", p->name);
  return 1;
}

static const struct lua_function methods[] = {
    {.name = "toString",
     .help = "Kind and name",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_policy_push_text},
    {.name = NULL},
};

static const struct lua_attribute attributes[] = {
    {.name = "name", .type = PARAM_STRING, .help = "Its name", .get = class_policy_get_name, .set = class_policy_set_name},
    {.name = "policy", .type = PARAM_FUNCTION, .help = "function(servers, dq) -> index", .get = class_policy_get_function},
    {.name = "ffipolicy", .type = PARAM_FUNCTION, .help = "FFI function: none", .get = class_policy_get_ffi_function},
    {.name = "isLua", .type = PARAM_BOOL, .help = "Does it ask a function?", .get = class_policy_get_is_lua},
    {.name = "isFFI", .type = PARAM_BOOL, .help = "Does it ask an FFI function?", .get = class_policy_get_is_ffi},
    {.name = "isPerThread",
     .type = PARAM_BOOL,
     .help = "Does it run in a state of each thread?",
     .get = class_policy_get_per_thread},
    {.name = NULL},
};

const struct lua_class class_policy = {
    .name = "ServerPolicy",
    .help = "How a backend of a pool is chosen",
    .object = &policy_class,
    .methods = methods,
    .attributes = attributes,
    .tostring = class_policy_push_text,
};

void
policies_register(lua_State *lua)
{
  for (struct policy *const *p = builtin_policies; *p != NULL; p++) {
    binder_push_object(lua, *p);
    lua_setglobal(lua, (*p)->first_name);
  }
}

// ---- functions ----

static int
class_policy_set_policy(struct call *c)
{
  pool_draft_set_default_policy(&config()->pools, c->args[0].object);
  return 0;
}

static int
class_policy_set_pool_policy(struct call *c)
{
  pool_entry_set_policy(pool_draft_get(&config()->pools, c->args[1].string.data), c->args[0].object);
  return 0;
}

static const char *
class_policy_default_name(void)
{
  const struct policy *p = config()->pools.default_policy;
  return p != NULL ? p->name : builtin_policies[0]->name;
}

static int
class_policy_show_policy(struct call *c)
{
  (void)c;
  text_printf(binder_output(), "%s\n", class_policy_default_name());
  return 0;
}

static int
class_policy_show_pool_policy(struct call *c)
{
  const struct pool_entry *e = pool_draft_find(&config()->pools, c->args[0].string.data);
  if (e == NULL)
    return call_fault(c, FAULT_CAUGHT, "No pool named %s", c->args[0].string.data);
  text_printf(binder_output(), "%s\n", e->policy != NULL ? e->policy->name : class_policy_default_name());
  return 0;
}

#define POLICY {.name = "policy", .type = PARAM_OBJECT, .class = &policy_class}
#define POOL {.name = "pool", .type = PARAM_STRING}

const struct lua_function functions_policies[] = {
    {.name = "setServerPolicy",
     .help = "Policy of all pools without one of their own",
     .params = PARAMS(POLICY),
     .call = class_policy_set_policy},
    {.name = "setPoolServerPolicy",
     .help = "Give a pool its own policy; the pool is made if it does not exist",
     .params = PARAMS(POLICY, POOL),
     .call = class_policy_set_pool_policy},
    {.name = "showServerPolicy",
     .help = "Print the name of the default policy",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_policy_show_policy},
    {.name = "showPoolServerPolicy",
     .help = "Print the name of the policy in effect for a pool",
     .params = PARAMS(POOL),
     .flags = FUNCTION_NO_EFFECT,
     .call = class_policy_show_pool_policy},
    {.name = NULL},
};
