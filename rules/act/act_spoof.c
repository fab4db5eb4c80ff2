// SPDX-License-Identifier: BSD-2-Clause
// Actions that answer with data of their own: addresses, a CNAME, raw records or whole packets, SVCB and HTTPS records.
//
// An action holds its values ready; for each query their order is drawn anew, room is made and compose_...() turns the
// query around. A type that the values do not fit goes on to the next rule, as the dialect has it.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "rules/act/self_answer.h"
#include "rules/act/svc_answer.h"

#include <stdlib.h>
#include <string.h>

struct spoof_action {
  struct action base;
  struct answer_options options;
  struct address *addresses;
  size_t count;
  bool has_v4, has_v6;
};

static bool
act_spoof_init(struct action *base, const struct value *args, struct fault *f)
{
  struct spoof_action *a = (struct spoof_action *)base;
  a->options = answer_options_read(&args[1], true);
  a->count = args[0].list.count;
  a->addresses = memory_array(a->count + 1, sizeof *a->addresses);
  for (size_t i = 0; i < a->count; i++) {
    if (!address_parse(&a->addresses[i], args[0].list.strings[i].data, 0, f)) {
      free(a->addresses);
      return false;
    }
    if (address_is_v6(&a->addresses[i]))
      a->has_v6 = true;
    else
      a->has_v4 = true;
  }
  return true;
}

static void
act_spoof_fini(struct action *base)
{
  free(((struct spoof_action *)base)->addresses);
}

static bool
act_spoof_has_type(const struct spoof_action *a, uint16_t qtype)
{
  switch (qtype) {
  case QTYPE_A:
    return a->has_v4;
  case QTYPE_AAAA:
    return a->has_v6;
  case QTYPE_ANY:
    return a->has_v4 || a->has_v6;
  default:
    return false;
  }
}

static enum verdict
act_spoof_run(const struct action *base, struct query *q)
{
  const struct spoof_action *a = (const struct spoof_action *)base;
  if (!act_spoof_has_type(a, q->qtype))
    return VERDICT_NEXT;
  const struct address *addresses = shuffled(q, a->addresses, a->count, sizeof *addresses);
  struct answer_form form = answer_form_of(q, &a->options);
  answer_room_addresses(q, a->count);
  return answer_made(q, compose_addresses(&q->packet, &form, q->qtype, addresses, a->count));
}

static void
act_spoof_show(const struct action *base, struct text *out)
{
  const struct spoof_action *a = (const struct spoof_action *)base;
  text_puts(out, "spoof ");
  for (size_t i = 0; i < a->count; i++) {
    char address[ADDRESS_TEXT_SIZE];
    const char *type = address_is_v6(&a->addresses[i]) ? "AAAA" : "A";
    text_printf(out, "%s %s ", type, address_text(&a->addresses[i], address));
  }
}

static const struct param spoof_params[] = {
    {.name = "ip", .type = PARAM_STRINGS, .help = "address, or list of addresses"},
    {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = answer_ttl_options,
     .help = "header bits and TTL"},
    {.type = PARAM_END}};

const struct action_kind act_spoof = {
    .name = "SpoofAction",
    .help = "Answer A, AAAA and ANY with these addresses; other types, or a family without an address, go on",
    .side = SIDE_QUERY,
    .params = spoof_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct spoof_action),
    .init = act_spoof_init,
    .fini = act_spoof_fini,
    .run = act_spoof_run,
    .show = act_spoof_show,
};

struct cname_action {
  struct action base;
  struct answer_options options;
  struct name target;
};

static bool
act_spoof_cname_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct cname_action *a = (struct cname_action *)base;
  a->target = *(const struct name *)args[0].object;
  a->options = answer_options_read(&args[1], true);
  return true;
}

static enum verdict
act_spoof_cname_run(const struct action *base, struct query *q)
{
  const struct cname_action *a = (const struct cname_action *)base;
  struct answer_form form = answer_form_of(q, &a->options);
  return answer_made(q, compose_cname(&q->packet, &form, &a->target));
}

static void
act_spoof_cname_show(const struct action *base, struct text *out)
{
  char name[NAME_TEXT_SIZE];
  text_printf(out, "spoof CNAME %s ", name_text(&((const struct cname_action *)base)->target, name));
}

const struct action_kind act_spoof_cname = {
    .name = "SpoofCNAMEAction",
    .help = "Answer any type with one CNAME",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "name", .type = PARAM_NAME, .help = "what the name asked for is an alias of"},
        {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = answer_ttl_options,
         .help = "header bits and TTL"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct cname_action),
    .init = act_spoof_cname_init,
    .run = act_spoof_cname_run,
    .show = act_spoof_cname_show,
};

// ---- raw records, and whole packets ----

struct raw_action {
  struct action base;
  struct answer_options options;
  uint16_t type_for_any; // 0: the query's type as it is
  size_t count;
  struct bytes *values;
};

enum { OPTION_TYPE_FOR_ANY = 4 };

static const struct param raw_options[] = {
    ANSWER_FLAG_ROWS,
    ANSWER_TTL_ROW,
    [OPTION_TYPE_FOR_ANY] = {.name = "typeForAny", .type = PARAM_INT, PARAM_MODULO_16, .optional = true,
                             .help = "DNSQType of the records when ANY is asked for"},
    {.type = PARAM_END}};

static bool
act_spoof_raw_init(struct action *base, const struct value *args, struct fault *f)
{
  struct raw_action *a = (struct raw_action *)base;
  for (size_t i = 0; i < args[0].list.count; i++)
    if (args[0].list.strings[i].size > UINT16_MAX)
      return fault_set(f, FAULT_CAUGHT, "Record data has at most 65535 bytes");
  a->options = answer_options_read(&args[1], true);
  if (args[1].given && args[1].options[OPTION_TYPE_FOR_ANY].given)
    a->type_for_any = (uint16_t)args[1].options[OPTION_TYPE_FOR_ANY].integer;
  a->count = args[0].list.count;
  a->values = memory_array(a->count + 1, sizeof *a->values);
  for (size_t i = 0; i < a->count; i++) {
    const struct bytes *value = &args[0].list.strings[i];
    a->values[i] = (struct bytes){.data = memory_copy(value->data, value->size), .size = value->size};
  }
  return true;
}

static void
act_spoof_raw_fini(struct action *base)
{
  struct raw_action *a = (struct raw_action *)base;
  for (size_t i = 0; i < a->count; i++)
    free((char *)(uintptr_t)a->values[i].data);
  free(a->values);
}

static enum verdict
act_spoof_raw_run(const struct action *base, struct query *q)
{
  const struct raw_action *a = (const struct raw_action *)base;
  if (a->count == 0)
    return VERDICT_NEXT;
  uint16_t type = q->qtype == QTYPE_ANY && a->type_for_any != 0 ? a->type_for_any : q->qtype;
  const struct bytes *values = shuffled(q, a->values, a->count, sizeof *values);
  struct answer_form form = answer_form_of(q, &a->options);
  answer_room_raw(q, values, a->count);
  return answer_made(q, compose_raw(&q->packet, &form, type, values, a->count));
}

const struct action_kind act_spoof_raw = {
    .name = "SpoofRawAction",
    .help = "Answer with records of the type asked for, their data given as bytes",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "rdata", .type = PARAM_STRINGS, .help = "data of one record, or a list"},
        {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = raw_options,
         .help = "header bits, TTL, type for ANY"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct raw_action),
    .init = act_spoof_raw_init,
    .fini = act_spoof_raw_fini,
    .run = act_spoof_raw_run,
    .text = "spoof raw bytes ",
};

struct packet_action {
  struct action base;
  uint8_t *packet;
  uint16_t size;
};

static bool
act_spoof_packet_init(struct action *base, const struct value *args, struct fault *f)
{
  struct packet_action *a = (struct packet_action *)base;
  int64_t size = args[1].integer;
  if (size < HEADER_SIZE)
    return fault_set(f, FAULT_CAUGHT, "SpoofPacketAction: a packet has at least %d bytes", HEADER_SIZE);
  if ((uint64_t)size > args[0].string.size || size > MESSAGE_MAX_SIZE)
    return fault_set(f, FAULT_CAUGHT, "SpoofPacketAction: the length is larger than the packet given");
  a->packet = memory_copy(args[0].string.data, (size_t)size);
  a->size = (uint16_t)size;
  return true;
}

static void
act_spoof_packet_fini(struct action *base)
{
  free(((struct packet_action *)base)->packet);
}

static enum verdict
act_spoof_packet_run(const struct action *base, struct query *q)
{
  const struct packet_action *a = (const struct packet_action *)base;
  return answer_packet(q, a->packet, a->size);
}

const struct action_kind act_spoof_packet = {
    .name = "SpoofPacketAction",
    .help = "Answer with this packet; its id alone is adapted",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "packet", .type = PARAM_STRING, .help = "the whole message"},
        {.name = "len", .type = PARAM_INT, .own = true, .unit = "bytes", .help = "its length, at least 12"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct packet_action),
    .init = act_spoof_packet_init,
    .fini = act_spoof_packet_fini,
    .run = act_spoof_packet_run,
    .text = "spoof ",
};

// ---- SVCB and HTTPS ----

struct svc_action {
  struct action base;
  struct svc_answer answer;
};

static bool
act_spoof_svc_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct answer_options options = answer_options_read(&args[1], true);
  svc_answer_init(&((struct svc_action *)base)->answer, &options, (struct svc_record *const *)args[0].list.objects,
                  args[0].list.count);
  return true;
}

static void
act_spoof_svc_fini(struct action *base)
{
  svc_answer_fini(&((struct svc_action *)base)->answer);
}

static enum verdict
act_spoof_svc_run(const struct action *base, struct query *q)
{
  bool fits;
  return svc_answer_give(&((const struct svc_action *)base)->answer, q, &fits) ? answer_made(q, fits) : VERDICT_NEXT;
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
    .init = act_spoof_svc_init,
    .fini = act_spoof_svc_fini,
    .run = act_spoof_svc_run,
    .text = "spoof SVC record ",
};
