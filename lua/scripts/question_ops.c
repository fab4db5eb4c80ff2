// SPDX-License-Identifier: BSD-2-Clause
// Changing the query or answer at hand, for scripts.
#include "lua/scripts/question_ops.h"

#include "dnsproxy/base/param.h"
#include "lua/binder/sense.h"
#include "rules/act/self_answer.h"

#include <string.h>

bool
question_room(struct query *q, size_t size)
{
  if (size > MESSAGE_MAX_SIZE)
    return false;
  if (size <= q->packet.capacity)
    return true;
  return q->worker != NULL && query_own_packet(q, q->packet.data, q->packet.size, size);
}

bool
question_rename(struct query *q, const struct name *to)
{
  // Every owner may become longer; when even that does not fit, message_rename() says so.
  question_room(q, q->packet.size + NAME_MAX_SIZE);
  if (!message_rename(&q->packet, to))
    return false;
  query_read_question(q);
  q->qname.size = to->size;
  memcpy(q->qname.bytes, to->bytes, to->size);
  return true;
}

bool
question_replace(struct query *q, const void *packet, size_t size)
{
  if (size < HEADER_SIZE || !question_room(q, size))
    return false;
  uint16_t id = message_id(q->packet.data);
  memcpy(q->packet.data, packet, size);
  q->packet.size = size;
  message_put_u16(q->packet.data, id);
  query_read_question(q);
  return true;
}

bool
question_resize(struct query *q, size_t size)
{
  if (size < HEADER_SIZE || !question_room(q, size))
    return false;
  if (size > q->packet.size)
    memset(q->packet.data + q->packet.size, 0, size - q->packet.size);
  q->packet.size = size;
  query_read_question(q);
  return true;
}

const uint8_t *
question_tail(const struct query *q, size_t *size)
{
  size_t proper = message_proper_size(q->packet.data, q->packet.size);
  *size = proper == 0 ? 0 : q->packet.size - proper;
  return q->packet.data + proper;
}

bool
question_set_tail(struct query *q, const void *tail, size_t size)
{
  size_t proper = message_proper_size(q->packet.data, q->packet.size);
  bool own = (const uint8_t *)tail >= q->packet.data && (const uint8_t *)tail < q->packet.data + q->packet.capacity;
  size_t place = own ? (size_t)((const uint8_t *)tail - q->packet.data) : 0;
  if (proper == 0 || size > MESSAGE_MAX_SIZE || proper + size > query_most(q) || (own && size > q->packet.capacity - place) ||
      !question_room(q, proper + size))
    return false;
  if (size > 0) // bytes of the packet itself went with it
    memmove(q->packet.data + proper, own ? q->packet.data + place : tail, size);
  q->packet.size = proper + size;
  q->packet_changed = true;
  return true;
}

struct edns
question_edns(const struct query *q)
{
  struct question question;
  struct edns edns;
  if (!message_question(q->packet.data, q->packet.size, &question))
    question.end = HEADER_SIZE;
  if (!message_edns(q->packet.data, q->packet.size, question.end, &edns))
    edns = (struct edns){0};
  return edns;
}

void
question_set_prefix(struct query *q, int64_t bits, const char *where)
{
  bool v6 = address_is_v6(&q->arrival.client);
  if (sense_good(where, v6 ? "bits of IPv6" : "bits of IPv4", bits, 0, v6 ? 128 : 32, "more would give the whole address away"))
    *(v6 ? &q->subnet.prefix_v6 : &q->subnet.prefix_v4) = (uint16_t)bits;
}

// Made with the query's extra when it is first written.
bool
question_set_text(struct query *q, size_t place, const char *text, size_t size)
{
  char *copy = query_alloc(q, size + 1);
  if (copy == NULL)
    return false;
  memcpy(copy, text, size);
  copy[size] = '\0';
  *(char **)((char *)q->extra + place) = copy;
  return true;
}

enum { SPOOF_TTL = 60 };

bool
question_spoof_addresses(struct query *q, const struct address *list, size_t count)
{
  struct answer_form form = query_answer_form(q, &(struct answer_flags)ANSWER_FLAGS_DEFAULT, SPOOF_TTL);
  const struct address *mixed = shuffled(q, list, count, sizeof *mixed);
  answer_room_addresses(q, count);
  if (!compose_addresses(&q->packet, &form, q->qtype, mixed, count))
    return false;
  q->self_answered |= !q->is_answer; // an answer that is written anew is still the backend's
  return true;
}

bool
question_spoof_rdata(struct query *q, uint16_t type, const struct bytes *list, size_t count)
{
  struct answer_form form = query_answer_form(q, &(struct answer_flags)ANSWER_FLAGS_DEFAULT, SPOOF_TTL);
  const struct bytes *mixed = shuffled(q, list, count, sizeof *mixed);
  answer_room_raw(q, mixed, count);
  if (!compose_raw(&q->packet, &form, type, mixed, count))
    return false;
  q->self_answered |= !q->is_answer; // an answer that is written anew is still the backend's
  return true;
}
