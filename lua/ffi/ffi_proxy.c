// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: values and headers of the PROXY protocol.
#include "lua/scripts/ffi_frame.h"

#include <string.h>

enum { VALUES_MAX = 1024 }; // a header holds no more of use

// Linked as they come; a NULL value is an empty one. False: too many.
static bool
ffi_proxy_link_values(struct proxy_value *out, const dnsdist_ffi_proxy_protocol_value_t *values, size_t count)
{
  if (count > VALUES_MAX || (values == NULL && count > 0))
    return false;
  for (size_t i = 0; i < count; i++)
    out[i] = (struct proxy_value){.next = i + 1 < count ? &out[i + 1] : NULL,
                                  .type = values[i].type,
                                  .size = values[i].value == NULL ? 0 : values[i].size,
                                  .data = (const uint8_t *)values[i].value};
  return true;
}

size_t
dnsdist_ffi_generate_proxy_protocol_payload(size_t address_size, const void *source, const void *destination,
                                            uint16_t source_port, uint16_t destination_port, bool tcp, size_t count,
                                            const dnsdist_ffi_proxy_protocol_value_t *values, void *out, size_t size)
{
  struct proxy_value list[VALUES_MAX];
  struct address from, to;
  if (source == NULL || destination == NULL || out == NULL || !ffi_proxy_link_values(list, values, count) ||
      !address_from_raw(&from, source, address_size, source_port) ||
      !address_from_raw(&to, destination, address_size, destination_port))
    return 0;
  return proxy_header_put_values(out, size, &from, &to, tcp, count > 0 ? list : NULL);
}

size_t
dnsdist_ffi_dnsquestion_generate_proxy_protocol_payload(const dnsdist_ffi_dnsquestion_t *dq, const size_t count,
                                                        const dnsdist_ffi_proxy_protocol_value_t *values, void *out,
                                                        const size_t size)
{
  const struct query *q = ffi_query(dq);
  struct proxy_value list[VALUES_MAX];
  if (q == NULL || out == NULL || !ffi_proxy_link_values(list, values, count))
    return 0;
  return proxy_header_put_values(out, size, &q->arrival.client, &q->arrival.destination, query_is_tcp(q), count > 0 ? list : NULL);
}

bool
dnsdist_ffi_dnsquestion_add_proxy_protocol_values(dnsdist_ffi_dnsquestion_t *dq, const size_t count,
                                                  const dnsdist_ffi_proxy_protocol_value_t *values)
{
  struct query *q = ffi_query(dq);
  struct proxy_value list[VALUES_MAX];
  if (q == NULL || !ffi_proxy_link_values(list, values, count))
    return false;
  for (size_t i = 0; i < count; i++)
    if (!query_add_proxy_value(q, list[i].type, list[i].data, list[i].size))
      return false;
  return true;
}

size_t
dnsdist_ffi_dnsquestion_get_proxy_protocol_values(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_proxy_protocol_value_t **out)
{
  const struct query *q = ffi_query(dq);
  size_t count = 0, i = 0;
  if (q == NULL)
    return 0;
  for (const struct proxy_value *v = query_proxy_values(q); v != NULL; v = v->next)
    count++;
  if (out == NULL)
    return count;
  dnsdist_ffi_proxy_protocol_value_t *list = ffi_list_room(&dq->values, (count + 1) * sizeof *list);
  if (list == NULL)
    return 0;
  for (const struct proxy_value *v = query_proxy_values(q); v != NULL; v = v->next)
    list[i++] = (dnsdist_ffi_proxy_protocol_value_t){.value = (const char *)v->data, .size = v->size, .type = v->type};
  *out = list;
  return count;
}
