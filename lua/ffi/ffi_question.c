// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: a query or answer in the hands of an FFI function: reading, changing, answering; of answers alone; PROXY values.
//
//   LuaFFIAction(function(dq) ... ffi.C.dnsdist_ffi_dnsquestion_get_qtype(dq) ... end)
//
// The pointer that a script holds is a frame (scripts/ffi_frame) on the stack of the call: it leads to the query and to
// memory for texts that are handed out, both valid until the call returns. In the dialect a response is a question as well:
// functions of questions take both. Every function bears NULL, a stale pointer's NULL query and sizes of any kind, because
// scripts compute them.
//
// Nothing in the program refers to these: LuaJIT finds them by name (dnsproxy_ffi.h declares them to it). The thread of the
// call.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/hash.h"
#include "dnsproxy/net/listener.h"
#include "lua/binder/sense.h"
#include "lua/scripts/ffi_frame.h"
#include "lua/scripts/question_ops.h"
#include "rules/act/self_answer.h"

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

// ---- changing a query or answer, and answering ----

// Setters of one value: nothing outside of a call.
#define SET(name, type, argument, statement)                                                                           \
  void dnsdist_ffi_dnsquestion_##name(dnsdist_ffi_dnsquestion_t *dq, type argument)                                    \
  {                                                                                                                    \
    struct query *q = ffi_query(dq);                                                                                   \
    if (q != NULL)                                                                                                     \
      statement;                                                                                                       \
  }

void
dnsdist_ffi_dnsquestion_set_result(dnsdist_ffi_dnsquestion_t *dq, const char *str, size_t size)
{
  if (ffi_query(dq) == NULL)
    return;
  char *bytes = ffi_list_room(&dq->result_bytes, size + 1);
  if (bytes == NULL)
    return;
  if (str == NULL)
    size = 0;
  else
    memcpy(bytes, str, size);
  bytes[size] = '\0';
  dq->result = (struct bytes){.data = bytes, .size = size};
  dq->has_result = true;
}

// ---- header and packet ----

static void
set_rcode(struct query *q, int rcode)
{
  uint8_t *flags = &q->packet.data[3];
  sense_good("dnsdist_ffi_dnsquestion_set_rcode", "rcode", rcode, 0, FLAG3_RCODE, "its low 4 bits count");
  *flags = (uint8_t)((*flags & ~FLAG3_RCODE) | (rcode & FLAG3_RCODE));
}

// The query turns into an answer with it, as dq.rcode does not: scripts rely on both.
SET(set_rcode, int, rcode, (set_rcode(q, rcode), q->packet.data[2] |= FLAG2_QR))
SET(set_len, uint16_t, size, (void)question_resize(q, size))

bool
dnsdist_ffi_dnsquestion_set_size(dnsdist_ffi_dnsquestion_t *dq, size_t size)
{
  struct query *q = ffi_query(dq);
  return q != NULL && question_resize(q, size);
}

// The id and the counts belong to the packet; the bits are the script's.
bool
dnsdist_ffi_dnsquestion_set_header(const dnsdist_ffi_dnsquestion_t *dq, const char *buffer)
{
  struct query *q = ffi_query(dq);
  if (q == NULL || buffer == NULL)
    return false;
  memcpy(q->packet.data + 2, buffer + 2, 2);
  return true;
}

bool
dnsdist_ffi_dnsquestion_set_trailing_data(dnsdist_ffi_dnsquestion_t *dq, const char *data, size_t size)
{
  struct query *q = ffi_query(dq);
  return q != NULL && (data != NULL || size == 0) && question_set_tail(q, data, size);
}

bool
dnsdist_ffi_dnsquestion_set_alternate_name(dnsdist_ffi_dnsquestion_t *dq, const char *raw, size_t raw_size, const char *tag,
                                           size_t tag_size, const char *value, size_t value_size, const char *former_tag,
                                           size_t former_tag_size)
{
  struct query *q = ffi_query(dq);
  struct name name, former;
  char key[256];
  if (q == NULL || !ffi_name(&name, raw, raw_size) || tag_size >= sizeof key || former_tag_size >= sizeof key)
    return false;
  if (value == NULL || value_size > UINT32_MAX)
    value_size = 0;
  char *copy = ffi_list_room(&dq->text, value_size + 1); // it may be bytes of the packet, which changes first
  if (copy == NULL)
    return false;
  if (value_size > 0)
    memcpy(copy, value, value_size);
  former = q->qname;
  if (!question_rename(q, &name))
    return false;
  if (tag != NULL && tag_size > 0) {
    memcpy(key, tag, tag_size);
    key[tag_size] = '\0';
    query_tag_set(q, key, copy, value_size);
  }
  if (former_tag != NULL && former_tag_size > 0) {
    memcpy(key, former_tag, former_tag_size);
    key[former_tag_size] = '\0';
    query_tag_set(q, key, (const char *)former.bytes, former.size);
  }
  return true;
}

// ---- verdicts ----

SET(set_skip_cache, bool, skip, q->skip_cache = skip)
SET(set_use_ecs, bool, use, q->subnet.wanted = use)
SET(set_ecs_override, bool, override, q->subnet.override = override)
SET(set_ecs_prefix_length, uint16_t, bits, question_set_prefix(q, bits, "dnsdist_ffi_dnsquestion_set_ecs_prefix_length"))
SET(set_temp_failure_ttl, uint32_t, ttl, (sense_good("dnsdist_ffi_dnsquestion_set_temp_failure_ttl", "seconds", ttl, 0, INT32_MAX, "the most counts"),
     q->limits.failure_ttl = ttl > INT32_MAX ? INT32_MAX : (int32_t)ttl))
SET(set_max_returned_ttl, uint32_t, max, q->limits.max_ttl = max)

void
dnsdist_ffi_dnsquestion_unset_temp_failure_ttl(dnsdist_ffi_dnsquestion_t *dq)
{
  struct query *q = ffi_query(dq);
  if (q != NULL)
    q->limits.failure_ttl = -1;
}

bool
dnsdist_ffi_dnsquestion_set_restartable(dnsdist_ffi_dnsquestion_t *dq)
{
  struct query *q = ffi_query(dq);
  return q != NULL && query_keep_for_restart(q);
}

// ---- tags and texts that go with the query ----

void
dnsdist_ffi_dnsquestion_set_tag_raw(dnsdist_ffi_dnsquestion_t *dq, const char *label, const char *value, size_t size)
{
  struct query *q = ffi_query(dq);
  if (q != NULL && label != NULL && value != NULL && size <= UINT32_MAX)
    query_tag_set(q, label, value, size);
}

void
dnsdist_ffi_dnsquestion_set_tag(dnsdist_ffi_dnsquestion_t *dq, const char *label, const char *value)
{
  if (value != NULL)
    dnsdist_ffi_dnsquestion_set_tag_raw(dq, label, value, strlen(value));
}

void
dnsdist_ffi_dnsquestion_unset_tag(dnsdist_ffi_dnsquestion_t *dq, const char *label)
{
  struct query *q = ffi_query(dq);
  if (q != NULL && label != NULL)
    query_tag_unset(q, label);
}

void
dnsdist_ffi_dnsquestion_add_extended_dns_error(dnsdist_ffi_dnsquestion_t *dq, uint16_t code, const char *text, size_t size)
{
  struct query *q = ffi_query(dq);
  if (q != NULL)
    query_add_error(q, code, text == NULL ? "" : text, text == NULL ? 0 : size);
}

void
dnsdist_ffi_dnsquestion_set_extended_dns_error(dnsdist_ffi_dnsquestion_t *dq, uint16_t code, const char *text, size_t size)
{
  struct query *q = ffi_query(dq);
  if (q != NULL)
    query_clear_errors(q);
  dnsdist_ffi_dnsquestion_add_extended_dns_error(dq, code, text, size);
}

#define SET_TEXT(field)                                                                                                \
  void dnsdist_ffi_dnsquestion_set_##field(dnsdist_ffi_dnsquestion_t *dq, const char *value, size_t size)              \
  {                                                                                                                    \
    struct query *q = ffi_query(dq);                                                                                   \
    if (q != NULL && value != NULL)                                                                                    \
      question_set_text(q, offsetof(struct query_extra, field), value, size);                                          \
  }
SET_TEXT(requestor_id)
SET_TEXT(device_id)
SET_TEXT(device_name)

// ---- answering ----

enum { VALUES_MAX = 1024 }; // no answer holds more

// A copy, for the values may be bytes of the very packet that is about to be written. False: more than an answer holds.
static bool
ffi_question_set_copy_values(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_raw_value_t *values, size_t count,
                             struct bytes *list)
{
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    list[i] = (struct bytes){.data = "", .size = values[i].value == NULL ? 0 : values[i].size};
    if (list[i].size > MESSAGE_MAX_SIZE || (sum += list[i].size) > MESSAGE_MAX_SIZE)
      return false;
  }
  char *copy = ffi_list_room(&dq->text, sum + 1);
  if (copy == NULL)
    return false;
  for (size_t i = 0; i < count; copy += list[i++].size)
    if (list[i].size > 0)
      list[i].data = memcpy(copy, values[i].value, list[i].size);
  return true;
}

void
dnsdist_ffi_dnsquestion_spoof_raw(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_raw_value_t *values, size_t count)
{
  struct query *q = ffi_query(dq);
  struct bytes list[VALUES_MAX];
  if (q == NULL || values == NULL || count == 0 || count > VALUES_MAX)
    return;
  if (ffi_question_set_copy_values(dq, values, count, list))
    question_spoof_rdata(q, q->qtype, list, count);
}

void
dnsdist_ffi_dnsquestion_spoof_addrs(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_raw_value_t *values, size_t count)
{
  struct query *q = ffi_query(dq);
  struct address list[VALUES_MAX];
  size_t good = 0;
  if (q == NULL || values == NULL || count == 0 || count > VALUES_MAX)
    return;
  for (size_t i = 0; i < count; i++)
    if (values[i].value != NULL && address_from_raw(&list[good], values[i].value, values[i].size, 0))
      good++;
  question_spoof_addresses(q, list, good);
}

void
dnsdist_ffi_dnsquestion_spoof_packet(dnsdist_ffi_dnsquestion_t *dq, const char *packet, size_t size)
{
  struct query *q = ffi_query(dq);
  if (q != NULL && packet != NULL && size >= HEADER_SIZE && size <= MESSAGE_MAX_SIZE)
    answer_packet(q, packet, size);
}

// ---- changing an answer ----

// A question is no response.
static struct query *
ffi_question_answer_of(const dnsdist_ffi_dnsresponse_t *dr)
{
  return dr == NULL || dr->side != SIDE_RESPONSE ? NULL : dr->query;
}

void
dnsdist_ffi_dnsresponse_limit_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t min, uint32_t max)
{
  struct query *q = ffi_question_answer_of(dr);
  sense_good("dnsdist_ffi_dnsresponse_limit_ttl", "min", min, 0, max, "the maximum counts");
  if (q != NULL)
    message_limit_ttls(&q->packet, min, max);
}

void
dnsdist_ffi_dnsresponse_set_min_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t min)
{
  dnsdist_ffi_dnsresponse_limit_ttl(dr, min, UINT32_MAX);
}

void
dnsdist_ffi_dnsresponse_set_max_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t max)
{
  dnsdist_ffi_dnsresponse_limit_ttl(dr, 0, max);
}

void
dnsdist_ffi_dnsresponse_set_max_returned_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t max)
{
  struct query *q = ffi_question_answer_of(dr);
  if (q != NULL)
    q->limits.max_ttl = max;
}

void
dnsdist_ffi_dnsresponse_clear_records_type(dnsdist_ffi_dnsresponse_t *dr, uint16_t qtype)
{
  struct query *q = ffi_question_answer_of(dr);
  if (q != NULL)
    message_remove_types(&q->packet, &qtype, 1);
}

bool
dnsdist_ffi_dnsresponse_rebase(dnsdist_ffi_dnsresponse_t *dr, const char *raw, size_t size)
{
  struct query *q = ffi_question_answer_of(dr);
  struct name name;
  if (q == NULL || !ffi_name(&name, raw, size))
    return false;
  return question_rename(q, &name);
}

bool
dnsdist_ffi_dnsresponse_get_stale_cache_hit(const dnsdist_ffi_dnsresponse_t *dr)
{
  const struct query *q = ffi_question_answer_of(dr);
  return q != NULL && q->stale;
}

uint8_t
dnsdist_ffi_dnsresponse_get_restart_count(const dnsdist_ffi_dnsresponse_t *dr)
{
  const struct query *q = ffi_question_answer_of(dr);
  return q == NULL ? 0 : q->restarts;
}

// ---- values and headers of the PROXY protocol ----

// Linked as they come; a NULL value is an empty one. False: too many.
static bool
ffi_question_link_values(struct proxy_value *out, const dnsdist_ffi_proxy_protocol_value_t *values, size_t count)
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
  if (source == NULL || destination == NULL || out == NULL || !ffi_question_link_values(list, values, count) ||
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
  if (q == NULL || out == NULL || !ffi_question_link_values(list, values, count))
    return 0;
  return proxy_header_put_values(out, size, &q->arrival.client, &q->arrival.destination, query_is_tcp(q), count > 0 ? list : NULL);
}

bool
dnsdist_ffi_dnsquestion_add_proxy_protocol_values(dnsdist_ffi_dnsquestion_t *dq, const size_t count,
                                                  const dnsdist_ffi_proxy_protocol_value_t *values)
{
  struct query *q = ffi_query(dq);
  struct proxy_value list[VALUES_MAX];
  if (q == NULL || !ffi_question_link_values(list, values, count))
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
