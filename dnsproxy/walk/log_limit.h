// SPDX-License-Identifier: BSD-2-Clause
// Log lines that packets cause: one of a kind per second at most, the rest is counted and told with the next one.
// Any thread.
#ifndef DNSPROXY_WALK_LOG_LIMIT_H
#define DNSPROXY_WALK_LOG_LIMIT_H

enum log_limit { LOG_LIMIT_NO_POOL, LOG_LIMIT_HANDLER, LOG_LIMIT_KINDS };

void log_limited(enum log_limit, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
