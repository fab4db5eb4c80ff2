// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: metrics that scripts declare. From any state, without a lock.
#include "lua/scripts/dnsproxy_ffi.h"

#include "dnsproxy/observe/metrics.h"

#include <string.h>

enum { METRIC_NAME_SIZE = 256 };

// Names come with their size and need not end in NUL.
static bool
ffi_metrics_copy_name(char out[METRIC_NAME_SIZE], const char *name, size_t size)
{
  if (name == NULL || size >= METRIC_NAME_SIZE)
    return false;
  memcpy(out, name, size);
  out[size] = '\0';
  return true;
}

bool
dnsdist_ffi_metric_declare(const char *name, size_t size, const char *type, const char *description, const char *custom)
{
  char text[METRIC_NAME_SIZE];
  if (type == NULL || !ffi_metrics_copy_name(text, name, size))
    return false;
  bool counter = strcmp(type, "counter") == 0;
  if (!counter && strcmp(type, "gauge") != 0)
    return false;
  return custom_metric_declare(text, counter ? CUSTOM_COUNTER : CUSTOM_GAUGE, description == NULL ? "" : description,
                               custom, false);
}

static _Atomic double *
ffi_metrics_series_of(const char *name, size_t size, enum custom_metric_type type)
{
  char text[METRIC_NAME_SIZE];
  return ffi_metrics_copy_name(text, name, size) ? custom_metric_series(text, type, "") : NULL;
}

static void
ffi_metrics_add(const char *name, size_t size, double n)
{
  _Atomic double *value = ffi_metrics_series_of(name, size, CUSTOM_COUNTER);
  if (value != NULL)
    custom_metric_add(value, n);
}

void
dnsdist_ffi_metric_inc(const char *name, size_t size)
{
  ffi_metrics_add(name, size, 1);
}

void
dnsdist_ffi_metric_inc_by(const char *name, size_t size, uint64_t n)
{
  ffi_metrics_add(name, size, (double)n);
}

void
dnsdist_ffi_metric_dec(const char *name, size_t size)
{
  ffi_metrics_add(name, size, -1);
}

void
dnsdist_ffi_metric_set(const char *name, size_t size, double n)
{
  _Atomic double *value = ffi_metrics_series_of(name, size, CUSTOM_GAUGE);
  if (value != NULL)
    atomic_store_explicit(value, n, memory_order_relaxed);
}

double
dnsdist_ffi_metric_get(const char *name, size_t size, bool is_counter)
{
  const _Atomic double *value = ffi_metrics_series_of(name, size, is_counter ? CUSTOM_COUNTER : CUSTOM_GAUGE);
  return value == NULL ? 0 : atomic_load_explicit(value, memory_order_relaxed);
}
