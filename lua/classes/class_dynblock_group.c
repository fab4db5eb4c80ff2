// SPDX-License-Identifier: BSD-2-Clause
// DynBlockRulesGroup: its rules, what it leaves alone, and apply().
//
//   setQueryRate(...), setRCodeRate(...), ... --> rules of the group; excludeRange(), excludeDomains(), ...
//   apply(), from maintenance() --> judged clients, and names that a visitor chose (dynblock_suffix_rule) --> blocks
//
// Setting rules is an edit that a failed command takes back; while apply() goes over them they cannot change. A function
// that is told of new blocks (setNewBlockInsertedHook()) is called for each, under the Lua lock; what it fails with is
// logged.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/wire/name_set.h"
#include "lua/binder/classes.h"
#include "lua/binder/errors.h"
#include "lua/classes/classes.h"
#include "lua/scripts/control_state.h"
#include "rules/act/action.h"

// ---- options ----

const struct param dynblock_options[] = {
    [DYNBLOCK_TAG_NAME] = {.name = "tagName", .type = PARAM_STRING, .optional = true, .help = "tag that the action SetTag sets"},
    [DYNBLOCK_TAG_VALUE] = {.name = "tagValue", .type = PARAM_STRING, .optional = true, .help = "its value"},
    {.type = PARAM_END}};

const char *
dynblock_option(const struct value *options, unsigned key)
{
  return options->given && options->options[key].given ? options->options[key].string.data : NULL;
}

bool
dynblock_options_good(struct call *c, int action, const char *tag_name)
{
  if (action == DNS_ACTION_SET_TAG && (tag_name == NULL || *tag_name == '\0'))
    return call_fault(c, FAULT_CAUGHT, "The action SetTag of a dynamic block needs the option tagName") == 0;
  return true;
}

// ---- rules ----

static int
class_dynblock_group_action_of(const struct value *v)
{
  return !v->given || v->integer == DNS_ACTION_NONE ? DYNBLOCK_NO_ACTION : (int)v->integer;
}

// What apply() calls may keep the group and change it, but not what apply() goes over.
bool
dynblock_may_change(struct call *c)
{
  return !((const struct dynblock_group *)c->self)->applied ||
         call_fault(c, FAULT_CAUGHT, "The rules of a group cannot be changed while it is applied") == 0;
}

// Where the arguments of a method are; -1: it has none of these.
struct places {
  enum dynblock_rule_kind kind;
  int number, limit, seconds, reason, duration, min_responses, min_hit_ratio, action, warning, options;
};

static double
class_dynblock_group_number_at(const struct call *c, int place)
{
  const struct value *v = &c->args[place];
  return c->function->params[place].type == PARAM_FLOAT ? v->number : (double)v->integer;
}

static int
class_dynblock_group_set_rule(struct call *c)
{
  const struct places *p = c->function->data;
  const struct value *a = c->args;
  struct dynblock_rule r = {.kind = p->kind, .action = class_dynblock_group_action_of(&a[p->action])};
  const char *tag = dynblock_option(&a[p->options], DYNBLOCK_TAG_NAME);
  if (!dynblock_may_change(c) || !dynblock_options_good(c, r.action, tag))
    return -1;
  if (p->kind == DYNBLOCK_ALLOWED_RCODES_RATIO)
    for (size_t i = 0; i < a[p->number].list.count; i++)
      r.rcodes |= a[p->number].list.integers[i] < 0 || a[p->number].list.integers[i] > 15 ? 0 : 1u << a[p->number].list.integers[i];
  else if (p->number >= 0)
    r.number = (unsigned)a[p->number].integer;
  r.limit = class_dynblock_group_number_at(c, p->limit);
  r.warning = a[p->warning].given ? class_dynblock_group_number_at(c, p->warning) : 0;
  r.seconds = (uint64_t)a[p->seconds].integer;
  r.duration_s = (uint64_t)a[p->duration].integer;
  r.min_responses = p->min_responses >= 0 ? (uint64_t)a[p->min_responses].integer : 0;
  r.min_hit_ratio = p->min_hit_ratio >= 0 ? a[p->min_hit_ratio].number : 0;
  r.reason = memory_string(a[p->reason].string.data);
  r.tag_name = memory_string(tag);
  r.tag_value = memory_string(dynblock_option(&a[p->options], DYNBLOCK_TAG_VALUE));
  dynblock_group_edit_rules(c->self);
  dynblock_group_set(c->self, &r);
  return 0;
}

static int
class_dynblock_group_set_masks(struct call *c)
{
  struct dynblock_group *g = c->self;
  int64_t v4 = c->args[0].integer, v6 = c->args[1].integer, port = c->args[2].integer;
  if (v4 > 32 || v4 < 0)
    return call_fault(c, FAULT_CAUGHT, "Trying to set an invalid IPv4 mask (%lld) to a Dynamic Block object", (long long)v4);
  if (v6 > 128 || v6 < 0)
    return call_fault(c, FAULT_CAUGHT, "Trying to set an invalid IPv6 mask (%lld) to a Dynamic Block object", (long long)v6);
  if (port > 16 || port < 0)
    return call_fault(c, FAULT_CAUGHT, "Trying to set an invalid port mask (%lld) to a Dynamic Block object", (long long)port);
  if (port > 0 && v4 != 32)
    return call_fault(c, FAULT_CAUGHT, "Setting a non-zero port mask for Dynamic Blocks while only considering parts of IPv4 addresses does not make sense");
  dynblock_group_edit_rest(g);
  g->bits_v4 = (uint8_t)v4;
  g->bits_v6 = (uint8_t)v6;
  g->port_bits = (uint8_t)port;
  return 0;
}

// ---- what is left alone ----

struct ranges {
  struct dynblock_group *group;
  enum { EXCLUDE, INCLUDE, REMOVE } what;
};

static void
class_dynblock_group_change_range(const struct netmask *mask, void *arg)
{
  const struct ranges *r = arg;
  struct netmask m = *mask;
  m.negated = r->what == INCLUDE;
  if (r->what == REMOVE)
    netmask_set_remove(r->group->excluded, &m);
  else
    netmask_set_add(r->group->excluded, &m);
}

static int
class_dynblock_group_change_ranges(struct call *c, int what)
{
  dynblock_group_edit_rest(c->self);
  netmask_set_each(c->args[0].object, class_dynblock_group_change_range, &(struct ranges){.group = c->self, .what = what});
  netmask_set_build(((struct dynblock_group *)c->self)->excluded);
  return 0;
}

static int
class_dynblock_group_exclude_range(struct call *c)
{
  return class_dynblock_group_change_ranges(c, EXCLUDE);
}

static int
class_dynblock_group_include_range(struct call *c)
{
  return class_dynblock_group_change_ranges(c, INCLUDE);
}

static int
class_dynblock_group_remove_range(struct call *c)
{
  return class_dynblock_group_change_ranges(c, REMOVE);
}

static void
class_dynblock_group_exclude_name(const struct name *name, void *arg)
{
  suffix_set_add(arg, name);
}

static int
class_dynblock_group_exclude_domains(struct call *c)
{
  dynblock_group_edit_rest(c->self);
  suffix_set_each(c->args[0].object, class_dynblock_group_exclude_name, ((struct dynblock_group *)c->self)->excluded_names);
  return 0;
}

static int
class_dynblock_group_set_quiet(struct call *c)
{
  dynblock_group_edit_rest(c->self);
  ((struct dynblock_group *)c->self)->quiet = c->args[0].boolean;
  return 0;
}

static int
class_dynblock_group_set_hook(struct call *c)
{
  struct dynblock_group *g = c->self;
  dynblock_group_edit_rest(g);
  object_unref(&g->hook);
  g->hook = object_ref(c->args[0].object);
  return 0;
}

// ---- apply() ----

static void
class_dynblock_group_tell_hook(const struct dynblock_group *g, const struct dynblock_spec *spec, void *arg)
{
  struct call *c = arg;
  lua_State *lua = c->lua;
  struct text key, error;
  if (g->hook == NULL)
    return;
  text_init(&key);
  text_init(&error);
  dynblock_key_text(&spec->key, &key);
  script_push(lua, g->hook);
  lua_pushinteger(lua, spec->key.is_suffix);
  lua_pushstring(lua, key.data);
  lua_pushstring(lua, spec->reason);
  lua_pushinteger(lua, spec->action == DYNBLOCK_NO_ACTION ? config()->dynblocks.default_action : spec->action);
  lua_pushnumber(lua, (double)spec->seconds);
  lua_pushboolean(lua, spec->warning);
  if (!errors_call_short(lua, 6, 0, &error))
    log_warning("dynamic-rules", "The hook for new dynamic blocks failed: %s", error.data);
  text_fini(&key);
  text_fini(&error);
}

static int
class_dynblock_group_apply_now(struct call *c, const struct dynblock_group *g)
{
  double hits = (double)counter_sum(COUNTER_CACHE_HITS), misses = (double)counter_sum(COUNTER_CACHE_MISSES);
  dynblock_group_apply(g, &config()->dynblocks, hits + misses > 0 ? hits / (hits + misses) : 0, class_dynblock_group_tell_hook,
                       c);
  return dynblock_suffix_rule_apply(c, g, class_dynblock_group_tell_hook) ? 0 : -1;
}

static int
class_dynblock_group_apply(struct call *c)
{
  struct dynblock_group *g = c->self;
  bool outer = g->applied;
  g->applied = true;
  int results = class_dynblock_group_apply_now(c, g);
  g->applied = outer;
  return results;
}

static int
class_dynblock_group_to_string(struct call *c)
{
  struct text text;
  text_init(&text);
  dynblock_group_text(c->self, &text);
  binder_push_text(c->lua, &text);
  text_fini(&text);
  return 1;
}

// ---- declarations ----

#define RATE {.name = "rate", .type = PARAM_INT, PARAM_NO_LIMIT_32, .unit = "/s", .help = "allowed per second"}
#define RATIO {.name = "ratio", .type = PARAM_FLOAT, .most = 1, .safe = "1", .help = "allowed share, 0 to 1"}
#define SECONDS_ROW {.name = "seconds", .type = PARAM_INT, .least = 1, .outside = OUTSIDE_KEPT,                        \
   .why = "no query comes in no time: nobody is blocked", .unit = "s", .max = UINT32_MAX, .help = "how far to look back"}
#define REASON_ROW {.name = "reason", .type = PARAM_STRING, .help = "shown with the block"}
#define DURATION_ROW {.name = "blockingTime", .type = PARAM_INT, .least = 1, .outside = OUTSIDE_KEPT,                  \
   .why = "the block is over at once", .unit = "s", .max = UINT32_MAX, .help = "how long the block lasts"}
#define RESPONSES_ROW {.name = "minimumNumberOfResponses", .type = PARAM_INT, PARAM_NO_LIMIT_64,                       \
   .help = "with fewer nobody is judged"}
#define ACTION_ROW {.name = "action", .type = PARAM_INT, .most = DNS_ACTION_SET_TAG, .optional = true,                 \
   .help = "DNSAction; the default's when not given"}
#define WARNING_RATE {.name = "warningRate", .type = PARAM_INT, .most = UINT32_MAX, .optional = true, .unit = "/s",    \
   .help = "above it a warning is made"}
#define WARNING_RATIO {.name = "warningRatio", .type = PARAM_FLOAT, .most = 1, .optional = true,                       \
   .help = "above it a warning is made"}
#define OPTIONS_ROW {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = dynblock_options}
#define RANGES PARAMS({.name = "ranges", .type = PARAM_NETMASKS, .help = "network, list or NetmaskGroup"})

#define AT(...) .call = class_dynblock_group_set_rule, .data = &(const struct places){__VA_ARGS__}

static const struct lua_function methods[] = {
    {.name = "setQueryRate",
     .help = "Block clients that ask more often",
     .params = PARAMS(RATE, SECONDS_ROW, REASON_ROW, DURATION_ROW, ACTION_ROW, WARNING_RATE, OPTIONS_ROW),
     AT(DYNBLOCK_QUERY_RATE, -1, 0, 1, 2, 3, -1, -1, 4, 5, 6)},
    {.name = "setResponseByteRate",
     .help = "Block clients that get more bytes",
     .params = PARAMS(RATE, SECONDS_ROW, REASON_ROW, DURATION_ROW, ACTION_ROW, WARNING_RATE, OPTIONS_ROW),
     AT(DYNBLOCK_BYTE_RATE, -1, 0, 1, 2, 3, -1, -1, 4, 5, 6)},
    {.name = "setRCodeRate",
     .help = "Block clients that get answers of an rcode more often",
     .params = PARAMS({.name = "rcode", .type = PARAM_INT, PARAM_RCODE,
                       .help = "DNSRCode"}, RATE, SECONDS_ROW, REASON_ROW, DURATION_ROW,
                      ACTION_ROW, WARNING_RATE, OPTIONS_ROW),
     AT(DYNBLOCK_RCODE_RATE, 0, 1, 2, 3, 4, -1, -1, 5, 6, 7)},
    {.name = "setQTypeRate",
     .help = "Block clients that ask for a type more often",
     .params = PARAMS({.name = "qtype", .type = PARAM_INT, PARAM_MODULO_16,
                       .help = "DNSQType"}, RATE, SECONDS_ROW, REASON_ROW, DURATION_ROW,
                      ACTION_ROW, WARNING_RATE, OPTIONS_ROW),
     AT(DYNBLOCK_QTYPE_RATE, 0, 1, 2, 3, 4, -1, -1, 5, 6, 7)},
    {.name = "setRCodeRatio",
     .help = "Block clients whose answers have an rcode too often",
     .params = PARAMS({.name = "rcode", .type = PARAM_INT, PARAM_RCODE,
                       .help = "DNSRCode"}, RATIO, SECONDS_ROW, REASON_ROW, DURATION_ROW,
                      RESPONSES_ROW, ACTION_ROW, WARNING_RATIO, OPTIONS_ROW),
     AT(DYNBLOCK_RCODE_RATIO, 0, 1, 2, 3, 4, 5, -1, 6, 7, 8)},
    {.name = "setAllowedRCodesRatio",
     .help = "Block clients whose answers have other rcodes too often",
     .params = PARAMS({.name = "rcodes", .type = PARAM_INTS, PARAM_RCODE,
                       .help = "list of DNSRCode"}, RATIO, SECONDS_ROW, REASON_ROW,
                      DURATION_ROW, RESPONSES_ROW, ACTION_ROW, WARNING_RATIO, OPTIONS_ROW),
     AT(DYNBLOCK_ALLOWED_RCODES_RATIO, 0, 1, 2, 3, 4, 5, -1, 6, 7, 8)},
    {.name = "setCacheMissRatio",
     .help = "Block clients whose queries miss the cache too often",
     .params = PARAMS(
         RATIO, SECONDS_ROW, REASON_ROW, DURATION_ROW, RESPONSES_ROW,
         {.name = "minimumGlobalCacheHitRatio", .type = PARAM_FLOAT, .most = 1, .help = "with fewer hits of all nobody is judged"},
         ACTION_ROW, WARNING_RATIO, OPTIONS_ROW),
     AT(DYNBLOCK_CACHE_MISS_RATIO, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8)},
    {.name = "setSuffixMatchRule",
     .help = "Block the names that a function chooses among those answered",
     .params =
         PARAMS(SECONDS_ROW, REASON_ROW, DURATION_ROW, {.name = "action", .type = PARAM_ANY, .help = "DNSAction, or nil"},
                {.name = "visitor",
                 .type = PARAM_FUNCTION,
                 .help = "function(node, self, all) that returns true to block, a reason, an action"},
                OPTIONS_ROW),
     .call = dynblock_set_suffix_rule},
    {.name = "setSuffixMatchRuleFFI",
     .help = "The same for an FFI function; it goes before the other",
     .params =
         PARAMS(SECONDS_ROW, REASON_ROW, DURATION_ROW, {.name = "action", .type = PARAM_ANY, .help = "DNSAction, or nil"},
                {.name = "visitor",
                 .type = PARAM_FUNCTION,
                 .help = "function(node), a dnsdist_ffi_stat_node_t, that returns true to block"},
                OPTIONS_ROW),
     .call = dynblock_set_suffix_rule_ffi},
    {.name = "setMasks",
     .help = "Count clients together that share these bits",
     .params =
         PARAMS({.name = "v4", .type = PARAM_INT, .own = true,
                 .help = "0 to 32"}, {.name = "v6", .type = PARAM_INT, .own = true, .help = "0 to 128"},
                {.name = "port", .type = PARAM_INT, .own = true, .help = "0 to 16"}),
     .call = class_dynblock_group_set_masks},
    {.name = "excludeRange",
     .help = "Never block these clients",
     .params = RANGES,
     .call = class_dynblock_group_exclude_range},
    {.name = "includeRange",
     .help = "Block these all the same",
     .params = RANGES,
     .call = class_dynblock_group_include_range},
    {.name = "removeRange",
     .help = "Forget that these were excluded or included",
     .params = RANGES,
     .call = class_dynblock_group_remove_range},
    {.name = "excludeDomains",
     .help = "Never block these suffixes",
     .params = PARAMS({.name = "domains", .type = PARAM_SUFFIXES, .help = "name or list"}),
     .call = class_dynblock_group_exclude_domains},
    {.name = "setQuiet",
     .help = "Do not log new blocks",
     .params = PARAMS({.name = "quiet", .type = PARAM_BOOL}),
     .call = class_dynblock_group_set_quiet},
    {.name = "setNewBlockInsertedHook",
     .help = "Call a function for each new block",
     .params = PARAMS({.name = "hook",
                       .type = PARAM_FUNCTION,
                       .help = "function(type, key, reason, action, duration, warning); type 1: a suffix"}),
     .call = class_dynblock_group_set_hook},
    {.name = "apply", .help = "Look at the rings and make blocks", .call = class_dynblock_group_apply},
    {.name = "toString",
     .help = "The rules, a line each",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_dynblock_group_to_string},
    {.name = NULL}};

const struct lua_class class_dynblock_group = {
    .name = "DynBlockRulesGroup",
    .help = "Rules that make dynamic blocks",
    .object = &dynblock_group_class,
    .methods = methods,
    .tostring = class_dynblock_group_to_string,
};
