// SPDX-License-Identifier: BSD-2-Clause
// --explain: the configuration is loaded, nothing is opened, and one command is run on it.
#include "dnsproxy/run/explain.h"

#include "dnsproxy/base/neighbours.h"
#include "dnsproxy/base/text.h"
#include "dnsproxy/config/configuration.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/copies.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// As Lua writes strings.
static void
explain_add_quoted(struct text *out, const char *bytes, size_t size)
{
  text_puts(out, "\"");
  for (size_t i = 0; i < size; i++)
    text_printf(out, isalnum((unsigned char)bytes[i]) ? "%c" : "\\%03u", (unsigned char)bytes[i]);
  text_puts(out, "\"");
}

static bool
explain_is_bare(const char *value, size_t size)
{
  bool boolean = (size == 4 && memcmp(value, "true", size) == 0) || (size == 5 && memcmp(value, "false", size) == 0);
  return boolean || (size > 0 && strspn(value, "0123456789") >= size);
}

// "key=value"; a key alone is true.
static void
explain_add_option(struct text *out, const char *word, size_t size)
{
  const char *equal = memchr(word, '=', size);
  size_t key = equal == NULL ? size : (size_t)(equal - word);
  text_puts(out, "[");
  explain_add_quoted(out, word, key);
  text_puts(out, "]=");
  if (equal == NULL)
    text_puts(out, "true");
  else if (explain_is_bare(equal + 1, size - key - 1))
    text_add(out, equal + 1, size - key - 1);
  else
    explain_add_quoted(out, equal + 1, size - key - 1);
  text_puts(out, ",");
}

// "NAME KEY=VALUE ..." as a call of explain().
static void
explain_make_command(struct text *out, const char *request)
{
  static const char blanks[] = " \t\n";
  request += strspn(request, blanks);
  size_t size = strcspn(request, blanks);
  text_puts(out, "explain(");
  explain_add_quoted(out, request, size);
  text_puts(out, ",{");
  for (request += size; *(request += strspn(request, blanks)) != '\0'; request += size)
    explain_add_option(out, request, size = strcspn(request, blanks));
  text_puts(out, "})");
}

// Nobody checked any.
static void
explain_take_servers_for_up(void)
{
  for (uint32_t i = 0; i < config()->pools.backend_count; i++)
    atomic_store(&config()->pools.backends[i]->up, true);
}

int
explain_and_leave(const char *request)
{
  struct text command, answer;
  bool effect;
  text_init(&command);
  text_init(&answer);
  explain_make_command(&command, request);
  config()->phase = PHASE_RUNNING;
  explain_take_servers_for_up();
  neighbours_open();
  control_lock();
  copies_touched();
  config()->changed = true;
  control_unlock();
  bool good = control_execute(command.data, command.size, &answer, &effect);
  fputs(answer.data, good ? stdout : stderr);
  if (answer.size > 0 && answer.data[answer.size - 1] != '\n')
    fputs("\n", good ? stdout : stderr);
  text_fini(&command);
  text_fini(&answer);
  configuration_withdraw();
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
