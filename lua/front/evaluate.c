// SPDX-License-Identifier: BSD-2-Clause
// Console commands: tried as an expression, then as a statement; results rendered (cli.md section 6).
//
//   text --"return " in front: does it compile?--> value --> shown: strings, numbers, tables and objects, as JSON or text
//        \--> as it stands ----------------------> what it printed (answers are collected, not written to standard output)
//
// One transaction: a command that fails leaves the configuration as it was (base/undo), what it printed is shown
// nevertheless. When it ends, what it edited is published before the answer goes back, so that whoever has the answer can
// rely on it. Each has a budget.
//
// Whoever asks (the console's session, the local console, --explain) holds the Lua lock for it. History of commands (delta)
// is kept in scripts/history.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/backends/backend.h"
#include "lua/binder/binder.h"
#include "lua/binder/classes.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/copies.h"
#include "lua/binder/errors.h"
#include "lua/binder/load.h"
#include "lua/scripts/history.h"
#include "lua/scripts/scripts.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Leaves the function on the stack, or fills the answer.
static bool
evaluate_compile(lua_State *lua, const char *command, size_t size, struct text *answer)
{
  struct text expression;
  load_prepare(command, size);
  text_init(&expression);
  text_puts(&expression, "return ");
  text_add(&expression, command, size);
  int status = luaL_loadbuffer(lua, expression.data, expression.size, expression.data);
  if (status != 0) {
    lua_pop(lua, 1);
    status = luaL_loadbuffer(lua, command, size, expression.data + strlen("return "));
  }
  text_fini(&expression);
  if (status == 0)
    return true;
  text_printf(answer, "Error: %s: ", lua_tostring(lua, -1));
  lua_pop(lua, 1);
  return false;
}

static bool
evaluate_run(lua_State *lua, struct text *answer)
{
  struct failure failure;
  failure_init(&failure);
  copies_will_run(lua, -1);
  bool good = errors_call(lua, 0, LUA_MULTRET, &failure);
  if (!good) {
    text_puts(answer, "Error: ");
    text_add(answer, failure.message.data, failure.message.size);
    if (failure.detail.size > 0)
      text_printf(answer, ": %s", failure.detail.data);
  }
  failure_fini(&failure);
  return good;
}

// ---- tables of numbers ----

struct pair {
  char *key;
  double value;
};

struct pairs {
  struct pair *items;
  size_t count;
};

static bool
evaluate_collect_pairs(lua_State *lua, int table, struct pairs *pairs)
{
  for (lua_pushnil(lua); lua_next(lua, table) != 0; lua_pop(lua, 1)) {
    if (!lua_isnumber(lua, -1) || !lua_isstring(lua, -2)) {
      lua_pop(lua, 2);
      return false;
    }
    lua_pushvalue(lua, -2);
    pairs->items = memory_resize(pairs->items, pairs->count + 1, sizeof *pairs->items);
    pairs->items[pairs->count++] =
        (struct pair){.key = memory_string(lua_tostring(lua, -1)), .value = lua_tonumber(lua, -2)};
    lua_pop(lua, 1);
  }
  return true;
}

static int
evaluate_by_key(const void *a, const void *b)
{
  return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void
evaluate_add_json_string(struct text *out, const char *string)
{
  text_puts(out, "\"");
  for (const unsigned char *at = (const unsigned char *)string; *at != '\0'; at++)
    if (*at == '"' || *at == '\\')
      text_printf(out, "\\%c", *at);
    else if (*at < ' ')
      text_printf(out, "\\u%04x", *at);
    else
      text_add(out, (const char *)at, 1);
  text_puts(out, "\"");
}

static void
evaluate_add_json(struct text *out, struct pairs *pairs)
{
  if (pairs->count > 1)
    qsort(pairs->items, pairs->count, sizeof *pairs->items, evaluate_by_key);
  text_puts(out, "{");
  for (size_t i = 0; i < pairs->count; i++) {
    text_puts(out, i > 0 ? ", " : "");
    evaluate_add_json_string(out, pairs->items[i].key);
    if (isfinite(pairs->items[i].value))
      text_printf(out, ": %.17g", pairs->items[i].value);
    else
      text_puts(out, ": null");
  }
  text_puts(out, "}\n");
}

static bool
evaluate_render_table(lua_State *lua, int table, struct text *answer)
{
  struct pairs pairs = {0};
  bool good = evaluate_collect_pairs(lua, table, &pairs);
  if (good)
    evaluate_add_json(answer, &pairs);
  for (size_t i = 0; i < pairs.count; i++)
    free(pairs.items[i].key);
  free(pairs.items);
  return good;
}

// ---- results ----

static bool
evaluate_render_object(lua_State *lua, int index, struct text *answer)
{
  char address[ADDRESS_TEXT_SIZE];
  const struct backend *b = binder_test(lua, index, &class_server);
  const struct listener *l = binder_test(lua, index, &class_listener);
  if (b != NULL)
    text_printf(answer, "%s\n", backend_name(b));
  else if (l != NULL)
    text_printf(answer, "%s\n", address_text_with_port(&l->address, address));
  return b != NULL || l != NULL;
}

// False: the result cannot be printed. The output of show...() counts only when there is no result.
static bool
evaluate_render(lua_State *lua, int index, struct text *answer)
{
  size_t size;
  bool good = true;
  if (lua_isnoneornil(lua, index)) {
    text_add(answer, control_output()->data, control_output()->size);
  } else if (lua_isstring(lua, index)) {
    const char *text = lua_tolstring(lua, index, &size);
    text_add(answer, text, size);
    text_puts(answer, "\n");
  } else {
    good = lua_istable(lua, index) ? evaluate_render_table(lua, index, answer) : evaluate_render_object(lua, index, answer);
  }
  if (!good)
    text_printf(answer, "Command returned an object we can't print: Trying to cast a lua variable from \"%s\" to \"string\"\n",
                luaL_typename(lua, index));
  return good;
}

struct execution {
  const char *command;
  size_t size;
  struct text *answer;
  bool good, printed;
};

static void
evaluate_execute_step(lua_State *lua, void *arg)
{
  struct execution *e = arg;
  e->good = evaluate_compile(lua, e->command, e->size, e->answer) && evaluate_run(lua, e->answer);
  e->printed = e->good && evaluate_render(lua, 1, e->answer);
}

bool
control_execute(const char *command, size_t size, struct text *answer, bool *effect)
{
  lua_State *lua = control_lock();
  struct execution e = {.command = command, .size = size, .answer = answer};
  struct text message;
  text_init(&message);
  text_clear(control_output());
  binder_effects = (struct binder_effects){0};
  if (!errors_protect(lua, evaluate_execute_step, &e, &message)) {
    e.good = e.printed = false;
    text_clear(answer);
    text_printf(answer, "Error: %s", message.data);
  }
  *effect = binder_effects.changed || !binder_effects.pure;
  if (e.printed && *effect)
    history_add(&control_scripts()->history, command, size);
  text_fini(&message);
  text_clear(control_output());
  control_unlock();
  return e.good;
}
