// SPDX-License-Identifier: BSD-2-Clause
// A file that rules append records to: opened by control, written by any worker, reopened when it was rotated.
//
//   worker: a record --> queue of a log_sink --> the writer of the log, which nobody waits for: a full queue loses records
//
// A configuration is also loaded to be checked and by the console client, beside a daemon that writes to the same file: then
// nothing is opened, or only looked at, and nothing is cut. Buffered files are written in larger pieces.
//
// Owner: the action.
#ifndef RULES_ACT_LOG_FILE_H
#define RULES_ACT_LOG_FILE_H

#include "dnsproxy/base/fault.h"

#include <stddef.h>

// What opening does to the file: set before any is opened. A configuration is also loaded to be checked and by the
// console client, beside a daemon that writes to the same file.
enum log_file_use {
  LOG_FILE_WRITE, // created, emptied unless appended to
  LOG_FILE_CHECK, // opened and left as it is
  LOG_FILE_NONE,  // not opened
};
void log_files_use(enum log_file_use);

struct log_file;
struct log_file *log_file_open(const char *path, bool append, bool buffered, struct fault *); // NULL: fault says why
void log_file_close(struct log_file **);
void log_file_write(struct log_file *, const void *record, size_t size); // whole records, never mixed
bool log_file_reopen(struct log_file *, struct fault *); // false: the old one stays in use
const char *log_file_path(const struct log_file *);

#endif
