// SPDX-License-Identifier: BSD-2-Clause
// DNSName: a name as a value; casing is kept.
#include "dnsproxy/wire/name.h"
#include "lua/binder/classes.h"

#include <string.h>

// What makeRelative() of an unrelated name gives has no bytes at all, not even the root's.
static bool
class_name_is_set(struct call *c)
{
  return ((const struct name *)c->self)->size > 0 ||
         fault_set(&c->fault, FAULT_CAUGHT, "Attempt to print an unset DNSName");
}

static int
class_name_append(struct call *c)
{
  return name_append(c->self, c->args[0].object, &c->fault) ? 0 : -1;
}

static int
class_name_prepend(struct call *c)
{
  struct name joined = *(const struct name *)c->args[0].object;
  if (!name_append(&joined, c->self, &c->fault))
    return -1;
  *(struct name *)c->self = joined;
  return 0;
}

static int
class_name_chop_off(struct call *c)
{
  lua_pushboolean(c->lua, name_chop(c->self));
  return 1;
}

static int
class_name_count_labels(struct call *c)
{
  const struct name *name = c->self;
  lua_pushinteger(c->lua, name->size > 0 ? (lua_Integer)name_bytes_labels(name->bytes) : 0);
  return 1;
}

static int
class_name_hash(struct call *c)
{
  const struct name *name = c->self;
  lua_pushnumber(c->lua, (uint32_t)name_bytes_hash(name->bytes, name->size, 0));
  return 1;
}

static int
class_name_is_part_of(struct call *c)
{
  const struct name *name = c->self;
  if (!class_name_is_set(c))
    return -1;
  lua_pushboolean(c->lua, name_bytes_is_part_of(name->bytes, name->size, c->args[0].object));
  return 1;
}

static int
class_name_make_relative(struct call *c)
{
  const struct name *name = c->self, *parent = c->args[0].object;
  if (!class_name_is_set(c))
    return -1;
  struct name *relative = binder_push_value(c->lua, &class_name);
  if (!name_bytes_is_part_of(name->bytes, name->size, parent))
    return 1;
  relative->size = (uint8_t)(name->size - parent->size + 1);
  memcpy(relative->bytes, name->bytes, relative->size - 1u);
  return 1; // the value came zeroed: the root's label is there
}

static int
class_name_to_wire(struct call *c)
{
  const struct name *name = c->self;
  if (!class_name_is_set(c))
    return -1;
  lua_pushlstring(c->lua, (const char *)name->bytes, name->size);
  return 1;
}

static int
class_name_to_text(struct call *c)
{
  char text[NAME_TEXT_SIZE];
  if (!class_name_is_set(c))
    return -1;
  lua_pushstring(c->lua, name_text(c->self, text));
  return 1;
}

static int
class_name_to_text_no_dot(struct call *c)
{
  char text[NAME_TEXT_SIZE];
  if (!class_name_is_set(c))
    return -1;
  lua_pushstring(c->lua, name_text_no_dot(c->self, text));
  return 1;
}

static int
class_name_wire_length(struct call *c)
{
  lua_pushinteger(c->lua, ((const struct name *)c->self)->size);
  return 1;
}

#define LABELS_PARAMS PARAMS({.name = "labels", .type = PARAM_NAME, .help = "labels to add"})
#define PARENT_PARAMS PARAMS({.name = "parent", .type = PARAM_NAME_OBJECT, .help = "name that may be above"})

static const struct lua_function methods[] = {
    {.name = "append", .help = "Add labels behind, in place", .params = LABELS_PARAMS, .call = class_name_append},
    {.name = "prepend", .help = "Add labels in front, in place", .params = LABELS_PARAMS, .call = class_name_prepend},
    {.name = "chopOff",
     .help = "Drop the leftmost label, in place; false on the root",
     .returns = "boolean",
     .call = class_name_chop_off},
    {.name = "countLabels",
     .help = "Number of labels, 0 for the root",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_count_labels},
    {.name = "hash",
     .help = "Number that is the same for all casings",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_hash},
    {.name = "isPartOf",
     .help = "Is it equal to or below the parent?",
     .params = PARENT_PARAMS,
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_is_part_of},
    {.name = "makeRelative",
     .help = "The labels below the parent; an unset name, which cannot be printed, if there are none",
     .params = PARENT_PARAMS,
     .returns = "DNSName",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_make_relative},
    {.name = "toDNSString",
     .help = "Bytes as in a message",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_to_wire},
    {.name = "toString",
     .help = "Text with final dot",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_to_text},
    {.name = "tostring",
     .help = "Text with final dot",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_to_text},
    {.name = "toStringNoDot",
     .help = "Text without final dot, empty for the root",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_to_text_no_dot},
    {.name = "wirelength",
     .help = "Size in a message",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_wire_length},
    {.name = NULL}};

const struct lua_class class_name = {.name = "DNSName",
                                     .help = "A domain name",
                                     .size = sizeof(struct name),
                                     .methods = methods,
                                     .tostring = class_name_to_text};
