// SPDX-License-Identifier: BSD-2-Clause
// Arguments: checked and converted as the dialect does it (semantics.md section 18).
#include "lua/binder/arguments.h"

#include "dnsproxy/wire/codes.h"
#include "lua/binder/classes.h"
#include "lua/binder/script_value.h"
#include "lua/binder/sense.h"
#include "rules/chain/rule.h"

#include <assert.h>
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_words[] = {
    [PARAM_END] = "nothing",
    [PARAM_BOOL] = "boolean",
    [PARAM_INT] = "integer",
    [PARAM_FLOAT] = "number",
    [PARAM_STRING] = "string",
    [PARAM_STRINGS] = "string or list of strings",
    [PARAM_INTS] = "integer or list of integers",
    [PARAM_STRING_MAP] = "table of strings",
    [PARAM_QTYPE] = "record type",
    [PARAM_INDEX] = "index, name or UUID",
    [PARAM_SELECTOR] = "DNSRule",
    [PARAM_SELECTORS] = "list of DNSRules",
    [PARAM_LOOSE_SELECTOR] = "DNSRule, string, DNSName or list",
    [PARAM_ACTION] = "DNSAction",
    [PARAM_RESPONSE_ACTION] = "DNSResponseAction",
    [PARAM_OBJECT] = "object",
    [PARAM_OBJECTS] = "list of objects",
    [PARAM_NETMASKS] = "NetmaskGroup, string or list",
    [PARAM_SUFFIXES] = "SuffixMatchNode, DNSName, string or list",
    [PARAM_NAME] = "DNSName or string",
    [PARAM_ADDRESS] = "ComboAddress or string",
    [PARAM_NAME_OBJECT] = "DNSName",
    [PARAM_ADDRESS_OBJECT] = "ComboAddress",
    [PARAM_FUNCTION] = "function",
    [PARAM_OPTIONS] = "table of options",
    [PARAM_ANY] = "any value",
};

const char *
param_type_word(enum param_type type)
{
  return type_words[type];
}

static const char *
arguments_wanted(const struct param *p)
{
  return p->type == PARAM_OBJECT && p->class != NULL ? p->class->name : type_words[p->type];
}

bool
text_read(struct call *c, int stack, struct bytes *out)
{
  if (!lua_isstring(c->lua, stack))
    return false;
  out->data = lua_tolstring(c->lua, stack, &out->size);
  return true;
}

bool
element_key_good(struct call *c, int stack)
{
  if (lua_isnumber(c->lua, stack))
    return true;
  fault_set(&c->fault, FAULT_PLAIN, "Unable to convert parameter from table to list");
  return false;
}

bool
element_read(struct call *c, int stack, struct bytes *out)
{
  size_t size;
  if (!lua_isstring(c->lua, stack)) {
    call_wrong_type(c, stack, "string");
    return false;
  }
  lua_pushvalue(c->lua, stack); // a number becomes text in the copy: a key that changes would end the walk
  const char *data = lua_tolstring(c->lua, -1, &size);
  char *copy = call_alloc(c, size + 1);
  memcpy(copy, data, size);
  lua_pop(c->lua, 1);
  *out = (struct bytes){.data = copy, .size = size};
  return true;
}

int64_t
argument_whole(double number)
{
  if (isnan(number))
    return 0;
  if (number >= 9223372036854775807.0)
    return INT64_MAX;
  return number <= -9223372036854775808.0 ? INT64_MIN : (int64_t)number;
}

static bool
arguments_integer_read(struct call *c, int stack, const struct param *p, struct value *v)
{
  if (!lua_isnumber(c->lua, stack))
    return false;
  v->integer = argument_whole(lua_tonumber(c->lua, stack));
  if (p->min == 0 && p->max == 0)
    return true;
  // A negative number is a huge one to the dialect.
  if (v->integer < 0 || v->integer > p->max) {
    if (v->integer >= p->min && v->integer <= p->max)
      return true;
    return fault_set(&c->fault, FAULT_CAUGHT, "The value (%llu) passed to %s is too large, the maximum is %lld",
                     (unsigned long long)v->integer,
                     c->function != NULL && c->function->params == p ? c->function->name : p->name, (long long)p->max);
  }
  return true;
}

static bool
arguments_object_is(const void *object, const struct param *p)
{
  const struct object *o = object;
  if (o == NULL)
    return false;
  switch (p->type) {
  case PARAM_SELECTOR:
  case PARAM_SELECTORS:
    return o->class == &selector_class;
  case PARAM_ACTION:
    return o->class == &query_action_class;
  case PARAM_RESPONSE_ACTION:
    return o->class == &response_action_class;
  default:
    return p->class == NULL || o->class == p->class;
  }
}

static void *
arguments_object_at(lua_State *lua, int stack)
{
  const struct lua_class *class = binder_class_at(lua, stack);
  return class == NULL || class->object == NULL ? NULL : binder_test(lua, stack, class);
}

// The other kind of action is a likely slip: the sentence says where it belongs.
static bool
arguments_wrong_side(struct call *c, const void *object, const struct param *p)
{
  const struct object *o = object;
  if (o == NULL || (o->class != &query_action_class && o->class != &response_action_class) ||
      (p->type != PARAM_ACTION && p->type != PARAM_RESPONSE_ACTION))
    return false;
  bool query = p->type == PARAM_ACTION;
  fault_set(&c->fault, FAULT_CAUGHT, "%s() takes actions for %s: for actions on %s there is %s()",
            c->function == NULL ? "this function" : c->function->name, query ? "queries" : "responses",
            query ? "responses" : "queries", query ? "addResponseAction" : "addAction");
  return true;
}

static bool
arguments_object_read(struct call *c, int stack, const struct param *p, struct value *v)
{
  v->object = arguments_object_at(c->lua, stack);
  if (arguments_object_is(v->object, p))
    return true;
  arguments_wrong_side(c, v->object, p);
  return false;
}

static bool
arguments_objects_read(struct call *c, int stack, const struct param *p, struct value *v)
{
  lua_State *lua = c->lua;
  if (!lua_istable(lua, stack))
    return false;
  v->list.objects = call_alloc(c, (argument_list_size(lua, stack) + 1) * sizeof *v->list.objects);
  v->list.count = 0;
  for (lua_pushnil(lua); lua_next(lua, stack) != 0; lua_pop(lua, 1)) {
    void *object = arguments_object_at(lua, lua_gettop(lua));
    if (!element_key_good(c, lua_gettop(lua) - 1))
      return false;
    if (!arguments_object_is(object, p))
      return call_wrong_type(c, lua_gettop(lua), p->class == NULL ? selector_class.name : p->class->name) == 0;
    v->list.objects[v->list.count++] = object;
  }
  return true;
}

static bool
arguments_qtype_read(struct call *c, int stack, const struct param *p, struct value *v)
{
  struct bytes text;
  uint16_t type;
  if (lua_isnumber(c->lua, stack)) {
    const struct param row = {.name = p->name,
                              .type = PARAM_INT,
                              .most = UINT16_MAX,
                              .outside = OUTSIDE_KEPT,
                              .why = "it is taken modulo 65536"};
    v->integer = argument_whole(lua_tonumber(c->lua, stack));
    sense_check(c, &row, v, stack);
    v->integer = (uint16_t)v->integer;
    return true;
  }
  if (!text_read(c, stack, &text))
    return false;
  if (!qtype_parse(text.data, &type))
    return fault_set(&c->fault, FAULT_CAUGHT, "Unable to convert '%s' to a DNS type", text.data);
  v->integer = type;
  return true;
}

static bool
arguments_index_read(struct call *c, int stack, struct value *v)
{
  if (lua_isnumber(c->lua, stack)) {
    v->integer = argument_whole(lua_tonumber(c->lua, stack));
    return true;
  }
  v->is_text = true;
  return text_read(c, stack, &v->string);
}

static bool
arguments_scalar_read(struct call *c, int stack, const struct param *p, struct value *v)
{
  switch (p->type) {
  case PARAM_BOOL:
    v->boolean = lua_toboolean(c->lua, stack);
    return lua_isboolean(c->lua, stack);
  case PARAM_INT:
    return arguments_integer_read(c, stack, p, v);
  case PARAM_FLOAT:
    v->number = lua_tonumber(c->lua, stack);
    return lua_isnumber(c->lua, stack);
  case PARAM_STRING:
    return text_read(c, stack, &v->string);
  case PARAM_QTYPE:
    return arguments_qtype_read(c, stack, p, v);
  case PARAM_INDEX:
    return arguments_index_read(c, stack, v);
  case PARAM_FUNCTION:
    if (!lua_isfunction(c->lua, stack))
      return false;
    v->object = call_own(c, script_new(c->lua, stack));
    return true;
  default:
    v->stack = stack;
    return p->type == PARAM_ANY;
  }
}

static bool
arguments_compound_read(struct call *c, int stack, const struct param *p, struct value *v)
{
  switch (p->type) {
  case PARAM_STRINGS:
    return strings_read(c, stack, v);
  case PARAM_INTS:
    return integers_read(c, stack, v);
  case PARAM_STRING_MAP:
    return map_read(c, stack, v);
  case PARAM_SELECTOR:
  case PARAM_ACTION:
  case PARAM_RESPONSE_ACTION:
  case PARAM_OBJECT:
    return arguments_object_read(c, stack, p, v);
  case PARAM_SELECTORS:
  case PARAM_OBJECTS:
    return arguments_objects_read(c, stack, p, v);
  case PARAM_LOOSE_SELECTOR:
    return loose_selector_read(c, stack, v);
  case PARAM_NETMASKS:
    return netmasks_read(c, stack, v);
  case PARAM_SUFFIXES:
    return suffixes_read(c, stack, v);
  case PARAM_NAME:
    return name_read(c, stack, v);
  case PARAM_ADDRESS:
    return address_read(c, stack, v);
  case PARAM_NAME_OBJECT:
    return name_object_read(c, stack, v);
  case PARAM_ADDRESS_OBJECT:
    v->object = binder_test(c->lua, stack, &class_address);
    return v->object != NULL;
  case PARAM_OPTIONS:
    return options_read(c, stack, p, v);
  default:
    return arguments_scalar_read(c, stack, p, v);
  }
}

bool
call_read(struct call *c, int stack, const struct param *p, struct value *v)
{
  *v = (struct value){.given = true};
  if (stack < 0)
    stack = lua_gettop(c->lua) + 1 + stack;
  int top = lua_gettop(c->lua);
  bool good = arguments_compound_read(c, stack, p, v);
  if (good && !sense_check(c, p, v, stack))
    c->moot = true;
  lua_settop(c->lua, top); // a walk over a table that ended early
  if (!good && c->fault.kind == FAULT_NONE)
    call_wrong_type(c, stack, arguments_wanted(p));
  return good;
}

bool
call_accepts(lua_State *lua, int stack, const struct param *p)
{
  switch (p->type) {
  case PARAM_BOOL:
    return lua_isboolean(lua, stack);
  case PARAM_INT:
  case PARAM_FLOAT:
    return lua_isnumber(lua, stack);
  case PARAM_STRING:
  case PARAM_QTYPE:
  case PARAM_INDEX:
    return lua_isstring(lua, stack);
  case PARAM_STRINGS:
    return lua_isstring(lua, stack) || lua_istable(lua, stack);
  case PARAM_INTS:
    return lua_isnumber(lua, stack) || lua_istable(lua, stack);
  case PARAM_STRING_MAP:
  case PARAM_OPTIONS:
  case PARAM_OBJECTS:
  case PARAM_SELECTORS:
    return lua_istable(lua, stack);
  case PARAM_FUNCTION:
    return lua_isfunction(lua, stack);
  case PARAM_SELECTOR:
  case PARAM_ACTION:
  case PARAM_RESPONSE_ACTION:
  case PARAM_OBJECT:
    return arguments_object_is(arguments_object_at(lua, stack), p);
  case PARAM_NAME_OBJECT:
    return binder_test(lua, stack, &class_name) != NULL;
  case PARAM_ADDRESS_OBJECT:
    return binder_test(lua, stack, &class_address) != NULL;
  default:
    return true;
  }
}

void
argument_fallback(struct call *c, const struct param *p, struct value *v)
{
  *v = (struct value){.given = false};
  if (p->fallback == NULL)
    return;
  size_t size = strlen(p->fallback);
  switch (p->type) {
  case PARAM_BOOL:
    v->boolean = strcmp(p->fallback, "true") == 0;
    break;
  case PARAM_INT:
    v->integer = strtoll(p->fallback, NULL, 10);
    break;
  case PARAM_FLOAT:
    v->number = strtod(p->fallback, NULL);
    break;
  case PARAM_QTYPE: {
    uint16_t type = 0;
    bool known = qtype_parse(p->fallback, &type);
    assert(known);
    v->integer = type;
    break;
  }
  case PARAM_STRINGS:
    v->list.count = 1;
    v->list.strings = call_alloc(c, sizeof *v->list.strings);
    v->list.strings[0] = (struct bytes){.data = p->fallback, .size = size};
    break;
  default:
    assert(p->type == PARAM_STRING || p->type == PARAM_INDEX);
    v->is_text = p->type == PARAM_INDEX;
    v->string = (struct bytes){.data = p->fallback, .size = size};
  }
}
