// SPDX-License-Identifier: BSD-2-Clause
// The table of clients with connections: chained hash tables in shards, swept a little on every new entry.
#include "dnsproxy/guard/connections.h"

#include "dnsproxy/base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Connections are remembered for an interval cut into buckets of a minute, or longer ones when it is long. The rate is
// their number by the seconds since the first of them, so that a new client's burst exceeds a small rate at once.
enum { SHARDS = 16, LISTS = 4096, BUCKETS = 16, SWEEP = 2 };

struct client {
  struct client *next;
  struct address range;
  uint32_t connections;
  uint32_t banned_until_s; // 0: not banned
  uint32_t bucket;         // number of the newest, from the start of the clock
  uint32_t opened[BUCKETS]; // new connections, by bucket number modulo BUCKETS
  uint16_t first_s[BUCKETS]; // second of the bucket in which its first one came
};

struct shard {
  _Alignas(64) pthread_mutex_t lock;
  uint32_t hand; // of the sweep
  struct client *lists[LISTS];
};

static struct shard shards[SHARDS] = {
#define SHARD {.lock = PTHREAD_MUTEX_INITIALIZER}
    SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD, SHARD,
#undef SHARD
};
static _Atomic size_t clients; // in all shards

// ---- ranges ----

static struct address
connections_range_of(const struct address *client, const struct settings *settings)
{
  struct address range = *client;
  uint16_t port_mask = 0;
  if (address_is_v6(client)) {
    address_truncate(&range, settings->tcp_mask_v6);
  } else {
    address_truncate(&range, settings->tcp_mask_v4);
    // Behind address translation clients are told apart by their share of the ports, as long as all of the address counts.
    if (settings->tcp_mask_v4_port > 0 && settings->tcp_mask_v4 == 32)
      port_mask = (uint16_t)(0xffff0000u >> settings->tcp_mask_v4_port);
  }
  address_set_port(&range, address_port(client) & port_mask);
  return range;
}

static uint64_t seed;

static void
connections_draw_seed(void)
{
  random_bytes(&seed, sizeof seed);
}

static uint64_t
connections_range_hash(const struct address *range)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, connections_draw_seed);
  return address_hash(range, seed + address_port(range));
}

// ---- rates ----

static uint32_t
connections_interval_s(const struct settings *settings)
{
  uint32_t minutes = settings->tcp_rate_interval_min;
  return minutes == 0 ? 60 : minutes > 60 * 24 ? 60 * 60 * 24 : minutes * 60;
}

static uint32_t
connections_bucket_s(const struct settings *settings)
{
  uint32_t interval = connections_interval_s(settings);
  uint32_t width = (interval + BUCKETS - 1) / BUCKETS;
  return width < 60 ? 60 : width;
}

static uint32_t
connections_bucket_total(const struct settings *settings)
{
  uint32_t total = connections_interval_s(settings) / connections_bucket_s(settings);
  return total > 0 ? total : 1;
}

// Empties the buckets that have become the present since the last connection.
static void
connections_advance(struct client *c, const struct settings *settings, uint32_t now_s)
{
  uint32_t bucket = now_s / connections_bucket_s(settings);
  if (bucket - c->bucket >= BUCKETS)
    memset(c->opened, 0, sizeof c->opened);
  else
    while (c->bucket != bucket)
      c->opened[++c->bucket % BUCKETS] = 0;
  c->bucket = bucket;
}

static void
connections_count_opened(struct client *c, const struct settings *settings, uint32_t now_s)
{
  uint32_t at = c->bucket % BUCKETS;
  if (c->opened[at]++ == 0)
    c->first_s[at] = (uint16_t)(now_s % connections_bucket_s(settings));
}

static bool
connections_exceeds_rate(const struct client *c, const struct settings *settings, uint32_t now_s)
{
  uint64_t rate = settings->tcp_max_rate_per_client, sum = 0;
  uint32_t since_s = now_s;
  for (uint32_t i = 0; i < connections_bucket_total(settings) && i <= c->bucket; i++) {
    uint32_t bucket = c->bucket - i;
    sum += c->opened[bucket % BUCKETS];
    if (c->opened[bucket % BUCKETS] > 0)
      since_s = bucket * connections_bucket_s(settings) + c->first_s[bucket % BUCKETS];
  }
  return rate > 0 && sum > rate * (now_s > since_s ? now_s - since_s : 1);
}

// ---- the table ----

static bool
connections_is_forgettable(const struct client *c, const struct settings *settings, uint32_t now_s)
{
  uint32_t bucket = now_s / connections_bucket_s(settings);
  bool rated = settings->tcp_max_rate_per_client > 0 && bucket - c->bucket < connections_bucket_total(settings);
  return c->connections == 0 && c->banned_until_s <= now_s && !rated;
}

static void
connections_sweep_list(struct client **at, const struct settings *settings, uint32_t now_s)
{
  while (*at != NULL) {
    struct client *c = *at;
    if (connections_is_forgettable(c, settings, now_s)) {
      *at = c->next;
      free(c);
      atomic_fetch_sub_explicit(&clients, 1, memory_order_relaxed);
    } else {
      at = &c->next;
    }
  }
}

static void
connections_sweep(struct shard *shard, const struct settings *settings, uint32_t now_s)
{
  for (int i = 0; i < SWEEP; i++)
    connections_sweep_list(&shard->lists[shard->hand++ % LISTS], settings, now_s);
}

static struct client **
connections_list_of(struct shard *shard, uint64_t hash)
{
  return &shard->lists[(hash / SHARDS) % LISTS];
}

static struct client *
connections_find(struct shard *shard, const struct address *range, uint64_t hash)
{
  struct client *c = *connections_list_of(shard, hash);
  while (c != NULL && !address_equal(&c->range, range))
    c = c->next;
  return c;
}

// NULL without memory.
static struct client *
connections_find_or_add(struct shard *shard, const struct address *range, const struct settings *settings, uint32_t now_s)
{
  uint64_t hash = connections_range_hash(range);
  struct client *c = connections_find(shard, range, hash);
  if (c != NULL)
    return c;
  connections_sweep(shard, settings, now_s);
  c = calloc(1, sizeof *c);
  if (c == NULL)
    return NULL;
  struct client **list = connections_list_of(shard, hash);
  c->range = *range;
  c->bucket = now_s / connections_bucket_s(settings);
  c->next = *list;
  *list = c;
  atomic_fetch_add_explicit(&clients, 1, memory_order_relaxed);
  return c;
}

static struct shard *
connections_lock_shard(const struct address *range)
{
  struct shard *shard = &shards[connections_range_hash(range) % SHARDS];
  pthread_mutex_lock(&shard->lock);
  return shard;
}

static void
connections_unlock_shard(struct shard *shard)
{
  pthread_mutex_unlock(&shard->lock);
}

// ---- verdicts ----

static bool
connections_is_limited(const struct settings *settings)
{
  return settings->tcp_max_per_client > 0 || settings->tcp_max_rate_per_client > 0;
}

static void
connections_ban_it(struct client *c, uint32_t seconds, uint32_t now_s)
{
  uint32_t until_s = seconds < UINT32_MAX - now_s ? now_s + seconds : UINT32_MAX;
  if (c->banned_until_s < until_s)
    c->banned_until_s = until_s;
}

static enum stream_verdict
connections_judge(struct client *c, const struct settings *settings, uint32_t now_s)
{
  uint64_t most = settings->tcp_max_per_client;
  if (c->banned_until_s > now_s)
    return STREAM_REFUSED;
  connections_advance(c, settings, now_s);
  if (connections_exceeds_rate(c, settings, now_s)) {
    connections_ban_it(c, settings->ban_rate_s, now_s);
    return STREAM_REFUSED;
  }
  if (most > 0 && c->connections >= most)
    return STREAM_REFUSED;
  c->connections++;
  connections_count_opened(c, settings, now_s);
  uint64_t threshold = settings->tcp_overload_percent;
  bool near = most > 0 && threshold > 0 && (uint64_t)c->connections * 100 > most * threshold;
  return near ? STREAM_RESTRICTED : STREAM_ADMITTED;
}

static enum stream_verdict
connections_judge_limited(struct shard *shard, const struct address *range, const struct settings *settings, uint32_t now_s)
{
  struct client *c = connections_find_or_add(shard, range, settings, now_s);
  return c == NULL ? STREAM_REFUSED : connections_judge(c, settings, now_s);
}

// Without limits only bans matter: nothing is remembered of others.
static enum stream_verdict
connections_judge_banned(struct shard *shard, const struct address *range, const struct settings *settings, uint32_t now_s)
{
  connections_sweep(shard, settings, now_s);
  const struct client *c = connections_find(shard, range, connections_range_hash(range));
  return c != NULL && c->banned_until_s > now_s ? STREAM_REFUSED : STREAM_ADMITTED;
}

enum stream_verdict
connections_opened(const struct address *client, const struct settings *settings, uint32_t now_s)
{
  if (!connections_is_limited(settings) && atomic_load_explicit(&clients, memory_order_relaxed) == 0)
    return STREAM_ADMITTED;
  struct address range = connections_range_of(client, settings);
  struct shard *shard = connections_lock_shard(&range);
  enum stream_verdict verdict = connections_is_limited(settings) ? connections_judge_limited(shard, &range, settings, now_s)
                                                     : connections_judge_banned(shard, &range, settings, now_s);
  connections_unlock_shard(shard);
  return verdict;
}

void
connections_closed(const struct address *client, const struct settings *settings)
{
  // A limit that was taken away may come back: who was counted in is counted out.
  if (!connections_is_limited(settings) && atomic_load_explicit(&clients, memory_order_relaxed) == 0)
    return;
  struct address range = connections_range_of(client, settings);
  struct shard *shard = connections_lock_shard(&range);
  struct client *c = connections_find(shard, &range, connections_range_hash(&range));
  // Nobody is known who connected before there was a limit.
  if (c != NULL && c->connections > 0)
    c->connections--;
  connections_unlock_shard(shard);
}

void
connections_ban(const struct address *client, const struct settings *settings, uint32_t now_s)
{
  struct address range = connections_range_of(client, settings);
  struct shard *shard = connections_lock_shard(&range);
  struct client *c = connections_find_or_add(shard, &range, settings, now_s);
  if (c != NULL)
    connections_ban_it(c, settings->ban_read_ios_s, now_s);
  connections_unlock_shard(shard);
}

size_t
connections_clients(void)
{
  return atomic_load_explicit(&clients, memory_order_relaxed);
}

const struct stream_guard connections_guard = {
    .opened = connections_opened, .closed = connections_closed, .too_many_reads = connections_ban};
