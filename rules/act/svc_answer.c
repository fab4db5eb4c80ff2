// SPDX-License-Identifier: BSD-2-Clause
// Making answers of SVCB and HTTPS records.
#include "rules/act/svc_answer.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"

#include <stdlib.h>
#include <string.h>

enum { POINTER_SIZE = 2, RECORD_HEAD = 10 };

static bool
svc_answer_is_known(const struct svc_answer *a, const struct record_data *hint)
{
  for (size_t i = 0; i < a->hint_count; i++) {
    const struct record_data *h = &a->hints[i];
    bool same_owner = h->owner == hint->owner || (h->owner != NULL && hint->owner != NULL && name_equal(h->owner, hint->owner));
    if (same_owner && h->type == hint->type && memcmp(h->rdata, hint->rdata, h->rdata_size) == 0)
      return true;
  }
  return false;
}

static void
svc_answer_add_hints(struct svc_answer *a, const struct svc_record *r)
{
  a->hints = memory_resize(a->hints, a->hint_count + r->hint_count + 1, sizeof *a->hints);
  for (size_t i = 0; i < r->hint_count; i++) {
    struct record_data hint = {.owner = r->target.size > 1 ? &r->target : NULL, .class = QCLASS_IN, .ttl = a->options.ttl};
    hint.type = address_is_v6(&r->hints[i]) ? QTYPE_AAAA : QTYPE_A;
    hint.rdata = address_raw(&r->hints[i], &hint.rdata_size);
    if (svc_answer_is_known(a, &hint))
      continue;
    a->hints[a->hint_count++] = hint;
    a->bytes += (hint.owner != NULL ? hint.owner->size : POINTER_SIZE) + RECORD_HEAD + hint.rdata_size;
  }
}

// All IPv4 addresses before all of IPv6, by the canonical order of names; that of the question, which stands for the root as
// a target, comes first.
static int
svc_answer_compare_hints(const void *one, const void *other)
{
  const struct record_data *a = one, *b = other;
  if (a->type != b->type)
    return a->type == QTYPE_A ? -1 : 1;
  if (a->owner == NULL || b->owner == NULL) {
    if (a->owner != b->owner)
      return a->owner == NULL ? -1 : 1;
  } else {
    int order = name_compare(a->owner, b->owner);
    if (order != 0)
      return order;
  }
  return memcmp(a->rdata, b->rdata, a->rdata_size);
}

void
svc_answer_init(struct svc_answer *a, const struct answer_options *options, struct svc_record *const *records, size_t count)
{
  *a = (struct svc_answer){.options = *options, .count = count};
  a->records = memory_array(count + 1, sizeof(struct svc_record *));
  a->values = memory_array(count + 1, sizeof *a->values);
  for (size_t i = 0; i < count; i++) {
    struct svc_record *r = a->records[i] = object_ref(records[i]);
    a->values[i] = (struct bytes){.data = (const char *)r->data, .size = r->size};
    a->bytes += POINTER_SIZE + RECORD_HEAD + r->size;
    svc_answer_add_hints(a, r);
  }
  if (a->hint_count > 1)
    qsort(a->hints, a->hint_count, sizeof *a->hints, svc_answer_compare_hints);
}

void
svc_answer_fini(struct svc_answer *a)
{
  for (size_t i = 0; i < a->count; i++)
    object_unref(&a->records[i]);
  free(a->records);
  free(a->values);
  free(a->hints);
}

bool
svc_answer_give(const struct svc_answer *a, struct query *q, bool *fits)
{
  if (a->count == 0 || (q->qtype != QTYPE_SVCB && q->qtype != QTYPE_HTTPS))
    return false;
  const struct bytes *values = shuffled(q, a->values, a->count, sizeof *values);
  struct answer_form form = answer_form_of(q, &a->options);
  answer_room(q, a->bytes);
  *fits = compose_raw_and_more(&q->packet, &form, q->qtype, values, a->count, a->hints, a->hint_count);
  return true;
}
