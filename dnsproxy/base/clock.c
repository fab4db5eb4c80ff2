// SPDX-License-Identifier: BSD-2-Clause
// Reading the kernel's clocks.
#include "dnsproxy/base/clock.h"

#include <assert.h>
#include <time.h>

static struct timespec
clock_read_clock(clockid_t clock)
{
  struct timespec now;
  int failed = clock_gettime(clock, &now);
  assert(failed == 0);
  return now;
}

static uint64_t
clock_read_us(clockid_t clock)
{
  struct timespec now = clock_read_clock(clock);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t
clock_mono_ns(void)
{
  struct timespec now = clock_read_clock(CLOCK_MONOTONIC);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t
clock_mono_us(void)
{
  return clock_read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_mono_coarse_us(void)
{
  return clock_read_us(CLOCK_MONOTONIC_COARSE);
}

uint64_t
clock_wall_us(void)
{
  return clock_read_us(CLOCK_REALTIME);
}
