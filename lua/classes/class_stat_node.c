// SPDX-License-Identifier: BSD-2-Clause
// StatNode, StatNodeStats and statNodeRespRing(): the tree of answered names as visitors see it.
//
//   rings --stat_nodes_visit() (guard/dynblock_group)--> visitor(node, self, childstats), each name after those below it
//
// A visitor gets values: the node with its name, labels and number of children; what was answered for the name itself; and
// that with all below. Counts stand for what sampling left out as well (rings_weight()). A visitor that fails ends the walk,
// and its error is the caller's; one that takes long is ended by its budget.
//
// Lua lock: a visitor is a function of the shared state.
#include "lua/classes/classes.h"

#include "dnsproxy/base/clock.h"
#include "lua/binder/errors.h"

struct node {
  struct name name;
  unsigned labels, children;
};

static int
get_full_name(struct call *c)
{
  char text[NAME_TEXT_SIZE];
  const struct node *n = c->self;
  lua_pushstring(c->lua, n->labels == 0 ? "" : name_text(&n->name, text));
  return 1;
}

static int
get_labels(struct call *c)
{
  lua_pushinteger(c->lua, ((const struct node *)c->self)->labels);
  return 1;
}

static int
get_children(struct call *c)
{
  lua_pushinteger(c->lua, ((const struct node *)c->self)->children);
  return 1;
}

const struct lua_class class_stat_node = {
    .name = "StatNode",
    .help = "A name in the tree of answered names",
    .size = sizeof(struct node),
    .attributes =
        (const struct lua_attribute[]){
            {.name = "fullname", .type = PARAM_STRING, .help = "The name; empty for the root", .get = get_full_name},
            {.name = "labelsCount", .type = PARAM_INT, .help = "Number of its labels", .get = get_labels},
            {.name = NULL}},
    .methods = (const struct lua_function[]){{.name = "numChildren",
                                              .help = "How many names are directly below",
                                              .returns = "integer",
                                              .flags = FUNCTION_NO_EFFECT,
                                              .call = get_children},
                                             {.name = NULL}}};

#define COUNT(field)                                                                                                   \
  static int get_##field(struct call *c)                                                                               \
  {                                                                                                                    \
    lua_pushnumber(c->lua, (double)((const struct stat_counts *)c->self)->field);                                      \
    return 1;                                                                                                          \
  }
COUNT(queries)
COUNT(noerrors)
COUNT(nxdomains)
COUNT(servfails)
COUNT(drops)
COUNT(bytes)
COUNT(hits)

#define ATTRIBUTE(field, words) {.name = #field, .type = PARAM_INT, .help = words, .get = get_##field}

const struct lua_class class_stat_counts = {
    .name = "StatNodeStats",
    .help = "Counts of answers",
    .size = sizeof(struct stat_counts),
    .attributes = (const struct lua_attribute[]){ATTRIBUTE(queries, "Answers and time-outs"),
                                                 ATTRIBUTE(noerrors, "NoError"),
                                                 ATTRIBUTE(nxdomains, "NXDomain"),
                                                 ATTRIBUTE(servfails, "ServFail"),
                                                 ATTRIBUTE(drops, "Time-outs"),
                                                 ATTRIBUTE(bytes, "Bytes of the answers"),
                                                 ATTRIBUTE(hits, "Answers from the cache or a rule"),
                                                 {.name = NULL}}};

static void
class_stat_node_push_counts(lua_State *lua, const struct stat_counts *counts, uint32_t weight)
{
  struct stat_counts *to = binder_push_value(lua, &class_stat_counts);
  *to = (struct stat_counts){.queries = counts->queries * weight,
                             .noerrors = counts->noerrors * weight,
                             .nxdomains = counts->nxdomains * weight,
                             .servfails = counts->servfails * weight,
                             .drops = counts->drops * weight,
                             .bytes = counts->bytes * weight,
                             .hits = counts->hits * weight};
}

void
stat_node_push(lua_State *lua, const struct stat_node *node, uint32_t weight)
{
  struct node *n = binder_push_value(lua, &class_stat_node);
  *n = (struct node){.name = node->name, .labels = node->labels, .children = node->children};
  class_stat_node_push_counts(lua, &node->self, weight);
  class_stat_node_push_counts(lua, &node->all, weight);
}

// ---- statNodeRespRing() ----

struct visit {
  struct call *call;
  bool good;
};

static bool
class_stat_node_visit_node(const struct stat_node *node, void *arg)
{
  struct visit *v = arg;
  lua_State *lua = v->call->lua;
  struct text error;
  text_init(&error);
  lua_pushvalue(lua, 1);
  stat_node_push(lua, node, 1);
  v->good = errors_call_short(lua, 3, 0, &error);
  if (!v->good)
    call_fault(v->call, FAULT_PLAIN, "%s", error.data);
  text_fini(&error);
  return v->good;
}

static int
class_stat_node_ring(struct call *c)
{
  struct visit v = {.call = c, .good = true};
  uint64_t now_us = clock_mono_us(), since_us = 0;
  int64_t seconds = c->args[1].integer;
  if (seconds > 0 && (uint64_t)seconds < now_us / 1000000)
    since_us = now_us - (uint64_t)seconds * 1000000;
  stat_nodes_visit(since_us, class_stat_node_visit_node, &v);
  return v.good ? 0 : -1;
}

const struct lua_function functions_stat_nodes[] = {
    {.name = "statNodeRespRing",
     .help = "Call a function for every answered name and every name above, children before their parents",
     .params = PARAMS({.name = "visitor",
                       .type = PARAM_FUNCTION,
                       .help = "function(node, self, all): counts of the name itself, and with everything below"},
                      {.name = "seconds",
                       .type = PARAM_INT, .most = INT64_MAX,
                       .optional = true,
                       .fallback = "0",
                       .unit = "s",
                       .help = "how far to look back; 0: as far as the ring goes"}),
     .flags = FUNCTION_NO_EFFECT,
     .call = class_stat_node_ring},
    {.name = NULL}};
