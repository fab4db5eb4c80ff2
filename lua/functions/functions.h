// SPDX-License-Identifier: BSD-2-Clause
// What families of functions lend to each other. A family is a file with its index row in lua/front/functions.c, and needs
// no header.
//
//   bind_X.c: static int bind_X_do(struct call *) ... --> struct lua_function rows: name, help, typed parameters, marks
//             --> an array of the family
//
// The binder makes the Lua function, its errors, help() and the manual from the row, checks and reads the arguments and then
// calls it. A function that edits the configuration leaves a record of how to take that back first (base/undo), and says so
// to whoever publishes; what scripts may call only while the configuration loads, or only from the console, is a mark in the
// row.
//
// Thread: the holder of the Lua lock, unless the row says that a function may be called from any state.
#ifndef DNSPROXY_LUA_FUNCTIONS_FUNCTIONS_H
#define DNSPROXY_LUA_FUNCTIONS_FUNCTIONS_H

#include "dnsproxy/base/param.h"
#include "lua/binder/binder.h"
#include "rules/chain/chain.h"
#include "rules/select/selector.h"

// ---- timing a selector against made-up queries, off the path of packets. Lua lock ----

struct bench {
  uint64_t matches, us;
};

// `times` queries for names below the suffix, a thousand different ones.
bool
bench_selector(const struct selector *, uint64_t times, const struct bytes *suffix, struct bench *, struct fault *);

// ---- newServer(): its options and what becomes of them ----

int new_server(struct call *);
extern const struct param server_options[]; // the table's keys, for documentation too

// ---- making a rule from the arguments (selector, action, options): for the add verbs and newRuleAction(). Lua lock ----

extern const struct param rule_options[]; // uuid, name
// The rule lives as long as the call, or as whoever takes a reference.
bool rule_make(struct call *, const struct value *args, struct rule **);

#endif
