// SPDX-License-Identifier: BSD-2-Clause
// Selectors that look at one number of the header or the question: QTypeRule, QClassRule, OpcodeRule, RCodeRule, RDRule.
//
// They are the cheapest rules: one comparison with what the query has at hand. A type is a key of the chain's index
// (rules/chain/chain_key), so that a chain with a rule for each of many types is not walked through. Of an answer, name,
// type and class are its query's; rcode and flags are those of the packet.
//
// No state. Workers.
#include "dnsproxy/wire/codes.h"
#include "rules/select/selector.h"

struct number_selector {
  struct selector base;
  uint16_t number;
};

static unsigned
select_header_number_of(const struct selector *s)
{
  return ((const struct number_selector *)s)->number;
}

// Numbers wrap at the width of their field, as in the dialect.
static bool
select_header_u16_init(struct selector *s, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct number_selector *)s)->number = (uint16_t)args[0].integer;
  return true;
}

static bool
select_header_u8_init(struct selector *s, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct number_selector *)s)->number = (uint8_t)args[0].integer;
  return true;
}

static bool
select_header_qtype_match(const struct selector *s, struct query *q)
{
  return q->qtype == select_header_number_of(s);
}

static void
select_header_qtype_show(const struct selector *s, struct text *out)
{
  char type[QTYPE_TEXT_SIZE];
  text_printf(out, "qtype==%s", qtype_text((uint16_t)select_header_number_of(s), type));
}

static const void *
select_header_qtype_key(const struct selector *s)
{
  return &((const struct number_selector *)s)->number;
}

const struct selector_kind select_qtype = {
    .name = "QTypeRule",
    .help = "The type asked for is this one",
    .params = (const struct param[]){{.name = "type", .type = PARAM_QTYPE, .help = "DNSQType, number or name"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct number_selector),
    .init = select_header_u16_init,
    .match = select_header_qtype_match,
    .show = select_header_qtype_show,
    .key = KEY_QTYPE,
    .key_value = select_header_qtype_key,
};

static bool
select_header_qclass_match(const struct selector *s, struct query *q)
{
  return q->qclass == select_header_number_of(s);
}

static void
select_header_qclass_show(const struct selector *s, struct text *out)
{
  text_printf(out, "qclass==%u", select_header_number_of(s));
}

const struct selector_kind select_qclass = {
    .name = "QClassRule",
    .help = "The class asked for is this one",
    .params = (const struct param[]){{.name = "class", .type = PARAM_INT, PARAM_MODULO_16,
                                      .help = "DNSClass"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct number_selector),
    .init = select_header_u16_init,
    .match = select_header_qclass_match,
    .show = select_header_qclass_show,
};

static bool
select_header_opcode_match(const struct selector *s, struct query *q)
{
  return message_opcode(q->packet.data) == select_header_number_of(s);
}

static void
select_header_opcode_show(const struct selector *s, struct text *out)
{
  text_printf(out, "opcode==%u", select_header_number_of(s));
}

const struct selector_kind select_opcode = {
    .name = "OpcodeRule",
    .help = "The opcode of the header is this one",
    .params = (const struct param[]){{.name = "code", .type = PARAM_INT, .most = 15, .outside = OUTSIDE_KEPT,
                                      .why = "there is no such opcode", .help = "DNSOpcode"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct number_selector),
    .init = select_header_u8_init,
    .match = select_header_opcode_match,
    .show = select_header_opcode_show,
};

static bool
select_header_rcode_match(const struct selector *s, struct query *q)
{
  return message_rcode(q->packet.data) == select_header_number_of(s);
}

static void
select_header_rcode_show(const struct selector *s, struct text *out)
{
  char name[RCODE_TEXT_SIZE];
  unsigned rcode = select_header_number_of(s);
  text_printf(out, "rcode==%s", rcode > FLAG3_RCODE ? "ErrOutOfRange" : rcode_text(rcode, name, sizeof name));
}

const struct selector_kind select_rcode = {
    .name = "RCodeRule",
    .help = "The rcode of the header, its 4 bits alone, is this one",
    .params = (const struct param[]){{.name = "rcode", .type = PARAM_INT, .most = 15, .outside = OUTSIDE_KEPT,
                                      .why = "a header has room for 4 bits", .help = "DNSRCode"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct number_selector),
    .init = select_header_u8_init,
    .match = select_header_rcode_match,
    .show = select_header_rcode_show,
};

static bool
select_header_rd_match(const struct selector *s, struct query *q)
{
  (void)s;
  return (q->packet.data[2] & FLAG2_RD) != 0;
}

const struct selector_kind select_rd = {
    .name = "RDRule",
    .help = "Recursion is desired",
    .effect = EFFECT_PURE,
    .size = sizeof(struct selector),
    .match = select_header_rd_match,
    .text = "rd==1",
};
