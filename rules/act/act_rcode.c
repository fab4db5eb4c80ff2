// SPDX-License-Identifier: BSD-2-Clause
// Actions that answer with nothing but a code: RCode, ERCode, TC.
#include "dnsproxy/wire/codes.h"
#include "rules/act/self_answer.h"

struct rcode_action {
  struct action base;
  uint8_t rcode;
  struct answer_options options;
};

static bool
rcode_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct rcode_action *a = (struct rcode_action *)base;
  a->rcode = (uint8_t)args[0].integer; // wraps, as in the dialect
  a->options = answer_options_read(&args[1], false);
  return true;
}

static enum verdict
rcode_run(const struct action *base, struct query *q)
{
  const struct rcode_action *a = (const struct rcode_action *)base;
  struct answer_form form = answer_form_of(q, &a->options);
  return answer_made(q, compose_rcode(&q->packet, &form, a->rcode & FLAG3_RCODE));
}

static void
rcode_show(const struct action *base, struct text *out)
{
  text_printf(out, "set rcode %u", ((const struct rcode_action *)base)->rcode);
}

static const struct param rcode_params[] = {
    {.name = "rcode", .type = PARAM_INT, .help = "DNSRCode; taken modulo 256"},
    {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = answer_flag_options, .help = "header bits"},
    {.type = PARAM_END}};

const struct action_kind act_rcode = {
    .name = "RCodeAction",
    .help = "Answer with an rcode and no records; its low 4 bits are sent",
    .side = SIDE_QUERY,
    .params = rcode_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct rcode_action),
    .init = rcode_init,
    .run = rcode_run,
    .show = rcode_show,
};

static enum verdict
ercode_run(const struct action *base, struct query *q)
{
  const struct rcode_action *a = (const struct rcode_action *)base;
  struct answer_form form = answer_form_of(q, &a->options);
  return answer_made(q, compose_rcode(&q->packet, &form, a->rcode));
}

static void
ercode_show(const struct action *base, struct text *out)
{
  char name[RCODE_TEXT_SIZE];
  text_printf(out, "set ercode %s", rcode_text(((const struct rcode_action *)base)->rcode, name, sizeof name));
}

const struct action_kind act_ercode = {
    .name = "ERCodeAction",
    .help = "Answer with an extended rcode; without EDNS in the query its low 4 bits alone are sent",
    .side = SIDE_QUERY,
    .params = rcode_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct rcode_action),
    .init = rcode_init,
    .run = ercode_run,
    .show = ercode_show,
};

static enum verdict
tc_run(const struct action *a, struct query *q)
{
  (void)a;
  return answer_truncated(q);
}

const struct action_kind act_tc = {
    .name = "TCAction",
    .help = "Answer with TC=1 over UDP; over TCP goes on",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = tc_run,
    .text = "tc=1 answer",
};

static enum verdict
tc_response_run(const struct action *a, struct query *q)
{
  (void)a;
  return response_truncated(q);
}

const struct action_kind act_tc_response = {
    .name = "TCResponseAction",
    .help = "Remove the records and set TC=1 for clients that use UDP; over TCP goes on",
    .side = SIDE_RESPONSE,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = tc_response_run,
    .text = "tc=1 answer",
};
