// SPDX-License-Identifier: BSD-2-Clause
// Pools as snapshots hold them: life, look-up by name, is anybody up.
#include "dnsproxy/backends/pool.h"

#include "dnsproxy/base/memory.h"

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
