// SPDX-License-Identifier: BSD-2-Clause
// Unit tests of dnsproxy/cache: a full cache, its memory, and removing entries.
#include "tests/cache_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1000 };
static const struct packet_cache_options defaults = PACKET_CACHE_OPTIONS_DEFAULT;

static struct packet_cache_stats
stats_of(const struct packet_cache *cache)
{
  struct packet_cache_stats s;
  packet_cache_stats(cache, &s);
  return s;
}

static const char *
numbered(const char *prefix, unsigned i)
{
  static char names[4][64];
  static unsigned turn;
  char *name = names[turn++ % 4];
  snprintf(name, sizeof names[0], "%s%u.example.com", prefix, i);
  return name;
}

// As a worker does it: a batch boundary before each insert.
static void
store(struct packet_cache *cache, const char *prefix, unsigned i, uint32_t ttl)
{
  epoch_enter(0);
  sample_store_name(cache, numbered(prefix, i), ttl, NOW);
}

static unsigned
count_present(struct packet_cache *cache, const char *prefix, unsigned count, uint32_t now_s)
{
  unsigned present = 0;
  for (unsigned i = 0; i < count; i++)
    present += sample_has(cache, numbered(prefix, i), now_s);
  return present;
}

static void
holds_what_it_says(void **state)
{
  (void)state;
  static const unsigned sizes[] = {1, 2, 10, 500, 4000};
  for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    struct packet_cache *cache = packet_cache_new(sizes[s], &defaults);
    for (unsigned i = 0; i < sizes[s]; i++)
      store(cache, "n", i, 300);
    assert_int_equal(count_present(cache, "n", sizes[s], NOW), sizes[s]);
    assert_int_equal(stats_of(cache).evictions, 0);
    for (unsigned i = 0; i < 100; i++)
      store(cache, "m", i, 300);
    assert_int_equal(stats_of(cache).entries, sizes[s]);
    assert_int_equal(stats_of(cache).evictions, 100);
    object_unref(&cache);
  }
}

// Several regions: they fill at slightly different times. Large enough for huge pages.
static void
large_ones_fill_up(void **state)
{
  (void)state;
  enum { SIZE = 70000 };
  struct packet_cache *cache = packet_cache_new(SIZE, &defaults);
  for (unsigned i = 0; i < SIZE; i++) {
    store(cache, "n", i, 300);
    if (i % 5000 == 0)
      packet_cache_grow(cache); // touches memory, changes none
  }
  assert_int_equal(count_present(cache, "n", SIZE, NOW), stats_of(cache).entries);
  assert_true(stats_of(cache).entries >= SIZE * 98 / 100);
  for (unsigned i = SIZE; i < SIZE * 2; i++)
    store(cache, "n", i, 300);
  assert_int_equal(stats_of(cache).entries, SIZE);
  struct packet_cache_stats s = stats_of(cache);
  assert_true(s.memory_bytes < 150 * SIZE);
  object_unref(&cache);
}

static void
flood_leaves_the_hot(void **state)
{
  (void)state;
  enum { SIZE = 1000, HOT = 300, FLOOD = 50000 };
  struct packet_cache *cache = packet_cache_new(SIZE, &defaults);
  for (unsigned i = 0; i < HOT; i++)
    store(cache, "hot", i, 3000);
  for (unsigned i = 0; i < FLOOD; i++) {
    store(cache, "once", i, 3000);
    if (i % 100 == 0)
      assert_int_equal(count_present(cache, "hot", HOT, NOW), HOT);
  }
  assert_int_equal(stats_of(cache).entries, SIZE);
  object_unref(&cache);
}

// What is no longer asked for makes way, even if it was once.
static void
former_favourites_go(void **state)
{
  (void)state;
  enum { SIZE = 500 };
  struct packet_cache *cache = packet_cache_new(SIZE, &defaults);
  for (unsigned i = 0; i < SIZE; i++)
    store(cache, "old", i, 3000);
  assert_int_equal(count_present(cache, "old", SIZE, NOW), SIZE); // all are visited now
  for (unsigned round = 0; round < 4; round++)
    for (unsigned i = 0; i < SIZE; i++) {
      store(cache, "new", i, 3000);
      sample_has(cache, numbered("new", i), NOW);
    }
  unsigned old = count_present(cache, "old", SIZE, NOW), new = count_present(cache, "new", SIZE, NOW);
  assert_int_equal(old + new, SIZE);
  assert_true(new >= SIZE * 9 / 10);
  object_unref(&cache);
}

static void
expired_ones_go_first(void **state)
{
  (void)state;
  enum { HALF = 200 };
  struct packet_cache *cache = packet_cache_new(HALF * 2, &defaults);
  for (unsigned i = 0; i < HALF; i++) {
    store(cache, "short", i, 10);
    store(cache, "long", i, 3000);
  }
  assert_int_equal(count_present(cache, "short", HALF, NOW) + count_present(cache, "long", HALF, NOW), 2 * HALF);
  for (unsigned i = 0; i < HALF / 4; i++) {
    epoch_enter(0);
    sample_store_name(cache, numbered("new", i), 3000, NOW + 10);
  }
  assert_int_equal(count_present(cache, "long", HALF, NOW + 10), HALF);
  assert_int_equal(count_present(cache, "new", HALF / 4, NOW + 10), HALF / 4);
  object_unref(&cache);
}

static void
nothing_yields_to_zero_ttl(void **state)
{
  (void)state;
  struct packet_cache *cache = packet_cache_new(10, &defaults);
  store(cache, "zero", 0, 0);
  assert_int_equal(stats_of(cache).entries, 1);
  for (unsigned i = 0; i < 10; i++)
    store(cache, "n", i, 300);
  for (unsigned i = 1; i < 10; i++)
    store(cache, "zero", i, 0);
  assert_int_equal(count_present(cache, "n", 10, NOW), 10);
  object_unref(&cache);
}

// TXT answers of up to 255 bytes of data each.
static void
store_large(struct packet_cache *cache, const char *prefix, unsigned i, unsigned records)
{
  struct sample_record all[20];
  for (unsigned r = 0; r < records; r++)
    all[r] = (struct sample_record){1, QTYPE_TXT, 300, 250, (uint8_t)i};
  const char *name = numbered(prefix, i);
  struct sample_query q = sample_ask_name(cache, name);
  epoch_enter(0);
  sample_store(cache, &q, &(struct sample){.name = name, .records = all, .record_count = records}, NOW);
}

// The bound holds, and memory follows when the sizes of answers change.
static void
memory_is_bounded(void **state)
{
  (void)state;
  enum { SIZE = 4096, BOUND = SIZE * PACKET_CACHE_BYTES_PER_ENTRY, TABLE = SIZE * 16 };
  struct packet_cache *cache = packet_cache_new(SIZE, &defaults);
  for (unsigned i = 0; i < SIZE; i++)
    store_large(cache, "large", i, 15); // 3963 bytes
  struct packet_cache_stats s = stats_of(cache);
  assert_true(s.memory_bytes <= BOUND + TABLE);
  assert_true(s.entries >= 700 && s.entries < 1060);
  assert_true(s.evictions > 0);
  assert_true(s.deferred_inserts < SIZE / 20);
  for (unsigned i = 0; i < 8 * SIZE; i++)
    store(cache, "small", i, 300);
  s = stats_of(cache);
  assert_true(s.memory_bytes <= BOUND + TABLE);
  assert_int_equal(s.entries, SIZE);
  assert_true(count_present(cache, "small", 8 * SIZE, NOW) >= SIZE / 2);
  for (unsigned i = 0; i < 2 * SIZE; i++)
    store_large(cache, "again", i, 15);
  s = stats_of(cache);
  assert_true(s.memory_bytes <= BOUND + TABLE);
  assert_true(count_present(cache, "again", 2 * SIZE, NOW) >= 900);
  assert_true(s.deferred_inserts < SIZE);
  object_unref(&cache);
}

static void
all_sizes_at_once(void **state)
{
  (void)state;
  enum { SIZE = 4096, BOUND = SIZE * PACKET_CACHE_BYTES_PER_ENTRY, TABLE = SIZE * 16 };
  struct packet_cache *cache = packet_cache_new(SIZE, &defaults);
  uint32_t random = 1;
  for (unsigned i = 0; i < 30000; i++) {
    random = random * 1664525 + 1013904223;
    store_large(cache, "n", i, random >> 28);
  }
  struct packet_cache_stats s = stats_of(cache);
  assert_true(s.memory_bytes <= BOUND + TABLE);
  assert_true(s.entries >= 1200);
  assert_true(s.deferred_inserts < 2000);
  object_unref(&cache);
}

static void
huge_answers_are_kept_if_wanted(void **state)
{
  (void)state;
  struct packet_cache_options o = defaults;
  o.maximum_entry_size = 65535;
  struct packet_cache *cache = packet_cache_new(100, &o);
  struct sample_record all[251];
  for (unsigned r = 0; r < 251; r++)
    all[r] = (struct sample_record){1, QTYPE_TXT, 300, 248, 1};
  for (unsigned i = 0; i < 120; i++) {
    epoch_enter(0);
    const char *name = numbered("h", i);
    struct sample_query q = sample_ask_name(cache, name);
    sample_store(cache, &q, &(struct sample){.name = name, .records = all, .record_count = 251}, NOW);
  }
  assert_int_equal(count_present(cache, "h", 120, NOW), 100);
  object_unref(&cache);
}

// A reader that stays where it is holds what was removed: inserts are given up, memory does not grow.
static void
waits_for_readers(void **state)
{
  (void)state;
  struct packet_cache *cache = packet_cache_new(100, &defaults);
  epoch_enter(1);
  for (unsigned i = 0; i < 100000; i++)
    store(cache, "n", i, 300);
  struct packet_cache_stats s = stats_of(cache);
  assert_true(s.deferred_inserts > 0);
  assert_true(s.memory_bytes <= (4 << 20) + 4096);
  assert_int_equal(s.entries, 100);
  epoch_leave(1);
  for (unsigned i = 0; i < 100; i++)
    store(cache, "m", i, 300);
  assert_int_equal(stats_of(cache).deferred_inserts, s.deferred_inserts);
  object_unref(&cache);
}

// That many in one bucket do not happen, unless hashes are made up.
static void
overfull_buckets_work(void **state)
{
  (void)state;
  enum { COUNT = 28 }; // its slots, and the longest chain
  struct packet_cache *cache = packet_cache_new(100, &defaults);
  struct sample_record record = {1, QTYPE_A, 300, 4, 1};
  struct sample_query q[COUNT];
  uint8_t out[512];
  size_t size;
  for (unsigned round = 0; round < 2; round++) {
    for (unsigned i = 0; i < COUNT; i++) {
      epoch_enter(0);
      const char *name = numbered("n", i);
      q[i] = sample_ask_name(cache, name);
      q[i].key.hash = i; // tags 0 and 1 are the same
      sample_store(cache, &q[i], &(struct sample){.name = name, .records = &record, .record_count = 1}, NOW + round);
    }
    assert_int_equal(stats_of(cache).entries, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
      assert_int_equal(sample_find(cache, &q[i], NOW, 0, out, &size), CACHE_HIT);
  }
  for (unsigned i = 0; i < COUNT; i += 3) {
    assert_int_equal(packet_cache_expunge_name(cache, &q[i].name, QTYPE_ANY, false), 1);
    for (unsigned j = 0; j < COUNT; j++)
      assert_int_equal(sample_find(cache, &q[j], NOW, 0, out, &size), j % 3 == 0 && j <= i ? CACHE_MISS : CACHE_HIT);
  }
  assert_int_equal(packet_cache_expunge(cache, 0), COUNT - (COUNT + 2) / 3);
  assert_int_equal(stats_of(cache).entries, 0);
  object_unref(&cache);
}

static void
expunging_is_dealt_over_shards(void **state)
{
  (void)state;
  enum { COUNT = 2000 };
  static const struct {
    size_t keep, least, most;
  } cases[] = {{COUNT * 2, COUNT, COUNT}, {1000, 980, 1000}, {119, 100, 100}, {20, 20, 20}, {19, 0, 0}, {0, 0, 0}};
  for (unsigned c = 0; c < sizeof cases / sizeof *cases; c++) {
    struct packet_cache *cache = packet_cache_new(COUNT, &defaults);
    for (unsigned i = 0; i < COUNT; i++)
      store(cache, "n", i, 300);
    size_t removed = packet_cache_expunge(cache, cases[c].keep);
    size_t left = stats_of(cache).entries;
    assert_int_equal(removed, COUNT - left);
    assert_in_range(left, cases[c].least, cases[c].most);
    assert_int_equal(count_present(cache, "n", COUNT, NOW), left);
    object_unref(&cache);
  }
}

static void
fewer_entries_than_shards(void **state)
{
  (void)state;
  struct packet_cache *cache = packet_cache_new(5, &defaults);
  assert_int_equal(packet_cache_options(cache)->shards, 5);
  object_unref(&cache);
}

static void
purging_takes_the_expired(void **state)
{
  (void)state;
  enum { COUNT = 1000 };
  struct packet_cache *cache = packet_cache_new(3 * COUNT, &defaults);
  for (unsigned i = 0; i < COUNT; i++) {
    store(cache, "short", i, 10);
    store(cache, "long", i, 300);
  }
  assert_int_equal(packet_cache_purge_expired(cache, 0, NOW + 9), 0);
  assert_int_equal(packet_cache_purge_expired(cache, 4 * COUNT, NOW + 10), 0); // few enough
  size_t removed = packet_cache_purge_expired(cache, COUNT + COUNT / 2, NOW + 10);
  assert_in_range(removed, COUNT / 2 - COUNT / 20, COUNT / 2 + COUNT / 20); // shards are never alike
  removed += packet_cache_purge_expired(cache, 0, NOW + 10);
  assert_int_equal(removed, COUNT);
  assert_int_equal(count_present(cache, "long", COUNT, NOW + 10), COUNT);
  assert_int_equal(stats_of(cache).cleanup_count, 4);
  assert_int_equal(stats_of(cache).evictions, 0);
  object_unref(&cache);
}

static void
expunging_by_name(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    uint16_t type;
    bool suffix;
    size_t removed;
  } cases[] = {
    {"example.com", QTYPE_ANY, false, 2},    {"example.com", QTYPE_A, false, 1},  {"EXAMPLE.com", QTYPE_AAAA, false, 1},
    {"example.com", QTYPE_MX, false, 0},     {"example.com", QTYPE_ANY, true, 6}, {"example.com", QTYPE_A, true, 3},
    {"www.example.com", QTYPE_ANY, true, 4}, {"", QTYPE_ANY, true, 8},            {"ample.com", QTYPE_ANY, true, 0},
    {"", QTYPE_ANY, false, 0},
  };
  static const char *const names[] = {"example.com", "www.example.com", "a.www.example.com", "example.org"};
  struct sample_record record = {1, QTYPE_A, 300, 4, 1};
  for (unsigned c = 0; c < sizeof cases / sizeof *cases; c++) {
    struct packet_cache *cache = packet_cache_new(100, &defaults);
    for (unsigned i = 0; i < 8; i++) {
      struct sample s = {.name = names[i / 2], .type = i % 2 ? QTYPE_AAAA : QTYPE_A};
      struct sample_query q = sample_ask(cache, &s);
      s.records = &record;
      s.record_count = 1;
      sample_store(cache, &q, &s, NOW);
    }
    struct name name = sample_name(cases[c].name);
    assert_int_equal(packet_cache_expunge_name(cache, &name, cases[c].type, cases[c].suffix), cases[c].removed);
    assert_int_equal(stats_of(cache).entries, 8 - cases[c].removed);
    object_unref(&cache);
  }
}

static int
wake(void **state)
{
  (void)state;
  epoch_enter(0);
  return 0;
}

static int
sleep_again(void **state)
{
  (void)state;
  epoch_leave(0);
  return 0;
}

// Even if somebody found out how to aim at a bucket: it never holds more than a lookup may walk over.
static void
one_bucket_stays_short(void **state)
{
  (void)state;
  enum { COUNT = 5000, BUCKET_MOST = 12 + 16 };
  struct packet_cache *cache = packet_cache_new(100000, &defaults);
  const struct sample_record record = {1, QTYPE_A, 300, 4, 7};
  for (unsigned i = 0; i < COUNT; i++) {
    const char *name = numbered("n", i);
    struct sample_query q = sample_ask_name(cache, name);
    q.key.hash = (uint64_t)7 << 40 | i; // buckets are dealt by the upper half
    epoch_enter(0);
    sample_store(cache, &q, &(struct sample){.name = name, .flags = {0x81, 0x80}, .records = &record, .record_count = 1}, NOW);
    uint8_t out[512];
    size_t size;
    assert_int_equal(sample_find(cache, &q, NOW, 0, out, &size), CACHE_HIT);
  }
  struct packet_cache_stats s = stats_of(cache);
  assert_int_equal(s.entries, BUCKET_MOST);
  assert_int_equal(s.evictions, COUNT - BUCKET_MOST);
  object_unref(&cache);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(holds_what_it_says),
    cmocka_unit_test(large_ones_fill_up),
    cmocka_unit_test(flood_leaves_the_hot),
    cmocka_unit_test(former_favourites_go),
    cmocka_unit_test(expired_ones_go_first),
    cmocka_unit_test(nothing_yields_to_zero_ttl),
    cmocka_unit_test(memory_is_bounded),
    cmocka_unit_test(all_sizes_at_once),
    cmocka_unit_test(huge_answers_are_kept_if_wanted),
    cmocka_unit_test(waits_for_readers),
    cmocka_unit_test(overfull_buckets_work),
    cmocka_unit_test(expunging_is_dealt_over_shards),
    cmocka_unit_test(fewer_entries_than_shards),
    cmocka_unit_test(purging_takes_the_expired),
    cmocka_unit_test(expunging_by_name),
    cmocka_unit_test(one_bucket_stays_short),
  };
  return cmocka_run_group_tests(tests, wake, sleep_again);
}
