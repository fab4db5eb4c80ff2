// SPDX-License-Identifier: BSD-2-Clause
// The index of actions, in the order of the manual. An action that is not listed here does not exist.
#include "rules/act/action.h"

// One line each.
#define ACTIONS(KIND)                                                                                                  \
  KIND(act_allow)                                                                                                      \
  KIND(act_continue)                                                                                                   \
  KIND(act_delay)                                                                                                      \
  KIND(act_drop)                                                                                                       \
  KIND(act_dnstap_log)                                                                                                 \
  KIND(act_ercode)                                                                                                     \
  KIND(act_http_status)                                                                                                \
  KIND(act_key_value_lookup)                                                                                           \
  KIND(act_key_value_range_lookup)                                                                                     \
  KIND(act_log)                                                                                                        \
  KIND(act_negative)                                                                                                   \
  KIND(act_none)                                                                                                       \
  KIND(act_pool)                                                                                                       \
  KIND(act_qps)                                                                                                        \
  KIND(act_qps_pool)                                                                                                   \
  KIND(act_rcode)                                                                                                      \
  KIND(act_remote_log)                                                                                                 \
  KIND(act_add_proxy_value)                                                                                            \
  KIND(act_set_disable_ecs)                                                                                            \
  KIND(act_set_disable_validation)                                                                                     \
  KIND(act_set_ecs)                                                                                                    \
  KIND(act_set_ecs_override)                                                                                           \
  KIND(act_set_ecs_prefix_length)                                                                                      \
  KIND(act_set_edns_option)                                                                                            \
  KIND(act_set_extended_error)                                                                                         \
  KIND(act_set_mac)                                                                                                    \
  KIND(act_set_max_returned_ttl)                                                                                       \
  KIND(act_set_no_recurse)                                                                                             \
  KIND(act_set_proxy_values)                                                                                           \
  KIND(act_set_skip_cache)                                                                                             \
  KIND(act_set_tag)                                                                                                    \
  KIND(act_set_temp_failure_ttl)                                                                                       \
  KIND(act_set_trace)                                                                                                  \
  KIND(act_snmp_trap)                                                                                                  \
  KIND(act_spoof)                                                                                                      \
  KIND(act_spoof_cname)                                                                                                \
  KIND(act_spoof_packet)                                                                                               \
  KIND(act_spoof_raw)                                                                                                  \
  KIND(act_spoof_svc)                                                                                                  \
  KIND(act_tc)                                                                                                         \
  KIND(act_tee)                                                                                                        \
  KIND(act_unset_tag)                                                                                                  \
  KIND(act_allow_response)                                                                                             \
  KIND(act_clear_types_response)                                                                                       \
  KIND(act_delay_response)                                                                                             \
  KIND(act_dnstap_log_response)                                                                                        \
  KIND(act_drop_response)                                                                                              \
  KIND(act_limit_ttl_response)                                                                                         \
  KIND(act_log_response)                                                                                               \
  KIND(act_remote_log_response)                                                                                        \
  KIND(act_set_edns_option_response)                                                                                   \
  KIND(act_set_extended_error_response)                                                                                \
  KIND(act_set_max_returned_ttl_response)                                                                              \
  KIND(act_set_max_ttl_response)                                                                                       \
  KIND(act_set_min_ttl_response)                                                                                       \
  KIND(act_set_reduced_ttl_response)                                                                                   \
  KIND(act_set_skip_cache_response)                                                                                    \
  KIND(act_set_tag_response)                                                                                           \
  KIND(act_snmp_trap_response)                                                                                         \
  KIND(act_tc_response)                                                                                                \
  KIND(act_unset_tag_response)

#define DECLARE(kind) extern const struct action_kind kind;
#define LIST(kind) &(kind),
ACTIONS(DECLARE)

const struct action_kind *const action_kinds[] = {ACTIONS(LIST) NULL};
