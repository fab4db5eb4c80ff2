// SPDX-License-Identifier: BSD-2-Clause
// The key of a query: a seeded hash of everything that may change its answer, and what a hit is checked against.
#include "dnsproxy/base/hash.h"
#include "dnsproxy/cache/packet_cache_private.h"
#include "dnsproxy/wire/codes.h"

#include <assert.h>
#include <string.h>

// Bytes are gathered and hashed at once, for nearly every query in a single call.
struct gather {
  uint64_t hash;
  size_t size;
  uint8_t bytes[192];
};

static void
cache_key_gather_flush(struct gather *g)
{
  g->hash = hash_bytes(g->bytes, g->size, g->hash);
  g->size = 0;
}

static void
cache_key_gather_add(struct gather *g, const uint8_t *bytes, size_t count)
{
  if (count > sizeof g->bytes - g->size)
    cache_key_gather_flush(g);
  if (count > sizeof g->bytes) {
    g->hash = hash_bytes(bytes, count, g->hash);
    return;
  }
  memcpy(g->bytes + g->size, bytes, count);
  g->size += count;
}

// The list may replace padding, but the cookie is skipped unless it is wanted.
bool
cache_skips_option(const struct packet_cache_options *o, uint16_t code)
{
  if (code == EDNS_COOKIE)
    return !o->cookie_hashing;
  for (unsigned i = 0; i < o->skip_count; i++)
    if (o->skip_options[i] == code)
      return true;
  return false;
}

static uint16_t
cache_key_rounded_payload(const struct packet_cache_options *o, uint16_t payload)
{
  uint16_t rounded = payload;
  for (unsigned i = 0; i < o->rank_count && o->payload_ranks[i] <= payload; i++)
    rounded = o->payload_ranks[i];
  return rounded;
}

// What cannot be read as options counts as it is.
static void
cache_key_add_options(const struct packet_cache_options *o, const uint8_t *query, const struct edns *edns, struct gather *g)
{
  enum { OPTION_HEADER = 4 };
  uint16_t cursor = edns->options, code, data, data_size;
  size_t done = edns->options;
  while (edns_option_next(query, edns, &cursor, &code, &data, &data_size)) {
    cache_key_gather_add(g, query + data - OPTION_HEADER,
                         cache_skips_option(o, code) ? OPTION_HEADER : OPTION_HEADER + (size_t)data_size);
    done = (size_t)data + data_size;
  }
  size_t end = (size_t)edns->options + edns->options_size;
  cache_key_gather_add(g, query + done, end - done);
}

static void
cache_key_add_behind_name(const struct packet_cache_options *o, const uint8_t *query, size_t size, size_t from,
                          const struct edns *edns, struct gather *g)
{
  enum { OPT_PAYLOAD = 3, OPT_BEHIND_PAYLOAD = 5 }; // offsets inside an OPT record
  if (edns == NULL || edns->offset == 0) {
    cache_key_gather_add(g, query + from, size - from);
    return;
  }
  uint8_t payload[2];
  message_put_u16(payload, cache_key_rounded_payload(o, edns->payload));
  cache_key_gather_add(g, query + from, edns->offset + (size_t)OPT_PAYLOAD - from);
  cache_key_gather_add(g, payload, sizeof payload);
  cache_key_gather_add(g, query + edns->offset + OPT_BEHIND_PAYLOAD,
                       (size_t)edns->options - edns->offset - OPT_BEHIND_PAYLOAD);
  cache_key_add_options(o, query, edns, g);
  size_t end = (size_t)edns->offset + edns->size;
  cache_key_gather_add(g, query + end, size - end);
}

static void
cache_key_read_ecs(const uint8_t *query, const struct edns *edns, struct cache_key *key)
{
  enum { ECS_FIXED = 4 };
  uint16_t cursor = edns->options, code, data, data_size;
  while (edns_option_next(query, edns, &cursor, &code, &data, &data_size)) {
    if (code != EDNS_ECS || data_size < ECS_FIXED || data_size > ECS_FIXED + sizeof key->ecs.bytes)
      continue;
    key->has_ecs = true;
    key->ecs.family = (uint8_t)message_u16(query + data);
    key->ecs.source_bits = query[data + 2];
    memcpy(key->ecs.bytes, query + data + ECS_FIXED, (size_t)data_size - ECS_FIXED);
    return;
  }
}

void
packet_cache_key(const struct packet_cache *cache, const uint8_t *query, size_t size, const struct question *question,
                 const struct edns *edns, bool over_tcp, struct cache_key *key)
{
  const struct packet_cache_options *o = &cache->options;
  bool has_edns = edns != NULL && edns->offset != 0;
  assert(size >= (size_t)HEADER_SIZE + question->name.size);
  *key = (struct cache_key){.qtype = question->type, .qclass = question->class, .flags = {query[2], query[3]},
                            .dnssec_ok = has_edns && edns->dnssec_ok, .over_tcp = over_tcp};
  struct gather g;
  g.size = 0;
  g.hash = name_bytes_hash(question->name.bytes, question->name.size, cache->seed);
  cache_key_gather_add(&g, query + 2, HEADER_SIZE - 2);
  cache_key_gather_add(&g, (const uint8_t[]){over_tcp}, 1);
  cache_key_add_behind_name(o, query, size, (size_t)HEADER_SIZE + question->name.size, edns, &g);
  cache_key_gather_flush(&g);
  key->hash = g.hash;
  if (o->parse_ecs && has_edns)
    cache_key_read_ecs(query, edns, key);
}
