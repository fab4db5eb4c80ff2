// SPDX-License-Identifier: BSD-2-Clause
// Metrics that scripts declare: a short list of names, each with its series by labels.
#include "dnsproxy/observe/custom_metrics.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct series {
  struct series *next;
  char *labels;
  _Atomic double value;
};

struct custom_metric {
  struct custom_metric *next;
  _Atomic bool withdrawn; // the command that declared it failed: it is not there until it is declared again
  char *name, *help, *prometheus_name;
  enum custom_metric_type type;
  bool with_labels;
  _Atomic(struct series *) series; // grows at its head
};

// Lists grow at their heads, under the lock; readers need none.
static _Atomic(struct custom_metric *) metrics;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct custom_metric *
custom_metrics_find(const char *name)
{
  struct custom_metric *m = atomic_load_explicit(&metrics, memory_order_acquire);
  while (m != NULL && (atomic_load_explicit(&m->withdrawn, memory_order_relaxed) || strcmp(m->name, name) != 0))
    m = m->next;
  return m;
}

static bool
custom_metrics_is_name(const char *name)
{
  for (const char *c = name; *c != '\0'; c++)
    if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
      return false;
  return *name != '\0';
}

static struct series *
custom_metrics_series_find(const struct custom_metric *m, const char *labels)
{
  struct series *s = atomic_load_explicit(&m->series, memory_order_acquire);
  while (s != NULL && strcmp(s->labels, labels) != 0)
    s = s->next;
  return s;
}

static struct series *
custom_metrics_series_of(struct custom_metric *m, const char *labels)
{
  struct series *s = custom_metrics_series_find(m, labels);
  if (s != NULL)
    return s;
  pthread_mutex_lock(&lock);
  s = custom_metrics_series_find(m, labels);
  if (s == NULL) {
    s = memory_new(sizeof *s);
    s->labels = memory_string(labels);
    s->next = m->series;
    atomic_store_explicit(&m->series, s, memory_order_release);
  }
  pthread_mutex_unlock(&lock);
  return s;
}

static void
custom_metrics_withdraw(void *room)
{
  atomic_store(&(*(struct custom_metric **)room)->withdrawn, true);
}

static bool
custom_metrics_same_text(const char *a, const char *b)
{
  return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

// One that was withdrawn and is the same as `m`: a command that fails every second must not fill memory.
static struct custom_metric *
custom_metrics_find_withdrawn(const struct custom_metric *m)
{
  struct custom_metric *old = atomic_load_explicit(&metrics, memory_order_relaxed);
  while (old != NULL && !(atomic_load(&old->withdrawn) && strcmp(old->name, m->name) == 0 && old->type == m->type &&
                          old->with_labels == m->with_labels && custom_metrics_same_text(old->help, m->help) &&
                          custom_metrics_same_text(old->prometheus_name, m->prometheus_name)))
    old = old->next;
  return old;
}

static void
custom_metrics_revive(struct custom_metric *m)
{
  for (struct series *s = m->series; s != NULL; s = s->next)
    atomic_store(&s->value, 0);
  atomic_store(&m->withdrawn, false);
}

static struct custom_metric *
custom_metrics_add(const struct custom_metric *what)
{
  struct custom_metric *m = memory_new(sizeof *m);
  m->name = memory_string(what->name);
  m->help = memory_string(what->help);
  m->prometheus_name = memory_string(what->prometheus_name);
  m->type = what->type;
  m->with_labels = what->with_labels;
  m->next = metrics;
  atomic_store_explicit(&metrics, m, memory_order_release);
  return m;
}

bool
custom_metric_declare(const char *name, enum custom_metric_type type, const char *help, const char *prometheus_name, bool with_labels)
{
  if (!custom_metrics_is_name(name))
    return false;
  pthread_mutex_lock(&lock);
  if (custom_metrics_find(name) != NULL) {
    pthread_mutex_unlock(&lock);
    return true;
  }
  const struct custom_metric what = {.name = (char *)name,
                                     .help = (char *)help,
                                     .prometheus_name = (char *)prometheus_name,
                                     .type = type,
                                     .with_labels = with_labels};
  struct custom_metric *m = custom_metrics_find_withdrawn(&what);
  if (m == NULL)
    m = custom_metrics_add(&what);
  else
    custom_metrics_revive(m);
  pthread_mutex_unlock(&lock);
  struct custom_metric **edit = undo_record(sizeof *edit, custom_metrics_withdraw, NULL);
  if (edit != NULL)
    *edit = m;
  if (!with_labels)
    custom_metrics_series_of(m, "");
  return true;
}

_Atomic double *
custom_metric_series(const char *name, enum custom_metric_type type, const char *labels)
{
  struct custom_metric *m = custom_metrics_find(name);
  return m == NULL || m->type != type ? NULL : &custom_metrics_series_of(m, labels)->value;
}

_Atomic double *
custom_metric_any(const char *name, const char *labels)
{
  struct custom_metric *m = custom_metrics_find(name);
  return m == NULL ? NULL : &custom_metrics_series_of(m, labels)->value;
}

void
custom_metric_add(_Atomic double *value, double n)
{
  double old = atomic_load_explicit(value, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(value, &old, old + n, memory_order_relaxed, memory_order_relaxed))
    ;
}

void
custom_metrics_each(void (*visit)(const struct metric *, void *), void *arg)
{
  for (struct custom_metric *m = metrics; m != NULL; m = m->next)
    for (struct series *s = m->series; s != NULL; s = s->next)
      if (s->labels[0] == '\0' && !atomic_load_explicit(&m->withdrawn, memory_order_relaxed))
        visit(&(struct metric){.name = m->name,
                               .help = m->help,
                               .is_counter = m->type == CUSTOM_COUNTER,
                               .is_real = m->type == CUSTOM_GAUGE,
                               .value = atomic_load_explicit(&s->value, memory_order_relaxed)},
              arg);
}

void
custom_metrics_clear(void)
{
  while (metrics != NULL) {
    struct custom_metric *m = metrics;
    metrics = m->next;
    while (m->series != NULL) {
      struct series *s = m->series;
      m->series = s->next;
      free(s->labels);
      free(s);
    }
    free(m->name);
    free(m->help);
    free(m->prometheus_name);
    free(m);
  }
}
