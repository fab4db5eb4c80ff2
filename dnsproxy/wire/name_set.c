// SPDX-License-Identifier: BSD-2-Clause
// Sets of exact names.
#include "dnsproxy/wire/name_set.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/wire/name_table.h"
#include "dnsproxy/wire/words.h"

#include <stdlib.h>
#include <string.h>

struct name_set {
  struct object object;
  uint64_t seed; // of this set: strangers may choose names that are added, never where they collide
  struct name_table table;
};

static void
name_set_free(struct object *object)
{
  struct name_set *set = (struct name_set *)object;
  name_table_fini(&set->table);
  free(set);
}

const struct object_class name_set_class = {.name = "DNSNameSet", .free = name_set_free};

struct name_set *
name_set_new(void)
{
  struct name_set *set = memory_new(sizeof *set);
  object_init(&set->object, &name_set_class);
  random_bytes(&set->seed, sizeof set->seed);
  return set;
}

void
name_set_writable(struct name_set **set)
{
  if (object_refs(*set) == 1)
    return;
  struct name_set *copy = name_set_new();
  copy->seed = (*set)->seed;
  name_table_copy(&copy->table, &(*set)->table);
  object_unref(set);
  *set = copy;
}

bool
name_set_add(struct name_set *set, const struct name *name)
{
  return name_table_add(&set->table, word_hash(name->bytes, name->size, set->seed), name->bytes, name->size);
}

bool
name_set_remove(struct name_set *set, const struct name *name)
{
  return name_table_remove(&set->table, word_hash(name->bytes, name->size, set->seed), name->bytes, name->size);
}

void
name_set_clear(struct name_set *set)
{
  name_table_fini(&set->table);
}

size_t
name_set_count(const struct name_set *set)
{
  return set->table.count;
}

bool
name_set_has(const struct name_set *set, const uint8_t *bytes, size_t size)
{
  return set->table.count > 0 && name_table_find(&set->table, word_hash(bytes, size, set->seed), bytes, size) != 0;
}

void
name_set_each(const struct name_set *set, void (*visit)(const struct name *, void *), void *arg)
{
  for (size_t i = 0; i < set->table.slot_count; i++) {
    if (set->table.slots[i].at == 0)
      continue;
    struct name name;
    const uint8_t *bytes = set->table.arena + set->table.slots[i].at;
    name.size = (uint8_t)name_bytes_size(bytes);
    memcpy(name.bytes, bytes, name.size);
    visit(&name, arg);
  }
}
