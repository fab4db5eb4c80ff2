// SPDX-License-Identifier: BSD-2-Clause
// Scopes, and what members of dq and dr share.
#include "lua/scripts/question_access.h"

#include "lua/binder/classes.h"
#include "lua/binder/members.h"

#include <assert.h>

// Registry keys: the address of each names the object.
static const char question_keys[SCOPE_LEVELS], response_keys[SCOPE_LEVELS], header_keys[SCOPE_LEVELS];

struct scope *
scope_enter(struct scopes *scopes, struct query *q, enum action_side side)
{
  if (scopes->depth == SCOPE_LEVELS)
    return NULL;
  struct scope *s = &scopes->levels[scopes->depth++];
  s->query = q;
  s->side = side;
  s->suspends = false;
  q->touched = true;
  return s;
}

void
scope_leave(struct scopes *scopes, struct scope *s)
{
  assert(scopes->depth > 0 && s == &scopes->levels[scopes->depth - 1]);
  s->query = NULL;
  scopes->depth--;
}

static bool
question_access_push_registered(lua_State *lua, const char *key)
{
  lua_pushlightuserdata(lua, (void *)key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  if (!lua_isnil(lua, -1))
    return true;
  lua_pop(lua, 1);
  return false;
}

bool
scope_push_question(lua_State *lua, const struct scopes *scopes, const struct scope *s)
{
  return question_access_push_registered(lua,
                                         (s->side == SIDE_QUERY ? question_keys : response_keys) + (s - scopes->levels));
}

bool
scope_push_header(lua_State *lua, const struct scope *s)
{
  return question_access_push_registered(lua, header_keys + s->level);
}

static void
question_access_make_question(lua_State *lua, const struct lua_class *class, struct scope *s, const char *key)
{
  lua_pushlightuserdata(lua, (void *)key);
  struct question_handle *h = binder_push_value(lua, class);
  h->scope = s;
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

int
scope_objects(lua_State *lua)
{
  struct scopes *scopes = lua_touserdata(lua, 1);
  for (unsigned i = 0; i < SCOPE_LEVELS; i++) {
    scopes->levels[i].level = (uint8_t)i;
    question_access_make_question(lua, &class_question, &scopes->levels[i], &question_keys[i]);
    question_access_make_question(lua, &class_response, &scopes->levels[i], &response_keys[i]);
    lua_pushlightuserdata(lua, (void *)&header_keys[i]);
    struct header_handle *h = binder_push_value(lua, &class_header);
    h->scope = &scopes->levels[i];
    members_note_header(lua, i);
    lua_rawset(lua, LUA_REGISTRYINDEX);
  }
  return 0;
}

struct query *
question_query(struct call *c)
{
  struct query *q = ((struct question_handle *)c->self)->scope->query;
  if (q == NULL)
    call_fault(c, FAULT_PLAIN, "This query has ended: dq and dr may only be used in the call that they were given to");
  return q;
}

struct query *
question_with_worker(struct call *c)
{
  struct query *q = question_query(c);
  if (q == NULL || q->worker != NULL)
    return q;
  call_fault(c, FAULT_PLAIN, "This is not possible for a health check");
  return NULL;
}
