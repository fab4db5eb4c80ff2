// SPDX-License-Identifier: BSD-2-Clause
// Actions that answer without data: RCodeAction, ERCodeAction, TCAction, TCResponseAction, NegativeAndSOAAction.
//
// The query is cut to its question and turned around in place; the header's bits follow the options aa, ad and ra, and are
// the query's where these say nothing (rules/act/self_answer). An extended rcode needs EDNS, which the answer gets if the
// query had it. NegativeAndSOAAction adds a SOA record, so that the denial may be cached by whoever asked.
//
// The chain ends: answers of our own go to the self-answered chain. Workers.
#include "dnsproxy/wire/codes.h"
#include "rules/act/self_answer.h"

struct rcode_action {
  struct action base;
  uint8_t rcode;
  struct answer_options options;
};

static bool
act_rcode_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct rcode_action *a = (struct rcode_action *)base;
  a->rcode = (uint8_t)args[0].integer; // wraps, as in the dialect
  a->options = answer_options_read(&args[1], false);
  return true;
}

static enum verdict
act_rcode_run(const struct action *base, struct query *q)
{
  const struct rcode_action *a = (const struct rcode_action *)base;
  struct answer_form form = answer_form_of(q, &a->options);
  return answer_made(q, compose_rcode(&q->packet, &form, a->rcode & FLAG3_RCODE));
}

static void
act_rcode_show(const struct action *base, struct text *out)
{
  text_printf(out, "set rcode %u", ((const struct rcode_action *)base)->rcode);
}

static const struct param rcode_params[] = {
    {.name = "rcode", .type = PARAM_INT, .most = 15, .outside = OUTSIDE_KEPT, .why = "its low 4 bits are sent",
     .help = "DNSRCode"},
    {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = answer_flag_options, .help = "header bits"},
    {.type = PARAM_END}};

static const struct param ercode_params[] = {
    {.name = "rcode", .type = PARAM_INT, .most = 4095, .outside = OUTSIDE_KEPT, .why = "its low 12 bits are sent",
     .help = "DNSRCode"},
    {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = answer_flag_options, .help = "header bits"},
    {.type = PARAM_END}};

const struct action_kind act_rcode = {
    .name = "RCodeAction",
    .help = "Answer with an rcode and no records; its low 4 bits are sent",
    .side = SIDE_QUERY,
    .params = rcode_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct rcode_action),
    .init = act_rcode_init,
    .run = act_rcode_run,
    .show = act_rcode_show,
};

static enum verdict
act_rcode_ercode_run(const struct action *base, struct query *q)
{
  const struct rcode_action *a = (const struct rcode_action *)base;
  struct answer_form form = answer_form_of(q, &a->options);
  return answer_made(q, compose_rcode(&q->packet, &form, a->rcode));
}

static void
act_rcode_ercode_show(const struct action *base, struct text *out)
{
  char name[RCODE_TEXT_SIZE];
  text_printf(out, "set ercode %s", rcode_text(((const struct rcode_action *)base)->rcode, name, sizeof name));
}

const struct action_kind act_ercode = {
    .name = "ERCodeAction",
    .help = "Answer with an extended rcode; without EDNS in the query its low 4 bits alone are sent",
    .side = SIDE_QUERY,
    .params = ercode_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct rcode_action),
    .init = act_rcode_init,
    .run = act_rcode_ercode_run,
    .show = act_rcode_ercode_show,
};

static enum verdict
act_rcode_tc_run(const struct action *a, struct query *q)
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
    .run = act_rcode_tc_run,
    .text = "tc=1 answer",
};

static enum verdict
act_rcode_tc_response_run(const struct action *a, struct query *q)
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
    .run = act_rcode_tc_response_run,
    .text = "tc=1 answer",
};

// ---- denials with a SOA record ----

struct negative_action {
  struct action base;
  struct answer_options options;
  struct soa soa;
  bool nxdomain, in_authority;
};

enum { NXD, ZONE, TTL, MNAME, RNAME, SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM, OPTIONS };
enum { OPTION_IN_AUTHORITY = 3 };

static const struct param negative_options[] = {
    ANSWER_FLAG_ROWS,
    [OPTION_IN_AUTHORITY] = {.name = "soaInAuthoritySection", .type = PARAM_BOOL, .optional = true, .fallback = "false",
                             .help = "put the SOA in the authority section, not in the additional one"},
    {.name = "ttl", .type = PARAM_INT, .any = true, .optional = true, .help = "accepted: the TTL of the SOA record is an argument"},
    {.type = PARAM_END}};

#define NUMBER(text, words) {.name = text, .type = PARAM_INT, .most = UINT32_MAX, .unit = "s", .help = words}

static const struct param negative_params[] = {
    [NXD] = {.name = "nxd", .type = PARAM_BOOL, .help = "true: the name does not exist; false: it has no such type"},
    [ZONE] = {.name = "zone", .type = PARAM_NAME, .help = "owner of the SOA record"},
    [TTL] = {.name = "ttl", .type = PARAM_INT, .most = INT32_MAX, .unit = "s", .help = "TTL of the SOA record"},
    [MNAME] = {.name = "mname", .type = PARAM_NAME, .help = "primary server"},
    [RNAME] = {.name = "rname", .type = PARAM_NAME, .help = "mailbox of who is responsible"},
    [SERIAL] = {.name = "serial", .type = PARAM_INT, .most = UINT32_MAX, .help = "serial number"},
    [REFRESH] = NUMBER("refresh", "interval of secondaries' refreshes"),
    [RETRY] = NUMBER("retry", "interval after a failed refresh"),
    [EXPIRE] = NUMBER("expire", "when secondaries give up"),
    [MINIMUM] = NUMBER("minimum", "how long the denial may be cached"),
    [OPTIONS] = {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = negative_options,
                 .help = "header bits, place of the SOA"},
    {.type = PARAM_END}};

static bool
act_rcode_negative_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct negative_action *a = (struct negative_action *)base;
  a->nxdomain = args[NXD].boolean;
  a->options = answer_options_read(&args[OPTIONS], false);
  a->options.ttl = (uint32_t)args[TTL].integer;
  a->in_authority = args[OPTIONS].given && args[OPTIONS].options[OPTION_IN_AUTHORITY].boolean;
  a->soa = (struct soa){
      .zone = *(const struct name *)args[ZONE].object,
      .mname = *(const struct name *)args[MNAME].object,
      .rname = *(const struct name *)args[RNAME].object,
      .serial = (uint32_t)args[SERIAL].integer,
      .refresh = (uint32_t)args[REFRESH].integer,
      .retry = (uint32_t)args[RETRY].integer,
      .expire = (uint32_t)args[EXPIRE].integer,
      .minimum = (uint32_t)args[MINIMUM].integer,
  };
  return true;
}

static enum verdict
act_rcode_negative_run(const struct action *base, struct query *q)
{
  const struct negative_action *a = (const struct negative_action *)base;
  struct answer_form form = answer_form_of(q, &a->options);
  return answer_made(q, compose_negative(&q->packet, &form, a->nxdomain, &a->soa, a->in_authority));
}

static void
act_rcode_negative_show(const struct action *base, struct text *out)
{
  text_puts(out, ((const struct negative_action *)base)->nxdomain ? "NXD with SOA" : "NODATA with SOA");
}

const struct action_kind act_negative = {
    .name = "NegativeAndSOAAction",
    .help = "Answer that the name, or its type, does not exist, with a SOA record",
    .side = SIDE_QUERY,
    .params = negative_params,
    .effect = EFFECT_PURE,
    .size = sizeof(struct negative_action),
    .init = act_rcode_negative_init,
    .run = act_rcode_negative_run,
    .show = act_rcode_negative_show,
};
