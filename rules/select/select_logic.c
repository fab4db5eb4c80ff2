// SPDX-License-Identifier: BSD-2-Clause
// Selectors that know nothing of DNS: AllRule, AndRule, OrRule, NotRule, ProbaRule.
//
//   AndRule{a, b}    asks a, then b only if a matched; its keys are those of one part, whose selector few queries match
//   OrRule{a, b}     asks until one matches; has keys only if all parts have
//   NotRule(a)       no keys: what has the key is what does not match
//
// Their effect class is the strongest of their parts', so that a chain never skips a part that keeps state. Parts are
// references: selectors are counted and immutable. ProbaRule draws from the worker's own random numbers.
//
// Workers.
#include "dnsproxy/base/memory.h"
#include "rules/select/selector.h"

#include <stdlib.h>

static bool
select_logic_all_match(const struct selector *s, struct query *q)
{
  (void)s;
  (void)q;
  return true;
}

const struct selector_kind select_all = {
    .name = "AllRule",
    .help = "Always matches",
    .effect = EFFECT_PURE,
    .size = sizeof(struct selector),
    .match = select_logic_all_match,
    .text = "All",
};

struct compound {
  struct selector base;
  struct selector_list parts; // a reference each
};

static bool
select_logic_compound_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct compound *s = (struct compound *)base;
  s->parts.count = args[0].list.count;
  s->parts.items = memory_array(s->parts.count + 1, sizeof *s->parts.items);
  for (size_t i = 0; i < s->parts.count; i++)
    s->parts.items[i] = object_ref(args[0].list.objects[i]);
  return true;
}

static void
select_logic_compound_fini(struct selector *base)
{
  struct compound *s = (struct compound *)base;
  for (size_t i = 0; i < s->parts.count; i++)
    object_unref(&s->parts.items[i]);
  free(s->parts.items);
}

static void
select_logic_compound_show(const struct compound *s, const char *between, struct text *out)
{
  for (size_t i = 0; i < s->parts.count; i++) {
    text_puts(out, i == 0 ? "(" : between);
    selector_show(s->parts.items[i], out);
    text_puts(out, i + 1 == s->parts.count ? ")" : "");
  }
}

static bool
select_logic_and_match(const struct selector *base, struct query *q)
{
  const struct compound *s = (const struct compound *)base;
  for (size_t i = 0; i < s->parts.count; i++)
    if (!selector_match(s->parts.items[i], q))
      return false;
  return true;
}

static bool
select_logic_or_match(const struct selector *base, struct query *q)
{
  const struct compound *s = (const struct compound *)base;
  for (size_t i = 0; i < s->parts.count; i++)
    if (selector_match(s->parts.items[i], q))
      return true;
  return false;
}

static void
select_logic_and_show(const struct selector *s, struct text *out)
{
  select_logic_compound_show((const struct compound *)s, ") && (", out);
}

static void
select_logic_or_show(const struct selector *s, struct text *out)
{
  select_logic_compound_show((const struct compound *)s, ") || (", out);
}

static const void *
select_logic_compound_parts(const struct selector *s)
{
  return &((const struct compound *)s)->parts;
}

static const struct param compound_params[] = {{.name = "rules", .type = PARAM_SELECTORS,
                                                .help = "the rules to combine"},
                                               {.type = PARAM_END}};

// Their effect is that of their parts: selector_effect() looks at those.
const struct selector_kind select_and = {
    .name = "AndRule",
    .help = "All rules of the list match, tried up to the first that does not; an empty list always matches",
    .params = compound_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct compound),
    .init = select_logic_compound_init,
    .fini = select_logic_compound_fini,
    .match = select_logic_and_match,
    .show = select_logic_and_show,
    .key = KEY_AND,
    .key_value = select_logic_compound_parts,
};

const struct selector_kind select_or = {
    .name = "OrRule",
    .help = "At least one rule of the list matches, tried up to the first that does; an empty list never matches",
    .params = compound_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct compound),
    .init = select_logic_compound_init,
    .fini = select_logic_compound_fini,
    .match = select_logic_or_match,
    .show = select_logic_or_show,
    .key = KEY_OR,
    .key_value = select_logic_compound_parts,
};

struct not_selector {
  struct selector base;
  struct selector *inner;
};

static bool
select_logic_not_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct not_selector *)base)->inner = object_ref(args[0].object);
  return true;
}

static void
select_logic_not_fini(struct selector *base)
{
  object_unref(&((struct not_selector *)base)->inner);
}

static bool
select_logic_not_match(const struct selector *base, struct query *q)
{
  return !selector_match(((const struct not_selector *)base)->inner, q);
}

static void
select_logic_not_show(const struct selector *base, struct text *out)
{
  text_puts(out, "!(");
  selector_show(((const struct not_selector *)base)->inner, out);
  text_puts(out, ")");
}

static const void *
select_logic_not_inner(const struct selector *s)
{
  return ((const struct not_selector *)s)->inner;
}

const struct selector_kind select_not = {
    .name = "NotRule",
    .help = "Matches when the rule does not",
    .params = (const struct param[]){{.name = "rule", .type = PARAM_SELECTOR, .help = "the rule to invert"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct not_selector),
    .init = select_logic_not_init,
    .fini = select_logic_not_fini,
    .match = select_logic_not_match,
    .show = select_logic_not_show,
    .key = KEY_NOT,
    .key_value = select_logic_not_inner,
};

struct proba {
  struct selector base;
  double probability;
};

static bool
select_logic_proba_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct proba *)base)->probability = args[0].number;
  return true;
}

static bool
select_logic_proba_match(const struct selector *base, struct query *q)
{
  return random_unit(&q->worker->random) < ((const struct proba *)base)->probability;
}

static void
select_logic_proba_show(const struct selector *base, struct text *out)
{
  text_printf(out, "match with prob. %.2f", ((const struct proba *)base)->probability);
}

const struct selector_kind select_proba = {
    .name = "ProbaRule",
    .help = "Matches at random",
    .params = (const struct param[]){{.name = "probability", .type = PARAM_FLOAT, .most = 1,
                                      .help = "from 0, never, to 1, always"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_CLOCK,
    .size = sizeof(struct proba),
    .init = select_logic_proba_init,
    .match = select_logic_proba_match,
    .show = select_logic_proba_show,
};
