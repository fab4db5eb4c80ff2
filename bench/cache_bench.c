// SPDX-License-Identifier: BSD-2-Clause
// Micro benchmark of the packet cache: nanoseconds per key, lookup and insert, bytes per entry with 61-byte answers.
//
// Not built by default: make bench-cache.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/epoch.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/wire/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_SIZE = 12 + 29 + 4, ANSWER_SIZE = QUERY_SIZE + 16, GROUP = 512, LOOKUPS = GROUP * 4000, BATCH = 16, NOW = 1000 };

// 45 bytes: the header, a name of 29 bytes, type and class.
static void
write_query(uint8_t *out, unsigned i)
{
  static const uint8_t header[12] = {0, 0, 1, 0, 0, 1};
  memcpy(out, header, sizeof header);
  char label[16];
  snprintf(label, sizeof label, "d%010u", i);
  out[12] = 11;
  memcpy(out + 13, label, 11);
  memcpy(out + 24, "\007example\007invalid", 17); // and the root
  memcpy(out + QUERY_SIZE - 4, "\0\1\0\1", 4);
}

static void
write_answer(uint8_t *out, unsigned i)
{
  static const uint8_t record[16] = {0xc0, 12, 0, 1, 0, 1, 0, 1, 0, 0, 0, 4, 192, 0, 2, 1};
  write_query(out, i);
  out[2] = 0x81;
  out[7] = 1;
  memcpy(out + QUERY_SIZE, record, sizeof record);
}

struct asked {
  struct question question;
  struct cache_key key;
};

static void
make_key(const struct packet_cache *cache, unsigned i, struct asked *a)
{
  uint8_t query[QUERY_SIZE];
  write_query(query, i);
  if (!message_question(query, sizeof query, &a->question))
    abort();
  packet_cache_key(cache, query, sizeof query, &a->question, NULL, false, &a->key);
}

static double
fill(struct packet_cache *cache, unsigned from, unsigned to)
{
  struct asked *a = memory_array(BATCH, sizeof *a);
  uint64_t spent = 0;
  for (unsigned i = from; i < to; i += BATCH) {
    unsigned count = to - i < BATCH ? to - i : BATCH;
    for (unsigned j = 0; j < count; j++)
      make_key(cache, i + j, &a[j]);
    epoch_enter(0);
    uint64_t start = clock_mono_us();
    for (unsigned j = 0; j < count; j++) {
      uint8_t answer[ANSWER_SIZE];
      write_answer(answer, i + j);
      packet_cache_insert(cache, &a[j].key, &a[j].question.name,
                          &(struct cache_answer){.data = answer, .size = sizeof answer, .now_s = NOW,
                                                 .temporary_failure_ttl_s = -1});
    }
    spent += clock_mono_us() - start;
  }
  free(a);
  return (double)spent * 1000 / (to - from);
}

static uint64_t
look_up_group(struct packet_cache *cache, const struct asked *asked, bool prefetch)
{
  uint64_t hits = 0;
  for (unsigned i = 0; i < GROUP; i += BATCH) {
    epoch_enter(0);
    for (unsigned j = 0; prefetch && j < BATCH; j++)
      packet_cache_prefetch(cache, asked[i + j].key.hash);
    for (unsigned j = 0; prefetch && j < BATCH; j++)
      packet_cache_prefetch_entry(cache, asked[i + j].key.hash);
    for (unsigned j = 0; j < BATCH; j++) {
      const struct asked *a = &asked[i + j];
      uint8_t out[512];
      size_t size;
      struct cache_find find = {.key = &a->key, .qname = &a->question.name, .id = 1, .now_s = NOW + 1};
      hits += packet_cache_lookup(cache, &find, out, sizeof out, &size) == CACHE_HIT;
    }
  }
  return hits;
}

// Nanoseconds per lookup at random over all entries. Keys are made before, untimed, and near, as those of a batch are.
static double
look_up(struct packet_cache *cache, unsigned count, bool prefetch)
{
  struct random_state random;
  random_seed(&random);
  struct asked *asked = memory_array(GROUP, sizeof *asked);
  uint64_t spent = 0, hits = 0;
  for (unsigned i = 0; i < LOOKUPS; i += GROUP) {
    for (unsigned j = 0; j < GROUP; j++)
      make_key(cache, random_below(&random, count), &asked[j]);
    uint64_t start = clock_mono_us();
    hits += look_up_group(cache, asked, prefetch);
    spent += clock_mono_us() - start;
  }
  if (hits < LOOKUPS * 97ull / 100)
    printf("only %llu hits\n", (unsigned long long)hits);
  free(asked);
  return (double)spent * 1000 / LOOKUPS;
}

static double
hash_cost(const struct packet_cache *cache)
{
  struct asked a;
  uint8_t query[QUERY_SIZE];
  write_query(query, 1);
  message_question(query, sizeof query, &a.question);
  uint64_t start = clock_mono_us();
  for (unsigned i = 0; i < LOOKUPS; i++) {
    a.question.name.bytes[5] = (uint8_t)('a' + i % 20);
    packet_cache_key(cache, query, sizeof query, &a.question, NULL, false, &a.key);
    __asm__ volatile("" : : "r"(&a) : "memory");
  }
  return (double)(clock_mono_us() - start) * 1000 / LOOKUPS;
}

static long
resident_bytes(void)
{
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
    pages = 0;
  if (file != NULL)
    fclose(file);
  return pages * 4096;
}

static void
measure(unsigned entries, unsigned capacity)
{
  struct packet_cache_options options = PACKET_CACHE_OPTIONS_DEFAULT;
  long before = resident_bytes();
  uint64_t start = clock_mono_us();
  struct packet_cache *cache = packet_cache_new(capacity, &options);
  uint64_t made = clock_mono_us() - start;
  double insert = fill(cache, 0, entries);
  long resident = resident_bytes() - before;
  struct packet_cache_stats stats;
  packet_cache_stats(cache, &stats);
  double plain = look_up(cache, entries, false), fetched = look_up(cache, entries, true);
  double replace = fill(cache, entries, entries + capacity);
  printf("%8llu entries of %8u: made in %5.2f ms, key %5.1f ns, lookup %5.1f ns, prefetched %5.1f ns, insert %6.1f ns, "
         "evicting %6.1f ns, %6.1f bytes per entry, %6.1f resident\n",
         (unsigned long long)stats.entries, capacity, (double)made / 1000, hash_cost(cache), plain, fetched, insert,
         replace, (double)stats.memory_bytes / (double)stats.entries, (double)resident / (double)stats.entries);
  object_unref(&cache);
}

int
main(void)
{
  measure(1000, 1000);
  measure(1000, 10000);
  measure(100000, 100000);
  measure(1000000, 1020000);
  measure(1000000, 2500000);
  epoch_leave(0);
  return 0;
}
