// SPDX-License-Identifier: BSD-2-Clause
// Latency of answers: averages per transport, histogram counters for UDP. Written by each worker for itself, read by anybody.
#ifndef DNSPROXY_OBSERVE_LATENCY_H
#define DNSPROXY_OBSERVE_LATENCY_H

#include "dnsproxy/core/observer.h"

extern const struct observer latency_observer;

// The mean over workers in microseconds; 0 when nothing was measured. window: 0 to LATENCY_WINDOWS - 1.
double latency_average(enum latency_kind, unsigned window);

#endif
