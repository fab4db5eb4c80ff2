// SPDX-License-Identifier: BSD-2-Clause
// Selectors that look at the OPT record of the packet as it stands, query or answer: DNSSECRule, EDNSOptionRule,
// EDNSVersionRule, ERCodeRule.
//
// Rules before may have changed the packet, so EDNS is asked of it (query_edns_now()), which reads it again only if
// something has changed. Without an OPT, or with one that cannot be read, there is no option and no version, and an extended
// rcode is the four bits of the header.
//
// No state. Workers.
#include "dnsproxy/wire/codes.h"
#include "rules/select/selector.h"

struct edns_selector {
  struct selector base;
  uint16_t number;
};

static unsigned
select_edns_number_of(const struct selector *s)
{
  return ((const struct edns_selector *)s)->number;
}

// Rules may have changed the packet since it was received, and answers have an OPT of their own.
static bool
select_edns_packet_edns(const struct query *q, struct edns *edns)
{
  size_t question_end = message_count(q->packet.data, 0) > 0 ? q->question_end : HEADER_SIZE;
  if (question_end > q->packet.size)
    return false;
  return message_edns(q->packet.data, q->packet.size, question_end, edns) && edns->offset != 0;
}

static bool
select_edns_dnssec_match(const struct selector *s, struct query *q)
{
  (void)s;
  struct edns edns;
  return (q->packet.data[3] & FLAG3_CD) != 0 || (select_edns_packet_edns(q, &edns) && edns.dnssec_ok);
}

const struct selector_kind select_dnssec = {
    .name = "DNSSECRule",
    .help = "CD is set in the header or DO in EDNS",
    .effect = EFFECT_PURE,
    .size = sizeof(struct selector),
    .match = select_edns_dnssec_match,
    .text = "DNSSEC",
};

static bool
select_edns_u16_init(struct selector *s, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct edns_selector *)s)->number = (uint16_t)args[0].integer;
  return true;
}

static bool
select_edns_u8_init(struct selector *s, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct edns_selector *)s)->number = (uint8_t)args[0].integer;
  return true;
}

static bool
select_edns_option_match(const struct selector *s, struct query *q)
{
  struct edns edns;
  if (!select_edns_packet_edns(q, &edns))
    return false;
  uint16_t cursor = edns.options, code, data, size;
  while (edns_option_next(q->packet.data, &edns, &cursor, &code, &data, &size))
    if (code == select_edns_number_of(s))
      return true;
  return false;
}

static void
select_edns_option_show(const struct selector *s, struct text *out)
{
  text_printf(out, "ednsoptcode==%u", select_edns_number_of(s));
}

const struct selector_kind select_edns_option = {
    .name = "EDNSOptionRule",
    .help = "The packet carries this EDNS option",
    .params = (const struct param[]){{.name = "code", .type = PARAM_INT, PARAM_MODULO_16,
                                      .help = "EDNSOptionCode"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct edns_selector),
    .init = select_edns_u16_init,
    .match = select_edns_option_match,
    .show = select_edns_option_show,
};

static bool
select_edns_version_match(const struct selector *s, struct query *q)
{
  struct edns edns;
  return select_edns_packet_edns(q, &edns) && edns.version > select_edns_number_of(s);
}

static void
select_edns_version_show(const struct selector *s, struct text *out)
{
  text_printf(out, "ednsversion>%u", select_edns_number_of(s));
}

const struct selector_kind select_edns_version = {
    .name = "EDNSVersionRule",
    .help = "There is an OPT record of a version above this one",
    .params = (const struct param[]){{.name = "version", .type = PARAM_INT, PARAM_MODULO_8,
                                      .help = "EDNS version"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct edns_selector),
    .init = select_edns_u8_init,
    .match = select_edns_version_match,
    .show = select_edns_version_show,
};

static bool
select_edns_ercode_match(const struct selector *s, struct query *q)
{
  struct edns edns;
  unsigned low = message_rcode(q->packet.data);
  return select_edns_packet_edns(q, &edns) && ((unsigned)edns.extended_rcode << 4 | low) == select_edns_number_of(s);
}

static void
select_edns_ercode_show(const struct selector *s, struct text *out)
{
  char name[RCODE_TEXT_SIZE];
  text_printf(out, "ercode==%s", rcode_text(select_edns_number_of(s), name, sizeof name));
}

const struct selector_kind select_ercode = {
    .name = "ERCodeRule",
    .help = "The extended rcode is this one; never without an OPT record",
    .params = (const struct param[]){
        {.name = "rcode", .type = PARAM_INT, .max = 255, .help = "DNSRCode"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct edns_selector),
    .init = select_edns_u8_init,
    .match = select_edns_ercode_match,
    .show = select_edns_ercode_show,
};
