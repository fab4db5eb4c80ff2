// SPDX-License-Identifier: BSD-2-Clause
// The console client: one command, a list of them from a pipe, or an interactive session. Main thread.
#ifndef CONSOLE_CLIENT_H
#define CONSOLE_CLIENT_H

#include "dnsproxy/base/address.h"
#include "console/frame.h"

#include <stddef.h>

struct client_options {
  struct address address;
  uint8_t key[CONSOLE_KEY_SIZE];
  bool key_set;
  const char *execute; // NULL: standard input
  size_t max_message;
};

// Returns the exit status of the process (cli.md sections 4 and 5). A command of -e whose answer is an error ends with 1
// when no terminal is attached; the dialect's 0 stays for people who watch.
int client_run(const struct client_options *);

// The interactive console of a process in the foreground: evaluates in place, returns at end of input or "quit".
void local_console_run(void);
// It returns soon, even if it has not begun. Any thread.
void local_console_leave(void);

#endif
