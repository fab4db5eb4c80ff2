// SPDX-License-Identifier: BSD-2-Clause
// The verbs of the eight rule chains, made from chains.def: add, get, show, rm, mv, set, clear, top.
//
//   chains.def: CHAIN(..., "Action", ...) x the verbs here --> addAction(), rmRule(), mvRule(), showRules(), ...
//
// A verb is one function that gets its chain from the row it was called by, so that eight chains cost no code more than one,
// and a ninth is a row. Rules are named by position, name or UUID. All are edits of the list (rules/chain/rule_list), taken
// back when the command fails, and published with it. Lua lock.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"
#include "lua/functions/functions.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END {.type = PARAM_END}

const struct param rule_options[] = {
    {.name = "uuid", .type = PARAM_STRING, .optional = true, .help = "UUID of the rule; random when missing or empty"},
    {.name = "name", .type = PARAM_STRING, .optional = true, .help = "name that rm, get and mv understand"},
    END};
static const struct param table_options[] = {
    {.name = "showUUIDs", .type = PARAM_BOOL, .optional = true, .help = "add the columns UUID and creation order"},
    {.name = "truncateRuleWidth",
     .type = PARAM_INT, .least = -1, .most = INT64_MAX,
     .optional = true,
     .fallback = "-1",
     .help = "cut the rule's text; -1: no cut"},
    {.name = "cost",
     .type = PARAM_BOOL,
     .optional = true,
     .help = "add what rules cost, of the walks that were timed: share of the time, mean, and what 99 of 100 stay below"},
    END};

static struct rule_list *
bind_chains_list_of(const struct call *c)
{
  return &config()->chains[(const struct chain_row *)c->function->data - chain_rows];
}

bool
rule_make(struct call *c, const struct value *args, struct rule **rule)
{
  const struct value *options = args[2].given ? args[2].options : NULL;
  struct uuid uuid = {{0}};
  if (options != NULL && options[0].given && options[0].string.size > 0 && !uuid_parse(&uuid, options[0].string.data))
    return fault_set(&c->fault, FAULT_CAUGHT, "invalid uuid string");
  *rule = rule_new(args[0].object, args[1].object, options == NULL ? NULL : options[1].string.data, &uuid);
  if (*rule == NULL)
    return fault_set(&c->fault, FAULT_CAUGHT, "There are too many rules");
  call_own(c, *rule);
  return true;
}

static int
bind_chains_add(struct call *c)
{
  struct rule *rule;
  if (!rule_make(c, c->args, &rule))
    return -1;
  rule_list_add(bind_chains_list_of(c), rule);
  return 0;
}

// What the dialect's containers say about a position that is not there.
static int
bind_chains_out_of_range(struct call *c, int64_t position, uint32_t count)
{
  return call_fault(c, FAULT_CAUGHT, "vector::_M_range_check: __n (which is %llu) >= this->size() (which is %u)",
                    (unsigned long long)(position < 0 ? (int64_t)(uint32_t)position : position), count);
}

static int
bind_chains_get(struct call *c)
{
  struct rule_list *list = bind_chains_list_of(c);
  const struct value *key = &c->args[0];
  if (key->is_text) {
    binder_push_object(c->lua, rule_list_find(list, key->string.data));
    return 1;
  }
  if (key->integer < 0 || key->integer >= list->count)
    return bind_chains_out_of_range(c, key->integer, list->count);
  binder_push_object(c->lua, list->rules[key->integer]);
  return 1;
}

static int
bind_chains_get_action(struct call *c)
{
  const struct rule_list *list = bind_chains_list_of(c);
  int64_t position = c->args[0].integer;
  binder_push_object(c->lua, position < 0 || position >= list->count ? NULL : list->rules[position]->action);
  return 1;
}

static struct rule_table
bind_chains_table_form(const struct value *v)
{
  if (!v->given)
    return (struct rule_table){.truncate_rule = -1};
  return (struct rule_table){.uuids = v->options[0].boolean, .truncate_rule = v->options[1].integer, .cost = v->options[2].boolean};
}

static int
bind_chains_show(struct call *c)
{
  const struct rule_list *list = bind_chains_list_of(c);
  struct rule_table form = bind_chains_table_form(&c->args[0]);
  rule_table_print(list->rules, list->count, &form, binder_output());
  return 0;
}

static int
bind_chains_rm(struct call *c)
{
  const struct value *key = &c->args[0];
  if (key->is_text ? rule_list_remove_named(bind_chains_list_of(c), key->string.data) > 0
                   : key->integer >= 0 && key->integer <= UINT32_MAX &&
                         rule_list_remove_at(bind_chains_list_of(c), (uint32_t)key->integer))
    return 0;
  binder_refuse(c->function->name, "Error: %s",
                key->is_text ? "no rule matched" : "attempt to delete non-existing rule");
  return 0;
}

static int
bind_chains_mv(struct call *c)
{
  if (!rule_list_move(bind_chains_list_of(c), c->args[0].integer, c->args[1].integer))
    binder_refuse(c->function->name, "Error: attempt to move rules from/to invalid index");
  return 0;
}

static int
bind_chains_mv_to_top(struct call *c)
{
  rule_list_move_to_top(bind_chains_list_of(c));
  return 0;
}

static int
bind_chains_set(struct call *c)
{
  const struct value *v = &c->args[0];
  rule_list_set(bind_chains_list_of(c), (struct rule *const *)v->list.objects, (uint32_t)v->list.count);
  return 0;
}

static int
bind_chains_clear(struct call *c)
{
  rule_list_clear(bind_chains_list_of(c));
  return 0;
}

static struct rule **
bind_chains_top_of(struct call *c, uint32_t *count)
{
  const struct rule_list *list = bind_chains_list_of(c);
  int64_t wanted = c->args[0].integer;
  struct rule **rules = call_alloc(c, (list->count + 1) * sizeof *rules);
  *count = rule_list_top(list, wanted < 0 || wanted > list->count ? list->count : (uint32_t)wanted, rules);
  return rules;
}

static int
bind_chains_top(struct call *c)
{
  uint32_t count;
  struct rule **rules = bind_chains_top_of(c, &count);
  struct rule_table form = bind_chains_table_form(&c->args[1]);
  struct text text;
  text_init(&text);
  rule_table_print(rules, count, &form, &text);
  binder_push_text(c->lua, &text);
  text_fini(&text);
  return 1;
}

static int
bind_chains_get_top(struct call *c)
{
  uint32_t count;
  struct rule **rules = bind_chains_top_of(c, &count);
  lua_createtable(c->lua, (int)count, 0);
  for (uint32_t i = 0; i < count; i++) {
    binder_push_object(c->lua, rules[i]);
    lua_rawseti(c->lua, -2, (int)i + 1);
  }
  return 1;
}

// ---- the verbs as rows: name with %s for the chain's infix ----

static const struct param none[] = {END};
static const struct param add_query[] = {
    {.name = "rule", .type = PARAM_LOOSE_SELECTOR, .help = "when"},
    {.name = "action", .type = PARAM_ACTION, .help = "what then"},
    {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = rule_options},
    END};
static const struct param add_response[] = {
    {.name = "rule", .type = PARAM_LOOSE_SELECTOR, .help = "when"},
    {.name = "action", .type = PARAM_RESPONSE_ACTION, .help = "what then"},
    {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = rule_options},
    END};
static const struct param key_params[] = {{.name = "rule", .type = PARAM_INDEX, .help = "position, UUID or name"}, END};
static const struct param position_params[] = {{.name = "position", .type = PARAM_INT, .own = true}, END};
static const struct param mv_params[] = {{.name = "from", .type = PARAM_INT, .own = true}, {.name = "to", .type = PARAM_INT,
                                                            .own = true}, END};
static const struct param show_params[] = {
    {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = table_options}, END};
static const struct param set_query[] = {{.name = "rules", .type = PARAM_OBJECTS, .class = &rule_class}, END};
static const struct param set_response[] = {{.name = "rules", .type = PARAM_OBJECTS, .class = &response_rule_class},
                                            END};
static const struct param top_params[] = {
    {.name = "top", .type = PARAM_INT, .most = INT64_MAX, .optional = true, .fallback = "10"},
    {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = table_options},
    END};
static const struct param get_top_params[] = {{.name = "top", .type = PARAM_INT, .most = INT64_MAX,
                                               .optional = true, .fallback = "10"},
                                              END};

struct verb {
  const char *name, *help, *returns; // %s: infix, then what the chain is called
  const struct param *query, *response; // rows by side; NULL: no such verb on that side
  unsigned flags;
  int (*call)(struct call *);
};

static const struct verb verbs[] = {
    {"add%sAction", "Append a rule to the %s chain", NULL, add_query, add_response, FUNCTION_MAKES_RULE, bind_chains_add},
    {"get%sRule", "Rule of the %s chain by position, UUID or name", "rule", key_params, key_params, FUNCTION_NO_EFFECT,
     bind_chains_get},
    {"get%sAction", "Action of a rule of the %s chain", "DNSAction", position_params, NULL, FUNCTION_NO_EFFECT,
     bind_chains_get_action},
    {"show%sRules", "Print the %s chain", NULL, show_params, show_params, FUNCTION_NO_EFFECT, bind_chains_show},
    {"rm%sRule", "Remove rules of the %s chain by position, UUID or name", NULL, key_params, key_params, 0, bind_chains_rm},
    {"mv%sRule", "Move a rule of the %s chain in front of another", NULL, mv_params, mv_params, 0, bind_chains_mv},
    {"mv%sRuleToTop", "Move the last rule of the %s chain to the front", NULL, none, none, 0, bind_chains_mv_to_top},
    {"top%sRule", "Old name of the verb that moves the last rule of the %s chain to the front", NULL, none, none,
     FUNCTION_HIDDEN, bind_chains_mv_to_top},
    {"set%sRules", "Replace the %s chain", NULL, set_query, set_response, 0, bind_chains_set},
    {"clear%sRules", "Empty the %s chain", NULL, none, none, 0, bind_chains_clear},
    {"top%sRules", "Table of the most matched rules of the %s chain", "string", top_params, top_params,
     FUNCTION_NO_EFFECT, bind_chains_top},
    {"getTop%sRules", "The most matched rules of the %s chain", "table", get_top_params, get_top_params,
     FUNCTION_NO_EFFECT, bind_chains_get_top},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static char *
bind_chains_filled(const char *format, const char *word)
{
  size_t size = strlen(format) + strlen(word) + 1;
  char *text = memory_new(size);
  const char *hole = strstr(format, "%s");
  snprintf(text, size, "%.*s%s%s", (int)(hole - format), format, word, hole + 2);
  return text;
}

static struct lua_function functions[CHAIN_COUNT * VERBS + 1];

static void
bind_chains_make_functions(void)
{
  struct lua_function *f = functions;
  for (unsigned i = 0; i < CHAIN_COUNT; i++)
    for (const struct verb *v = verbs; v < verbs + VERBS; v++) {
      const struct param *params = chain_rows[i].side == SIDE_QUERY ? v->query : v->response;
      if (params == NULL)
        continue;
      *f++ = (struct lua_function){
          .name = bind_chains_filled(v->name, v->call == bind_chains_add ? chain_rows[i].word : chain_rows[i].infix),
          .help = bind_chains_filled(v->help, chain_rows[i].help),
          .params = params,
          .returns = v->returns,
          .flags = v->flags,
          .call = v->call,
          .data = &chain_rows[i]};
    }
}

const struct lua_function *
chain_functions(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, bind_chains_make_functions);
  return functions;
}
