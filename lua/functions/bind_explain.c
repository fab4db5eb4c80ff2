// SPDX-License-Identifier: BSD-2-Clause
// explain(): what would happen to a query, as text, as a table, as JSON.
//
// Reads who asks what, and how, out of a table of options into a request, makes a snapshot of the configuration as it is
// edited right now (what this command has changed so far is in it, and seen by nobody else), and hands both to
// explain/explain. The answer is its JSON, turned into a Lua table, or into lines. Lua lock.
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/explain/explain.h"
#include "dnsproxy/wire/codes.h"
#include "lua/binder/arguments.h"

#include <stdlib.h>
#include <string.h>

enum { TYPE, CLASS, CLIENT, LOCAL, TCP, RD, AD, CD, EDNS, DO, ECS, SCRIPTS, RCODE, FORM, OPTIONS };

static const struct param options[] = {
    [TYPE] = {.name = "type", .type = PARAM_STRING, .optional = true, .fallback = "A",
              .help = "type: a number or a name such as AAAA"},
    [CLASS] = {.name = "class", .type = PARAM_INT, .optional = true, .fallback = "1", .max = UINT16_MAX, .help = "class"},
    [CLIENT] = {.name = "client", .type = PARAM_STRING, .optional = true, .fallback = "127.0.0.1",
                .help = "address of the client, perhaps with a port"},
    [LOCAL] = {.name = "dest", .type = PARAM_STRING, .optional = true, .fallback = "127.0.0.1:53",
                .help = "address that the query is sent to"},
    [TCP] = {.name = "tcp", .type = PARAM_BOOL, .optional = true, .fallback = "false", .help = "over TCP"},
    [RD] = {.name = "rd", .type = PARAM_BOOL, .optional = true, .fallback = "true", .help = "recursion desired"},
    [AD] = {.name = "ad", .type = PARAM_BOOL, .optional = true, .fallback = "false", .help = "AD bit"},
    [CD] = {.name = "cd", .type = PARAM_BOOL, .optional = true, .fallback = "false", .help = "checking disabled"},
    [EDNS] = {.name = "edns", .type = PARAM_INT, .optional = true, .fallback = "0", .max = UINT16_MAX, .unit = "bytes",
              .help = "UDP size of the query's EDNS; 0: it has none, unless another option needs it"},
    [DO] = {.name = "dnssec", .type = PARAM_BOOL, .optional = true, .fallback = "false", .help = "DNSSEC OK; with EDNS"},
    [ECS] = {.name = "ecs", .type = PARAM_STRING, .optional = true,
             .help = "client subnet that comes with it, such as 192.0.2.0/24"},
    [SCRIPTS] = {.name = "scripts", .type = PARAM_BOOL, .optional = true, .fallback = "false",
                 .help = "run Lua functions even if they may do more than look at the query; false: they are left out"},
    [RCODE] = {.name = "rcode", .type = PARAM_STRING, .optional = true,
               .help = "go on as if the server had answered so, such as NXDOMAIN, without records"},
    [FORM] = {.name = "form", .type = PARAM_STRING, .optional = true, .fallback = "text", .help = "text, table or json"},
    {.type = PARAM_END}};

// What a key that was not written means is in its row.
static void
bind_explain_add_fallbacks(struct call *c, struct value *values)
{
  for (size_t i = 0; i < OPTIONS; i++)
    if (!values[i].given)
      argument_fallback(c, &options[i], &values[i]);
}

static bool
bind_explain_read_type(struct call *c, const struct value *v, struct explain_request *r)
{
  if (qtype_parse(v->string.data, &r->type))
    return true;
  call_fault(c, FAULT_CAUGHT, "explain(): there is no type '%s'", v->string.data);
  return false;
}

static bool
bind_explain_read_subnet(struct call *c, const struct value *v, struct explain_request *r)
{
  r->has_ecs = v->given;
  return !v->given || netmask_parse(&r->ecs, v->string.data, &c->fault);
}

static bool
bind_explain_read_rcode(struct call *c, const struct value *v, struct explain_request *r)
{
  unsigned rcode;
  if (!v->given)
    return true;
  if (!rcode_parse(v->string.data, &rcode) || rcode > 15) {
    call_fault(c, FAULT_CAUGHT, "explain(): '%s' is no rcode of a header", v->string.data);
    return false;
  }
  r->rcode = (int)rcode;
  return true;
}

static bool
bind_explain_read_form(struct call *c, const struct value *v, const char **form)
{
  *form = v->string.data;
  if (strcmp(*form, "text") == 0 || strcmp(*form, "table") == 0 || strcmp(*form, "json") == 0)
    return true;
  call_fault(c, FAULT_CAUGHT, "explain(): the form is text, table or json, not '%s'", *form);
  return false;
}

static bool
bind_explain_read_request(struct call *c, struct explain_request *r, const char **form)
{
  enum { EDNS_USUAL = 1232 };
  struct value v[OPTIONS];
  for (size_t i = 0; i < OPTIONS; i++)
    v[i] = c->args[1].given ? c->args[1].options[i] : (struct value){.given = false};
  bind_explain_add_fallbacks(c, v);
  *r = (struct explain_request)EXPLAIN_REQUEST_INIT;
  r->name = *(const struct name *)c->args[0].object;
  r->class = (uint16_t)v[CLASS].integer;
  r->tcp = v[TCP].boolean;
  r->rd = v[RD].boolean;
  r->ad = v[AD].boolean;
  r->cd = v[CD].boolean;
  r->payload = (uint16_t)v[EDNS].integer;
  r->dnssec_ok = v[DO].boolean;
  r->scripts = v[SCRIPTS].boolean;
  if (!bind_explain_read_form(c, &v[FORM], form) || !bind_explain_read_type(c, &v[TYPE], r) ||
      !address_parse(&r->client, v[CLIENT].string.data, 0, &c->fault) ||
      !address_parse(&r->local, v[LOCAL].string.data, 53, &c->fault) || !bind_explain_read_subnet(c, &v[ECS], r) ||
      !bind_explain_read_rcode(c, &v[RCODE], r))
    return false;
  if (r->payload == 0 && (r->dnssec_ok || r->has_ecs))
    r->payload = EDNS_USUAL;
  return true;
}

// ---- forms ----

static void bind_explain_push(lua_State *lua, const json_t *value);

static void
bind_explain_push_object(lua_State *lua, const json_t *object)
{
  const char *key;
  json_t *member;
  lua_newtable(lua);
  json_object_foreach((json_t *)(uintptr_t)object, key, member) {
    bind_explain_push(lua, member);
    lua_setfield(lua, -2, key);
  }
}

static void
bind_explain_push_array(lua_State *lua, const json_t *array)
{
  size_t i;
  const json_t *item;
  lua_newtable(lua);
  json_array_foreach(array, i, item) {
    bind_explain_push(lua, item);
    lua_rawseti(lua, -2, (int)i + 1);
  }
}

static void
bind_explain_push(lua_State *lua, const json_t *value)
{
  if (json_is_object(value))
    bind_explain_push_object(lua, value);
  else if (json_is_array(value))
    bind_explain_push_array(lua, value);
  else if (json_is_string(value))
    lua_pushlstring(lua, json_string_value(value), json_string_length(value));
  else if (json_is_number(value))
    lua_pushnumber(lua, json_number_value(value));
  else
    lua_pushboolean(lua, json_is_true(value));
}

static int
bind_explain_push_json(lua_State *lua, const json_t *all)
{
  char *text = json_dumps(all, JSON_INDENT(2));
  if (text == NULL)
    return 0;
  lua_pushstring(lua, text);
  free(text);
  return 1;
}

static int
bind_explain_give(struct call *c, const json_t *all, const char *form)
{
  if (strcmp(form, "table") == 0) {
    bind_explain_push(c->lua, all);
    return 1;
  }
  if (strcmp(form, "json") == 0)
    return bind_explain_push_json(c->lua, all);
  explain_text(all, binder_output());
  return 0;
}

static int
bind_explain_query(struct call *c)
{
  struct explain_request request;
  const char *form;
  if (!bind_explain_read_request(c, &request, &form))
    return -1;
  if (config()->phase == PHASE_CHECK || config()->phase == PHASE_CLIENT)
    return 0;
  if (config()->phase == PHASE_LOADING) {
    binder_refuse(c->function->name, "there is nothing to explain until all of the configuration was read");
    return 0;
  }
  // What the command has edited so far is explained, and seen by nobody else.
  struct snapshot *snapshot = configuration_build();
  json_t *all = explain(&request, snapshot);
  object_unref(&snapshot);
  if (all == NULL)
    return call_fault(c, FAULT_CAUGHT, "explain(): one query at a time");
  int results = bind_explain_give(c, all, form);
  json_decref(all);
  return results;
}

const struct lua_function functions_explain[] = {
    {.name = "explain",
     .help = "Say what would happen to a query, room by room and rule by rule, and why; nothing is sent, counted or changed",
     .params = PARAMS({.name = "name", .type = PARAM_NAME, .help = "the name asked for"},
                      {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = options,
                       .help = "the rest of the query"}),
     .returns = "string|table|nil",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_explain_query},
    {.name = NULL},
};
