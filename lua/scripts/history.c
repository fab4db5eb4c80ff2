// SPDX-License-Identifier: BSD-2-Clause
// What delta() prints. A script that edits every second must not fill the memory: the oldest commands give way.
#include "lua/scripts/history.h"

#include "dnsproxy/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

struct history_entry {
  struct history_entry *next;
  time_t when;
  size_t size; // of the command
  char *command;
};

static void
history_drop_first(struct history *h)
{
  struct history_entry *e = h->first;
  h->first = e->next;
  h->bytes -= e->size + sizeof *e;
  free(e->command);
  free(e);
}

void
history_add(struct history *h, const char *command, size_t size)
{
  struct history_entry *e = memory_new(sizeof *e);
  *e = (struct history_entry){.when = time(NULL), .size = size, .command = memory_copy(command, size)};
  if (h->first == NULL)
    h->first = e;
  else
    h->last->next = e;
  h->last = e;
  h->bytes += size + sizeof *e;
  for (; h->bytes > HISTORY_BYTES && h->first != h->last; h->given_way++)
    history_drop_first(h);
}

void
history_print(const struct history *h, struct text *out)
{
  if (h->given_way > 0)
    text_printf(out, "-- %" PRIu64 " earlier commands are no longer kept\n", h->given_way);
  for (const struct history_entry *e = h->first; e != NULL; e = e->next) {
    struct tm tm;
    char when[64];
    localtime_r(&e->when, &tm);
    strftime(when, sizeof when, "%a %b %d %Y %H:%M:%S %Z", &tm);
    text_printf(out, "-- %s\n%s\n", when, e->command);
  }
}

void
history_clear(struct history *h)
{
  while (h->first != NULL)
    history_drop_first(h);
  *h = (struct history){0};
}
