// SPDX-License-Identifier: BSD-2-Clause
// Latency statistics of answers: averages per transport, histogram counters for UDP. Thread: the worker.
#ifndef DNSPROXY_PATH_LATENCY_H
#define DNSPROXY_PATH_LATENCY_H

#include "dnsproxy/query.h"

void latency_record(struct worker *, const struct query *);
// Mean over the workers that have one, microseconds. Any thread. window: 0 to LATENCY_WINDOWS - 1.
double latency_average(enum latency_kind, unsigned window);

#endif
