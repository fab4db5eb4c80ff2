// SPDX-License-Identifier: BSD-2-Clause
// Netmask and NetmaskGroup: a network and its prefix length as a value, and a set of such.
//
//   newNetmask("192.0.2.0/24")          a value (base/netmask): copied with the handle; the only type whose == compares
//   newNMG():addMask("192.0.2.0/24")    a counted set; the longest prefix decides, a leading '!' makes that a no
//
// A rule made from a group keeps what was in it then: the set is copied when it is changed while anybody else holds it
// (netmask_set_writable()), so that workers may look into theirs without a lock, and the script's handle gets the copy.
//
// Lua lock, or the state of the thread that made it.
#include "dnsproxy/base/netmask.h"
#include "lua/binder/classes.h"

static int
class_netmask_is_empty(struct call *c)
{
  lua_pushboolean(c->lua, !address_is_set(&((const struct netmask *)c->self)->network));
  return 1;
}

static int
class_netmask_get_bits(struct call *c)
{
  lua_pushinteger(c->lua, ((const struct netmask *)c->self)->bits);
  return 1;
}

static int
class_netmask_get_network(struct call *c)
{
  *(struct address *)binder_push_value(c->lua, &class_address) = ((const struct netmask *)c->self)->network;
  return 1;
}

static int
class_netmask_is_v4(struct call *c)
{
  lua_pushboolean(c->lua, ((const struct netmask *)c->self)->network.sa.sa_family == AF_INET);
  return 1;
}

static int
class_netmask_is_v6(struct call *c)
{
  lua_pushboolean(c->lua, address_is_v6(&((const struct netmask *)c->self)->network));
  return 1;
}

static int
class_netmask_match(struct call *c)
{
  struct address address;
  if (!address_parse(&address, c->args[0].string.data, 0, &c->fault))
    return -1;
  lua_pushboolean(c->lua, netmask_match(c->self, &address));
  return 1;
}

static int
class_netmask_to_text(struct call *c)
{
  struct text out;
  text_init(&out);
  netmask_text(c->self, &out);
  binder_push_text(c->lua, &out);
  text_fini(&out);
  return 1;
}

static int
class_netmask_equal(struct call *c, const void *other)
{
  lua_pushboolean(c->lua, netmask_equal(c->self, other));
  return 1;
}

static const struct lua_function methods[] = {
    {.name = "empty",
     .help = "Is it unset?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_is_empty},
    {.name = "getBits",
     .help = "Prefix length",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_get_bits},
    {.name = "getNetwork",
     .help = "First address of the network",
     .returns = "ComboAddress",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_get_network},
    {.name = "getMaskedNetwork",
     .help = "First address of the network",
     .returns = "ComboAddress",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_get_network},
    {.name = "isIPv4",
     .help = "Is it IPv4?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_is_v4},
    {.name = "isIpv4",
     .help = "Is it IPv4?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_is_v4},
    {.name = "isIPv6",
     .help = "Is it IPv6?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_is_v6},
    {.name = "isIpv6",
     .help = "Is it IPv6?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_is_v6},
    {.name = "match",
     .help = "Is the address inside?",
     .params = PARAMS({.name = "addr", .type = PARAM_STRING, .help = "address as text"}),
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_match},
    {.name = "toString",
     .help = "Network and prefix length as text",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_to_text},
    {.name = NULL}};

const struct lua_class class_netmask = {.name = "Netmask",
                                        .help = "A network",
                                        .size = sizeof(struct netmask),
                                        .methods = methods,
                                        .tostring = class_netmask_to_text,
                                        .equal = class_netmask_equal};

// ---- NetmaskGroup: a set of netmasks, longest prefix first. A rule made from one keeps what was in it then ----

// Rules and snapshots may hold the same set: they keep theirs, the handle gets a copy.
static struct netmask_set *
class_netmask_group_to_change(struct call *c)
{
  struct netmask_set **set = (struct netmask_set **)(void *)c->slot;
  netmask_set_writable(set);
  return *set;
}

static int
class_netmask_group_add_mask(struct call *c)
{
  struct netmask mask;
  if (!call_netmask(c, c->args[0].string.data, &mask))
    return -1;
  netmask_set_add(class_netmask_group_to_change(c), &mask);
  return 0;
}

// The topmost two of the stack: an address and a number, which does not count.
static bool
class_netmask_group_add_pair(struct call *c, struct netmask_set *set)
{
  enum { FULL_LENGTH = 128 };
  struct netmask mask;
  int value = lua_gettop(c->lua);
  const struct address *address = binder_test(c->lua, value - 1, &class_address);
  if (address == NULL)
    return call_wrong_type(c, value - 1, class_address.name) == 0;
  if (!lua_isnumber(c->lua, value))
    return call_wrong_type(c, value, param_type_word(PARAM_INT)) == 0;
  if (address_is_set(address)) {
    netmask_from_address(&mask, address, FULL_LENGTH);
    netmask_set_add(set, &mask);
  }
  return true;
}

static int
class_netmask_group_add_masks(struct call *c)
{
  int table = c->args[0].stack;
  if (!lua_istable(c->lua, table))
    return call_wrong_type(c, table, "table of ComboAddresses");
  struct netmask_set *added = call_own(c, netmask_set_new());
  for (lua_pushnil(c->lua); lua_next(c->lua, table) != 0; lua_pop(c->lua, 1))
    if (!class_netmask_group_add_pair(c, added))
      return -1;
  netmask_set_add_all(class_netmask_group_to_change(c), added);
  return 0;
}

static int
class_netmask_group_add_group(struct call *c)
{
  if (c->args[0].object != c->self)
    netmask_set_add_all(class_netmask_group_to_change(c), c->args[0].object);
  return 0;
}

static int
class_netmask_group_match(struct call *c)
{
  lua_pushboolean(c->lua, netmask_set_match(c->self, c->args[0].object));
  return 1;
}

static int
class_netmask_group_clear(struct call *c)
{
  netmask_set_clear(class_netmask_group_to_change(c));
  return 0;
}

static int
class_netmask_group_size(struct call *c)
{
  lua_pushinteger(c->lua, (lua_Integer)netmask_set_count(c->self));
  return 1;
}

static int
class_netmask_group_to_text(struct call *c)
{
  struct text out;
  text_init(&out);
  text_puts(&out, "NetmaskGroup ");
  netmask_set_text(c->self, ", ", &out);
  binder_push_text(c->lua, &out);
  text_fini(&out);
  return 1;
}

static const struct lua_function group_methods[] = {
    {.name = "addMask",
     .help = "Add a netmask; one that begins with ! is excluded",
     .params = PARAMS({.name = "mask", .type = PARAM_STRING}),
     .call = class_netmask_group_add_mask},
    {.name = "addMasks",
     .help = "Add the addresses in the keys of a table, which the exceed functions return",
     .params = PARAMS({.name = "masks", .type = PARAM_ANY, .help = "table of ComboAddress to number"}),
     .call = class_netmask_group_add_masks},
    {.name = "addNMG",
     .help = "Add all netmasks of another group",
     .params = PARAMS({.name = "group", .type = PARAM_OBJECT, .class = &netmask_set_class}),
     .call = class_netmask_group_add_group},
    {.name = "match",
     .help = "Is the address in? The longest netmask around it decides",
     .params = PARAMS({.name = "addr", .type = PARAM_ADDRESS_OBJECT}),
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_group_match},
    {.name = "clear", .help = "Remove all netmasks", .call = class_netmask_group_clear},
    {.name = "size",
     .help = "Number of netmasks",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_group_size},
    {.name = "toString",
     .help = "The netmasks as text",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_netmask_group_to_text},
    {.name = NULL}};

const struct lua_class class_netmask_group = {.name = "NetmaskGroup",
                                              .help = "A set of netmasks",
                                              .object = &netmask_set_class,
                                              .methods = group_methods,
                                              .tostring = class_netmask_group_to_text};
