// SPDX-License-Identifier: BSD-2-Clause
// LuaRingEntry and timespec: a remembered query or answer as a value, and the moment of it.
//
// getRingEntries() and the like copy what they read out of the rings (guard/rings) into such values, so that a script may
// keep them while workers overwrite the rings. Time in the rings is monotonic; scripts get it as a timespec of the system's
// clock, as tools compare it with theirs. Of an answer without latency (a time-out) the fields that an answer would have are
// what the dialect says of it, and no rcode is its own.
//
// Values: any state, no lock.
#include "dnsproxy/guard/rings.h"
#include "lua/binder/classes.h"
#include "lua/scripts/question_access.h"

#include <string.h>
#include <time.h>

// ---- timespec: a moment, as the system's clocks tell it ----

static int
class_ring_entry_get_seconds(struct call *c)
{
  lua_pushnumber(c->lua, (double)((const struct timespec *)c->self)->tv_sec);
  return 1;
}

static int
class_ring_entry_get_nanoseconds(struct call *c)
{
  lua_pushnumber(c->lua, (double)((const struct timespec *)c->self)->tv_nsec);
  return 1;
}

static const struct lua_attribute attributes[] = {
    {.name = "tv_sec", .type = PARAM_INT, .help = "Seconds", .get = class_ring_entry_get_seconds},
    {.name = "tv_nsec", .type = PARAM_INT, .help = "Nanoseconds behind them", .get = class_ring_entry_get_nanoseconds},
    {.name = NULL}};

const struct lua_class class_timespec = {
    .name = "timespec", .help = "A moment", .size = sizeof(struct timespec), .attributes = attributes};

// ---- LuaRingEntry: a remembered query or answer, as a value ----

static int
class_ring_entry_get_name(struct call *c)
{
  *(struct name *)binder_push_value(c->lua, &class_name) = ((const struct ring_entry *)c->self)->qname;
  return 1;
}

static int
class_ring_entry_get_requestor(struct call *c)
{
  *(struct address *)binder_push_value(c->lua, &class_address) = ((const struct ring_entry *)c->self)->client;
  return 1;
}

static int
class_ring_entry_get_backend(struct call *c)
{
  *(struct address *)binder_push_value(c->lua, &class_address) = ((const struct ring_entry *)c->self)->backend;
  return 1;
}

static int
class_ring_entry_get_when(struct call *c)
{
  enum { US_PER_S = 1000000, NS_PER_US = 1000 };
  struct timespec *when = binder_push_value(c->lua, &class_timespec);
  uint64_t us = ((const struct ring_entry *)c->self)->when_us;
  when->tv_sec = (time_t)(us / US_PER_S);
  when->tv_nsec = (long)(us % US_PER_S * NS_PER_US);
  return 1;
}

static int
class_ring_entry_get_mac(struct call *c)
{
  lua_pushliteral(c->lua, "");
  return 1;
}

static int
class_ring_entry_get_header(struct call *c)
{
  struct header_handle *h = binder_push_value(c->lua, &class_header);
  memcpy(h->bytes, ((const struct ring_entry *)c->self)->header, sizeof h->bytes);
  return 1;
}

static int
class_ring_entry_get_latency(struct call *c)
{
  lua_pushnumber(c->lua, ((const struct ring_entry *)c->self)->latency_us);
  return 1;
}

static int
class_ring_entry_get_size(struct call *c)
{
  lua_pushinteger(c->lua, ((const struct ring_entry *)c->self)->size);
  return 1;
}

static int
class_ring_entry_get_qtype(struct call *c)
{
  lua_pushinteger(c->lua, ((const struct ring_entry *)c->self)->qtype);
  return 1;
}

static int
class_ring_entry_get_protocol(struct call *c)
{
  lua_pushstring(c->lua, ((const struct ring_entry *)c->self)->protocol->name);
  return 1;
}

static int
class_ring_entry_is_response(struct call *c)
{
  lua_pushboolean(c->lua, ((const struct ring_entry *)c->self)->kind == RING_ANSWERS);
  return 1;
}

static const struct lua_attribute entry_attributes[] = {
    {.name = "qname", .type = PARAM_NAME_OBJECT, .help = "Name asked for", .get = class_ring_entry_get_name},
    {.name = "requestor", .type = PARAM_ADDRESS_OBJECT, .help = "Client", .get = class_ring_entry_get_requestor},
    {.name = "backend",
     .type = PARAM_ADDRESS_OBJECT,
     .help = "Backend of an answer; 0.0.0.0:0 if it came from the cache or a rule",
     .get = class_ring_entry_get_backend},
    {.name = "when",
     .type = PARAM_ANY,
     .words = "timespec",
     .help = "When, on the monotonic clock",
     .get = class_ring_entry_get_when},
    {.name = "macAddress", .type = PARAM_STRING, .help = "Not recorded: empty", .get = class_ring_entry_get_mac},
    {.name = "dnsheader", .type = PARAM_ANY, .words = "DNSHeader", .help = "Header", .get = class_ring_entry_get_header},
    {.name = "usec",
     .type = PARAM_INT,
     .help = "Microseconds until the answer; 4294967295: none came",
     .get = class_ring_entry_get_latency},
    {.name = "size", .type = PARAM_INT, .help = "Size of the packet", .get = class_ring_entry_get_size},
    {.name = "qtype", .type = PARAM_INT, .help = "Type asked for", .get = class_ring_entry_get_qtype},
    {.name = "protocol", .type = PARAM_STRING, .help = "How it came: DoUDP, DoTCP...", .get = class_ring_entry_get_protocol},
    {.name = "isResponse", .type = PARAM_BOOL, .help = "Is it an answer?", .get = class_ring_entry_is_response},
    {.name = NULL}};

const struct lua_class class_ring_entry = {.name = "LuaRingEntry",
                                           .help = "A remembered query or answer",
                                           .size = sizeof(struct ring_entry),
                                           .attributes = entry_attributes};
