// SPDX-License-Identifier: BSD-2-Clause
// The action that answers with SVCB or HTTPS records, and with the addresses that they hint at.
#include "rules/act/svc_answer.h"

struct svc_action {
  struct action base;
  struct svc_answer answer;
};

static bool
svc_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct answer_options options = answer_options_read(&args[1], true);
  svc_answer_init(&((struct svc_action *)base)->answer, &options, (struct svc_record *const *)args[0].list.objects,
                  args[0].list.count);
  return true;
}

static void
svc_fini(struct action *base)
{
  svc_answer_fini(&((struct svc_action *)base)->answer);
}

static enum verdict
svc_run(const struct action *base, struct query *q)
{
  bool fits;
  return svc_answer_give(&((const struct svc_action *)base)->answer, q, &fits) ? answer_made(q, fits) : VERDICT_NEXT;
}

const struct action_kind act_spoof_svc = {
    .name = "SpoofSVCAction",
    .help = "Answer SVCB and HTTPS with these records, and with the addresses that they hint at; other types go on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){
        {.name = "svcParams", .type = PARAM_OBJECTS, .class = &svc_record_class,
         .help = "list of what newSVCRecordParameters() made"},
        {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = answer_ttl_options,
         .help = "header bits and TTL"},
        {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct svc_action),
    .init = svc_init,
    .fini = svc_fini,
    .run = svc_run,
    .text = "spoof SVC record ",
};
