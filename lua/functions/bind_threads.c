// SPDX-License-Identifier: BSD-2-Clause
// newThread(): Lua source that runs on a thread of its own, in a bare state; getAddressInfo(): names resolved meanwhile.
//
//   newThread(source) --> thread, bare state --submitToMainThread(cmd, table)--> threadmessage() in the shared state
//   getAddressInfo(name, f) --> resolver's thread --> f(addresses), under the Lua lock
//
// A bare state has the standard libraries and what is marked for any state; it shares nothing, so that it may take any time.
// What it sends is copied as strings. A thread that fails is logged and ends alone (scripts/helpers).
#include "dnsproxy/base/address.h"
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "lua/binder/classes.h"
#include "lua/scripts/control_state.h"
#include "lua/scripts/copies.h"
#include "lua/binder/errors.h"
#include "lua/binder/standard.h"
#include "lua/scripts/helpers.h"
#include "lua/scripts/scripts.h"

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

enum { RESTART_MS = 5000, INSTRUCTIONS = 10000 };

static void
bind_threads_report(const char *message, const char *error)
{
  log_event(&(struct log_event){.priority = LOG_PRIO_WARNING, .message = message, .error = error, .subsystem = "lua"});
}

// Calls the function below the arguments in the shared state, whose lock is held.
static void
bind_threads_call_shared(lua_State *lua, int arguments, const char *message)
{
  struct failure failure;
  failure_init(&failure);
  if (!errors_call(lua, arguments, 0, &failure)) {
    if (failure.detail.size > 0)
      text_printf(&failure.message, ": %s", failure.detail.data);
    bind_threads_report(message, failure.message.data);
  }
  failure_fini(&failure);
  text_clear(control_output()); // nobody reads it
  copies_touched();
}

// ---- newThread ----

struct source {
  struct script_list *home; // of the configuration that started it; one reference
  size_t size;
  char text[];
};

// What is sent from one state to the other: strings, in pairs.
struct message {
  struct text command;
  struct text *pieces;
  size_t count;
};

static void
bind_threads_message_fini(struct message *m)
{
  for (size_t i = 0; i < m->count; i++)
    text_fini(&m->pieces[i]);
  free(m->pieces);
  text_fini(&m->command);
}

static void
bind_threads_add_piece(struct message *m, const char *bytes, size_t size)
{
  m->pieces = memory_resize(m->pieces, m->count + 1, sizeof *m->pieces);
  text_init(&m->pieces[m->count]);
  text_add(&m->pieces[m->count++], bytes, size);
}

// Strings and numbers only; a key is not changed while it is read.
static const char *
bind_threads_piece_at(lua_State *lua, int index, size_t *size)
{
  if (lua_type(lua, index) != LUA_TSTRING && lua_type(lua, index) != LUA_TNUMBER)
    return NULL;
  lua_pushvalue(lua, index);
  const char *text = lua_tolstring(lua, -1, size);
  lua_replace(lua, 3); // keeps it from the collector
  return text;
}

static bool
bind_threads_read_table(lua_State *lua, struct message *m)
{
  size_t size;
  for (lua_pushnil(lua); lua_next(lua, 2) != 0; lua_pop(lua, 1))
    for (int index = -2; index <= -1; index++) {
      const char *text = bind_threads_piece_at(lua, index, &size);
      if (text == NULL)
        return false;
      bind_threads_add_piece(m, text, size);
    }
  return true;
}

static int
bind_threads_push_message(lua_State *lua)
{
  const struct message *m = lua_touserdata(lua, 1);
  lua_pushliteral(lua, "threadmessage");
  lua_rawget(lua, LUA_GLOBALSINDEX);
  lua_pushlstring(lua, m->command.data, m->command.size);
  lua_createtable(lua, 0, (int)(m->count / 2));
  for (size_t i = 0; i + 1 < m->count; i += 2) {
    lua_pushlstring(lua, m->pieces[i].data, m->pieces[i].size);
    lua_pushlstring(lua, m->pieces[i + 1].data, m->pieces[i + 1].size);
    lua_rawset(lua, -3);
  }
  lua_call(lua, 2, 0);
  return 0;
}

static void
bind_threads_deliver_step(lua_State *lua, void *message)
{
  lua_pushliteral(lua, "threadmessage");
  lua_rawget(lua, LUA_GLOBALSINDEX);
  if (!lua_isfunction(lua, -1)) {
    bind_threads_report("submitToMainThread() was called, but there is no function threadmessage()", NULL);
    return;
  }
  lua_pushcfunction(lua, bind_threads_push_message);
  lua_pushlightuserdata(lua, message);
  bind_threads_call_shared(lua, 1, "threadmessage() failed");
}

static void
bind_threads_enter_shared(struct script_list *home, void (*step)(lua_State *, void *), void *arg, const char *what)
{
  struct text message;
  lua_State *lua = script_list_enter(home);
  if (lua == NULL) // whoever started the thread is gone
    return;
  text_init(&message);
  if (!errors_protect(lua, step, arg, &message))
    bind_threads_report(what, message.data);
  control_unlock();
  text_fini(&message);
}

static void
bind_threads_deliver(struct script_list *home, struct message *m)
{
  bind_threads_enter_shared(home, bind_threads_deliver_step, m, "threadmessage() failed");
}

static int
bind_threads_submit(lua_State *lua)
{
  struct message m = {.count = 0};
  size_t size;
  if (lua_gettop(lua) != 2 || !lua_isstring(lua, 1) || !lua_istable(lua, 2))
    return luaL_error(lua, "submitToMainThread() takes a string and a table of strings");
  lua_pushnil(lua); // slot 3
  const char *command = lua_tolstring(lua, 1, &size);
  text_init(&m.command);
  text_add(&m.command, command, size);
  bool good = bind_threads_read_table(lua, &m);
  if (good)
    bind_threads_deliver(lua_touserdata(lua, lua_upvalueindex(1)), &m);
  bind_threads_message_fini(&m);
  return good ? 0 : luaL_error(lua, "submitToMainThread() takes a string and a table of strings");
}

// From then on at every instruction, so that nothing catches it for long.
static void
bind_threads_look(lua_State *lua, lua_Debug *where)
{
  (void)where;
  if (!helpers_stopping())
    return;
  lua_sethook(lua, bind_threads_look, LUA_MASKCOUNT, 1);
  luaL_error(lua, "the process ends");
}

static int
bind_threads_open_state(lua_State *lua)
{
  standard_libraries_open(lua);
  lua_pushvalue(lua, 1); // home
  lua_pushcclosure(lua, bind_threads_submit, 1);
  lua_setglobal(lua, "submitToMainThread");
  luaJIT_setmode(lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF); // compiled code takes no hooks
  lua_sethook(lua, bind_threads_look, LUA_MASKCOUNT, INSTRUCTIONS);
  return 0;
}

static void
bind_threads_run_once(const struct source *s)
{
  lua_State *lua = luaL_newstate();
  if (lua == NULL || lua_cpcall(lua, bind_threads_open_state, s->home) != 0) {
    bind_threads_report("There is no memory for the state of a thread", NULL);
  } else if (luaL_loadbuffer(lua, s->text, s->size, "=newThread") != 0 || lua_pcall(lua, 0, 0, 0) != 0) {
    if (!helpers_stopping())
      bind_threads_report("The code of a thread failed; it starts again in 5 seconds",
                          lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "an error that is no text");
  }
  if (lua != NULL) {
    lua_sethook(lua, NULL, 0, 0); // finalizers may run
    lua_close(lua);
  }
}

static void
bind_threads_source_free(void *arg)
{
  struct source *s = arg;
  object_unref(&s->home);
  free(s);
}

static void
bind_threads_run_thread(void *arg)
{
  struct source *s = arg;
  while (!helpers_stopping()) {
    bind_threads_run_once(s);
    helper_sleep(RESTART_MS);
  }
}

static int
bind_threads_new_thread(struct call *c)
{
  const struct bytes *code = &c->args[0].string;
  struct source *s = memory_new(sizeof *s + code->size);
  s->home = object_ref(control_scripts()->list);
  s->size = code->size;
  memcpy(s->text, code->data, code->size);
  if (!helper_start(&(struct helper_work){.name = "lua/thread", .run = bind_threads_run_thread, .free_arg = bind_threads_source_free, .arg = s}))
    return call_fault(c, FAULT_CAUGHT, "No more threads can be started");
  return 0;
}

// ---- getAddressInfo ----

struct lookup {
  struct script *callback; // one reference
  char *name;
  struct addrinfo *found;
};

static void
bind_threads_lookup_free(void *arg)
{
  struct lookup *l = arg;
  if (l->found != NULL)
    freeaddrinfo(l->found);
  object_unref(&l->callback);
  free(l->name);
  free(l);
}

static int
bind_threads_call_back(lua_State *lua)
{
  const struct lookup *l = lua_touserdata(lua, 1);
  int count = 0;
  script_push(lua, l->callback);
  lua_pushstring(lua, l->name);
  lua_newtable(lua);
  for (const struct addrinfo *a = l->found; a != NULL; a = a->ai_next) {
    if (a->ai_addrlen > sizeof(struct address) || (a->ai_family != AF_INET && a->ai_family != AF_INET6))
      continue;
    struct address *address = binder_push_value(lua, &class_address);
    memcpy(address, a->ai_addr, a->ai_addrlen);
    lua_rawseti(lua, -2, ++count);
  }
  lua_call(lua, 2, 0);
  return 0;
}

static void
bind_threads_call_back_step(lua_State *lua, void *lookup)
{
  lua_pushcfunction(lua, bind_threads_call_back);
  lua_pushlightuserdata(lua, lookup);
  bind_threads_call_shared(lua, 1, "The callback of getAddressInfo() failed");
}

static void
bind_threads_run_lookup(void *arg)
{
  struct lookup *l = arg;
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
  if (getaddrinfo(l->name, NULL, &hints, &l->found) != 0)
    l->found = NULL; // the callback gets an empty table
  if (!helpers_stopping())
    bind_threads_enter_shared(l->callback->list, bind_threads_call_back_step, l, "The callback of getAddressInfo() failed");
}

static int
bind_threads_get_address_info(struct call *c)
{
  struct lookup *l = memory_new(sizeof *l);
  l->name = memory_string(c->args[0].string.data);
  l->callback = object_ref(c->args[1].object);
  if (!helper_start(&(struct helper_work){
          .name = "lua/resolver", .run = bind_threads_run_lookup, .free_arg = bind_threads_lookup_free, .arg = l}))
    return call_fault(c, FAULT_CAUGHT, "No more threads can be started");
  return 0;
}

const struct lua_function functions_threads[] = {
    {.name = "newThread",
     .help = "Run Lua source on a thread of its own, in a state with the standard libraries and submitToMainThread(); again "
             "5 seconds after it ends",
     .params = PARAMS({.name = "code", .type = PARAM_STRING, .help = "source text"}),
     .call = bind_threads_new_thread},
    {.name = "getAddressInfo",
     .help = "Resolve a name meanwhile, and call the function with it and its addresses",
     .params = PARAMS({.name = "host", .type = PARAM_STRING, .help = "name or address"},
                      {.name = "callback", .type = PARAM_FUNCTION, .help = "function(host, {ComboAddress, ...})"}),
     .call = bind_threads_get_address_info},
    {.name = NULL}};
