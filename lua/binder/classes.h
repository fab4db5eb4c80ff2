// SPDX-License-Identifier: BSD-2-Clause
// The types that scripts see, each described beside its code (lua/classes/class_*.c), and the index of everything declared.
//
//   lua/front/functions.c: lua_classes[], lua_function_arrays[] --> every state's globals and metatables (binder)
//                                                               --> --describe, help(), completion, the manual
//
// The lists are declared here and defined higher up, because the binder opens what it knows by name only. Some arrays of
// functions are not written but made: setters from settings.def, verbs of chains from chains.def, constructors from the
// kinds of rules/; they are made once per process.
//
// To add a class: `extern const struct lua_class` here, one line in functions.c. Constant; Lua lock for what is done with
// them.
#ifndef LUA_BINDER_CLASSES_H
#define LUA_BINDER_CLASSES_H

#include "lua/binder/binder.h"

extern const struct lua_class class_dynblock, class_dynblock_group;
extern const struct lua_class class_name, class_name_set, class_suffix_match_node;
extern const struct lua_class class_address, class_netmask, class_netmask_group;
extern const struct lua_class class_rule, class_action, class_response_action, class_rule_action, class_response_rule_action;
extern const struct lua_class class_server, class_pool, class_policy, class_cache, class_no_cache, class_listener;
extern const struct lua_class class_question, class_response, class_header, class_edns_view;
extern const struct lua_class class_async, class_endpoint, class_network_listener, class_packet_overlay, class_record;
extern const struct lua_class class_dns_service, class_dns_reply;
extern const struct lua_class class_svc_record;
// Of parts that do not exist yet (waiting.h).
extern const struct lua_class class_bpf_filter, class_dnscrypt_context, class_doh_frontend, class_doh3_frontend,
    class_doh_response_entry, class_doq_frontend, class_dyn_bpf_filter, class_key_value_store, class_lookup_key,
    class_remote_logger, class_tls_certificate, class_tls_frontend, class_xsk_socket;
extern const struct lua_class class_limiter, class_shared_counter, class_shared_table, class_timespec, class_ring_entry, class_stat_node, class_stat_counts, class_timed_ip_set;

// functions.c: closed by NULL.
extern const struct lua_class *const lua_classes[];
extern const struct lua_function *const lua_function_arrays[]; // each closed by a NULL name

// Functions made from rows of other folders, once per process: closed by a NULL name.
const struct lua_function *settings_functions(void);  // bind_settings.c
const struct lua_function *chain_functions(void);     // bind_chains.c
const struct lua_function *kind_functions(void);      // bind_kinds.c

// constants.c: tables of numbers, closed by a NULL name each.
struct lua_constant {
  const char *name;
  int value;
};
struct lua_constant_table {
  const char *name, *help;
  const struct lua_constant *rows;
};
extern const struct lua_constant_table lua_constant_tables[];
void constants_register(lua_State *);
// class_policy.c: the built-in policies as globals
void policies_register(lua_State *); // makes them globals

#endif
