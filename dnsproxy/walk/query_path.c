// SPDX-License-Identifier: BSD-2-Clause
// The way in: from the client's packet to the backend's socket, in walking order, each room below the steps that are its
// own.
//
//   admit, decode, record     what it is; leases the configuration, reads header, question and EDNS once
//   dynblock, query_rules     what blocks and rules make of it
//   choose_pool, ecs          where it would go, and as what: the cache key is made here, from the query as it will be sent
//   cache_lookup, cache_miss_rules
//   choose_backend, forward   whom it goes to
//
// Facts about the packet (question, EDNS) are read once, in decode. Whoever hands the packet to a script marks that, and the
// loop reads them anew (query_settle()) before the next room looks. A room that answers the query itself returns the room
// where such answers join the way back.
//
// Thread: the worker. The packet is the receive buffer's until somebody needs to keep it.
#include "dnsproxy/base/log.h"
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/guard/query_counts.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/observe/observers.h"
#include "dnsproxy/upstream/upstream.h"
#include "dnsproxy/walk/ecs.h"
#include "dnsproxy/walk/rooms.h"
#include "dnsproxy/wire/codes.h"

#include <string.h>

static struct log_limit unknown_pool;

static enum room
query_path_drop(struct query *q, enum drop why)
{
  q->drop = (uint8_t)why;
  return ROOM_DROP;
}

static bool
query_path_refuse(struct query *q, enum drop why)
{
  q->drop = (uint8_t)why;
  return false;
}

// PROXY headers in front of datagrams (semantics.md sections 1 and 14); those of streams are read in net/. Takes the header
// off; false: q->drop says why.
static bool
query_path_take_header(struct query *q)
{
  const struct settings *settings = query_settings(q);
  struct proxy_header header;
  if (proxy_header_parse(q->packet.data, q->packet.size, settings->proxy_maximum_size, &header) != PROXY_COMPLETE) {
    count(q->worker, COUNTER_PROXY_PROTOCOL_INVALID);
    return query_path_refuse(q, DROP_PROXY_INVALID);
  }
  if (!query_take_proxy_header(q, &header))
    return query_path_refuse(q, DROP_OUT_OF_MEMORY);
  q->packet.data += header.size;
  q->packet.size -= header.size;
  q->packet.capacity -= header.size;
  if (settings->proxy_apply_acl && !netmask_set_match(q->lease->snapshot->acl, &q->arrival.client)) {
    count(q->worker, COUNTER_ACL_DROPS);
    return query_path_refuse(q, DROP_PROXY_INVALID);
  }
  return q->packet.size >= HEADER_SIZE || query_path_refuse(q, DROP_MALFORMED);
}

enum room
room_admit(struct query *q)
{
  struct worker *w = q->worker;
  q->lease = lease_begin(w);
  // A stream was admitted when it was accepted, and had its PROXY header read.
  bool proxied = !query_is_tcp(q) && walk_expects_header(q->lease->snapshot, q->arrival.listener, &q->arrival.peer);
  if (!query_is_tcp(q) && !proxied && !netmask_set_match(q->lease->snapshot->acl, &q->arrival.client))
    return query_path_drop(q, DROP_ACL);
  const struct settings *settings = query_settings(q);
  q->subnet.override = settings->ecs_override;
  q->subnet.prefix_v4 = settings->ecs_prefix_v4;
  q->subnet.prefix_v6 = settings->ecs_prefix_v6;
  tell(q, EVENT_ARRIVED);
  if (proxied && !query_path_take_header(q))
    return ROOM_DROP;
  return ROOM_DECODE;
}

// QDCOUNT 0: answered without any rule, cache or ring (semantics.md section 1.7).
static enum room
query_path_decode_empty(struct query *q)
{
  count(q->worker, COUNTER_EMPTY_QUERIES);
  if (query_settings(q)->drop_empty_queries)
    return query_path_drop(q, DROP_EMPTY);
  q->packet.data[2] |= FLAG2_QR;
  q->packet.data[3] = (uint8_t)((q->packet.data[3] & ~FLAG3_RCODE) | RCODE_NOTIMP);
  q->question_end = HEADER_SIZE;
  q->self_answered = true;
  return ROOM_REPLY;
}

enum room
room_decode(struct query *q)
{
  const uint8_t *m = q->packet.data;
  struct question question;
  q->id = message_id(m);
  q->flags[0] = m[2];
  q->flags[1] = m[3];
  if ((m[2] & FLAG2_QR) != 0)
    return query_path_drop(q, DROP_NOT_A_QUERY);
  if (message_count(m, 0) == 0)
    return query_path_decode_empty(q);
  if ((m[2] & FLAG2_RD) != 0)
    count(q->worker, COUNTER_RDQUERIES);
  if (!message_question(m, q->packet.size, &question))
    return query_path_drop(q, DROP_MALFORMED);
  q->qname.size = question.name.size;
  memcpy(q->qname.bytes, question.name.bytes, question.name.size);
  q->qtype = question.type;
  q->qclass = question.class;
  q->question_end = question.end;
  // Records that cannot be read are the backend's business: without a readable OPT there is no EDNS.
  if (!message_edns(m, q->packet.size, question.end, &q->edns))
    memset(&q->edns, 0, sizeof q->edns);
  q->over_tcp = q->arrival.transport->wants_stream;
  q->is_xfr = q->qtype == QTYPE_AXFR || q->qtype == QTYPE_IXFR;
  q->skip_cache = q->is_xfr && q->over_tcp;
  return ROOM_RECORD;
}

enum room
room_record(struct query *q)
{
  tell(q, EVENT_SEEN);
  if (query_settings(q)->query_count)
    query_counts_add(q, q->lease->snapshot->query_filter);
  return ROOM_DYNBLOCK;
}

// A rule set QR in the query as it was: the client's EDNS makes way for that of self-made answers.
static void
query_path_turn_edns(struct query *q)
{
  struct edns edns;
  const uint8_t *m = q->packet.data;
  if (query_edns_now(q, &edns)->offset == 0 || message_count(m, 1) != 0 || message_count(m, 2) != 0)
    return;
  struct answer_form form = query_answer_form(q, &(struct answer_flags)ANSWER_FLAGS_DEFAULT, 0);
  message_cut_records(&q->packet, q->question_end);
  if (form.edns.present)
    message_add_opt(&q->packet, form.edns.payload, 0, form.edns.dnssec_ok, NULL, 0);
}

// What a chain of the way in means for the walk; `next` if it let the query pass.
static enum room
query_path_after_rules(struct query *q, enum verdict verdict, enum room next)
{
  if (verdict == VERDICT_DROP)
    return query_path_drop(q, q->drop == 0 ? DROP_RULE : (enum drop)q->drop);
  if (verdict == VERDICT_PARKED)
    return ROOM_PARKED;
  query_settle(q);
  if (!query_answered(q))
    return next;
  if (!q->self_answered)
    query_path_turn_edns(q);
  q->self_answered = true;
  return ROOM_SELF_ANSWERED_RULES;
}

static enum verdict
query_path_act_on_block(struct query *q, struct dynblock *b, int action)
{
  if (b->warning || action == DNS_ACTION_NO_OP)
    return VERDICT_NEXT;
  // Streams are not truncated: they go on, and are not affected.
  if (action == DNS_ACTION_TRUNCATE && query_is_tcp(q))
    return VERDICT_NEXT;
  count(q->worker, COUNTER_DYN_BLOCKED);
  if (!q->rehearsal.dry)
    atomic_fetch_add_explicit(&b->hits->count, 1, memory_order_relaxed);
  switch (action) {
  case DNS_ACTION_NXDOMAIN:
  case DNS_ACTION_REFUSED:
  case DNS_ACTION_TRUNCATE:
  case DNS_ACTION_NO_RECURSE:
    return dialect_query_verdict(q, action, NULL);
  case DNS_ACTION_SET_TAG:
    if (b->tag_name != NULL)
      query_tag_set(q, b->tag_name, b->tag_value == NULL ? "" : b->tag_value, b->tag_value == NULL ? 0 : strlen(b->tag_value));
    return VERDICT_NEXT;
  default:
    return verdict_drop(q, DROP_DYNBLOCK);
  }
}

// The verdict of the block of its address, then of that of its name (semantics.md section 3). VERDICT_NEXT: the rules come
// next; VERDICT_STOP: they are skipped, the query is answered or walks on.
static enum verdict
query_path_look_for_blocks(struct query *q)
{
  const struct dynblock_set *set = q->lease->snapshot->dynblocks;
  enum verdict verdict = VERDICT_NEXT;
  struct dynblock *b = dynblock_find_client(set, &q->arrival.client, q->worker->now_us);
  if (b != NULL)
    verdict = query_path_act_on_block(q, b, b->action == DYNBLOCK_NO_ACTION ? set->default_action : b->action);
  if (verdict != VERDICT_NEXT)
    return verdict;
  b = dynblock_find_name(set, &q->qname, q->worker->now_us);
  return b == NULL ? VERDICT_NEXT : query_path_act_on_block(q, b, b->action == DYNBLOCK_NO_ACTION ? set->default_action : b->action);
}

enum room
room_dynblock(struct query *q)
{
  if (q->lease->snapshot->dynblocks->count == 0)
    return ROOM_QUERY_RULES;
  enum verdict verdict = query_path_look_for_blocks(q);
  return query_path_after_rules(q, verdict, verdict == VERDICT_STOP ? ROOM_CHOOSE_POOL : ROOM_QUERY_RULES);
}

enum room
room_query_rules(struct query *q)
{
  return query_path_after_rules(q, run_chain(q, CHAIN_QUERY), ROOM_CHOOSE_POOL);
}

// Asks the pool's policy. No backend is no error yet: the cache may have an answer.
static enum policy_result
query_path_choose(struct query *q)
{
  struct policy_input input = {.pool = q->pool, .query = q};
  const struct policy *policy = q->pool->policy;
  q->backend = NULL;
  return policy->choose(policy, &input, &q->backend);
}

// NOTIFY, UPDATE and the like are events, each for the backend. A second question would be nobody's key.
static bool
query_path_is_cacheable(const struct query *q)
{
  const uint8_t *m = q->packet.data;
  return message_opcode(m) == OPCODE_QUERY && message_count(m, 0) == 1;
}

enum room
room_choose_pool(struct query *q)
{
  q->pool = pool_find(q->lease->snapshot->pools, q->pool_name);
  if (q->pool == NULL) {
    if (!q->rehearsal.dry)
      log_limited(&unknown_pool, "query-processing", "Query for the unknown pool '%s' was dropped", q->pool_name);
    return query_path_drop(q, DROP_NO_POOL);
  }
  q->cache = q->skip_cache || !query_path_is_cacheable(q) ? NULL : q->pool->cache;
  q->backend = NULL;
  // What goes into the cache key depends on which of its backends it will be.
  if (!q->pool->consistent && query_path_choose(q) == POLICY_ERROR)
    return query_path_drop(q, DROP_POLICY_ERROR);
  return ROOM_ECS;
}

// Answers that were got over TCP are another matter: they may be larger.
static bool
query_path_goes_over_tcp(const struct query *q)
{
  return q->over_tcp || (q->backend != NULL ? q->backend->options.protocol->stream : q->pool->over_streams);
}

// The query as it will be sent. What we add and take off the answer again makes another answer than if the client
// had sent the same bytes.
static void
query_path_make_key(struct query *q)
{
  const uint64_t mark = 0x9e3779b97f4a7c15u;
  struct edns edns;
  struct question question = {.name.size = q->qname.size, .type = q->qtype, .class = q->qclass, .end = q->question_end};
  memcpy(question.name.bytes, q->qname.bytes, q->qname.size);
  packet_cache_key(q->cache, q->packet.data, q->packet.size, &question, query_edns_now(q, &edns),
                   query_path_goes_over_tcp(q), &q->key);
  if (q->subnet.added || q->subnet.edns_added)
    q->key.hash ^= q->subnet.edns_added ? mark : ~mark;
  q->has_key = true;
  packet_cache_prefetch(q->cache, q->key.hash);
}

// Before the subnet goes into the packet: the key of answers that are good for everybody.
static void
query_path_make_key_for_all(struct query *q)
{
  if (q->cache == NULL || !ecs_has_zero_scope(q))
    return;
  query_path_make_key(q);
  q->subnet.hash_for_all = q->key.hash;
  q->subnet.zero_scope = true;
}

enum room
room_ecs(struct query *q)
{
  q->subnet.zero_scope = q->has_key = false;
  if (!query_has_question(q))
    q->cache = NULL;
  if (!q->pool->plain && ecs_is_wanted(q)) {
    query_path_make_key_for_all(q);
    if (!ecs_add(q))
      return query_path_drop(q, DROP_ECS_TOO_LARGE);
  }
  if (q->cache == NULL)
    return ROOM_CHOOSE_BACKEND;
  query_path_make_key(q);
  return ROOM_CACHE_LOOKUP;
}

// The query gives way to the answer in its buffer, and gets a larger one for a large answer.
static enum cache_result
query_path_look_up(struct query *q, const struct cache_find *find)
{
  enum { ROOM = 512 }; // for what is added to answers
  size_t size = 0;
  enum cache_result result = packet_cache_lookup(q->cache, find, q->packet.data, q->packet.capacity, &size);
  if (result == CACHE_NO_ROOM && query_own_packet(q, q->packet.data, q->packet.size, size + ROOM))
    result = packet_cache_lookup(q->cache, find, q->packet.data, q->packet.capacity, &size);
  if (result == CACHE_HIT || result == CACHE_STALE)
    q->packet.size = size;
  return result == CACHE_NO_ROOM ? CACHE_MISS : result;
}

// An answer for everybody, under the key from before the subnet was added.
static enum cache_result
query_path_look_up_for_all(struct query *q, struct cache_find find)
{
  struct cache_key key;
  query_key_for_all(q, &key);
  find.key = &key;
  find.another_follows = true;
  return query_path_look_up(q, &find);
}

enum room
room_cache_lookup(struct query *q)
{
  struct worker *w = q->worker;
  uint32_t stale_s = query_settings(q)->stale_cache_ttl_s;
  struct cache_find find = {
      .key = &q->key,
      .qname = &q->qname,
      .id = q->id,
      .now_s = w->now_s,
      .stale_s = stale_s > 0 && !pool_has_server_up(q->pool) ? stale_s : 0,
      .only_looks = q->rehearsal.dry,
  };
  enum cache_result result = CACHE_MISS;
  if (q->subnet.zero_scope)
    result = query_path_look_up_for_all(q, find);
  if (result == CACHE_MISS)
    result = query_path_look_up(q, &find);
  if (result == CACHE_MISS) {
    count(w, COUNTER_CACHE_MISSES);
    return ROOM_CACHE_MISS_RULES;
  }
  q->backend = NULL;
  q->from_cache = true;
  q->stale = result == CACHE_STALE;
  return ROOM_CACHE_HIT_RULES;
}

enum room
room_cache_miss_rules(struct query *q)
{
  enum room next = query_path_after_rules(q, run_chain(q, CHAIN_CACHE_MISS), ROOM_CHOOSE_BACKEND);
  if (next != ROOM_CHOOSE_BACKEND || strcmp(q->pool->name, q->pool_name) == 0)
    return next;
  // Another pool was chosen: its backend, and its cache under the key already made; no second lookup.
  q->pool = pool_find(q->lease->snapshot->pools, q->pool_name);
  if (q->pool == NULL)
    return query_path_drop(q, DROP_NO_POOL);
  q->cache = q->pool->cache;
  q->backend = NULL;
  return next;
}

static enum room
query_path_no_backend(struct query *q, enum drop why)
{
  count(q->worker, COUNTER_NO_POLICY);
  if (!query_settings(q)->servfail_when_no_server)
    return query_path_drop(q, why);
  struct answer_form form = query_answer_form(q, &(struct answer_flags)ANSWER_FLAGS_KEPT, 0);
  if (!compose_rcode(&q->packet, &form, RCODE_SERVFAIL))
    return query_path_drop(q, DROP_ANSWER_TOO_LARGE);
  q->self_answered = true;
  return ROOM_SELF_ANSWERED_RULES;
}

// The next one of the pool that is well, as streams go; NULL: none. Not where they disagree about what is in the query.
static struct backend *
query_path_another_backend(const struct query *q)
{
  const struct pool *pool = q->pool;
  uint32_t at = 0;
  while (at < pool->count && pool->backends[at] != q->backend)
    at++;
  for (uint32_t i = 1; pool->consistent && i <= pool->count; i++) {
    struct backend *b = pool->backends[(at + i) % pool->count];
    if (b != q->backend && backend_is_up(b) && !backend_stream_suspect(b))
      return b;
  }
  return NULL;
}

static bool
query_path_goes_over_stream(const struct query *q)
{
  return backend_way(q->backend, q->over_tcp)->stream;
}

// Its way is not what its health says: checks may go over UDP.
static void
query_path_prefer_another(struct query *q)
{
  struct backend *other =
      backend_stream_suspect(q->backend) && query_path_goes_over_stream(q) ? query_path_another_backend(q) : NULL;
  if (other != NULL)
    q->backend = other;
}

enum room
room_choose_backend(struct query *q)
{
  switch (q->backend != NULL ? POLICY_CHOSEN : query_path_choose(q)) {
  case POLICY_CHOSEN:
    // Whoever chose it, and however: without its protocol nothing goes there.
    if (q->backend->missing)
      return query_path_no_backend(q, DROP_NO_PROTOCOL);
    query_path_prefer_another(q);
    return ROOM_FORWARD;
  case POLICY_NONE:
    return query_path_no_backend(q, DROP_NO_BACKEND);
  case POLICY_ERROR:
    break;
  }
  return query_path_drop(q, DROP_POLICY_ERROR);
}

static bool
query_path_send_to(struct query *q, struct backend *backend)
{
  q->backend = backend;
  backend_take_token(backend, q->worker->now_us); // all policies use tokens up, firstAvailable alone looks at them
  tell(q, EVENT_SENT);
  return upstream_send(q, backend);
}

// This machine has no socket for one more backend: another one of the pool may have sockets that are open. Not where they
// disagree about what is in the query.
static bool
query_path_send_to_another(struct query *q)
{
  enum { TRIES = 8 };
  const struct pool *pool = q->pool;
  const struct backend *first = q->backend;
  unsigned tries = 0;
  for (uint32_t i = 0; pool->consistent && i < pool->count && tries < TRIES && q->drop == DROP_NO_SOCKET; i++)
    if (pool->backends[i] != first && backend_is_up(pool->backends[i])) {
      tries++;
      if (query_path_send_to(q, pool->backends[i]))
        return true;
    }
  return false;
}

bool
walk_has_elsewhere(const struct query *q)
{
  enum { MOVES = 2 };
  return q->moves < MOVES && !q->is_xfr && query_path_goes_over_stream(q) && query_path_another_backend(q) != NULL;
}

bool
walk_send_elsewhere(struct query *q)
{
  if (!walk_has_elsewhere(q))
    return false;
  q->moves++;
  struct backend *failed = q->backend;
  if (query_path_send_to(q, query_path_another_backend(q)))
    return true;
  q->backend = failed;
  return false;
}

enum room
room_forward(struct query *q)
{
  if (query_path_send_to(q, q->backend) || (q->drop == DROP_NO_SOCKET && query_path_send_to_another(q)))
    return ROOM_PARKED;
  if (q->drop == DROP_SEND_ERROR)
    count(q->worker, COUNTER_DOWNSTREAM_SEND_ERRORS);
  return ROOM_DROP;
}
