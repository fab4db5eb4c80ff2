// SPDX-License-Identifier: BSD-2-Clause
// The console of a process in the foreground: commands are evaluated in place.
#include "console/client.h"
#include "console/line.h"
#include "dnsproxy/base/text.h"
#include "lua/scripts/control_state.h"
#include "lua/front/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
local_evaluate(const char *line)
{
  struct text answer;
  bool effect;
  text_init(&answer);
  bool good = control_execute(line, strlen(line), &answer, &effect);
  const char *text = answer.data;
  // Here the error says what it is by where it goes.
  if (!good && strncmp(text, "Error: ", 7) == 0)
    text += 7;
  bool closed = *text != '\0' && text[strlen(text) - 1] == '\n';
  fprintf(good ? stdout : stderr, good || closed ? "%s" : "%s\n", text);
  fflush(stdout);
  text_fini(&answer);
}

static void
local_list_words(struct text *out)
{
  describe("completion", out);
}

void
local_console_leave(void)
{
  line_reader_interrupt();
}

void
local_console_run(void)
{
  struct line_reader *reader = line_reader_open(true, local_list_words);
  char *line;
  while ((line = line_reader_next(reader)) != NULL && strcmp(line, "quit") != 0) {
    if (strcmp(line, "help") == 0 || strcmp(line, "?") == 0)
      local_evaluate("help()");
    else if (line[0] != '\0')
      local_evaluate(line);
    free(line);
  }
  free(line);
  line_reader_close(&reader);
}
