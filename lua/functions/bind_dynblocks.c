// SPDX-License-Identifier: BSD-2-Clause
// Dynamic blocks by hand, and their table: addDynBlocks(), addDynBlockSMT(), addDynamicBlock(), clearDynBlocks(),
// showDynBlocks().
//
// Blocks are edits of the draft that guard/dynblock keeps, in effect as soon as they are published, which is when the
// command or maintenance() ends. A longer block that is there is kept; a new one is told in the log. What a rule of a group
// would block is in lua/classes/class_dynblock_group.c. Lua lock.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/guard/dynblock_group.h"
#include "lua/binder/classes.h"
#include "lua/binder/sense.h"
#include "lua/classes/classes.h"
#include "rules/act/action.h"

#include <string.h>

static int
bind_dynblocks_block(struct call *c, const struct dynblock_spec *spec)
{
  if (!dynblock_options_good(c, spec->action, spec->tag_name))
    return -1;
  if (dynblock_insert(&config()->dynblocks, spec, clock_mono_us()) == DYNBLOCK_NEW)
    dynblock_log(spec);
  return 0;
}

// ---- adding ----

enum { ADDRESS, MESSAGE, ACTION, SECONDS, MASK, PORT_MASK, OPTIONS };

// The action None, which is the default of the argument, is no action of its own.
static int
bind_dynblocks_action_of(const struct value *v)
{
  return !v->given || v->integer == DNS_ACTION_NONE ? DYNBLOCK_NO_ACTION : (int)v->integer;
}

static int
bind_dynblocks_add_block(struct call *c)
{
  const struct value *a = c->args;
  const struct address *given = binder_test(c->lua, a[ADDRESS].stack, &class_address);
  struct address address;
  struct fault fault = FAULT_INIT;
  if (given != NULL) {
    address = *given;
  } else if (!lua_isstring(c->lua, a[ADDRESS].stack)) {
    return call_wrong_type(c, a[ADDRESS].stack, "ComboAddress or string");
  } else if (!address_parse(&address, lua_tostring(c->lua, a[ADDRESS].stack), 0, &fault)) {
    log_error("addDynamicBlock", "%s", fault.text);
    return 0;
  }
  unsigned most = address_is_v6(&address) ? 128 : 32;
  if (a[MASK].given && a[MASK].integer > most)
    sense_warn(c, "clientIPMask=%lld is more than the address has: its %u bits count", (long long)a[MASK].integer, most);
  return bind_dynblocks_block(c, &(struct dynblock_spec){
                      .key = dynblock_key_address(&address, a[MASK].given ? (unsigned)a[MASK].integer : most, (unsigned)a[PORT_MASK].integer),
                      .seconds = (uint64_t)a[SECONDS].integer,
                      .reason = a[MESSAGE].string.data,
                      .action = bind_dynblocks_action_of(&a[ACTION]),
                      .tag_name = dynblock_option(&a[OPTIONS], DYNBLOCK_TAG_NAME),
                      .tag_value = dynblock_option(&a[OPTIONS], DYNBLOCK_TAG_VALUE)});
}

// The table of an exceed...() function: addresses as keys.
static int
bind_dynblocks_add_blocks(struct call *c)
{
  enum { TABLE, WHY, FOR, WHAT };
  int table = c->args[TABLE].stack;
  if (!lua_istable(c->lua, table))
    return call_wrong_type(c, table, "table");
  for (lua_pushnil(c->lua); lua_next(c->lua, table) != 0; lua_pop(c->lua, 1)) {
    const struct address *a = binder_test(c->lua, lua_gettop(c->lua) - 1, &class_address);
    if (a == NULL)
      return call_wrong_type(c, lua_gettop(c->lua) - 1, class_address.name);
    if (bind_dynblocks_block(c, &(struct dynblock_spec){.key = dynblock_key_address(a, 128, 0),
                                                        .seconds = (uint64_t)c->args[FOR].integer,
                                                        .reason = c->args[WHY].string.data,
                                                        .action = bind_dynblocks_action_of(&c->args[WHAT])}) < 0)
      return -1;
  }
  return 0;
}

static int
bind_dynblocks_add_suffixes(struct call *c)
{
  enum { NAMES, WHY, FOR, WHAT, WITH };
  int table = c->args[NAMES].stack;
  if (!lua_istable(c->lua, table))
    return call_wrong_type(c, table, "table of names");
  for (lua_pushnil(c->lua); lua_next(c->lua, table) != 0; lua_pop(c->lua, 1)) {
    const struct param row = {.name = "name", .type = PARAM_NAME};
    struct value v;
    if (!call_read(c, lua_gettop(c->lua), &row, &v))
      return -1;
    if (bind_dynblocks_block(c, &(struct dynblock_spec){.key = dynblock_key_suffix(v.object),
                                                        .seconds = (uint64_t)c->args[FOR].integer,
                                                        .reason = c->args[WHY].string.data,
                                                        .action = bind_dynblocks_action_of(&c->args[WHAT]),
                                                        .tag_name = dynblock_option(&c->args[WITH], DYNBLOCK_TAG_NAME),
                                                        .tag_value = dynblock_option(&c->args[WITH], DYNBLOCK_TAG_VALUE)}) <
        0)
      return -1;
  }
  return 0;
}

static int
bind_dynblocks_clear_blocks(struct call *c)
{
  (void)c;
  dynblock_clear(&config()->dynblocks);
  return 0;
}

// ---- looking ----

static void
bind_dynblocks_show_one(struct dynblock *b, void *arg)
{
  struct text key;
  text_init(&key);
  dynblock_key_text(&b->key, &key);
  uint64_t left_s = (b->until_us - *(const uint64_t *)arg) / 1000000;
  text_printf(binder_output(), "%-24s %8llu %8llu %-10s %-20s %-10s %s\n", key.data, (unsigned long long)left_s,
              (unsigned long long)atomic_load_explicit(&b->hits->count, memory_order_relaxed), b->warning ? "true" : "false",
              dynblock_action_text(b->action == DYNBLOCK_NO_ACTION ? config()->dynblocks.default_action : b->action), "", b->reason);
  text_fini(&key);
}

static int
bind_dynblocks_show_blocks(struct call *c)
{
  uint64_t now_us = clock_mono_us();
  (void)c;
  text_printf(binder_output(), "%-24s %8s %8s %-10s %-20s %-10s %s\n", "What", "Seconds", "Blocks", "Warning", "Action", "eBPF", "Reason");
  dynblock_each(&config()->dynblocks, now_us, bind_dynblocks_show_one, &now_us);
  return 0;
}

struct listing {
  lua_State *lua;
  bool suffixes;
};

static void
bind_dynblocks_list_one(struct dynblock *b, void *arg)
{
  struct listing *l = arg;
  struct text key;
  if (b->key.is_suffix != l->suffixes)
    return;
  text_init(&key);
  dynblock_key_text(&b->key, &key);
  binder_push_object(l->lua, b);
  lua_setfield(l->lua, -2, key.data);
  text_fini(&key);
}

static int
bind_dynblocks_get_blocks(struct call *c)
{
  lua_newtable(c->lua);
  dynblock_each(&config()->dynblocks, clock_mono_us(), bind_dynblocks_list_one, &(struct listing){.lua = c->lua});
  return 1;
}

static int
bind_dynblocks_get_suffixes(struct call *c)
{
  lua_newtable(c->lua);
  dynblock_each(&config()->dynblocks, clock_mono_us(), bind_dynblocks_list_one,
                &(struct listing){.lua = c->lua, .suffixes = true});
  return 1;
}

// ---- settings ----

static int
bind_dynblocks_set_action(struct call *c)
{
  int64_t action = c->args[0].integer;
  switch (action) {
  case DNS_ACTION_DROP:
  case DNS_ACTION_NO_OP:
  case DNS_ACTION_NXDOMAIN:
  case DNS_ACTION_REFUSED:
  case DNS_ACTION_TRUNCATE:
  case DNS_ACTION_NO_RECURSE:
    undo_bytes(&config()->dynblocks.default_action, sizeof config()->dynblocks.default_action);
    config()->dynblocks.default_action = (int)action;
    config()->dynblocks.changed = true;
    return 0;
  default:
    binder_refuse("setDynBlocksAction", "Dynamic blocks action can only be Drop, NoOp, NXDomain, Refused, Truncate or NoRecurse!");
    return 0;
  }
}

static int
bind_dynblocks_set_purge(struct call *c)
{
  undo_bytes(&config()->dynblocks.purge_interval_s, sizeof config()->dynblocks.purge_interval_s);
  config()->dynblocks.purge_interval_s = (uint32_t)c->args[0].integer;
  return 0;
}

static int
bind_dynblocks_new_group(struct call *c)
{
  binder_push_object(c->lua, call_own(c, dynblock_group_new()));
  return 1;
}

#define MESSAGE_ROW {.name = "message", .type = PARAM_STRING, .help = "why"}
#define SECONDS_ROW {.name = "seconds", .type = PARAM_INT, .least = 1, .outside = OUTSIDE_KEPT,                        \
   .why = "the block is over at once", .optional = true, .fallback = "10", .unit = "s", .max = UINT32_MAX, .help = "how long"}
#define ACTION_ROW {.name = "action", .type = PARAM_INT, .most = DNS_ACTION_SET_TAG, .optional = true,                 \
   .help = "DNSAction; the default's when not given"}

const struct lua_function functions_dynblocks[] = {
    {.name = "dynBlockRulesGroup",
     .help = "An empty group of rules that make dynamic blocks: call its apply() from maintenance()",
     .returns = "DynBlockRulesGroup",
     .call = bind_dynblocks_new_group},
    {.name = "addDynamicBlock",
     .help = "Block an address or a range for some time",
     .params = PARAMS([ADDRESS] = {.name = "address", .type = PARAM_ANY, .help = "ComboAddress or text"},
                      [MESSAGE] = MESSAGE_ROW, [ACTION] = ACTION_ROW, [SECONDS] = SECONDS_ROW,
                      [MASK] = {.name = "clientIPMask",
                                .type = PARAM_INT, .most = 128,
                                .optional = true,
                                .help = "leading bits; all when not given"},
                      [PORT_MASK] = {.name = "clientIPPortMask",
                                     .type = PARAM_INT, .most = 16,
                                     .optional = true,
                                     .fallback = "0",
                                     .help = "leading bits of the port"},
                      [OPTIONS] = {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = dynblock_options}),
     .call = bind_dynblocks_add_block},
    {.name = "addDynBlocks",
     .help = "Block every address of the table that an exceed...() function gave",
     .params = PARAMS({.name = "addresses", .type = PARAM_ANY, .help = "counts by ComboAddress"}, MESSAGE_ROW, SECONDS_ROW,
                      ACTION_ROW),
     .call = bind_dynblocks_add_blocks},
    {.name = "addDynBlockSMT",
     .help = "Block suffixes for some time",
     .params = PARAMS({.name = "names", .type = PARAM_ANY, .help = "list of names"}, MESSAGE_ROW, SECONDS_ROW, ACTION_ROW,
                      {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = dynblock_options}),
     .call = bind_dynblocks_add_suffixes},
    {.name = "clearDynBlocks", .help = "Remove every dynamic block", .call = bind_dynblocks_clear_blocks},
    {.name = "showDynBlocks",
     .help = "Print the dynamic blocks",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_dynblocks_show_blocks},
    {.name = "getDynamicBlocks",
     .help = "Blocks of addresses by netmask",
     .returns = "table<string, DynBlock>",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_dynblocks_get_blocks},
    {.name = "getDynamicBlocksSMT",
     .help = "Blocks of suffixes by name",
     .returns = "table<string, DynBlock>",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_dynblocks_get_suffixes},
    {.name = "setDynBlocksAction",
     .help = "What blocks without an action of their own do",
     .params = PARAMS({.name = "action",
                       .type = PARAM_INT,
                       .own = true,
                       .optional = true,
                       .fallback = "0",
                       .help = "DNSAction: Drop, NoOp, Nxdomain, Refused, Truncate or NoRecurse"}),
     .call = bind_dynblocks_set_action},
    {.name = "setDynBlocksPurgeInterval",
     .help = "How often blocks whose time is over are removed; they have no effect before",
     .params = PARAMS({.name = "seconds",
                       .type = PARAM_INT,
                       .optional = true,
                       .fallback = "60",
                       .unit = "s",
                       .max = UINT32_MAX,
                       .any = true,
                       .help = "0: never"}),
     .call = bind_dynblocks_set_purge},
    {.name = NULL},
};
