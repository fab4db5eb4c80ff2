// SPDX-License-Identifier: BSD-2-Clause
// Actions about client subnet: SetDisableECSAction, SetECSOverrideAction, SetECSPrefixLengthAction, SetECSAction: whether it
// is added, whether it replaces one, how much of the address, which address.
//
// They write the plan (q->subnet) and nothing else: the option is added in room ecs, behind all query rules and once the
// pool is known, and only where backend or pool want it. So a later rule may change what an earlier one said. More bits than
// an address has are refused or told, because they would give the whole address away.
//
// Queries alone. Workers.
#include "dnsproxy/base/netmask.h"
#include "rules/act/action.h"

struct ecs_action {
  struct action base;
  bool override, has_v6;
  uint16_t bits_v4, bits_v6;
  struct netmask v4, v6;
};

static enum verdict
act_ecs_disable_run(const struct action *a, struct query *q)
{
  (void)a;
  q->subnet.wanted = false;
  return VERDICT_NEXT;
}

const struct action_kind act_set_disable_ecs = {
    .name = "SetDisableECSAction",
    .help = "Do not add client subnet to this query; goes on",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = act_ecs_disable_run,
    .text = "disable ECS",
};

static bool
act_ecs_override_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  ((struct ecs_action *)base)->override = args[0].boolean;
  return true;
}

static enum verdict
act_ecs_override_run(const struct action *base, struct query *q)
{
  q->subnet.override = ((const struct ecs_action *)base)->override;
  return VERDICT_NEXT;
}

static void
act_ecs_override_show(const struct action *base, struct text *out)
{
  text_printf(out, "set ECS override to %u", ((const struct ecs_action *)base)->override);
}

const struct action_kind act_set_ecs_override = {
    .name = "SetECSOverrideAction",
    .help = "Whether a client subnet that came with the query is replaced; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "override", .type = PARAM_BOOL,
                                      .help = "true: replace it"}, {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct ecs_action),
    .init = act_ecs_override_init,
    .run = act_ecs_override_run,
    .show = act_ecs_override_show,
};

static bool
act_ecs_prefix_init(struct action *base, const struct value *args, struct fault *f)
{
  (void)f;
  struct ecs_action *a = (struct ecs_action *)base;
  a->bits_v4 = (uint16_t)args[0].integer;
  a->bits_v6 = (uint16_t)args[1].integer;
  return true;
}

static enum verdict
act_ecs_prefix_run(const struct action *base, struct query *q)
{
  const struct ecs_action *a = (const struct ecs_action *)base;
  q->subnet.prefix_v4 = a->bits_v4;
  q->subnet.prefix_v6 = a->bits_v6;
  return VERDICT_NEXT;
}

static void
act_ecs_prefix_show(const struct action *base, struct text *out)
{
  const struct ecs_action *a = (const struct ecs_action *)base;
  text_printf(out, "set ECS prefix length to %u/%u", a->bits_v4, a->bits_v6);
}

const struct action_kind act_set_ecs_prefix_length = {
    .name = "SetECSPrefixLengthAction",
    .help = "Client-subnet prefix lengths for this query; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "v4", .type = PARAM_INT, .most = 32, .safe = "24",
                                      .why = "more bits than an address has give all of it away", .unit = "bits", .help = "for IPv4 clients"},
                                     {.name = "v6", .type = PARAM_INT, .most = 128, .safe = "56",
                                      .why = "more bits than an address has give all of it away", .unit = "bits", .help = "for IPv6 clients"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct ecs_action),
    .init = act_ecs_prefix_init,
    .run = act_ecs_prefix_run,
    .show = act_ecs_prefix_show,
};

static bool
act_ecs_subnet_init(struct action *base, const struct value *args, struct fault *f)
{
  struct ecs_action *a = (struct ecs_action *)base;
  a->has_v6 = args[1].given;
  return netmask_parse(&a->v4, args[0].string.data, f) &&
         (!a->has_v6 || netmask_parse(&a->v6, args[1].string.data, f));
}

// One network is for all clients, of two each is for its family.
static enum verdict
act_ecs_subnet_run(const struct action *base, struct query *q)
{
  const struct ecs_action *a = (const struct ecs_action *)base;
  q->subnet.network = a->has_v6 && address_is_v6(&q->arrival.client) ? &a->v6 : &a->v4;
  return VERDICT_NEXT;
}

static void
act_ecs_subnet_show(const struct action *base, struct text *out)
{
  const struct ecs_action *a = (const struct ecs_action *)base;
  text_puts(out, "set ECS to ");
  netmask_text(&a->v4, out);
  if (!a->has_v6)
    return;
  text_puts(out, " / ");
  netmask_text(&a->v6, out);
}

const struct action_kind act_set_ecs = {
    .name = "SetECSAction",
    .help = "Send this network as the client subnet instead of the client's; goes on",
    .side = SIDE_QUERY,
    .params = (const struct param[]){{.name = "v4", .type = PARAM_STRING, .help = "network, for all clients if it is alone"},
                                     {.name = "v6", .type = PARAM_STRING, .optional = true, .help = "for IPv6 clients"},
                                     {.type = PARAM_END}},
    .effect = EFFECT_PURE,
    .size = sizeof(struct ecs_action),
    .init = act_ecs_subnet_init,
    .run = act_ecs_subnet_run,
    .show = act_ecs_subnet_show,
};
