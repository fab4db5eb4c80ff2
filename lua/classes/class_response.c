// SPDX-License-Identifier: BSD-2-Clause
// DNSResponse: the answer that a rule's function is called for, together with its query.
#include "lua/binder/classes.h"
#include "lua/scripts/question_access.h"

#include "dnsproxy/backends/backend.h"

#include <string.h>

static const struct lua_attribute response_attributes[] = {QUESTION_ATTRIBUTES, {.name = NULL}};

// ---- TTLs ----

struct ttl_editor {
  lua_State *lua;
  int function;
  bool failed; // the error is on top of the stack
};

static uint32_t
class_response_edit_ttl(unsigned section, uint16_t class, uint16_t type, uint32_t ttl, void *arg)
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
class_response_edit_ttls(struct call *c)
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
  message_edit_ttls(&(struct wire_buffer){.data = edited, .size = size, .capacity = size}, class_response_edit_ttl, &e);
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
class_response_get_restarts(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushinteger(c->lua, q->restarts);
  return 1;
}

static int
class_response_get_backend(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  binder_push_object(c->lua, q->from_cache || q->self_answered ? NULL : q->backend);
  return 1;
}

static int
class_response_get_stale(struct call *c)
{
  const struct query *q = question_query(c);
  if (q == NULL)
    return -1;
  lua_pushboolean(c->lua, q->stale);
  return 1;
}

// The chains that forward again: those of a backend's answer, and of none.
static int
class_response_restart(struct call *c)
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
     .call = class_response_edit_ttls},
    {.name = "getRestartCount",
     .help = "How often the query was restarted",
     .returns = "integer",
     .call = class_response_get_restarts},
    {.name = "getSelectedBackend",
     .help = "The backend that answered; nil: none did",
     .returns = "Server?",
     .call = class_response_get_backend},
    {.name = "getStaleCacheHit",
     .help = "The answer is an expired one of the cache",
     .returns = "boolean",
     .call = class_response_get_stale},
    {.name = "restart",
     .help = "Forget the answer and ask again, in the pool that is set now; false: nothing was kept",
     .returns = "boolean",
     .call = class_response_restart},
    {.name = NULL}};

const struct lua_class class_response = {
    .name = "DNSResponse",
    .help = "The answer at hand with the facts of its query, usable in the call it is given to.",
    .size = sizeof(struct question_handle),
    .methods = response_methods,
    .attributes = response_attributes,
};
