// SPDX-License-Identifier: BSD-2-Clause
// The forms of a log line. For log.c and its tests.
#ifndef DNSPROXY_BASE_LOG_FORMAT_H
#define DNSPROXY_BASE_LOG_FORMAT_H

#include "dnsproxy/base/log.h"
#include "dnsproxy/base/text.h"

#include <stdint.h>

// Each appends one line, newline included. wall_us: time of the event.
void log_format_default(struct text *, const struct log_event *, uint64_t wall_us);
void log_format_json(struct text *, const struct log_event *, uint64_t wall_us); // keys sorted
void log_format_plain(struct text *, const struct log_event *, uint64_t wall_us);

// The journal's name of a field: upper case, digits and '_'; "PDNS" before a name that the journal uses itself.
void log_journal_key(struct text *, const char *key);
// "1700000000.123", or ISO 8601 if the settings say so.
void log_format_time(struct text *, uint64_t wall_us);

#endif
