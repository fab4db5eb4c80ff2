// SPDX-License-Identifier: BSD-2-Clause
// The way back: from the backend's answer, or from an answer of our own, to the client's transport, in walking order.
//
//   check_answer        id back, counters of the backend, flags
//   response_rules      what rules make of the answer; they may ask for another try with another backend
//   restore             what was changed or added on the way in is put back: RD, CD, casing, EDNS, client subnet
//   cache_insert        the answer as the client will see it
//   finish, reply       limits of TTLs, errors in EDNS, the client's size; out
//
// cache_hit_rules, self_answered_rules and timeout_rules are the three ways that join. A query that got no answer goes
// through timeout_rules and ends there unless a rule sends it again.
//
// Thread: the worker. From check_answer on q->packet is the answer; what the query was like is in the query's other members.
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/config/snapshot.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/observe/observers.h"
#include "dnsproxy/walk/ecs.h"
#include "dnsproxy/walk/rooms.h"
#include "dnsproxy/backends/health.h"
#include "dnsproxy/upstream/transfer.h"
#include "dnsproxy/upstream/upstream.h"
#include "dnsproxy/wire/codes.h"

#include <string.h>

static enum room
answer_path_drop(struct query *q, enum drop why)
{
  q->drop = (uint8_t)why;
  return ROOM_DROP;
}

// What the client said it can take over UDP.
static size_t
answer_path_client_size(const struct query *q)
{
  size_t payload = q->edns.offset != 0 ? q->edns.payload : 0;
  return payload < UDP_PLAIN_SIZE ? UDP_PLAIN_SIZE : payload;
}

// Leaves the question, the answer's OPT if it has one, and TC=1.
static void
answer_path_truncate_answer(struct query *q)
{
  struct question question;
  struct edns edns;
  if (!message_question(q->packet.data, q->packet.size, &question)) {
    count(q->worker, COUNTER_TRUNC_FAILURES);
    question.end = HEADER_SIZE; // the header is all that can be said
  }
  if (!message_edns(q->packet.data, q->packet.size, question.end, &edns))
    memset(&edns, 0, sizeof edns);
  message_truncate(&q->packet, question.end, edns.offset != 0 ? &edns : NULL);
}

enum room
room_check_answer(struct query *q)
{
  struct worker *w = q->worker;
  uint8_t *m = q->packet.data;
  unsigned rcode = message_rcode(m);
  q->is_answer = true;
  message_put_u16(m, q->id);
  if (q->transfer != NULL)
    return ROOM_RESPONSE_RULES; // its end counts for all of it
  count(w, COUNTER_RESPONSES);
  if (rcode == RCODE_SERVFAIL)
    count(w, COUNTER_SERVFAIL_RESPONSES);
  if (atomic_load_explicit(&q->backend->mode, memory_order_relaxed) == HEALTH_LAZY && !q->rehearsal.dry)
    health_result(q->backend, false, rcode);
  if (!query_takes_large(q)) {
    bool too_large = q->backend->options.protocol->stream && q->packet.size > answer_path_client_size(q);
    if (too_large || (query_settings(q)->truncate_tc && (m[2] & FLAG2_TC) != 0))
      answer_path_truncate_answer(q);
  }
  return ROOM_RESPONSE_RULES;
}

// Back to the way in: the rules of queries are not asked again.
static enum room
answer_path_restart(struct query *q)
{
  return query_restart(q) ? ROOM_CHOOSE_POOL : answer_path_drop(q, DROP_OUT_OF_MEMORY);
}

// Runs a chain of the way back; `next` unless it drops or parks the answer.
static enum room
answer_path_run_response_chain(struct query *q, enum chain_id id, enum room next)
{
  enum verdict verdict = run_chain(q, id);
  if (verdict == VERDICT_PARKED)
    return ROOM_PARKED;
  if (q->restart && (id == CHAIN_RESPONSE || id == CHAIN_TIMEOUT))
    return answer_path_restart(q);
  q->restart = false;
  switch (verdict) {
  case VERDICT_DROP:
    return answer_path_drop(q, q->drop == 0 ? DROP_RESPONSE_RULE : (enum drop)q->drop);
  case VERDICT_PARKED:
  case VERDICT_NEXT:
  case VERDICT_STOP:
    break;
  }
  return next;
}

enum room
room_response_rules(struct query *q)
{
  return answer_path_run_response_chain(q, q->is_xfr && q->over_tcp ? CHAIN_XFR : CHAIN_RESPONSE, ROOM_RESTORE);
}

// RD and CD go back as the client sent them, whatever rules did to the query.
static void
answer_path_restore_flags(struct query *q)
{
  uint8_t *m = q->packet.data;
  m[2] = (uint8_t)((m[2] & ~FLAG2_RD) | (q->flags[0] & FLAG2_RD));
  m[3] = (uint8_t)((m[3] & ~FLAG3_CD) | (q->flags[1] & FLAG3_CD));
}

// Does the answer begin with the name of the query? Rules may have given it another question.
static bool
answer_path_asks_for_same_name(const struct query *q)
{
  const uint8_t *m = q->packet.data;
  return message_count(m, 0) > 0 && q->packet.size >= (size_t)HEADER_SIZE + q->qname.size &&
         name_bytes_equal(m + HEADER_SIZE, q->qname.size, q->qname.bytes, q->qname.size);
}

enum room
room_restore(struct query *q)
{
  answer_path_restore_flags(q);
  if (query_settings(q)->fixup_case && answer_path_asks_for_same_name(q))
    memcpy(q->packet.data + HEADER_SIZE, q->qname.bytes, q->qname.size);
  q->subnet.for_all = false;
  if (q->subnet.edns_added || q->subnet.added)
    return ecs_take_off(q) ? ROOM_CACHE_INSERT : answer_path_drop(q, DROP_BROKEN_ANSWER);
  return ROOM_CACHE_INSERT;
}

// A datagram's client got less than came over TCP: the next one to ask, over TCP, must not.
static bool
answer_path_is_cut(const struct query *q)
{
  return q->key.over_tcp && !q->over_tcp && (q->packet.data[2] & FLAG2_TC) != 0;
}

// Rules may have made something else of it.
static bool
answer_path_answers_query(const struct query *q)
{
  return query_answered(q) && message_opcode(q->packet.data) == OPCODE_QUERY;
}

enum room
room_cache_insert(struct query *q)
{
  enum { OVER_UDP_MAX = 4096 };
  if (q->cache == NULL || !q->has_key || q->skip_cache || answer_path_is_cut(q) || !answer_path_answers_query(q))
    return ROOM_FINISH;
  bool over_udp = !backend_way(q->backend, q->over_tcp)->stream;
  if (over_udp && q->packet.size > OVER_UDP_MAX)
    return ROOM_FINISH;
  struct cache_key for_all;
  if (q->subnet.for_all)
    query_key_for_all(q, &for_all);
  packet_cache_insert(q->cache, q->subnet.for_all ? &for_all : &q->key, &q->qname,
                      &(struct cache_answer){.data = q->packet.data,
                                             .size = q->packet.size,
                                             .now_s = q->worker->now_s,
                                             .received_over_udp = over_udp,
                                             .temporary_failure_ttl_s = q->limits.failure_ttl});
  return answer_path_run_response_chain(q, CHAIN_CACHE_INSERTED, ROOM_FINISH);
}

enum room
room_cache_hit_rules(struct query *q)
{
  q->is_answer = true;
  answer_path_restore_flags(q);
  enum room next = answer_path_run_response_chain(q, CHAIN_CACHE_HIT, ROOM_FINISH);
  if (next == ROOM_FINISH) {
    count(q->worker, COUNTER_CACHE_HITS);
    count(q->worker, COUNTER_RESPONSES);
  }
  return next;
}

static void
answer_path_count_self_answer(struct query *q)
{
  struct worker *w = q->worker;
  switch (message_rcode(q->packet.data)) {
  case RCODE_NXDOMAIN:
    count(w, COUNTER_RULE_NXDOMAIN);
    break;
  case RCODE_REFUSED:
    count(w, COUNTER_RULE_REFUSED);
    break;
  case RCODE_SERVFAIL:
    count(w, COUNTER_RULE_SERVFAIL);
    break;
  }
  count(w, COUNTER_SELF_ANSWERED);
}

enum room
room_self_answered_rules(struct query *q)
{
  q->is_answer = true;
  answer_path_restore_flags(q);
  enum room next = answer_path_run_response_chain(q, CHAIN_SELF_ANSWERED, ROOM_FINISH);
  if (next == ROOM_FINISH)
    answer_path_count_self_answer(q);
  return next;
}

// Rules see a header that was never received; only another try can help the client still.
enum room
room_timeout_rules(struct query *q)
{
  uint8_t header[HEADER_SIZE] = {[2] = FLAG2_QR};
  enum drop why = q->drop;
  message_put_u16(header, q->id);
  q->is_answer = true;
  q->packet = (struct wire_buffer){.data = header, .size = sizeof header, .capacity = sizeof header};
  answer_path_restore_flags(q);
  enum room next = answer_path_run_response_chain(q, CHAIN_TIMEOUT, ROOM_DROP);
  if (next == ROOM_CHOOSE_POOL)
    return next;
  q->packet = (struct wire_buffer){.data = NULL};
  q->drop = (uint8_t)why;
  return next == ROOM_PARKED ? next : ROOM_DROP;
}

enum room
room_finish(struct query *q)
{
  if (q->limits.max_ttl != UINT32_MAX)
    message_limit_ttls(&q->packet, 0, q->limits.max_ttl);
  query_attach_errors(q);
  // Answers that came over UDP fit the client: the backend saw its EDNS size.
  bool ours = q->self_answered || q->from_cache;
  if (ours && !query_takes_large(q)) {
    bool tc = (q->packet.data[2] & FLAG2_TC) != 0;
    if (q->packet.size > answer_path_client_size(q) || (tc && query_settings(q)->truncate_tc))
      answer_path_truncate_answer(q);
  }
  return ROOM_REPLY;
}

// A message of a zone transfer, with more to come: the connection that it came over has the query back.
static enum room
answer_path_reply_part(struct query *q)
{
  enum part_sent sent = q->arrival.route->part(q, upstream_transfer_resume);
  if (sent == PART_FAILED)
    return answer_path_drop(q, DROP_CLIENT_GONE);
  q->in_part = true;
  q->transfer->went_on = true;
  q->transfer->full = sent == PART_FULL;
  return ROOM_PARKED;
}

enum room
room_reply(struct query *q)
{
  struct worker *w = q->worker;
  if (q->transfer != NULL)
    return answer_path_reply_part(q);
  tell(q, EVENT_ANSWERED);
  if (!query_is_tcp(q) && atomic_load_explicit(&q->arrival.listener->muted, memory_order_relaxed))
    return answer_path_drop(q, DROP_MUTED);
  count(w, COUNTER_ANSWERS_SENT);
  if (q->limits.delay_ms > 0 && !query_is_tcp(q))
    delay_reply(q);
  else
    q->arrival.route->reply(q);
  return ROOM_DONE;
}
