// SPDX-License-Identifier: BSD-2-Clause
// Any bytes as a message: question, EDNS and its options, records, names at every offset.
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"
#include "dnsproxy/wire/rewrite.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void
check_name(const struct name *name)
{
  struct name again;
  assert(name_from_wire(&again, name->bytes, name->size) && again.size == name->size);
}

static size_t
check_question(const uint8_t *m, size_t size)
{
  struct question q;
  struct name name;
  if (!message_question(m, size, &q))
    return 0;
  check_name(&q.name);
  assert(q.end == HEADER_SIZE + q.name.size + 4 && q.end <= size);
  assert(message_name(m, size, HEADER_SIZE, &name) == q.end - 4u && name.size == q.name.size);
  assert(memcmp(name.bytes, q.name.bytes, name.size) == 0);
  return q.end;
}

static void
check_edns(const uint8_t *m, size_t size, size_t question_end)
{
  struct edns edns, scanned;
  bool valid = message_edns(m, size, question_end, &edns);
  assert(message_edns(m, size, 0, &scanned) == valid); // with and without the short cut
  assert(scanned.offset == edns.offset && scanned.size == edns.size);
  if (edns.offset == 0)
    return;
  assert(valid && edns.offset >= HEADER_SIZE && edns.offset + (size_t)edns.size <= size);
  assert(edns.options + (size_t)edns.options_size == edns.offset + (size_t)edns.size);
  uint16_t cursor = edns.options, code, data, data_size, before = cursor;
  while (edns_option_next(m, &edns, &cursor, &code, &data, &data_size)) {
    assert(cursor > before && data == before + 4 && data + (size_t)data_size == cursor && cursor <= edns.offset + edns.size);
    before = cursor;
  }
}

static void
check_records(const uint8_t *m, size_t size)
{
  struct record_walk walk;
  struct record r;
  size_t at = 0, proper = message_proper_size(m, size);
  unsigned section = 1;
  assert(proper <= size);
  if (!record_walk_init(&walk, m, size)) {
    assert(proper == 0);
    return;
  }
  at = walk.at;
  while (record_next(&walk, &r)) {
    struct name name;
    assert(r.owner == at && r.fixed > r.owner && r.rdata == r.fixed + 10 && r.rdata + (size_t)r.rdata_size == r.end);
    assert(r.end <= size && r.section >= section && r.section <= 3);
    section = r.section;
    at = r.end;
    size_t end = message_name(m, size, r.owner, &name);
    assert(end == 0 || end == r.fixed);
  }
  assert(proper == (walk.malformed ? 0 : at));
}

// The data of records, also with those of a message of which only the first half is there.
static void
check_rdata(const uint8_t *m, size_t size)
{
  size_t count;
  bool malformed;
  struct record *records = records_read(m, size, &count, &malformed);
  uint8_t *half = malloc(size / 2 + 1);
  assert(half != NULL);
  memcpy(half, m, size / 2);
  for (size_t i = 0; i < count; i++) {
    struct address address;
    struct name name;
    if (rdata_address(m, size, &records[i], &address))
      assert(records[i].rdata_size == (address_is_v6(&address) ? 16 : 4));
    if (rdata_name(m, size, &records[i], &name))
      check_name(&name);
    if (rdata_address(half, size / 2, &records[i], &address) || rdata_name(half, size / 2, &records[i], &name))
      assert(records[i].end <= size / 2);
  }
  free(half);
  free(records);
}

static void
check_ttls(const uint8_t *m, size_t size)
{
  uint16_t offsets[50];
  struct ttl_list list = {.offsets = offsets, .capacity = 50};
  if (!message_ttls(m, size, &list))
    return;
  for (size_t i = 0; i < list.count; i++)
    assert(offsets[i] + 4u <= size && message_u32(m + offsets[i]) >= list.minimum);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  check_edns(data, size, check_question(data, size));
  check_records(data, size);
  check_rdata(data, size);
  check_ttls(data, size);
  for (size_t at = 0; at <= size && at < 2000; at++) {
    struct name name;
    size_t end = message_name(data, size, at, &name);
    assert(end <= size && (end == 0 || end > at));
    if (end != 0)
      check_name(&name);
  }
  return 0;
}
