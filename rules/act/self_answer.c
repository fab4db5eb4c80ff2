// SPDX-License-Identifier: BSD-2-Clause
// What actions that answer by themselves share.
#include "rules/act/self_answer.h"

#include <string.h>

enum { RECORD_HEAD_SIZE = 12 }; // a pointer to the question as owner, type, class, TTL, length

const struct param answer_flag_options[] = {ANSWER_FLAG_ROWS, ANSWER_UNUSED_TTL_ROW, {.type = PARAM_END}};
const struct param answer_ttl_options[] = {ANSWER_FLAG_ROWS, ANSWER_TTL_ROW, {.type = PARAM_END}};

static signed char
self_answer_flag_of(const struct value *v)
{
  return v->given ? v->boolean : -1;
}

struct answer_options
answer_options_read(const struct value *v, bool with_ttl)
{
  struct answer_options o = {.flags = ANSWER_FLAGS_DEFAULT, .ttl = ANSWER_TTL};
  if (!v->given)
    return o;
  o.flags = (struct answer_flags){self_answer_flag_of(&v->options[0]), self_answer_flag_of(&v->options[1]),
                                  self_answer_flag_of(&v->options[2])};
  if (with_ttl && v->options[3].given)
    o.ttl = (uint32_t)v->options[3].integer;
  return o;
}

struct answer_form
answer_form_of(const struct query *q, const struct answer_options *o)
{
  return query_answer_form(q, &o->flags, o->ttl);
}

void
answer_room(struct query *q, size_t records)
{
  enum { OPT_SIZE = 11 };
  size_t need = q->question_end + records + OPT_SIZE;
  if (need > MESSAGE_MAX_SIZE)
    need = MESSAGE_MAX_SIZE;
  if (need > q->packet.capacity)
    query_own_packet(q, q->packet.data, q->packet.size, need);
}

void
answer_room_addresses(struct query *q, size_t count)
{
  answer_room(q, count * (RECORD_HEAD_SIZE + 16));
}

void
answer_room_raw(struct query *q, const struct bytes *values, size_t count)
{
  size_t sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += RECORD_HEAD_SIZE + values[i].size;
  answer_room(q, sum);
}

enum verdict
answer_made(struct query *q, bool fits)
{
  if (!fits)
    return verdict_drop(q, DROP_ANSWER_TOO_LARGE);
  q->self_answered |= !q->is_answer; // an answer that is written anew is still the backend's
  return VERDICT_STOP;
}

enum verdict
answer_packet(struct query *q, const void *packet, size_t size)
{
  if (size > MESSAGE_MAX_SIZE ||
      (size > q->packet.capacity && !query_own_packet(q, q->packet.data, q->packet.size, size)))
    return verdict_drop(q, DROP_ANSWER_TOO_LARGE);
  uint8_t *m = q->packet.data;
  uint16_t id = message_id(m);
  memmove(m, packet, size); // a script may take it from the query's own
  message_put_u16(m, id);
  q->packet.size = size;
  // Its question need not be the one that was asked.
  struct question question;
  q->question_end = message_question(m, size, &question) ? question.end : HEADER_SIZE;
  return answer_made(q, true);
}

enum verdict
answer_truncated(struct query *q)
{
  if (query_takes_large(q))
    return VERDICT_NEXT;
  struct answer_form form = query_answer_form(q, &(struct answer_flags)ANSWER_FLAGS_DEFAULT, 0);
  enum verdict v = answer_made(q, compose_truncated(&q->packet, &form));
  if (v == VERDICT_STOP)
    count(q->worker, COUNTER_RULE_TRUNCATED);
  return v;
}

enum verdict
response_truncated(struct query *q)
{
  if (query_takes_large(q))
    return VERDICT_NEXT;
  struct edns edns;
  struct question question;
  if (!message_question(q->packet.data, q->packet.size, &question))
    question.end = HEADER_SIZE;
  if (!message_edns(q->packet.data, q->packet.size, question.end, &edns))
    edns.offset = 0;
  message_truncate(&q->packet, question.end, edns.offset != 0 ? &edns : NULL);
  return VERDICT_STOP;
}

const void *
shuffled(struct query *q, const void *list, size_t count, size_t size)
{
  if (count < 2)
    return list;
  uint8_t *copy = query_alloc(q, count * size);
  if (copy == NULL)
    return list;
  // Each item is put where a random earlier one was, which moves to the end.
  for (size_t i = 0; i < count; i++) {
    size_t at = random_below(&q->worker->random, (uint32_t)i + 1);
    memcpy(copy + i * size, copy + at * size, i == at ? 0 : size);
    memcpy(copy + at * size, (const uint8_t *)list + i * size, size);
  }
  return copy;
}
