// SPDX-License-Identifier: BSD-2-Clause
// Everything declared, as text for people and tools: made from the declarations alone. Main thread.
#ifndef LUA_FRONT_DESCRIBE_H
#define LUA_FRONT_DESCRIBE_H

#include "dnsproxy/base/text.h"

#include <stdbool.h>

// form: "luals" (annotations), "man" (reference manual, mdoc), "completion" (words of the console), "json". False: unknown form.
bool describe(const char *form, struct text *);

#endif
