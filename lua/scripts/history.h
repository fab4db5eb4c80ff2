// SPDX-License-Identifier: BSD-2-Clause
// The commands that changed something, for delta(): the newest that fit into HISTORY_BYTES. Lua lock.
#ifndef LUA_SCRIPTS_HISTORY_H
#define LUA_SCRIPTS_HISTORY_H

#include "dnsproxy/base/text.h"

#include <stdint.h>

enum { HISTORY_BYTES = 1 << 20 };

struct history { // zeroed: empty. Private
  struct history_entry *first, *last;
  size_t bytes; // of all commands, with what each entry takes beside
  uint64_t given_way;
};

void history_add(struct history *, const char *command, size_t size); // now
void history_print(const struct history *, struct text *);
void history_clear(struct history *);

#endif
