// SPDX-License-Identifier: BSD-2-Clause
// Frames and handles of a state, and calls with them.
#include "lua/scripts/ffi_state.h"

#include "dnsproxy/backends/pool.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/guard/dynblock_group.h"
#include "lua/binder/binder.h"
#include "lua/binder/budget.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/ffi_frame.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

// Calls within calls: a function may answer through our rules only once more, a policy runs after the rules.
enum { LEVELS = 8, STACK_NEEDED = 16 };

struct level {
  struct dnsdist_ffi_dnsquestion_t frame;
  struct dnsdist_ffi_servers_list_t servers;
  struct dnsdist_ffi_network_message_t message;
  struct dnsdist_ffi_stat_node_t stat_node;
  int question, server_list, message_handle, stat_node_handle; // handles, in the registry
};

struct ffi_state {
  lua_State *lua;
  unsigned depth;
  int handler; // in the registry
  struct level levels[LEVELS];
};

// ---- life ----

// function(address, type) -> handle
static const char make_handle[] = "local ffi = require('ffi') return ffi.cast(select(2, ...), (...))";

static int
ffi_state_handle_of(lua_State *lua, int maker, void *address, const char *type)
{
  lua_pushvalue(lua, maker);
  lua_pushlightuserdata(lua, address);
  lua_pushstring(lua, type);
  lua_call(lua, 2, 1);
  return luaL_ref(lua, LUA_REGISTRYINDEX);
}

static int
ffi_state_on_error(lua_State *lua)
{
  const char *text = lua_isstring(lua, 1) ? lua_tostring(lua, 1) : binder_error_text(lua, 1);
  luaL_traceback(lua, lua, text != NULL ? text : "an error that is no text", 1);
  return 1;
}

// lua_pcall() form; the argument is the struct ffi_state.
static int
ffi_state_prepare(lua_State *lua)
{
  struct ffi_state *s = lua_touserdata(lua, 1);
  lua_getglobal(lua, "require");
  lua_pushliteral(lua, "ffi");
  lua_call(lua, 1, 1);
  for (const char *const *piece = ffi_text; *piece != NULL; piece++) {
    lua_getfield(lua, -1, "cdef");
    lua_pushstring(lua, *piece);
    lua_call(lua, 1, 0);
  }
  if (luaL_loadstring(lua, make_handle) != 0)
    return lua_error(lua);
  int maker = lua_gettop(lua);
  for (unsigned i = 0; i < LEVELS; i++) {
    struct level *l = &s->levels[i];
    l->question = ffi_state_handle_of(lua, maker, &l->frame, "dnsdist_ffi_dnsquestion_t *");
    l->server_list = ffi_state_handle_of(lua, maker, &l->servers, "dnsdist_ffi_servers_list_t *");
    l->message_handle = ffi_state_handle_of(lua, maker, &l->message, "dnsdist_ffi_network_message_t *");
    l->stat_node_handle = ffi_state_handle_of(lua, maker, &l->stat_node, "dnsdist_ffi_stat_node_t *");
  }
  lua_pushcfunction(lua, ffi_state_on_error);
  s->handler = luaL_ref(lua, LUA_REGISTRYINDEX);
  return 0;
}

struct ffi_state *
ffi_state_new(lua_State *lua)
{
  struct ffi_state *s = memory_new(sizeof *s);
  s->lua = lua;
  lua_pushcfunction(lua, ffi_state_prepare);
  lua_pushlightuserdata(lua, s);
  if (lua_pcall(lua, 1, 0, 0) == 0)
    return s;
  free(s);
  return NULL;
}

static void
ffi_state_frame_free(struct dnsdist_ffi_dnsquestion_t *f)
{
  struct ffi_list *const lists[] = {&f->result_bytes, &f->options, &f->tags, &f->headers, &f->values, &f->text};
  for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++)
    free(lists[i]->items);
}

void
ffi_state_free(struct ffi_state **slot)
{
  struct ffi_state *s = *slot;
  *slot = NULL;
  if (s == NULL)
    return;
  for (unsigned i = 0; i < LEVELS; i++) {
    ffi_state_frame_free(&s->levels[i].frame);
    free(s->levels[i].stat_node.reason_bytes.items);
    for (struct ffi_servers *b = s->levels[i].servers.servers, *previous; b != NULL; b = previous) {
      previous = b->previous;
      free(b);
    }
  }
  free(s);
}

// ---- calls ----

static struct level *
ffi_state_level_of(const struct ffi_call *call)
{
  return &call->state->levels[call->state->depth - 1];
}

bool
ffi_call_begin(struct ffi_call *call, struct ffi_state *s, struct query *q, enum action_side side)
{
  *call = (struct ffi_call){.lua = s->lua, .state = s, .base = lua_gettop(s->lua)};
  if (s->depth == LEVELS || !lua_checkstack(s->lua, STACK_NEEDED)) {
    call->error = "too many calls within calls";
    return false;
  }
  struct level *l = &s->levels[s->depth++];
  call->frame = &l->frame;
  call->frame->query = q;
  call->frame->side = side;
  call->frame->suspends = false;
  call->frame->has_result = false;
  if (q != NULL)
    q->touched = true;
  lua_rawgeti(s->lua, LUA_REGISTRYINDEX, s->handler);
  return true;
}

void
ffi_call_push_question(struct ffi_call *call)
{
  const struct level *l = ffi_state_level_of(call);
  lua_rawgeti(call->lua, LUA_REGISTRYINDEX, l->question);
}

static struct ffi_servers *
ffi_state_servers_room(struct dnsdist_ffi_servers_list_t *list, size_t count)
{
  if (list->servers != NULL && list->servers->capacity >= count)
    return list->servers;
  size_t capacity = 2 * count + 8;
  struct ffi_servers *more = calloc(1, sizeof *more + capacity * sizeof *more->items);
  if (more == NULL)
    return NULL;
  more->capacity = capacity;
  more->previous = list->servers;
  return list->servers = more;
}

bool
ffi_call_push_servers(struct ffi_call *call, const struct pool *pool)
{
  struct level *l = ffi_state_level_of(call);
  struct ffi_servers *servers = ffi_state_servers_room(&l->servers, pool->count);
  if (servers == NULL) {
    call->error = "no memory for the list of servers";
    return false;
  }
  for (uint32_t i = 0; i < pool->count; i++)
    servers->items[i].backend = pool->backends[i];
  l->servers.pool = pool;
  l->servers.count = pool->count;
  call->servers = &l->servers;
  lua_rawgeti(call->lua, LUA_REGISTRYINDEX, l->server_list);
  return true;
}

void
ffi_call_push_message(struct ffi_call *call, uint16_t endpoint_id, const char *payload, size_t size)
{
  struct level *l = ffi_state_level_of(call);
  l->message = (struct dnsdist_ffi_network_message_t){.payload = payload, .size = size, .endpoint_id = endpoint_id};
  call->message = &l->message;
  lua_rawgeti(call->lua, LUA_REGISTRYINDEX, l->message_handle);
}

void
ffi_call_push_stat_node(struct ffi_call *call, const struct stat_node *node, uint32_t weight)
{
  struct level *l = ffi_state_level_of(call);
  call->stat_node = &l->stat_node;
  l->stat_node.node = node;
  l->stat_node.weight = weight;
  l->stat_node.action = DNS_ACTION_NONE;
  l->stat_node.reason = NULL;
  if (node->labels == 0)
    l->stat_node.full_name[0] = '\0';
  else
    name_text(&node->name, l->stat_node.full_name);
  lua_rawgeti(call->lua, LUA_REGISTRYINDEX, l->stat_node_handle);
}

bool
ffi_call_run(struct ffi_call *call, int arguments)
{
  struct budget budget;
  if (call->watched)
    budget_begin(&budget, call->lua, script_budget_ms(call->frame->query));
  undo_begin(); // of the shared state: a thread's own edits nothing, and then this is nothing
  bool good = lua_pcall(call->lua, arguments, 1, call->base + 1) == 0;
  if (call->watched)
    budget_end(&budget, call->lua);
  if (good) {
    undo_keep();
    return true;
  }
  undo_back();
  call->error = lua_isstring(call->lua, -1) ? lua_tostring(call->lua, -1) : "unknown error";
  return false;
}

const struct bytes *
ffi_call_result(const struct ffi_call *call)
{
  return call->frame != NULL && call->frame->has_result ? &call->frame->result : NULL;
}

void
ffi_call_forget_result(struct ffi_call *call)
{
  if (call->frame != NULL)
    call->frame->has_result = false;
}

static void
ffi_state_forget_servers(struct dnsdist_ffi_servers_list_t *list)
{
  for (size_t i = 0; i < list->count; i++)
    list->servers->items[i].backend = NULL;
  list->count = 0;
  list->pool = NULL;
}

void
ffi_call_end(struct ffi_call *call)
{
  if (call->frame != NULL) {
    assert(call->frame == &ffi_state_level_of(call)->frame);
    call->frame->query = NULL;
    if (call->servers != NULL)
      ffi_state_forget_servers(call->servers);
    if (call->stat_node != NULL)
      call->stat_node->node = NULL;
    if (call->message != NULL)
      *call->message = (struct dnsdist_ffi_network_message_t){.payload = NULL};
    call->state->depth--;
  }
  lua_settop(call->lua, call->base);
}
