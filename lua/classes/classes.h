// SPDX-License-Identifier: BSD-2-Clause
// What classes lend to other rooms and to each other. A class itself needs no header: it is a const struct beside its code,
// listed in lua/front/functions.c.
//
//   class_X.c: struct of the C object --> attributes, methods, constructor functions, each a row --> one `struct lua_class`
//              row: name, help, typed parameters, a function of `struct call`
//
// A script's object is a userdata with a counted handle, or with a plain value (address, name, netmask). The binder has
// checked the object and read the arguments before a row's function runs: `c->self` is the object, `c->args` are the values.
// What the function pushes is the result; a fault it sets becomes the error. State is C's, never Lua's: two handles of one
// object are the same object, and dropping a handle drops a reference.
//
// Thread: whoever runs Lua in the state at hand. In the shared state that is the holder of the Lua lock, in a copy the
// worker; a method that touches what is shared by threads says in its row which states it is for.
#ifndef DNSPROXY_LUA_CLASSES_CLASSES_H
#define DNSPROXY_LUA_CLASSES_CLASSES_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/guard/dynblock_group.h"
#include "lua/binder/binder.h"
#include "lua/binder/classes.h"

// ---- looking through a packet cache: by name, by address. Lua lock held: one reader's place serves all of them ----

void cache_each(struct packet_cache *, void (*visit)(const struct packet_cache_entry *, void *), void *arg);
// Addresses in cached answers to a name; names whose cached answers hold an address (its port does not count).
void cache_addresses_of(struct packet_cache *, const struct name *, void (*found)(const struct address *, void *), void *arg);
void cache_names_of(struct packet_cache *, const struct address *, void (*found)(const struct name *, void *), void *arg);

// ---- what functions and rules of dynamic blocks share: their options table, what they refuse. Lua lock held ----

enum { DYNBLOCK_TAG_NAME, DYNBLOCK_TAG_VALUE };
extern const struct param dynblock_options[];
const char *dynblock_option(const struct value *options, unsigned key); // NULL: not given
// SetTag needs the name of its tag. False: the fault is set.
bool dynblock_options_good(struct call *, int action, const char *tag_name);
// The rules of the group in `self` cannot change while apply() goes over them. False: the fault is set.
bool dynblock_may_change(struct call *);

// ---- the suffix rule of a DynBlockRulesGroup: functions of the user that choose names to be blocked. Lua lock held ----

int dynblock_set_suffix_rule(struct call *);     // setSuffixMatchRule()
int dynblock_set_suffix_rule_ffi(struct call *); // setSuffixMatchRuleFFI()
// Asks about every answered name; made is given the call. False: a function failed, the fault is set.
bool dynblock_suffix_rule_apply(struct call *, const struct dynblock_group *, dynblock_made_fn made);

// ---- what visitors of the tree of names are given: StatNode and, twice, StatNodeStats. Lua lock held ----

// Three values: the node, its own counts, those of it and everything below. Every count is multiplied by `weight`.
void stat_node_push(lua_State *, const struct stat_node *, uint32_t weight);

#endif
