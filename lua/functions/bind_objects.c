// SPDX-License-Identifier: BSD-2-Clause
// Functions that make the values and sets scripts work with: newDNSName, newCA, newNMG and their kind.
//
// A value is copied into its userdata, a set is a counted object with one reference. The texts that people write are parsed
// here once, with the dialect's errors, and not when a query comes. All may be called in any state.
#include "dnsproxy/base/ip_cipher.h"
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/wire/name_set.h"
#include "lua/binder/classes.h"
#include "rules/select/timed_ip_set.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int
bind_objects_new_address(struct call *c)
{
  struct address address;
  if (!address_parse(&address, c->args[0].string.data, 0, &c->fault))
    return -1;
  *(struct address *)binder_push_value(c->lua, &class_address) = address;
  return 1;
}

// Bytes that are no address give 0.0.0.0: the dialect says nothing about them.
static int
bind_objects_new_address_from_raw(struct call *c)
{
  static const uint8_t any[4];
  const struct bytes *raw = &c->args[0].string;
  struct address *address = binder_push_value(c->lua, &class_address);
  if (!address_from_raw(address, raw->data, raw->size, (uint16_t)c->args[1].integer))
    address_from_raw(address, any, sizeof any, 0);
  return 1;
}

static int
bind_objects_new_name(struct call *c)
{
  struct name name;
  if (!name_from_text(&name, c->args[0].string.data, c->args[0].string.size, &c->fault))
    return -1;
  *(struct name *)binder_push_value(c->lua, &class_name) = name;
  return 1;
}

static int
bind_objects_new_name_from_raw(struct call *c)
{
  const struct bytes *raw = &c->args[0].string;
  struct name name;
  if (!name_from_wire(&name, (const uint8_t *)raw->data, raw->size))
    return call_fault(c, FAULT_CAUGHT, "Unable to read a DNSName from %zu raw bytes", raw->size);
  *(struct name *)binder_push_value(c->lua, &class_name) = name;
  return 1;
}

static int
bind_objects_new_name_set(struct call *c)
{
  binder_push_object(c->lua, call_own(c, name_set_new()));
  return 1;
}

static int
bind_objects_new_suffix_match_node(struct call *c)
{
  binder_push_object(c->lua, call_own(c, suffix_set_new()));
  return 1;
}

static int
bind_objects_new_netmask_group(struct call *c)
{
  binder_push_object(c->lua, call_own(c, netmask_set_new()));
  return 1;
}

// Text holds its own prefix length; a single netmask cannot exclude.
static bool
bind_objects_netmask_of_text(struct call *c, struct netmask *mask)
{
  static const struct param row = {.name = "network", .type = PARAM_STRING};
  struct value text;
  if (!call_read(c, c->args[0].stack, &row, &text) || !call_netmask(c, text.string.data, mask))
    return false;
  return !mask->negated || fault_set(&c->fault, FAULT_ADDRESS, "Unable to convert '%s' to a netmask", text.string.data);
}

static int
bind_objects_new_netmask(struct call *c)
{
  struct netmask mask;
  const struct address *address = binder_test(c->lua, c->args[0].stack, &class_address);
  if (address != NULL)
    netmask_from_address(&mask, address, c->args[1].given ? (uint8_t)c->args[1].integer : UINT8_MAX);
  else if (!bind_objects_netmask_of_text(c, &mask))
    return -1;
  *(struct netmask *)binder_push_value(c->lua, &class_netmask) = mask;
  return 1;
}

static int
bind_objects_new_timed_ip_set(struct call *c)
{
  binder_push_object(c->lua, call_own(c, timed_ip_set_new()));
  return 1;
}

static int
bind_objects_get_current_time(struct call *c)
{
  clock_gettime(CLOCK_REALTIME, binder_push_value(c->lua, &class_timespec));
  return 1;
}

// ---- getResolvers ----

// Appends the addresses of a line "nameserver 192.0.2.1" to the list on top of the stack; whatever else there is does
// not count. The line is cut into pieces.
static void
bind_objects_add_resolvers(lua_State *lua, char *line)
{
  char text[ADDRESS_TEXT_SIZE], *rest;
  struct address address;
  line[strcspn(line, "#;\r\n")] = '\0';
  const char *piece = strtok_r(line, " \t", &rest);
  if (piece == NULL || strcmp(piece, "nameserver") != 0)
    return;
  while ((piece = strtok_r(NULL, " \t,", &rest)) != NULL)
    if (address_parse(&address, piece, 0, NULL)) {
      lua_pushstring(lua, address_text(&address, text));
      lua_rawseti(lua, -2, (int)lua_objlen(lua, -2) + 1);
    }
}

// A file that cannot be read has no resolvers.
static int
bind_objects_get_resolvers(struct call *c)
{
  char *line = NULL;
  size_t capacity = 0;
  lua_newtable(c->lua);
  FILE *file = fopen(c->args[0].string.data, "re");
  if (file == NULL)
    return 1;
  while (getline(&line, &capacity, file) >= 0)
    bind_objects_add_resolvers(c->lua, line);
  free(line);
  fclose(file);
  return 1;
}

static int
bind_objects_make_key(struct call *c)
{
  uint8_t key[IP_CIPHER_KEY_SIZE];
  if (!ip_cipher_key(key, c->args[0].string.data, c->args[0].string.size, &c->fault))
    return -1;
  lua_pushlstring(c->lua, (const char *)key, sizeof key);
  return 1;
}

#define TEXT_PARAMS PARAMS({.name = "text", .type = PARAM_STRING})

const struct lua_function functions_objects[] = {
    {.name = "newCA",
     .help = "Address from text, with a port if it has one",
     .params = TEXT_PARAMS,
     .returns = "ComboAddress",
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_objects_new_address},
    {.name = "newCAFromRaw",
     .help = "Address from its 4 or 16 bytes",
     .params = PARAMS({.name = "raw", .type = PARAM_STRING}, {.name = "port", .type = PARAM_INT, PARAM_MODULO_16,
                                                            .optional = true}),
     .returns = "ComboAddress",
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_objects_new_address_from_raw},
    {.name = "newDNSName",
     .help = "Name from text",
     .params = TEXT_PARAMS,
     .returns = "DNSName",
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_objects_new_name},
    {.name = "newDNSNameFromRaw",
     .help = "Name from its bytes in a message",
     .params = PARAMS({.name = "raw", .type = PARAM_STRING}),
     .returns = "DNSName",
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_objects_new_name_from_raw},
    {.name = "newDNSNameSet",
     .help = "An empty set of names",
     .returns = "DNSNameSet",
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_objects_new_name_set},
    {.name = "newSuffixMatchNode",
     .help = "An empty set of suffixes",
     .returns = "SuffixMatchNode",
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_objects_new_suffix_match_node},
    {.name = "newNMG",
     .help = "An empty set of netmasks",
     .returns = "NetmaskGroup",
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_objects_new_netmask_group},
    {.name = "newNetmask",
     .help = "Netmask from text or from an address",
     .params = PARAMS({.name = "network", .type = PARAM_ANY, .help = "text, or ComboAddress"},
                      {.name = "bits", .type = PARAM_INT, .most = 128, .outside = OUTSIDE_KEPT,
                       .why = "it is taken modulo 256", .optional = true, .help = "with a ComboAddress: length"}),
     .returns = "Netmask",
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_objects_new_netmask},
    {.name = "TimedIPSetRule",
     .help = "An empty set of addresses that expire",
     .returns = "TimedIPSetRule",
     .call = bind_objects_new_timed_ip_set},
    {.name = "makeIPCipherKey",
     .help = "Key for ComboAddress:ipencrypt() from a password",
     .params = PARAMS({.name = "password", .type = PARAM_STRING}),
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_objects_make_key},
    {.name = "getCurrentTime",
     .help = "What the clock on the wall says",
     .returns = "timespec",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD,
     .call = bind_objects_get_current_time},
    {.name = "getResolvers",
     .help = "Addresses of the name servers in a file like resolv.conf",
     .params = PARAMS({.name = "path", .type = PARAM_STRING}),
     .returns = "table",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_objects_get_resolvers},
    {.name = NULL},
};
