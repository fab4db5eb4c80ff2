// SPDX-License-Identifier: BSD-2-Clause
// Latency of answers: averages per transport, and a histogram for UDP.
//
//   EVENT_ANSWERED --> microseconds --> averages over the last 100, 1000, 10000 and 1000000 answers, per transport
//                                   \-> counters latency0-1, latency1-10, ... (UDP)
//
// The averages are moving ones: each answer moves the mean by its share of the window, so that nothing has to be remembered.
// Written by each worker for itself, as an observer; the mean over workers is made by whoever reads. Answers of the cache
// and of rules count as the dialect counts them (semantics.md section 6.10).
#ifndef DNSPROXY_OBSERVE_LATENCY_H
#define DNSPROXY_OBSERVE_LATENCY_H

#include "dnsproxy/core/observer.h"

extern const struct observer latency_observer;

// The mean over workers in microseconds; 0 when nothing was measured. window: 0 to LATENCY_WINDOWS - 1.
double latency_average(enum latency_kind, unsigned window);

#endif
