// SPDX-License-Identifier: BSD-2-Clause
// States of threads, and the functions that they have compiled.
#include "lua/scripts/thread_state.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/random.h"
#include "dnsproxy/base/text.h"
#include "lua/scripts/bytecode.h"
#include "lua/binder/classes.h"
#include "lua/binder/errors.h"
#include "lua/binder/handles.h"
#include "lua/binder/load.h"
#include "lua/scripts/policy_lua.h"
#include "lua/scripts/script_host.h"
#include "lua/binder/stack_guard.h"
#include "lua/binder/standard.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct thread_script {
  struct object object;
  char *source;
  size_t size;
  unsigned slot; // in every thread's array of functions
  char where[64];
};

// A thread's version of a script; it holds the script, so that the slot stays its own.
struct compiled {
  struct thread_script *script; // NULL: free
  int reference;                // of the function in the registry; LUA_NOREF: it failed
  char *error;
  bool endless; // it may go on for ever: its calls are watched
};

struct thread_state {
  lua_State *lua;
  struct script_host host;
  struct ffi_state *ffi;
  struct compiled *compiled;
  unsigned count;
};

// ---- slots ----

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned *free_slots, free_count, slot_count;

static unsigned
thread_state_slot_take(void)
{
  pthread_mutex_lock(&lock);
  unsigned slot = free_count > 0 ? free_slots[--free_count] : slot_count++;
  free_slots = memory_resize(free_slots, slot_count, sizeof *free_slots); // room to give all of them back
  pthread_mutex_unlock(&lock);
  return slot;
}

static void
thread_script_free(struct object *object)
{
  struct thread_script *s = (struct thread_script *)(void *)object;
  pthread_mutex_lock(&lock);
  free_slots[free_count++] = s->slot;
  pthread_mutex_unlock(&lock);
  free(s->source);
  free(s);
}

const struct object_class thread_script_class = {.name = "per-thread function", .free = thread_script_free};

struct thread_script *
thread_script_new(const char *source, size_t size)
{
  struct thread_script *s = memory_new(sizeof *s);
  object_init(&s->object, &thread_script_class);
  s->source = memory_copy(source, size);
  load_prepare(source, size);
  s->size = size;
  s->slot = thread_state_slot_take();
  size_t line = strcspn(source, "\n");
  snprintf(s->where, sizeof s->where, "[string \"%.*s%s\"]", (int)(line < 40 ? line : 40), source, line < size ? "..." : "");
  return s;
}

const char *
thread_script_where(const struct thread_script *s)
{
  return s->where;
}

bool
thread_script_check(const struct thread_script *s, struct text *error)
{
  lua_State *lua = luaL_newstate();
  if (lua == NULL)
    return false;
  bool bad = luaL_loadbuffer(lua, s->source, s->size, s->source) != 0;
  if (bad)
    text_puts(error, lua_tostring(lua, -1));
  lua_close(lua);
  return bad;
}

// ---- the state of a thread ----

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct thread_state *current;

static void
thread_state_compiled_clear(struct compiled *c)
{
  free(c->error);
  object_unref(&c->script);
  *c = (struct compiled){0};
}

static void
thread_state_close(void *arg)
{
  struct thread_state *t = arg;
  lua_close(t->lua);
  ffi_state_free(&t->ffi);
  copies_drop(&t->host.copies);
  lua_policies_close(&t->host);
  for (unsigned i = 0; i < t->count; i++)
    thread_state_compiled_clear(&t->compiled[i]);
  free(t->compiled);
  free(t);
  current = NULL;
}

void
thread_state_end(void)
{
  if (current == NULL)
    return;
  pthread_setspecific(key, NULL);
  thread_state_close(current);
}

static void
thread_state_make_key(void)
{
  pthread_key_create(&key, thread_state_close);
}

// Every state's math.random() would begin with the same numbers otherwise, whatever math.randomseed() said in another.
static void
thread_state_seed_random(lua_State *lua)
{
  uint32_t seed;
  random_bytes(&seed, sizeof seed);
  lua_getglobal(lua, "math");
  lua_getfield(lua, -1, "randomseed");
  lua_pushnumber(lua, seed);
  lua_call(lua, 1, 0);
  lua_pop(lua, 1);
}

// lua_pcall() form: what such scripts find beside the standard libraries and ffi.
static int
thread_state_open_state(lua_State *lua)
{
  standard_libraries_open(lua);
  thread_state_seed_random(lua);
  stack_guard_open(lua);
  errors_open(lua);
  handles_open(lua);
  constants_register(lua);
  return 0;
}

// NULL: no memory.
static struct thread_state *
thread_state_get(void)
{
  if (current != NULL)
    return current;
  pthread_once(&once, thread_state_make_key);
  lua_State *lua = luaL_newstate();
  if (lua == NULL)
    return NULL;
  struct ffi_state *ffi = lua_cpcall(lua, thread_state_open_state, NULL) == 0 ? ffi_state_new(lua) : NULL;
  if (ffi == NULL) {
    lua_close(lua);
    return NULL;
  }
  struct thread_state *t = memory_new(sizeof *t);
  t->lua = t->host.lua = lua;
  t->ffi = ffi;
  pthread_setspecific(key, t);
  return current = t;
}

struct script_host *
thread_host(void)
{
  struct thread_state *t = thread_state_get();
  return t == NULL ? NULL : &t->host;
}

// ---- compiling ----

// Scripts that only this thread still knows are of the past. Rare: when something is compiled.
static void
thread_state_sweep(struct thread_state *t)
{
  for (unsigned i = 0; i < t->count; i++)
    if (t->compiled[i].script != NULL && object_refs(t->compiled[i].script) == 1) {
      luaL_unref(t->lua, LUA_REGISTRYINDEX, t->compiled[i].reference);
      thread_state_compiled_clear(&t->compiled[i]);
    }
}

static bool
thread_state_may_loop(lua_State *lua)
{
  struct bytecode *code = bytecode_read(lua, -1);
  bool loops = code == NULL || bytecode_may_loop(code);
  bytecode_free(&code);
  return loops;
}

// lua_pcall() form; the arguments are the script and what it was compiled to. Leaves the function.
static int
thread_state_compile(lua_State *lua)
{
  const struct thread_script *s = lua_touserdata(lua, 1);
  struct compiled *c = lua_touserdata(lua, 2);
  if (luaL_loadbuffer(lua, s->source, s->size, s->source) != 0)
    return lua_error(lua);
  c->endless = thread_state_may_loop(lua);
  lua_call(lua, 0, 1);
  if (!lua_isfunction(lua, -1))
    return luaL_error(lua, "the code must return a function, not a %s", luaL_typename(lua, -1));
  return 1;
}

static struct compiled *
thread_state_compiled_get(struct thread_state *t, struct thread_script *s)
{
  if (s->slot < t->count && t->compiled[s->slot].script == s)
    return &t->compiled[s->slot];
  thread_state_sweep(t);
  if (s->slot >= t->count) {
    unsigned count = s->slot + 16;
    t->compiled = memory_resize(t->compiled, count, sizeof *t->compiled);
    memset(t->compiled + t->count, 0, (count - t->count) * sizeof *t->compiled);
    t->count = count;
  }
  struct compiled *c = &t->compiled[s->slot];
  c->script = object_ref(s);
  c->reference = LUA_NOREF;
  lua_pushcfunction(t->lua, thread_state_compile);
  lua_pushlightuserdata(t->lua, s);
  lua_pushlightuserdata(t->lua, c);
  if (lua_pcall(t->lua, 2, 1, 0) == 0) {
    c->reference = luaL_ref(t->lua, LUA_REGISTRYINDEX);
    return c;
  }
  c->error = memory_string(lua_isstring(t->lua, -1) ? lua_tostring(t->lua, -1) : "unknown error");
  lua_pop(t->lua, 1);
  return c;
}

bool
thread_call_begin(struct ffi_call *call, struct thread_script *s, struct query *q, enum action_side side, bool *compiled)
{
  struct thread_state *t = thread_state_get();
  *call = (struct ffi_call){.error = "no memory for a Lua state"};
  if (t == NULL)
    return false;
  const struct compiled *c = thread_state_compiled_get(t, s);
  *compiled = c->reference != LUA_NOREF;
  if (!*compiled) {
    call->error = c->error;
    return false;
  }
  if (!ffi_call_begin(call, t->ffi, q, side))
    return false;
  call->watched = c->endless;
  lua_rawgeti(call->lua, LUA_REGISTRYINDEX, c->reference);
  return true;
}
