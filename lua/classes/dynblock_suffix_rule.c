// SPDX-License-Identifier: BSD-2-Clause
// Visitors of the tree of answered names: ordinary functions, which are given values, and FFI functions, which read what
// they want through a pointer.
//
//   apply() --stat_nodes_visit()--> for each name: visitor(node, ...) --> true, reason, action: the name is blocked
//
// Both kinds of visitor are functions of the shared state, called once per name under one budget. The walk ends when one
// fails, and its error is apply()'s. Lua lock.
#include "lua/classes/classes.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/errors.h"
#include "lua/classes/classes.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/ffi_frame.h"
#include "lua/scripts/ffi_state.h"
#include "rules/act/action.h"

#include <stdlib.h>

// ---- setting ----

enum { SECONDS, REASON, DURATION, ACTION, VISITOR, OPTIONS };

static void
dynblock_suffix_rule_set_text(char **slot, const char *text)
{
  free(*slot);
  *slot = memory_string(text);
}

// Both functions set the one rule; each has a visitor of its own.
static int
dynblock_suffix_rule_set_rule(struct call *c, void **visitor)
{
  struct dynblock_group *g = c->self;
  const struct value *a = c->args;
  int action = lua_isnumber(c->lua, a[ACTION].stack) ? (int)lua_tointeger(c->lua, a[ACTION].stack) : DNS_ACTION_NONE;
  const char *tag = dynblock_option(&a[OPTIONS], DYNBLOCK_TAG_NAME);
  if (!dynblock_may_change(c) || !dynblock_options_good(c, action, tag))
    return -1;
  dynblock_group_edit_rules(g);
  g->suffix.set = true;
  g->suffix.seconds = (uint64_t)a[SECONDS].integer;
  g->suffix.duration_s = (uint64_t)a[DURATION].integer;
  g->suffix.action = action == DNS_ACTION_NONE ? DYNBLOCK_NO_ACTION : action;
  dynblock_suffix_rule_set_text(&g->suffix.reason, a[REASON].string.data);
  dynblock_suffix_rule_set_text(&g->suffix.tag_name, tag);
  dynblock_suffix_rule_set_text(&g->suffix.tag_value, dynblock_option(&a[OPTIONS], DYNBLOCK_TAG_VALUE));
  object_unref(visitor);
  *visitor = object_ref(a[VISITOR].object);
  return 0;
}

int
dynblock_set_suffix_rule(struct call *c)
{
  return dynblock_suffix_rule_set_rule(c, &((struct dynblock_group *)c->self)->suffix.visitor);
}

int
dynblock_set_suffix_rule_ffi(struct call *c)
{
  return dynblock_suffix_rule_set_rule(c, &((struct dynblock_group *)c->self)->suffix.visitor_ffi);
}

// ---- visiting ----

struct visit {
  struct call *call;
  const struct dynblock_group *group;
  dynblock_made_fn made;
  bool failed;
};

// What a visitor said.
struct choice {
  bool block;
  const char *reason; // NULL: the rule's
  int action;         // DNSAction; None: the rule's
};

// The root is no suffix.
static void
dynblock_suffix_rule_carry_out(const struct visit *v, const struct stat_node *node, const struct choice *choice)
{
  const struct dynblock_group *g = v->group;
  if (!choice->block || node->labels == 0)
    return;
  dynblock_group_block_name(g, &config()->dynblocks,
                            &(struct dynblock_spec){
                                .key = dynblock_key_suffix(&node->name),
                                .seconds = g->suffix.duration_s,
                                .reason = choice->reason != NULL ? choice->reason : g->suffix.reason,
                                .action = choice->action == DNS_ACTION_NONE ? g->suffix.action : choice->action,
                                .tag_name = g->suffix.tag_name,
                                .tag_value = g->suffix.tag_value},
                            v->made, v->call);
}

// Calls the function below the arguments. False: the fault is set.
static bool
dynblock_suffix_rule_ask(struct visit *v, int arguments, int results)
{
  struct text error;
  text_init(&error);
  v->failed = !errors_call_short(v->call->lua, arguments, results, &error);
  if (v->failed)
    call_fault(v->call, FAULT_PLAIN, "%s", error.data);
  text_fini(&error);
  return !v->failed;
}

// function(node, self, all) -> block it?, reason, action
static bool
dynblock_suffix_rule_visit_plain(const struct stat_node *node, void *arg)
{
  struct visit *v = arg;
  lua_State *lua = v->call->lua;
  int top = lua_gettop(lua);
  script_push(lua, v->group->suffix.visitor);
  stat_node_push(lua, node, rings_weight());
  if (dynblock_suffix_rule_ask(v, 3, 3))
    dynblock_suffix_rule_carry_out(v, node,
                                   &(struct choice){.block = lua_toboolean(lua, top + 1),
                                .reason = lua_isstring(lua, top + 2) ? lua_tostring(lua, top + 2) : NULL,
                                .action = lua_isnumber(lua, top + 3) ? (int)lua_tointeger(lua, top + 3) : DNS_ACTION_NONE});
  lua_settop(lua, top);
  return !v->failed;
}

// function(node) -> block it? The handle also says the reason and action.
static bool
dynblock_suffix_rule_visit_ffi(const struct stat_node *node, void *arg)
{
  struct visit *v = arg;
  struct ffi_call call;
  if (!ffi_call_begin(&call, control_ffi(), NULL, SIDE_QUERY)) {
    v->failed = true;
    call_fault(v->call, FAULT_PLAIN, "%s", call.error);
  } else {
    script_push(call.lua, v->group->suffix.visitor_ffi);
    ffi_call_push_stat_node(&call, node, rings_weight());
    if (dynblock_suffix_rule_ask(v, 1, 1))
      dynblock_suffix_rule_carry_out(v, node,
                                     &(struct choice){.block = lua_toboolean(call.lua, -1),
                                                      .reason = call.stat_node->reason,
                                                      .action = call.stat_node->action});
  }
  ffi_call_end(&call);
  return !v->failed;
}

bool
dynblock_suffix_rule_apply(struct call *c, const struct dynblock_group *g, dynblock_made_fn made)
{
  if (!g->suffix.set)
    return true;
  struct visit v = {.call = c, .group = g, .made = made};
  uint64_t now_us = clock_mono_us(), back_us = g->suffix.seconds * 1000000;
  stat_nodes_visit(now_us > back_us ? now_us - back_us : 0,
                   g->suffix.visitor_ffi != NULL ? dynblock_suffix_rule_visit_ffi : dynblock_suffix_rule_visit_plain, &v);
  return !v.failed;
}
