// SPDX-License-Identifier: BSD-2-Clause
// The control thread.
#include "dnsproxy/run/control.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/neighbours.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/run/post.h"
#include "lua/scripts/control_state.h"

#include <assert.h>
#include <pthread.h>

static struct event_base *base;
static struct event *second;
static pthread_t thread;
static bool started;
static uint64_t cleaned_s;

struct event_base *
control_base(void)
{
  return base;
}

static bool
control_all_down(const struct pool_table *pools, const struct packet_cache *cache)
{
  for (uint32_t i = 0; i < pools->count; i++)
    if (pools->pools[i]->cache == cache && pools->pools[i]->count > 0 && !pool_has_server_up(pools->pools[i]))
      return true;
  return false;
}

// Expired entries go, unless a pool whose servers are all down may still want them (keepStaleData).
static void
control_clean_caches(const struct snapshot *s, uint64_t now_s)
{
  for (uint32_t i = 0; i < s->pools->count; i++) {
    struct packet_cache *cache = s->pools->pools[i]->cache;
    if (cache == NULL || (packet_cache_options(cache)->keep_stale && control_all_down(s->pools, cache)))
      continue;
    struct packet_cache_stats stats;
    packet_cache_stats(cache, &stats);
    size_t keep = stats.max_entries * (100 - s->settings.cache_cleaning_percentage) / 100;
    packet_cache_purge_expired(cache, keep, (uint32_t)now_s);
  }
}

static void
control_grow_caches(const struct snapshot *s)
{
  for (uint32_t i = 0; i < s->pools->count; i++)
    if (s->pools->pools[i]->cache != NULL)
      packet_cache_grow(s->pools->pools[i]->cache);
}

enum { BLOCKS_PER_SECOND = 16384 }; // dynamic blocks that are freed at once: some milliseconds

static void
control_on_second(evutil_socket_t fd, short what, void *arg)
{
  (void)fd, (void)what, (void)arg;
  control_maintenance();
  struct snapshot *s = snapshot_current();
  uint64_t now_s = clock_mono_us() / 1000000;
  if (s->settings.cache_cleaning_delay_s > 0 && now_s - cleaned_s >= s->settings.cache_cleaning_delay_s) {
    cleaned_s = now_s;
    control_clean_caches(s, now_s);
  }
  control_grow_caches(s);
  object_unref(&s);
  neighbours_tend();
  configuration_reap();
  chains_reap();
  dynblock_reap(BLOCKS_PER_SECOND);
}

void
control_open(void)
{
  base = event_base_new();
  assert(base != NULL);
  second = event_new(base, -1, EV_PERSIST, control_on_second, NULL);
  event_add(second, &(struct timeval){.tv_sec = 1});
  cleaned_s = clock_mono_us() / 1000000;
}

static void *
control_main(void *arg)
{
  (void)arg;
  pthread_setname_np(pthread_self(), "control");
  event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
  return NULL;
}

void
control_start(void)
{
  int error = pthread_create(&thread, NULL, control_main, NULL);
  assert(error == 0);
  started = true;
}

void
control_stop(void)
{
  event_base_loopexit(base, NULL); // unlike a break it counts for a loop that is about to begin
}

void
control_join(void)
{
  if (started)
    pthread_join(thread, NULL);
  started = false;
}

void
control_close(void)
{
  if (base == NULL)
    return;
  event_free(second);
  post_rest(base);
  event_base_free(base);
  base = NULL;
}

void
control_post(void (*run)(void *), void *arg)
{
  post_to(base, run, arg);
}
