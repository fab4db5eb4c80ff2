// SPDX-License-Identifier: BSD-2-Clause
// Latency statistics of answers: averages per transport, histogram counters for UDP. Thread: the worker.
#ifndef DNSPROXY_WALK_LATENCY_H
#define DNSPROXY_WALK_LATENCY_H

#include "dnsproxy/core/query.h"

void latency_record(struct worker *, const struct query *);

#endif
