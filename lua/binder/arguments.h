// SPDX-License-Identifier: BSD-2-Clause
// From the Lua stack to struct value, by the rows of a function's parameters.
//
//   stack: "10.0.0.0/8", {qps = 20} --rows: PARAM_NETMASKS, PARAM_OPTIONS--> values: struct netmask_set *, struct value[]
//
//   arguments.c: a type each; argument_lists.c: lists; options.c: tables of options; loose.c: several ways to write one
//
// For each argument its row says what may be there; what is not is the dialect's error, with the position and the types
// (errors.md), or the fallback if it may be left out. Numbers are cut and wrap as in the dialect unless the row has bounds.
// A table of options warns of keys that no row has: they are nearly always typing mistakes.
//
// What is converted (sets from lists, texts) is borrowed for the call and given back with its scratch. For the binder; the
// thread that holds the state.
#ifndef LUA_BINDER_ARGUMENTS_H
#define LUA_BINDER_ARGUMENTS_H

#include "lua/binder/binder.h"

// The value of a row that the caller did not write: its fallback.
void argument_fallback(struct call *, const struct param *, struct value *);
// Lists and tables (argument_lists.c). False, without a fault: something else.
bool strings_read(struct call *, int stack, struct value *);
bool integers_read(struct call *, int stack, struct value *);
bool map_read(struct call *, int stack, struct value *);
size_t argument_list_size(lua_State *, int stack);
int64_t argument_whole(double number); // fractions cut, the range of the type its limit
// Option tables (options.c).
bool options_read(struct call *, int stack, const struct param *, struct value *);
// Sets and names (loose.c).
bool netmasks_read(struct call *, int stack, struct value *);
bool suffixes_read(struct call *, int stack, struct value *);
bool loose_selector_read(struct call *, int stack, struct value *);
bool name_read(struct call *, int stack, struct value *);
bool name_object_read(struct call *, int stack, struct value *); // an unset name is a fault
bool address_read(struct call *, int stack, struct value *);
// A string or number, as text; lives as long as the call. False, without a fault: something else.
bool text_read(struct call *, int stack, struct bytes *);
// Text of an element of a list or table: like text_read, but the value may go from the stack. With a fault.
bool element_read(struct call *, int stack, struct bytes *);
// The keys of a list must be integers (their values do not count). With a fault.
bool element_key_good(struct call *, int stack);

#endif
