// SPDX-License-Identifier: BSD-2-Clause
// Time, in the units its users need. Any thread.
#ifndef DNSPROXY_BASE_CLOCK_H
#define DNSPROXY_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_us(void);        // CLOCK_MONOTONIC, microseconds
uint64_t clock_mono_ns(void);        // the same, nanoseconds
uint64_t clock_mono_coarse_us(void); // cheaper, 1 to 4 ms coarse
uint64_t clock_wall_us(void);        // CLOCK_REALTIME, microseconds since the epoch

#endif
