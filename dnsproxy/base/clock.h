// SPDX-License-Identifier: BSD-2-Clause
// Time, in the units its users need.
//
// Monotonic for whatever is measured or waited for: time-outs, rates, ages. It never jumps, and means nothing outside of the
// process. Wall time only for what people and other programs read: log lines, tables.
//
// On the path of packets nobody asks the kernel: a worker reads the clock once per batch, into worker->now_us (and now_s),
// and what happens in that batch happened then. The coarse clock is for other threads that want to know often and not
// exactly.
//
// Unsigned microseconds since the machine started: differences are right as long as the later one comes first; a deadline is
// "now + time", never "start - now". Any thread.
#ifndef DNSPROXY_BASE_CLOCK_H
#define DNSPROXY_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_us(void);        // CLOCK_MONOTONIC, microseconds
uint64_t clock_mono_ns(void);        // the same, nanoseconds
uint64_t clock_mono_coarse_us(void); // cheaper, 1 to 4 ms coarse
uint64_t clock_wall_us(void);        // CLOCK_REALTIME, microseconds since the epoch

#endif
