// SPDX-License-Identifier: BSD-2-Clause
// Metrics: those that scripts declare, and all of them together.
#include "dnsproxy/observe/metrics.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/core/counters.h"
#include "dnsproxy/observe/latency.h"

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// ---- metrics that scripts declare ----

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
metrics_find(const char *name)
{
  struct custom_metric *m = atomic_load_explicit(&metrics, memory_order_acquire);
  while (m != NULL && (atomic_load_explicit(&m->withdrawn, memory_order_relaxed) || strcmp(m->name, name) != 0))
    m = m->next;
  return m;
}

static bool
metrics_is_name(const char *name)
{
  for (const char *c = name; *c != '\0'; c++)
    if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
      return false;
  return *name != '\0';
}

static struct series *
metrics_series_find(const struct custom_metric *m, const char *labels)
{
  struct series *s = atomic_load_explicit(&m->series, memory_order_acquire);
  while (s != NULL && strcmp(s->labels, labels) != 0)
    s = s->next;
  return s;
}

static struct series *
metrics_series_of(struct custom_metric *m, const char *labels)
{
  struct series *s = metrics_series_find(m, labels);
  if (s != NULL)
    return s;
  pthread_mutex_lock(&lock);
  s = metrics_series_find(m, labels);
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
metrics_withdraw(void *room)
{
  atomic_store(&(*(struct custom_metric **)room)->withdrawn, true);
}

static bool
metrics_same_text(const char *a, const char *b)
{
  return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

// One that was withdrawn and is the same as `m`: a command that fails every second must not fill memory.
static struct custom_metric *
metrics_find_withdrawn(const struct custom_metric *m)
{
  struct custom_metric *old = atomic_load_explicit(&metrics, memory_order_relaxed);
  while (old != NULL && !(atomic_load(&old->withdrawn) && strcmp(old->name, m->name) == 0 && old->type == m->type &&
                          old->with_labels == m->with_labels && metrics_same_text(old->help, m->help) &&
                          metrics_same_text(old->prometheus_name, m->prometheus_name)))
    old = old->next;
  return old;
}

static void
metrics_revive(struct custom_metric *m)
{
  for (struct series *s = m->series; s != NULL; s = s->next)
    atomic_store(&s->value, 0);
  atomic_store(&m->withdrawn, false);
}

static struct custom_metric *
metrics_custom_metrics_add(const struct custom_metric *what)
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
  if (!metrics_is_name(name))
    return false;
  pthread_mutex_lock(&lock);
  if (metrics_find(name) != NULL) {
    pthread_mutex_unlock(&lock);
    return true;
  }
  const struct custom_metric what = {.name = (char *)name,
                                     .help = (char *)help,
                                     .prometheus_name = (char *)prometheus_name,
                                     .type = type,
                                     .with_labels = with_labels};
  struct custom_metric *m = metrics_find_withdrawn(&what);
  if (m == NULL)
    m = metrics_custom_metrics_add(&what);
  else
    metrics_revive(m);
  pthread_mutex_unlock(&lock);
  struct custom_metric **edit = undo_record(sizeof *edit, metrics_withdraw, NULL);
  if (edit != NULL)
    *edit = m;
  if (!with_labels)
    metrics_series_of(m, "");
  return true;
}

_Atomic double *
custom_metric_series(const char *name, enum custom_metric_type type, const char *labels)
{
  struct custom_metric *m = metrics_find(name);
  return m == NULL || m->type != type ? NULL : &metrics_series_of(m, labels)->value;
}

_Atomic double *
custom_metric_any(const char *name, const char *labels)
{
  struct custom_metric *m = metrics_find(name);
  return m == NULL ? NULL : &metrics_series_of(m, labels)->value;
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

// ---- reading all metrics (reference: metrics.tsv) ----

struct list {
  struct metric *items;
  size_t count, capacity;
};

static void
metrics_add(struct list *l, struct metric m)
{
  if (l->count == l->capacity) {
    l->capacity = l->capacity == 0 ? 128 : l->capacity * 2;
    l->items = memory_resize(l->items, l->capacity, sizeof *l->items);
  }
  l->items[l->count++] = m;
}

static void
metrics_add_gauge(struct list *l, const char *name, const char *help, double value)
{
  metrics_add(l, (struct metric){.name = name, .help = help, .value = value});
}

static void
metrics_add_counter(struct list *l, const char *name, const char *help, double value)
{
  metrics_add(l, (struct metric){.name = name, .help = help, .is_counter = true, .value = value});
}

// ---- the process and the system ----

static double
metrics_resident_bytes(void)
{
  unsigned long size, resident = 0;
  FILE *f = fopen("/proc/self/statm", "re");
  if (f == NULL)
    return 0;
  if (fscanf(f, "%lu %lu", &size, &resident) != 2)
    resident = 0;
  fclose(f);
  return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double
metrics_open_files(void)
{
  DIR *d = opendir("/proc/self/fd");
  unsigned count = 0;
  if (d == NULL)
    return 0;
  for (struct dirent *e; (e = readdir(d)) != NULL;)
    count += e->d_name[0] != '.';
  closedir(d);
  return count - 1; // the directory itself
}

static double
metrics_milliseconds(struct timeval t)
{
  return (double)t.tv_sec * 1000 + (double)(t.tv_usec / 1000);
}

static uint64_t metrics_started_us;

__attribute__((constructor)) static void
metrics_begin(void)
{
  metrics_started_us = clock_mono_us();
}

static void
metrics_add_process(struct list *l)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  metrics_add_gauge(l, "uptime", "Seconds since start", (double)((clock_mono_us() - metrics_started_us) / 1000000));
  metrics_add_gauge(l, "real-memory-usage", "Resident set size in bytes", metrics_resident_bytes());
  metrics_add_gauge(l, "special-memory-usage", "Resident set size in bytes", metrics_resident_bytes());
  metrics_add_gauge(l, "fd-usage", "Open descriptors", metrics_open_files());
  metrics_add_counter(l, "cpu-user-msec", "CPU time of the process in user mode", metrics_milliseconds(usage.ru_utime));
  metrics_add_counter(l, "log-lines-lost", "Log lines, and records of LogAction, that nobody read in time",
                      (double)log_lines_lost());
  metrics_add_counter(l, "cpu-sys-msec", "CPU time of the process in kernel mode", metrics_milliseconds(usage.ru_stime));
}

// The value under a heading of a two-line table ("Udp: A B" / "Udp: 1 2").
static double
metrics_from_table(const char *path, const char *prefix, const char *column)
{
  char heads[4096], values[4096];
  double result = 0;
  FILE *f = fopen(path, "re");
  if (f == NULL)
    return 0;
  while (fgets(heads, sizeof heads, f) != NULL && fgets(values, sizeof values, f) != NULL) {
    if (strncmp(heads, prefix, strlen(prefix)) != 0)
      continue;
    char *h_save, *v_save, *h = strtok_r(heads, " \n", &h_save), *v = strtok_r(values, " \n", &v_save);
    for (; h != NULL && v != NULL; h = strtok_r(NULL, " \n", &h_save), v = strtok_r(NULL, " \n", &v_save))
      if (strcmp(h, column) == 0)
        result = strtod(v, NULL);
    break;
  }
  fclose(f);
  return result;
}

// The value behind a word that begins its line.
static double
metrics_from_lines(const char *path, const char *word, unsigned column)
{
  char line[1024];
  double result = 0;
  FILE *f = fopen(path, "re");
  if (f == NULL)
    return 0;
  while (fgets(line, sizeof line, f) != NULL) {
    char *save, *w = strtok_r(line, " \t\n", &save);
    if (w == NULL || strcmp(w, word) != 0)
      continue;
    for (unsigned i = 0; i < column && w != NULL; i++)
      w = strtok_r(NULL, " \t\n", &save);
    result = w == NULL ? 0 : strtod(w, NULL);
    break;
  }
  fclose(f);
  return result;
}

static void
metrics_add_system(struct list *l)
{
  static const struct {
    const char *name, *path, *prefix, *column;
  } tables[] = {
      {"udp-in-errors", "/proc/net/snmp", "Udp:", "InErrors"},
      {"udp-noport-errors", "/proc/net/snmp", "Udp:", "NoPorts"},
      {"udp-recvbuf-errors", "/proc/net/snmp", "Udp:", "RcvbufErrors"},
      {"udp-sndbuf-errors", "/proc/net/snmp", "Udp:", "SndbufErrors"},
      {"udp-in-csum-errors", "/proc/net/snmp", "Udp:", "InCsumErrors"},
      {"tcp-listen-overflows", "/proc/net/netstat", "TcpExt:", "ListenOverflows"},
  };
  static const struct {
    const char *name, *path, *word;
    unsigned column;
  } lines[] = {
      {"udp6-in-errors", "/proc/net/snmp6", "Udp6InErrors", 1},
      {"udp6-noport-errors", "/proc/net/snmp6", "Udp6NoPorts", 1},
      {"udp6-recvbuf-errors", "/proc/net/snmp6", "Udp6RcvbufErrors", 1},
      {"udp6-sndbuf-errors", "/proc/net/snmp6", "Udp6SndbufErrors", 1},
      {"udp6-in-csum-errors", "/proc/net/snmp6", "Udp6InCsumErrors", 1},
      {"cpu-iowait", "/proc/stat", "cpu", 5},
      {"cpu-steal", "/proc/stat", "cpu", 8},
  };
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    metrics_add_counter(l, tables[i].name, "From the system",
                        metrics_from_table(tables[i].path, tables[i].prefix, tables[i].column));
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    metrics_add_counter(l, lines[i].name, "From the system",
                        metrics_from_lines(lines[i].path, lines[i].word, lines[i].column));
}

// ---- ours ----

static void
metrics_add_counters(struct list *l)
{
  for (unsigned i = 0; i < COUNTER_COUNT; i++)
    metrics_add_counter(l, counter_rows[i].name, counter_rows[i].help, (double)counter_sum(i));
}

// Queues that this design does not have never overflow; dashboards ask for them all the same.
static void
metrics_add_constants(struct list *l)
{
  static const char *const counters[] = {"doh-query-pipe-full", "doh-response-pipe-full", "doq-response-pipe-full",
                                         "doh3-response-pipe-full", "outgoing-doh-query-pipe-full", "tcp-query-pipe-full",
                                         "tcp-cross-protocol-query-pipe-full", "tcp-cross-protocol-response-pipe-full"};
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
    metrics_add_counter(l, counters[i], "No such queue: always 0", 0);
  metrics_add_gauge(l, "security-status", "Result of the security poll: 0, not polled", 0);
}

static void
metrics_add_blocks(struct list *l)
{
  struct snapshot *s = snapshot_current();
  metrics_add_gauge(l, "dyn-block-nmg-size", "Address-based dynamic blocks currently stored",
                    s == NULL ? 0 : (double)s->dynblocks->address_count);
  object_unref(&s);
}

static void
metrics_add_latencies(struct list *l)
{
  static const char *const names[LATENCY_KINDS][LATENCY_WINDOWS] = {
#define WINDOWS(prefix) {prefix "100", prefix "1000", prefix "10000", prefix "1000000"}
      [LATENCY_UDP] = WINDOWS("latency-avg"),     [LATENCY_TCP] = WINDOWS("latency-tcp-avg"),
      [LATENCY_DOT] = WINDOWS("latency-dot-avg"), [LATENCY_DOH] = WINDOWS("latency-doh-avg"),
      [LATENCY_DOQ] = WINDOWS("latency-doq-avg"), [LATENCY_DOH3] = WINDOWS("latency-doh3-avg"),
#undef WINDOWS
  };
  for (unsigned k = 0; k < LATENCY_KINDS; k++)
    for (unsigned w = 0; w < LATENCY_WINDOWS; w++)
      metrics_add(l, (struct metric){.name = names[k][w],
                                     .help = "Weighted mean latency of answers in microseconds",
                                     .is_real = true,
                                     .value = latency_average(k, w)});
}

static void
metrics_add_custom(const struct metric *m, void *arg)
{
  metrics_add(arg, *m);
}

static int
metrics_by_name(const void *a, const void *b)
{
  return strcmp(((const struct metric *)a)->name, ((const struct metric *)b)->name);
}

void
metrics_each(void (*visit)(const struct metric *, void *), void *arg)
{
  struct list l = {.count = 0};
  metrics_add_counters(&l);
  metrics_add_constants(&l);
  metrics_add_blocks(&l);
  metrics_add_latencies(&l);
  metrics_add_process(&l);
  metrics_add_system(&l);
  custom_metrics_each(metrics_add_custom, &l);
  qsort(l.items, l.count, sizeof *l.items, metrics_by_name);
  for (size_t i = 0; i < l.count; i++)
    visit(&l.items[i], arg);
  free(l.items);
}
