// SPDX-License-Identifier: BSD-2-Clause
// Rate-limited log lines.
#include "dnsproxy/walk/log_limit.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

enum { INTERVAL_US = 1000000 };

static struct {
  _Atomic uint64_t next_us, suppressed;
} limits[LOG_LIMIT_KINDS];

void
log_limited(enum log_limit kind, const char *format, ...)
{
  uint64_t now = clock_mono_coarse_us();
  uint64_t next = atomic_load_explicit(&limits[kind].next_us, memory_order_relaxed);
  if (now < next || !atomic_compare_exchange_strong_explicit(&limits[kind].next_us, &next, now + INTERVAL_US,
                                                             memory_order_relaxed, memory_order_relaxed)) {
    atomic_fetch_add_explicit(&limits[kind].suppressed, 1, memory_order_relaxed);
    return;
  }
  char line[512];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  uint64_t more = atomic_exchange_explicit(&limits[kind].suppressed, 0, memory_order_relaxed);
  if (more > 0)
    log_warning("query-processing", "%s (and %" PRIu64 " times before)", line, more);
  else
    log_warning("query-processing", "%s", line);
}
