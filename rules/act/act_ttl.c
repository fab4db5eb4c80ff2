// SPDX-License-Identifier: BSD-2-Clause
// Actions that change the records of an answer: LimitTTLResponseAction, SetMin..., SetMax..., SetReducedTTLResponseAction,
// and ClearRecordTypesResponseAction.
//
// They go over the records of the packet (wire/rewrite). TTLs are overwritten in place; OPT has none. Taking out types
// writes the message anew when bytes move that pointers lead to. An answer that cannot be read is left as it was from there
// on, or dropped in room restore if something must come off it.
//
// In the response chain what they change is cached, in the cache-hit chain only this client sees it. No state. Workers.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/rewrite.h"
#include "rules/act/action.h"

#include <stdlib.h>

struct ttl_action {
  struct action base;
  uint32_t min, max;
  double ratio;    // SetReducedTTLResponseAction
  uint16_t *types; // none: all types
  size_t type_count;
};

static void
act_ttl_types_read(struct ttl_action *a, const struct value *v)
{
  a->type_count = v->given ? v->list.count : 0;
  a->types = memory_array(a->type_count + 1, sizeof *a->types);
  for (size_t i = 0; i < a->type_count; i++)
    a->types[i] = (uint16_t)v->list.integers[i];
}

static void
act_ttl_fini(struct action *base)
{
  free(((struct ttl_action *)base)->types);
}

static bool
act_ttl_has_type(const struct ttl_action *a, uint16_t type)
{
  for (size_t i = 0; i < a->type_count; i++)
    if (a->types[i] == type)
      return true;
  return a->type_count == 0;
}

static uint32_t
act_ttl_limited(unsigned section, uint16_t class, uint16_t type, uint32_t ttl, void *arg)
{
  const struct ttl_action *a = arg;
  (void)section;
  (void)class;
  if (!act_ttl_has_type(a, type))
    return ttl;
  ttl = ttl < a->min ? a->min : ttl;
  return ttl > a->max ? a->max : ttl;
}

static enum verdict
act_ttl_limit_run(const struct action *base, struct query *q)
{
  message_edit_ttls(&q->packet, act_ttl_limited, (void *)(uintptr_t)base);
  return VERDICT_NEXT;
}

static void
act_ttl_limit_show(const struct action *base, struct text *out)
{
  const struct ttl_action *a = (const struct ttl_action *)base;
  text_printf(out, "limit ttl (%u <= ttl <= %u", a->min, a->max);
  for (size_t i = 0; i < a->type_count; i++) {
    char type[QTYPE_TEXT_SIZE];
    text_printf(out, "%s%s", i == 0 ? ", types in [" : " ", qtype_text(a->types[i], type));
  }
  text_puts(out, a->type_count > 0 ? "])" : ")");
}

static bool
act_ttl_limit_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct ttl_action *a = (struct ttl_action *)base;
  a->min = (uint32_t)args[0].integer;
  a->max = (uint32_t)args[1].integer;
  act_ttl_types_read(a, &args[2]);
  return true;
}

static bool
act_ttl_min_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct ttl_action *a = (struct ttl_action *)base;
  a->min = (uint32_t)args[0].integer;
  a->max = UINT32_MAX;
  return true;
}

static bool
act_ttl_max_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct ttl_action *)base)->max = (uint32_t)args[0].integer;
  return true;
}

#define MIN_ROW(paired) {.name = "min", .type = PARAM_INT, .pair = paired, .most = INT32_MAX, .unit = "s", .help = "smallest TTL"}
#define MAX_ROW {.name = "max", .type = PARAM_INT, PARAM_NO_LIMIT_32, .unit = "s", .help = "largest TTL"}

const struct action_kind act_limit_ttl_response = {
    .name = "LimitTTLResponseAction",
    .help = "Bring the TTLs, of all types or of some, between two limits; goes on",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){
        MIN_ROW(true),
        MAX_ROW,
        {.name = "types", .type = PARAM_INTS, PARAM_MODULO_16, .optional = true, .help = "list of DNSQType; all when not given"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct ttl_action),
    .init = act_ttl_limit_init,
    .fini = act_ttl_fini,
    .run = act_ttl_limit_run,
    .show = act_ttl_limit_show,
};

const struct action_kind act_set_min_ttl_response = {
    .name = "SetMinTTLResponseAction",
    .help = "Raise smaller TTLs; goes on",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){MIN_ROW(false), {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct ttl_action),
    .init = act_ttl_min_init,
    .run = act_ttl_limit_run,
    .show = act_ttl_limit_show,
};

const struct action_kind act_set_max_ttl_response = {
    .name = "SetMaxTTLResponseAction",
    .help = "Lower larger TTLs, before the answer is cached; goes on",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){MAX_ROW, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct ttl_action),
    .init = act_ttl_max_init,
    .run = act_ttl_limit_run,
    .show = act_ttl_limit_show,
};

static bool
act_ttl_reduced_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct ttl_action *)base)->ratio = (double)(uint8_t)args[0].integer / 100;
  return true;
}

static uint32_t
act_ttl_reduced(unsigned section, uint16_t class, uint16_t type, uint32_t ttl, void *arg)
{
  (void)section;
  (void)class;
  (void)type;
  double less = ttl * ((const struct ttl_action *)arg)->ratio;
  return less >= UINT32_MAX ? UINT32_MAX : (uint32_t)less;
}

static enum verdict
act_ttl_reduced_run(const struct action *base, struct query *q)
{
  message_edit_ttls(&q->packet, act_ttl_reduced, (void *)(uintptr_t)base);
  return VERDICT_NEXT;
}

static void
act_ttl_reduced_show(const struct action *base, struct text *out)
{
  text_printf(out, "reduce ttl to %f percent of its value", ((const struct ttl_action *)base)->ratio * 100);
}

const struct action_kind act_set_reduced_ttl_response = {
    .name = "SetReducedTTLResponseAction",
    .help = "Scale the TTLs; goes on",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){{.name = "percentage", .type = PARAM_INT, .most = 100, .unit = "%",
                                      .help = "what is left of them"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct ttl_action),
    .init = act_ttl_reduced_init,
    .run = act_ttl_reduced_run,
    .show = act_ttl_reduced_show,
};

static bool
act_ttl_clear_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  act_ttl_types_read((struct ttl_action *)base, &args[0]);
  return true;
}

static enum verdict
act_ttl_clear_run(const struct action *base, struct query *q)
{
  const struct ttl_action *a = (const struct ttl_action *)base;
  if (a->type_count > 0)
    message_remove_types(&q->packet, a->types, a->type_count);
  return VERDICT_NEXT;
}

const struct action_kind act_clear_types_response = {
    .name = "ClearRecordTypesResponseAction",
    .help = "Remove the records of these types; goes on",
    .side = SIDE_RESPONSE,
    .params = (const struct param[]){{.name = "types", .type = PARAM_INTS, PARAM_MODULO_16, .help = "DNSQType, or a list"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct ttl_action),
    .init = act_ttl_clear_init,
    .fini = act_ttl_fini,
    .run = act_ttl_clear_run,
    .text = "clear record types",
};
