// SPDX-License-Identifier: BSD-2-Clause
// Arguments that may be written in several ways: names, addresses, sets, and selectors given as text.
//
//   addAction({"a.test", "b.test"}, ...)     a list of names: SuffixMatchNodeRule
//   addAction("10.0.0.0/8", ...)             text that is a netmask: NetmaskGroupRule
//   addAction(newDNSName("a.test"), ...)     an object of the type
//
// The dialect takes what people write; here is the order in which a text is tried, which matters where it could be both.
// What is made for the call (a set of a list) is borrowed by it and given back afterwards, or kept by whoever takes a
// reference.
//
// Errors name the text that could be neither. Thread: that of the state.
#include "lua/binder/arguments.h"

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/wire/name_set.h"
#include "lua/binder/classes.h"
#include "lua/binder/sense.h"
#include "rules/select/selector.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

// False with a fault: an unset name, which nothing can be done with; without one: no name.
bool
name_object_read(struct call *c, int stack, struct value *v)
{
  const struct name *name = binder_test(c->lua, stack, &class_name);
  if (name != NULL && name->size == 0)
    return fault_set(&c->fault, FAULT_CAUGHT, "Attempt to use an unset DNSName");
  v->object = (void *)(uintptr_t)name;
  return name != NULL;
}

bool
name_read(struct call *c, int stack, struct value *v)
{
  struct bytes text;
  if (name_object_read(c, stack, v) || c->fault.kind != FAULT_NONE)
    return c->fault.kind == FAULT_NONE;
  if (!text_read(c, stack, &text))
    return false;
  struct name *name = call_alloc(c, sizeof *name);
  v->object = name;
  return name_from_text(name, text.data, text.size, &c->fault);
}

bool
address_read(struct call *c, int stack, struct value *v)
{
  struct bytes text;
  v->object = binder_test(c->lua, stack, &class_address);
  if (v->object != NULL)
    return true;
  if (!text_read(c, stack, &text))
    return false;
  struct address *address = call_alloc(c, sizeof *address);
  v->object = address;
  return address_parse(address, text.data, 0, &c->fault);
}

static void
loose_tell_long_prefix(struct call *c, const char *text, const struct netmask *mask)
{
  const char *bits = strchr(text, '/');
  long most = address_is_v6(&mask->network) ? 128 : 32;
  if (bits != NULL && strtol(bits + 1, NULL, 10) > most)
    sense_warn(c, "%s is a prefix longer than the address: its %ld bits count", text, most);
}

bool
call_netmask(struct call *c, const char *text, struct netmask *mask)
{
  if (!netmask_parse(mask, text, &c->fault))
    return false;
  loose_tell_long_prefix(c, text, mask);
  return true;
}

// Calls `each` for the single text at `stack` or for every element of the list there.
static bool
loose_each_text(struct call *c, int stack, bool (*each)(struct call *, const struct bytes *, void *), void *arg)
{
  lua_State *lua = c->lua;
  struct bytes text;
  if (text_read(c, stack, &text))
    return each(c, &text, arg);
  for (lua_pushnil(lua); lua_next(lua, stack) != 0; lua_pop(lua, 1))
    if (!element_key_good(c, lua_gettop(lua) - 1) || !element_read(c, lua_gettop(lua), &text) || !each(c, &text, arg))
      return false;
  return true;
}

static bool
loose_add_netmask(struct call *c, const struct bytes *text, void *set)
{
  struct netmask mask;
  if (!call_netmask(c, text->data, &mask))
    return false;
  netmask_set_add(set, &mask);
  return true;
}

bool
netmasks_read(struct call *c, int stack, struct value *v)
{
  v->object = binder_test(c->lua, stack, &class_netmask_group);
  if (v->object != NULL)
    return true;
  if (!lua_isstring(c->lua, stack) && !lua_istable(c->lua, stack))
    return false;
  v->object = call_own(c, netmask_set_new());
  return loose_each_text(c, stack, loose_add_netmask, v->object);
}

static bool
loose_add_suffix(struct call *c, const struct bytes *text, void *set)
{
  struct name name;
  if (!name_from_text(&name, text->data, text->size, &c->fault))
    return false;
  suffix_set_add(set, &name);
  return true;
}

// A list of DNSNames: true when the first element of the table is one.
static bool
loose_is_name_list(lua_State *lua, int stack)
{
  if (!lua_istable(lua, stack))
    return false;
  lua_pushnil(lua);
  if (lua_next(lua, stack) == 0)
    return false;
  bool is = binder_test(lua, -1, &class_name) != NULL;
  lua_pop(lua, 2);
  return is;
}

static bool
loose_name_list_read(struct call *c, int stack, struct suffix_set *set)
{
  lua_State *lua = c->lua;
  for (lua_pushnil(lua); lua_next(lua, stack) != 0; lua_pop(lua, 1)) {
    struct value name = {.given = false};
    if (!element_key_good(c, lua_gettop(lua) - 1))
      return false;
    if (!name_object_read(c, lua_gettop(lua), &name))
      return c->fault.kind == FAULT_NONE && call_wrong_type(c, lua_gettop(lua), "DNSName") == 0;
    suffix_set_add(set, name.object);
  }
  return true;
}

bool
suffixes_read(struct call *c, int stack, struct value *v)
{
  v->object = binder_test(c->lua, stack, &class_suffix_match_node);
  if (v->object != NULL)
    return true;
  struct value name = {.given = false};
  bool is_name = name_object_read(c, stack, &name);
  if (!is_name && (c->fault.kind != FAULT_NONE || (!lua_isstring(c->lua, stack) && !lua_istable(c->lua, stack))))
    return false;
  v->object = call_own(c, suffix_set_new());
  if (is_name) {
    suffix_set_add(v->object, name.object);
    return true;
  }
  if (loose_is_name_list(c->lua, stack))
    return loose_name_list_read(c, stack, v->object);
  return loose_each_text(c, stack, loose_add_suffix, v->object);
}

// ---- selectors in their loose forms ----

struct loose {
  struct netmask_set *masks;
  struct suffix_set *suffixes;
  size_t mask_count, name_count;
};

// Each text is tried as a netmask first, as a name then.
static bool
loose_add_loose(struct call *c, const struct bytes *text, void *arg)
{
  struct loose *loose = arg;
  struct netmask mask;
  struct fault no_mask = FAULT_INIT;
  if (netmask_parse(&mask, text->data, &no_mask)) {
    loose_tell_long_prefix(c, text->data, &mask);
    netmask_set_add(loose->masks, &mask);
    loose->mask_count++;
    return true;
  }
  loose->name_count++;
  return loose_add_suffix(c, text, loose->suffixes);
}

static struct selector *
loose_selector(struct call *c, const struct loose *loose)
{
  if (loose->mask_count == 0)
    return selector_from_suffixes(loose->suffixes, false);
  if (loose->name_count > 0)
    log_warning(c->function == NULL ? "rules" : c->function->name,
                "A rule cannot hold netmasks and names: the names are ignored");
  return selector_from_netmasks(loose->masks, true, false);
}

bool
loose_selector_read(struct call *c, int stack, struct value *v)
{
  v->object = binder_test(c->lua, stack, &class_rule);
  if (v->object != NULL)
    return true;
  struct value name = {.given = false};
  bool is_name = name_object_read(c, stack, &name);
  if (!is_name && (c->fault.kind != FAULT_NONE || (!lua_isstring(c->lua, stack) && !lua_istable(c->lua, stack))))
    return false;
  struct loose loose = {.masks = call_own(c, netmask_set_new()), .suffixes = call_own(c, suffix_set_new())};
  if (is_name)
    suffix_set_add(loose.suffixes, name.object);
  else if (loose_is_name_list(c->lua, stack) ? !loose_name_list_read(c, stack, loose.suffixes)
                                       : !loose_each_text(c, stack, loose_add_loose, &loose))
    return false;
  v->object = call_own(c, loose_selector(c, &loose));
  return true;
}
