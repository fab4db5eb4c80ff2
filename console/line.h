// SPDX-License-Identifier: BSD-2-Clause
// Lines from the user: with editing, history and completion on a terminal, plain from a pipe.
//
//   terminal --> libedit: editing, history in a file, tab completes the words that list_words gives  |
//   pipe     --> plain lines                                                                          > line_reader_next()
//
// Standard input has one reader at a time. In a process that serves (in place), reading must end when the process does
// although nobody types: line_reader_interrupt() may come from any thread, and before the reader is there, too.
//
// Owner: the console that opened it. One thread, but for the interruption.
#ifndef CONSOLE_LINE_H
#define CONSOLE_LINE_H

#include "dnsproxy/base/text.h"

#include <stdbool.h>

struct line_reader;

// Standard input; history in $HOME/.dnsdist_history. in_place: the process serves meanwhile, see line_reader_interrupt(),
// and the history is in the home directory of its user, whatever $HOME says.
// list_words adds the words to complete, one a line.
struct line_reader *line_reader_open(bool in_place, void (*list_words)(struct text *));
bool line_reader_is_terminal(const struct line_reader *);
char *line_reader_next(struct line_reader *); // without its newline, free() it; NULL at the end
void line_reader_close(struct line_reader **);
// Ends the input of a reader that was opened in place, now or later. Any thread.
void line_reader_interrupt(void);

#endif
