// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: the data of SVCB and HTTPS records, and answers of them. What cannot be in a record is not added.
//
// A script makes parameters, adds keys one by one (ALPN, port, hints, ...), and then answers a query with one or several
// such records. It is the same as SpoofSVCAction (rules/act/svc_answer), built up by calls in place of a table: bytes are
// checked where they are added, sorted into wire form when the answer is made.
//
// Parameters are the script's, who frees them; the answer copies. Any state; answering: the thread of the call.
#include "lua/scripts/ffi_frame.h"

#include "dnsproxy/base/memory.h"
#include "rules/act/svc_answer.h"

#include <string.h>

struct dnsdist_ffi_svc_record_parameters {
  struct name target;
  uint16_t priority;
  size_t count;
  struct svc_parameter *list; // each key once; the values are ours
};

bool
dnsdist_ffi_svc_record_parameters_new(const char *target, uint16_t priority, bool no_default_alpn,
                                      dnsdist_ffi_svc_record_parameters **out)
{
  struct name name;
  struct fault fault = FAULT_INIT;
  if (target == NULL || out == NULL || !name_from_text(&name, target, strlen(target), &fault))
    return false;
  dnsdist_ffi_svc_record_parameters *p = memory_new(sizeof *p);
  p->target = name;
  p->priority = priority;
  if (no_default_alpn)
    dnsdist_ffi_svc_record_parameters_set_additional_param(p, SVC_NO_DEFAULT_ALPN, "", 0);
  *out = p;
  return true;
}

void
dnsdist_ffi_svc_record_parameters_free(dnsdist_ffi_svc_record_parameters *p)
{
  for (size_t i = 0; p != NULL && i < p->count; i++)
    free((void *)(uintptr_t)p->list[i].value.data);
  if (p != NULL)
    free(p->list);
  free(p);
}

// ---- one key ----

static struct svc_parameter *
ffi_svc_parameter(dnsdist_ffi_svc_record_parameters *p, uint16_t key)
{
  for (size_t i = 0; i < p->count; i++)
    if (p->list[i].key == key)
      return &p->list[i];
  p->list = memory_resize(p->list, p->count + 1, sizeof *p->list);
  p->list[p->count] = (struct svc_parameter){.key = key};
  return &p->list[p->count++];
}

static void
ffi_svc_append(dnsdist_ffi_svc_record_parameters *p, uint16_t key, const void *bytes, size_t size)
{
  if (p == NULL || bytes == NULL || size > UINT16_MAX)
    return;
  struct bytes *value = &ffi_svc_parameter(p, key)->value;
  if (value->size + size > UINT16_MAX)
    return;
  char *data = memory_resize((void *)(uintptr_t)value->data, value->size + size + 1, 1);
  memcpy(data + value->size, bytes, size);
  *value = (struct bytes){.data = data, .size = value->size + size};
}

static void
ffi_svc_set(dnsdist_ffi_svc_record_parameters *p, uint16_t key, const void *bytes, size_t size)
{
  if (p == NULL || bytes == NULL || size > UINT16_MAX)
    return;
  ffi_svc_parameter(p, key)->value.size = 0;
  ffi_svc_append(p, key, bytes, size);
}

void
dnsdist_ffi_svc_record_parameters_set_port(dnsdist_ffi_svc_record_parameters *p, uint16_t port)
{
  uint8_t bytes[2];
  message_put_u16(bytes, port);
  ffi_svc_set(p, SVC_PORT, bytes, sizeof bytes);
}

void
dnsdist_ffi_svc_record_parameters_set_ech(dnsdist_ffi_svc_record_parameters *p, const char *ech, size_t size)
{
  ffi_svc_set(p, SVC_ECH, ech, size);
}

void
dnsdist_ffi_svc_record_parameters_set_additional_param(dnsdist_ffi_svc_record_parameters *p, uint16_t key, const char *value,
                                                       size_t size)
{
  ffi_svc_set(p, key, value, size);
}

// In ascending order, each once.
void
dnsdist_ffi_svc_record_parameters_add_mandatory_param(dnsdist_ffi_svc_record_parameters *p, uint16_t key)
{
  uint8_t bytes[2];
  if (p == NULL)
    return;
  message_put_u16(bytes, key);
  const struct bytes *value = &ffi_svc_parameter(p, SVC_MANDATORY)->value;
  size_t before = 0;
  while (before < value->size && memcmp(value->data + before, bytes, sizeof bytes) < 0)
    before += sizeof bytes;
  if (before < value->size && memcmp(value->data + before, bytes, sizeof bytes) == 0)
    return;
  size_t size = value->size;
  ffi_svc_append(p, SVC_MANDATORY, bytes, sizeof bytes);
  value = &ffi_svc_parameter(p, SVC_MANDATORY)->value;
  char *data = (char *)(uintptr_t)value->data;
  if (value->size == size)
    return;
  memmove(data + before + sizeof bytes, data + before, size - before);
  memcpy(data + before, bytes, sizeof bytes);
}

void
dnsdist_ffi_svc_record_parameters_add_alpn(dnsdist_ffi_svc_record_parameters *p, const char *value, size_t size)
{
  uint8_t word[1 + UINT8_MAX];
  if (value == NULL || size == 0 || size > UINT8_MAX)
    return;
  word[0] = (uint8_t)size;
  memcpy(word + 1, value, size);
  ffi_svc_append(p, SVC_ALPN, word, 1 + size);
}

// As text, or as the bytes themselves.
static void
ffi_svc_add_hint(dnsdist_ffi_svc_record_parameters *p, uint16_t key, size_t unit, const char *value, size_t size)
{
  char text[ADDRESS_TEXT_SIZE];
  struct address address;
  size_t count;
  if (value == NULL || size >= sizeof text)
    return;
  memcpy(text, value, size);
  text[size] = '\0';
  if (strlen(text) == size && address_parse(&address, text, 0, NULL)) {
    const uint8_t *raw = address_raw(&address, &count);
    if (count == unit)
      ffi_svc_append(p, key, raw, unit);
  } else if (size == unit) {
    ffi_svc_append(p, key, value, unit);
  }
}

void
dnsdist_ffi_svc_record_parameters_add_ipv4_hint(dnsdist_ffi_svc_record_parameters *p, const char *value, size_t size)
{
  enum { V4_SIZE = 4 };
  ffi_svc_add_hint(p, SVC_IPV4HINT, V4_SIZE, value, size);
}

void
dnsdist_ffi_svc_record_parameters_add_ipv6_hint(dnsdist_ffi_svc_record_parameters *p, const char *value, size_t size)
{
  enum { V6_SIZE = 16 };
  ffi_svc_add_hint(p, SVC_IPV6HINT, V6_SIZE, value, size);
}

// ---- answers ----

enum { RECORDS_MAX = 256 };

// Sorting is on a copy: the script may add to its own afterwards. NULL: no record can be made of it.
static struct svc_record *
ffi_svc_record_of(const dnsdist_ffi_svc_record_parameters *p)
{
  struct fault fault = FAULT_INIT;
  if (p == NULL)
    return NULL;
  struct svc_parameter *list = memory_array(p->count + 1, sizeof *list);
  if (p->count > 0)
    memcpy(list, p->list, p->count * sizeof *list);
  struct svc_record *r = svc_record_new(p->priority, &p->target, list, p->count, &fault);
  free(list);
  return r;
}

bool
dnsdist_ffi_dnsquestion_generate_svc_response(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_svc_record_parameters **list,
                                              size_t count, uint32_t ttl)
{
  struct query *q = ffi_query(dq);
  struct svc_record *records[RECORDS_MAX];
  size_t made = 0;
  bool given = false, fits = false;
  if (q == NULL || dq->side != SIDE_QUERY || list == NULL || count == 0 || count > RECORDS_MAX)
    return false;
  while (made < count && (records[made] = ffi_svc_record_of(list[made])) != NULL)
    made++;
  if (made == count) {
    struct svc_answer answer;
    struct answer_options options = {.flags = ANSWER_FLAGS_DEFAULT, .ttl = ttl};
    svc_answer_init(&answer, &options, records, count);
    given = svc_answer_give(&answer, q, &fits);
    svc_answer_fini(&answer);
  }
  while (made > 0)
    object_unref(&records[--made]);
  if (!given || !fits)
    return false;
  q->self_answered |= !q->is_answer;
  return true;
}
