// SPDX-License-Identifier: BSD-2-Clause
// Tables shared by threads: parts with a lock, a hash table and a list by last use each.
#include "dnsproxy/base/shared_table.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_MOST = 64, ENTRIES_PER_PART = 256 };

struct entry {
  struct entry *next;          // of the bucket
  struct entry *older, *newer; // by last use
  uint64_t hash, until_us;     // 0: no end
  int kind;
  double number;
  size_t key_size, value_size;
  char bytes[]; // key, value
};

struct part {
  pthread_mutex_t lock;
  struct entry **buckets; // a power of two
  size_t mask, count, most;
  struct entry *oldest, *newest;
};

struct shared_table {
  struct object object;
  uint64_t seed;
  size_t part_count;
  struct part *parts;
};

// ---- a part, locked ----

static void
shared_table_list_remove(struct part *p, struct entry *e)
{
  *(e->older != NULL ? &e->older->newer : &p->oldest) = e->newer;
  *(e->newer != NULL ? &e->newer->older : &p->newest) = e->older;
}

static void
shared_table_list_add(struct part *p, struct entry *e)
{
  e->older = p->newest;
  e->newer = NULL;
  *(p->newest != NULL ? &p->newest->newer : &p->oldest) = e;
  p->newest = e;
}

static void
shared_table_drop(struct part *p, struct entry **at)
{
  struct entry *e = *at;
  *at = e->next;
  shared_table_list_remove(p, e);
  p->count--;
  free(e);
}

static struct entry **
shared_table_bucket_place(struct part *p, const struct entry *e)
{
  struct entry **at = &p->buckets[e->hash & p->mask];
  while (*at != e)
    at = &(*at)->next;
  return at;
}

// Where the entry is, or where it would be: then *place is NULL. One whose time is over goes.
static struct entry **
shared_table_find(struct part *p, uint64_t hash, struct shared_key key, uint64_t now_us)
{
  struct entry **at = &p->buckets[hash & p->mask];
  for (; *at != NULL; at = &(*at)->next) {
    const struct entry *e = *at;
    if (e->hash != hash || e->key_size != key.size || memcmp(e->bytes, key.data, key.size) != 0)
      continue;
    if (e->until_us != 0 && e->until_us <= now_us) {
      shared_table_drop(p, at);
      while (*at != NULL)
        at = &(*at)->next;
    }
    return at;
  }
  return at;
}

static void
shared_table_used(struct part *p, struct entry *e)
{
  if (p->newest == e)
    return;
  shared_table_list_remove(p, e);
  shared_table_list_add(p, e);
}

// False: no memory.
static bool
shared_table_insert(struct part *p, uint64_t hash, struct shared_key key, const struct shared_value *v, uint64_t until_us)
{
  size_t value_size = v->kind == SHARED_STRING ? v->size : 0;
  struct entry *e = malloc(sizeof *e + key.size + value_size);
  if (e == NULL)
    return false;
  *e = (struct entry){.hash = hash, .until_us = until_us, .kind = (int)v->kind, .number = v->number,
                      .key_size = key.size, .value_size = value_size};
  memcpy(e->bytes, key.data, key.size);
  if (value_size > 0)
    memcpy(e->bytes + key.size, v->data, value_size);
  while (p->count >= p->most)
    shared_table_drop(p, shared_table_bucket_place(p, p->oldest));
  struct entry **bucket = &p->buckets[hash & p->mask];
  e->next = *bucket;
  *bucket = e;
  shared_table_list_add(p, e);
  p->count++;
  return true;
}

// ---- life ----

static void
shared_table_part_init(struct part *p, size_t most)
{
  size_t buckets = 8;
  while (buckets < most)
    buckets *= 2;
  pthread_mutex_init(&p->lock, NULL);
  p->buckets = memory_array(buckets, sizeof(struct entry *));
  p->mask = buckets - 1;
  p->most = most;
}

static void
shared_table_part_clear(struct part *p)
{
  while (p->oldest != NULL)
    shared_table_drop(p, shared_table_bucket_place(p, p->oldest));
}

struct shared_table *
shared_table_new(size_t max_entries)
{
  struct shared_table *t = memory_new(sizeof *t);
  object_init(&t->object, &shared_table_class);
  random_bytes(&t->seed, sizeof t->seed);
  t->part_count = max_entries / ENTRIES_PER_PART;
  t->part_count = t->part_count < 1 ? 1 : t->part_count > PARTS_MOST ? PARTS_MOST : t->part_count;
  t->parts = memory_array(t->part_count, sizeof *t->parts);
  for (size_t i = 0; i < t->part_count; i++)
    shared_table_part_init(&t->parts[i], (max_entries + t->part_count - 1) / t->part_count);
  return t;
}

static void
shared_table_free(struct object *o)
{
  struct shared_table *t = (struct shared_table *)(void *)o;
  for (size_t i = 0; i < t->part_count; i++) {
    shared_table_part_clear(&t->parts[i]);
    free(t->parts[i].buckets);
    pthread_mutex_destroy(&t->parts[i].lock);
  }
  free(t->parts);
  free(t);
}

const struct object_class shared_table_class = {.name = "SharedTable", .free = shared_table_free};

// ---- use ----

static struct part *
shared_table_part_lock(struct shared_table *t, struct shared_key key, uint64_t *hash)
{
  *hash = hash_bytes(key.data, key.size, t->seed);
  struct part *p = &t->parts[(*hash >> 32) % t->part_count];
  pthread_mutex_lock(&p->lock);
  return p;
}

// False: no memory for the copy.
static bool
shared_table_value_copy(const struct entry *e, struct shared_value *out)
{
  *out = (struct shared_value){.number = e->number, .size = e->value_size};
  out->kind = (unsigned)e->kind;
  if (e->kind != SHARED_STRING)
    return true;
  char *data = malloc(e->value_size + 1);
  if (data == NULL)
    return false;
  memcpy(data, e->bytes + e->key_size, e->value_size);
  data[e->value_size] = '\0';
  out->data = data;
  return true;
}

bool
shared_table_get(struct shared_table *t, struct shared_key key, uint64_t now_us, struct shared_value *out)
{
  uint64_t hash;
  struct part *p = shared_table_part_lock(t, key, &hash);
  struct entry *e = *shared_table_find(p, hash, key, now_us);
  bool got = e != NULL && shared_table_value_copy(e, out);
  if (got)
    shared_table_used(p, e);
  pthread_mutex_unlock(&p->lock);
  return got;
}

bool
shared_table_set(struct shared_table *t, struct shared_key key, const struct shared_value *v, uint64_t now_us, uint64_t until_us,
                 bool only_new)
{
  uint64_t hash;
  if (key.size > SHARED_KEY_MAX || (v->kind == SHARED_STRING && v->size > SHARED_VALUE_MAX))
    return false;
  struct part *p = shared_table_part_lock(t, key, &hash);
  struct entry **at = shared_table_find(p, hash, key, now_us);
  bool taken = *at != NULL && only_new;
  if (*at != NULL && !taken)
    shared_table_drop(p, at);
  bool good = !taken && shared_table_insert(p, hash, key, v, until_us);
  pthread_mutex_unlock(&p->lock);
  return good;
}

bool
shared_table_add(struct shared_table *t, struct shared_key key, double step, uint64_t now_us, uint64_t until_us, double *sum)
{
  uint64_t hash;
  if (key.size > SHARED_KEY_MAX)
    return false;
  struct part *p = shared_table_part_lock(t, key, &hash);
  struct entry *e = *shared_table_find(p, hash, key, now_us);
  bool good =
      e != NULL ? e->kind == SHARED_NUMBER
                : shared_table_insert(p, hash, key, &(struct shared_value){.kind = SHARED_NUMBER, .number = step}, until_us);
  if (e != NULL && good) {
    e->number += step;
    shared_table_used(p, e);
  }
  *sum = !good ? 0 : e != NULL ? e->number : step;
  pthread_mutex_unlock(&p->lock);
  return good;
}

bool
shared_table_remove(struct shared_table *t, struct shared_key key, uint64_t now_us)
{
  uint64_t hash;
  struct part *p = shared_table_part_lock(t, key, &hash);
  struct entry **at = shared_table_find(p, hash, key, now_us);
  bool there = *at != NULL;
  if (there)
    shared_table_drop(p, at);
  pthread_mutex_unlock(&p->lock);
  return there;
}

void
shared_table_clear(struct shared_table *t)
{
  for (size_t i = 0; i < t->part_count; i++) {
    pthread_mutex_lock(&t->parts[i].lock);
    shared_table_part_clear(&t->parts[i]);
    pthread_mutex_unlock(&t->parts[i].lock);
  }
}

static void
shared_table_count_one(struct shared_key key, const struct shared_value *v, void *arg)
{
  (void)key, (void)v;
  (*(size_t *)arg)++;
}

size_t
shared_table_count(struct shared_table *t, uint64_t now_us)
{
  size_t count = 0;
  shared_table_each(t, now_us, shared_table_count_one, &count);
  return count;
}

void
shared_table_each(struct shared_table *t, uint64_t now_us, void (*visit)(struct shared_key, const struct shared_value *, void *),
                  void *arg)
{
  for (size_t i = 0; i < t->part_count; i++) {
    struct part *p = &t->parts[i];
    pthread_mutex_lock(&p->lock);
    for (const struct entry *e = p->oldest; e != NULL; e = e->newer) {
      struct shared_value v = {.number = e->number, .data = e->bytes + e->key_size, .size = e->value_size};
      v.kind = (unsigned)e->kind;
      if (e->until_us == 0 || e->until_us > now_us)
        visit((struct shared_key){e->bytes, e->key_size}, &v, arg);
    }
    pthread_mutex_unlock(&p->lock);
  }
}
