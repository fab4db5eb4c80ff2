// SPDX-License-Identifier: BSD-2-Clause
// The commands that changed something, for delta(): the newest that fit into HISTORY_BYTES. Lua lock.
#ifndef LUA_SCRIPTS_HISTORY_H
#define LUA_SCRIPTS_HISTORY_H

#include "dnsproxy/base/text.h"

enum { HISTORY_BYTES = 1 << 20 };

void history_add(const char *command, size_t size); // now
void history_print(struct text *);
void history_clear(void);

#endif
