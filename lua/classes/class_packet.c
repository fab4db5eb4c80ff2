// SPDX-License-Identifier: BSD-2-Clause
// Messages as scripts see them: DNSHeader, EDNSOptionView, DNSPacketOverlay, DNSRecord.
//
//   dq.dh, dq:getHeader()          DNSHeader: bits by name; of the packet at hand, or of a copy
//   dq:getEDNSOptions()[code]      EDNSOptionView: the values of one option; a copy, as long as somebody holds it
//   newDNSPacketOverlay(bytes)     a message that the script has as a string, read once: question, counts, records
//   overlay:getRecord(i)           DNSRecord: type, class, TTL, place of its data
//
// The header in the packet is written in place and its setters are compiled members as well, because rules set a bit for
// every query. What is read from bytes of strangers is bounded by them, and what cannot be read is an error of the script,
// never of the process. Overlay and views are values or counted copies: they outlive the query.
//
// dq.dh: the thread of the call; all others: whoever has them.
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/message.h"
#include "lua/binder/classes.h"
#include "lua/binder/handles.h"
#include "lua/binder/members.h"
#include "lua/scripts/edns_view.h"
#include "lua/scripts/question_access.h"

#include <stdlib.h>
#include <string.h>

// ---- DNSHeader: the bits of a header, in the packet at hand (dq.dh) or in a copy (dq:getHeader()) ----

struct header_bit {
  unsigned char byte, mask;
};

static const struct header_bit bit_aa = {2, FLAG2_AA}, bit_ad = {3, FLAG3_AD}, bit_cd = {3, FLAG3_CD},
                               bit_qr = {2, FLAG2_QR}, bit_ra = {3, FLAG3_RA}, bit_rd = {2, FLAG2_RD},
                               bit_tc = {2, FLAG2_TC};

static uint8_t *
class_packet_bytes_of(struct header_handle *h)
{
  if (h->scope == NULL)
    return h->bytes;
  return h->scope->query != NULL ? h->scope->query->packet.data : NULL;
}

static uint8_t *
class_packet_bytes(struct call *c)
{
  uint8_t *m = class_packet_bytes_of(c->self);
  if (m != NULL)
    return m;
  call_fault(c, FAULT_PLAIN, "The query of this header has ended: dh may only be used in the call it was read in");
  return NULL;
}

static int
class_packet_get_bit(struct call *c)
{
  const struct header_bit *bit = c->function->data;
  const uint8_t *m = class_packet_bytes(c);
  if (m == NULL)
    return -1;
  lua_pushboolean(c->lua, (m[bit->byte] & bit->mask) != 0);
  return 1;
}

static void
class_packet_put_bit(uint8_t *m, const struct header_bit *bit, bool on)
{
  m[bit->byte] = (uint8_t)(on ? m[bit->byte] | bit->mask : m[bit->byte] & ~bit->mask);
}

// A truncated answer is one of ours: recursion is as available as it was desired.
static void
class_packet_change_bit(uint8_t *m, const struct header_bit *bit, bool on)
{
  class_packet_put_bit(m, bit, on);
  if (bit == &bit_tc && on)
    class_packet_put_bit(m, &bit_ra, (m[2] & FLAG2_RD) != 0);
}

static int
class_packet_set_bit(struct call *c)
{
  uint8_t *m = class_packet_bytes(c);
  if (m == NULL)
    return -1;
  class_packet_change_bit(m, c->function->data, c->args[0].boolean);
  return 0;
}

// ---- for compiled members ----

static const struct {
  const char *name;
  const struct header_bit *bit;
} numbered[] = {{"AA", &bit_aa}, {"AD", &bit_ad}, {"CD", &bit_cd}, {"QR", &bit_qr},
                {"RA", &bit_ra}, {"RD", &bit_rd}, {"TC", &bit_tc}};

enum { BITS = sizeof numbered / sizeof *numbered };

const char *
header_bit_name(unsigned number)
{
  return number < BITS ? numbered[number].name : NULL;
}

bool
header_bit_get(const uint8_t *header, unsigned number)
{
  const struct header_bit *bit = numbered[number % BITS].bit;
  return (header[bit->byte] & bit->mask) != 0;
}

void
header_bit_set(uint8_t *header, unsigned number, bool on)
{
  class_packet_change_bit(header, numbered[number % BITS].bit, on);
}

uint8_t *
header_of(const struct handle *h)
{
  return class_packet_bytes_of((struct header_handle *)(uintptr_t)&h->value);
}

static int
class_packet_get_id(struct call *c)
{
  const uint8_t *m = class_packet_bytes(c);
  if (m == NULL)
    return -1;
  lua_pushinteger(c->lua, message_id(m));
  return 1;
}

static const struct param on_params[] = {{.name = "on", .type = PARAM_BOOL, .help = "set or cleared"}, {.type = PARAM_END}};

#define GET(text, bit)                                                                                                      \
  {                                                                                                                         \
    .name = "get" text, .help = "The " text " bit", .returns = "boolean", .call = class_packet_get_bit, .data = &(bit)      \
  }
#define SET(text, bit)                                                                                                      \
  {                                                                                                                         \
    .name = "set" text, .help = "Set or clear " text, .params = on_params, .call = class_packet_set_bit, .data = &(bit)     \
  }

static const struct lua_function header_methods[] = {
    GET("AA", bit_aa),
    GET("AD", bit_ad),
    GET("CD", bit_cd),
    {.name = "getID", .help = "The id", .returns = "integer", .call = class_packet_get_id},
    GET("RA", bit_ra),
    GET("RD", bit_rd),
    GET("TC", bit_tc),
    SET("AA", bit_aa),
    SET("AD", bit_ad),
    SET("CD", bit_cd),
    SET("QR", bit_qr),
    SET("RA", bit_ra),
    SET("RD", bit_rd),
    SET("TC", bit_tc),
    {.name = NULL}};

const struct lua_class class_header = {
    .name = "DNSHeader",
    .help = "The bits of a header: of the packet itself (dq.dh), or a copy of them (getHeader()).",
    .size = sizeof(struct header_handle),
    .methods = header_methods,
};

// ---- EDNSOptionView: the values of one option of a message ----

struct edns_view {
  struct text *values; // copies
  size_t count;
};

static void
class_packet_view_fini(void *value)
{
  struct edns_view *v = value;
  for (size_t i = 0; i < v->count; i++)
    text_fini(&v->values[i]);
  free(v->values);
}

static int
class_packet_view_count(struct call *c)
{
  lua_pushinteger(c->lua, (lua_Integer)((struct edns_view *)c->self)->count);
  return 1;
}

static int
class_packet_view_values(struct call *c)
{
  const struct edns_view *v = c->self;
  lua_createtable(c->lua, (int)v->count, 0);
  for (size_t i = 0; i < v->count; i++) {
    lua_pushlstring(c->lua, v->values[i].data, v->values[i].size);
    lua_rawseti(c->lua, -2, (int)i + 1);
  }
  return 1;
}

static const struct lua_function view_methods[] = {
    {.name = "count", .help = "Number of values", .returns = "integer", .call = class_packet_view_count},
    {.name = "getValues",
     .help = "The values, in the order of the message",
     .returns = "string[]",
     .call = class_packet_view_values},
    {.name = NULL}};

const struct lua_class class_edns_view = {
    .name = "EDNSOptionView",
    .help = "All values of one EDNS option of a query or answer.",
    .size = sizeof(struct edns_view),
    .methods = view_methods,
    .fini = class_packet_view_fini,
};

static void
class_packet_add_value(struct edns_view *v, const uint8_t *data, size_t size)
{
  v->values = memory_resize(v->values, v->count + 1, sizeof *v->values);
  text_init(&v->values[v->count]);
  text_add(&v->values[v->count++], (const char *)data, size);
}

// The view of `code` in the table on top; made when it is not there yet.
static struct edns_view *
class_packet_view_of(lua_State *lua, uint16_t code)
{
  lua_rawgeti(lua, -1, code);
  struct edns_view *v = binder_test(lua, -1, &class_edns_view);
  lua_pop(lua, 1);
  if (v != NULL)
    return v;
  v = binder_push_value(lua, &class_edns_view);
  lua_rawseti(lua, -2, code);
  return v; // the table keeps it
}

void
edns_views_push(lua_State *lua, const uint8_t *message, const struct edns *edns)
{
  uint16_t cursor = edns->options, code, data, size;
  lua_newtable(lua);
  if (edns->offset == 0)
    return;
  while (edns_option_next(message, edns, &cursor, &code, &data, &size))
    class_packet_add_value(class_packet_view_of(lua, code), message + data, size);
}

// ---- DNSPacketOverlay and DNSRecord: a message that a script has as a string, read; and what single records of it say ----

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
     .params = PARAMS({.name = "section", .type = PARAM_INT, .least = 1, .most = 3, .outside = OUTSIDE_KEPT,
                       .why = "there is no such section", .help = "1 answer, 2 authority, 3 additional"}),
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_packet_count_in_section},
    {.name = "getRecord",
     .help = "One record, counted from 0 over all sections",
     .params = PARAMS({.name = "index", .type = PARAM_INT, .own = true, .help = "its position"}),
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
