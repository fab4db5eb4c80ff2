// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: what policies ask about servers.
#include "lua/scripts/ffi_frame.h"

#include "dnsproxy/backends/policy.h"

size_t
dnsdist_ffi_servers_list_get_count(const dnsdist_ffi_servers_list_t *list)
{
  return list == NULL ? 0 : list->count;
}

void
dnsdist_ffi_servers_list_get_server(const dnsdist_ffi_servers_list_t *list, size_t i, const dnsdist_ffi_server_t **out)
{
  if (out != NULL)
    *out = list == NULL || i >= list->count ? NULL : &list->servers->items[i];
}

// The index of the backend that a built-in policy takes for a hash; as many as there are: none.
static size_t
ffi_policy_index_by(const dnsdist_ffi_servers_list_t *list, const dnsdist_ffi_dnsquestion_t *dq, const struct policy *policy,
                    size_t hash)
{
  struct query *q = ffi_query(dq);
  struct backend *chosen = NULL;
  if (list == NULL || list->pool == NULL || q == NULL)
    return list == NULL ? 0 : list->count;
  struct policy_input in = {.pool = list->pool, .query = q, .hash = &(uint64_t){hash}};
  if (policy->choose(policy, &in, &chosen) == POLICY_CHOSEN)
    for (size_t i = 0; i < list->count; i++)
      if (list->servers->items[i].backend == chosen)
        return i;
  return list->count;
}

size_t
dnsdist_ffi_servers_list_chashed(const dnsdist_ffi_servers_list_t *list, const dnsdist_ffi_dnsquestion_t *dq, size_t hash)
{
  return ffi_policy_index_by(list, dq, &policy_chashed, hash);
}

size_t
dnsdist_ffi_servers_list_whashed(const dnsdist_ffi_servers_list_t *list, const dnsdist_ffi_dnsquestion_t *dq, size_t hash)
{
  return ffi_policy_index_by(list, dq, &policy_whashed, hash);
}

// ---- one server ----

#define GET(type, name, none, value)                                                                                   \
  type dnsdist_ffi_server_##name(const dnsdist_ffi_server_t *server)                                                   \
  {                                                                                                                    \
    const struct backend *b = server == NULL ? NULL : server->backend;                                                 \
    return b == NULL ? (none) : (type)(value);                                                                         \
  }

GET(uint64_t, get_outstanding, 0, backend_outstanding(b))
GET(bool, is_up, false, backend_is_up(b))
GET(const char *, get_name, "", backend_name(b))
GET(const char *, get_name_with_addr, "", backend_full_name(b))
GET(int, get_weight, 0, atomic_load_explicit(&b->weight, memory_order_relaxed))
GET(int, get_order, 0, atomic_load_explicit(&b->order, memory_order_relaxed))
GET(double, get_latency, 0, backend_latency_us(b, b->options.protocol->stream)) // microseconds
