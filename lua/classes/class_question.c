// SPDX-License-Identifier: BSD-2-Clause
// DNSQuestion and DNSResponse: the query that a rule's function, or a policy, is called for; the answer, together with its
// query.
//
//   function(dq) ... end     dq: fields of a query alone, answering in place (spoof, SOA), other transports' facts
//   function(dr) ... end     dr: all that dq has but these, and TTLs, the answer's records, where it came from, restart()
//
// The members that both have are in question_members. Neither object owns anything: it is a view of the query on the way,
// valid during the call; a script that keeps it gets an error later. Answers that are made in place go through
// rules/act/self_answer, as those of actions do, and end the chain.
//
// Facts of transports that are not built are what a plain query has: empty. Thread: that of the call, worker or Lua lock.
#include "dnsproxy/backends/backend.h"
#include "dnsproxy/wire/codes.h"
#include "lua/binder/arguments.h"
#include "lua/binder/classes.h"
#include "lua/binder/sense.h"
#include "lua/scripts/question_access.h"
#include "rules/act/self_answer.h"

#include <stdlib.h>
#include <string.h>

// ---- fields of a query alone ----

static int
get_use_ecs(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushboolean(c->lua, q->subnet.wanted);
  return 1;
}

static int
set_use_ecs(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  q->subnet.wanted = v->boolean;
  return 0;
}

static int
get_ecs_override(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushboolean(c->lua, q->subnet.override);
  return 1;
}

static int
set_ecs_override(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  q->subnet.override = v->boolean;
  return 0;
}

// One number for scripts: of the client's family.
static int
get_ecs_prefix(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushinteger(c->lua, address_is_v6(&q->arrival.client) ? q->subnet.prefix_v6 : q->subnet.prefix_v4);
  return 1;
}

static int
set_ecs_prefix(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  question_set_prefix(q, v->integer, "dq.ecsPrefixLength");
  return 0;
}

static int
get_failure_ttl(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  if (q->limits.failure_ttl < 0)
    lua_pushnil(c->lua);
  else
    lua_pushinteger(c->lua, q->limits.failure_ttl);
  return 1;
}

static int
set_failure_ttl(struct call *c, const struct value *v)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  if (!lua_isnil(c->lua, v->stack) && !lua_isnumber(c->lua, v->stack))
    return call_wrong_type(c, v->stack, "integer or nil");
  double ttl = lua_isnil(c->lua, v->stack) ? -1 : lua_tonumber(c->lua, v->stack);
  if (!lua_isnil(c->lua, v->stack))
    sense_good("dq.tempFailureTTL", "seconds", argument_whole(ttl), 0, INT32_MAX, "less is as the cache has it, more is the most");
  q->limits.failure_ttl = ttl >= INT32_MAX ? INT32_MAX : ttl >= 0 ? (int32_t)ttl : -1;
  return 0;
}

static int
class_question_store_text(struct call *c, size_t place, const struct value *v)
{
  struct query *q = question_with_worker(c);
  if (q == NULL)
    return -1;
  if (!question_set_text(q, place, v->string.data, v->string.size))
    return call_fault(c, FAULT_CAUGHT, "The text could not be stored");
  return 0;
}

static int
class_question_push_text(struct call *c, size_t place)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  const char *text = q->extra == NULL ? NULL : *(char **)((char *)q->extra + place);
  lua_pushstring(c->lua, text == NULL ? "" : text);
  return 1;
}

#define TEXT_FIELD(field)                                                                                                   \
  static int get_##field(struct call *c)                                                                                    \
  {                                                                                                                         \
    return class_question_push_text(c, offsetof(struct query_extra, field));                                                \
  }                                                                                                                         \
  static int set_##field(struct call *c, const struct value *v)                                                             \
  {                                                                                                                         \
    return class_question_store_text(c, offsetof(struct query_extra, field), v);                                            \
  }
TEXT_FIELD(device_id)
TEXT_FIELD(device_name)
TEXT_FIELD(requestor_id)

static const struct lua_attribute question_attributes[] = {
    QUESTION_ATTRIBUTES,
    {.name = "useECS", .type = PARAM_BOOL, .help = "The client's subnet may be added", .get = get_use_ecs, .set = set_use_ecs},
    {.name = "ecsOverride", .type = PARAM_BOOL, .help = "A client subnet in the query is replaced", .get = get_ecs_override,
     .set = set_ecs_override},
    {.name = "ecsPrefixLength", .type = PARAM_INT, .most = 128,
     .why = "more bits than an address has give all of it away", .help = "Bits of the client's address that are sent",
     .get = get_ecs_prefix, .set = set_ecs_prefix},
    {.name = "tempFailureTTL", .type = PARAM_ANY, .own = true, .words = "integer?", .get = get_failure_ttl, .set = set_failure_ttl,
     .help = "How long the cache keeps ServFail and Refused, in seconds; nil: as the cache is configured"},
    {.name = "deviceID", .type = PARAM_STRING, .help = "For exporters", .get = get_device_id, .set = set_device_id},
    {.name = "deviceName", .type = PARAM_STRING, .help = "For exporters", .get = get_device_name, .set = set_device_name},
    {.name = "requestorID", .type = PARAM_STRING, .help = "For exporters", .get = get_requestor_id, .set = set_requestor_id},
    {.name = NULL}};

// ---- answering in place ----

// The packet has become an answer, or this raises.
static int
class_question_answered(struct call *c, bool fits)
{
  return fits ? 0 : call_fault(c, FAULT_CAUGHT, "The answer does not fit");
}

// One address or text, or a list: as the first element is, all must be.
struct spoof_list {
  size_t count;
  struct address *addresses;
  struct bytes *rdata;
};

static bool
class_question_spoof_read(struct call *c, int stack, struct spoof_list *list, size_t i)
{
  const struct param text = {.name = "rdata", .type = PARAM_STRING};
  const struct address *address = binder_test(c->lua, stack, &class_address);
  if (address != NULL && list->rdata == NULL) {
    if (list->addresses == NULL)
      list->addresses = call_alloc(c, list->count * sizeof *list->addresses);
    list->addresses[i] = *address;
    return true;
  }
  struct value v = {0};
  if (address != NULL || list->addresses != NULL)
    return call_wrong_type(c, stack, "ComboAddress or string, all alike") == 0;
  if (!call_read(c, stack, &text, &v))
    return false;
  if (list->rdata == NULL)
    list->rdata = call_alloc(c, list->count * sizeof *list->rdata);
  list->rdata[i] = v.string;
  return true;
}

static bool
class_question_spoof_read_all(struct call *c, int stack, struct spoof_list *list)
{
  enum { SPOOF_MAX = 1024 };
  if (!lua_istable(c->lua, stack)) {
    list->count = 1;
    return class_question_spoof_read(c, stack, list, 0);
  }
  list->count = lua_objlen(c->lua, stack);
  if (list->count > SPOOF_MAX || !lua_checkstack(c->lua, (int)list->count + 8))
    return call_fault(c, FAULT_CAUGHT, "No answer holds that many records") == 0;
  for (size_t i = 0; i < list->count; i++) {
    lua_rawgeti(c->lua, stack, (int)i + 1); // stays on the stack: its bytes are borrowed
    if (!class_question_spoof_read(c, lua_gettop(c->lua), list, i))
      return false;
  }
  return true;
}

static int
class_question_spoof(struct call *c)
{
  struct query *q = question_with_worker(c);
  struct spoof_list list = {0};
  if (q == NULL || !class_question_spoof_read_all(c, c->args[0].stack, &list))
    return -1;
  uint16_t type = q->qtype == QTYPE_ANY && c->args[1].given ? (uint16_t)c->args[1].integer : q->qtype;
  if (list.rdata != NULL)
    return class_question_answered(c, question_spoof_rdata(q, type, list.rdata, list.count));
  return class_question_answered(c, question_spoof_addresses(q, list.addresses, list.count));
}

enum { NXD, ZONE, TTL, MNAME, RNAME, SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM };

static int
set_negative(struct call *c)
{
  struct query *q = question_with_worker(c);
  if (q == NULL)
    return -1;
  const struct value *a = c->args;
  struct answer_form form = query_answer_form(q, &(struct answer_flags)ANSWER_FLAGS_KEPT, (uint32_t)a[TTL].integer);
  const struct soa soa = {
      .zone = *(const struct name *)a[ZONE].object,
      .mname = *(const struct name *)a[MNAME].object,
      .rname = *(const struct name *)a[RNAME].object,
      .serial = (uint32_t)a[SERIAL].integer,
      .refresh = (uint32_t)a[REFRESH].integer,
      .retry = (uint32_t)a[RETRY].integer,
      .expire = (uint32_t)a[EXPIRE].integer,
      .minimum = (uint32_t)a[MINIMUM].integer,
  };
  question_room(q, PACKET_PIECE);
  bool fits = compose_negative(&q->packet, &form, a[NXD].boolean, &soa, false);
  if (fits)
    q->self_answered = true;
  lua_pushboolean(c->lua, fits);
  return 1;
}

static int
set_option(struct call *c)
{
  enum { QUERY_PAYLOAD = 512 };
  struct query *q = question_with_worker(c);
  if (q == NULL)
    return -1;
  const struct bytes *data = &c->args[1].string;
  uint16_t payload = query_answered(q) ? query_settings(q)->self_answer_payload : QUERY_PAYLOAD;
  bool added;
  if (!query_set_option(q, (uint16_t)c->args[0].integer, data->data, data->size, payload, &added))
    return call_fault(c, FAULT_CAUGHT, "The EDNS option does not fit");
  if (added && !query_answered(q))
    q->subnet.edns_added = true; // and taken off the answer again
  return 0;
}

// ---- of other transports ----

static int
class_question_push_empty_text(struct call *c)
{
  if (question_query(c) == NULL)
    return -1;
  lua_pushliteral(c->lua, "");
  return 1;
}

static int
class_question_push_empty_table(struct call *c)
{
  if (question_query(c) == NULL)
    return -1;
  lua_newtable(c->lua);
  return 1;
}

#define END {.type = PARAM_END}
#define NUMBER(text, words) {.name = text, .type = PARAM_INT, .most = UINT32_MAX, .unit = "s", .help = words}

static const struct param spoof_params[] = {
    {.name = "values", .type = PARAM_ANY, .help = "ComboAddress, raw record data, or a list of one of them"},
    {.name = "typeForAny", .type = PARAM_INT, PARAM_MODULO_16, .optional = true, .help = "type of raw records in answers to ANY"},
    END};
static const struct param negative_params[] = {
    [NXD] = {.name = "nxd", .type = PARAM_BOOL, .help = "true: the name does not exist; false: it has no such type"},
    [ZONE] = {.name = "zone", .type = PARAM_NAME, .help = "owner of the SOA record"},
    [TTL] = NUMBER("ttl", "TTL of the SOA record"),
    [MNAME] = {.name = "mname", .type = PARAM_NAME, .help = "primary server"},
    [RNAME] = {.name = "rname", .type = PARAM_NAME, .help = "mailbox of who is responsible"},
    [SERIAL] = {.name = "serial", .type = PARAM_INT, .most = UINT32_MAX, .help = "serial number"},
    [REFRESH] = NUMBER("refresh", "interval of secondaries' refreshes"),
    [RETRY] = NUMBER("retry", "interval after a failed refresh"),
    [EXPIRE] = NUMBER("expire", "when secondaries give up"),
    [MINIMUM] = NUMBER("minimum", "how long the denial may be cached"),
    END};
static const struct param option_params[] = {{.name = "code", .type = PARAM_INT, PARAM_MODULO_16, .help = "EDNSOptionCode"},
                                             {.name = "data", .type = PARAM_STRING, .help = "its value, any bytes"},
                                             END};
static const struct param http_params[] = {
    {.name = "status", .type = PARAM_INT, PARAM_HTTP_STATUS, .help = "HTTP status"},
    {.name = "body", .type = PARAM_STRING, .help = "what is sent"},
    {.name = "contentType", .type = PARAM_STRING, .optional = true, .fallback = "", .help = "its MIME type"},
    END};
static int
set_restartable(struct call *c)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushboolean(c->lua, query_keep_for_restart(q));
  return 1;
}

static const struct param proxy_value_params[] = {{.name = "type", .type = PARAM_INT, .own = true, .help = "type of the value"},
                                                  {.name = "value", .type = PARAM_STRING, .help = "any bytes"},
                                                  END};
static const struct param proxy_values_params[] = {{.name = "values", .type = PARAM_STRING_MAP, .help = "values by type"}, END};

static int
class_question_add_proxy_value(struct call *c)
{
  struct query *q = question_with_worker(c);
  if (q == NULL)
    return -1;
  const struct bytes *value = &c->args[1].string;
  if (!query_add_proxy_value(q, (uint8_t)c->args[0].integer, value->data, value->size))
    return call_fault(c, FAULT_CAUGHT, "The PROXY protocol value does not fit");
  return 0;
}

static int
set_proxy_values(struct call *c)
{
  struct query *q = question_with_worker(c);
  if (q == NULL)
    return -1;
  const struct bytes *pairs = c->args[0].list.strings;
  query_clear_proxy_values(q);
  for (size_t i = 0; i + 1 < c->args[0].list.count; i += 2)
    if (!query_add_proxy_value(q, (uint8_t)strtol(pairs[i].data, NULL, 10), pairs[i + 1].data, pairs[i + 1].size))
      return call_fault(c, FAULT_CAUGHT, "The PROXY protocol values do not fit");
  return 0;
}

static int
get_proxy_values(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_newtable(c->lua);
  for (const struct proxy_value *v = query_proxy_values(q); v != NULL; v = v->next) {
    lua_pushlstring(c->lua, (const char *)v->data, v->size);
    lua_rawseti(c->lua, -2, v->type);
  }
  return 1;
}

#define EMPTY(text, words) {.name = text, .help = words, .returns = "string", .call = class_question_push_empty_text}

static const struct lua_function question_methods[] = {
    QUESTION_METHODS,
    {.name = "spoof", .help = "Turn the query into an answer with these addresses, or raw records", .params = spoof_params,
     .call = class_question_spoof},
    {.name = "setNegativeAndAdditionalSOA", .help = "Turn the query into a negative answer with a SOA record",
     .params = negative_params, .returns = "boolean", .call = set_negative},
    {.name = "setEDNSOption", .help = "Add an EDNS option, or replace it", .params = option_params, .call = set_option},
    {.name = "setRestartable", .help = "Keep the query as it is now for dr:restart()", .returns = "boolean",
     .call = set_restartable},
    {.name = "addProxyProtocolValue", .help = "Add a value for the PROXY header to the backend", .params = proxy_value_params,
     .call = class_question_add_proxy_value},
    {.name = "setProxyProtocolValues", .help = "Replace the values for the PROXY header to the backend",
     .params = proxy_values_params, .call = set_proxy_values},
    {.name = "getProxyProtocolValues", .help = "Values of the PROXY header, and those added",
     .returns = "table<integer, string>", .call = get_proxy_values},
    EMPTY("getServerNameIndication", "Name in the TLS handshake: '' over plain DNS"),
    EMPTY("getHTTPHost", "Host of the HTTP request: '' over plain DNS"),
    EMPTY("getHTTPPath", "Path of the HTTP request: '' over plain DNS"),
    EMPTY("getHTTPQueryString", "Query string of the HTTP request: '' over plain DNS"),
    EMPTY("getHTTPScheme", "Scheme of the HTTP request: '' over plain DNS"),
    {.name = "getHTTPHeaders", .help = "Headers of the HTTP request: none over plain DNS", .returns = "table<string, string>",
     .call = class_question_push_empty_table},
    {.name = "setHTTPResponse", .help = "No effect over plain DNS", .params = http_params, .call = question_ignore},
    {.name = "getTraceID", .help = "Not built: nil", .returns = "string?", .call = question_nil},
    {.name = "getSpanID", .help = "Not built: nil", .returns = "string?", .call = question_nil},
    {.name = NULL}};

const struct lua_class class_question = {
    .name = "DNSQuestion",
    .help = "The query at hand, usable in the call it is given to.",
    .size = sizeof(struct question_handle),
    .methods = question_methods,
    .attributes = question_attributes,
};

// ---- DNSResponse: the answer that a rule's function is called for, together with its query ----

static const struct lua_attribute response_attributes[] = {QUESTION_ATTRIBUTES, {.name = NULL}};

// ---- TTLs ----

struct ttl_editor {
  lua_State *lua;
  int function;
  bool failed; // the error is on top of the stack
};

static uint32_t
class_question_edit_ttl(unsigned section, uint16_t class, uint16_t type, uint32_t ttl, void *arg)
{
  struct ttl_editor *e = arg;
  lua_State *lua = e->lua;
  if (e->failed)
    return ttl;
  lua_pushvalue(lua, e->function);
  lua_pushinteger(lua, (lua_Integer)section);
  lua_pushinteger(lua, class);
  lua_pushinteger(lua, type);
  lua_pushnumber(lua, ttl);
  e->failed = lua_pcall(lua, 4, 1, 0) != 0;
  if (e->failed)
    return ttl;
  if (!lua_isnumber(lua, -1)) {
    lua_pop(lua, 1);
    lua_pushliteral(lua, "The function of editTTLs() must return a number");
    e->failed = true;
    return ttl;
  }
  double edited = lua_tonumber(lua, -1);
  lua_pop(lua, 1);
  // 0 means: as it is.
  return edited >= 1 && edited <= UINT32_MAX ? (uint32_t)edited : ttl;
}

static int
class_question_edit_ttls(struct call *c)
{
  struct query *q = question_query(c);
  int function = c->args[0].stack;
  if (q == NULL)
    return -1;
  if (!lua_isfunction(c->lua, function))
    return call_wrong_type(c, function, "function");
  struct ttl_editor e = {.lua = c->lua, .function = function};
  if (!lua_checkstack(c->lua, 8))
    return call_fault(c, FAULT_PLAIN, "stack overflow");
  // The function may change the answer: what is walked is a copy, and it counts if nothing but the header did.
  size_t size = q->packet.size;
  uint8_t *before = call_alloc(c, 2 * size), *edited = before + size;
  memcpy(before, q->packet.data, size);
  memcpy(edited, q->packet.data, size);
  message_edit_ttls(&(struct wire_buffer){.data = edited, .size = size, .capacity = size}, class_question_edit_ttl, &e);
  if (q->packet.size != size || memcmp(q->packet.data + HEADER_SIZE, before + HEADER_SIZE, size - HEADER_SIZE) != 0)
    return call_fault(c, FAULT_PLAIN, "The answer was changed while its TTLs were edited");
  memcpy(q->packet.data + HEADER_SIZE, edited + HEADER_SIZE, size - HEADER_SIZE);
  if (!e.failed)
    return 0;
  const char *text = binder_error_text(c->lua, -1);
  if (text == NULL)
    text = lua_isstring(c->lua, -1) ? lua_tostring(c->lua, -1) : "the function of editTTLs() failed";
  return call_fault(c, FAULT_PLAIN, "%s", text);
}

// ---- where it came from ----

static int
class_question_get_restarts(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushinteger(c->lua, q->restarts);
  return 1;
}

static int
class_question_get_backend(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  binder_push_object(c->lua, q->from_cache || q->self_answered ? NULL : q->backend);
  return 1;
}

static int
class_question_get_stale(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushboolean(c->lua, q->stale);
  return 1;
}

// The chains that forward again: those of a backend's answer, and of none.
static int
class_question_restart(struct call *c)
{
  struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushboolean(c->lua, query_ask_restart(q));
  return 1;
}

static const struct lua_function response_methods[] = {
    QUESTION_METHODS,
    {.name = "editTTLs",
     .help = "Call function(section, class, type, ttl) for each record: it returns the new TTL, or 0",
     .params = (const struct param[]){{.name = "edit", .type = PARAM_ANY, .help = "the function"}, {.type = PARAM_END}},
     .call = class_question_edit_ttls},
    {.name = "getRestartCount",
     .help = "How often the query was restarted",
     .returns = "integer",
     .call = class_question_get_restarts},
    {.name = "getSelectedBackend",
     .help = "The backend that answered; nil: none did",
     .returns = "Server?",
     .call = class_question_get_backend},
    {.name = "getStaleCacheHit",
     .help = "The answer is an expired one of the cache",
     .returns = "boolean",
     .call = class_question_get_stale},
    {.name = "restart",
     .help = "Forget the answer and ask again, in the pool that is set now; false: nothing was kept",
     .returns = "boolean",
     .call = class_question_restart},
    {.name = NULL}};

const struct lua_class class_response = {
    .name = "DNSResponse",
    .help = "The answer at hand with the facts of its query, usable in the call it is given to.",
    .size = sizeof(struct question_handle),
    .methods = response_methods,
    .attributes = response_attributes,
};
