// SPDX-License-Identifier: BSD-2-Clause
// The console client: one command, a list of them from a pipe, or an interactive session; and the console of a process in
// the foreground.
//
//   dnsproxy -c            lines from the terminal, or from a pipe    |
//   dnsproxy -e command    one command                                 > socket, frames, answer to standard output
//   dnsproxy               lines from the terminal: evaluated in place, no socket
//
// A blocking socket is enough here: there is nothing else to wait for. What goes to standard output is the answer and
// nothing else, as programs read it; what is wrong goes to standard error. The server tells that a key is wrong by closing.
//
// The client runs on the main thread of a process that serves nothing. The local console runs on the main thread of one that
// does, takes the Lua lock for each command like any other console, and is woken when the process ends.
#ifndef CONSOLE_CLIENT_H
#define CONSOLE_CLIENT_H

#include "console/frame.h"
#include "dnsproxy/base/address.h"

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
