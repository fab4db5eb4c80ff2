// SPDX-License-Identifier: BSD-2-Clause
// Tables of blocks in shards, and what waits to be freed.
#include "dnsproxy/guard/dynblock_table.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct dynblock_shard {
  struct object object;
  uint32_t count, capacity; // a power of two, at least twice the count
  struct dynblock *slots[]; // one reference each
};

static void
dynblock_table_shard_free(struct object *object)
{
  struct dynblock_shard *s = (struct dynblock_shard *)(void *)object;
  for (uint32_t i = 0; i < s->capacity; i++)
    object_unref(&s->slots[i]);
  free(s);
}
static const struct object_class shard_class = {.name = "blocks", .free = dynblock_table_shard_free};

// ---- probing: for packets, so nothing is copied that need not be ----

static uint64_t
dynblock_table_address_key_hash(const struct dynblock_table *t, const struct address *masked, unsigned bits,
                                unsigned port_bits)
{
  return address_hash(masked, t->seed ^ ((uint64_t)bits << 32 | (uint64_t)port_bits << 40 | address_port(masked)));
}

static struct dynblock *const *
dynblock_table_probe_address(const struct dynblock_shard *s, uint64_t hash, const struct address *masked, unsigned bits,
                             unsigned port_bits)
{
  size_t at = hash & (s->capacity - 1);
  for (const struct dynblock *b; (b = s->slots[at]) != NULL; at = (at + 1) & (s->capacity - 1))
    if (b->key.bits == bits && b->key.port_bits == port_bits && address_equal(&b->key.address, masked))
      break;
  return &s->slots[at];
}

static struct dynblock *const *
dynblock_table_probe_suffix(const struct dynblock_shard *s, uint64_t hash, const uint8_t *bytes, size_t size)
{
  size_t at = hash & (s->capacity - 1);
  for (const struct dynblock *b; (b = s->slots[at]) != NULL; at = (at + 1) & (s->capacity - 1))
    if (name_bytes_equal(b->key.suffix.bytes, b->key.suffix.size, bytes, size))
      break;
  return &s->slots[at];
}

static inline const struct dynblock_shard *
dynblock_table_shard_of(const struct dynblock_table *t, uint64_t hash)
{
  return t->shards[hash >> (64 - DYNBLOCK_SHARD_BITS)];
}

static struct dynblock *
dynblock_table_find_address(const struct dynblock_table *t, const struct address *masked, unsigned bits, unsigned port_bits)
{
  uint64_t hash = dynblock_table_address_key_hash(t, masked, bits, port_bits);
  const struct dynblock_shard *s = dynblock_table_shard_of(t, hash);
  return s == NULL ? NULL : *dynblock_table_probe_address(s, hash, masked, bits, port_bits);
}

static struct dynblock *
dynblock_table_find_suffix(const struct dynblock_table *t, const uint8_t *bytes, size_t size)
{
  uint64_t hash = name_bytes_hash(bytes, size, t->seed);
  const struct dynblock_shard *s = dynblock_table_shard_of(t, hash);
  return s == NULL ? NULL : *dynblock_table_probe_suffix(s, hash, bytes, size);
}

struct dynblock *
dynblock_table_get(const struct dynblock_table *t, const struct dynblock_key *key)
{
  return key->is_suffix ? dynblock_table_find_suffix(t, key->suffix.bytes, key->suffix.size)
                        : dynblock_table_find_address(t, &key->address, key->bits, key->port_bits);
}

// ---- shards ----

static uint64_t
dynblock_table_key_hash(const struct dynblock_table *t, const struct dynblock_key *key)
{
  return key->is_suffix ? name_bytes_hash(key->suffix.bytes, key->suffix.size, t->seed)
                        : dynblock_table_address_key_hash(t, &key->address, key->bits, key->port_bits);
}

static struct dynblock **
dynblock_table_shard_slot(struct dynblock_shard *s, uint64_t hash, const struct dynblock_key *key)
{
  return (struct dynblock **)(key->is_suffix
                                  ? dynblock_table_probe_suffix(s, hash, key->suffix.bytes, key->suffix.size)
                                  : dynblock_table_probe_address(s, hash, &key->address, key->bits, key->port_bits));
}

// With room for one more than `count`. The blocks of `from` that are not over by then are in it.
static struct dynblock_shard *
dynblock_table_shard_new(const struct dynblock_table *t, const struct dynblock_shard *from, uint32_t count, uint64_t now_us)
{
  uint32_t capacity = 4;
  while (capacity < 2 * (count + 1))
    capacity *= 2;
  struct dynblock_shard *s = memory_new(sizeof *s + capacity * sizeof s->slots[0]);
  object_init(&s->object, &shard_class);
  s->capacity = capacity;
  for (uint32_t i = 0; from != NULL && i < from->capacity; i++) {
    struct dynblock *b = from->slots[i];
    if (b == NULL || b->until_us <= now_us)
      continue;
    *dynblock_table_shard_slot(s, dynblock_table_key_hash(t, &b->key), &b->key) = object_ref(b);
    s->count++;
  }
  return s;
}

// ---- life ----

static _Atomic(struct dynblock_table *) graveyard;

struct dynblock_table *
dynblock_table_new(void)
{
  struct dynblock_table *t = memory_new(sizeof *t);
  random_bytes(&t->seed, sizeof t->seed);
  return t;
}

void
dynblock_table_free(struct dynblock_table **slot)
{
  struct dynblock_table *t = *slot;
  *slot = NULL;
  if (t == NULL)
    return;
  t->given_back = 0;
  t->next = atomic_load_explicit(&graveyard, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&graveyard, &t->next, t, memory_order_release, memory_order_relaxed))
    ;
}

// Some of a table's shards; the work it was.
static size_t
dynblock_table_give_back(struct dynblock_table *t, size_t enough)
{
  size_t work = 1;
  for (; t->given_back < DYNBLOCK_SHARDS && work < enough; t->given_back++) {
    struct dynblock_shard **s = &t->shards[t->given_back];
    if (*s == NULL)
      continue;
    work += object_refs(*s) == 1 ? 1 + (*s)->count : 1;
    object_unref(s);
  }
  return work;
}

void
dynblock_reap(size_t enough)
{
  static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;
  static struct dynblock_table *begun; // and those behind it
  if (pthread_mutex_trylock(&busy) != 0)
    return; // somebody is at it
  for (size_t work = 0; work < enough;) {
    if (begun == NULL)
      begun = atomic_exchange_explicit(&graveyard, NULL, memory_order_acquire);
    if (begun == NULL)
      break;
    work += dynblock_table_give_back(begun, enough - work);
    if (begun->given_back < DYNBLOCK_SHARDS)
      break;
    struct dynblock_table *next = begun->next;
    free(begun->shapes);
    free(begun);
    begun = next;
  }
  pthread_mutex_unlock(&busy);
}

struct dynblock_table *
dynblock_table_copy(const struct dynblock_table *from)
{
  struct dynblock_table *t = memory_copy(from, sizeof *from);
  for (unsigned i = 0; i < DYNBLOCK_SHARDS; i++)
    object_ref(t->shards[i]);
  t->shapes = memory_array(t->shape_count + 1, sizeof *t->shapes);
  if (t->shape_count > 0)
    memcpy(t->shapes, from->shapes, t->shape_count * sizeof *t->shapes);
  return t;
}

// ---- shapes ----

static struct dynblock_shape
dynblock_table_shape_of(const struct dynblock_key *key)
{
  if (key->is_suffix)
    return (struct dynblock_shape){.bits = (uint8_t)name_bytes_labels(key->suffix.bytes)};
  return (struct dynblock_shape){.v6 = address_is_v6(&key->address), .bits = key->bits, .port_bits = key->port_bits};
}

static bool
dynblock_table_longer(const struct dynblock_shape *a, const struct dynblock_shape *b)
{
  return a->bits != b->bits ? a->bits > b->bits : a->port_bits > b->port_bits;
}

static void
dynblock_table_shape_add(struct dynblock_table *t, const struct dynblock_key *key)
{
  struct dynblock_shape s = dynblock_table_shape_of(key);
  unsigned at = 0;
  for (; at < t->shape_count && !dynblock_table_longer(&s, &t->shapes[at]); at++)
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

static void
dynblock_table_shape_remove(struct dynblock_table *t, const struct dynblock_key *key)
{
  struct dynblock_shape s = dynblock_table_shape_of(key);
  for (unsigned i = 0; i < t->shape_count; i++) {
    struct dynblock_shape *at = &t->shapes[i];
    if (at->v6 != s.v6 || at->bits != s.bits || at->port_bits != s.port_bits)
      continue;
    if (--at->blocks == 0)
      memmove(at, at + 1, (--t->shape_count - i) * sizeof *at);
    return;
  }
}

// ---- edits ----

void
dynblock_table_put(struct dynblock_table *t, struct dynblock *b)
{
  uint64_t hash = dynblock_table_key_hash(t, &b->key);
  struct dynblock_shard **at = &t->shards[hash >> (64 - DYNBLOCK_SHARD_BITS)], *s = *at;
  if (s == NULL || object_refs(s) > 1 || 2 * (s->count + 1) > s->capacity) {
    struct dynblock_shard *own = dynblock_table_shard_new(t, s, s == NULL ? 0 : s->count, 0);
    object_unref(at);
    *at = s = own;
  }
  struct dynblock **slot = dynblock_table_shard_slot(s, hash, &b->key);
  if (*slot == NULL) {
    s->count++;
    t->count++;
    dynblock_table_shape_add(t, &b->key);
  }
  object_unref(slot);
  *slot = b;
}

static bool
dynblock_table_sweep_shard(struct dynblock_table *t, struct dynblock_shard **at, uint64_t now_us)
{
  uint32_t over = 0;
  for (uint32_t i = 0; i < (*at)->capacity; i++) {
    const struct dynblock *b = (*at)->slots[i];
    if (b != NULL && b->until_us <= now_us) {
      over++;
      dynblock_table_shape_remove(t, &b->key);
    }
  }
  if (over == 0)
    return false;
  uint32_t left = (*at)->count - over;
  struct dynblock_shard *kept = left == 0 ? NULL : dynblock_table_shard_new(t, *at, left, now_us);
  object_unref(at);
  *at = kept;
  t->count -= over;
  return true;
}

bool
dynblock_table_sweep(struct dynblock_table *t, unsigned *at, size_t enough, uint64_t now_us)
{
  bool gone = false;
  for (size_t seen = 0; *at < DYNBLOCK_SHARDS && seen < enough; (*at)++)
    if (t->shards[*at] != NULL) {
      seen += t->shards[*at]->count;
      gone |= dynblock_table_sweep_shard(t, &t->shards[*at], now_us);
    }
  return gone;
}

void
dynblock_table_each(const struct dynblock_table *t, void (*visit)(struct dynblock *, void *), void *arg)
{
  for (unsigned i = 0; i < DYNBLOCK_SHARDS; i++)
    for (uint32_t j = 0; t->shards[i] != NULL && j < t->shards[i]->capacity; j++)
      if (t->shards[i]->slots[j] != NULL)
        visit(t->shards[i]->slots[j], arg);
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
    struct dynblock *b = dynblock_unexpired(dynblock_table_find_address(t, &masked, s->bits, s->port_bits), now_us);
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
    struct dynblock *b =
        dynblock_unexpired(dynblock_table_find_suffix(t, at, name->size - (size_t)(at - name->bytes)), now_us);
    if (b != NULL)
      return b;
  }
  return NULL;
}
