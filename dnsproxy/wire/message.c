// SPDX-License-Identifier: BSD-2-Clause
// Reading DNS messages: header, question, EDNS, records, compressed names.
#include "dnsproxy/wire/message.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"

#include <string.h>

enum { LABEL_MAX_SIZE = 63, POINTER_MARK = 0xc0, QUESTION_FIXED_SIZE = 4, RECORD_FIXED_SIZE = 10, OPT_FIXED_SIZE = 11 };

bool
message_question(const uint8_t *message, size_t size, struct question *question)
{
  if (size < HEADER_SIZE + 1 + QUESTION_FIXED_SIZE || message_count(message, 0) == 0)
    return false;
  size_t limit = size - QUESTION_FIXED_SIZE; // the root label is before it
  if (limit > HEADER_SIZE + NAME_MAX_SIZE)
    limit = HEADER_SIZE + NAME_MAX_SIZE;
  size_t at = HEADER_SIZE;
  while (message[at] != 0) {
    if (message[at] > LABEL_MAX_SIZE)
      return false;
    at += 1u + message[at];
    if (at >= limit)
      return false;
  }
  at++;
  question->name.size = (uint8_t)(at - HEADER_SIZE);
  memcpy(question->name.bytes, message + HEADER_SIZE, at - HEADER_SIZE);
  question->type = message_u16(message + at);
  question->class = message_u16(message + at + 2);
  question->end = (uint16_t)(at + QUESTION_FIXED_SIZE);
  return true;
}

// The OPT record whose owner is at `at`; false if there is none, or if it does not end in the message.
static bool
message_read_opt(const uint8_t *message, size_t size, size_t at, struct edns *edns)
{
  const uint8_t *opt = message + at;
  if (size > MESSAGE_MAX_SIZE || at > size || size - at < OPT_FIXED_SIZE || opt[0] != 0 || message_u16(opt + 1) != QTYPE_OPT)
    return false;
  uint16_t options_size = message_u16(opt + 9);
  if (options_size > size - at - OPT_FIXED_SIZE)
    return false;
  edns->offset = (uint16_t)at;
  edns->size = (uint16_t)(OPT_FIXED_SIZE + options_size);
  edns->options = (uint16_t)(at + OPT_FIXED_SIZE);
  edns->options_size = options_size;
  edns->payload = message_u16(opt + 3);
  edns->extended_rcode = opt[5];
  edns->version = opt[6];
  edns->dnssec_ok = (opt[7] & 0x80) != 0;
  return true;
}

bool
message_edns(const uint8_t *message, size_t size, size_t question_end, struct edns *edns)
{
  static const uint8_t one_additional[8] = {0, 1, 0, 0, 0, 0, 0, 1}, no_record[8] = {0, 1, 0, 0, 0, 0, 0, 0};
  memset(edns, 0, sizeof *edns);
  if (size < HEADER_SIZE)
    return false;
  if (memcmp(message + 4, no_record, sizeof no_record) == 0)
    return true;
  if (memcmp(message + 4, one_additional, sizeof one_additional) == 0 && question_end >= HEADER_SIZE &&
      message_read_opt(message, size, question_end, edns))
    return true;
  struct record_walk walk;
  struct record record;
  if (!record_walk_init(&walk, message, size))
    return false;
  while (record_next(&walk, &record))
    if (record.section == 3 && record.type == QTYPE_OPT && message_read_opt(message, size, record.owner, edns))
      return true;
  return !walk.malformed;
}

bool
edns_option_next(const uint8_t *message, const struct edns *edns, uint16_t *cursor, uint16_t *code, uint16_t *data,
                 uint16_t *data_size)
{
  size_t end = (size_t)edns->options + edns->options_size;
  if (edns->offset == 0 || *cursor < edns->options || *cursor + 4u > end)
    return false;
  uint16_t size = message_u16(message + *cursor + 2);
  if (*cursor + 4u + size > end)
    return false;
  *code = message_u16(message + *cursor);
  *data = (uint16_t)(*cursor + 4);
  *data_size = size;
  *cursor = (uint16_t)(*cursor + 4 + size);
  return true;
}

static size_t
message_pointer_target(const uint8_t *at)
{
  return (size_t)(at[0] & ~POINTER_MARK) << 8 | at[1];
}

// Offset behind a name that is not looked into; 0 when it is malformed or points anywhere but backwards.
static size_t
message_skip_name(const uint8_t *message, size_t size, size_t start)
{
  for (size_t at = start; at < size && at - start < NAME_MAX_SIZE; at += 1u + message[at]) {
    if (message[at] == 0)
      return at + 1;
    if (message[at] >= POINTER_MARK) {
      if (at + 1 >= size)
        return 0;
      size_t target = message_pointer_target(message + at);
      return target >= HEADER_SIZE && target < start ? at + 2 : 0;
    }
    if (message[at] > LABEL_MAX_SIZE)
      return 0;
  }
  return 0;
}

bool
record_walk_init(struct record_walk *walk, const uint8_t *message, size_t size)
{
  *walk = (struct record_walk){.message = message, .size = size, .at = HEADER_SIZE, .malformed = true};
  if (size < HEADER_SIZE || size > MESSAGE_MAX_SIZE)
    return false;
  for (unsigned left = message_count(message, 0); left > 0; left--) {
    size_t end = message_skip_name(message, size, walk->at);
    if (end == 0 || size - end < QUESTION_FIXED_SIZE)
      return false;
    walk->at = end + QUESTION_FIXED_SIZE;
  }
  walk->malformed = false;
  return true;
}

bool
record_next(struct record_walk *walk, struct record *record)
{
  if (walk->malformed)
    return false;
  while (walk->left == 0) {
    if (walk->section >= 3)
      return false;
    walk->left = message_count(walk->message, ++walk->section);
  }
  walk->malformed = true; // until the whole record is seen to be there
  size_t fixed = message_skip_name(walk->message, walk->size, walk->at);
  if (fixed == 0 || walk->size - fixed < RECORD_FIXED_SIZE)
    return false;
  const uint8_t *at = walk->message + fixed;
  size_t rdata = fixed + RECORD_FIXED_SIZE;
  *record = (struct record){.section = walk->section,
                            .owner = (uint16_t)walk->at,
                            .fixed = (uint16_t)fixed,
                            .type = message_u16(at),
                            .class = message_u16(at + 2),
                            .ttl = message_u32(at + 4),
                            .rdata = (uint16_t)rdata,
                            .rdata_size = message_u16(at + 8)};
  if (record->rdata_size > walk->size - rdata)
    return false;
  walk->at = rdata + record->rdata_size;
  record->end = (uint16_t)walk->at;
  walk->left--;
  walk->malformed = false;
  return true;
}

size_t
message_name(const uint8_t *message, size_t size, size_t offset, struct name *name)
{
  size_t at = offset, run = offset, end = 0, used = 0;
  unsigned hops = 0;
  while (at < size) {
    unsigned label = message[at];
    if (label >= POINTER_MARK) {
      if (at + 1 >= size)
        return 0;
      size_t target = message_pointer_target(message + at);
      if (end == 0)
        end = at + 2;
      if (target < HEADER_SIZE || target >= run || ++hops > NAME_MAX_LABELS)
        return 0;
      at = run = target; // each run of labels starts before the one that led to it: no loops
      continue;
    }
    if (label > LABEL_MAX_SIZE || label + 1 > size - at || used + label + 1 + (label > 0) > NAME_MAX_SIZE)
      return 0;
    memcpy(name->bytes + used, message + at, label + 1);
    used += label + 1;
    at += label + 1;
    if (label == 0) {
      name->size = (uint8_t)used;
      return end != 0 ? end : at;
    }
  }
  return 0;
}

size_t
message_proper_size(const uint8_t *message, size_t size)
{
  struct record_walk walk;
  struct record record;
  if (!record_walk_init(&walk, message, size))
    return 0;
  while (record_next(&walk, &record))
    ;
  return walk.malformed ? 0 : walk.at;
}

// ---- data of records ----

static bool
message_inside(size_t size, const struct record *r)
{
  return r->rdata <= size && r->rdata_size <= size - r->rdata;
}

bool
rdata_address(const uint8_t *message, size_t size, const struct record *r, struct address *out)
{
  enum { V4_SIZE = 4, V6_SIZE = 16 };
  size_t wanted = r->type == QTYPE_A ? V4_SIZE : r->type == QTYPE_AAAA ? V6_SIZE : 0;
  if (wanted == 0 || r->rdata_size != wanted || !message_inside(size, r))
    return false;
  return address_from_raw(out, message + r->rdata, wanted, 0);
}

bool
rdata_name(const uint8_t *message, size_t size, const struct record *r, struct name *out)
{
  if (!message_inside(size, r))
    return false;
  size_t end = r->rdata + (size_t)r->rdata_size;
  return message_name(message, end, r->rdata, out) == end;
}

struct record *
records_read(const uint8_t *message, size_t size, size_t *count, bool *malformed)
{
  struct record_walk walk;
  struct record r, *records = NULL;
  size_t capacity = 0;
  *count = 0;
  *malformed = !record_walk_init(&walk, message, size);
  while (!*malformed && record_next(&walk, &r)) {
    if (*count == capacity) {
      capacity = capacity == 0 ? 16 : 2 * capacity;
      records = memory_resize(records, capacity, sizeof *records);
    }
    records[(*count)++] = r;
  }
  *malformed = *malformed || walk.malformed;
  return records;
}
