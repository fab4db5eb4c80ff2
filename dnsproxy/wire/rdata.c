// SPDX-License-Identifier: BSD-2-Clause
// Data of single records, and all records of a message as an array.
#include "dnsproxy/wire/rdata.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"

static bool
inside(size_t size, const struct record *r)
{
  return r->rdata <= size && r->rdata_size <= size - r->rdata;
}

bool
rdata_address(const uint8_t *message, size_t size, const struct record *r, struct address *out)
{
  enum { V4_SIZE = 4, V6_SIZE = 16 };
  size_t wanted = r->type == QTYPE_A ? V4_SIZE : r->type == QTYPE_AAAA ? V6_SIZE : 0;
  if (wanted == 0 || r->rdata_size != wanted || !inside(size, r))
    return false;
  return address_from_raw(out, message + r->rdata, wanted, 0);
}

bool
rdata_name(const uint8_t *message, size_t size, const struct record *r, struct name *out)
{
  if (!inside(size, r))
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
