// SPDX-License-Identifier: BSD-2-Clause
// Rows in the order they came, found through a table of slots.
#include "dnsproxy/guard/tally.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_ROOM = 64 };

void
tally_init(struct tally *t, bool of_names)
{
  *t = (struct tally){.of_names = of_names};
  random_bytes(&t->seed, sizeof t->seed);
}

void
tally_fini(struct tally *t)
{
  free(t->rows);
  free(t->slots);
  t->rows = NULL;
  t->slots = NULL;
}

static uint32_t *
tally_free_slot(struct tally *t, uint64_t hash)
{
  size_t mask = 2 * t->room - 1, at = hash & mask;
  while (t->slots[at] != 0)
    at = (at + 1) & mask;
  return &t->slots[at];
}

static void
tally_grow(struct tally *t)
{
  t->room = t->room > 0 ? 2 * t->room : FIRST_ROOM;
  t->rows = memory_resize(t->rows, t->room, sizeof *t->rows);
  free(t->slots);
  t->slots = memory_array(2 * t->room, sizeof *t->slots);
  for (size_t i = 0; i < t->count; i++)
    *tally_free_slot(t, t->rows[i].hash) = (uint32_t)i + 1;
}

static bool
tally_is_row_of(const struct tally *t, const struct tally_row *row, uint64_t hash, const void *key)
{
  if (row->hash != hash)
    return false;
  return t->of_names ? name_equal(&row->name, key) : address_equal_ip(&row->address, key);
}

// The key's row, which is added when it is new.
static struct tally_row *
tally_row_of(struct tally *t, uint64_t hash, const void *key)
{
  if (t->count == t->room)
    tally_grow(t);
  size_t mask = 2 * t->room - 1;
  for (size_t at = hash & mask; t->slots[at] != 0; at = (at + 1) & mask)
    if (tally_is_row_of(t, &t->rows[t->slots[at] - 1], hash, key))
      return &t->rows[t->slots[at] - 1];
  struct tally_row *row = &t->rows[t->count++];
  *tally_free_slot(t, hash) = (uint32_t)t->count;
  row->hash = hash;
  row->count = 0;
  if (t->of_names) {
    row->name = *(const struct name *)key;
  } else {
    row->address = *(const struct address *)key;
    address_set_port(&row->address, 0);
  }
  return row;
}

void
tally_add_name(struct tally *t, const struct name *name, uint64_t n)
{
  assert(t->of_names);
  tally_row_of(t, name_bytes_hash(name->bytes, name->size, t->seed), name)->count += n;
  t->total += n;
}

void
tally_add_address(struct tally *t, const struct address *address, uint64_t n)
{
  assert(!t->of_names);
  tally_row_of(t, address_hash(address, t->seed), address)->count += n;
  t->total += n;
}

static int
tally_compare_names(const void *a, const void *b)
{
  const struct tally_row *x = a, *y = b;
  return x->count != y->count ? (x->count < y->count ? 1 : -1) : name_compare(&x->name, &y->name);
}

static int
tally_compare_addresses(const void *a, const void *b)
{
  const struct tally_row *x = a, *y = b;
  return x->count != y->count ? (x->count < y->count ? 1 : -1) : address_compare(&x->address, &y->address);
}

void
tally_sort(struct tally *t)
{
  if (t->count > 0)
    qsort(t->rows, t->count, sizeof *t->rows, t->of_names ? tally_compare_names : tally_compare_addresses);
}
