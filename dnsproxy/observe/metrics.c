// SPDX-License-Identifier: BSD-2-Clause
// Reading all metrics (reference: metrics.tsv).
#include "dnsproxy/observe/metrics.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/core/counters.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/observe/custom_metrics.h"
#include "dnsproxy/observe/latency.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

static void
metrics_add_process(struct list *l)
{
  static _Atomic uint64_t started; // the first reading
  struct rusage usage;
  uint64_t started_us = 0, now_us = clock_mono_us();
  if (atomic_compare_exchange_strong(&started, &started_us, now_us))
    started_us = now_us;
  getrusage(RUSAGE_SELF, &usage);
  metrics_add_gauge(l, "uptime", "Seconds since start", (double)((clock_mono_us() - started_us) / 1000000));
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
