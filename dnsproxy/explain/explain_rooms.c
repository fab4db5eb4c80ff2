// SPDX-License-Identifier: BSD-2-Clause
// What rooms decided with: the block, the pool and its servers, the key of the cache.
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/explain/explain_walk.h"
#include "dnsproxy/walk/rooms.h"

#include <math.h>
#include <string.h>

static void
explain_rooms_add_text(json_t *o, const char *key, struct text *text)
{
  json_object_set_new(o, key, explain_string(text->data, text->size));
  text_fini(text);
}

static void
explain_rooms_add_block(json_t *list, const struct dynblock *b, const struct query *q)
{
  if (b == NULL)
    return;
  struct text key;
  text_init(&key);
  dynblock_key_text(&b->key, &key);
  int action = b->action == DYNBLOCK_NO_ACTION ? q->lease->snapshot->dynblocks->default_action : b->action;
  json_t *o = json_pack("{s:s, s:b, s:I}", "action", dynblock_action_text(action), "warning", (int)b->warning,
                        "seconds_left", (json_int_t)((b->until_us - q->worker->now_us) / 1000000));
  json_object_set_new(o, "reason", explain_string(b->reason, strlen(b->reason)));
  explain_rooms_add_text(o, "of", &key);
  json_array_append_new(list, o);
}

static void
explain_rooms_say_blocks(json_t *room, const struct query *q)
{
  const struct dynblock_set *set = q->lease->snapshot->dynblocks;
  json_t *list = json_array();
  if (set->count > 0) {
    explain_rooms_add_block(list, dynblock_find_client(set, &q->arrival.client, q->worker->now_us), q);
    explain_rooms_add_block(list, dynblock_find_name(set, &q->qname, q->worker->now_us), q);
  }
  json_object_set_new(room, "blocks", list);
}

static json_t *
explain_rooms_server(const struct backend *b, const struct query *q)
{
  double latency_ms = backend_latency_us(b, backend_way(b, q->over_tcp)->stream) / 1000;
  json_t *o = json_pack("{s:o, s:b, s:i, s:i, s:I, s:f, s:b, s:b}", "server",
                        explain_string(backend_full_name(b), strlen(backend_full_name(b))), "up", (int)backend_is_up(b),
                        "order", (int)atomic_load(&b->order), "weight", (int)atomic_load(&b->weight), "outstanding",
                        (json_int_t)backend_outstanding(b), "latency_ms", isfinite(latency_ms) ? latency_ms : 0,
                        "below_qps_limit", (int)backend_has_token(b, q->worker->now_us), "chosen", (int)(b == q->backend));
  return o;
}

// The policy, what it saw and whom it chose.
static void
explain_rooms_say_choice(json_t *room, const struct query *q)
{
  const struct policy *policy = q->pool->policy;
  json_t *servers = json_array();
  for (uint32_t i = 0; i < q->pool->count; i++)
    json_array_append_new(servers, explain_rooms_server(q->pool->backends[i], q));
  json_object_set_new(room, "policy", explain_string(policy->name, strlen(policy->name)));
  json_object_set_new(room, "policy_rule", policy->help == NULL ? json_string("A script's") : json_string(policy->help));
  json_object_set_new(room, "servers", servers);
  if (q->backend != NULL)
    json_object_set_new(room, "server", explain_string(backend_full_name(q->backend), strlen(backend_full_name(q->backend))));
}

static void
explain_rooms_say_pool(json_t *room, const struct query *q)
{
  json_object_set_new(room, "pool", explain_string(q->pool_name, strlen(q->pool_name)));
  if (q->pool == NULL)
    return;
  json_object_set_new(room, "cache", json_string(q->pool->cache == NULL ? "none" : q->cache == NULL ? "skipped" : "used"));
  if (q->backend != NULL || q->rehearsal.untold)
    explain_rooms_say_choice(room, q);
}

static void
explain_rooms_say_lookup(json_t *room, const struct query *q)
{
  static const char hex[] = "0123456789abcdef";
  char key[17] = "";
  for (unsigned i = 0; i < 16; i++)
    key[i] = hex[q->key.hash >> (60 - 4 * i) & 15];
  json_object_set_new(room, "key", json_string(key));
  json_object_set_new(room, "result", json_string(!q->from_cache ? "miss" : q->stale ? "stale" : "hit"));
}

void
explain_room(json_t *room, enum room which, const struct query *q)
{
  switch (which) {
  case ROOM_DYNBLOCK:
    explain_rooms_say_blocks(room, q);
    break;
  case ROOM_CHOOSE_POOL:
    explain_rooms_say_pool(room, q);
    break;
  case ROOM_CACHE_LOOKUP:
    explain_rooms_say_lookup(room, q);
    break;
  case ROOM_CHOOSE_BACKEND:
    explain_rooms_say_choice(room, q);
    break;
  default:
    break;
  }
}
