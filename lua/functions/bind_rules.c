// SPDX-License-Identifier: BSD-2-Clause
// Around rules: makeRule, newRuleAction, benchRule, and the objects DNSRule, DNSAction, RuleAction and their kin.
//
// The objects are handles of counted selectors, actions and rules: a script may hold one, show it, match a query with it, or
// hand it to several chains. Making a rule from (selector, action, options) is shared with the add verbs (bind_chains). Lua
// lock.
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"
#include "lua/functions/functions.h"

#include <stdio.h>

static int
bind_rules_make_rule(struct call *c)
{
  binder_push_object(c->lua, c->args[0].object);
  return 1;
}

static int
bind_rules_new_rule_action(struct call *c)
{
  struct rule *rule;
  if (!rule_make(c, c->args, &rule))
    return -1;
  binder_push_object(c->lua, rule);
  return 1;
}

static int
bind_rules_bench_rule(struct call *c)
{
  struct bench result;
  uint64_t times = c->args[1].integer > 0 ? (uint64_t)c->args[1].integer : 0;
  if (!bench_selector(c->args[0].object, times, &c->args[2].string, &result, &c->fault))
    return -1;
  double seconds = (double)result.us / 1e6;
  text_printf(binder_output(), "Had %llu matches out of %llu, %.1f qps, in %.1f us\n",
              (unsigned long long)result.matches, (unsigned long long)times, seconds > 0 ? (double)times / seconds : 0,
              (double)result.us);
  return 0;
}

static const struct param bench_rows[] = {
    {.name = "rule", .type = PARAM_LOOSE_SELECTOR},
    {.name = "times", .type = PARAM_INT, .least = 1, .most = INT64_MAX, .optional = true, .fallback = "100000"},
    {.name = "suffix", .type = PARAM_STRING, .optional = true, .fallback = "powerdns.com"},
    {.type = PARAM_END}};

const struct lua_function functions_rules[] = {
    {.name = "makeRule",
     .help = "A selector from text, names or netmasks",
     .params = PARAMS({.name = "rule", .type = PARAM_LOOSE_SELECTOR}),
     .returns = "DNSRule",
     .call = bind_rules_make_rule},
    {.name = "newRuleAction",
     .help = "Selector and action as one object, for setRules()",
     .params = PARAMS({.name = "rule", .type = PARAM_LOOSE_SELECTOR}, {.name = "action", .type = PARAM_ACTION},
                      {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = rule_options}),
     .returns = "RuleAction",
     .flags = FUNCTION_MAKES_RULE,
     .call = bind_rules_new_rule_action},
    {.name = "benchRule",
     .help = "Time a selector",
     .params = bench_rows,
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_rules_bench_rule},
    {.name = NULL}};

// ---- DNSRule ----

static int
bind_rules_selector_to_string(struct call *c)
{
  struct text text;
  text_init(&text);
  selector_show(c->self, &text);
  binder_push_text(c->lua, &text);
  text_fini(&text);
  return 1;
}

static int
bind_rules_get_matches(struct call *c)
{
  lua_pushnumber(c->lua, (double)selector_matches(c->self));
  return 1;
}

const struct lua_class class_rule = {.name = "DNSRule",
                                     .help = "A selector",
                                     .object = &selector_class,
                                     .methods = (const struct lua_function[]){{.name = "toString",
                                                                               .help = "As in showRules()",
                                                                               .returns = "string",
                                                                               .flags = FUNCTION_NO_EFFECT,
                                                                               .call = bind_rules_selector_to_string},
                                                                              {.name = "getMatches",
                                                                               .help = "How often it matched",
                                                                               .returns = "integer",
                                                                               .flags = FUNCTION_NO_EFFECT,
                                                                               .call = bind_rules_get_matches},
                                                                              {.name = NULL}}};

// ---- DNSAction, DNSResponseAction ----

static void
bind_rules_put_stat(const char *name, double value, void *lua)
{
  lua_pushnumber(lua, value);
  lua_setfield(lua, -2, name);
}

// An action that counts nothing has one figure without a name.
static int
bind_rules_get_stats(struct call *c)
{
  const struct action *a = c->self;
  lua_newtable(c->lua);
  if (a->kind->stats != NULL)
    a->kind->stats(a, bind_rules_put_stat, c->lua);
  else
    bind_rules_put_stat("", 0, c->lua);
  return 1;
}

static void
bind_rules_print_stat(const char *name, double value, void *arg)
{
  (void)arg;
  text_printf(binder_output(), "%s\t%.14g\n", name, value);
}

static int
bind_rules_print_stats(struct call *c)
{
  const struct action *a = c->self;
  if (a->kind->stats != NULL)
    a->kind->stats(a, bind_rules_print_stat, NULL);
  else
    bind_rules_print_stat("", 0, NULL);
  return 0;
}

static int
bind_rules_reload(struct call *c)
{
  struct action *a = c->self;
  return a->kind->reload == NULL || a->kind->reload(a, &c->fault) ? 0 : -1;
}

const struct lua_class class_action = {
    .name = "DNSAction",
    .help = "An action on queries",
    .object = &query_action_class,
    .methods = (const struct lua_function[]){
        {.name = "getStats",
         .help = "Its figures",
         .returns = "table",
         .flags = FUNCTION_NO_EFFECT,
         .call = bind_rules_get_stats},
        {.name = "printStats", .help = "Print its figures", .flags = FUNCTION_NO_EFFECT, .call = bind_rules_print_stats},
        {.name = "reload", .help = "Open its file again", .call = bind_rules_reload},
        {.name = NULL}}};

const struct lua_class class_response_action = {
    .name = "DNSResponseAction",
    .help = "An action on answers",
    .object = &response_action_class,
    .methods = (const struct lua_function[]){{.name = "reload", .help = "Open its file again", .call = bind_rules_reload},
                                             {.name = NULL}}};

// ---- RuleAction, ResponseRuleAction ----

static int
bind_rules_get_action(struct call *c)
{
  binder_push_object(c->lua, ((struct rule *)c->self)->action);
  return 1;
}

static int
bind_rules_get_selector(struct call *c)
{
  binder_push_object(c->lua, ((struct rule *)c->self)->selector);
  return 1;
}

static const struct lua_function rule_methods[] = {{.name = "getAction",
                                                    .help = "Its action",
                                                    .returns = "action",
                                                    .flags = FUNCTION_NO_EFFECT,
                                                    .call = bind_rules_get_action},
                                                   {.name = "getSelector",
                                                    .help = "Its selector",
                                                    .returns = "DNSRule",
                                                    .flags = FUNCTION_NO_EFFECT,
                                                    .call = bind_rules_get_selector},
                                                   {.name = NULL}};

const struct lua_class class_rule_action = {
    .name = "RuleAction", .help = "A rule of a query chain", .object = &rule_class, .methods = rule_methods};
const struct lua_class class_response_rule_action = {.name = "ResponseRuleAction",
                                                     .help = "A rule of a response chain",
                                                     .object = &response_rule_class,
                                                     .methods = rule_methods};
