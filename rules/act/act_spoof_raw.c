// SPDX-License-Identifier: BSD-2-Clause
// Actions that answer with bytes as given: record data, or a whole packet.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "rules/act/self_answer.h"

#include <stdlib.h>
#include <string.h>

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
    [OPTION_TYPE_FOR_ANY] = {.name = "typeForAny", .type = PARAM_INT, .optional = true,
                             .help = "DNSQType of the records when ANY is asked for"},
    {.type = PARAM_END}};

static bool
raw_init(struct action *base, const struct value *args, struct fault *f)
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
raw_fini(struct action *base)
{
  struct raw_action *a = (struct raw_action *)base;
  for (size_t i = 0; i < a->count; i++)
    free((char *)(uintptr_t)a->values[i].data);
  free(a->values);
}

static enum verdict
raw_run(const struct action *base, struct query *q)
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
    .init = raw_init,
    .fini = raw_fini,
    .run = raw_run,
    .text = "spoof raw bytes ",
};

struct packet_action {
  struct action base;
  uint8_t *packet;
  uint16_t size;
};

static bool
packet_init(struct action *base, const struct value *args, struct fault *f)
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
packet_fini(struct action *base)
{
  free(((struct packet_action *)base)->packet);
}

static enum verdict
packet_run(const struct action *base, struct query *q)
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
        {.name = "len", .type = PARAM_INT, .unit = "bytes", .help = "its length, at least 12"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct packet_action),
    .init = packet_init,
    .fini = packet_fini,
    .run = packet_run,
    .text = "spoof ",
};
