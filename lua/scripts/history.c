// SPDX-License-Identifier: BSD-2-Clause
// What delta() prints. A script that edits every second must not fill the memory: the oldest commands give way.
#include "lua/scripts/history.h"

#include "dnsproxy/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

struct entry {
  struct entry *next;
  time_t when;
  size_t size; // of the command
  char *command;
};

static struct entry *first, *last;
static size_t bytes; // of all commands, with what each entry takes beside
static uint64_t given_way;

static void
history_drop_first(void)
{
  struct entry *e = first;
  first = e->next;
  bytes -= e->size + sizeof *e;
  free(e->command);
  free(e);
}

void
history_add(const char *command, size_t size)
{
  struct entry *e = memory_new(sizeof *e);
  *e = (struct entry){.when = time(NULL), .size = size, .command = memory_copy(command, size)};
  if (first == NULL)
    first = e;
  else
    last->next = e;
  last = e;
  bytes += size + sizeof *e;
  for (; bytes > HISTORY_BYTES && first != last; given_way++)
    history_drop_first();
}

void
history_print(struct text *out)
{
  if (given_way > 0)
    text_printf(out, "-- %" PRIu64 " earlier commands are no longer kept\n", given_way);
  for (const struct entry *e = first; e != NULL; e = e->next) {
    struct tm tm;
    char when[64];
    localtime_r(&e->when, &tm);
    strftime(when, sizeof when, "%a %b %d %Y %H:%M:%S %Z", &tm);
    text_printf(out, "-- %s\n%s\n", when, e->command);
  }
}

void
history_clear(void)
{
  while (first != NULL)
    history_drop_first();
  last = NULL;
  given_way = 0;
}
