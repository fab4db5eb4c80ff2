// SPDX-License-Identifier: BSD-2-Clause
// The index of functions and classes: what is not listed here does not exist for scripts. A new array or class is one line.
#include "lua/binder/classes.h"
#include "lua/scripts/policy_lua.h"

#include <stddef.h>

// One line per array, in alphabetical order.
#define FUNCTION_ARRAYS(ARRAY) \
  ARRAY(functions_acl) \
  ARRAY(functions_async) \
  ARRAY(functions_cache) \
  ARRAY(functions_console) \
  ARRAY(functions_dynblocks) \
  ARRAY(functions_exceed) \
  ARRAY(functions_explain) \
  ARRAY(functions_grepq) \
  ARRAY(functions_interfaces) \
  ARRAY(functions_limiter) \
  ARRAY(functions_listeners) \
  ARRAY(functions_log) \
  ARRAY(functions_metrics) \
  ARRAY(functions_misc) \
  ARRAY(functions_moot) \
  ARRAY(functions_network) \
  ARRAY(functions_objects) \
  ARRAY(functions_packet) \
  ARRAY(functions_password) \
  ARRAY(functions_policies) \
  ARRAY(functions_pools) \
  ARRAY(functions_rings) \
  ARRAY(functions_query_counts) \
  ARRAY(functions_rules) \
  ARRAY(functions_scripts) \
  ARRAY(functions_servers) \
  ARRAY(functions_services) \
  ARRAY(functions_shared) \
  ARRAY(functions_settings) \
  ARRAY(functions_stat_nodes) \
  ARRAY(functions_svc) \
  ARRAY(functions_tcp) \
  ARRAY(functions_top) \
  ARRAY(functions_threads) \
  ARRAY(functions_waiting_encryption) \
  ARRAY(functions_waiting_filters) \
  ARRAY(functions_waiting_listeners) \
  ARRAY(functions_waiting_observers) \

#define ARRAY(name) extern const struct lua_function name[];
FUNCTION_ARRAYS(ARRAY)
#undef ARRAY

const struct lua_function *const lua_function_arrays[] = {
#define ARRAY(name) name,
    FUNCTION_ARRAYS(ARRAY)
#undef ARRAY
    lua_policy_functions, ffi_policy_functions, NULL,
};

const struct lua_class *const lua_classes[] = {
    &class_action,      &class_address, &class_async,       &class_cache,        &class_edns_view,     &class_header,
    &class_dynblock, &class_dynblock_group, &class_dns_reply,   &class_dns_service,
    &class_limiter,     &class_shared_counter, &class_shared_table, &class_listener,      &class_name,         &class_name_set,      &class_netmask,
    &class_netmask_group, &class_no_cache, &class_packet_overlay, &class_endpoint, &class_network_listener,
    &class_policy,       &class_pool,          &class_question, &class_record,
    &class_response,    &class_response_action, &class_response_rule_action, &class_rule, &class_rule_action,
    &class_server,      &class_suffix_match_node, &class_timed_ip_set, &class_timespec,
    &class_bpf_filter,  &class_dnscrypt_context, &class_doh_frontend, &class_doh3_frontend, &class_doh_response_entry,
    &class_doq_frontend, &class_dyn_bpf_filter, &class_key_value_store, &class_lookup_key,  &class_remote_logger,
    &class_ring_entry, &class_stat_counts, &class_stat_node, &class_svc_record, &class_tls_certificate, &class_tls_frontend, &class_xsk_socket, NULL,
};
