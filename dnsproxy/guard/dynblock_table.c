// SPDX-License-Identifier: BSD-2-Clause
// Tables of blocks: one probe for each shape of key (family, bits, port bits; labels) that some block has.
#include "dnsproxy/guard/dynblock_table.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"

#include <stdlib.h>
#include <string.h>

// ---- probing: for packets, so nothing is copied that need not be ----

static struct dynblock **
probe_address(const struct dynblock_table *t, const struct address *masked, unsigned bits, unsigned port_bits)
{
  uint64_t seed = t->seed ^ ((uint64_t)bits << 32 | (uint64_t)port_bits << 40 | address_port(masked));
  size_t at = address_hash(masked, seed) & (t->capacity - 1);
  for (const struct dynblock *b; (b = t->slots[at]) != NULL; at = (at + 1) & (t->capacity - 1))
    if (b->key.bits == bits && b->key.port_bits == port_bits && address_equal(&b->key.address, masked))
      break;
  return &t->slots[at];
}

static struct dynblock **
probe_suffix(const struct dynblock_table *t, const uint8_t *bytes, size_t size)
{
  size_t at = name_bytes_hash(bytes, size, t->seed) & (t->capacity - 1);
  for (const struct dynblock *b; (b = t->slots[at]) != NULL; at = (at + 1) & (t->capacity - 1))
    if (name_bytes_equal(b->key.suffix.bytes, b->key.suffix.size, bytes, size))
      break;
  return &t->slots[at];
}

struct dynblock **
dynblock_table_slot(const struct dynblock_table *t, const struct dynblock_key *key)
{
  return key->is_suffix ? probe_suffix(t, key->suffix.bytes, key->suffix.size)
                        : probe_address(t, &key->address, key->bits, key->port_bits);
}

// ---- life ----

struct dynblock_table *
dynblock_table_new(void)
{
  enum { CAPACITY = 16 };
  struct dynblock_table *t = memory_new(sizeof *t);
  random_bytes(&t->seed, sizeof t->seed);
  t->capacity = CAPACITY;
  t->slots = memory_array(t->capacity, sizeof(struct dynblock *));
  return t;
}

void
dynblock_table_free(struct dynblock_table **slot)
{
  struct dynblock_table *t = *slot;
  *slot = NULL;
  if (t == NULL)
    return;
  for (size_t i = 0; i < t->capacity; i++)
    object_unref(&t->slots[i]);
  free(t->slots);
  free(t->shapes);
  free(t);
}

struct dynblock_table *
dynblock_table_copy(const struct dynblock_table *from)
{
  struct dynblock_table *t = memory_new(sizeof *t);
  *t = *from;
  t->slots = memory_array(t->capacity, sizeof(struct dynblock *));
  for (size_t i = 0; i < t->capacity; i++)
    t->slots[i] = object_ref(from->slots[i]);
  t->shapes = memory_array(t->shape_count + 1, sizeof *t->shapes);
  if (t->shape_count > 0)
    memcpy(t->shapes, from->shapes, t->shape_count * sizeof *t->shapes);
  return t;
}

// ---- shapes ----

static struct dynblock_shape
shape_of(const struct dynblock_key *key)
{
  if (key->is_suffix)
    return (struct dynblock_shape){.bits = (uint8_t)name_bytes_labels(key->suffix.bytes)};
  return (struct dynblock_shape){.v6 = address_is_v6(&key->address), .bits = key->bits, .port_bits = key->port_bits};
}

static bool
longer(const struct dynblock_shape *a, const struct dynblock_shape *b)
{
  return a->bits != b->bits ? a->bits > b->bits : a->port_bits > b->port_bits;
}

static void
shape_add(struct dynblock_table *t, const struct dynblock_key *key)
{
  struct dynblock_shape s = shape_of(key);
  unsigned at = 0;
  for (; at < t->shape_count && !longer(&s, &t->shapes[at]); at++)
    if (t->shapes[at].v6 == s.v6 && t->shapes[at].bits == s.bits && t->shapes[at].port_bits == s.port_bits) {
      t->shapes[at].blocks++;
      return;
    }
  t->shapes = memory_resize(t->shapes, t->shape_count + 1, sizeof *t->shapes);
  memmove(&t->shapes[at + 1], &t->shapes[at], (t->shape_count - at) * sizeof *t->shapes);
  s.blocks = 1;
  t->shapes[at] = s;
  t->shape_count++;
}

void
dynblock_table_put(struct dynblock_table *t, struct dynblock *b)
{
  struct dynblock **slot = dynblock_table_slot(t, &b->key);
  if (*slot == NULL) {
    t->count++;
    shape_add(t, &b->key);
  }
  object_unref(slot);
  *slot = b;
  if (2 * t->count <= t->capacity)
    return;
  struct dynblock **old = t->slots;
  size_t capacity = t->capacity;
  t->capacity *= 2;
  t->slots = memory_array(t->capacity, sizeof(struct dynblock *));
  for (size_t i = 0; i < capacity; i++)
    if (old[i] != NULL)
      *dynblock_table_slot(t, &old[i]->key) = old[i];
  free(old);
}

// ---- looking up ----

struct dynblock *
dynblock_find_client(const struct dynblock_set *set, const struct address *client, uint64_t now_us)
{
  const struct dynblock_table *t = set->addresses;
  bool v6 = address_is_v6(client);
  for (unsigned i = 0; i < t->shape_count; i++) {
    const struct dynblock_shape *s = &t->shapes[i];
    if (s->v6 != v6)
      continue;
    struct address masked = *client;
    dynblock_mask(&masked, s->bits, s->port_bits);
    struct dynblock *b = dynblock_unexpired(*probe_address(t, &masked, s->bits, s->port_bits), now_us);
    if (b != NULL)
      return b;
  }
  return NULL;
}

struct dynblock *
dynblock_find_name(const struct dynblock_set *set, const struct name *name, uint64_t now_us)
{
  const struct dynblock_table *t = set->suffixes;
  if (t->count == 0)
    return NULL;
  unsigned labels = name_bytes_labels(name->bytes);
  const uint8_t *at = name->bytes;
  for (unsigned i = 0; i < t->shape_count; i++) {
    if (t->shapes[i].bits > labels)
      continue;
    while (labels > t->shapes[i].bits) {
      at += *at + 1;
      labels--;
    }
    struct dynblock *b = dynblock_unexpired(*probe_suffix(t, at, name->size - (size_t)(at - name->bytes)), now_us);
    if (b != NULL)
      return b;
  }
  return NULL;
}
