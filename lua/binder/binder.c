// SPDX-License-Identifier: BSD-2-Clause
// Calls: counting and converting arguments, running the C side, raising in the dialect's shapes.
#include "lua/binder/binder.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/arguments.h"
#include "lua/binder/classes.h"
#include "lua/binder/errors.h"
#include "lua/binder/handles.h"
#include "lua/binder/scratch.h"
#include "lua/binder/sense.h"
#include "lua/binder/stack_guard.h"
#include "rules/chain/rule.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

_Thread_local struct binder_effects binder_effects;

void *
call_alloc(struct call *c, size_t size)
{
  return scratch_alloc(c->scratch, size);
}

void *
call_own(struct call *c, void *object)
{
  if (object != NULL)
    scratch_own(c->scratch, object);
  return object;
}

int
call_fault(struct call *c, enum fault_kind kind, const char *format, ...)
{
  va_list list;
  c->fault.kind = kind;
  va_start(list, format);
  vsnprintf(c->fault.text, sizeof c->fault.text, format, list);
  va_end(list);
  return -1;
}

int
call_wrong_type(struct call *c, int stack, const char *wanted)
{
  const char *type = binder_class_at(c->lua, stack) != NULL ? lua_typename(c->lua, LUA_TUSERDATA) : luaL_typename(c->lua, stack);
  return call_fault(c, FAULT_PLAIN, "Unable to convert parameter from %s to %s", type, wanted);
}

static const char news_key; // registry: a table of sentences; at 1 how many

bool
binder_is_news(lua_State *lua, const char *sentence)
{
  enum { NEWS_MAX = 4000 };
  int top = lua_gettop(lua);
  lua_pushlightuserdata(lua, (void *)&news_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  if (lua_isnil(lua, -1)) {
    lua_newtable(lua);
    lua_pushlightuserdata(lua, (void *)&news_key);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, LUA_REGISTRYINDEX);
    lua_replace(lua, top + 1);
  }
  lua_rawgeti(lua, top + 1, 1);
  lua_Integer count = lua_tointeger(lua, -1);
  lua_getfield(lua, top + 1, sentence);
  bool news = lua_isnil(lua, -1) && count < NEWS_MAX;
  if (news) {
    lua_pushboolean(lua, true);
    lua_setfield(lua, top + 1, sentence);
    lua_pushinteger(lua, count + 1);
    lua_rawseti(lua, top + 1, 1);
  }
  lua_settop(lua, top);
  return news;
}

static unsigned
binder_count_rows(const struct lua_function *f, unsigned *required)
{
  unsigned count = 0;
  *required = 0;
  for (const struct param *p = f->params; p != NULL && p->type != PARAM_END; p++)
    if (count++, !p->optional)
      *required = count;
  return count;
}

static bool
binder_count_good(struct call *c, unsigned rows, unsigned required, unsigned self)
{
  if (c->function->flags & FUNCTION_VARIADIC)
    return true;
  if (c->count < required)
    return fault_set(&c->fault, FAULT_PLAIN, "This function requires at least %u parameter(s)", required + self);
  if (c->count > rows)
    return fault_set(&c->fault, FAULT_PLAIN, "This function requires at most %u parameter(s)", rows + self);
  return true;
}

static bool
binder_read_all(struct call *c, struct value *values, unsigned rows, unsigned self)
{
  for (unsigned i = 0; i < rows; i++) {
    const struct param *p = &c->function->params[i];
    int stack = (int)(i + self + 1);
    bool missing = i >= c->count || (p->optional && lua_isnil(c->lua, stack));
    if (missing) {
      argument_fallback(c, p, &values[i]);
    } else if (!call_read(c, stack, p, &values[i])) {
      if (p->type == PARAM_LOOSE_SELECTOR && (c->function->flags & FUNCTION_MAKES_RULE))
        rule_next_creation_order();
      return false;
    }
  }
  return true;
}

// At run time some functions refuse, without an error.
static bool
binder_refused(const struct lua_function *f)
{
  if (!(f->flags & FUNCTION_CONFIG_ONLY) || config()->phase != PHASE_RUNNING)
    return false;
  text_printf(binder_output(), "%s cannot be used at runtime!\n", f->name);
  log_error("config", "%s cannot be used at runtime!", f->name);
  return true;
}

static int
binder_run(struct call *c, unsigned self)
{
  struct value values[ARGUMENTS_MAX];
  unsigned required, rows = binder_count_rows(c->function, &required);
  assert(rows <= ARGUMENTS_MAX);
  if (!binder_count_good(c, rows, required, self) || !binder_read_all(c, values, rows, self))
    return -1;
  if (c->moot || binder_refused(c->function))
    return 0;
  if ((c->function->flags & FUNCTION_CONFIG_RAISES) && config()->phase == PHASE_RUNNING)
    return call_fault(c, FAULT_CAUGHT, "%s cannot be used at runtime!", c->function->name);
  c->args = values;
  sense_check_pairs(c, values);
  if (c->function->flags & FUNCTION_NO_EFFECT)
    binder_effects.pure = true;
  else
    binder_effects.changed = true;
  return c->function->call(c);
}

static bool
binder_take_self(struct call *c, const struct lua_class *class)
{
  struct handle *h = handle_test(c->lua, 1);
  if (lua_gettop(c->lua) == 0) {
    unsigned required;
    binder_count_rows(c->function, &required);
    return fault_set(&c->fault, FAULT_PLAIN, "This function requires at least %u parameter(s)", required + 1);
  }
  if (h == NULL || h->class != class)
    return call_wrong_type(c, 1, class->name) == 0;
  c->self = class->object != NULL ? h->object : (void *)&h->value;
  c->slot = class->object != NULL ? &h->object : NULL;
  return true;
}

int
binder_dispatch(lua_State *lua)
{
  struct scratch scratch = {0};
  struct call c = {.lua = lua, .function = lua_touserdata(lua, lua_upvalueindex(1)), .scratch = &scratch};
  const struct lua_class *class = lua_touserdata(lua, lua_upvalueindex(2));
  unsigned self = class != NULL;
  luaL_checkstack(lua, 20, "too many arguments");
  if (stack_guard_low())
    return luaL_error(lua, "stack overflow");
  c.count = (unsigned)lua_gettop(lua) - (lua_gettop(lua) > 0 ? self : 0);
  int results = class == NULL || binder_take_self(&c, class) ? binder_run(&c, self) : -1;
  scratch_fini(&scratch);
  return results >= 0 ? results : binder_raise(lua, &c.fault);
}

void
binder_refuse(const char *function, const char *format, ...)
{
  struct text sentence;
  va_list list;
  text_init(&sentence);
  va_start(list, format);
  text_vprintf(&sentence, format, list);
  va_end(list);
  text_printf(binder_output(), "%s\n", sentence.data);
  log_event(&(struct log_event){.priority = LOG_PRIO_ERROR, .message = sentence.data, .subsystem = function});
  text_fini(&sentence);
}

void
binder_push_text(lua_State *lua, const struct text *text)
{
  lua_pushlstring(lua, text->data, text->size);
}

// ---- registration ----

static void
binder_register_function(const struct lua_function *f, void *arg)
{
  lua_State *lua = arg;
  lua_pushlightuserdata(lua, (void *)f);
  lua_pushnil(lua);
  lua_pushcclosure(lua, binder_dispatch, 2);
  lua_setglobal(lua, f->name);
}

static void
binder_visit_array(const struct lua_function *f, void (*visit)(const struct lua_function *, void *), void *arg)
{
  for (; f->name != NULL; f++)
    visit(f, arg);
}

void
binder_each_function(void (*visit)(const struct lua_function *, void *), void *arg)
{
  for (const struct lua_function *const *array = lua_function_arrays; *array != NULL; array++)
    binder_visit_array(*array, visit, arg);
  binder_visit_array(settings_functions(), visit, arg);
  binder_visit_array(chain_functions(), visit, arg);
  binder_visit_array(kind_functions(), visit, arg);
}

void
binder_each_class(void (*visit)(const struct lua_class *, void *), void *arg)
{
  for (const struct lua_class *const *class = lua_classes; *class != NULL; class++)
    visit(*class, arg);
}

void
binder_open(lua_State *lua)
{
  errors_open(lua);
  handles_open(lua);
  binder_each_function(binder_register_function, lua);
  constants_register(lua);
  policies_register(lua);
}
