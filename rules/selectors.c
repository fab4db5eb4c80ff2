// SPDX-License-Identifier: BSD-2-Clause
// The index of selectors, in the order of the manual. A selector that is not listed here does not exist.
#include "rules/selector.h"

#define SELECTORS(KIND)                                                                                                \
  KIND(select_all)

#define DECLARE(kind) extern const struct selector_kind kind;
#define LIST(kind) &(kind),
SELECTORS(DECLARE)

const struct selector_kind *const selector_kinds[] = {SELECTORS(LIST) NULL};
