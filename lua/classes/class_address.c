// SPDX-License-Identifier: BSD-2-Clause
// ComboAddress: an address with its port, as a value.
//
// newCA("192.0.2.1:53") parses it; dq.remoteaddr and others give one. It is a userdata that holds the whole address
// (base/address), so that a copy is one of its own and nothing has to be counted. Members that are called for every query
// are compiled (lua/binder/members): there an address may also be cdata that holds the same bytes, and both are the same to
// the binder.
//
// What it tells: text with and without port, port, family, the address cut to a number of bits, mapped IPv4, and the address
// encrypted for logs (base/ip_cipher). Whatever state made it.
#include "dnsproxy/base/ip_cipher.h"
#include "lua/binder/classes.h"

static int
class_address_push_address(struct call *c, const struct address *a)
{
  *(struct address *)binder_push_value(c->lua, &class_address) = *a;
  return 1;
}

static int
class_address_get_port(struct call *c)
{
  lua_pushinteger(c->lua, address_port(c->self));
  return 1;
}

static int
class_address_get_raw(struct call *c)
{
  size_t count;
  const uint8_t *bytes = address_raw(c->self, &count);
  lua_pushlstring(c->lua, (const char *)bytes, count);
  return 1;
}

static int
class_address_is_v4(struct call *c)
{
  lua_pushboolean(c->lua, ((const struct address *)c->self)->sa.sa_family == AF_INET);
  return 1;
}

static int
class_address_is_v6(struct call *c)
{
  lua_pushboolean(c->lua, address_is_v6(c->self));
  return 1;
}

static int
class_address_is_mapped(struct call *c)
{
  lua_pushboolean(c->lua, address_is_mapped(c->self));
  return 1;
}

static int
class_address_map_to_v4(struct call *c)
{
  enum { PREFIX_SIZE = 12, V4_SIZE = 4 };
  char text[ADDRESS_TEXT_SIZE];
  struct address v4;
  size_t count;
  if (!address_is_mapped(c->self))
    return call_fault(c, FAULT_ADDRESS, "Unable to map '%s' to IPv4: it is no IPv4-mapped address",
                      address_text(c->self, text));
  address_from_raw(&v4, address_raw(c->self, &count) + PREFIX_SIZE, V4_SIZE, address_port(c->self));
  return class_address_push_address(c, &v4);
}

static int
class_address_to_text(struct call *c)
{
  char text[ADDRESS_TEXT_SIZE];
  lua_pushstring(c->lua, address_text(c->self, text));
  return 1;
}

static int
class_address_to_text_with_port(struct call *c)
{
  char text[ADDRESS_TEXT_SIZE];
  lua_pushstring(c->lua, address_text_with_port(c->self, text));
  return 1;
}

static int
class_address_truncate_host(struct call *c)
{
  address_truncate(c->self, (unsigned)c->args[0].integer);
  return 0;
}

static int
class_address_encrypt(struct call *c)
{
  struct address out;
  if (!ip_cipher_encrypt(&out, c->self, c->args[0].string.data, c->args[0].string.size, &c->fault))
    return -1;
  return class_address_push_address(c, &out);
}

static int
class_address_decrypt(struct call *c)
{
  struct address out;
  if (!ip_cipher_decrypt(&out, c->self, c->args[0].string.data, c->args[0].string.size, &c->fault))
    return -1;
  return class_address_push_address(c, &out);
}

#define KEY_PARAMS PARAMS({.name = "key", .type = PARAM_STRING, .help = "16 bytes, as makeIPCipherKey() gives"})

static const struct lua_function methods[] = {
    {.name = "getPort", .help = "Port", .returns = "integer", .flags = FUNCTION_NO_EFFECT, .call = class_address_get_port},
    {.name = "getRaw",
     .help = "The 4 or 16 bytes of the address",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_get_raw},
    {.name = "ipencrypt",
     .help = "Encrypted to another address of its family (ipcipher)",
     .params = KEY_PARAMS,
     .returns = "ComboAddress",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_encrypt},
    {.name = "ipdecrypt",
     .help = "What ipencrypt() was given",
     .params = KEY_PARAMS,
     .returns = "ComboAddress",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_decrypt},
    {.name = "isIPv4",
     .help = "Is it IPv4?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_is_v4},
    {.name = "isIPv6",
     .help = "Is it IPv6?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_is_v6},
    {.name = "isMappedIPv4",
     .help = "Is it IPv6 with an IPv4 address inside?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_is_mapped},
    {.name = "mapToIPv4",
     .help = "The IPv4 address inside; raises if there is none",
     .returns = "ComboAddress",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_map_to_v4},
    {.name = "toString",
     .help = "Address as text",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_to_text},
    {.name = "tostring",
     .help = "Address as text",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_to_text},
    {.name = "toStringWithPort",
     .help = "Address and port as text",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_to_text_with_port},
    {.name = "tostringWithPort",
     .help = "Address and port as text",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_address_to_text_with_port},
    {.name = "truncate",
     .help = "Set the bits behind the first ones to zero, in place",
     .params = PARAMS({.name = "bits", .type = PARAM_INT, .most = 128, .outside = OUTSIDE_KEPT, .why = "no bit is cut",
                       .help = "how many stay"}),
     .call = class_address_truncate_host},
    {.name = NULL}};

const struct lua_class class_address = {.name = "ComboAddress",
                                        .help = "An IPv4 or IPv6 address with a port",
                                        .size = sizeof(struct address),
                                        .methods = methods,
                                        .tostring = class_address_to_text};
