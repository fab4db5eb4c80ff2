// SPDX-License-Identifier: BSD-2-Clause
// Default values of the plain settings.
#include "dnsproxy/core/settings.h"

#include <stddef.h>

void
settings_default(struct settings *s)
{
  *s = (struct settings){
#define SETTING(field, type, param, setter, fallback, bounds, unit, runtime, help) .field = fallback,
#include "dnsproxy/core/settings.def"
#undef SETTING
      .self_answer_payload = 1232,
  };
}
