// SPDX-License-Identifier: BSD-2-Clause
// Pools: the immutable form, the editable one and its transactions, and building the first from the second.
#include "dnsproxy/backends/pool.h"

#include "dnsproxy/backends/policy.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void pool_free(struct object *);
static void pool_table_free(struct object *);
const struct object_class pool_class = {.name = "ServerPool", .free = pool_free};
const struct object_class pool_table_class = {.name = "pool table", .free = pool_table_free};

// FNV-1a: names are short and come from the configuration.
static uint32_t
pool_hash_text(const char *text)
{
  uint32_t h = 2166136261u;
  for (; *text != '\0'; text++)
    h = (h ^ (uint8_t)*text) * 16777619u;
  return h;
}

const struct pool *
pool_find(const struct pool_table *table, const char *name)
{
  if (table->count == 0)
    return NULL;
  const struct pool *last = table->pools[table->count - 1];
  if (strcmp(last->name, name) == 0)
    return last; // the default pool: most queries
  for (uint32_t at = pool_hash_text(name) & table->slot_mask; table->slots[at] != 0; at = (at + 1) & table->slot_mask) {
    const struct pool *pool = table->pools[table->slots[at] - 1];
    if (strcmp(pool->name, name) == 0)
      return pool;
  }
  return NULL;
}

bool
pool_has_server_up(const struct pool *pool)
{
  for (uint32_t i = 0; i < pool->count; i++)
    if (backend_is_up(pool->backends[i]))
      return true;
  return false;
}

struct pool *
pool_new(const char *name, uint32_t count)
{
  struct pool *pool = memory_new(sizeof *pool + count * sizeof pool->backends[0]);
  object_init(&pool->object, &pool_class);
  pool->name = memory_string(name);
  pool->count = count;
  return pool;
}

static void
pool_free(struct object *object)
{
  struct pool *pool = (struct pool *)object;
  for (uint32_t i = 0; i < pool->count; i++)
    object_unref(&pool->backends[i]);
  object_unref(&pool->policy);
  object_unref(&pool->cache);
  object_unref(&pool->state);
  free(pool->points);
  free(pool->name);
  free(pool);
}

struct pool_table *
pool_table_new(uint32_t count)
{
  struct pool_table *table = memory_new(sizeof *table + count * sizeof table->pools[0]);
  object_init(&table->object, &pool_table_class);
  table->count = count;
  return table;
}

void
pool_table_index(struct pool_table *table)
{
  uint32_t size = 4;
  while (size < table->count * 2)
    size *= 2;
  table->slots = memory_array(size, sizeof table->slots[0]);
  table->slot_mask = size - 1;
  for (uint32_t i = 0; i < table->count; i++) {
    uint32_t at = pool_hash_text(table->pools[i]->name) & table->slot_mask;
    while (table->slots[at] != 0)
      at = (at + 1) & table->slot_mask;
    table->slots[at] = i + 1;
  }
}

static void
pool_table_free(struct object *object)
{
  struct pool_table *table = (struct pool_table *)object;
  for (uint32_t i = 0; i < table->count; i++)
    object_unref(&table->pools[i]);
  object_unref(&table->default_policy);
  free(table->slots);
  free(table);
}

// ---- the draft of a configuration: pools as they are edited. Lua lock held ----

static void pool_draft_state_free(struct object *);
static const struct object_class pool_state_class = {.name = "pool state", .free = pool_draft_state_free};

static void
pool_draft_state_free(struct object *object)
{
  free(object);
}

static void pool_draft_entry_free(struct pool_entry **);

// ---- how edits are taken back: records of a transaction (base/undo.h) ----

// A pool as it was.
struct pool_entry_edit {
  struct pool_entry *entry;
  struct policy *policy;
  struct packet_cache *cache;
  bool use_ecs, zero_scope;
  struct backend **backends;
  uint32_t count;
};

static void
pool_draft_entry_edit_back(void *room)
{
  struct pool_entry_edit *r = room;
  struct pool_entry *e = r->entry;
  struct pool_entry now = *e;
  e->policy = r->policy;
  e->cache = r->cache;
  e->use_ecs = r->use_ecs;
  e->zero_scope = r->zero_scope;
  e->backends = r->backends;
  e->count = e->capacity = r->count;
  pool_entry_touch(e);
  // What it was until now goes with the record.
  r->policy = now.policy;
  r->cache = now.cache;
  r->backends = now.backends;
  r->count = now.count;
}

static void
pool_draft_entry_edit_gone(void *room)
{
  struct pool_entry_edit *r = room;
  object_unref(&r->policy);
  object_unref(&r->cache);
  for (uint32_t i = 0; i < r->count; i++)
    object_unref(&r->backends[i]);
  free(r->backends);
}

void
pool_entry_edit(struct pool_entry *e)
{
  struct pool_entry_edit *r = undo_record(sizeof *r, pool_draft_entry_edit_back, pool_draft_entry_edit_gone);
  if (r != NULL) {
    *r = (struct pool_entry_edit){.entry = e,
                                  .policy = object_ref(e->policy),
                                  .cache = object_ref(e->cache),
                                  .use_ecs = e->use_ecs,
                                  .zero_scope = e->zero_scope,
                                  .backends = memory_array(e->count, sizeof e->backends[0]),
                                  .count = e->count};
    for (uint32_t i = 0; i < e->count; i++)
      r->backends[i] = object_ref(e->backends[i]);
  }
  pool_entry_touch(e);
}

// One pool or backend more, or one backend less.
struct pool_draft_edit {
  struct pool_draft *draft;
  struct backend *backend;
  uint32_t position;
  struct backend **order; // of all backends, before one was added: borrowed, they are the same when it is taken back
  bool back; // it was taken back
};

static struct pool_draft_edit *
pool_draft_edit(struct pool_draft *d, struct backend *b, uint32_t position, void (*back)(void *), void (*gone)(void *))
{
  struct pool_draft_edit *r = undo_record(sizeof *r, back, gone);
  if (r != NULL)
    *r = (struct pool_draft_edit){.draft = d, .backend = object_ref(b), .position = position};
  return r;
}

static void
pool_draft_forget_edit(void *room)
{
  free(((struct pool_draft_edit *)room)->order);
  object_unref(&((struct pool_draft_edit *)room)->backend);
}

// Entries are added at the end, and edits are taken back in reverse order.
static void
pool_draft_unget(void *room)
{
  struct pool_draft *d = ((struct pool_draft_edit *)room)->draft;
  pool_draft_entry_free(&d->entries[--d->count]);
  d->changed = true;
}

static void
pool_draft_policy_back(void *room)
{
  struct pool_draft *d = ((struct pool_draft_edit *)room)->draft;
  d->policy_changed = true;
  d->changed = true;
}

struct pool_entry *
pool_draft_find(struct pool_draft *d, const char *name)
{
  for (uint32_t i = 0; i < d->count; i++)
    if (strcmp(d->entries[i]->name, name) == 0)
      return d->entries[i];
  return NULL;
}

struct pool_entry *
pool_draft_get(struct pool_draft *d, const char *name)
{
  struct pool_entry *e = pool_draft_find(d, name);
  if (e != NULL)
    return e;
  e = memory_new(sizeof *e);
  e->draft = d;
  e->zero_scope = true;
  e->name = memory_string(name);
  e->state = memory_new(sizeof *e->state);
  object_init(&e->state->object, &pool_state_class);
  d->entries = memory_resize(d->entries, d->count + 1, sizeof d->entries[0]);
  d->entries[d->count++] = e;
  pool_entry_touch(e);
  pool_draft_edit(d, NULL, 0, pool_draft_unget, NULL);
  return e;
}

void
pool_entry_touch(struct pool_entry *e)
{
  e->changed = true;
  e->draft->changed = true;
}

void
pool_entry_set_policy(struct pool_entry *e, struct policy *policy)
{
  pool_entry_edit(e);
  struct policy *old = e->policy;
  e->policy = object_ref(policy);
  object_unref(&old);
}

void
pool_entry_set_cache(struct pool_entry *e, struct packet_cache *cache)
{
  pool_entry_edit(e);
  struct packet_cache *old = e->cache;
  e->cache = object_ref(cache);
  object_unref(&old);
}

void
pool_draft_set_default_policy(struct pool_draft *d, struct policy *policy)
{
  pool_draft_edit(d, NULL, 0, pool_draft_policy_back, NULL);
  undo_object(&d->default_policy);
  struct policy *old = d->default_policy;
  d->default_policy = object_ref(policy);
  object_unref(&old);
  d->policy_changed = true;
  d->changed = true;
}

// Insertion sort by the orders of now: stable, and nearly sorted as it comes.
static void
pool_draft_sort_backends(struct backend **items, uint32_t count)
{
  for (uint32_t i = 1; i < count; i++) {
    struct backend *b = items[i];
    uint32_t at = i;
    for (; at > 0 && items[at - 1]->order > b->order; at--)
      items[at] = items[at - 1];
    items[at] = b;
  }
}

static bool
pool_draft_find_backend(struct backend *const *items, uint32_t count, const struct backend *b, uint32_t *at)
{
  for (*at = 0; *at < count; ++*at)
    if (items[*at] == b)
      return true;
  return false;
}

bool
pool_entry_add(struct pool_entry *e, struct backend *b)
{
  uint32_t at;
  if (pool_draft_find_backend(e->backends, e->count, b, &at))
    return false;
  pool_entry_edit(e);
  if (e->count == e->capacity) {
    e->capacity = e->capacity == 0 ? 4 : e->capacity * 2;
    e->backends = memory_resize(e->backends, e->capacity, sizeof e->backends[0]);
  }
  e->backends[e->count++] = object_ref(b);
  pool_draft_sort_backends(e->backends, e->count);
  return true;
}

bool
pool_entry_remove(struct pool_entry *e, const struct backend *b)
{
  uint32_t at;
  if (!pool_draft_find_backend(e->backends, e->count, b, &at))
    return false;
  pool_entry_edit(e);
  object_unref(&e->backends[at]);
  memmove(e->backends + at, e->backends + at + 1, (e->count - at - 1) * sizeof e->backends[0]);
  e->count--;
  return true;
}

static void
pool_draft_take_out(struct pool_draft *d, uint32_t at)
{
  struct backend *b = d->backends[at];
  memmove(d->backends + at, d->backends + at + 1, (d->backend_count - at - 1) * sizeof d->backends[0]);
  d->backend_count--;
  d->changed = true;
  object_unref(&b);
}

static void
pool_draft_put_in(struct pool_draft *d, uint32_t at, struct backend *b)
{
  d->backends = memory_resize(d->backends, d->backend_count + 1, sizeof d->backends[0]);
  memmove(d->backends + at + 1, d->backends + at, (d->backend_count - at) * sizeof d->backends[0]);
  d->backends[at] = object_ref(b);
  d->backend_count++;
  d->changed = true;
}

static void
pool_draft_unadd(void *room)
{
  struct pool_draft_edit *r = room;
  uint32_t at;
  if (pool_draft_find_backend(r->draft->backends, r->draft->backend_count, r->backend, &at))
    pool_draft_take_out(r->draft, at);
  if (r->order != NULL)
    memcpy(r->draft->backends, r->order, r->draft->backend_count * sizeof r->order[0]);
  atomic_store_explicit(&r->backend->retired, true, memory_order_relaxed); // its health checks end, if they have begun
}

void
pool_draft_add_backend(struct pool_draft *d, struct backend *b)
{
  struct pool_draft_edit *r = pool_draft_edit(d, b, 0, pool_draft_unadd, pool_draft_forget_edit);
  if (r != NULL && d->backend_count > 0)
    r->order = memory_copy(d->backends, d->backend_count * sizeof d->backends[0]);
  pool_draft_put_in(d, d->backend_count, b);
  pool_draft_sort_backends(d->backends, d->backend_count);
}

static void
pool_draft_unremove(void *room)
{
  struct pool_draft_edit *r = room;
  pool_draft_put_in(r->draft, r->position, r->backend);
  r->back = true;
}

// Removed for certain: policies skip it, and its sockets close when nothing is in flight.
static void
pool_draft_removed(void *room)
{
  struct pool_draft_edit *r = room;
  if (!r->back)
    atomic_store_explicit(&r->backend->retired, true, memory_order_relaxed);
  pool_draft_forget_edit(room);
}

bool
pool_draft_remove_backend(struct pool_draft *d, struct backend *b)
{
  uint32_t at;
  if (!pool_draft_find_backend(d->backends, d->backend_count, b, &at))
    return false;
  for (uint32_t i = 0; i < d->count; i++)
    pool_entry_remove(d->entries[i], b);
  if (pool_draft_edit(d, b, at, pool_draft_unremove, pool_draft_removed) == NULL)
    atomic_store_explicit(&b->retired, true, memory_order_relaxed);
  pool_draft_take_out(d, at);
  return true;
}

void
pool_draft_reweighed(struct pool_draft *d, const struct backend *b)
{
  uint32_t at;
  for (uint32_t i = 0; i < d->count; i++) {
    struct pool_entry *e = d->entries[i];
    if (e->built != NULL && e->built->points != NULL && pool_draft_find_backend(e->backends, e->count, b, &at))
      pool_entry_touch(e);
  }
}

static void
pool_draft_entry_free(struct pool_entry **slot)
{
  struct pool_entry *e = *slot;
  *slot = NULL;
  for (uint32_t i = 0; i < e->count; i++)
    object_unref(&e->backends[i]);
  object_unref(&e->policy);
  object_unref(&e->cache);
  object_unref(&e->state);
  object_unref(&e->built);
  free(e->backends);
  free(e->name);
  free(e);
}

void
pool_draft_fini(struct pool_draft *d)
{
  for (uint32_t i = 0; i < d->count; i++)
    pool_draft_entry_free(&d->entries[i]);
  for (uint32_t i = 0; i < d->backend_count; i++)
    object_unref(&d->backends[i]);
  object_unref(&d->default_policy);
  free(d->entries);
  free(d->backends);
  *d = (struct pool_draft){0};
}

// ---- building ----

// Of the backends, when they agree, else of the script.
bool
pool_entry_agree(const struct pool_entry *e, bool *use_ecs, bool *zero_scope)
{
  *use_ecs = e->use_ecs;
  *zero_scope = e->zero_scope;
  for (uint32_t i = 1; i < e->count; i++) {
    const struct backend_options *a = &e->backends[0]->options, *b = &e->backends[i]->options;
    if (a->use_client_subnet != b->use_client_subnet || a->disable_zero_scope != b->disable_zero_scope ||
        a->protocol->stream != b->protocol->stream)
      return false;
  }
  if (e->count > 0) {
    *use_ecs = e->backends[0]->options.use_client_subnet;
    *zero_scope = !e->backends[0]->options.disable_zero_scope;
  }
  return true;
}

static struct pool *
pool_draft_build(const struct pool_entry *e, struct policy *default_policy, const struct settings *settings)
{
  struct pool *pool = pool_new(e->name, e->count);
  pool->policy = object_ref(e->policy != NULL ? e->policy : default_policy);
  pool->has_own_policy = e->policy != NULL;
  pool->cache = object_ref(e->cache);
  pool->state = object_ref(e->state);
  for (uint32_t i = 0; i < e->count; i++)
    pool->backends[i] = object_ref(e->backends[i]);
  pool->consistent = pool_entry_agree(e, &pool->use_ecs, &pool->zero_scope);
  pool->over_streams = pool->consistent && e->count > 0 && e->backends[0]->options.protocol->stream;
  pool->plain = pool->consistent && !pool->use_ecs;
  if (pool->policy->needs_points)
    pool->points = hash_points_build(pool, policy_seed(settings), &pool->point_count);
  return pool;
}

struct pool_table *
pool_table_build(struct pool_draft *d, const struct settings *settings)
{
  struct pool_table *table = pool_table_new(d->count);
  table->default_policy = object_ref(d->default_policy != NULL ? d->default_policy : builtin_policies[0]);
  for (uint32_t i = 0; i < d->count; i++) {
    struct pool_entry *e = d->entries[i];
    if (e->built == NULL || e->changed || (d->policy_changed && e->policy == NULL)) {
      object_unref(&e->built);
      e->built = pool_draft_build(e, table->default_policy, settings);
      e->changed = false;
    }
    table->pools[d->count - 1 - i] = object_ref(e->built);
  }
  d->policy_changed = false;
  pool_table_index(table);
  return table;
}

struct backend_list *
backend_list_build(const struct pool_draft *d)
{
  return backend_list_new(d->backends, d->backend_count);
}
