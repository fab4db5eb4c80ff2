// SPDX-License-Identifier: BSD-2-Clause
// DNSName, DNSNameSet and SuffixMatchNode: a name as a value, and sets of exact names and of suffixes.
//
//   newDNSName("WWW.example.")      a value of wire bytes; casing is kept and does not count
//   newDNSNameSet():add(name)       is exactly this name in it?
//   newSuffixMatchNode():add(...)   is this name in it, or below one that is? Takes names, texts, and lists of them
//
// A rule made from a set keeps what was in it then: a set is copied when it is changed while anybody else holds it, as with
// netmask groups, and the script's handle gets the copy. DNSName has compiled members as well (lua/binder/members): those
// here are what they fall back to.
//
// Lua lock, or the state of the thread that made it.
#include "dnsproxy/wire/name.h"
#include "dnsproxy/wire/name_set.h"
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

// ---- DNSNameSet: a set of exact names. A rule made from a set keeps what was in it then ----

// Rules and snapshots may hold the same set: they keep theirs, the handle gets a copy.
static struct name_set *
class_name_set_names_to_change(struct call *c)
{
  struct name_set **set = (struct name_set **)(void *)c->slot;
  name_set_writable(set);
  return *set;
}

static bool
class_name_set_has(const struct call *c)
{
  const struct name *name = c->args[0].object;
  return name_set_has(c->self, name->bytes, name->size);
}

static int
class_name_set_names_add(struct call *c)
{
  name_set_add(class_name_set_names_to_change(c), c->args[0].object);
  return 0;
}

static int
class_name_set_names_check(struct call *c)
{
  lua_pushboolean(c->lua, class_name_set_has(c));
  return 1;
}

static int
class_name_set_names_delete(struct call *c)
{
  lua_pushinteger(c->lua, class_name_set_has(c) && name_set_remove(class_name_set_names_to_change(c), c->args[0].object));
  return 1;
}

static int
class_name_set_names_size(struct call *c)
{
  lua_pushinteger(c->lua, (lua_Integer)name_set_count(c->self));
  return 1;
}

static int
class_name_set_names_clear(struct call *c)
{
  name_set_clear(class_name_set_names_to_change(c));
  return 0;
}

static int
class_name_set_names_empty(struct call *c)
{
  lua_pushboolean(c->lua, name_set_count(c->self) == 0);
  return 1;
}

static void
class_name_set_add_line(const struct name *name, void *out)
{
  char text[NAME_TEXT_SIZE];
  text_puts(out, name_text_no_dot(name, text));
  text_puts(out, "\n");
}

static int
class_name_set_names_to_text(struct call *c)
{
  struct text out;
  text_init(&out);
  name_set_each(c->self, class_name_set_add_line, &out);
  binder_push_text(c->lua, &out);
  text_fini(&out);
  return 1;
}

#define NAME_PARAMS PARAMS({.name = "name", .type = PARAM_NAME_OBJECT})

static const struct lua_function name_set_methods[] = {
    {.name = "add", .help = "Insert a name", .params = NAME_PARAMS, .call = class_name_set_names_add},
    {.name = "check",
     .help = "Is the name a member, in whatever casing?",
     .params = NAME_PARAMS,
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_set_names_check},
    {.name = "delete",
     .help = "Remove a name; how many that were, 0 or 1",
     .params = NAME_PARAMS,
     .returns = "integer",
     .call = class_name_set_names_delete},
    {.name = "size",
     .help = "Number of members",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_set_names_size},
    {.name = "clear", .help = "Remove all members", .call = class_name_set_names_clear},
    {.name = "empty",
     .help = "Is there no member?",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_set_names_empty},
    {.name = "toString",
     .help = "Members without final dot, one per line, in any order",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_set_names_to_text},
    {.name = NULL}};

const struct lua_class class_name_set = {.name = "DNSNameSet",
                                         .help = "A set of names",
                                         .object = &name_set_class,
                                         .methods = name_set_methods,
                                         .tostring = class_name_set_names_to_text};

// ---- SuffixMatchNode ----

static struct suffix_set *
class_name_set_suffixes_to_change(struct call *c)
{
  struct suffix_set **set = (struct suffix_set **)(void *)c->slot;
  suffix_set_writable(set);
  return *set;
}

static void
class_name_set_add_one(const struct name *name, void *set)
{
  suffix_set_add(set, name);
}

static int
class_name_set_suffixes_add(struct call *c)
{
  if (c->args[0].object != c->self) // a set is not walked and changed at once
    suffix_set_each(c->args[0].object, class_name_set_add_one, class_name_set_suffixes_to_change(c));
  return 0;
}

static void
class_name_set_remove_one(const struct name *name, void *set)
{
  suffix_set_remove(set, name);
}

static int
class_name_set_suffixes_remove(struct call *c)
{
  // Without a name of its own the other set could be this one.
  struct suffix_set *other = call_own(c, object_ref(c->args[0].object));
  suffix_set_each(other, class_name_set_remove_one, class_name_set_suffixes_to_change(c));
  return 0;
}

static int
class_name_set_suffixes_check(struct call *c)
{
  const struct name *name = c->args[0].object;
  lua_pushboolean(c->lua, suffix_set_match(c->self, name->bytes, name->size, NULL));
  return 1;
}

static int
class_name_set_suffixes_best(struct call *c)
{
  const struct name *name = c->args[0].object;
  struct name best;
  if (suffix_set_best(c->self, name->bytes, name->size, &best))
    *(struct name *)binder_push_value(c->lua, &class_name) = best;
  else
    lua_pushnil(c->lua);
  return 1;
}

#define SUFFIXES_PARAMS PARAMS({.name = "name", .type = PARAM_SUFFIXES, .help = "one suffix or several"})

static const struct lua_function suffix_methods[] = {
    {.name = "add", .help = "Insert suffixes", .params = SUFFIXES_PARAMS, .call = class_name_set_suffixes_add},
    {.name = "check",
     .help = "Is the name equal to or below a member?",
     .params = NAME_PARAMS,
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_set_suffixes_check},
    {.name = "getBestMatch",
     .help = "The longest member that the name is equal to or below; nil if there is none",
     .params = NAME_PARAMS,
     .returns = "DNSName",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_name_set_suffixes_best},
    {.name = "remove", .help = "Remove suffixes", .params = SUFFIXES_PARAMS, .call = class_name_set_suffixes_remove},
    {.name = NULL}};

const struct lua_class class_suffix_match_node = {
    .name = "SuffixMatchNode", .help = "A set of suffixes", .object = &suffix_set_class, .methods = suffix_methods};
