// SPDX-License-Identifier: BSD-2-Clause
// The action that answers with SVCB or HTTPS records, and with the addresses that they hint at.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/svc_record.h"
#include "rules/self_answer.h"

#include <stdlib.h>
#include <string.h>

enum { POINTER_SIZE = 2, RECORD_HEAD = 10 };

struct svc_action {
  struct action base;
  struct answer_options options;
  size_t count;
  struct svc_record **records; // one reference each
  struct bytes *values;        // their data
  size_t hint_count;
  struct record_data *hints;   // owner NULL: the name asked for
  size_t answer_bytes;         // of all records on the wire
};

static bool
is_known(const struct svc_action *a, const struct record_data *hint)
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
add_hints(struct svc_action *a, const struct svc_record *r)
{
  a->hints = memory_resize(a->hints, a->hint_count + r->hint_count + 1, sizeof *a->hints);
  for (size_t i = 0; i < r->hint_count; i++) {
    struct record_data hint = {.owner = r->target.size > 1 ? &r->target : NULL, .class = QCLASS_IN, .ttl = a->options.ttl};
    hint.type = address_is_v6(&r->hints[i]) ? QTYPE_AAAA : QTYPE_A;
    hint.rdata = address_raw(&r->hints[i], &hint.rdata_size);
    if (is_known(a, &hint))
      continue;
    a->hints[a->hint_count++] = hint;
    a->answer_bytes += (hint.owner != NULL ? hint.owner->size : POINTER_SIZE) + RECORD_HEAD + hint.rdata_size;
  }
}

static bool
svc_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct svc_action *a = (struct svc_action *)base;
  a->options = answer_options_read(&args[1], true);
  a->count = args[0].list.count;
  a->records = memory_array(a->count + 1, sizeof(struct svc_record *));
  a->values = memory_array(a->count + 1, sizeof *a->values);
  for (size_t i = 0; i < a->count; i++) {
    struct svc_record *r = a->records[i] = object_ref(args[0].list.objects[i]);
    a->values[i] = (struct bytes){.data = (const char *)r->data, .size = r->size};
    a->answer_bytes += POINTER_SIZE + RECORD_HEAD + r->size;
    add_hints(a, r);
  }
  return true;
}

static void
svc_fini(struct action *base)
{
  struct svc_action *a = (struct svc_action *)base;
  for (size_t i = 0; i < a->count; i++)
    object_unref(&a->records[i]);
  free(a->records);
  free(a->values);
  free(a->hints);
}

// Such data would be nonsense in a record of another type.
static enum verdict
svc_run(const struct action *base, struct query *q)
{
  const struct svc_action *a = (const struct svc_action *)base;
  if (a->count == 0 || (q->qtype != QTYPE_SVCB && q->qtype != QTYPE_HTTPS))
    return VERDICT_NEXT;
  const struct bytes *values = shuffled(q, a->values, a->count, sizeof *values);
  struct answer_form form = answer_form_of(q, &a->options);
  answer_room(q, a->answer_bytes);
  return answer_made(q, compose_raw_and_more(&q->packet, &form, q->qtype, values, a->count, a->hints, a->hint_count));
}

const struct action_kind act_spoof_svc = {
    .name = "SpoofSVCAction",
    .help = "Answer SVCB and HTTPS with these records, and with the addresses that they hint at; other types go on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "svcParams", .type = PARAM_OBJECTS, .class = &svc_record_class,
         .help = "list of what newSVCRecordParameters() made"},
        {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = answer_ttl_options,
         .help = "header bits and TTL"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct svc_action),
    .init = svc_init,
    .fini = svc_fini,
    .run = svc_run,
    .text = "spoof SVC record ",
};
