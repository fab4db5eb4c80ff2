// SPDX-License-Identifier: BSD-2-Clause
// newPacketCache() and its options.
//
// The constructor reads the number of entries and a table of options, and makes the cache at once, with its memory reserved;
// what makes no sense (no entries, TTLs the wrong way round) is told. A pool gets it by setCache(). Methods of the object
// are in lua/classes/class_cache.c. Lua lock.
#include "dnsproxy/base/log.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"
#include "lua/binder/sense.h"

#include <stdlib.h>

enum { EDNS_COOKIE_OPTION = 10, PAYLOAD_RANK_MIN = 512, ENTRY_SIZE_MIN = 12 };

#define CACHE_OPTIONS(OPTION, NUMBER)                                                                                          \
  OPTION(deferrableInsertLock, BOOL, NULL, "skip an insertion rather than wait")                                       \
  OPTION(dontAge, BOOL, NULL, "serve TTLs unchanged")                                                                  \
  OPTION(keepStaleData, BOOL, NULL, "keep expired entries while all servers are down")                                 \
  NUMBER(maxNegativeTTL, INT, UP_TO(UINT32_MAX), "s", "longest life of NXDomain and empty answers")                    \
  NUMBER(maxTTL, INT, KEPT_AT_ZERO("nothing is cached but failures and denials"), "s", "longest life of an entry")     \
  NUMBER(minTTL, INT, UP_TO(UINT32_MAX), "s", "answers with a smaller TTL are not cached")                             \
  NUMBER(numberOfShards, INT, FROM_ONE(NULL), "shards", "parts that expunge() shares out by")                          \
  OPTION(parseECS, BOOL, NULL, "keep the client subnet with the entry")                                                \
  NUMBER(staleTTL, INT, UP_TO(UINT32_MAX), "s", "TTL of expired entries that are served")                              \
  NUMBER(temporaryFailureTTL, INT, UP_TO(UINT32_MAX), "s", "life of ServFail and Refused; 0: not cached")              \
  NUMBER(truncatedTTL, INT, UP_TO(UINT32_MAX), "s", "life of truncated answers; 0: not cached")                        \
  OPTION(cookieHashing, BOOL, NULL, "the EDNS cookie is part of the key")                                              \
  NUMBER(skipOptions, INTS, OPTION_CODES, NULL, "EDNS options that are not part of the key")                           \
  NUMBER(maximumEntrySize, INT, SIZES, "bytes", "largest answer that is cached")                                       \
  NUMBER(payloadRanks, INTS, LOOKED_AT, "bytes", "EDNS sizes are rounded down to these in the key")                    \
  OPTION(shuffle, BOOL, NULL, "shuffle A and AAAA records of hits")

enum {
#define OPTION(key, type, unit, help) KEY_##key,
#define NUMBER(key, type, bounds, unit, help) KEY_##key,
  CACHE_OPTIONS(OPTION, NUMBER)
#undef NUMBER
#undef OPTION
};

// Bounds of sense.
#define UP_TO(high) .most = high
#define FROM_ONE(reason) .least = 1, .most = UINT32_MAX, .why = reason
#define KEPT_AT_ZERO(reason) .least = 1, .most = UINT32_MAX, .outside = OUTSIDE_ZERO_KEPT, .why = reason
#define SIZES .least = ENTRY_SIZE_MIN, .most = UINT32_MAX, .outside = OUTSIDE_ZERO_KEPT, .why = "no answer is that small"
#define OPTION_CODES PARAM_MODULO_16
#define LOOKED_AT .own = true

static const struct param options[] = {
#define OPTION(key, kind, measure, words)                                                                              \
  {.name = #key, .type = PARAM_##kind, .optional = true, .unit = measure, .help = words},
#define NUMBER(key, kind, bounds, measure, words)                                                                      \
  {.name = #key, .type = PARAM_##kind, .optional = true, bounds, .unit = measure, .help = words},
    CACHE_OPTIONS(OPTION, NUMBER)
#undef NUMBER
#undef OPTION
        {.type = PARAM_END}};

static void
bind_cache_warn_long(const char *key, size_t count, size_t room)
{
  if (count > room)
    log_warning("newPacketCache", "%s takes %zu numbers: the others of %zu are left out", key, room, count);
}

// skipOptions replaces padding, but the cookie stays skipped unless cookieHashing.
static void
bind_cache_put_skip_options(struct packet_cache_options *o, const struct value *v)
{
  o->skip_count = 0;
  if (!o->cookie_hashing)
    o->skip_options[o->skip_count++] = EDNS_COOKIE_OPTION;
  if (!v->given)
    o->skip_options[o->skip_count++] = 12;
  size_t room = sizeof o->skip_options / sizeof *o->skip_options;
  bind_cache_warn_long("skipOptions", v->given ? v->list.count + o->skip_count : 0, room);
  for (size_t i = 0; v->given && i < v->list.count && o->skip_count < room; i++)
    if (o->cookie_hashing || v->list.integers[i] != EDNS_COOKIE_OPTION)
      o->skip_options[o->skip_count++] = (uint16_t)v->list.integers[i];
}

static int
bind_cache_by_size(const void *a, const void *b)
{
  return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void
bind_cache_put_ranks(struct call *c, struct packet_cache_options *o, const struct value *v)
{
  size_t room = sizeof o->payload_ranks / sizeof *o->payload_ranks;
  bind_cache_warn_long("payloadRanks", v->given ? v->list.count : 0, room);
  for (size_t i = 0; v->given && i < v->list.count && o->rank_count < room; i++) {
    int64_t rank = v->list.integers[i];
    if (rank < PAYLOAD_RANK_MIN || rank > o->maximum_entry_size)
      sense_warn(c, "payloadRanks are %d to maximumEntrySize: %lld is left out", PAYLOAD_RANK_MIN, (long long)rank);
    else
      o->payload_ranks[o->rank_count++] = (uint16_t)rank;
  }
  qsort(o->payload_ranks, o->rank_count, sizeof *o->payload_ranks, bind_cache_by_size);
}

static void
bind_cache_put_number(const struct value *v, uint32_t *field)
{
  if (v->given)
    *field = (uint32_t)v->integer;
}

static void
bind_cache_put_switch(const struct value *v, bool *field)
{
  if (v->given)
    *field = v->boolean;
}

static void
bind_cache_put_options(struct call *c, struct packet_cache_options *o, const struct value *v)
{
  bind_cache_put_switch(&v[KEY_deferrableInsertLock], &o->deferrable_insert_lock);
  bind_cache_put_switch(&v[KEY_dontAge], &o->dont_age);
  bind_cache_put_switch(&v[KEY_keepStaleData], &o->keep_stale);
  bind_cache_put_switch(&v[KEY_parseECS], &o->parse_ecs);
  bind_cache_put_switch(&v[KEY_cookieHashing], &o->cookie_hashing);
  bind_cache_put_switch(&v[KEY_shuffle], &o->shuffle);
  bind_cache_put_number(&v[KEY_maxNegativeTTL], &o->max_negative_ttl_s);
  bind_cache_put_number(&v[KEY_maxTTL], &o->max_ttl_s);
  bind_cache_put_number(&v[KEY_minTTL], &o->min_ttl_s);
  bind_cache_put_number(&v[KEY_numberOfShards], &o->shards);
  bind_cache_put_number(&v[KEY_staleTTL], &o->stale_ttl_s);
  bind_cache_put_number(&v[KEY_temporaryFailureTTL], &o->temporary_failure_ttl_s);
  bind_cache_put_number(&v[KEY_truncatedTTL], &o->truncated_ttl_s);
  bind_cache_put_number(&v[KEY_maximumEntrySize], &o->maximum_entry_size);
  bind_cache_put_skip_options(o, &v[KEY_skipOptions]);
  bind_cache_put_ranks(c, o, &v[KEY_payloadRanks]);
}

static int
bind_cache_new_packet_cache(struct call *c)
{
  struct packet_cache_options o = PACKET_CACHE_OPTIONS_DEFAULT;
  int64_t entries = c->args[0].integer;
  if (c->args[1].given)
    bind_cache_put_options(c, &o, c->args[1].options);
  if (o.min_ttl_s > o.max_ttl_s)
    sense_warn(c, "minTTL=%u is above maxTTL=%u: no answer is cached but failures", o.min_ttl_s, o.max_ttl_s);
  if (entries <= 0)
    return call_fault(c, FAULT_CAUGHT, "Trying to create a packet cache of size zero");
  if (o.shards == 0)
    o.shards = 1;
  if (entries < o.shards) {
    text_printf(binder_output(), "The number of shards (%u) is reduced to the number of entries (%lld)", o.shards,
                (long long)entries);
    if (config()->phase != PHASE_CLIENT)
      log_warning("newPacketCache", "The number of shards (%u) is reduced to the number of entries (%lld)", o.shards,
                  (long long)entries);
    o.shards = (uint32_t)entries;
  }
  struct packet_cache *cache = entries > UINT32_MAX ? NULL : packet_cache_new((size_t)entries, &o);
  if (cache == NULL)
    return call_fault(c, FAULT_CAUGHT, "There is no memory for a packet cache of %lld entries", (long long)entries);
  binder_push_object(c->lua, call_own(c, cache));
  return 1;
}

const struct lua_function functions_cache[] = {
    {.name = "newPacketCache",
     .help = "A cache of answers, to be given to pools",
     .params = PARAMS({.name = "maxEntries", .type = PARAM_INT, .own = true, .unit = "entries"},
                      {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = options}),
     .returns = "PacketCache",
     .call = bind_cache_new_packet_cache},
    {.name = NULL}};
