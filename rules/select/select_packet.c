// SPDX-License-Identifier: BSD-2-Clause
// Selectors that look at the packet as a whole: PayloadSizeRule, TrailingDataRule, RecordsCountRule, RecordsTypeCountRule.
//
// Sizes and counts of the header cost nothing. Counting records of a type walks over the message, and what cannot be read to
// its end does not match: rules decide about what is there, not about guesses. Trailing data is what stands behind the last
// record that the counts promise.
//
// Query or answer: whatever is in q->packet. No state. Workers.
#include "dnsproxy/wire/codes.h"
#include "rules/select/selector.h"

#include <string.h>

static const struct comparison {
  const char *name, *words;
  bool equal, above, below;
} comparisons[] = {
    {"equal", "equal to", true, false, false},
    {"greater", "greater than", false, true, false},
    {"greaterOrEqual", "equal to or greater than", true, true, false},
    {"smaller", "smaller than", false, false, true},
    {"smallerOrEqual", "equal to or smaller than", true, false, true},
};

struct payload_selector {
  struct selector base;
  const struct comparison *comparison;
  uint16_t size;
};

static bool
select_packet_payload_init(struct selector *base, const struct value *args, struct fault *f)
{
  struct payload_selector *s = (struct payload_selector *)base;
  for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++)
    if (strcmp(args[0].string.data, comparisons[i].name) == 0)
      s->comparison = &comparisons[i];
  s->size = (uint16_t)args[1].integer;
  return s->comparison != NULL || fault_set(f, FAULT_CAUGHT, "Unsupported comparison '%s'", args[0].string.data);
}

static bool
select_packet_payload_match(const struct selector *base, struct query *q)
{
  const struct payload_selector *s = (const struct payload_selector *)base;
  const struct comparison *c = s->comparison;
  if (q->packet.size == s->size)
    return c->equal;
  return q->packet.size > s->size ? c->above : c->below;
}

static void
select_packet_payload_show(const struct selector *base, struct text *out)
{
  const struct payload_selector *s = (const struct payload_selector *)base;
  text_printf(out, "payload size is %s %u", s->comparison->words, s->size);
}

const struct selector_kind select_payload_size = {
    .name = "PayloadSizeRule",
    .help = "The DNS message has a size in this relation to a number",
    .params = (const struct param[]){{.name = "comparison",
                                      .type = PARAM_STRING,
                                      .help = "equal, greater, greaterOrEqual, smaller or smallerOrEqual"},
                                     {.name = "size", .type = PARAM_INT, .most = UINT16_MAX, .unit = "bytes",
                                      .help = "size to compare with"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct payload_selector),
    .init = select_packet_payload_init,
    .match = select_packet_payload_match,
    .show = select_packet_payload_show,
};

static bool
select_packet_trailing_match(const struct selector *s, struct query *q)
{
  (void)s;
  size_t proper = message_proper_size(q->packet.data, q->packet.size);
  return proper > 0 && proper < q->packet.size;
}

const struct selector_kind select_trailing_data = {
    .name = "TrailingDataRule",
    .help = "Bytes remain behind the last record",
    .effect = EFFECT_PURE,
    .size = sizeof(struct selector),
    .match = select_packet_trailing_match,
    .text = "trailing data",
};

enum { SECTIONS = 4 };

struct records_selector {
  struct selector base;
  uint8_t section;
  uint16_t type; // RecordsTypeCountRule
  uint16_t min, max;
};

static const char *
select_packet_section_text(unsigned section)
{
  static const char *const texts[SECTIONS] = {"QD", "AN", "NS", "AR"};
  return section < SECTIONS ? texts[section] : "";
}

static bool
select_packet_records_init(struct selector *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct records_selector *s = (struct records_selector *)base;
  s->section = (uint8_t)args[0].integer;
  s->min = (uint16_t)args[1].integer;
  s->max = (uint16_t)args[2].integer;
  return true;
}

static bool
select_packet_records_match(const struct selector *base, struct query *q)
{
  const struct records_selector *s = (const struct records_selector *)base;
  if (s->section >= SECTIONS)
    return false;
  uint16_t n = message_count(q->packet.data, s->section);
  return n >= s->min && n <= s->max;
}

static void
select_packet_records_show(const struct selector *base, struct text *out)
{
  const struct records_selector *s = (const struct records_selector *)base;
  text_printf(out, "%u <= records in %s <= %u", s->min, select_packet_section_text(s->section), s->max);
}

#define SECTION_ROW {.name = "section", .type = PARAM_INT, .most = 3, .outside = OUTSIDE_KEPT,                         \
   .why = "a message has four sections", .help = "DNSSection"}
#define COUNT_ROWS                                                                                                     \
  {.name = "min", .type = PARAM_INT, .pair = true, .most = UINT16_MAX, .help = "least number of records"},                                               \
      {.name = "max", .type = PARAM_INT, .most = UINT16_MAX, .safe = "65535",                                          \
   .help = "greatest number of records"}, {.type = PARAM_END}

const struct selector_kind select_records_count = {
    .name = "RecordsCountRule",
    .help = "The header announces so many records in a section",
    .params = (const struct param[]){SECTION_ROW, COUNT_ROWS},
    .effect = EFFECT_PURE,
    .size = sizeof(struct records_selector),
    .init = select_packet_records_init,
    .match = select_packet_records_match,
    .show = select_packet_records_show,
};

static bool
select_packet_records_type_init(struct selector *base, const struct value *args, struct fault *f)
{
  const struct value rest[] = {args[0], args[2], args[3]};
  ((struct records_selector *)base)->type = (uint16_t)args[1].integer;
  return select_packet_records_init(base, rest, f);
}

static unsigned
select_packet_count_type(const struct query *q, const struct records_selector *s)
{
  struct record_walk walk;
  struct record r;
  unsigned n = 0;
  if (s->section == 0) {
    struct question question;
    return message_question(q->packet.data, q->packet.size, &question) && question.type == s->type;
  }
  if (!record_walk_init(&walk, q->packet.data, q->packet.size))
    return 0;
  while (record_next(&walk, &r))
    if (r.section == s->section && r.type == s->type)
      n++;
  return n;
}

static bool
select_packet_records_type_match(const struct selector *base, struct query *q)
{
  const struct records_selector *s = (const struct records_selector *)base;
  if (s->section >= SECTIONS)
    return false;
  unsigned n = select_packet_count_type(q, s);
  return n >= s->min && n <= s->max;
}

static void
select_packet_records_type_show(const struct selector *base, struct text *out)
{
  const struct records_selector *s = (const struct records_selector *)base;
  char type[QTYPE_TEXT_SIZE];
  text_printf(out, "%u <= %s records in %s <= %u", s->min, qtype_text(s->type, type), select_packet_section_text(s->section),
              s->max);
}

const struct selector_kind select_records_type_count = {
    .name = "RecordsTypeCountRule",
    .help = "There are so many records of a type in a section",
    .params = (const struct param[]){SECTION_ROW, {.name = "type", .type = PARAM_INT, PARAM_MODULO_16,
                                                   .help = "DNSQType"}, COUNT_ROWS},
    .effect = EFFECT_PURE,
    .size = sizeof(struct records_selector),
    .init = select_packet_records_type_init,
    .match = select_packet_records_type_match,
    .show = select_packet_records_type_show,
};
