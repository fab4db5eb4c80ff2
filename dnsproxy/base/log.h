// SPDX-License-Identifier: BSD-2-Clause
// The log: one event in, a line in the configured form out, to all places that are configured.
// (What users can set: reference, cli.md section 7.)
//
//   log_event(), log_warning(), ... --> form: default, JSON, journal or plain --> sinks of base/log_sink --> stdout, stderr,
//                                                                                 a file, syslog, the journal
//
// An event is a message, perhaps an error, a subsystem, and fields with names. The structured forms show all of it; the
// plain one shows a whole sentence. The default form goes to stdout, JSON to stderr, the journal's to the journal alone, or
// to stdout in the default form if there is no journal. Syslog gets a copy unless that is off. Verbose lines are events
// that go nowhere unless verbose mode is on; whoever makes many of them asks for that first.
//
// Life: the main thread sets log_settings() while it reads options and configuration; lines are written at once, however
// long that takes. Between log_start() and log_stop() nobody waits for whoever reads the log: lines are queued, and those
// that find no room are counted. Lines may come from any thread. Messages that packets cause and that can repeat go through
// log_limited(), because a flood of them would push out what matters.
#ifndef DNSPROXY_BASE_LOG_H
#define DNSPROXY_BASE_LOG_H

#include "dnsproxy/base/text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum log_priority { LOG_PRIO_ERROR = 3, LOG_PRIO_WARNING = 4, LOG_PRIO_NOTICE = 5, LOG_PRIO_INFO = 6, LOG_PRIO_DEBUG = 7 };
enum log_backend { LOG_BACKEND_DEFAULT, LOG_BACKEND_JSON, LOG_BACKEND_JOURNAL };

struct log_settings {
  bool structured; // default true
  enum log_backend backend;
  bool syslog;          // default true
  bool to_stderr;       // what would go to stdout
  int facility;         // LOG_DAEMON
  bool timestamps;      // plain mode: prefix with the time
  bool iso8601;         // structured mode: ts as ISO 8601
  _Atomic bool verbose; // may change while others log
  char instance[256];   // "" = no instance field
};

// A key and its value of a structured line.
struct log_field {
  const char *key, *value;
};

struct log_settings *log_settings(void); // changed by the main/control thread only
// One event. `plain` is the whole sentence of unstructured mode (NULL: message, then ": error"). `fields` are in
// alphabetical order and end with a NULL key; error, subsystem and fields may be NULL. A verbose event is a line of
// verbose mode: nothing happens unless that is on.
struct log_event {
  enum log_priority priority;
  const char *message, *error, *subsystem, *plain;
  const struct log_field *fields;
  bool verbose;
};
void log_event(const struct log_event *);
// Shorthands: a sentence without fields (printf style).
void log_info(const char *subsystem, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warning(const char *subsystem, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_error(const char *subsystem, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_verbose(const char *subsystem, const char *format, ...) __attribute__((format(printf, 2, 3))); // only when verbose
// Warnings that packets cause, of one kind: one per second at most, the rest is counted and told with the next one.
struct log_limit {
  _Atomic uint64_t next_us, suppressed;
};
void log_limited(struct log_limit *, const char *subsystem, const char *format, ...) __attribute__((format(printf, 3, 4)));
// A sentence that is plain text in every mode (the farewell).
void log_sentence(enum log_priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
// "default", "json", "systemd-journal".
bool log_backend_from_text(const char *text, enum log_backend *);
// "daemon", "LOG_LOCAL0" (any case), or the number of syslog.h ("128").
bool log_facility_from_text(const char *text, int *facility);
// Lines of verbose mode go to this file instead of stdout; false (errno set) if it cannot be opened.
bool log_verbose_destination(const char *path);

// From here on lines are queued, until log_stop() has waited a bounded time for what is left. Main thread. What is queued
// when the process crashes is written as well.
void log_start(void);
void log_stop(void);
void log_flush(void); // before _exit(): waits a short time. Any thread.
uint64_t log_lines_lost(void);
// For code that prints, print() and io of scripts: a stream that ends where lines for this descriptor (1 or 2) end.
FILE *log_stream(int fd);

// ---- the forms of a line: for log.c and its tests ----

// Each appends one line, newline included. wall_us: time of the event.
void log_format_default(struct text *, const struct log_event *, uint64_t wall_us);
void log_format_json(struct text *, const struct log_event *, uint64_t wall_us); // keys sorted
void log_format_plain(struct text *, const struct log_event *, uint64_t wall_us);

// The journal's name of a field: upper case, digits and '_'; "PDNS" before a name that the journal uses itself.
void log_journal_key(struct text *, const char *key);
// "1700000000.123", or ISO 8601 if the settings say so.
void log_format_time(struct text *, uint64_t wall_us);

#endif
