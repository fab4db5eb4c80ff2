// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: reading a query or answer.
#include "lua/scripts/ffi_frame.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/hash.h"
#include "dnsproxy/net/listener.h"
#include "lua/scripts/question_ops.h"

#include <string.h>

// Getters of one value: zero outside of a call.
#define GET(type, name, value)                                                                                         \
  type dnsdist_ffi_dnsquestion_##name(const dnsdist_ffi_dnsquestion_t *dq)                                             \
  {                                                                                                                    \
    const struct query *q = ffi_query(dq);                                                                             \
    return q == NULL ? (type)0 : (type)(value);                                                                        \
  }

// ---- who and where ----

static void
ffi_question_out_address(const struct address *a, const void **addr, size_t *size)
{
  size_t count = 0;
  const uint8_t *raw = a == NULL ? NULL : address_raw(a, &count);
  if (addr != NULL)
    *addr = raw;
  if (size != NULL)
    *size = count;
}

void
dnsdist_ffi_dnsquestion_get_localaddr(const dnsdist_ffi_dnsquestion_t *dq, const void **addr, size_t *size)
{
  const struct query *q = ffi_query(dq);
  ffi_question_out_address(q == NULL ? NULL : &q->arrival.destination, addr, size);
}

void
dnsdist_ffi_dnsquestion_get_remoteaddr(const dnsdist_ffi_dnsquestion_t *dq, const void **addr, size_t *size)
{
  const struct query *q = ffi_query(dq);
  ffi_question_out_address(q == NULL ? NULL : &q->arrival.client, addr, size);
}

void
dnsdist_ffi_dnsquestion_get_masked_remoteaddr(dnsdist_ffi_dnsquestion_t *dq, const void **addr, size_t *size, uint8_t bits)
{
  const struct query *q = ffi_query(dq);
  if (q == NULL) {
    ffi_question_out_address(NULL, addr, size);
    return;
  }
  dq->masked = q->arrival.client;
  address_truncate(&dq->masked, bits);
  ffi_question_out_address(&dq->masked, addr, size);
}

GET(uint16_t, get_local_port, address_port(&q->arrival.destination))
GET(uint16_t, get_remote_port, address_port(&q->arrival.client))
GET(bool, is_remote_v6, address_is_v6(&q->arrival.client))

const char *
dnsdist_ffi_dnsquestion_get_incoming_interface(const dnsdist_ffi_dnsquestion_t *dq)
{
  const struct query *q = ffi_query(dq);
  return q == NULL || q->arrival.listener == NULL ? "" : q->arrival.listener->interface;
}

GET(bool, get_tcp, query_is_tcp(q))
GET(dnsdist_ffi_protocol_type, get_protocol, q->arrival.transport->ffi_number)
GET(uint64_t, get_elapsed_us, clock_mono_us() - q->received_us)

size_t
dnsdist_ffi_dnsquestion_get_mac_addr(const dnsdist_ffi_dnsquestion_t *dq, void *buffer, size_t size)
{
  const struct query *q = ffi_query(dq);
  uint8_t link[LINK_ADDRESS_MAX];
  if (q == NULL || buffer == NULL)
    return 0;
  size_t count = query_link_address(q, link);
  if (count > size)
    return 0;
  memcpy(buffer, link, count);
  return count;
}

// ---- the question and the header ----

void
dnsdist_ffi_dnsquestion_get_qname_raw(const dnsdist_ffi_dnsquestion_t *dq, const char **qname, size_t *size)
{
  const struct query *q = ffi_query(dq);
  if (qname != NULL)
    *qname = q == NULL ? NULL : (const char *)q->qname.bytes;
  if (size != NULL)
    *size = q == NULL ? 0 : q->qname.size;
}

size_t
dnsdist_ffi_dnsquestion_get_qname_hash(const dnsdist_ffi_dnsquestion_t *dq, size_t init)
{
  const struct query *q = ffi_query(dq);
  return q == NULL ? 0 : dnsdist_ffi_hash((uint32_t)init, q->qname.bytes, q->qname.size, true);
}

uint32_t
dnsdist_ffi_hash(uint32_t seed, const unsigned char *data, size_t size, bool case_insensitive)
{
  uint64_t hash = seed;
  if (data == NULL)
    size = 0;
  if (!case_insensitive)
    return (uint32_t)hash_bytes(data, size, hash);
  uint8_t piece[64];
  for (size_t at = 0; at < size || at == 0; at += sizeof piece) {
    size_t n = size - at < sizeof piece ? size - at : sizeof piece;
    for (size_t i = 0; i < n; i++)
      piece[i] = data[at + i] >= 'A' && data[at + i] <= 'Z' ? data[at + i] + ('a' - 'A') : data[at + i];
    hash = hash_bytes(piece, n, hash);
  }
  return (uint32_t)hash;
}

GET(uint16_t, get_qtype, q->qtype)
GET(uint16_t, get_qclass, q->qclass)
GET(uint16_t, get_id, q->id)
GET(int, get_rcode, message_rcode(q->packet.data))
GET(uint8_t, get_opcode, message_opcode(q->packet.data))
GET(uint16_t, get_len, q->packet.size)
GET(size_t, get_size, q->packet.size)

const unsigned char *
dnsdist_ffi_dnsquestion_get_data(const dnsdist_ffi_dnsquestion_t *dq)
{
  const struct query *q = ffi_query(dq);
  return q == NULL ? NULL : q->packet.data;
}

// Scripts write through it: outside of a call into bytes that nobody reads.
void *
dnsdist_ffi_dnsquestion_get_header(const dnsdist_ffi_dnsquestion_t *dq)
{
  const struct query *q = ffi_query(dq);
  if (q != NULL)
    return q->packet.data;
  return dq == NULL ? NULL : (void *)(uintptr_t)dq->header;
}

bool
dnsdist_ffi_dnsquestion_get_header_copy(const dnsdist_ffi_dnsquestion_t *dq, char *buffer, size_t size)
{
  const struct query *q = ffi_query(dq);
  if (q == NULL || buffer == NULL || size < HEADER_SIZE)
    return false;
  memcpy(buffer, q->packet.data, HEADER_SIZE);
  return true;
}

// ---- EDNS ----

GET(bool, get_do, question_edns(q).dnssec_ok)
GET(uint8_t, get_edns_version, question_edns(q).version)
GET(uint8_t, get_edns_extended_rcode, question_edns(q).extended_rcode)
GET(bool, get_use_ecs, q->subnet.wanted)
GET(bool, get_ecs_override, q->subnet.override)
GET(uint16_t, get_ecs_prefix_length, address_is_v6(&q->arrival.client) ? q->subnet.prefix_v6 : q->subnet.prefix_v4)

size_t
dnsdist_ffi_dnsquestion_get_edns_options(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_ednsoption_t **out)
{
  const struct query *q = ffi_query(dq);
  if (q == NULL || out == NULL)
    return 0;
  struct edns edns = question_edns(q);
  uint16_t cursor = edns.options, code, data, size;
  size_t count = 0;
  while (edns.offset > 0 && edns_option_next(q->packet.data, &edns, &cursor, &code, &data, &size))
    count++;
  dnsdist_ffi_ednsoption_t *options = ffi_list_room(&dq->options, (count + 1) * sizeof *options);
  if (options == NULL)
    return 0;
  cursor = edns.options;
  for (size_t i = 0; i < count && edns_option_next(q->packet.data, &edns, &cursor, &code, &data, &size); i++)
    options[i] = (dnsdist_ffi_ednsoption_t){.optionCode = code, .len = size, .data = q->packet.data + data};
  *out = options;
  return count;
}

// ---- verdicts so far ----

GET(bool, get_skip_cache, q->skip_cache)
GET(bool, is_temp_failure_ttl_set, q->limits.failure_ttl >= 0)
GET(uint32_t, get_temp_failure_ttl, q->limits.failure_ttl < 0 ? 0 : q->limits.failure_ttl)

// ---- tags ----

const char *
dnsdist_ffi_dnsquestion_get_tag(const dnsdist_ffi_dnsquestion_t *dq, const char *label)
{
  const struct query *q = ffi_query(dq);
  const struct tag *t = q == NULL || label == NULL ? NULL : query_tag_get(q, label);
  return t == NULL ? NULL : t->value;
}

size_t
dnsdist_ffi_dnsquestion_get_tag_raw(const dnsdist_ffi_dnsquestion_t *dq, const char *label, char *buffer, size_t size)
{
  const struct query *q = ffi_query(dq);
  const struct tag *t = q == NULL || label == NULL ? NULL : query_tag_get(q, label);
  if (t == NULL || buffer == NULL || size < t->value_size)
    return 0;
  memcpy(buffer, t->value, t->value_size);
  return t->value_size;
}

size_t
dnsdist_ffi_dnsquestion_get_tag_array(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_tag_t **out)
{
  const struct query *q = ffi_query(dq);
  size_t count = 0;
  if (q == NULL || out == NULL)
    return 0;
  for (const struct tag *t = query_tags(q); t != NULL; t = t->next)
    count++;
  dnsdist_ffi_tag_t *tags = ffi_list_room(&dq->tags, (count + 1) * sizeof *tags);
  if (tags == NULL)
    return 0;
  size_t i = 0;
  for (const struct tag *t = query_tags(q); t != NULL; t = t->next)
    tags[i++] = (dnsdist_ffi_tag_t){.name = t->key, .value = t->value};
  *out = tags;
  return count;
}

// ---- behind the message ----

size_t
dnsdist_ffi_dnsquestion_get_trailing_data(dnsdist_ffi_dnsquestion_t *dq, const char **out)
{
  const struct query *q = ffi_query(dq);
  size_t size;
  if (q == NULL || out == NULL)
    return 0;
  const uint8_t *tail = question_tail(q, &size);
  *out = size == 0 ? NULL : (const char *)tail;
  return size;
}

// ---- of encrypted transports: what plain DNS has none of ----

void
dnsdist_ffi_dnsquestion_get_sni(const dnsdist_ffi_dnsquestion_t *dq, const char **sni, size_t *size)
{
  (void)dq;
  if (sni != NULL)
    *sni = "";
  if (size != NULL)
    *size = 0;
}

#define HTTP_TEXT(name)                                                                                                \
  const char *dnsdist_ffi_dnsquestion_get_http_##name(dnsdist_ffi_dnsquestion_t *dq)                                   \
  {                                                                                                                    \
    (void)dq;                                                                                                          \
    return NULL;                                                                                                       \
  }
HTTP_TEXT(path)
HTTP_TEXT(query_string)
HTTP_TEXT(host)
HTTP_TEXT(scheme)

size_t
dnsdist_ffi_dnsquestion_get_http_headers(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_http_header_t **out)
{
  (void)dq;
  if (out != NULL)
    *out = NULL;
  return 0;
}
