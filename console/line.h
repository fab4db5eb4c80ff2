// SPDX-License-Identifier: BSD-2-Clause
// Lines from the user: with editing, history and completion on a terminal, plain from a pipe. One thread.
#ifndef CONSOLE_LINE_H
#define CONSOLE_LINE_H

#include <stdbool.h>

struct line_reader;

struct line_reader *line_reader_open(void); // standard input; history in $HOME/.dnsdist_history
bool line_reader_is_terminal(const struct line_reader *);
char *line_reader_next(struct line_reader *); // without its newline, free() it; NULL at the end
void line_reader_close(struct line_reader **);

#endif
