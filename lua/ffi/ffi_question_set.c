// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: changing a query or answer, and answering.
#include "lua/scripts/ffi_frame.h"

#include "lua/scripts/question_ops.h"
#include "rules/act/self_answer.h"

#include <string.h>

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
SET(set_ecs_prefix_length, uint16_t, bits, question_set_prefix(q, bits))
SET(set_temp_failure_ttl, uint32_t, ttl, q->limits.failure_ttl = ttl > INT32_MAX ? INT32_MAX : (int32_t)ttl)
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
