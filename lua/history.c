// SPDX-License-Identifier: BSD-2-Clause
// What delta() prints.
#include "lua/history.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>
#include <time.h>

struct entry {
  time_t when;
  char *command;
};

static struct entry *entries;
static size_t count;

void
history_add(const char *command, size_t size)
{
  entries = memory_resize(entries, count + 1, sizeof *entries);
  entries[count++] = (struct entry){.when = time(NULL), .command = memory_copy(command, size)};
}

void
history_print(struct text *out)
{
  for (size_t i = 0; i < count; i++) {
    struct tm tm;
    char when[64];
    localtime_r(&entries[i].when, &tm);
    strftime(when, sizeof when, "%a %b %d %Y %H:%M:%S %Z", &tm);
    text_printf(out, "-- %s\n%s\n", when, entries[i].command);
  }
}

void
history_clear(void)
{
  for (size_t i = 0; i < count; i++)
    free(entries[i].command);
  free(entries);
  entries = NULL;
  count = 0;
}
