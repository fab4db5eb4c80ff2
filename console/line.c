// SPDX-License-Identifier: BSD-2-Clause
// Reading lines: libedit on a terminal, stdio otherwise. Completion words come from the declarations.
#include "console/line.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/text.h"
#include "lua/describe.h"

#include <ctype.h>
#include <editline/readline.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct line_reader {
  bool terminal;
  char history[4096];
  char *last; // consecutive duplicates are not kept twice
};

// ---- completion ----

static char **words; // sorted as declared, closed by NULL
static struct text word_text;

static void
load_words(void)
{
  text_init(&word_text);
  describe("completion", &word_text);
  size_t count = 0, capacity = 64;
  words = memory_array(capacity, sizeof *words);
  for (char *save, *w = strtok_r(word_text.data, "\n", &save); w != NULL; w = strtok_r(NULL, "\n", &save)) {
    if (count + 2 > capacity) {
      capacity *= 2;
      words = memory_resize(words, capacity, sizeof *words);
    }
    words[count++] = w;
  }
  words[count] = NULL;
}

static void
free_words(void)
{
  free(words);
  words = NULL;
  text_fini(&word_text);
}

// Called with state 0 first, then until it gives NULL.
static char *
next_word(const char *prefix, int state)
{
  static size_t at;
  if (state == 0)
    at = 0;
  for (; words[at] != NULL; at++)
    if (strncmp(words[at], prefix, strlen(prefix)) == 0)
      return strdup(words[at++]);
  return NULL;
}

static char **
complete(const char *prefix, int start, int end)
{
  (void)start, (void)end;
  // A word carries its own parenthesis: no blank behind it.
  rl_completion_append_character = '\0';
  rl_attempted_completion_over = 1;
  return rl_completion_matches(prefix, next_word);
}

// ---- history ----

static void
history_path(char *out, size_t size)
{
  const char *home = getenv("HOME");
  if (home == NULL) {
    struct passwd *p = getpwuid(getuid());
    home = p == NULL ? "." : p->pw_dir;
  }
  snprintf(out, size, "%s/.dnsdist_history", home);
}

static void
remember(struct line_reader *r, const char *line)
{
  if (line[0] == '\0' || (r->last != NULL && strcmp(r->last, line) == 0))
    return;
  add_history(line);
  free(r->last);
  r->last = memory_string(line);
}

// ---- life ----

struct line_reader *
line_reader_open(void)
{
  struct line_reader *r = memory_new(sizeof *r);
  r->terminal = isatty(STDIN_FILENO);
  if (!r->terminal)
    return r;
  load_words();
  using_history();
  stifle_history(1000);
  history_path(r->history, sizeof r->history);
  read_history(r->history);
  rl_attempted_completion_function = complete;
  rl_completer_word_break_characters = " \t\n\"\\'`@$><=;|&{(,";
  return r;
}

bool
line_reader_is_terminal(const struct line_reader *r)
{
  return r->terminal;
}

char *
line_reader_next(struct line_reader *r)
{
  char *line = NULL;
  if (r->terminal) {
    line = readline("> ");
    if (line != NULL)
      remember(r, line);
    return line;
  }
  size_t size = 0;
  ssize_t n = getline(&line, &size, stdin);
  if (n < 0) {
    free(line);
    return NULL;
  }
  while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
    line[--n] = '\0';
  return line;
}

void
line_reader_close(struct line_reader **slot)
{
  struct line_reader *r = *slot;
  *slot = NULL;
  if (r->terminal) {
    write_history(r->history);
    free_words();
  }
  free(r->last);
  free(r);
}
