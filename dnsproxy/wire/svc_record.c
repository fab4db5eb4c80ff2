// SPDX-License-Identifier: BSD-2-Clause
// Making the data of SVCB and HTTPS records.
#include "dnsproxy/wire/svc_record.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/message.h"

#include <stdlib.h>
#include <string.h>

static void
svc_record_free(struct object *o)
{
  struct svc_record *r = (struct svc_record *)(void *)o;
  free(r->data);
  free(r->hints);
  free(r);
}

const struct object_class svc_record_class = {.name = "SVCRecordParameters", .free = svc_record_free};

bool
svc_key_parse(const char *text, uint16_t *key)
{
  static const char *const words[] = {"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"};
  char *end;
  for (uint16_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(text, words[i]) == 0) {
      *key = i;
      return true;
    }
  if (strncmp(text, "key", 3) != 0 || text[3] < '0' || text[3] > '9')
    return false;
  unsigned long number = strtoul(text + 3, &end, 10);
  *key = (uint16_t)number;
  return *end == '\0' && number <= UINT16_MAX;
}

static int
svc_record_by_key(const void *a, const void *b)
{
  return (int)((const struct svc_parameter *)a)->key - (int)((const struct svc_parameter *)b)->key;
}

// Sum of the parameters' sizes; 0 with a fault.
static size_t
svc_record_check(const struct svc_parameter *parameters, size_t count, struct fault *f)
{
  enum { HEAD = 4 };
  size_t sum = 1; // so that none is not 0
  for (size_t i = 0; i < count; i++) {
    const struct svc_parameter *p = &parameters[i];
    size_t unit = p->key == SVC_IPV4HINT ? 4 : p->key == SVC_IPV6HINT ? 16 : 1;
    if (i > 0 && p->key == p[-1].key)
      return fault_set(f, FAULT_CAUGHT, "The key %u is given twice in the parameters of an SVC record", p->key);
    if (p->value.size % unit != 0)
      return fault_set(f, FAULT_CAUGHT, "The hints of an SVC record are not addresses");
    sum += HEAD + p->value.size;
    if (p->value.size > UINT16_MAX || sum > UINT16_MAX - NAME_MAX_SIZE)
      return fault_set(f, FAULT_CAUGHT, "The parameters of an SVC record are too long");
  }
  return sum;
}

static void
svc_record_put(struct svc_record *r, const void *bytes, size_t size)
{
  if (size > 0)
    memcpy(r->data + r->size, bytes, size);
  r->size += size;
}

static void
svc_record_put_u16(struct svc_record *r, size_t number)
{
  message_put_u16(r->data + r->size, (uint16_t)number);
  r->size += 2;
}

static void
svc_record_keep_hints(struct svc_record *r, const struct svc_parameter *p, size_t unit)
{
  size_t count = p->value.size / unit;
  r->hints = memory_resize(r->hints, r->hint_count + count + 1, sizeof *r->hints);
  for (size_t i = 0; i < count; i++)
    address_from_raw(&r->hints[r->hint_count++], p->value.data + i * unit, unit, 0);
}

struct svc_record *
svc_record_new(uint16_t priority, const struct name *target, struct svc_parameter *parameters, size_t count,
               struct fault *f)
{
  if (count > 0)
    qsort(parameters, count, sizeof *parameters, svc_record_by_key);
  size_t size = svc_record_check(parameters, count, f);
  if (size == 0)
    return NULL;
  struct svc_record *r = memory_new(sizeof *r);
  object_init(&r->object, &svc_record_class);
  r->target = *target;
  r->data = memory_new(2 + NAME_MAX_SIZE + size);
  svc_record_put_u16(r, priority);
  svc_record_put(r, target->bytes, target->size);
  for (size_t i = 0; i < count; i++) {
    const struct svc_parameter *p = &parameters[i];
    svc_record_put_u16(r, p->key);
    svc_record_put_u16(r, p->value.size);
    svc_record_put(r, p->value.data, p->value.size);
    if (p->key == SVC_IPV4HINT || p->key == SVC_IPV6HINT)
      svc_record_keep_hints(r, p, p->key == SVC_IPV4HINT ? 4 : 16);
  }
  return r;
}
