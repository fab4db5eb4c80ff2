// SPDX-License-Identifier: BSD-2-Clause
// Actions that set and remove tags, for queries and for answers.
//
// A tag is a name and a value that stays with the query until it ends: other rules ask for it (TagRule), scripts read it,
// policies may pass over backends whose names are tags, telemetry will tell it. Setting one that is there replaces its
// value. Memory is the query's; without any the tag is not set, and the query goes on.
//
// No state. Workers.
#include "dnsproxy/base/memory.h"
#include "rules/act/action.h"

#include <stdlib.h>

struct tag_action {
  struct action base;
  char *key, *value;
  size_t value_size;
};

static bool
set_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct tag_action *a = (struct tag_action *)base;
  a->key = memory_copy(args[0].string.data, args[0].string.size);
  a->value = memory_copy(args[1].string.data, args[1].string.size);
  a->value_size = args[1].string.size;
  return true;
}

static bool
unset_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct tag_action *)base)->key = memory_copy(args[0].string.data, args[0].string.size);
  return true;
}

static void
act_tag_fini(struct action *base)
{
  struct tag_action *a = (struct tag_action *)base;
  free(a->key);
  free(a->value);
}

static enum verdict
set_run(const struct action *base, struct query *q)
{
  const struct tag_action *a = (const struct tag_action *)base;
  query_tag_set(q, a->key, a->value, a->value_size);
  return VERDICT_NEXT;
}

static enum verdict
unset_run(const struct action *base, struct query *q)
{
  query_tag_unset(q, ((const struct tag_action *)base)->key);
  return VERDICT_NEXT;
}

static void
set_show(const struct action *base, struct text *out)
{
  const struct tag_action *a = (const struct tag_action *)base;
  text_printf(out, "set tag '%s' to value '%s'", a->key, a->value);
}

static void
unset_show(const struct action *base, struct text *out)
{
  text_printf(out, "unset tag '%s", ((const struct tag_action *)base)->key); // sic: no closing quote
}

static const struct param set_params[] = {{.name = "name", .type = PARAM_STRING, .help = "name of the tag"},
                                          {.name = "value", .type = PARAM_STRING, .help = "its value"},
                                          {.type = PARAM_END}};
static const struct param unset_params[] = {{.name = "name", .type = PARAM_STRING, .help = "name of the tag"},
                                            {.type = PARAM_END}};

#define TAG_KIND(constructor, of, words, verb)                                                                         \
  {                                                                                                                    \
    .name = constructor, .help = words, .side = of, .params = verb##_params, .effect = EFFECT_PURE,                    \
    .size = sizeof(struct tag_action), .init = verb##_init, .fini = act_tag_fini, .run = verb##_run, .show = verb##_show   \
  }

const struct action_kind act_set_tag =
    TAG_KIND("SetTagAction", SIDE_QUERY, "Set or overwrite a tag, kept until the answer is sent; goes on", set);
const struct action_kind act_set_tag_response =
    TAG_KIND("SetTagResponseAction", SIDE_RESPONSE, "Set or overwrite a tag; goes on", set);
const struct action_kind act_unset_tag = TAG_KIND("UnsetTagAction", SIDE_QUERY, "Remove a tag; goes on", unset);
const struct action_kind act_unset_tag_response =
    TAG_KIND("UnsetTagResponseAction", SIDE_RESPONSE, "Remove a tag; goes on", unset);
