// SPDX-License-Identifier: BSD-2-Clause
// Token buckets by address range.
#include "rules/select/rate_table.h"

#include "dnsproxy/base/hash.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// 128 Ki ranges of 32 bytes; a set of ranges that share a hash is 256 bytes.
enum { SETS = 16384, WAYS = 8, SHARDS_MAX = 256, CACHE_LINE = 64 };

struct range {
  uint8_t address[16]; // masked
  uint64_t full_at_ns; // when its bucket is full again; 0: the place was never used
  uint32_t seen_s;
  uint32_t family;
};

union shard {
  pthread_mutex_t mutex;
  uint8_t line[CACHE_LINE]; // no two locks in a cache line
};

struct rate_table {
  struct rate_table_options options;
  uint64_t seed;
  uint64_t token_ns, burst_ns; // what a token costs, and what a full bucket holds
  union shard *shards;
  struct range (*sets)[WAYS]; // set i belongs to shard i % options.shards
};

struct rate_table *
rate_table_new(const struct rate_table_options *options)
{
  struct rate_table *t = memory_new(sizeof *t);
  t->options = *options;
  t->options.v4_bits = options->v4_bits > 32 ? 32 : options->v4_bits;
  t->options.v6_bits = options->v6_bits > 128 ? 128 : options->v6_bits;
  t->options.shards = options->shards == 0 ? 1 : options->shards > SHARDS_MAX ? SHARDS_MAX : options->shards;
  t->token_ns = options->qps > 0 ? UINT64_C(1000000000) / options->qps : 0;
  if (t->token_ns == 0 && options->qps > 0)
    t->token_ns = 1; // a thousand million per second are as good as more
  t->burst_ns = t->token_ns * (options->burst > 0 ? options->burst : 1);
  random_bytes(&t->seed, sizeof t->seed);
  t->shards = memory_array(t->options.shards, sizeof *t->shards);
  for (uint32_t i = 0; i < t->options.shards; i++)
    pthread_mutex_init(&t->shards[i].mutex, NULL);
  t->sets = memory_array(SETS, sizeof *t->sets);
  return t;
}

void
rate_table_free(struct rate_table **slot)
{
  struct rate_table *t = *slot;
  if (t == NULL)
    return;
  *slot = NULL;
  for (uint32_t i = 0; i < t->options.shards; i++)
    pthread_mutex_destroy(&t->shards[i].mutex);
  free(t->shards);
  free(t->sets);
  free(t);
}

static struct range
rate_table_range_of(const struct rate_table *t, const struct address *client)
{
  struct address masked = *client;
  address_truncate(&masked, address_is_v6(client) ? t->options.v6_bits : t->options.v4_bits);
  struct range key = {.family = masked.sa.sa_family};
  size_t size;
  const uint8_t *raw = address_raw(&masked, &size);
  memcpy(key.address, raw, size);
  return key;
}

// The place of the range in its set: its own, or one that may be taken. *fresh: start with a full bucket.
static struct range *
rate_table_place_of(const struct rate_table *t, struct range *set, const struct range *key, bool *fresh)
{
  struct range *fullest = &set[0];
  for (unsigned i = 0; i < WAYS; i++) {
    struct range *r = &set[i];
    if (r->full_at_ns != 0 && r->family == key->family && memcmp(r->address, key->address, sizeof r->address) == 0) {
      // Clocks of workers differ by a batch: another one may have been here "later".
      *fresh = (int64_t)key->seen_s - r->seen_s > t->options.expiration_s;
      return r;
    }
    if (r->full_at_ns < fullest->full_at_ns)
      fullest = r;
  }
  *fresh = true;
  return fullest;
}

static bool
rate_table_take_in(const struct rate_table *t, struct range *set, const struct range *key, uint64_t now_ns)
{
  bool fresh;
  struct range *r = rate_table_place_of(t, set, key, &fresh);
  uint64_t full_at = fresh || r->full_at_ns < now_ns ? now_ns : r->full_at_ns;
  bool within = t->token_ns > 0 && full_at + t->token_ns <= now_ns + t->burst_ns;
  *r = *key;
  r->full_at_ns = within ? full_at + t->token_ns : full_at;
  return within;
}

// The set of the client's range, locked; *key is the range.
static struct range *
rate_table_set_lock(struct rate_table *t, const struct address *client, uint64_t now_us, struct range *key,
                    pthread_mutex_t **mutex)
{
  *key = rate_table_range_of(t, client);
  key->seen_s = (uint32_t)(now_us / 1000000);
  uint64_t hash = hash_bytes(key->address, sizeof key->address, t->seed ^ key->family);
  uint32_t index = (uint32_t)(hash % SETS);
  *mutex = &t->shards[index % t->options.shards].mutex;
  pthread_mutex_lock(*mutex);
  return t->sets[index];
}

bool
rate_table_take(struct rate_table *t, const struct address *client, uint64_t now_us)
{
  struct range key;
  pthread_mutex_t *mutex;
  struct range *set = rate_table_set_lock(t, client, now_us, &key, &mutex);
  bool within = rate_table_take_in(t, set, &key, now_us * 1000 + 1);
  pthread_mutex_unlock(mutex);
  return within;
}

bool
rate_table_peek(struct rate_table *t, const struct address *client, uint64_t now_us, double *tokens)
{
  struct range key;
  pthread_mutex_t *mutex;
  bool fresh;
  uint64_t now_ns = now_us * 1000 + 1;
  struct range *r = rate_table_place_of(t, rate_table_set_lock(t, client, now_us, &key, &mutex), &key, &fresh);
  uint64_t owed = fresh || r->full_at_ns < now_ns ? 0 : r->full_at_ns - now_ns;
  pthread_mutex_unlock(mutex);
  *tokens = t->token_ns == 0 || owed > t->burst_ns ? 0 : (double)(t->burst_ns - owed) / (double)t->token_ns;
  return t->token_ns > 0 && owed + t->token_ns <= t->burst_ns;
}
