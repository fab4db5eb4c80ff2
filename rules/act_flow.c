// SPDX-License-Identifier: BSD-2-Clause
// Actions that only decide where the query goes: allow, drop, none.
#include "rules/action.h"

static enum verdict
stop(const struct action *a, struct query *q)
{
  (void)a;
  (void)q;
  return VERDICT_STOP;
}

static enum verdict
drop(const struct action *a, struct query *q)
{
  (void)a;
  return action_drop(q);
}

static enum verdict
next(const struct action *a, struct query *q)
{
  (void)a;
  (void)q;
  return VERDICT_NEXT;
}

const struct action_kind act_allow = {
    .name = "AllowAction",
    .help = "Stop rule processing and continue with the query",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = stop,
    .text = "allow",
};

const struct action_kind act_drop = {
    .name = "DropAction",
    .help = "Drop the query",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = drop,
    .text = "drop",
};

const struct action_kind act_none = {
    .name = "NoneAction",
    .help = "Do nothing; goes on",
    .side = SIDE_QUERY,
    .effect = EFFECT_PURE,
    .size = sizeof(struct action),
    .run = next,
    .text = "no op",
};
