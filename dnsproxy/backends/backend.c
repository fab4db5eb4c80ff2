// SPDX-License-Identifier: BSD-2-Clause
// Backends: their birth and end, names and limits that change at run time, sums and load over workers.
#include "dnsproxy/backends/backend.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/backends/health.h"
#include "dnsproxy/wire/codes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void backend_free(struct object *);
static void backend_list_free(struct object *);
const struct object_class backend_class = {.name = "Server", .free = backend_free};
const struct object_class backend_list_class = {.name = "backend list", .free = backend_list_free};

void
backend_options_default(struct backend_options *o)
{
  struct fault fault = FAULT_INIT;
  *o = (struct backend_options){
      .protocol = &protocol_udp,
      .order = 1,
      .weight = 1,
      .sockets = 1,
      .ip_bind_addr_no_port = true,
      .retries = 5,
      .tcp_connect_timeout_s = 5,
      .tcp_send_timeout_s = 30,
      .tcp_recv_timeout_s = 30,
      .check = {.type = QTYPE_A,
                .class = QCLASS_IN,
                .timeout_ms = 1000,
                .interval_s = 1,
                .max_failures = 1,
                .rise = 1,
                .lazy_failed_interval_s = 30,
                .lazy_min_samples = 1,
                .lazy_sample_size = 100,
                .lazy_threshold = 20,
                .lazy_max_backoff_s = 3600},
  };
  static const char name[] = "a.root-servers.net.";
  bool parsed = name_from_text(&o->check.name, name, sizeof name - 1, &fault);
  assert(parsed);
}

// ---- identity ----

// Plain options: those that are compared byte by byte. A new option gets a row.
#define FIELD(field) {offsetof(struct backend_options, field), sizeof(((struct backend_options *)0)->field)}
static const struct {
  size_t offset, size;
} backend_fields[] = {
    FIELD(protocol), FIELD(qps), FIELD(order), FIELD(weight), FIELD(udp_timeout_s), FIELD(sockets),
    FIELD(ip_bind_addr_no_port), FIELD(reconnect_on_up), FIELD(tcp_fast_open), FIELD(retries), FIELD(tcp_connect_timeout_s),
    FIELD(tcp_send_timeout_s), FIELD(tcp_recv_timeout_s), FIELD(max_in_flight), FIELD(max_connections),
    FIELD(use_client_subnet), FIELD(disable_zero_scope), FIELD(use_proxy_protocol), FIELD(proxy_advertise_tls), FIELD(dscp),
    FIELD(check.type), FIELD(check.class), FIELD(check.timeout_ms), FIELD(check.interval_s), FIELD(check.max_failures),
    FIELD(check.rise), FIELD(check.set_cd), FIELD(check.must_resolve), FIELD(check.over_tcp), FIELD(check.mode),
    FIELD(check.forced), FIELD(check.lazy_failed_interval_s), FIELD(check.lazy_min_samples), FIELD(check.lazy_sample_size),
    FIELD(check.lazy_threshold), FIELD(check.lazy_max_backoff_s), FIELD(check.lazy_backoff), FIELD(check.lazy_mode),
    FIELD(check.function), FIELD(check.validator)};
enum { BACKEND_FIELDS = sizeof backend_fields / sizeof backend_fields[0] };

static bool
backend_has_id(const struct backend_options *o)
{
  return !o->id_drawn && !uuid_equal(&o->id, &(struct uuid){{0}});
}

bool
backend_options_same(const struct backend_options *a, const struct backend_options *b)
{
  if (!address_equal(&a->address, &b->address) || !address_equal(&a->source, &b->source) || strcmp(a->name, b->name) != 0 ||
      strcmp(a->source_interface, b->source_interface) != 0)
    return false;
  if (backend_has_id(a) != backend_has_id(b) || (backend_has_id(a) && !uuid_equal(&a->id, &b->id)))
    return false;
  if (!name_bytes_equal(a->check.name.bytes, a->check.name.size, b->check.name.bytes, b->check.name.size))
    return false;
  for (size_t i = 0; i < BACKEND_FIELDS; i++)
    if (memcmp((const char *)a + backend_fields[i].offset, (const char *)b + backend_fields[i].offset, backend_fields[i].size) != 0)
      return false;
  return true;
}

static uint64_t
backend_hash_bytes(uint64_t h, const void *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    h = (h ^ ((const uint8_t *)bytes)[i]) * 1099511628211u; // FNV-1a: what is hashed comes from the configuration
  return h;
}

uint64_t
backend_options_hash(const struct backend_options *o)
{
  char address[ADDRESS_TEXT_SIZE];
  address_text_with_port(&o->address, address);
  uint64_t h = backend_hash_bytes(14695981039346656037u, address, strlen(address));
  h = backend_hash_bytes(h, o->name, strlen(o->name));
  for (size_t i = 0; i < BACKEND_FIELDS; i++)
    h = backend_hash_bytes(h, (const char *)o + backend_fields[i].offset, backend_fields[i].size);
  return h;
}

bool
backend_same(const struct backend *b, const struct backend_options *o)
{
  return backend_options_same(&b->options, o);
}

// ---- life ----

struct backend *
backend_new(const struct backend_options *options)
{
  struct backend *b = memory_lines_new(sizeof *b);
  object_init(&b->object, &backend_class);
  b->options = *options;
  object_ref(b->options.check.function);
  object_ref(b->options.check.validator);
  if (uuid_equal(&b->options.id, &(struct uuid){{0}})) {
    uuid_random(&b->options.id);
    b->options.id_drawn = true;
  }
  assert(options->weight >= 1);
  b->missing = options->protocol->missing != NULL;
  b->order = options->order;
  b->weight = options->weight;
  b->forced = (uint8_t)options->check.forced;
  b->mode = (uint8_t)options->check.mode;
  struct backend_counters *counters = memory_lines_new((WORKERS_MAX + 1) * sizeof *counters);
  for (unsigned w = 0; w <= WORKERS_MAX; w++)
    b->counters[w] = counters + w;
  b->health = health_new(options);
  backend_set_name(b, options->name);
  backend_set_qps(b, options->qps);
  return b;
}

static void
backend_free(struct object *object)
{
  struct backend *b = (struct backend *)object;
  for (unsigned w = 0; w < WORKERS_MAX; w++)
    assert(b->upstream[w] == NULL);
  for (struct backend_label *label = b->label, *next; label != NULL; label = next) {
    next = label->previous;
    free(label->name);
    free(label->full);
    free(label);
  }
  for (struct backend_limit *limit = b->qps, *next; limit != NULL; limit = next) {
    next = limit->previous;
    free(limit);
  }
  health_free(&b->health);
  object_unref(&b->options.check.function);
  object_unref(&b->options.check.validator);
  memory_lines_free(b->counters[0]);
  memory_lines_free(b);
}

const char *
backend_name(const struct backend *b)
{
  return atomic_load_explicit(&b->label, memory_order_acquire)->name;
}

const char *
backend_full_name(const struct backend *b)
{
  return atomic_load_explicit(&b->label, memory_order_acquire)->full;
}

char *
backend_name_with_address(const struct backend *b, char *out, size_t size)
{
  snprintf(out, size, "%s", backend_full_name(b));
  return out;
}

void
backend_set_name(struct backend *b, const char *name)
{
  struct backend_label *old = atomic_load_explicit(&b->label, memory_order_relaxed);
  if (old != NULL && strcmp(old->name, name) == 0)
    return;
  struct text full;
  char address[ADDRESS_TEXT_SIZE];
  text_init(&full);
  address_text_with_port(&b->options.address, address);
  text_printf(&full, name[0] == '\0' ? "%s%s" : "%s (%s)", name, address);
  struct backend_label *label = memory_new(sizeof *label);
  *label = (struct backend_label){.previous = old, .name = memory_string(name), .full = text_steal(&full)};
  text_fini(&full); // stealing leaves an empty one
  atomic_store_explicit(&b->label, label, memory_order_release);
}

bool
backend_set_weight(struct backend *b, int64_t weight)
{
  if (weight < 1 || weight > INT32_MAX)
    return false;
  atomic_store_explicit(&b->weight, (int32_t)weight, memory_order_relaxed);
  return true;
}

void
backend_set_qps(struct backend *b, int64_t limit)
{
  struct backend_limit *old = atomic_load_explicit(&b->qps, memory_order_relaxed);
  double rate = limit > 0 ? (double)limit : 0;
  if (old == NULL ? rate == 0 : rate == (old->limited ? old->bucket.rate : 0))
    return; // a burst that is under way goes on
  struct backend_limit *new = memory_new(sizeof *new);
  new->previous = old;
  new->limited = rate > 0;
  if (new->limited)
    token_bucket_init(&new->bucket, rate, rate);
  atomic_store_explicit(&b->qps, new, memory_order_release);
}

bool
backend_has_token(const struct backend *b, uint64_t now_us)
{
  const struct backend_limit *limit = atomic_load_explicit(&b->qps, memory_order_acquire);
  return limit == NULL || !limit->limited || token_bucket_peek(&limit->bucket, now_us);
}

bool
backend_take_token(struct backend *b, uint64_t now_us)
{
  struct backend_limit *limit = atomic_load_explicit(&b->qps, memory_order_acquire);
  return limit == NULL || !limit->limited || token_bucket_take(&limit->bucket, now_us);
}

// The workers own these figures; one that is measuring just now may write its old average back, which then decays.
void
backend_reset_latency(struct backend *b)
{
  for (unsigned w = 0; w < worker_count(); w++) {
    atomic_store_explicit(&b->counters[w]->latency_us, 0, memory_order_relaxed);
    atomic_store_explicit(&b->counters[w]->tcp_latency_us, 0, memory_order_relaxed);
  }
}

// Sums.

#define SUM_OVER_WORKERS(field)                                                                                        \
  uint64_t sum = 0;                                                                                                    \
  for (unsigned w = 0; w < worker_count(); w++)                                                                        \
    sum += atomic_load_explicit(&b->counters[w]->field, memory_order_relaxed);                                         \
  return sum

uint64_t
backend_queries(const struct backend *b)
{
  SUM_OVER_WORKERS(queries);
}

uint64_t
backend_drops(const struct backend *b)
{
  SUM_OVER_WORKERS(drops);
}

uint64_t
backend_outstanding(const struct backend *b)
{
  SUM_OVER_WORKERS(outstanding);
}

// A worker's average counts as much as the answers it has seen.
double
backend_latency_us(const struct backend *b, bool tcp)
{
  double sum = 0, weights = 0;
  for (unsigned w = 0; w < worker_count(); w++) {
    const struct backend_counters *c = b->counters[w];
    double latency = atomic_load_explicit(tcp ? &c->tcp_latency_us : &c->latency_us, memory_order_relaxed);
    if (latency <= 0)
      continue;
    double weight = 1 + (double)atomic_load_explicit(&c->responses, memory_order_relaxed);
    sum += latency * weight;
    weights += weight;
  }
  return weights > 0 ? sum / weights : 0;
}

void
backend_load_refresh(const struct backend *b, struct worker *worker)
{
  struct backend_counters *own = b->counters[worker->id];
  uint64_t others = 0;
  for (unsigned w = 0; w < worker_count(); w++)
    if (w != worker->id)
      others += atomic_load_explicit(&b->counters[w]->outstanding, memory_order_relaxed);
  own->load_others = others;
  own->mean_latency_us = backend_latency_us(b, false);
  own->mean_tcp_latency_us = backend_latency_us(b, true);
  own->load_read_us = worker->now_us;
}

// Lists.

struct backend_list *
backend_list_new(struct backend *const *items, uint32_t count)
{
  struct backend_list *list = memory_new(sizeof *list + count * sizeof list->items[0]);
  object_init(&list->object, &backend_list_class);
  list->count = count;
  for (uint32_t i = 0; i < count; i++)
    list->items[i] = object_ref(items[i]);
  return list;
}

static void
backend_list_free(struct object *object)
{
  struct backend_list *list = (struct backend_list *)object;
  for (uint32_t i = 0; i < list->count; i++)
    object_unref(&list->items[i]);
  free(list);
}
