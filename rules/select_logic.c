// SPDX-License-Identifier: BSD-2-Clause
// Selectors that know nothing of DNS: all, and, or, not, chance.
#include "dnsproxy/base/memory.h"
#include "rules/selector.h"

#include <stdlib.h>

static bool
always(const struct selector *s, struct query *q)
{
  (void)s;
  (void)q;
  return true;
}

const struct selector_kind select_all = {
    .name = "AllRule",
    .help = "Always matches",
    .effect = EFFECT_PURE,
    .size = sizeof(struct selector),
    .match = always,
    .text = "All",
};
