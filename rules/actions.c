// SPDX-License-Identifier: BSD-2-Clause
// The index of actions, in the order of the manual. An action that is not listed here does not exist.
#include "rules/action.h"

#define ACTIONS(KIND)                                                                                                  \
  KIND(act_allow)                                                                                                      \
  KIND(act_drop)                                                                                                       \
  KIND(act_none)                                                                                                       \
  KIND(act_pool)                                                                                                       \
  KIND(act_rcode)

#define DECLARE(kind) extern const struct action_kind kind;
#define LIST(kind) &(kind),
ACTIONS(DECLARE)

const struct action_kind *const action_kinds[] = {ACTIONS(LIST) NULL};
