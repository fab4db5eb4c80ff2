// SPDX-License-Identifier: BSD-2-Clause
// The packet cache under several workers and a control thread at once: every hit is the answer to its question.
// Meant to be run with -fsanitize=thread and address as well.
#include "tests/cache_samples.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WORKERS = 4, NAMES = 600, SIZE = 200, ROUNDS = 1500, BATCH = 16, NOW = 1000 };

struct shared {
  struct packet_cache *cache;
  struct sample_query queries[NAMES];
  _Atomic unsigned working;
  _Atomic unsigned wrong;
  _Atomic uint64_t hits;
};

struct worker_arg {
  struct shared *shared;
  unsigned id;
};

static void
name_of(unsigned i, char *out, size_t size)
{
  snprintf(out, size, "n%u.example.com", i);
}

// The record's data say which name they are for; larger ones have more of them.
static void
store(struct shared *s, unsigned i, uint32_t now_s)
{
  char name[64];
  name_of(i, name, sizeof name);
  struct sample_record records[8];
  unsigned count = 1 + i % 8;
  for (unsigned r = 0; r < count; r++)
    records[r] = (struct sample_record){1, QTYPE_A, 5 + i % 20, 4, (uint8_t)i};
  sample_store(s->cache, &s->queries[i], &(struct sample){.name = name, .records = records, .record_count = count}, now_s);
}

static bool
is_right(unsigned i, const uint8_t *out, size_t size)
{
  struct record_walk walk;
  struct record r;
  unsigned count = 0;
  if (!record_walk_init(&walk, out, size))
    return false;
  while (record_next(&walk, &r)) {
    if (out[r.rdata] != (uint8_t)i || out[r.rdata + 3] != (uint8_t)i)
      return false;
    count++;
  }
  return !walk.malformed && count == 1 + i % 8;
}

static void
ask(struct shared *s, unsigned i, uint32_t now_s)
{
  uint8_t out[512];
  size_t size;
  if (sample_find(s->cache, &s->queries[i], now_s, 0, out, &size) == CACHE_MISS) {
    store(s, i, now_s);
    return;
  }
  atomic_fetch_add_explicit(&s->hits, 1, memory_order_relaxed);
  if (!is_right(i, out, size))
    atomic_fetch_add_explicit(&s->wrong, 1, memory_order_relaxed);
}

static void *
work(void *arg)
{
  struct worker_arg *w = arg;
  struct shared *s = w->shared;
  uint32_t random = w->id * 7919 + 1;
  for (unsigned round = 0; round < ROUNDS; round++) {
    unsigned names[BATCH];
    epoch_enter(w->id);
    for (unsigned i = 0; i < BATCH; i++) {
      random = random * 1664525 + 1013904223;
      names[i] = (random >> 8) % (random >> 31 ? NAMES : NAMES / 10);
      packet_cache_prefetch(s->cache, s->queries[names[i]].key.hash);
    }
    for (unsigned i = 0; i < BATCH; i++)
      packet_cache_prefetch_entry(s->cache, s->queries[names[i]].key.hash);
    for (unsigned i = 0; i < BATCH; i++)
      ask(s, names[i], NOW + round / 100);
    if (round % 64 == 0)
      epoch_leave(w->id);
  }
  epoch_leave(w->id);
  atomic_fetch_sub(&s->working, 1);
  return NULL;
}

// Reads all of it, for the sanitizers to see. An entry that moves on may be seen twice.
static void
touch_entry(const struct packet_cache_entry *e, void *arg)
{
  uint8_t copy[512];
  memcpy(copy, e->answer, e->size);
  *(size_t *)arg += e->size + copy[0];
}

static void *
control(void *arg)
{
  struct shared *s = arg;
  struct name suffix = sample_name("n7.example.com");
  for (unsigned i = 0; atomic_load(&s->working) > 0; i++) {
    struct packet_cache_stats stats;
    size_t bytes = 0;
    packet_cache_purge_expired(s->cache, i % 2 ? 0 : SIZE / 2, NOW + i / 100);
    packet_cache_expunge_name(s->cache, &suffix, QTYPE_ANY, true);
    packet_cache_each(s->cache, NOW, touch_entry, &bytes);
    if (i % 16 == 0)
      packet_cache_expunge(s->cache, 100);
    packet_cache_stats(s->cache, &stats);
    if (stats.entries > SIZE || bytes > SIZE * 512)
      atomic_fetch_add(&s->wrong, 1);
    sched_yield();
  }
  return NULL;
}

static void
run(bool deferrable)
{
  static struct shared s;
  struct packet_cache_options options = PACKET_CACHE_OPTIONS_DEFAULT;
  options.deferrable_insert_lock = deferrable;
  s.cache = packet_cache_new(SIZE, &options);
  for (unsigned i = 0; i < NAMES; i++) {
    char name[64];
    name_of(i, name, sizeof name);
    s.queries[i] = sample_ask_name(s.cache, name);
  }
  s.hits = 0;
  s.working = WORKERS;
  pthread_t threads[WORKERS + 1];
  struct worker_arg args[WORKERS];
  for (unsigned i = 0; i < WORKERS; i++) {
    args[i] = (struct worker_arg){&s, i};
    assert_int_equal(pthread_create(&threads[i], NULL, work, &args[i]), 0);
  }
  assert_int_equal(pthread_create(&threads[WORKERS], NULL, control, &s), 0);
  for (unsigned i = 0; i <= WORKERS; i++)
    pthread_join(threads[i], NULL);
  struct packet_cache_stats stats;
  packet_cache_stats(s.cache, &stats);
  assert_int_equal(s.wrong, 0);
  assert_true(s.hits > 0);
  assert_int_equal(stats.hits, s.hits);
  assert_int_equal(stats.hits + stats.misses, WORKERS * ROUNDS * BATCH);
  assert_true(stats.evictions > 0);
  assert_int_equal(stats.lookup_collisions + stats.insert_collisions, 0);
  assert_int_equal(packet_cache_expunge(s.cache, 0), stats.entries);
  object_unref(&s.cache);
}

static void
with_deferred_inserts(void **state)
{
  (void)state;
  run(true);
}

static void
with_waiting_inserts(void **state)
{
  (void)state;
  run(false);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(with_deferred_inserts),
    cmocka_unit_test(with_waiting_inserts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
