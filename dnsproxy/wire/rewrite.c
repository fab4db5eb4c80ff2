// SPDX-License-Identifier: BSD-2-Clause
// Changing messages in place: TTLs, cutting records, renaming the question, removing types.
#include "dnsproxy/wire/rewrite.h"

#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/rebuild.h"

#include <string.h>

bool
message_ttls(const uint8_t *message, size_t size, struct ttl_list *list)
{
  struct record_walk walk;
  struct record r;
  list->count = 0;
  list->minimum = UINT32_MAX;
  list->soa_in_authority = false;
  if (!record_walk_init(&walk, message, size))
    return false;
  while (record_next(&walk, &r)) {
    if (r.type == QTYPE_OPT)
      continue;
    if (list->count >= list->capacity)
      return false;
    list->offsets[list->count++] = (uint16_t)(r.fixed + 4);
    if (r.ttl < list->minimum)
      list->minimum = r.ttl;
    if (r.section == 2 && r.type == QTYPE_SOA)
      list->soa_in_authority = true;
  }
  return !walk.malformed;
}

bool
message_edit_ttls(struct wire_buffer *b, ttl_edit_fn edit, void *arg)
{
  struct record_walk walk;
  struct record r;
  if (!record_walk_init(&walk, b->data, b->size))
    return false;
  while (record_next(&walk, &r))
    if (r.type != QTYPE_OPT)
      message_put_u32(b->data + r.fixed + 4, edit(r.section, r.class, r.type, r.ttl, arg));
  return !walk.malformed;
}

struct ttl_limits {
  uint32_t min, max;
};

static uint32_t
clamp_ttl(unsigned section, uint16_t class, uint16_t type, uint32_t ttl, void *arg)
{
  const struct ttl_limits *limits = arg;
  (void)section, (void)class, (void)type;
  if (ttl < limits->min)
    ttl = limits->min;
  return ttl > limits->max ? limits->max : ttl;
}

bool
message_limit_ttls(struct wire_buffer *b, uint32_t min, uint32_t max)
{
  struct ttl_limits limits = {min, max};
  return message_edit_ttls(b, clamp_ttl, &limits);
}

void
message_cut_records(struct wire_buffer *b, size_t question_end)
{
  if (b->size < HEADER_SIZE)
    return;
  if (message_count(b->data, 0) == 0 || question_end < HEADER_SIZE || question_end > b->size)
    question_end = HEADER_SIZE; // an answer without the question, as some errors are
  message_set_count(b->data, 0, question_end > HEADER_SIZE);
  memset(b->data + 6, 0, 6);
  b->size = question_end;
}

void
message_truncate(struct wire_buffer *b, size_t question_end, const struct edns *edns)
{
  if (b->size < HEADER_SIZE)
    return;
  message_cut_records(b, question_end);
  b->data[2] |= FLAG2_TC;
  if (edns != NULL && edns->offset != 0)
    message_add_opt(b, edns->payload, edns->extended_rcode, edns->dnssec_ok, NULL, 0);
}

// A message whose only record, if any, has no name but the root: its bytes may move.
static bool
is_plain_query(const struct wire_buffer *b, size_t question_end)
{
  const uint8_t *m = b->data;
  if (message_count(m, 0) != 1 || message_count(m, 1) != 0 || message_count(m, 2) != 0)
    return false;
  struct edns edns;
  return message_count(m, 3) == 0 ||
         (message_count(m, 3) == 1 && message_edns(m, b->size, question_end, &edns) && edns.offset == question_end);
}

bool
message_rename(struct wire_buffer *b, const struct name *to)
{
  struct question q;
  if (to->size == 0 || !message_question(b->data, b->size, &q))
    return false;
  if (!is_plain_query(b, q.end))
    return rebuild_message(b, &(struct rebuild){.rename = to});
  size_t behind = HEADER_SIZE + (size_t)q.name.size, new_size = b->size - q.name.size + to->size;
  if (new_size > b->capacity || new_size > MESSAGE_MAX_SIZE)
    return false;
  memmove(b->data + HEADER_SIZE + to->size, b->data + behind, b->size - behind);
  memcpy(b->data + HEADER_SIZE, to->bytes, to->size);
  b->size = new_size;
  return true;
}

static bool
has_type(const uint16_t *types, size_t count, uint16_t type)
{
  for (size_t i = 0; i < count; i++)
    if (types[i] == type)
      return true;
  return false;
}

bool
message_remove_types(struct wire_buffer *b, const uint16_t *types, size_t count)
{
  struct record_walk walk;
  struct record r;
  bool found = false;
  if (!record_walk_init(&walk, b->data, b->size))
    return false;
  while (record_next(&walk, &r))
    found = found || (r.type != QTYPE_OPT && has_type(types, count, r.type));
  if (walk.malformed || !found)
    return !walk.malformed;
  return rebuild_message(b, &(struct rebuild){.drop_types = types, .drop_count = count});
}
