// SPDX-License-Identifier: BSD-2-Clause
// What the kernel knows of this host's networks: interfaces, their addresses and ranges, neighbours.
//
// Asked when the function is called, and given as lists or groups, for ACLs and rules that follow the machine they run on.
// Link addresses come from the table of neighbours (base/neighbours). Whoever calls has the answer of that moment. Any
// state.
#include "dnsproxy/base/neighbours.h"
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/core/worker.h"
#include "lua/binder/classes.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static int
bind_interfaces_get_interfaces(struct call *c)
{
  struct if_nameindex *all = if_nameindex();
  lua_newtable(c->lua);
  for (int i = 0; all != NULL && all[i].if_index != 0; i++) {
    lua_pushstring(c->lua, all[i].if_name);
    lua_rawseti(c->lua, -2, i + 1);
  }
  if (all != NULL)
    if_freenameindex(all);
  return 1;
}

// False: not an IP address.
static bool
bind_interfaces_address_of(const struct sockaddr *from, struct address *out)
{
  if (from == NULL || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
    return false;
  memset(out, 0, sizeof *out);
  memcpy(out, from, from->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
  return true;
}

static void
bind_interfaces_push_address(lua_State *lua, const struct address *address, const struct sockaddr *mask)
{
  char text[ADDRESS_TEXT_SIZE];
  (void)mask;
  lua_pushstring(lua, address_text(address, text));
}

static unsigned
bind_interfaces_bits_of(const struct sockaddr *mask)
{
  struct address a;
  size_t size;
  unsigned bits = 0;
  if (!bind_interfaces_address_of(mask, &a))
    return 0;
  const uint8_t *raw = address_raw(&a, &size);
  for (size_t i = 0; i < size; i++)
    bits += (unsigned)__builtin_popcount(raw[i]);
  return bits;
}

static void
bind_interfaces_push_range(lua_State *lua, const struct address *address, const struct sockaddr *mask)
{
  struct netmask range;
  struct text text;
  netmask_from_address(&range, address, bind_interfaces_bits_of(mask));
  text_init(&text);
  netmask_text(&range, &text);
  binder_push_text(lua, &text);
  text_fini(&text);
}

static int
bind_interfaces_list(struct call *c, void (*push)(lua_State *, const struct address *, const struct sockaddr *))
{
  const char *interface = c->args[0].string.data;
  struct ifaddrs *all = NULL;
  int count = 0;
  lua_newtable(c->lua);
  if (getifaddrs(&all) != 0)
    return 1;
  for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
    struct address address;
    if (strcmp(i->ifa_name, interface) != 0 || !bind_interfaces_address_of(i->ifa_addr, &address))
      continue;
    push(c->lua, &address, i->ifa_netmask);
    lua_rawseti(c->lua, -2, ++count);
  }
  freeifaddrs(all);
  return 1;
}

static int
bind_interfaces_get_addresses(struct call *c)
{
  return bind_interfaces_list(c, bind_interfaces_push_address);
}

static int
bind_interfaces_get_ranges(struct call *c)
{
  return bind_interfaces_list(c, bind_interfaces_push_range);
}

static int
bind_interfaces_get_link_address(struct call *c)
{
  struct address address;
  uint8_t link[LINK_ADDRESS_MAX];
  if (!address_parse(&address, c->args[0].string.data, 0, &c->fault))
    return -1;
  // A worker never asks the kernel. Others can, and get what is true at this moment.
  size_t size = worker_current() != NULL ? neighbours_find(&address, link) : neighbours_ask(&address, link);
  lua_pushlstring(c->lua, (const char *)link, size);
  return 1;
}

#define INTERFACE_PARAMS PARAMS({.name = "interface", .type = PARAM_STRING, .help = "its name"})

const struct lua_function functions_interfaces[] = {
    {.name = "getListOfNetworkInterfaces",
     .help = "Names of the host's interfaces",
     .returns = "string[]",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_interfaces_get_interfaces},
    {.name = "getListOfAddressesOfNetworkInterface",
     .help = "Addresses of an interface; none: it has none, or does not exist",
     .params = INTERFACE_PARAMS,
     .returns = "string[]",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_interfaces_get_addresses},
    {.name = "getListOfRangesOfNetworkInterface",
     .help = "Networks of an interface; none: it has none, or does not exist",
     .params = INTERFACE_PARAMS,
     .returns = "string[]",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_interfaces_get_ranges},
    {.name = "getMACAddress",
     .help = "Link address of a neighbour, as the kernel knows it; '' if it does not",
     .params = PARAMS({.name = "address", .type = PARAM_STRING, .help = "its address"}),
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_interfaces_get_link_address},
    {.name = NULL}};
