// SPDX-License-Identifier: BSD-2-Clause
// Tables of counts by key, one per worker, and what they are together.
#include "dnsproxy/guard/query_counts.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  struct entry *next;
  uint64_t hash, count;
  uint32_t size;
  char key[]; // NUL-terminated
};

enum { BUCKETS = 16384 };

struct table {
  pthread_mutex_t lock;
  uint64_t missed;
  size_t count;
  struct entry *buckets[BUCKETS];
};

static struct table *_Atomic tables[WORKERS_MAX]; // made by their workers
static _Atomic uint64_t seed;                     // 0: not drawn yet
static _Atomic(query_count_filter_fn) filter;

void
query_counts_use_filter(query_count_filter_fn use)
{
  atomic_store_explicit(&filter, use, memory_order_release);
}

// The same for all workers, so that tables can be merged.
static uint64_t
query_counts_seed_of(struct worker *w)
{
  uint64_t known = atomic_load_explicit(&seed, memory_order_relaxed), drawn;
  if (known != 0)
    return known;
  drawn = random_next(&w->random) | 1;
  return atomic_compare_exchange_strong(&seed, &known, drawn) ? drawn : known;
}

static struct table *
query_counts_table_of(struct worker *w)
{
  struct table *t = atomic_load_explicit(&tables[w->id], memory_order_relaxed);
  if (t != NULL)
    return t;
  t = calloc(1, sizeof *t);
  if (t == NULL)
    return NULL;
  pthread_mutex_init(&t->lock, NULL);
  atomic_store_explicit(&tables[w->id], t, memory_order_release);
  return t;
}

// Room for a key that is new; NULL: there is none.
static struct entry *
query_counts_entry_add(struct table *t, struct entry **at, const char *key, size_t size, uint64_t hash)
{
  struct entry *e = t->count < QUERY_COUNT_KEYS ? malloc(sizeof *e + size + 1) : NULL;
  if (e == NULL)
    return NULL;
  *e = (struct entry){.next = NULL, .hash = hash, .size = (uint32_t)size};
  memcpy(e->key, key, size);
  e->key[size] = '\0';
  *at = e;
  t->count++;
  return e;
}

static void
query_counts_add_it(struct table *t, const char *key, size_t size, uint64_t hash)
{
  struct entry **at = &t->buckets[hash % BUCKETS];
  while (*at != NULL && ((*at)->hash != hash || (*at)->size != size || memcmp((*at)->key, key, size) != 0))
    at = &(*at)->next;
  struct entry *e = *at != NULL ? *at : query_counts_entry_add(t, at, key, size, hash);
  if (e != NULL)
    e->count++;
  else
    t->missed++;
}

static size_t
query_counts_name_key(const struct query *q, char *key)
{
  struct name lower = {.size = q->qname.size};
  name_bytes_lower(lower.bytes, q->qname.bytes, q->qname.size);
  return strlen(name_text(&lower, key));
}

void
query_counts_add(struct query *q, struct script *by)
{
  char key[QUERY_COUNT_KEY_SIZE];
  size_t size;
  query_count_filter_fn ask = by == NULL ? NULL : atomic_load_explicit(&filter, memory_order_acquire);
  if (ask == NULL)
    size = query_counts_name_key(q, key);
  else if (!ask(by, q, key, &size))
    return;
  struct table *t = query_counts_table_of(q->worker);
  if (t == NULL)
    return;
  uint64_t hash = hash_bytes(key, size, query_counts_seed_of(q->worker));
  pthread_mutex_lock(&t->lock);
  query_counts_add_it(t, key, size, hash);
  pthread_mutex_unlock(&t->lock);
}

// ---- reading ----

static void
query_counts_copy_entries(const struct table *t, struct query_count **rows, size_t *count)
{
  *rows = memory_resize(*rows, *count + t->count, sizeof **rows);
  for (size_t i = 0; i < BUCKETS; i++)
    for (const struct entry *e = t->buckets[i]; e != NULL; e = e->next)
      (*rows)[(*count)++] =
          (struct query_count){.key = memory_copy(e->key, e->size + 1u), .size = e->size, .count = e->count};
}

static int
query_counts_by_key(const void *one, const void *other)
{
  const struct query_count *a = one, *b = other;
  int order = memcmp(a->key, b->key, a->size < b->size ? a->size : b->size);
  return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static int
query_counts_by_count(const void *one, const void *other)
{
  const struct query_count *a = one, *b = other;
  return a->count != b->count ? (a->count < b->count ? 1 : -1) : query_counts_by_key(one, other);
}

// Rows of the same key, of several workers, become one.
static size_t
query_counts_merge(struct query_count *rows, size_t count)
{
  size_t kept = 0;
  qsort(rows, count, sizeof *rows, query_counts_by_key);
  for (size_t i = 0; i < count; i++) {
    if (kept > 0 && query_counts_by_key(&rows[kept - 1], &rows[i]) == 0) {
      rows[kept - 1].count += rows[i].count;
      free(rows[i].key);
    } else {
      rows[kept++] = rows[i];
    }
  }
  return kept;
}

size_t
query_counts_read(struct query_count **rows, uint64_t *missed)
{
  size_t count = 0;
  *rows = NULL;
  *missed = 0;
  for (unsigned i = 0; i < WORKERS_MAX; i++) {
    struct table *t = atomic_load_explicit(&tables[i], memory_order_acquire);
    if (t == NULL)
      continue;
    pthread_mutex_lock(&t->lock);
    query_counts_copy_entries(t, rows, &count);
    *missed += t->missed;
    pthread_mutex_unlock(&t->lock);
  }
  if (count == 0)
    return 0;
  count = query_counts_merge(*rows, count);
  qsort(*rows, count, sizeof **rows, query_counts_by_count);
  return count;
}

void
query_counts_free(struct query_count **rows, size_t count)
{
  for (size_t i = 0; i < count; i++)
    free((*rows)[i].key);
  free(*rows);
  *rows = NULL;
}

size_t
query_counts_keys(void)
{
  struct query_count *rows;
  uint64_t missed;
  size_t count = query_counts_read(&rows, &missed);
  query_counts_free(&rows, count);
  return count;
}

// Emptied in place: its worker may be waiting for the lock.
static void
query_counts_table_clear(struct table *t)
{
  for (size_t i = 0; i < BUCKETS; i++)
    while (t->buckets[i] != NULL) {
      struct entry *e = t->buckets[i];
      t->buckets[i] = e->next;
      free(e);
    }
  t->count = 0;
  t->missed = 0;
}

void
query_counts_clear(void)
{
  for (unsigned i = 0; i < WORKERS_MAX; i++) {
    struct table *t = atomic_load_explicit(&tables[i], memory_order_acquire);
    if (t == NULL)
      continue;
    pthread_mutex_lock(&t->lock);
    query_counts_table_clear(t);
    pthread_mutex_unlock(&t->lock);
  }
}

void
query_counts_close(void)
{
  for (unsigned i = 0; i < WORKERS_MAX; i++) {
    struct table *t = atomic_exchange(&tables[i], NULL);
    if (t == NULL)
      continue;
    query_counts_table_clear(t);
    pthread_mutex_destroy(&t->lock);
    free(t);
  }
}
