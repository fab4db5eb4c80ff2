// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: messages that a script has as bytes, read as newDNSPacketOverlay() reads them.
//
// Parsing goes over the whole message once and keeps the places of the question and of each record; afterwards records are
// asked for by number, over all sections. The bytes are not kept but for what was parsed: what is in the data of a record is
// read from the bytes that it came from, with their bounds checked again. A message that cannot be read gives no object.
//
// The object is the script's, who frees it. Any state, any thread.
#include "lua/scripts/dnsproxy_ffi.h"

#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"

#include <stdlib.h>
#include <string.h>

struct dnsdist_ffi_dnspacket_t {
  struct question question;
  size_t count;
  struct record *records;
  size_t *names;  // where a record's owner begins in `bytes`, and behind the last where that ends
  uint8_t *bytes; // owners, uncompressed
};

static void
ffi_packet_keep_question(struct question *to, const struct question *from)
{
  to->type = from->type;
  to->class = from->class;
  to->name.size = from->name.size;
  memcpy(to->name.bytes, from->name.bytes, from->name.size);
}

// Bytes of all owners; false: one cannot be read.
static bool
ffi_packet_measure_owners(const dnsdist_ffi_dnspacket_t *p, const uint8_t *message, size_t size, size_t *sum)
{
  struct name name;
  *sum = 0;
  for (size_t i = 0; i < p->count; i++) {
    if (message_name(message, size, p->records[i].owner, &name) == 0)
      return false;
    *sum += name.size;
  }
  return true;
}

static bool
ffi_packet_keep_owners(dnsdist_ffi_dnspacket_t *p, const uint8_t *message, size_t size)
{
  struct name name;
  size_t at = 0, sum;
  if (!ffi_packet_measure_owners(p, message, size, &sum))
    return false;
  p->names = calloc(p->count + 1, sizeof *p->names);
  p->bytes = malloc(sum + 1);
  if (p->names == NULL || p->bytes == NULL)
    return false;
  for (size_t i = 0; i < p->count; i++) {
    message_name(message, size, p->records[i].owner, &name);
    memcpy(p->bytes + at, name.bytes, name.size);
    p->names[i] = at;
    at += name.size;
  }
  p->names[p->count] = at;
  return true;
}

bool
dnsdist_ffi_dnspacket_parse(const char *packet, size_t size, dnsdist_ffi_dnspacket_t **out)
{
  const uint8_t *message = (const uint8_t *)packet;
  struct question question;
  bool malformed;
  if (out == NULL || packet == NULL || size < HEADER_SIZE || size > MESSAGE_MAX_SIZE ||
      !message_question(message, size, &question))
    return false;
  dnsdist_ffi_dnspacket_t *p = calloc(1, sizeof *p);
  if (p == NULL)
    return false;
  ffi_packet_keep_question(&p->question, &question);
  p->records = records_read(message, size, &p->count, &malformed);
  if (malformed || !ffi_packet_keep_owners(p, message, size)) {
    dnsdist_ffi_dnspacket_free(p);
    return false;
  }
  *out = p;
  return true;
}

void
dnsdist_ffi_dnspacket_free(dnsdist_ffi_dnspacket_t *p)
{
  if (p == NULL)
    return;
  free(p->records);
  free(p->names);
  free(p->bytes);
  free(p);
}

// ---- the question ----

static void
ffi_packet_out_bytes(const uint8_t *bytes, size_t count, const char **out, size_t *size)
{
  if (out != NULL)
    *out = (const char *)bytes;
  if (size != NULL)
    *size = count;
}

void
dnsdist_ffi_dnspacket_get_qname_raw(const dnsdist_ffi_dnspacket_t *p, const char **name, size_t *size)
{
  ffi_packet_out_bytes(p == NULL ? NULL : p->question.name.bytes, p == NULL ? 0 : p->question.name.size, name, size);
}

uint16_t
dnsdist_ffi_dnspacket_get_qtype(const dnsdist_ffi_dnspacket_t *p)
{
  return p == NULL ? 0 : p->question.type;
}

uint16_t
dnsdist_ffi_dnspacket_get_qclass(const dnsdist_ffi_dnspacket_t *p)
{
  return p == NULL ? 0 : p->question.class;
}

// ---- records, counted from 0 over all sections ----

static const struct record *
ffi_packet_record_at(const dnsdist_ffi_dnspacket_t *p, size_t i)
{
  return p == NULL || i >= p->count ? NULL : &p->records[i];
}

uint16_t
dnsdist_ffi_dnspacket_get_records_count_in_section(const dnsdist_ffi_dnspacket_t *p, uint8_t section)
{
  uint16_t count = 0;
  for (size_t i = 0; p != NULL && i < p->count; i++)
    count += p->records[i].section == section;
  return count;
}

void
dnsdist_ffi_dnspacket_get_record_name_raw(const dnsdist_ffi_dnspacket_t *p, size_t i, const char **name, size_t *size)
{
  bool there = ffi_packet_record_at(p, i) != NULL;
  ffi_packet_out_bytes(there ? p->bytes + p->names[i] : NULL, there ? p->names[i + 1] - p->names[i] : 0, name, size);
}

#define GET(type, name, member)                                                                                             \
  type dnsdist_ffi_dnspacket_get_record_##name(const dnsdist_ffi_dnspacket_t *p, size_t i)                                  \
  {                                                                                                                         \
    const struct record *r = ffi_packet_record_at(p, i);                                                                    \
    return r == NULL ? 0 : r->member;                                                                                       \
  }
GET(uint16_t, type, type)
GET(uint16_t, class, class)
GET(uint32_t, ttl, ttl)
GET(uint16_t, content_length, rdata_size)
GET(uint16_t, content_offset, rdata)

// ---- what records say, read from the bytes that the packet was parsed from ----

// *size: of the room before, of the bytes after. A room that is too small gets nothing.
static bool
ffi_packet_fill(char *room, size_t *size, const uint8_t *bytes, size_t count)
{
  if (*size < count)
    return false;
  memcpy(room, bytes, count);
  *size = count;
  return true;
}

static bool
ffi_packet_parse_address(const char *raw, const struct record *r, char *room, size_t *room_size)
{
  struct address address;
  size_t count;
  if (raw == NULL || r == NULL || room == NULL || room_size == NULL ||
      !rdata_address((const uint8_t *)raw, r->end, r, &address))
    return false;
  const uint8_t *bytes = address_raw(&address, &count);
  return ffi_packet_fill(room, room_size, bytes, count);
}

bool
dnsdist_ffi_dnspacket_parse_a_record(const char *raw, const dnsdist_ffi_dnspacket_t *p, size_t i, char *room, size_t *size)
{
  const struct record *r = ffi_packet_record_at(p, i);
  return r != NULL && r->type == QTYPE_A && ffi_packet_parse_address(raw, r, room, size);
}

bool
dnsdist_ffi_dnspacket_parse_aaaa_record(const char *raw, const dnsdist_ffi_dnspacket_t *p, size_t i, char *room, size_t *size)
{
  const struct record *r = ffi_packet_record_at(p, i);
  return r != NULL && r->type == QTYPE_AAAA && ffi_packet_parse_address(raw, r, room, size);
}

bool
dnsdist_ffi_dnspacket_parse_address_record(const char *raw, const dnsdist_ffi_dnspacket_t *p, size_t i, char *room, size_t *size)
{
  return ffi_packet_parse_address(raw, ffi_packet_record_at(p, i), room, size);
}

bool
dnsdist_ffi_dnspacket_parse_cname_record(const char *raw, const dnsdist_ffi_dnspacket_t *p, size_t i, char *room, size_t *size)
{
  const struct record *r = ffi_packet_record_at(p, i);
  struct name name;
  if (raw == NULL || r == NULL || r->type != QTYPE_CNAME || room == NULL || size == NULL ||
      !rdata_name((const uint8_t *)raw, r->end, r, &name))
    return false;
  return ffi_packet_fill(room, size, name.bytes, name.size);
}

size_t
dnsdist_ffi_dnspacket_get_name_at_offset_raw(const char *packet, size_t packet_size, size_t offset, char *room, size_t size)
{
  struct name name;
  if (packet == NULL || packet_size > MESSAGE_MAX_SIZE || offset >= packet_size || room == NULL ||
      message_name((const uint8_t *)packet, packet_size, offset, &name) == 0)
    return 0;
  return ffi_packet_fill(room, &size, name.bytes, name.size) ? name.size : 0;
}
