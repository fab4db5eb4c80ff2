// SPDX-License-Identifier: BSD-2-Clause
// TCP as a whole: showTCPStats(), what connections are doing (requestTCPStatesDump()), setTCPFastOpenKey().
//
// Figures are of listeners and backends, summed over workers; limits are plain settings (settings.def), and what is per
// client is guard/connections. Lua lock.
#include "dnsproxy/base/log.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/net/stream.h"
#include "dnsproxy/upstream/upstream_connection.h"
#include "lua/binder/binder.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

// ---- figures ----

// A counter of a listener or backend, by its place, over all workers.
static uint64_t
bind_tcp_sum_at(const void *const *counters, size_t place)
{
  uint64_t sum = 0;
  for (unsigned i = 0; i < worker_count() && counters[i] != NULL; i++)
    sum += atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)((const char *)counters[i] + place), memory_order_relaxed);
  return sum;
}

static uint64_t
bind_tcp_most_at(const void *const *counters, size_t place)
{
  uint64_t most = 0;
  for (unsigned i = 0; i < worker_count() && counters[i] != NULL; i++) {
    uint64_t n = atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)((const char *)counters[i] + place), memory_order_relaxed);
    most = n > most ? n : most;
  }
  return most;
}

static void
bind_tcp_put(uint64_t n, int width)
{
  text_printf(binder_output(), " %-*llu", width, (unsigned long long)n);
}

static void
bind_tcp_put_mean(uint64_t sum, uint64_t of, double unit)
{
  text_printf(binder_output(), " %-20.6f", of == 0 ? 0.0 : (double)sum / (double)of / unit);
}

#define OF(field) offsetof(struct listener_counters, field)

static void
bind_tcp_show_listener(size_t number, const struct listener *l)
{
  const void *const *c = (const void *const *)l->counters;
  char address[ADDRESS_TEXT_SIZE];
  uint64_t connections = bind_tcp_sum_at(c, OF(tcp_connections)), queries = bind_tcp_sum_at(c, OF(tcp_queries));
  text_printf(binder_output(), "%-3zu %-20.20s", number, address_text_with_port(&l->address, address));
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_current)), 20);
  bind_tcp_put(bind_tcp_most_at(c, OF(tcp_max_concurrent)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_died_reading)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_died_sending)), 25);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_gave_up)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_client_timeouts)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_downstream_timeouts)), 20);
  bind_tcp_put_mean(queries, connections, 1);
  bind_tcp_put_mean(bind_tcp_sum_at(c, OF(tcp_duration_us)), connections, 1000);
  bind_tcp_put_mean(bind_tcp_sum_at(c, OF(tcp_read_ios)), connections, 1);
  bind_tcp_put(0, 20);
  bind_tcp_put(0, 25);
  bind_tcp_put(0, 25);
  bind_tcp_put(0, 15);
  for (int version = 0; version < 5; version++)
    bind_tcp_put(0, 15);
  text_puts(binder_output(), "\n");
}
#undef OF

#define OF(field) offsetof(struct backend_counters, field)

static void
bind_tcp_show_backend(size_t number, const struct backend *b)
{
  const void *const *c = (const void *const *)b->counters;
  char address[ADDRESS_TEXT_SIZE];
  uint64_t connections = bind_tcp_sum_at(c, OF(tcp_new_connections));
  text_printf(binder_output(), "%-3zu %-20.20s %-20.20s", number, backend_name(b), address_text_with_port(&b->options.address, address));
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_current)), 20);
  bind_tcp_put(bind_tcp_most_at(c, OF(tcp_max_concurrent)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_died_sending)), 25);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_died_reading)), 25);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_gave_up)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_read_timeouts)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_write_timeouts)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_connect_timeouts)), 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_too_many)), 20);
  bind_tcp_put(connections, 20);
  bind_tcp_put(bind_tcp_sum_at(c, OF(tcp_reused_connections)), 20);
  bind_tcp_put(0, 20);
  bind_tcp_put_mean(bind_tcp_sum_at(c, OF(tcp_queries)), connections, 1);
  bind_tcp_put_mean(bind_tcp_sum_at(c, OF(tcp_duration_us)), connections, 1000);
  text_puts(binder_output(), "\n");
}
#undef OF

// Workers take connections as they come: nothing is queued between threads.
static int
bind_tcp_show_stats(struct call *c)
{
  struct text *out = binder_output();
  unsigned workers_now = worker_count();
  (void)c;
  text_printf(out, "%-12s %-12s %-12s %-12s\n", "Workers", "Max Workers", "Queued", "Max Queued");
  text_printf(out, "%-12u %-12u %-12u %-12u\n\nFrontends:\n", workers_now, workers_now, 0u, 0u);
  text_printf(out, "%-3s %-20s %-20s %-20s %-20s %-25s %-20s %-20s %-20s %-20s %-20s %-20s %-20s %-25s %-25s %-15s %-15s %-15s %-15s %-15s %-15s\n",
              "#", "Address", "Connections", "Max concurrent conn", "Died reading query", "Died sending response", "Gave up",
              "Client timeouts", "Downstream timeouts", "Avg queries/conn", "Avg duration", "Avg read IOs/conn", "TLS new sessions",
              "TLS Resumptions", "TLS unknown ticket keys", "TLS inactive ticket keys", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3",
              "TLS other");
  size_t number = 0;
  for (size_t i = 0; i < config()->listener_count; i++)
    if (config()->listeners[i]->walk == NULL)
      bind_tcp_show_listener(number++, config()->listeners[i]);
  text_printf(out, "\nBackends:\n%-3s %-20s %-20s %-20s %-20s %-25s %-25s %-20s %-20s %-20s %-20s %-20s %-20s %-20s %-20s %-20s %-20s\n", "#",
              "Name", "Address", "Connections", "Max concurrent conn", "Died sending query", "Died reading response", "Gave up",
              "Read timeouts", "Write timeouts", "Connect timeouts", "Too many conn", "Total connections", "Reused connections",
              "TLS resumptions", "Avg queries/conn", "Avg duration");
  struct snapshot *snapshot = snapshot_current();
  for (uint32_t i = 0; snapshot != NULL && i < snapshot->backends->count; i++)
    bind_tcp_show_backend(i, snapshot->backends->items[i]);
  object_unref(&snapshot);
  return 0;
}

// ---- states ----

static void
bind_tcp_dump_clients(const struct worker *w)
{
  char address[ADDRESS_TEXT_SIZE];
  for (const struct stream *s = w->streams == NULL ? NULL : w->streams->streams; s != NULL; s = s->next)
    log_info("tcp", "worker %u: client %s: %u queries in flight, %llu so far, %llu ms old%s", w->id,
             address_text_with_port(&s->peer, address), s->in_flight, (unsigned long long)s->queries,
             (unsigned long long)((w->now_us - s->opened_us) / 1000), s->finishing || s->connection.eof ? ", ending" : "");
}

static void
bind_tcp_dump_backends(const struct worker *w)
{
  for (const struct upstream_peer *peer = w->upstream_streams == NULL ? NULL : w->upstream_streams->peers; peer != NULL; peer = peer->next) {
    log_info("tcp", "worker %u: backend %s: %u connections busy, %u idle", w->id, backend_full_name(peer->backend), peer->open - peer->idle, peer->idle);
  }
}

static void
bind_tcp_dump(struct worker *w, struct post *post)
{
  free(post);
  worker_begin(w);
  bind_tcp_dump_clients(w);
  bind_tcp_dump_backends(w);
  worker_end(w);
}

static int
bind_tcp_dump_states(struct call *c)
{
  (void)c;
  for (unsigned i = 0; i < worker_count(); i++) {
    struct post *post = config()->phase == PHASE_RUNNING ? malloc(sizeof *post) : NULL;
    if (post == NULL)
      continue;
    post->run = bind_tcp_dump;
    worker_post(workers[i], post);
  }
  return 0;
}

// ---- Fast Open ----

static int
bind_tcp_set_key(struct call *c)
{
  uint32_t key[4];
  int end = 0;
  const char *text = c->args[0].string.data;
  if (sscanf(text, "%8x-%8x-%8x-%8x%n", &key[0], &key[1], &key[2], &key[3], &end) != 4 || text[end] != '\0')
    return call_fault(c, FAULT_CAUGHT, "Invalid value passed to setTCPFastOpenKey()!");
  for (unsigned i = 0; i < 4; i++)
    listener_fast_open.key[i] = key[i];
  listener_fast_open.set = true;
  return 0;
}

const struct lua_function functions_tcp[] = {
    {.name = "showTCPStats",
     .help = "Print the figures of TCP, of listeners and backends",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_tcp_show_stats},
    {.name = "requestTCPStatesDump",
     .help = "Log what the TCP connections of all workers are doing",
     .call = bind_tcp_dump_states},
    {.name = "setTCPFastOpenKey",
     .help = "The key of TCP Fast Open of all listeners, so that several machines share it",
     .params = PARAMS({.name = "key", .type = PARAM_STRING, .help = "four hexadecimal numbers with '-' between"}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_tcp_set_key},
    {.name = NULL}};
