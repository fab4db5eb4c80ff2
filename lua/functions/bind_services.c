// SPDX-License-Identifier: BSD-2-Clause
// Scripted DNS servers: addDNSService, its handlers, rr(), and `reply`, by which a handler answers now or later.
//
//   handler(question, reply) --> reply:answer(...), reply:rcode(...): at once, or later, from whatever keeps `reply`
//
// The server itself is services/, which lua/ reaches through hooks (scripts/service_hooks), as it is higher up. A handler
// runs on the worker that has the query, under the Lua lock. What it fails with is a limited line of the log, and the query
// gets SERVFAIL.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/presentation.h"
#include "lua/binder/classes.h"
#include "lua/scripts/control_state.h"
#include "lua/binder/errors.h"
#include "lua/scripts/service_hooks.h"
#include "lua/scripts/copies.h"
#include "lua/scripts/script.h"

#include <lauxlib.h>

enum { DNS_PORT = 53, TIMEOUT_MAX_S = 3600 };

static bool
bind_services_rcode_read(struct call *c, const struct value *v, unsigned *rcode)
{
  if (v->is_text) {
    if (!rcode_parse(v->string.data, rcode))
      return fault_set(&c->fault, FAULT_CAUGHT, "'%s' is not a DNS response code", v->string.data);
    return true;
  }
  if (v->integer < 0 || v->integer > 4095)
    return fault_set(&c->fault, FAULT_CAUGHT, "%lld is not a DNS response code", (long long)v->integer);
  *rcode = (unsigned)v->integer;
  return true;
}

// The first argument behind the object, as Lua has it: nothing means NOERROR.
static bool
bind_services_rcode_argument(struct call *c, unsigned *rcode)
{
  static const struct param row = {.name = "rcode", .type = PARAM_INDEX};
  struct value v;
  *rcode = RCODE_NOERROR;
  if (!c->args[0].given)
    return true;
  if (!lua_isstring(c->lua, c->args[0].stack))
    return call_wrong_type(c, c->args[0].stack, "response code") == 0;
  return call_read(c, c->args[0].stack, &row, &v) && bind_services_rcode_read(c, &v, rcode);
}

// ---- handlers run ----

static struct log_limit handler_failed;

// What a handler is called with, for the protected part.
struct handler_call {
  struct script *script;
  const struct dns_question *question;
  void *request;
  struct text *message; // when it failed
  bool good;
};

static void
bind_services_set_string(lua_State *lua, const char *key, const char *value)
{
  lua_pushstring(lua, value);
  lua_setfield(lua, -2, key);
}

static void
bind_services_set_flag(lua_State *lua, const char *key, bool value)
{
  lua_pushboolean(lua, value);
  lua_setfield(lua, -2, key);
}

static void
bind_services_push_question(lua_State *lua, const struct dns_question *q)
{
  lua_createtable(lua, 0, 12);
  bind_services_set_string(lua, "name", q->name);
  bind_services_set_string(lua, "class", q->class);
  bind_services_set_string(lua, "type", q->type);
  bind_services_set_string(lua, "remote", q->remote);
  bind_services_set_string(lua, "local", q->local);
  bind_services_set_string(lua, "protocol", q->protocol);
  bind_services_set_string(lua, "label", q->label);
  lua_pushlstring(lua, q->packet.data, q->packet.size);
  lua_setfield(lua, -2, "packet");
  lua_pushinteger(lua, q->id);
  lua_setfield(lua, -2, "id");
  if (q->payload > 0) {
    lua_pushinteger(lua, q->payload);
    lua_setfield(lua, -2, "ednsSize");
  }
  lua_createtable(lua, 0, 4);
  bind_services_set_flag(lua, "rd", q->rd);
  bind_services_set_flag(lua, "cd", q->cd);
  bind_services_set_flag(lua, "ad", q->ad);
  bind_services_set_flag(lua, "dnssecOK", q->dnssec_ok);
  lua_setfield(lua, -2, "flags");
}

static int
bind_services_call_handler(lua_State *lua)
{
  const struct handler_call *call = lua_touserdata(lua, 1);
  script_push(lua, call->script);
  bind_services_push_question(lua, call->question);
  binder_push_object(lua, call->request);
  lua_call(lua, 2, 0);
  return 0;
}

static void
bind_services_handler_step(lua_State *lua, void *arg)
{
  struct handler_call *call = arg;
  copies_will_run_script(lua, call->script);
  lua_pushcfunction(lua, bind_services_call_handler);
  lua_pushlightuserdata(lua, call);
  call->good = errors_call_short(lua, 1, 0, call->message);
}

static bool
bind_services_run_handler(void *script, const struct dns_question *question, void *request)
{
  struct text message;
  struct handler_call call = {.script = script, .question = question, .request = request, .message = &message};
  lua_State *lua = script_enter(script);
  if (lua == NULL)
    return false;
  text_init(&message);
  bool good = errors_protect(lua, bind_services_handler_step, &call, &message) && call.good;
  if (!good)
    log_limited(&handler_failed, "query-processing", "The DNS handler '%s' failed: %s", question->label, message.data);
  text_fini(&message);
  control_unlock();
  return good;
}

// ---- reply ----

enum { REPLY_ANSWERS = 1, REPLY_FLAGS = 4 };
enum { FLAG_AA, FLAG_AD, FLAG_RA, FLAG_TC };

static const struct param reply_flags[] = {
    [FLAG_AA] = {.name = "aa", .type = PARAM_BOOL, .optional = true, .help = "authoritative answer"},
    [FLAG_AD] = {.name = "ad", .type = PARAM_BOOL, .optional = true, .help = "authentic data"},
    [FLAG_RA] = {.name = "ra", .type = PARAM_BOOL, .optional = true, .help = "recursion available"},
    [FLAG_TC] = {.name = "tc", .type = PARAM_BOOL, .optional = true, .help = "truncated: ask again over TCP"},
    {.type = PARAM_END}};

static int
bind_services_push_result(struct call *c, enum dns_reply_result result)
{
  if (result == REPLY_WRONG)
    return -1;
  if (result == REPLY_TAKEN) {
    lua_pushboolean(c->lua, true);
    return 1;
  }
  lua_pushnil(c->lua);
  lua_pushstring(c->lua, result == REPLY_TWICE ? "answered already" : "too late: the time for the answer is over");
  return 2;
}

static int
bind_services_reply_call(struct call *c)
{
  struct dns_reply reply = {.aa = -1, .ad = -1, .ra = -1, .tc = -1};
  if (!bind_services_rcode_argument(c, &reply.rcode))
    return -1;
  for (unsigned section = 0; section < 3; section++) {
    const struct value *records = &c->args[REPLY_ANSWERS + section];
    reply.records[section] = records->given ? records->list.strings : NULL;
    reply.counts[section] = records->given ? records->list.count : 0;
  }
  if (c->args[REPLY_FLAGS].given) {
    const struct value *flags = c->args[REPLY_FLAGS].options;
    reply.aa = flags[FLAG_AA].boolean;
    reply.ad = flags[FLAG_AD].boolean;
    reply.ra = flags[FLAG_RA].boolean;
    reply.tc = flags[FLAG_TC].boolean;
  }
  return bind_services_push_result(c, service_hooks()->reply(c->self, &reply, &c->fault));
}

static const struct lua_function reply_function = {
    .name = "reply",
    .help = "Answer the query: once, now or before its time is over. Records are lines of presentation form, as "
            "rr() makes them",
    .params = PARAMS({.name = "rcode",
                      .type = PARAM_ANY,
                      .optional = true,
                      .help = "mnemonic in any case or number; default NOERROR"},
                     {.name = "answers", .type = PARAM_STRINGS, .optional = true},
                     {.name = "authority", .type = PARAM_STRINGS, .optional = true},
                     {.name = "additional", .type = PARAM_STRINGS, .optional = true},
                     {.name = "flags", .type = PARAM_OPTIONS, .optional = true, .options = reply_flags}),
    .returns = "boolean",
    .call = bind_services_reply_call};

const struct lua_class class_dns_reply = {.name = "DNSReply",
                                          .help = "How a handler answers its query: called like a function",
                                          .object = &dns_request_class,
                                          .call = &reply_function};

// ---- services ----

enum { HANDLER_LABEL, HANDLER_MATCH, HANDLER_FUNCTION, HANDLER_TIMEOUT, HANDLER_ON_TIMEOUT };

static const struct param handler_options[] = {
    [HANDLER_LABEL] = {.name = "label", .type = PARAM_STRING, .help = "its name, unique in the service"},
    [HANDLER_MATCH] = {.name = "match",
                       .type = PARAM_STRING,
                       .help = "Perl regular expression, searched for in the name (no final dot; \".\" is the root)"},
    [HANDLER_FUNCTION] = {.name = "handler", .type = PARAM_FUNCTION, .help = "function(q, reply)"},
    [HANDLER_TIMEOUT] = {.name = "timeout",
                         .type = PARAM_FLOAT, .own = true,
                         .optional = true,
                         .fallback = "5",
                         .unit = "s",
                         .help = "time to answer"},
    [HANDLER_ON_TIMEOUT] = {.name = "onTimeout",
                            .type = PARAM_INDEX,
                            .optional = true,
                            .fallback = "SERVFAIL",
                            .help = "response code when that is over"},
    {.type = PARAM_END}};

// An option table has no mandatory keys of its own.
static bool
bind_services_all_given(struct call *c, const struct param *rows, const struct value *values)
{
  for (; rows->type != PARAM_END; rows++, values++)
    if (!rows->optional && !values->given)
      return fault_set(&c->fault, FAULT_CAUGHT, "%s: '%s' is missing", c->function->name, rows->name);
  return true;
}

static int
bind_services_add_handler(struct call *c)
{
  const struct value *v = c->args[0].options;
  if (!bind_services_all_given(c, handler_options, v))
    return -1;
  struct dns_handler_options o = {.label = v[HANDLER_LABEL].string.data,
                                  .match = v[HANDLER_MATCH].string.data,
                                  .run = bind_services_run_handler,
                                  .script = v[HANDLER_FUNCTION].object};
  double timeout = v[HANDLER_TIMEOUT].number;
  if (!(timeout >= 0.001 && timeout <= TIMEOUT_MAX_S))
    return call_fault(c, FAULT_CAUGHT, "%s: the timeout is from 0.001 to %d seconds", c->function->name, TIMEOUT_MAX_S);
  o.timeout_ms = (uint32_t)(timeout * 1000);
  if (!bind_services_rcode_read(c, &v[HANDLER_ON_TIMEOUT], &o.timeout_rcode))
    return -1;
  return service_hooks()->add_handler(c->self, &o, &c->fault) ? 0 : -1;
}

static int
bind_services_rm_handler(struct call *c)
{
  const char *label = c->args[0].string.data;
  if (!service_hooks()->remove_handler(c->self, label))
    return call_fault(c, FAULT_CAUGHT, "there is no handler '%s'", label);
  return 0;
}

static int
bind_services_show_handlers(struct call *c)
{
  service_hooks()->show_handlers(c->self, binder_output());
  return 0;
}

static int
bind_services_get_name(struct call *c)
{
  lua_pushstring(c->lua, service_hooks()->name(c->self));
  return 1;
}

static int
bind_services_get_address(struct call *c)
{
  char text[ADDRESS_TEXT_SIZE];
  struct address address;
  if (!service_hooks()->address(c->self, (size_t)c->args[0].integer, &address))
    return 0;
  lua_pushstring(c->lua, address_text_with_port(&address, text));
  return 1;
}

static const struct lua_function service_methods[] = {
    {.name = "addHandler",
     .help = "Append a handler: the first whose expression matches the name of a query answers it",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = handler_options}),
     .call = bind_services_add_handler},
    {.name = "rmHandler",
     .help = "Remove a handler; queries that wait for it still get their answer",
     .params = PARAMS({.name = "label", .type = PARAM_STRING}),
     .call = bind_services_rm_handler},
    {.name = "showHandlers",
     .help = "Print the handlers in matching order",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_services_show_handlers},
    {.name = "name", .help = "Its name", .returns = "string", .flags = FUNCTION_NO_EFFECT, .call = bind_services_get_name},
    {.name = "address",
     .help = "The address that it listens on, with port; nil when there are not that many",
     .params = PARAMS({.name = "position", .type = PARAM_INT, .own = true, .optional = true, .fallback = "0", .max = 65535}),
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_services_get_address},
    {.name = NULL}};

const struct lua_class class_dns_service = {
    .name = "DNSService",
    .help = "A scripted DNS server",
    .object = &dns_service_class,
    .methods = service_methods,
    .tostring = bind_services_get_name};

enum { SERVICE_NAME, SERVICE_LISTEN };

static const struct param service_options[] = {
    [SERVICE_NAME] = {.name = "name", .type = PARAM_STRING, .help = "its name, unique among the DNS services"},
    [SERVICE_LISTEN] = {.name = "listen",
                        .type = PARAM_STRINGS,
                        .help = "address or list of them, UDP and TCP; port 53 unless given"},
    {.type = PARAM_END}};

static int
bind_services_add_service(struct call *c)
{
  const struct value *v = c->args[0].options;
  if (!bind_services_all_given(c, service_options, v))
    return -1;
  size_t count = v[SERVICE_LISTEN].list.count;
  if (count == 0)
    return call_fault(c, FAULT_CAUGHT, "%s: 'listen' is empty", c->function->name);
  struct address *addresses = call_alloc(c, count * sizeof *addresses);
  for (size_t i = 0; i < count; i++)
    if (!address_parse(&addresses[i], v[SERVICE_LISTEN].list.strings[i].data, DNS_PORT, &c->fault))
      return -1;
  void *service = service_hooks()->add(v[SERVICE_NAME].string.data, addresses, count, &c->fault);
  if (service == NULL)
    return -1;
  binder_push_object(c->lua, service);
  return 1;
}

static int
bind_services_get_service(struct call *c)
{
  binder_push_object(c->lua, service_hooks()->find(c->args[0].string.data));
  return 1;
}

static int
bind_services_show_services(struct call *c)
{
  (void)c;
  service_hooks()->show(binder_output());
  return 0;
}

// ---- rr ----

enum { RR_FIXED = 4 };

static int
bind_services_make_record(struct call *c)
{
  static _Thread_local uint8_t rdata[PRESENTATION_RDATA_SIZE];
  struct presented_record record = {.rdata = rdata};
  lua_State *lua = c->lua;
  if (c->count <= RR_FIXED)
    return call_fault(c, FAULT_PLAIN, "This function requires at least %d parameter(s)", RR_FIXED + 1);
  for (int i = 1; i <= (int)c->count; i++)
    if (!lua_isstring(lua, i))
      return call_wrong_type(c, i, "string");
  luaL_Buffer line;
  luaL_buffinit(lua, &line);
  for (int i = 1; i <= (int)c->count; i++) {
    if (i > 1)
      luaL_addchar(&line, ' ');
    lua_pushvalue(lua, i);
    luaL_addvalue(&line);
  }
  luaL_pushresult(&line);
  return record_from_text(&record, lua_tostring(lua, -1), &c->fault) ? 1 : -1;
}

const struct lua_function functions_services[] = {
    {.name = "addDNSService",
     .help = "Serve DNS by scripts: the service answers before the first health checks",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .options = service_options}),
     .returns = "DNSService",
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_services_add_service},
    {.name = "getDNSService",
     .help = "A scripted DNS server by its name; nil when there is none",
     .params = PARAMS({.name = "name", .type = PARAM_STRING}),
     .returns = "DNSService",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_services_get_service},
    {.name = "showDNSServices",
     .help = "Print the scripted DNS servers and their counters",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_services_show_services},
    {.name = "rr",
     .help = "A record in presentation form, checked: what reply() takes",
     .params = PARAMS({.name = "name", .type = PARAM_STRING}, {.name = "ttl", .type = PARAM_INT, .most = INT32_MAX, .unit = "s"},
                      {.name = "class", .type = PARAM_STRING}, {.name = "type", .type = PARAM_STRING},
                      {.name = "data", .type = PARAM_STRING, .help = "one or more"}),
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT | FUNCTION_VARIADIC,
     .call = bind_services_make_record},
    {.name = NULL}};
