// SPDX-License-Identifier: BSD-2-Clause
// DNSPacketOverlay and DNSRecord: a message that a script has as a string, read; and what single records of it say.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"
#include "lua/binder/classes.h"
#include "lua/scripts/question_access.h"

#include <stdlib.h>
#include <string.h>

struct packet_record {
  struct name name;
  struct record record;
};

struct packet_overlay {
  uint8_t *packet; // a copy
  size_t size;
  struct question question;
  struct record *records; // their owners can be read
  size_t count;
};

static void
class_packet_overlay_fini(void *value)
{
  struct packet_overlay *o = value;
  free(o->records);
  free(o->packet);
}

static int
get_qname(struct call *c)
{
  *(struct name *)binder_push_value(c->lua, &class_name) = ((struct packet_overlay *)c->self)->question.name;
  return 1;
}

static int
class_packet_push_integer(struct call *c, uint32_t n)
{
  lua_pushnumber(c->lua, n);
  return 1;
}

static int
get_qtype(struct call *c)
{
  return class_packet_push_integer(c, ((struct packet_overlay *)c->self)->question.type);
}

static int
get_qclass(struct call *c)
{
  return class_packet_push_integer(c, ((struct packet_overlay *)c->self)->question.class);
}

static int
get_dh(struct call *c)
{
  struct header_handle *h = binder_push_value(c->lua, &class_header);
  memcpy(h->bytes, ((struct packet_overlay *)c->self)->packet, sizeof h->bytes);
  return 1;
}

static int
class_packet_count_in_section(struct call *c)
{
  const struct packet_overlay *o = c->self;
  uint32_t count = 0;
  for (size_t i = 0; i < o->count; i++)
    count += o->records[i].section == c->args[0].integer;
  return class_packet_push_integer(c, count);
}

static int
get_record(struct call *c)
{
  const struct packet_overlay *o = c->self;
  int64_t index = c->args[0].integer;
  if (index < 0 || (uint64_t)index >= o->count)
    return call_fault(c, FAULT_CAUGHT, "There is no record %lld: the packet has %zu", (long long)index, o->count);
  struct packet_record *r = binder_push_value(c->lua, &class_record);
  r->record = o->records[index];
  message_name(o->packet, o->size, r->record.owner, &r->name);
  return 1;
}

static const struct lua_attribute overlay_attributes[] = {
    {.name = "qname", .words = "DNSName", .help = "Name asked for", .get = get_qname},
    {.name = "qtype", .type = PARAM_INT, .help = "Type asked for", .get = get_qtype},
    {.name = "qclass", .type = PARAM_INT, .help = "Class asked for", .get = get_qclass},
    {.name = "dh", .words = "DNSHeader", .help = "A copy of the header", .get = get_dh},
    {.name = NULL}};

static const struct lua_function overlay_methods[] = {
    {.name = "getRecordsCountInSection",
     .help = "Number of records in a section",
     .params = PARAMS({.name = "section", .type = PARAM_INT, .help = "1 answer, 2 authority, 3 additional"}),
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_packet_count_in_section},
    {.name = "getRecord",
     .help = "One record, counted from 0 over all sections",
     .params = PARAMS({.name = "index", .type = PARAM_INT, .help = "its position"}),
     .returns = "DNSRecord",
     .flags = FUNCTION_NO_EFFECT,
     .call = get_record},
    {.name = NULL}};

const struct lua_class class_packet_overlay = {
    .name = "DNSPacketOverlay",
    .help = "A message that a script has as a string, read; it never changes.",
    .size = sizeof(struct packet_overlay),
    .methods = overlay_methods,
    .attributes = overlay_attributes,
    .fini = class_packet_overlay_fini,
};

// ---- DNSRecord ----

static int
get_name(struct call *c)
{
  *(struct name *)binder_push_value(c->lua, &class_name) = ((struct packet_record *)c->self)->name;
  return 1;
}

#define FIELD(word, member)                                                                                                 \
  static int get_##word(struct call *c)                                                                                     \
  {                                                                                                                         \
    return class_packet_push_integer(c, ((struct packet_record *)c->self)->record.member);                                  \
  }
FIELD(type, type)
FIELD(class, class)
FIELD(ttl, ttl)
FIELD(place, section)
FIELD(size, rdata_size)
FIELD(offset, rdata)

static const struct lua_attribute record_attributes[] = {
    {.name = "name", .words = "DNSName", .help = "Owner", .get = get_name},
    {.name = "type", .type = PARAM_INT, .help = "Type", .get = get_type},
    {.name = "class", .type = PARAM_INT, .help = "Class", .get = get_class},
    {.name = "ttl", .type = PARAM_INT, .help = "TTL in seconds", .get = get_ttl},
    {.name = "place", .type = PARAM_INT, .help = "Section: 1 answer, 2 authority, 3 additional", .get = get_place},
    {.name = "contentLength", .type = PARAM_INT, .help = "Size of its data", .get = get_size},
    {.name = "contentOffset", .type = PARAM_INT, .help = "Where its data begins in the packet, from 0", .get = get_offset},
    {.name = NULL}};

const struct lua_class class_record = {
    .name = "DNSRecord",
    .help = "A record of a message, without its data.",
    .size = sizeof(struct packet_record),
    .attributes = record_attributes,
};

// ---- functions ----

static bool
class_packet_read_records(struct packet_overlay *o)
{
  bool malformed;
  struct name name;
  o->records = records_read(o->packet, o->size, &o->count, &malformed);
  for (size_t i = 0; !malformed && i < o->count; i++)
    malformed = message_name(o->packet, o->size, o->records[i].owner, &name) == 0;
  return !malformed;
}

static int
class_packet_new_overlay(struct call *c)
{
  const struct bytes *packet = &c->args[0].string;
  if (packet->size < HEADER_SIZE || packet->size > MESSAGE_MAX_SIZE)
    return call_fault(c, FAULT_CAUGHT, "A packet cannot have this size: %zu", packet->size);
  struct packet_overlay *o = binder_push_value(c->lua, &class_packet_overlay);
  o->packet = memory_copy(packet->data, packet->size);
  o->size = packet->size;
  if (!message_question(o->packet, o->size, &o->question))
    return call_fault(c, FAULT_CAUGHT, "The question of the packet cannot be read");
  if (!class_packet_read_records(o))
    return call_fault(c, FAULT_CAUGHT, "The records of the packet cannot be read");
  return 1;
}

// The record's offsets are those of the packet that it was read from: this may be another.
static const struct record *
class_packet_record_argument(struct call *c)
{
  const struct packet_record *r = binder_test(c->lua, c->args[1].stack, &class_record);
  if (r == NULL)
    call_wrong_type(c, c->args[1].stack, class_record.name);
  return r == NULL ? NULL : &r->record;
}

static int
class_packet_parse_address(struct call *c)
{
  const uint16_t *type = c->function->data; // NULL: A or AAAA
  const struct bytes *packet = &c->args[0].string;
  const struct record *r = class_packet_record_argument(c);
  struct address address;
  if (r == NULL)
    return -1;
  if ((type != NULL && r->type != *type) ||
      !rdata_address((const uint8_t *)packet->data, packet->size, r, &address)) {
    lua_pushnil(c->lua);
    return 1;
  }
  *(struct address *)binder_push_value(c->lua, &class_address) = address;
  return 1;
}

static int
class_packet_parse_cname(struct call *c)
{
  const struct bytes *packet = &c->args[0].string;
  const struct record *r = class_packet_record_argument(c);
  struct name name;
  if (r == NULL)
    return -1;
  if (r->type != QTYPE_CNAME || !rdata_name((const uint8_t *)packet->data, packet->size, r, &name)) {
    lua_pushnil(c->lua);
    return 1;
  }
  *(struct name *)binder_push_value(c->lua, &class_name) = name;
  return 1;
}

static const uint16_t type_a = QTYPE_A, type_aaaa = QTYPE_AAAA;

#define RECORD_PARAMS                                                                                                  \
  PARAMS({.name = "packet", .type = PARAM_STRING, .help = "what the record was read from"},                            \
         {.name = "record", .type = PARAM_ANY, .help = "DNSRecord, from getRecord()"})

const struct lua_function functions_packet[] = {
    {.name = "newDNSPacketOverlay",
     .help = "Read a message: its question and records",
     .params = PARAMS({.name = "packet", .type = PARAM_STRING, .help = "as on the wire"}),
     .returns = "DNSPacketOverlay",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD,
     .call = class_packet_new_overlay},
    {.name = "parseARecord",
     .help = "Address of an A record; nil: it is none",
     .params = RECORD_PARAMS,
     .returns = "ComboAddress?",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD,
     .call = class_packet_parse_address,
     .data = &type_a},
    {.name = "parseAAAARecord",
     .help = "Address of an AAAA record; nil: it is none",
     .params = RECORD_PARAMS,
     .returns = "ComboAddress?",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD,
     .call = class_packet_parse_address,
     .data = &type_aaaa},
    {.name = "parseAddressRecord",
     .help = "Address of an A or AAAA record; nil: it is neither",
     .params = RECORD_PARAMS,
     .returns = "ComboAddress?",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD,
     .call = class_packet_parse_address},
    {.name = "parseCNAMERecord",
     .help = "Target of a CNAME record; nil: it is none",
     .params = RECORD_PARAMS,
     .returns = "DNSName?",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_ANY_THREAD,
     .call = class_packet_parse_cname},
    {.name = NULL}};
