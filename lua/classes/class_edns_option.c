// SPDX-License-Identifier: BSD-2-Clause
// EDNSOptionView: the values of one option of a message.
#include "lua/binder/classes.h"
#include "lua/scripts/edns_view.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>

struct edns_view {
  struct text *values; // copies
  size_t count;
};

static void
class_edns_option_view_fini(void *value)
{
  struct edns_view *v = value;
  for (size_t i = 0; i < v->count; i++)
    text_fini(&v->values[i]);
  free(v->values);
}

static int
class_edns_option_view_count(struct call *c)
{
  lua_pushinteger(c->lua, (lua_Integer)((struct edns_view *)c->self)->count);
  return 1;
}

static int
class_edns_option_view_values(struct call *c)
{
  const struct edns_view *v = c->self;
  lua_createtable(c->lua, (int)v->count, 0);
  for (size_t i = 0; i < v->count; i++) {
    lua_pushlstring(c->lua, v->values[i].data, v->values[i].size);
    lua_rawseti(c->lua, -2, (int)i + 1);
  }
  return 1;
}

static const struct lua_function view_methods[] = {
    {.name = "count", .help = "Number of values", .returns = "integer", .call = class_edns_option_view_count},
    {.name = "getValues",
     .help = "The values, in the order of the message",
     .returns = "string[]",
     .call = class_edns_option_view_values},
    {.name = NULL}};

const struct lua_class class_edns_view = {
    .name = "EDNSOptionView",
    .help = "All values of one EDNS option of a query or answer.",
    .size = sizeof(struct edns_view),
    .methods = view_methods,
    .fini = class_edns_option_view_fini,
};

static void
class_edns_option_add_value(struct edns_view *v, const uint8_t *data, size_t size)
{
  v->values = memory_resize(v->values, v->count + 1, sizeof *v->values);
  text_init(&v->values[v->count]);
  text_add(&v->values[v->count++], (const char *)data, size);
}

// The view of `code` in the table on top; made when it is not there yet.
static struct edns_view *
class_edns_option_view_of(lua_State *lua, uint16_t code)
{
  lua_rawgeti(lua, -1, code);
  struct edns_view *v = binder_test(lua, -1, &class_edns_view);
  lua_pop(lua, 1);
  if (v != NULL)
    return v;
  v = binder_push_value(lua, &class_edns_view);
  lua_rawseti(lua, -2, code);
  return v; // the table keeps it
}

void
edns_views_push(lua_State *lua, const uint8_t *message, const struct edns *edns)
{
  uint16_t cursor = edns->options, code, data, size;
  lua_newtable(lua);
  if (edns->offset == 0)
    return;
  while (edns_option_next(message, edns, &cursor, &code, &data, &size))
    class_edns_option_add_value(class_edns_option_view_of(lua, code), message + data, size);
}
