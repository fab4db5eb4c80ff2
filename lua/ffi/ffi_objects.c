// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: what is not of a query: packet caches, metrics, datagrams over UNIX sockets, servers for policies, and parts that
// are missing.
//
//   caches     search, take the Lua lock as the methods of PacketCache do
//   metrics    that scripts declare: from any state, without a lock
//   network    endpoints belong to the script that made them; a message is only something while its listener's function runs
//   policies   facts of the servers that a policy chooses from; valid during the call
//   missing    accepted, without effect, so that scripts of the dialect run
//
// A list or endpoint that is given to a script is freed by the function of the dialect that is named for it. Texts that are
// returned live as long as what they were asked of. NULL is borne everywhere.
#include "dnsproxy/backends/policy.h"
#include "dnsproxy/base/unix_datagram.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/observe/metrics.h"
#include "lua/classes/classes.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/dnsproxy_ffi.h"
#include "lua/scripts/ffi_frame.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- what the packet caches hold. Takes the Lua lock, as the methods of PacketCache do ----

// Both kinds of lists: texts, one after the other.
struct texts {
  size_t count, capacity;
  char **items;
};
struct dnsdist_ffi_domain_list_t {
  struct texts texts;
};
struct dnsdist_ffi_address_list_t {
  struct texts texts;
};

static void
ffi_objects_texts_add(struct texts *t, const char *text)
{
  if (t->count == t->capacity) {
    size_t capacity = 2 * t->capacity + 16;
    char **more = realloc(t->items, capacity * sizeof *more);
    if (more == NULL)
      return;
    t->items = more;
    t->capacity = capacity;
  }
  char *copy = strdup(text);
  if (copy != NULL)
    t->items[t->count++] = copy;
}

static void
ffi_objects_texts_fini(struct texts *t)
{
  for (size_t i = 0; i < t->count; i++)
    free(t->items[i]);
  free(t->items);
}

static void
ffi_objects_add_name(const struct name *name, void *arg)
{
  char text[NAME_TEXT_SIZE];
  ffi_objects_texts_add(arg, name_text(name, text));
}

static void
ffi_objects_add_address(const struct address *address, void *arg)
{
  char text[ADDRESS_TEXT_SIZE];
  ffi_objects_texts_add(arg, address_text(address, text));
}

// A reference to the newest configuration in *snapshot, which the caller drops. NULL: no such pool, or no cache.
static struct packet_cache *
ffi_objects_of(const char *pool_name, struct snapshot **snapshot)
{
  *snapshot = pool_name == NULL ? NULL : snapshot_current();
  const struct pool *pool = *snapshot == NULL ? NULL : pool_find((*snapshot)->pools, pool_name);
  return pool == NULL ? NULL : pool->cache;
}

size_t
dnsdist_ffi_packetcache_get_domain_list_by_addr(const char *pool, const char *addr, dnsdist_ffi_domain_list_t **out)
{
  struct address address;
  struct snapshot *snapshot;
  size_t count = 0;
  if (addr == NULL || out == NULL || !address_parse(&address, addr, 0, NULL))
    return 0;
  struct packet_cache *cache = ffi_objects_of(pool, &snapshot);
  dnsdist_ffi_domain_list_t *list = cache == NULL ? NULL : calloc(1, sizeof *list);
  if (list != NULL) {
    control_lock();
    cache_names_of(cache, &address, ffi_objects_add_name, &list->texts);
    control_unlock();
    count = list->texts.count;
    if (count == 0) // scripts free what they got something in
      dnsdist_ffi_domain_list_free(list);
    *out = count == 0 ? NULL : list;
  }
  object_unref(&snapshot);
  return count;
}

size_t
dnsdist_ffi_packetcache_get_address_list_by_domain(const char *pool, const char *domain, dnsdist_ffi_address_list_t **out)
{
  struct name name;
  struct snapshot *snapshot;
  size_t count = 0;
  if (domain == NULL || out == NULL || !name_from_text(&name, domain, strlen(domain), NULL))
    return 0;
  struct packet_cache *cache = ffi_objects_of(pool, &snapshot);
  dnsdist_ffi_address_list_t *list = cache == NULL ? NULL : calloc(1, sizeof *list);
  if (list != NULL) {
    control_lock();
    cache_addresses_of(cache, &name, ffi_objects_add_address, &list->texts);
    control_unlock();
    count = list->texts.count;
    if (count == 0)
      dnsdist_ffi_address_list_free(list);
    *out = count == 0 ? NULL : list;
  }
  object_unref(&snapshot);
  return count;
}

const char *
dnsdist_ffi_domain_list_get(const dnsdist_ffi_domain_list_t *list, size_t i)
{
  return list == NULL || i >= list->texts.count ? NULL : list->texts.items[i];
}

const char *
dnsdist_ffi_address_list_get(const dnsdist_ffi_address_list_t *list, size_t i)
{
  return list == NULL || i >= list->texts.count ? NULL : list->texts.items[i];
}

void
dnsdist_ffi_domain_list_free(dnsdist_ffi_domain_list_t *list)
{
  if (list != NULL)
    ffi_objects_texts_fini(&list->texts);
  free(list);
}

void
dnsdist_ffi_address_list_free(dnsdist_ffi_address_list_t *list)
{
  if (list != NULL)
    ffi_objects_texts_fini(&list->texts);
  free(list);
}

// ---- metrics that scripts declare. From any state, without a lock ----

enum { METRIC_NAME_SIZE = 256 };

// Names come with their size and need not end in NUL.
static bool
ffi_objects_copy_name(char out[METRIC_NAME_SIZE], const char *name, size_t size)
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
  if (type == NULL || !ffi_objects_copy_name(text, name, size))
    return false;
  bool counter = strcmp(type, "counter") == 0;
  if (!counter && strcmp(type, "gauge") != 0)
    return false;
  return custom_metric_declare(text, counter ? CUSTOM_COUNTER : CUSTOM_GAUGE, description == NULL ? "" : description,
                               custom, false);
}

static _Atomic double *
ffi_objects_series_of(const char *name, size_t size, enum custom_metric_type type)
{
  char text[METRIC_NAME_SIZE];
  return ffi_objects_copy_name(text, name, size) ? custom_metric_series(text, type, "") : NULL;
}

static void
ffi_objects_add(const char *name, size_t size, double n)
{
  _Atomic double *value = ffi_objects_series_of(name, size, CUSTOM_COUNTER);
  if (value != NULL)
    custom_metric_add(value, n);
}

void
dnsdist_ffi_metric_inc(const char *name, size_t size)
{
  ffi_objects_add(name, size, 1);
}

void
dnsdist_ffi_metric_inc_by(const char *name, size_t size, uint64_t n)
{
  ffi_objects_add(name, size, (double)n);
}

void
dnsdist_ffi_metric_dec(const char *name, size_t size)
{
  ffi_objects_add(name, size, -1);
}

void
dnsdist_ffi_metric_set(const char *name, size_t size, double n)
{
  _Atomic double *value = ffi_objects_series_of(name, size, CUSTOM_GAUGE);
  if (value != NULL)
    atomic_store_explicit(value, n, memory_order_relaxed);
}

double
dnsdist_ffi_metric_get(const char *name, size_t size, bool is_counter)
{
  const _Atomic double *value = ffi_objects_series_of(name, size, is_counter ? CUSTOM_COUNTER : CUSTOM_GAUGE);
  return value == NULL ? 0 : atomic_load_explicit(value, memory_order_relaxed);
}

// ---- datagrams over UNIX sockets, sent and received. An endpoint belongs to the script that made it ----

struct dnsdist_ffi_network_endpoint_t {
  int fd;
};

bool
dnsdist_ffi_network_endpoint_new(const char *path, size_t size, dnsdist_ffi_network_endpoint_t **out)
{
  int fd = path == NULL || out == NULL ? -1 : unix_datagram_connect(path, size);
  if (fd < 0)
    return false;
  dnsdist_ffi_network_endpoint_t *e = malloc(sizeof *e);
  if (e == NULL) {
    close(fd);
    return false;
  }
  e->fd = fd;
  *out = e;
  return true;
}

bool
dnsdist_ffi_network_endpoint_is_valid(const dnsdist_ffi_network_endpoint_t *e)
{
  return e != NULL;
}

bool
dnsdist_ffi_network_endpoint_send(const dnsdist_ffi_network_endpoint_t *e, const char *payload, size_t size)
{
  return e != NULL && payload != NULL && unix_datagram_send(e->fd, payload, size);
}

void
dnsdist_ffi_network_endpoint_free(dnsdist_ffi_network_endpoint_t *e)
{
  if (e != NULL)
    close(e->fd);
  free(e);
}

// ---- what a listener's function is called with: NULL and zeros outside of the call ----

const char *
dnsdist_ffi_network_message_get_payload(const dnsdist_ffi_network_message_t *m)
{
  return m == NULL ? NULL : m->payload;
}

size_t
dnsdist_ffi_network_message_get_payload_size(const dnsdist_ffi_network_message_t *m)
{
  return m == NULL ? 0 : m->size;
}

uint16_t
dnsdist_ffi_network_message_get_endpoint_id(const dnsdist_ffi_network_message_t *m)
{
  return m == NULL ? 0 : m->endpoint_id;
}

// ---- what policies ask about servers ----

size_t
dnsdist_ffi_servers_list_get_count(const dnsdist_ffi_servers_list_t *list)
{
  return list == NULL ? 0 : list->count;
}

void
dnsdist_ffi_servers_list_get_server(const dnsdist_ffi_servers_list_t *list, size_t i, const dnsdist_ffi_server_t **out)
{
  if (out != NULL)
    *out = list == NULL || i >= list->count ? NULL : &list->servers->items[i];
}

// The index of the backend that a built-in policy takes for a hash; as many as there are: none.
static size_t
ffi_objects_index_by(const dnsdist_ffi_servers_list_t *list, const dnsdist_ffi_dnsquestion_t *dq, const struct policy *policy,
                     size_t hash)
{
  struct query *q = ffi_query(dq);
  struct backend *chosen = NULL;
  if (list == NULL || list->pool == NULL || q == NULL)
    return list == NULL ? 0 : list->count;
  struct policy_input in = {.pool = list->pool, .query = q, .hash = &(uint64_t){hash}};
  if (policy->choose(policy, &in, &chosen) == POLICY_CHOSEN)
    for (size_t i = 0; i < list->count; i++)
      if (list->servers->items[i].backend == chosen)
        return i;
  return list->count;
}

size_t
dnsdist_ffi_servers_list_chashed(const dnsdist_ffi_servers_list_t *list, const dnsdist_ffi_dnsquestion_t *dq, size_t hash)
{
  return ffi_objects_index_by(list, dq, &policy_chashed, hash);
}

size_t
dnsdist_ffi_servers_list_whashed(const dnsdist_ffi_servers_list_t *list, const dnsdist_ffi_dnsquestion_t *dq, size_t hash)
{
  return ffi_objects_index_by(list, dq, &policy_whashed, hash);
}

// ---- one server ----

#define GET(type, name, none, value)                                                                                   \
  type dnsdist_ffi_server_##name(const dnsdist_ffi_server_t *server)                                                   \
  {                                                                                                                    \
    const struct backend *b = server == NULL ? NULL : server->backend;                                                 \
    return b == NULL ? (none) : (type)(value);                                                                         \
  }

GET(uint64_t, get_outstanding, 0, backend_outstanding(b))
GET(bool, is_up, false, backend_is_up(b))
GET(const char *, get_name, "", backend_name(b))
GET(const char *, get_name_with_addr, "", backend_full_name(b))
GET(int, get_weight, 0, atomic_load_explicit(&b->weight, memory_order_relaxed))
GET(int, get_order, 0, atomic_load_explicit(&b->order, memory_order_relaxed))
GET(double, get_latency, 0, backend_latency_us(b, b->options.protocol->stream)) // microseconds

// ---- what belongs to parts that this version does not have (SNMP, protobuf export, HTTP): accepted, without effect ----

void
dnsdist_ffi_dnsquestion_send_trap(dnsdist_ffi_dnsquestion_t *dq, const char *reason, size_t size)
{
  (void)dq, (void)reason, (void)size;
}

void
dnsdist_ffi_dnsquestion_set_http_response(dnsdist_ffi_dnsquestion_t *dq, uint16_t status, const char *body, size_t size,
                                          const char *type)
{
  (void)dq, (void)status, (void)body, (void)size, (void)type;
}

#define META(kind)                                                                                                     \
  void dnsdist_ffi_##kind##_meta_begin_key(dnsdist_ffi_##kind##_t *d, const char *key, size_t size)                    \
  {                                                                                                                    \
    (void)d, (void)key, (void)size;                                                                                    \
  }                                                                                                                    \
  void dnsdist_ffi_##kind##_meta_add_str_value_to_key(dnsdist_ffi_##kind##_t *d, const char *value, size_t size)       \
  {                                                                                                                    \
    (void)d, (void)value, (void)size;                                                                                  \
  }                                                                                                                    \
  void dnsdist_ffi_##kind##_meta_add_int64_value_to_key(dnsdist_ffi_##kind##_t *d, int64_t value)                      \
  {                                                                                                                    \
    (void)d, (void)value;                                                                                              \
  }                                                                                                                    \
  void dnsdist_ffi_##kind##_meta_end_key(dnsdist_ffi_##kind##_t *d)                                                    \
  {                                                                                                                    \
    (void)d;                                                                                                           \
  }
META(dnsquestion)
META(dnsresponse)
