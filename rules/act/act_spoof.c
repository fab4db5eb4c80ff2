// SPDX-License-Identifier: BSD-2-Clause
// Actions that answer with given addresses or a CNAME.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "rules/act/self_answer.h"

#include <stdlib.h>

struct spoof_action {
  struct action base;
  struct answer_options options;
  struct address *addresses;
  size_t count;
  bool has_v4, has_v6;
};

static bool
spoof_init(struct action *base, const struct value *args, struct fault *f)
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
spoof_fini(struct action *base)
{
  free(((struct spoof_action *)base)->addresses);
}

static bool
has_type(const struct spoof_action *a, uint16_t qtype)
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
spoof_run(const struct action *base, struct query *q)
{
  const struct spoof_action *a = (const struct spoof_action *)base;
  if (!has_type(a, q->qtype))
    return VERDICT_NEXT;
  const struct address *addresses = shuffled(q, a->addresses, a->count, sizeof *addresses);
  struct answer_form form = answer_form_of(q, &a->options);
  answer_room_addresses(q, a->count);
  return answer_made(q, compose_addresses(&q->packet, &form, q->qtype, addresses, a->count));
}

static void
spoof_show(const struct action *base, struct text *out)
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
    .init = spoof_init,
    .fini = spoof_fini,
    .run = spoof_run,
    .show = spoof_show,
};

struct cname_action {
  struct action base;
  struct answer_options options;
  struct name target;
};

static bool
cname_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct cname_action *a = (struct cname_action *)base;
  a->target = *(const struct name *)args[0].object;
  a->options = answer_options_read(&args[1], true);
  return true;
}

static enum verdict
cname_run(const struct action *base, struct query *q)
{
  const struct cname_action *a = (const struct cname_action *)base;
  struct answer_form form = answer_form_of(q, &a->options);
  return answer_made(q, compose_cname(&q->packet, &form, &a->target));
}

static void
cname_show(const struct action *base, struct text *out)
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
    .init = cname_init,
    .run = cname_run,
    .show = cname_show,
};
