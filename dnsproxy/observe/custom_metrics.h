// SPDX-License-Identifier: BSD-2-Clause
// Metrics that scripts declare. Any thread: reading and counting take no lock; nothing is removed before the end. Declaring: Lua lock held.
#ifndef DNSPROXY_OBSERVE_CUSTOM_METRICS_H
#define DNSPROXY_OBSERVE_CUSTOM_METRICS_H

#include "dnsproxy/observe/metrics.h"

#include <stdatomic.h>

enum custom_metric_type { CUSTOM_COUNTER, CUSTOM_GAUGE };

// Names are made of letters, digits, '-' and '_'. False: the name is not. Declaring again is fine. prometheus_name may be NULL.
bool custom_metric_declare(const char *name, enum custom_metric_type, const char *help, const char *prometheus_name, bool with_labels);
// The series of a metric with these labels ("a=\"b\",..." sorted; "" for none); NULL: unknown name or other type.
_Atomic double *custom_metric_series(const char *name, enum custom_metric_type, const char *labels);
_Atomic double *custom_metric_any(const char *name, const char *labels); // either type
void custom_metrics_each(void (*visit)(const struct metric *, void *), void *arg); // without labels
void custom_metric_add(_Atomic double *, double); // negative: subtracts
void custom_metrics_clear(void); // at the end: no other thread is left

#endif
