// SPDX-License-Identifier: BSD-2-Clause
// Option tables: unknown keys and misplaced values are told and ignored, impossible ones refuse the call.
#include "lua/binder/arguments.h"

#include "dnsproxy/base/log.h"

#include <string.h>

static unsigned
options_row_count(const struct param *rows)
{
  unsigned count = 0;
  while (rows[count].type != PARAM_END)
    count++;
  return count;
}

static void
options_warn(const struct call *c, const char *message, const char *key)
{
  struct text plain;
  text_init(&plain);
  text_printf(&plain, "%s: %s: '%s'", c->function == NULL ? "options" : c->function->name, message, key);
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING,
                                .message = message,
                                .subsystem = c->function == NULL ? NULL : c->function->name,
                                .plain = plain.data,
                                .fields = (struct log_field[]){{"key", key}, {NULL, NULL}}});
  text_fini(&plain);
}

static bool
options_some_row_accepts(lua_State *lua, const struct param *rows)
{
  int top = lua_gettop(lua);
  for (; rows->type != PARAM_END; rows++)
    if (call_accepts(lua, top, rows))
      return true;
  return false;
}

static const struct param *
options_row_find(const struct param *rows, const char *key)
{
  for (; rows->type != PARAM_END; rows++)
    if (strcmp(rows->name, key) == 0)
      return rows;
  return NULL;
}

// The key and the value are the topmost two of the stack.
static bool
options_option_read(struct call *c, const struct param *rows, struct value *values)
{
  struct bytes key;
  int top = lua_gettop(c->lua);
  if (!element_read(c, top - 1, &key) || !options_some_row_accepts(c->lua, rows))
    return false;
  const struct param *row = options_row_find(rows, key.data);
  if (row == NULL) {
    options_warn(c, "Unknown key, ignored", key.data);
  } else if (!call_accepts(c->lua, top, row)) {
    options_warn(c,
                 row->type == PARAM_INT || row->type == PARAM_FLOAT ? "Invalid type for integer parameter, ignored"
                                                            : "Invalid type for key passed to Lua directive, ignored",
                 key.data);
  } else {
    // Texts and lists must outlive the walk: they are copied where they are not anchored by the table itself. A table
    // holds its strings; only a number that is wanted as text has nobody to keep it.
    struct value *v = &values[row - rows];
    if (row->type == PARAM_STRING || row->type == PARAM_INDEX) {
      *v = (struct value){.given = true, .is_text = row->type == PARAM_INDEX};
      return element_read(c, top, &v->string);
    }
    if (row->type == PARAM_STRINGS && lua_isnumber(c->lua, top)) {
      *v = (struct value){.given = true};
      v->list.count = 1;
      v->list.strings = call_alloc(c, sizeof *v->list.strings);
      return element_read(c, top, &v->list.strings[0]);
    }
    return call_read(c, top, row, v);
  }
  return true;
}

bool
options_read(struct call *c, int stack, const struct param *p, struct value *v)
{
  lua_State *lua = c->lua;
  if (!lua_istable(lua, stack))
    return false;
  unsigned count = options_row_count(p->options);
  struct value *values = call_alloc(c, count * sizeof *values);
  for (unsigned i = 0; i < count; i++)
    argument_fallback(c, &p->options[i], &values[i]);
  for (lua_pushnil(lua); lua_next(lua, stack) != 0; lua_pop(lua, 1))
    if (!options_option_read(c, p->options, values))
      return false; // call_read() clears the stack
  v->options = values;
  return true;
}
