// SPDX-License-Identifier: BSD-2-Clause
// The index of selectors, in the order of the manual. A selector that is not listed here does not exist.
#include "rules/select/selector.h"

// One line each.
#define SELECTORS(KIND)                                                                                                \
  KIND(select_all)                                                                                                     \
  KIND(select_and)                                                                                                     \
  KIND(select_or)                                                                                                      \
  KIND(select_not)                                                                                                     \
  KIND(select_dnssec)                                                                                                  \
  KIND(select_dst_port)                                                                                                \
  KIND(select_edns_option)                                                                                             \
  KIND(select_edns_version)                                                                                            \
  KIND(select_ercode)                                                                                                  \
  KIND(select_http_header)                                                                                             \
  KIND(select_http_path_regex)                                                                                         \
  KIND(select_http_path)                                                                                               \
  KIND(select_incoming_protocol)                                                                                       \
  KIND(select_key_value_lookup)                                                                                        \
  KIND(select_key_value_range_lookup)                                                                                  \
  KIND(select_max_qps_ip)                                                                                              \
  KIND(select_max_qps)                                                                                                 \
  KIND(select_netmask_group)                                                                                           \
  KIND(select_opcode)                                                                                                  \
  KIND(select_payload_size)                                                                                            \
  KIND(select_pool_available)                                                                                          \
  KIND(select_pool_outstanding)                                                                                        \
  KIND(select_proba)                                                                                                   \
  KIND(select_proxy_value)                                                                                             \
  KIND(select_qclass)                                                                                                  \
  KIND(select_qname)                                                                                                   \
  KIND(select_qname_set)                                                                                               \
  KIND(select_qname_suffix)                                                                                            \
  KIND(select_suffix_match_node)                                                                                       \
  KIND(select_qname_labels)                                                                                            \
  KIND(select_qname_wire_length)                                                                                       \
  KIND(select_qtype)                                                                                                   \
  KIND(select_rcode)                                                                                                   \
  KIND(select_rd)                                                                                                      \
  KIND(select_re2)                                                                                                     \
  KIND(select_records_count)                                                                                           \
  KIND(select_records_type_count)                                                                                      \
  KIND(select_regex)                                                                                                   \
  KIND(select_sni)                                                                                                     \
  KIND(select_tag)                                                                                                     \
  KIND(select_tcp)                                                                                                     \
  KIND(select_trailing_data)

#define DECLARE(kind) extern const struct selector_kind kind;
#define LIST(kind) &(kind),
SELECTORS(DECLARE)

const struct selector_kind *const selector_kinds[] = {SELECTORS(LIST) NULL};
