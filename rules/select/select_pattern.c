// SPDX-License-Identifier: BSD-2-Clause
// RegexRule: the name asked for, matched with a regular expression.
//
// The expression is compiled when the rule is made, and a wrong one is an error there (rules/select/pattern says in which
// style and with which limits). The text that is matched is made for each query: such a rule is the dearest that looks at
// names, and has no key for the chain's index; a suffix or a set says most things as well and for less.
//
// No state. Workers.
#include "dnsproxy/base/memory.h"
#include "rules/select/pattern.h"
#include "rules/select/selector.h"

#include <stdlib.h>

struct pattern_selector {
  struct selector base;
  struct pattern *pattern; // NULL: never matches
  char *expression;
};

static bool
select_pattern_regex_init(struct selector *base, const struct value *args, struct fault *f)
{
  struct pattern_selector *s = (struct pattern_selector *)base;
  const struct bytes *expression = &args[0].string;
  struct fault why = FAULT_INIT;
  s->pattern = pattern_new(expression->data, expression->size, PATTERN_SEARCH, &why);
  if (s->pattern == NULL)
    return fault_set(f, FAULT_CAUGHT, "RegexRule: invalid regular expression '%s': %s", expression->data, why.text);
  s->expression = memory_copy(expression->data, expression->size);
  return true;
}

// An invalid expression is accepted and never matches: the dialect has it so.
static bool
select_pattern_re2_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct pattern_selector *s = (struct pattern_selector *)base;
  s->pattern = pattern_new(args[0].string.data, args[0].string.size, PATTERN_FULL, NULL);
  s->expression = memory_copy(args[0].string.data, args[0].string.size);
  return true;
}

static void
select_pattern_regex_fini(struct selector *base)
{
  struct pattern_selector *s = (struct pattern_selector *)base;
  pattern_free(&s->pattern);
  free(s->expression);
}

static bool
select_pattern_regex_match(const struct selector *base, struct query *q)
{
  const struct pattern_selector *s = (const struct pattern_selector *)base;
  return s->pattern != NULL && pattern_match_name(s->pattern, &q->qname);
}

static void
select_pattern_regex_show(const struct selector *base, struct text *out)
{
  text_printf(out, "Regex: %s", ((const struct pattern_selector *)base)->expression);
}

static void
select_pattern_re2_show(const struct selector *base, struct text *out)
{
  text_printf(out, "RE2 match: %s", ((const struct pattern_selector *)base)->expression);
}

static const struct param regex_params[] = {{.name = "regex", .type = PARAM_STRING, .help = "regular expression"},
                                            {.type = PARAM_END}};

const struct selector_kind select_regex = {
    .name = "RegexRule",
    .help = "A POSIX extended expression, in any casing, is found in the name asked for (without its final dot)",
    .params = regex_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct pattern_selector),
    .init = select_pattern_regex_init,
    .fini = select_pattern_regex_fini,
    .match = select_pattern_regex_match,
    .show = select_pattern_regex_show,
};

const struct selector_kind select_re2 = {
    .name = "RE2Rule",

       .help = "The whole name asked for (without its final dot) matches, casing counts; an invalid one never does",
    .params = regex_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct pattern_selector),
    .init = select_pattern_re2_init,
    .fini = select_pattern_regex_fini,
    .match = select_pattern_regex_match,
    .show = select_pattern_re2_show,
};
