// SPDX-License-Identifier: BSD-2-Clause
// The selector and actions for values of the PROXY protocol: ProxyProtocolValueRule, SetProxyProtocolValuesAction,
// SetAdditionalProxyProtocolValueAction.
//
// Values come with the header of the proxy in front of us, and go out with the one that a backend gets (useProxyProtocol).
// They hang on the query as a list (extra): the actions replace it or add to it, the selector looks through it. A value is a
// type from 0 to 255 and any bytes; with more than fits into a header the query is not sent.
//
// Selector and actions stand together because they are one concept. Workers.
#include "dnsproxy/base/memory.h"
#include "rules/act/action.h"

#include <stdlib.h>
#include <string.h>

// ---- ProxyProtocolValueRule ----

struct proxy_selector {
  struct selector base;
  uint8_t type;
  char *value; // NULL: any
  size_t size;
};

static bool
proxy_kinds_value_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct proxy_selector *s = (struct proxy_selector *)base;
  s->type = (uint8_t)args[0].integer;
  s->size = args[1].given ? args[1].string.size : 0;
  s->value = s->size > 0 ? memory_copy(args[1].string.data, s->size) : NULL;
  return true;
}

static void
proxy_kinds_value_fini(struct selector *base)
{
  free(((struct proxy_selector *)base)->value);
}

static bool
proxy_kinds_value_match(const struct selector *base, struct query *q)
{
  const struct proxy_selector *s = (const struct proxy_selector *)base;
  for (const struct proxy_value *v = query_proxy_values(q); v != NULL; v = v->next)
    if (v->type == s->type && (s->value == NULL || (v->size == s->size && memcmp(v->data, s->value, s->size) == 0)))
      return true;
  return false;
}

static void
proxy_kinds_value_show(const struct selector *base, struct text *out)
{
  text_printf(out, "proxy protocol value of type %u matches", ((const struct proxy_selector *)base)->type);
}

#define TYPE_ROW {.name = "type", .type = PARAM_INT, PARAM_MODULO_8, .help = "type of the value, 0 to 255"}
#define END {.type = PARAM_END}

const struct selector_kind select_proxy_value = {
    .name = "ProxyProtocolValueRule",
    .help = "A value of that type came with the PROXY header, this very one if it is given",
    .params = (const struct param[]){TYPE_ROW,
                                     {.name = "value", .type = PARAM_STRING, .optional = true, .help = "any bytes"},
                                     END},
    .effect = EFFECT_PURE,
    .size = sizeof(struct proxy_selector),
    .init = proxy_kinds_value_init,
    .fini = proxy_kinds_value_fini,
    .match = proxy_kinds_value_match,
    .show = proxy_kinds_value_show,
};

// ---- actions ----

struct proxy_action {
  struct action base;
  size_t count;
  struct proxy_value *values; // linked in their order
};

static void
proxy_fini(struct action *base)
{
  struct proxy_action *a = (struct proxy_action *)base;
  for (size_t i = 0; i < a->count; i++)
    free((void *)(uintptr_t)a->values[i].data);
  free(a->values);
}

static bool
proxy_kinds_keep_value(struct proxy_value *v, int64_t type, const struct bytes *bytes, struct fault *f)
{
  if (bytes->size > UINT16_MAX)
    return fault_set(f, FAULT_CAUGHT, "A value of the PROXY protocol has at most 65535 bytes");
  *v = (struct proxy_value){
      .type = (uint8_t)type, .size = (uint16_t)bytes->size, .data = memory_copy(bytes->data, bytes->size)};
  return true;
}

static bool
proxy_kinds_add_init(struct action *base, const struct value *args, struct fault *f)
{
  struct proxy_action *a = (struct proxy_action *)base;
  a->values = memory_array(1, sizeof *a->values);
  a->count = proxy_kinds_keep_value(a->values, args[0].integer, &args[1].string, f);
  return a->count == 1;
}

static int
proxy_kinds_by_type(const void *left, const void *right)
{
  return (int)((const struct proxy_value *)left)->type - (int)((const struct proxy_value *)right)->type;
}

static bool
proxy_kinds_set_init(struct action *base, const struct value *args, struct fault *f)
{
  struct proxy_action *a = (struct proxy_action *)base;
  const struct bytes *pairs = args[0].list.strings;
  a->values = memory_array(args[0].list.count / 2 + 1, sizeof *a->values);
  for (size_t i = 0; i + 1 < args[0].list.count; i += 2) {
    char *end;
    long type = strtol(pairs[i].data, &end, 10);
    if (end == pairs[i].data || *end != '\0')
      return fault_set(f, FAULT_CAUGHT, "The type of a PROXY protocol value is a number, not '%s'", pairs[i].data);
    if (!proxy_kinds_keep_value(&a->values[a->count], type, &pairs[i + 1], f))
      return false;
    a->count++;
  }
  qsort(a->values, a->count, sizeof *a->values, proxy_kinds_by_type); // tables have no order
  return true;
}

// A value that does not fit goes without: the query is worth more.
static enum verdict
proxy_kinds_add_run(const struct action *base, struct query *q)
{
  const struct proxy_action *a = (const struct proxy_action *)base;
  for (size_t i = 0; i < a->count; i++)
    query_add_proxy_value(q, a->values[i].type, a->values[i].data, a->values[i].size);
  return VERDICT_NEXT;
}

static enum verdict
proxy_kinds_set_run(const struct action *base, struct query *q)
{
  query_clear_proxy_values(q);
  return proxy_kinds_add_run(base, q);
}

static void
proxy_kinds_add_show(const struct action *base, struct text *out)
{
  text_printf(out, "add a Proxy-Protocol value of type %u", ((const struct proxy_action *)base)->values[0].type);
}

const struct action_kind act_set_proxy_values = {
    .name = "SetProxyProtocolValuesAction",
    .help = "Replace the values that go to a backend with the PROXY header; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "values", .type = PARAM_STRING_MAP, .help = "bytes by type"}, END},
    .effect = EFFECT_PURE,
    .size = sizeof(struct proxy_action),
    .init = proxy_kinds_set_init,
    .fini = proxy_fini,
    .run = proxy_kinds_set_run,
    .text = "set Proxy-Protocol values",
};

const struct action_kind act_add_proxy_value = {
    .name = "SetAdditionalProxyProtocolValueAction",
    .help = "Add a value to those that go to a backend with the PROXY header; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){TYPE_ROW, {.name = "value", .type = PARAM_STRING, .help = "any bytes"}, END},
    .effect = EFFECT_PURE,
    .size = sizeof(struct proxy_action),
    .init = proxy_kinds_add_init,
    .fini = proxy_fini,
    .run = proxy_kinds_add_run,
    .show = proxy_kinds_add_show,
};
