// SPDX-License-Identifier: BSD-2-Clause
// Netmask: network and prefix length as a value, the only type with a == that compares.
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
