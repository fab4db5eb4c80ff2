// SPDX-License-Identifier: BSD-2-Clause
// The index of functions and classes. A new array or class is one line here.
#include "lua/classes.h"
#include "lua/policy_lua.h"

#include <stddef.h>

extern const struct lua_function functions_acl[], functions_cache[], functions_console[], functions_listeners[],
    functions_log[], functions_metrics[], functions_misc[], functions_objects[], functions_policies[],
    functions_pools[], functions_rules[], functions_servers[], functions_services[], functions_settings[],
    functions_moot[], functions_svc[], functions_waiting_observers[], functions_waiting_transports[];

const struct lua_function *const lua_function_arrays[] = {
    functions_acl,  functions_cache,   functions_console,  functions_listeners, functions_log,
    functions_metrics, functions_misc, functions_objects,  functions_policies,  functions_pools,
    functions_rules, functions_servers, functions_services, functions_settings,
    functions_moot, functions_svc, functions_waiting_observers, functions_waiting_transports, lua_policy_functions,
    ffi_policy_functions, NULL,
};

const struct lua_class *const lua_classes[] = {
    &class_action,      &class_address,       &class_cache,        &class_edns_view,     &class_header,
    &class_dns_reply,   &class_dns_service,
    &class_limiter,     &class_listener,      &class_name,         &class_name_set,      &class_netmask,
    &class_netmask_group, &class_no_cache,    &class_policy,       &class_pool,          &class_question,
    &class_response,    &class_response_action, &class_response_rule_action, &class_rule, &class_rule_action,
    &class_server,      &class_suffix_match_node, &class_timed_ip_set, &class_timespec,
    &class_bpf_filter,  &class_dnscrypt_context, &class_doh_frontend, &class_doh3_frontend, &class_doh_response_entry,
    &class_doq_frontend, &class_dyn_bpf_filter, &class_key_value_store, &class_lookup_key,  &class_remote_logger,
    &class_svc_record, &class_tls_certificate, &class_tls_frontend, &class_xsk_socket, NULL,
};
