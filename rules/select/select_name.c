// SPDX-License-Identifier: BSD-2-Clause
// Selectors that look at the question's name: QNameRule, QNameSuffixRule, QNameSetRule, SuffixMatchNodeRule, labels and
// length.
//
// Names are compared as wire bytes without casing (wire/name), sets by one hash per name or per suffix (wire/name_set): a
// set of a million names costs what one of a hundred does. A set that a script hands over stays as it was then. A name and a
// suffix are keys of the chain's index, by which a chain with a thousand such rules is not walked through
// (rules/chain/chain_key).
//
// The name is the client's; of an answer it is its query's. No state. Workers.
#include "dnsproxy/wire/name_set.h"
#include "rules/select/selector.h"

struct qname_selector {
  struct selector base;
  struct name name;
};

static bool
select_name_qname_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct qname_selector *)base)->name = *(const struct name *)args[0].object;
  return true;
}

static bool
select_name_qname_match(const struct selector *base, struct query *q)
{
  return name_equal(&q->qname, &((const struct qname_selector *)base)->name);
}

static void
select_name_qname_show(const struct selector *base, struct text *out)
{
  char name[NAME_TEXT_SIZE];
  text_printf(out, "qname==%s", name_text(&((const struct qname_selector *)base)->name, name));
}

static const void *
select_name_qname_key(const struct selector *base)
{
  return &((const struct qname_selector *)base)->name;
}

const struct selector_kind select_qname = {
    .name = "QNameRule",
    .help = "The name asked for is this one, in any casing",
    .params = (const struct param[]){{.name = "name", .type = PARAM_NAME, .help = "name"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct qname_selector),
    .init = select_name_qname_init,
    .match = select_name_qname_match,
    .show = select_name_qname_show,
    .key = KEY_QNAME,
    .key_value = select_name_qname_key,
};

struct qname_set_selector {
  struct selector base;
  struct name_set *set;
};

static bool
select_name_qname_set_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  // Whoever changes the set later gets a copy.
  ((struct qname_set_selector *)base)->set = object_ref(args[0].object);
  return true;
}

static void
select_name_qname_set_fini(struct selector *base)
{
  object_unref(&((struct qname_set_selector *)base)->set);
}

static bool
select_name_qname_set_match(const struct selector *base, struct query *q)
{
  return name_set_has(((const struct qname_set_selector *)base)->set, q->qname.bytes, q->qname.size);
}

static void
select_name_qname_set_show(const struct selector *base, struct text *out)
{
  text_printf(out, "qname in DNSNameSet(%zu FQDNs)", name_set_count(((const struct qname_set_selector *)base)->set));
}

static const void *
select_name_qname_set_key(const struct selector *base)
{
  return ((const struct qname_set_selector *)base)->set;
}

const struct selector_kind select_qname_set = {
    .name = "QNameSetRule",
    .help = "The name asked for is a member of the set, of which a copy is taken",
    .params = (const struct param[]){
        {.name = "set", .type = PARAM_OBJECT, .class = &name_set_class, .help = "set made by newDNSNameSet()"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct qname_set_selector),
    .init = select_name_qname_set_init,
    .fini = select_name_qname_set_fini,
    .match = select_name_qname_set_match,
    .show = select_name_qname_set_show,
    .key = KEY_QNAME_SET,
    .key_value = select_name_qname_set_key,
};

struct suffix_selector {
  struct selector base;
  struct suffix_set *set;
  bool quiet;
};

static bool
select_name_suffix_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct suffix_selector *s = (struct suffix_selector *)base;
  s->set = object_ref(args[0].object);
  s->quiet = args[1].boolean;
  return true;
}

static void
select_name_suffix_fini(struct selector *base)
{
  object_unref(&((struct suffix_selector *)base)->set);
}

static bool
select_name_suffix_match(const struct selector *base, struct query *q)
{
  return suffix_set_match(((const struct suffix_selector *)base)->set, q->qname.bytes, q->qname.size, NULL);
}

static void
select_name_suffix_show(const struct selector *base, struct text *out)
{
  const struct suffix_selector *s = (const struct suffix_selector *)base;
  text_puts(out, s->quiet ? "qname==in-set" : "qname in ");
  if (!s->quiet)
    suffix_set_text(s->set, ", ", out);
}

static const void *
select_name_suffix_key(const struct selector *base)
{
  return ((const struct suffix_selector *)base)->set;
}

static const struct param suffix_params[] = {
    {.name = "suffixes", .type = PARAM_SUFFIXES, .help = "SuffixMatchNode, a name, or a list of names"},
    {.name = "quiet", .type = PARAM_BOOL, .optional = true, .fallback = "false",
     .help = "do not list the names in tables"},
    {.type = PARAM_END}};

#define SUFFIX_KIND(constructor, words)                                                                                     \
  {                                                                                                                         \
    .name = constructor, .help = words, .params = suffix_params, .effect = EFFECT_PURE,                                     \
    .size = sizeof(struct suffix_selector), .init = select_name_suffix_init, .fini = select_name_suffix_fini,               \
    .match = select_name_suffix_match, .show = select_name_suffix_show, .key = KEY_SUFFIX,                                  \
    .key_value = select_name_suffix_key                                                                                     \
  }

const struct selector_kind select_qname_suffix =
    SUFFIX_KIND("QNameSuffixRule", "The name asked for is one of these or below one of them");
const struct selector_kind select_suffix_match_node =
    SUFFIX_KIND("SuffixMatchNodeRule", "Older name of QNameSuffixRule");

struct selector *
selector_from_suffixes(struct suffix_set *set, bool quiet)
{
  const struct value args[] = {{.given = true, .object = set}, {.given = true, .boolean = quiet}};
  return selector_new(&select_qname_suffix, args, NULL);
}

struct size_selector {
  struct selector base;
  uint32_t min, max;
};

static bool
select_name_size_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct size_selector *s = (struct size_selector *)base;
  s->min = (uint32_t)args[0].integer;
  s->max = (uint32_t)args[1].integer;
  return true;
}

static bool
select_name_outside(const struct selector *base, uint32_t n)
{
  const struct size_selector *s = (const struct size_selector *)base;
  return n < s->min || n > s->max;
}

static bool
select_name_labels_match(const struct selector *s, struct query *q)
{
  return select_name_outside(s, name_bytes_labels(q->qname.bytes));
}

static bool
select_name_wire_length_match(const struct selector *s, struct query *q)
{
  return select_name_outside(s, q->qname.size);
}

static void
select_name_size_show(const struct selector *base, const char *what, struct text *out)
{
  const struct size_selector *s = (const struct size_selector *)base;
  text_printf(out, "%s < %u || %s > %u", what, s->min, what, s->max);
}

static void
select_name_labels_show(const struct selector *s, struct text *out)
{
  select_name_size_show(s, "labels count", out);
}

static void
select_name_wire_length_show(const struct selector *s, struct text *out)
{
  select_name_size_show(s, "wire length", out);
}

static const struct param size_params[] = {{.name = "min", .type = PARAM_INT, .pair = true, .most = UINT32_MAX,
                                            .help = "matches below this"},
                                           {.name = "max", .type = PARAM_INT, PARAM_NO_LIMIT_32, .help = "matches above this"},
                                           {.type = PARAM_END}};

const struct selector_kind select_qname_labels = {
    .name = "QNameLabelsCountRule",
    .help = "The name asked for has fewer labels than min or more than max",
    .params = size_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct size_selector),
    .init = select_name_size_init,
    .match = select_name_labels_match,
    .show = select_name_labels_show,
};

const struct selector_kind select_qname_wire_length = {
    .name = "QNameWireLengthRule",
    .help = "The wire form of the name asked for is shorter than min or longer than max bytes",
    .params = size_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct size_selector),
    .init = select_name_size_init,
    .match = select_name_wire_length_match,
    .show = select_name_wire_length_show,
};
