// SPDX-License-Identifier: BSD-2-Clause
// Reading lines: libedit on a terminal, stdio otherwise. Completion words come from the declarations.
#include "console/line.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/text.h"

#include <editline/readline.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PIECE = 4096 };

struct line_reader {
  bool terminal;
  char history[4096];
  char *last; // consecutive duplicates are not kept twice
  struct text unread; // from a pipe: what follows the lines given out
};

// ---- being interrupted ----

static _Atomic bool interrupted;
static _Atomic int wake_fd = -1; // readable once interrupted

void
line_reader_interrupt(void)
{
  uint64_t one = 1;
  atomic_store(&interrupted, true);
  int fd = atomic_load(&wake_fd);
  if (fd >= 0)
    (void)!write(fd, &one, sizeof one);
}

// False: interrupted.
static bool
line_wait_for_input(void)
{
  while (!atomic_load(&interrupted)) {
    struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = atomic_load(&wake_fd), .events = POLLIN}};
    if (poll(p, 2, -1) > 0 && p[0].revents != 0)
      return true;
  }
  return false;
}

// libedit takes EOF for the end of input and gives the terminal back as it found it.
static int
line_read_key(FILE *stream)
{
  unsigned char c;
  (void)stream;
  while (line_wait_for_input()) {
    ssize_t n = read(STDIN_FILENO, &c, 1);
    if (n == 1)
      return c;
    if (n == 0 || errno != EINTR)
      break;
  }
  return EOF;
}

// ---- completion ----

static char **words; // sorted as declared, closed by NULL
static struct text word_text;

static void
line_load_words(void (*list)(struct text *))
{
  text_init(&word_text);
  list(&word_text);
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
line_free_words(void)
{
  free(words);
  words = NULL;
  text_fini(&word_text);
}

// Called with state 0 first, then until it gives NULL.
static char *
line_next_word(const char *prefix, int state)
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
line_complete(const char *prefix, int start, int end)
{
  (void)start, (void)end;
  // A word carries its own parenthesis: no blank behind it.
  rl_completion_append_character = '\0';
  rl_attempted_completion_over = 1;
  return rl_completion_matches(prefix, line_next_word);
}

// ---- history ----

// A client's is in $HOME; the console of a process, which may have changed its user, in that user's home directory.
static void
line_history_path(bool in_place, char *out, size_t size)
{
  const char *home = in_place ? NULL : getenv("HOME");
  if (home == NULL) {
    struct passwd *p = getpwuid(getuid());
    home = p == NULL ? "." : p->pw_dir;
  }
  snprintf(out, size, "%s/.dnsdist_history", home);
}

static bool
line_remember(struct line_reader *r, const char *line)
{
  if (line[0] == '\0' || (r->last != NULL && strcmp(r->last, line) == 0))
    return false;
  add_history(line);
  free(r->last);
  r->last = memory_string(line);
  return true;
}

static void
line_load_history(struct line_reader *r)
{
  char *line = NULL;
  size_t capacity = 0;
  ssize_t size;
  FILE *f = fopen(r->history, "re");
  if (f == NULL)
    return;
  while ((size = getline(&line, &capacity, f)) > 0) {
    if (line[size - 1] == '\n')
      line[size - 1] = '\0';
    line_remember(r, line);
  }
  free(line);
  fclose(f);
}

// Plain lines, each written as it is typed: the peer's client shares the file, and Ctrl-C ends a session at any time.
static void
line_keep(struct line_reader *r, const char *line)
{
  if (!line_remember(r, line))
    return;
  int fd = open(r->history, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return;
  dprintf(fd, "%s\n", line);
  close(fd);
}

// ---- life ----

struct line_reader *
line_reader_open(bool in_place, void (*list_words)(struct text *))
{
  struct line_reader *r = memory_new(sizeof *r);
  r->terminal = isatty(STDIN_FILENO);
  text_init(&r->unread);
  if (in_place)
    atomic_store(&wake_fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!r->terminal)
    return r;
  line_load_words(list_words);
  if (in_place) {
    // Signals are the keeper's. libedit would pass them on to the whole process group.
    rl_catch_signals = 0;
    rl_getc_function = line_read_key;
  }
  using_history();
  stifle_history(1000);
  line_history_path(in_place, r->history, sizeof r->history);
  line_load_history(r);
  rl_attempted_completion_function = line_complete;
  rl_completer_word_break_characters = " \t\n\"\\'`@$><=;|&{(,";
  return r;
}

bool
line_reader_is_terminal(const struct line_reader *r)
{
  return r->terminal;
}

// False: nothing more will come.
static bool
line_read_more(struct line_reader *r)
{
  char piece[PIECE];
  ssize_t n;
  do {
    if (!line_wait_for_input())
      return false;
    n = read(STDIN_FILENO, piece, sizeof piece);
  } while (n < 0 && errno == EINTR);
  if (n > 0)
    text_add(&r->unread, piece, (size_t)n);
  return n > 0;
}

static char *
line_next_plain(struct line_reader *r)
{
  struct text *t = &r->unread;
  char *newline;
  while ((newline = memchr(t->data, '\n', t->size)) == NULL)
    if (!line_read_more(r))
      break;
  if (atomic_load(&interrupted) || (newline == NULL && t->size == 0))
    return NULL;
  size_t size = newline == NULL ? t->size : (size_t)(newline - t->data), taken = newline == NULL ? size : size + 1;
  char *line = memory_copy(t->data, size);
  memmove(t->data, t->data + taken, t->size - taken + 1);
  t->size -= taken;
  if (size > 0 && line[size - 1] == '\r')
    line[size - 1] = '\0';
  return line;
}

char *
line_reader_next(struct line_reader *r)
{
  if (!r->terminal)
    return line_next_plain(r);
  char *line = readline("> ");
  if (line != NULL)
    line_keep(r, line);
  else
    putchar('\n'); // what follows does not stand behind the prompt
  return line;
}

void
line_reader_close(struct line_reader **slot)
{
  struct line_reader *r = *slot;
  *slot = NULL;
  if (r->terminal)
    line_free_words();
  // The descriptor stays: whoever interrupts may hold its number.
  text_fini(&r->unread);
  free(r->last);
  free(r);
}
