// SPDX-License-Identifier: BSD-2-Clause
// Constructors of selectors and actions, one per kind, made from the rows of the kinds.
//
//   kinds of selectors and actions --> struct lua_function each: name, help, parameters of the kind --> one function
//
// The one C function finds the kind by the row it was called by, and makes the object from the values that the binder has
// read. So a kind in rules/ is a Lua function, with errors, help and manual, without a line here. Made once per process.
#include "dnsproxy/base/memory.h"
#include "lua/binder/classes.h"
#include "lua/kinds/script_kinds.h"
#include "lua/kinds/waiting.h"

#include <pthread.h>

static int
bind_kinds_make_selector(struct call *c)
{
  struct selector *s = selector_new(c->function->data, c->args, &c->fault);
  if (s == NULL)
    return -1;
  if (s->kind->waits_for != NULL)
    waiting_tell(c, "never matches", s->kind->waits_for);
  binder_push_object(c->lua, call_own(c, s));
  return 1;
}

static int
bind_kinds_make_action(struct call *c)
{
  struct action *a = action_new(c->function->data, c->args, &c->fault);
  if (a == NULL)
    return -1;
  if (a->kind->waits_for != NULL)
    waiting_tell(c, "does nothing", a->kind->waits_for);
  binder_push_object(c->lua, call_own(c, a));
  return 1;
}

static struct lua_function *functions;
static size_t total;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct lua_function *
bind_kinds_append(void)
{
  functions = memory_resize(functions, total + 2, sizeof *functions);
  functions[total + 1] = (struct lua_function){.name = NULL};
  return &functions[total++];
}

static void
bind_kinds_add_selectors(const struct selector_kind *const *kinds)
{
  for (; *kinds != NULL; kinds++)
    *bind_kinds_append() = (struct lua_function){.name = (*kinds)->name,
                                                 .help = (*kinds)->help,
                                                 .params = (*kinds)->params,
                                                 .returns = selector_class.name,
                                                 .call = bind_kinds_make_selector,
                                                 .data = *kinds};
}

static void
bind_kinds_add_actions(const struct action_kind *const *kinds)
{
  for (; *kinds != NULL; kinds++)
    *bind_kinds_append() = (struct lua_function){.name = (*kinds)->name,
                                                 .help = (*kinds)->help,
                                                 .params = (*kinds)->params,
                                                 .returns = (*kinds)->side == SIDE_QUERY ? query_action_class.name
                                                                              : response_action_class.name,
                                                 .call = bind_kinds_make_action,
                                                 .data = *kinds};
}

static void
bind_kinds_make(void)
{
  bind_kinds_add_selectors(selector_kinds);
  bind_kinds_add_selectors(script_selector_kinds);
  bind_kinds_add_actions(action_kinds);
  bind_kinds_add_actions(script_action_kinds);
}

const struct lua_function *
kind_functions(void)
{
  pthread_once(&once, bind_kinds_make);
  return functions;
}
