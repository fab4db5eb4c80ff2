// SPDX-License-Identifier: BSD-2-Clause
// TagRule: has the query a tag of this name, and if a value is given, with this value?
//
// Tags are set by actions and scripts earlier on the walk, in any chain, and stay with the query through answers and
// restarts: they are how rules tell each other something. There are few of them on a query, in a list. The value is bytes
// and compared as such.
//
// Its state is the query's own: no key, but nothing shared either. Workers.
#include "dnsproxy/base/memory.h"
#include "rules/select/selector.h"

#include <stdlib.h>
#include <string.h>

struct tag_selector {
  struct selector base;
  char *key, *value;
  size_t value_size;
  bool has_value; // an empty value requires an empty tag
};

static bool
select_tag_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct tag_selector *s = (struct tag_selector *)base;
  s->key = memory_copy(args[0].string.data, args[0].string.size);
  s->has_value = args[1].given;
  if (s->has_value) {
    s->value = memory_copy(args[1].string.data, args[1].string.size);
    s->value_size = args[1].string.size;
  }
  return true;
}

static void
select_tag_fini(struct selector *base)
{
  struct tag_selector *s = (struct tag_selector *)base;
  free(s->key);
  free(s->value);
}

static bool
select_tag_match(const struct selector *base, struct query *q)
{
  const struct tag_selector *s = (const struct tag_selector *)base;
  const struct tag *t = query_tag_get(q, s->key);
  if (t == NULL || !s->has_value)
    return t != NULL;
  return t->value_size == s->value_size && memcmp(t->value, s->value, s->value_size) == 0;
}

static void
select_tag_show(const struct selector *base, struct text *out)
{
  const struct tag_selector *s = (const struct tag_selector *)base;
  text_printf(out, "tag '%s' is set", s->key);
  if (s->has_value)
    text_printf(out, " to '%s'", s->value);
}

const struct selector_kind select_tag = {
    .name = "TagRule",
    .help = "The tag is set, to this value if one is given",
    .params = (const struct param[]){{.name = "name", .type = PARAM_STRING, .help = "name of the tag"},
                                     {.name = "value", .type = PARAM_STRING, .optional = true, .help = "its value"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct tag_selector),
    .init = select_tag_init,
    .fini = select_tag_fini,
    .match = select_tag_match,
    .show = select_tag_show,
};
