// SPDX-License-Identifier: BSD-2-Clause
// newSVCRecordParameters(): what SpoofSVCAction answers with.
//
//   priority, target, {alpn = {...}, port = 443, ipv4hint = {...}, key65500 = "..."} --> struct svc_record (wire/svc_record)
//
// The data of the record is made here, once, in wire form and in the order of its keys, so that answering copies bytes.
// Errors (a key twice, an address that is none, too long a value) are the constructor's, where the user sees them. The
// object is counted and immutable: actions and scripts share it.
//
// Any state.
#include "dnsproxy/wire/svc_record.h"

#include "lua/binder/arguments.h"
#include "lua/binder/classes.h"

#include <string.h>

enum { MANDATORY, ALPN, NO_DEFAULT_ALPN, PORT, IPV4HINT, ECH, IPV6HINT, KNOWN };

static const struct param svc_options[] = {
    [MANDATORY] = {.name = "mandatory", .type = PARAM_STRINGS, .optional = true, .help = "keys that clients must know"},
    [ALPN] = {.name = "alpn", .type = PARAM_STRINGS, .optional = true, .help = "protocols"},
    [NO_DEFAULT_ALPN] = {.name = "noDefaultAlpn", .type = PARAM_BOOL, .optional = true, .help = "and no others"},
    [PORT] = {.name = "port", .type = PARAM_INT, .optional = true, .max = UINT16_MAX, .help = "port"},
    [IPV4HINT] = {.name = "ipv4hint", .type = PARAM_STRINGS, .optional = true, .help = "IPv4 addresses"},
    [ECH] = {.name = "ech", .type = PARAM_STRING, .optional = true, .help = "configuration of Encrypted Client Hello, as bytes"},
    [IPV6HINT] = {.name = "ipv6hint", .type = PARAM_STRINGS, .optional = true, .help = "IPv6 addresses"},
    {.type = PARAM_END}};

// A list of parameters in the making.
struct making {
  struct call *call;
  struct svc_parameter *list;
  size_t count;
};

// Room for `size` bytes as the value of a key.
static uint8_t *
class_svc_add(struct making *m, uint16_t key, size_t size)
{
  uint8_t *data = call_alloc(m->call, size + 1);
  m->list[m->count++] = (struct svc_parameter){.key = key, .value = {.data = (const char *)data, .size = size}};
  return data;
}

static bool
class_svc_add_mandatory(struct making *m, const struct value *v)
{
  uint8_t *data = class_svc_add(m, SVC_MANDATORY, 2 * v->list.count);
  for (size_t i = 0; i < v->list.count; i++) {
    uint16_t key;
    if (!svc_key_parse(v->list.strings[i].data, &key))
      return fault_set(&m->call->fault, FAULT_CAUGHT, "'%s' is no key of SVC records", v->list.strings[i].data);
    size_t at = i; // in ascending order
    for (; at > 0 && (data[2 * at - 2] << 8 | data[2 * at - 1]) > key; at--)
      memcpy(data + 2 * at, data + 2 * at - 2, 2);
    data[2 * at] = (uint8_t)(key >> 8);
    data[2 * at + 1] = (uint8_t)key;
  }
  return true;
}

static bool
class_svc_add_alpn(struct making *m, const struct value *v)
{
  size_t size = 0;
  for (size_t i = 0; i < v->list.count; i++)
    size += 1 + v->list.strings[i].size;
  uint8_t *data = class_svc_add(m, SVC_ALPN, size);
  for (size_t i = 0; i < v->list.count; i++) {
    const struct bytes *word = &v->list.strings[i];
    if (word->size == 0 || word->size > UINT8_MAX)
      return fault_set(&m->call->fault, FAULT_CAUGHT, "A protocol in an SVC record has 1 to 255 bytes");
    *data++ = (uint8_t)word->size;
    memcpy(data, word->data, word->size);
    data += word->size;
  }
  return true;
}

static bool
class_svc_add_hints(struct making *m, uint16_t key, const struct value *v)
{
  size_t unit = key == SVC_IPV4HINT ? 4 : 16;
  uint8_t *data = class_svc_add(m, key, unit * v->list.count);
  for (size_t i = 0; i < v->list.count; i++) {
    struct address address;
    size_t size;
    if (!address_parse(&address, v->list.strings[i].data, 0, &m->call->fault))
      return false;
    const uint8_t *raw = address_raw(&address, &size);
    if (size != unit)
      return fault_set(&m->call->fault, FAULT_CAUGHT, "'%s' is no IPv%c address", v->list.strings[i].data,
                       key == SVC_IPV4HINT ? '4' : '6');
    memcpy(data + i * unit, raw, unit);
  }
  return true;
}

static bool
class_svc_add_known(struct making *m, const struct value *v)
{
  if (v[MANDATORY].given && v[MANDATORY].list.count > 0 && !class_svc_add_mandatory(m, &v[MANDATORY]))
    return false;
  if (v[ALPN].given && v[ALPN].list.count > 0 && !class_svc_add_alpn(m, &v[ALPN]))
    return false;
  if (v[NO_DEFAULT_ALPN].given && v[NO_DEFAULT_ALPN].boolean)
    class_svc_add(m, SVC_NO_DEFAULT_ALPN, 0);
  if (v[PORT].given) {
    uint8_t *data = class_svc_add(m, SVC_PORT, 2);
    data[0] = (uint8_t)(v[PORT].integer >> 8);
    data[1] = (uint8_t)v[PORT].integer;
  }
  if (v[IPV4HINT].given && v[IPV4HINT].list.count > 0 && !class_svc_add_hints(m, SVC_IPV4HINT, &v[IPV4HINT]))
    return false;
  if (v[ECH].given)
    memcpy(class_svc_add(m, SVC_ECH, v[ECH].string.size), v[ECH].string.data, v[ECH].string.size);
  return !v[IPV6HINT].given || v[IPV6HINT].list.count == 0 || class_svc_add_hints(m, SVC_IPV6HINT, &v[IPV6HINT]);
}

// key7 = "bytes" goes into the list, everything else into the table on top of the stack, whose keys are known.
static bool
class_svc_divide(struct making *m, int table)
{
  lua_State *lua = m->call->lua;
  int rest = lua_gettop(lua);
  for (lua_pushnil(lua); lua_next(lua, table) != 0;) {
    uint16_t key;
    bool is_text = lua_type(lua, -2) == LUA_TSTRING;
    if (is_text && strncmp(lua_tostring(lua, -2), "key", 3) == 0 && svc_key_parse(lua_tostring(lua, -2), &key)) {
      struct bytes value;
      if (!element_read(m->call, lua_gettop(lua), &value))
        return false;
      memcpy(class_svc_add(m, key, value.size), value.data, value.size);
      lua_pop(lua, 1);
    } else {
      lua_pushvalue(lua, -2);
      lua_insert(lua, -2);
      lua_settable(lua, rest);
    }
  }
  return true;
}

static bool
class_svc_read_parameters(struct making *m, int table)
{
  static const struct param row = {.name = "params", .type = PARAM_OPTIONS, .options = svc_options};
  struct value known;
  lua_newtable(m->call->lua);
  return class_svc_divide(m, table) && call_read(m->call, -1, &row, &known) && class_svc_add_known(m, known.options);
}

static int
class_svc_new_svc_record(struct call *c)
{
  struct making m = {.call = c};
  bool given = c->args[2].given;
  if (given && !lua_istable(c->lua, c->args[2].stack))
    return call_wrong_type(c, c->args[2].stack, "table");
  m.list = call_alloc(c, (KNOWN + 1 + (given ? argument_list_size(c->lua, c->args[2].stack) : 0)) * sizeof *m.list);
  if (given && !class_svc_read_parameters(&m, c->args[2].stack))
    return -1;
  struct svc_record *r = svc_record_new((uint16_t)c->args[0].integer, c->args[1].object, m.list, m.count, &c->fault);
  if (r == NULL)
    return -1;
  binder_push_object(c->lua, call_own(c, r));
  return 1;
}

const struct lua_function functions_svc[] = {
    {.name = "newSVCRecordParameters",
     .help = "The data of an SVCB or HTTPS record; besides the keys below, key and a number for any other as bytes",
     .params = PARAMS({.name = "priority", .type = PARAM_INT, .max = UINT16_MAX, .help = "0: an alias"},
                      {.name = "target", .type = PARAM_NAME, .help = "name of the service; a dot for the owner"},
                      {.name = "params", .type = PARAM_ANY, .optional = true, .options = svc_options}),
     .returns = "SVCRecordParameters",
     .call = class_svc_new_svc_record},
    {.name = NULL}};

const struct lua_class class_svc_record = {
    .name = "SVCRecordParameters", .help = "The data of an SVCB or HTTPS record", .object = &svc_record_class};
