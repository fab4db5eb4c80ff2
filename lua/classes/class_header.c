// SPDX-License-Identifier: BSD-2-Clause
// DNSHeader: the bits of a header, in the packet at hand (dq.dh) or in a copy (dq:getHeader()).
#include "lua/binder/classes.h"
#include "lua/binder/handles.h"
#include "lua/binder/members.h"
#include "lua/scripts/question_access.h"

struct header_bit {
  unsigned char byte, mask;
};

static const struct header_bit bit_aa = {2, FLAG2_AA}, bit_ad = {3, FLAG3_AD}, bit_cd = {3, FLAG3_CD},
                               bit_qr = {2, FLAG2_QR}, bit_ra = {3, FLAG3_RA}, bit_rd = {2, FLAG2_RD},
                               bit_tc = {2, FLAG2_TC};

static uint8_t *
class_header_bytes_of(struct header_handle *h)
{
  if (h->scope == NULL)
    return h->bytes;
  return h->scope->query != NULL ? h->scope->query->packet.data : NULL;
}

static uint8_t *
class_header_bytes(struct call *c)
{
  uint8_t *m = class_header_bytes_of(c->self);
  if (m != NULL)
    return m;
  call_fault(c, FAULT_PLAIN, "The query of this header has ended: dh may only be used in the call it was read in");
  return NULL;
}

static int
class_header_get_bit(struct call *c)
{
  const struct header_bit *bit = c->function->data;
  const uint8_t *m = class_header_bytes(c);
  if (m == NULL)
    return -1;
  lua_pushboolean(c->lua, (m[bit->byte] & bit->mask) != 0);
  return 1;
}

static void
class_header_put_bit(uint8_t *m, const struct header_bit *bit, bool on)
{
  m[bit->byte] = (uint8_t)(on ? m[bit->byte] | bit->mask : m[bit->byte] & ~bit->mask);
}

// A truncated answer is one of ours: recursion is as available as it was desired.
static void
class_header_change_bit(uint8_t *m, const struct header_bit *bit, bool on)
{
  class_header_put_bit(m, bit, on);
  if (bit == &bit_tc && on)
    class_header_put_bit(m, &bit_ra, (m[2] & FLAG2_RD) != 0);
}

static int
class_header_set_bit(struct call *c)
{
  uint8_t *m = class_header_bytes(c);
  if (m == NULL)
    return -1;
  class_header_change_bit(m, c->function->data, c->args[0].boolean);
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
  class_header_change_bit(header, numbered[number % BITS].bit, on);
}

uint8_t *
header_of(const struct handle *h)
{
  return class_header_bytes_of((struct header_handle *)(uintptr_t)&h->value);
}

static int
class_header_get_id(struct call *c)
{
  const uint8_t *m = class_header_bytes(c);
  if (m == NULL)
    return -1;
  lua_pushinteger(c->lua, message_id(m));
  return 1;
}

static const struct param on_params[] = {{.name = "on", .type = PARAM_BOOL, .help = "set or cleared"}, {.type = PARAM_END}};

#define GET(text, bit)                                                                                                      \
  {                                                                                                                         \
    .name = "get" text, .help = "The " text " bit", .returns = "boolean", .call = class_header_get_bit, .data = &(bit)      \
  }
#define SET(text, bit)                                                                                                      \
  {                                                                                                                         \
    .name = "set" text, .help = "Set or clear " text, .params = on_params, .call = class_header_set_bit, .data = &(bit)     \
  }

static const struct lua_function header_methods[] = {
    GET("AA", bit_aa),
    GET("AD", bit_ad),
    GET("CD", bit_cd),
    {.name = "getID", .help = "The id", .returns = "integer", .call = class_header_get_id},
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
