// SPDX-License-Identifier: BSD-2-Clause
// Fields and methods that DNSQuestion and DNSResponse share: in the dialect an answer is a question as well.
//
//   dq.qname, dq.qtype, dq.remoteaddr, dq.len, dq.pool, ...   fields: rows with a getter and, where it may be written, a setter
//   dq:getTag(), dq:getEDNSOptions(), dq:getHeader(), ...     methods
//
// All of them act on the query that the running function was called for (scripts/question_access): the object is only
// something during the call, and afterwards each use of it is an error. What writes to the packet marks it, so that the walk
// reads its facts anew before the next room (query_settle()); lengths are checked against what the packet may hold.
//
// Those that are needed for nearly every query have a compiled form (scripts/members_calls), which leaves errors and rare
// cases to the rows here. Thread: that of the call, worker or Lua lock.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/walk/suspended.h"
#include "dnsproxy/wire/codes.h"
#include "lua/binder/classes.h"
#include "lua/scripts/edns_view.h"
#include "lua/scripts/question_access.h"

#include <string.h>
#include <time.h>

// ---- fields that DNSQuestion and DNSResponse share ----

int
question_get_qname(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  struct name *name = binder_push_value(c->lua, &class_name);
  name->size = q->qname.size;
  memcpy(name->bytes, q->qname.bytes, q->qname.size);
  return 1;
}

static int
question_members_push_integer(struct call *c, lua_Integer n)
{
  lua_pushinteger(c->lua, n);
  return 1;
}

int
question_get_qtype(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_integer(c, q->qtype);
}

int
question_get_qclass(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_integer(c, q->qclass);
}

int
question_get_rcode(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_integer(c, message_rcode(q->packet.data));
}

int
question_set_rcode(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  uint8_t *flags = &q->packet.data[3];
  *flags = (uint8_t)((*flags & ~FLAG3_RCODE) | (v->integer & FLAG3_RCODE));
  return 0;
}

int
question_get_dh(struct call *c)
{
  struct scope *scope = ((struct question_handle *)c->self)->scope;
  if (question_query(c) == NULL)
    return -1;
  if (scope->level == SCOPE_OWNED) {
    struct header_handle *h = binder_push_value(c->lua, &class_header);
    h->scope = scope;
    lua_getfenv(c->lua, 1); // what keeps the object that the scope is of
    lua_setfenv(c->lua, -2);
    return 1;
  }
  // Who got here has a dq, and with it all objects of its level.
  return scope_push_header(c->lua, scope) ? 1 : -1;
}

// The bits alone: the id and the counts belong to the packet.
static int
question_members_write_header(struct call *c, struct query *q, int stack)
{
  const struct header_handle *h = binder_test(c->lua, stack, &class_header);
  if (h == NULL)
    return call_wrong_type(c, stack, class_header.name);
  if (h->scope != NULL && h->scope->query == NULL)
    return call_fault(c, FAULT_PLAIN, "The query of this header has ended");
  memmove(q->packet.data + 2, (h->scope != NULL ? h->scope->query->packet.data : h->bytes) + 2, 2);
  return 0;
}

int
question_set_dh(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_write_header(c, q, v->stack);
}

int
question_set_header(struct call *c)
{
  struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_write_header(c, q, c->args[0].stack);
}

int
question_get_header(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  struct header_handle *h = binder_push_value(c->lua, &class_header);
  memcpy(h->bytes, q->packet.data, sizeof h->bytes);
  return 1;
}

int
question_get_len(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_integer(c, (lua_Integer)q->packet.size);
}

int
question_set_len(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  if (v->integer < 0 || !question_resize(q, (size_t)v->integer))
    return call_fault(c, FAULT_CAUGHT, "A packet cannot have this size: %lld", (long long)v->integer);
  return 0;
}

int
question_get_opcode(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_integer(c, message_opcode(q->packet.data));
}

static int
question_members_push_boolean(struct call *c, bool b)
{
  lua_pushboolean(c->lua, b);
  return 1;
}

int
question_get_tcp(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_boolean(c, query_is_tcp(q));
}

int
question_get_skip_cache(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_boolean(c, q->skip_cache);
}

int
question_set_skip_cache(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  q->skip_cache = v->boolean;
  return 0;
}

static int
question_members_push_address(struct call *c, const struct address *a)
{
  *(struct address *)binder_push_value(c->lua, &class_address) = *a;
  return 1;
}

int
question_get_remote(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_address(c, &q->arrival.client);
}

int
question_get_local(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_address(c, &q->arrival.destination);
}

int
question_get_pool(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushstring(c->lua, q->pool_name);
  return 1;
}

int
question_set_pool(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  if (!query_set_pool(q, v->string.data, v->string.size))
    return call_fault(c, FAULT_CAUGHT, "The name of a pool has at most %zu bytes", sizeof q->pool_name - 1);
  return 0;
}

// ---- methods that DNSQuestion and DNSResponse share ----

#define END {.type = PARAM_END}

const struct param question_name_params[] = {{.name = "name", .type = PARAM_NAME, .help = "the new name"}, END};
const struct param question_content_params[] = {{.name = "bytes", .type = PARAM_STRING, .help = "as on the wire"}, END};
const struct param question_any_params[] = {{.name = "header", .type = PARAM_ANY, .help = "from getHeader()"}, END};
const struct param question_key_params[] = {{.name = "key", .type = PARAM_STRING, .help = "name of the tag"}, END};
const struct param question_tag_params[] = {{.name = "key", .type = PARAM_STRING, .help = "name of the tag"},
                                            {.name = "value", .type = PARAM_STRING, .help = "its value, any bytes"},
                                            END};
const struct param question_map_params[] = {{.name = "tags", .type = PARAM_STRING_MAP, .help = "values by name"}, END};
const struct param question_error_params[] = {
    {.name = "infoCode", .type = PARAM_INT, PARAM_MODULO_16, .help = "RFC 8914 code"},
    {.name = "extraText", .type = PARAM_STRING, .optional = true, .fallback = "", .help = "text for humans"},
    {.name = "clearExistingEntries", .type = PARAM_BOOL, .optional = true, .fallback = "true",
     .help = "remove errors that were attached before"},
    END};
const struct param question_suspend_params[] = {{.name = "asyncID", .type = PARAM_INT, PARAM_MODULO_16,
                                                 .help = "who will resume it"},
                                                {.name = "queryID", .type = PARAM_INT, PARAM_MODULO_16, .help = "which one it is"},
                                                {.name = "timeoutMs", .type = PARAM_INT, .least = 1, .most = UINT32_MAX,
                                                 .outside = OUTSIDE_KEPT, .why = "nothing is resumed in no time", .unit = "ms", .help = "how long"},
                                                END};
const struct param question_meta_params[] = {{.name = "key", .type = PARAM_STRING, .help = "name of the entry"},
                                             {.name = "values", .type = PARAM_ANY, .help = "list of strings or numbers"},
                                             END};
const struct param question_trap_params[] = {
    {.name = "reason", .type = PARAM_STRING, .optional = true, .help = "why"}, END};

static int
question_members_thods_push_boolean(struct call *c, bool b)
{
  lua_pushboolean(c->lua, b);
  return 1;
}

static int
question_members_push_string(struct call *c, const void *bytes, size_t size)
{
  lua_pushlstring(c->lua, bytes, size);
  return 1;
}

int
question_ignore(struct call *c)
{
  return question_query(c) == NULL ? -1 : 0;
}

// Elsewhere than in the call of an action nobody would park it.
int
question_suspend(struct call *c)
{
  struct query *q = question_with_worker(c);
  if (q == NULL)
    return -1;
  int64_t ms = c->args[2].integer;
  bool possible = ((struct question_handle *)c->self)->scope->suspends && ms >= 0 && ms <= UINT32_MAX;
  return question_members_thods_push_boolean(
      c, possible && suspend(q, (uint16_t)c->args[0].integer, (uint16_t)c->args[1].integer, (uint32_t)ms));
}

int
question_nil(struct call *c)
{
  if (question_query(c) == NULL)
    return -1;
  lua_pushnil(c->lua);
  return 1;
}

// ---- the packet ----

int
question_change_name(struct call *c)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  return question_members_thods_push_boolean(c, question_rename(q, c->args[0].object));
}

int
question_get_content(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_push_string(c, q->packet.data, q->packet.size);
}

int
question_set_content(struct call *c)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  const struct bytes *raw = &c->args[0].string;
  if (!question_replace(q, raw->data, raw->size))
    return call_fault(c, FAULT_CAUGHT, "A packet cannot have this size: %zu", raw->size);
  return 0;
}

int
question_get_trailing(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  size_t size;
  const uint8_t *tail = question_tail(q, &size);
  return question_members_push_string(c, tail, size);
}

int
question_set_trailing(struct call *c)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  const struct bytes *tail = &c->args[0].string;
  return question_members_thods_push_boolean(c, question_set_tail(q, tail->data, tail->size));
}

// ---- EDNS ----

int
question_get_do(struct call *c)
{
  const struct query *q = question_query(c);
  return q == NULL ? -1 : question_members_thods_push_boolean(c, question_edns(q).dnssec_ok);
}

int
question_get_options(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  struct edns edns = question_edns(q);
  edns_views_push(c->lua, q->packet.data, &edns);
  return 1;
}

int
question_set_error(struct call *c)
{
  struct query *q = question_with_worker(c);
  if (q == NULL)
    return -1;
  const struct bytes *text = &c->args[1].string;
  if (c->args[2].boolean)
    query_clear_errors(q);
  if (!query_add_error(q, (uint16_t)c->args[0].integer, text->data, text->size))
    return call_fault(c, FAULT_CAUGHT, "The extended error could not be stored");
  return 0;
}

// ---- when, how, where ----

int
question_get_elapsed(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushnumber(c->lua, (double)(clock_mono_us() - q->received_us));
  return 1;
}

int
question_get_time(struct call *c)
{
  enum { US = 1000000, NS_PER_US = 1000 };
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  uint64_t wall_us = clock_wall_us() - (clock_mono_us() - q->received_us);
  struct timespec *t = binder_push_value(c->lua, &class_timespec);
  *t = (struct timespec){.tv_sec = (time_t)(wall_us / US), .tv_nsec = (long)(wall_us % US) * NS_PER_US};
  return 1;
}

int
question_get_protocol(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushstring(c->lua, q->arrival.transport->long_name);
  return 1;
}

int
question_get_interface(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushstring(c->lua, q->arrival.listener == NULL ? "" : q->arrival.listener->interface);
  return 1;
}

// ---- tags ----

int
question_get_tag(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  const struct tag *t = query_tag_get(q, c->args[0].string.data);
  return t == NULL ? question_members_push_string(c, "", 0) : question_members_push_string(c, t->value, t->value_size);
}

int
question_get_tags(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_newtable(c->lua);
  for (const struct tag *t = query_tags(q); t != NULL; t = t->next) {
    lua_pushlstring(c->lua, t->value, t->value_size);
    lua_setfield(c->lua, -2, t->key);
  }
  return 1;
}

static bool
question_members_store_tag(struct call *c, struct query *q, const struct bytes *key, const struct bytes *value)
{
  if (value->size <= UINT32_MAX && query_tag_set(q, key->data, value->data, value->size))
    return true;
  return call_fault(c, FAULT_CAUGHT, "The tag could not be stored") == 0;
}

int
question_set_tag(struct call *c)
{
  struct query *q = question_with_worker(c);
  return q != NULL && question_members_store_tag(c, q, &c->args[0].string, &c->args[1].string) ? 0 : -1;
}

int
question_set_tags(struct call *c)
{
  struct query *q = question_with_worker(c);
  if (q == NULL)
    return -1;
  const struct bytes *pairs = c->args[0].list.strings;
  for (size_t i = 0; i + 1 < c->args[0].list.count; i += 2)
    if (!question_members_store_tag(c, q, &pairs[i], &pairs[i + 1]))
      return -1;
  return 0;
}

int
question_unset_tag(struct call *c)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  query_tag_unset(q, c->args[0].string.data);
  return 0;
}
