// SPDX-License-Identifier: BSD-2-Clause
// Latency averages as readers see them: the mean over workers. Any thread.
#ifndef DNSPROXY_OBSERVE_LATENCY_AVERAGE_H
#define DNSPROXY_OBSERVE_LATENCY_AVERAGE_H

#include "dnsproxy/core/counters.h"

// Microseconds; 0 when nothing was measured. window: 0 to LATENCY_WINDOWS - 1.
double latency_average(enum latency_kind, unsigned window);

#endif
