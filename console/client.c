// SPDX-License-Identifier: BSD-2-Clause
// The console client (reference: cli.md section 5).
#include "console/client.h"

#include "console/line.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/base/text.h"
#include "lua/front/describe.h"
#include "lua/scripts/control_state.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct client {
  int fd;
  struct console_box box;
  size_t max_message;
};

static int
client_fatal(const char *format, const char *what)
{
  char text[512];
  snprintf(text, sizeof text, format, what, errno == 0 ? "the server closed the connection" : strerror(errno));
  // The one line of a client that goes where the result would: there is none.
  log_settings()->to_stderr = false;
  log_event(&(struct log_event){.priority = LOG_PRIO_ERROR, .message = "Fatal error", .error = text});
  return EXIT_FAILURE;
}

// ---- bytes ----

static bool
client_send_all(int fd, const uint8_t *bytes, size_t size)
{
  while (size > 0) {
    ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    bytes += n;
    size -= (size_t)n;
  }
  return true;
}

// False with errno 0: the other end closed.
static bool
client_receive_all(int fd, uint8_t *bytes, size_t size)
{
  while (size > 0) {
    ssize_t n = recv(fd, bytes, size, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n == 0)
      errno = 0;
    if (n <= 0)
      return false;
    bytes += n;
    size -= (size_t)n;
  }
  return true;
}

// ---- commands ----

static bool
client_send_command(struct client *c, const char *command, size_t size)
{
  uint8_t *frame = memory_new(CONSOLE_LENGTH_SIZE + CONSOLE_TAG_SIZE + size);
  bool good = client_send_all(c->fd, frame, console_seal(&c->box, command, size, frame));
  free(frame);
  return good;
}

static bool
client_receive_answer(struct client *c, struct text *answer)
{
  uint8_t length[CONSOLE_LENGTH_SIZE];
  size_t size;
  if (!client_receive_all(c->fd, length, sizeof length))
    return false;
  if (console_frame_look(length, sizeof length, c->max_message, &size) == CONSOLE_FRAME_TOO_LARGE) {
    fprintf(stderr, "An answer of %zu bytes is larger than the accepted maximum of %zu\n", size, c->max_message);
    return false;
  }
  uint8_t *sealed = memory_new(size), *plain = memory_new(size);
  bool good = client_receive_all(c->fd, sealed, size) && (size == 0 || console_open(&c->box, sealed, size, plain));
  if (good && size > CONSOLE_TAG_SIZE)
    text_add(answer, (char *)plain, size - CONSOLE_TAG_SIZE);
  free(sealed);
  free(plain);
  return good;
}

static bool
client_run_command(struct client *c, const char *command, struct text *answer)
{
  text_clear(answer);
  return client_send_command(c, command, strlen(command)) && client_receive_answer(c, answer);
}

// ---- sessions ----

static int
client_run_one(struct client *c, const char *command)
{
  struct text answer;
  text_init(&answer);
  int status = EXIT_SUCCESS;
  if (client_run_command(c, command, &answer))
    fwrite(answer.data, 1, answer.size, stdout);
  bool watched = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  if (!watched && strncmp(answer.data, "Error: ", 7) == 0)
    status = EXIT_FAILURE;
  text_fini(&answer);
  fflush(stdout);
  return status;
}

static const char *
client_meaning(const char *line)
{
  return strcmp(line, "help") == 0 || strcmp(line, "?") == 0 ? "help()" : line;
}

static void
client_list_words(struct text *out)
{
  describe("completion", out);
}

static void
client_run_session(struct client *c)
{
  struct text answer;
  struct line_reader *reader = line_reader_open(false, client_list_words);
  bool terminal = line_reader_is_terminal(reader);
  char *line;
  text_init(&answer);
  while ((line = line_reader_next(reader)) != NULL && strcmp(line, "quit") != 0) {
    if (line[0] != '\0') {
      if (!client_run_command(c, client_meaning(line), &answer)) {
        fputs("Connection closed by the server.\n", stdout);
        break;
      }
      fwrite(answer.data, 1, answer.size, stdout);
      if (terminal && (answer.size == 0 || answer.data[answer.size - 1] != '\n'))
        putchar('\n');
      fflush(stdout);
    }
    free(line);
  }
  free(line);
  line_reader_close(&reader);
  text_fini(&answer);
}

// ---- connection ----

static bool
client_shake_hands(struct client *c, const uint8_t *key)
{
  uint8_t own[CONSOLE_NONCE_SIZE], theirs[CONSOLE_NONCE_SIZE];
  random_bytes(own, sizeof own);
  if (!client_send_all(c->fd, own, sizeof own) || !client_receive_all(c->fd, theirs, sizeof theirs))
    return false;
  console_box_init(&c->box, key, own, theirs);
  return true;
}

static int
client_talk(struct client *c, const struct client_options *o)
{
  struct text answer;
  char where[ADDRESS_TEXT_SIZE];
  if (!client_shake_hands(c, o->key))
    return client_fatal("unable to complete the handshake with %s: %s", address_text_with_port(&o->address, where));
  text_init(&answer);
  bool understood = client_run_command(c, "", &answer);
  text_fini(&answer);
  if (!understood) {
    fputs("The server closed the connection right away: it probably has another key (see setKey).\n", stderr);
    return EXIT_SUCCESS;
  }
  if (o->execute != NULL)
    return client_run_one(c, o->execute);
  client_run_session(c);
  return EXIT_SUCCESS;
}

int
client_run(const struct client_options *o)
{
  char where[ADDRESS_TEXT_SIZE];
  struct client c = {.max_message = o->max_message};
  address_text_with_port(&o->address, where);
  if (!o->key_set) {
    fputs("The currently configured key is not a valid console key: set one with setKey() or -k.\n", stderr);
    return EXIT_SUCCESS;
  }
  log_verbose("console", "Connecting to %s", where);
  c.fd = socket(o->address.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c.fd < 0 || connect(c.fd, &o->address.sa, address_size(&o->address)) < 0) {
    int status = client_fatal("connecting socket to %s: %s", where);
    if (c.fd >= 0)
      close(c.fd);
    return status;
  }
  int on = 1;
  setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int status = client_talk(&c, o);
  close(c.fd);
  return status;
}

// ---- the console of a process in the foreground: commands are evaluated in place ----

static void
client_evaluate(const char *line)
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
client_local_list_words(struct text *out)
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
  struct line_reader *reader = line_reader_open(true, client_local_list_words);
  char *line;
  while ((line = line_reader_next(reader)) != NULL && strcmp(line, "quit") != 0) {
    if (strcmp(line, "help") == 0 || strcmp(line, "?") == 0)
      client_evaluate("help()");
    else if (line[0] != '\0')
      client_evaluate(line);
    free(line);
  }
  free(line);
  line_reader_close(&reader);
}
