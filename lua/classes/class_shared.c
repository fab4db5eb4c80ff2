// SPDX-License-Identifier: BSD-2-Clause
// What scripts on all threads see and change together: SharedCounter, SharedTable, QPSLimiter, TimedIPSetRule.
//
//   newSharedCounter()        a number
//   newSharedTable{...}       keys and values, bounded, each perhaps for some time (base/shared_table)
//   newQPSLimiter(rate)       a token bucket (base/token_bucket): check() takes one
//   TimedIPSetRule()          addresses, each for some time; slice() gives a rule that sees what is added later
//
// A function of rules that shares nothing runs in a copy on each worker, at once. With these it may share all the same: the
// handle is copied with the function, the object is one. So each works without the Lua lock, under a lock of its own that is
// held for one look, or with atomics; and none of them keeps a function from being copied, which a global that is written
// would.
//
// Any state, any thread.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/shared_table.h"
#include "dnsproxy/base/token_bucket.h"
#include "lua/binder/classes.h"
#include "rules/select/timed_ip_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- counters ----

struct shared_counter {
  struct object object;
  _Atomic int64_t value;
};

static void
class_shared_counter_free(struct object *o)
{
  free(o);
}

static const struct object_class shared_counter_class = {.name = "SharedCounter", .free = class_shared_counter_free};

static _Atomic int64_t *
class_shared_counter_of(const struct call *c)
{
  return &((struct shared_counter *)c->self)->value;
}

static int
class_shared_push_count(struct call *c, int64_t n)
{
  lua_pushnumber(c->lua, (double)n);
  return 1;
}

static int
class_shared_counter_step(struct call *c)
{
  int64_t step = c->args[0].integer;
  int64_t before = binder_dry ? atomic_load(class_shared_counter_of(c)) : atomic_fetch_add(class_shared_counter_of(c), step);
  return class_shared_push_count(c, (int64_t)((uint64_t)before + (uint64_t)step)); // around, as the counter itself goes
}

static int
class_shared_counter_get(struct call *c)
{
  return class_shared_push_count(c, atomic_load(class_shared_counter_of(c)));
}

static int
class_shared_counter_set(struct call *c)
{
  return class_shared_push_count(c, binder_dry ? atomic_load(class_shared_counter_of(c))
                                               : atomic_exchange(class_shared_counter_of(c), c->args[0].integer));
}

static const struct lua_function counter_methods[] = {
    {.name = "add",
     .help = "Add to it; returns what it is then",
     .params = PARAMS({.name = "step", .type = PARAM_INT, .any = true, .optional = true, .fallback = "1",
                       .help = "may be negative"}),
     .returns = "integer",
     .flags = FUNCTION_ANY_THREAD,
     .call = class_shared_counter_step},
    {.name = "get",
     .help = "What it is",
     .returns = "integer",
     .flags = FUNCTION_ANY_THREAD | FUNCTION_NO_EFFECT,
     .call = class_shared_counter_get},
    {.name = "set",
     .help = "Give it another value; returns what it was",
     .params = PARAMS({.name = "value", .type = PARAM_INT, .any = true}),
     .returns = "integer",
     .flags = FUNCTION_ANY_THREAD,
     .call = class_shared_counter_set},
    {.name = NULL}};

const struct lua_class class_shared_counter = {.name = "SharedCounter",
                                               .help = "A whole number that functions on all threads may change at once",
                                               .object = &shared_counter_class,
                                               .methods = counter_methods};

static int
class_shared_new_counter(struct call *c)
{
  struct shared_counter *n = memory_new(sizeof *n);
  object_init(&n->object, &shared_counter_class);
  n->value = c->args[0].integer;
  binder_push_object(c->lua, call_own(c, n));
  return 1;
}

// ---- tables ----

static struct shared_key
class_shared_key_of(const struct call *c)
{
  return (struct shared_key){c->args[0].string.data, c->args[0].string.size};
}

static uint64_t
class_shared_end_of(const struct value *seconds, uint64_t now_us)
{
  double us = seconds->number * 1e6;
  if (!seconds->given || us >= 1e18)
    return 0;
  return now_us + (us > 0 ? (uint64_t)us : 0); // what is no number is over as well
}

static void
class_shared_push_value(lua_State *lua, const struct shared_value *v)
{
  if (v->kind == SHARED_STRING)
    lua_pushlstring(lua, v->data, v->size);
  else if (v->kind == SHARED_NUMBER)
    lua_pushnumber(lua, v->number);
  else
    lua_pushboolean(lua, v->number != 0);
}

// Pushing may fail for want of memory: the copy belongs to the call before.
static int
class_shared_table_get(struct call *c)
{
  struct shared_value v;
  if (!shared_table_get(c->self, class_shared_key_of(c), clock_mono_us(), &v)) {
    lua_pushnil(c->lua);
    return 1;
  }
  if (v.kind == SHARED_STRING) {
    void *bytes = call_alloc(c, v.size + 1);
    memcpy(bytes, v.data, v.size);
    free((void *)(uintptr_t)v.data);
    v.data = bytes;
  }
  class_shared_push_value(c->lua, &v);
  return 1;
}

// False: nothing that can be kept there; the fault is set.
static bool
class_shared_read_value(struct call *c, int stack, struct shared_value *v)
{
  switch (lua_type(c->lua, stack)) {
  case LUA_TBOOLEAN:
    *v = (struct shared_value){.kind = SHARED_BOOLEAN, .number = lua_toboolean(c->lua, stack)};
    return true;
  case LUA_TNUMBER:
    *v = (struct shared_value){.kind = SHARED_NUMBER, .number = lua_tonumber(c->lua, stack)};
    return true;
  case LUA_TSTRING:
    *v = (struct shared_value){.kind = SHARED_STRING};
    v->data = lua_tolstring(c->lua, stack, &v->size);
    return true;
  default:
    call_wrong_type(c, stack, "string, number or boolean");
    return false;
  }
}

static int
class_shared_put(struct call *c, bool only_new)
{
  struct shared_value v;
  uint64_t now = clock_mono_us();
  if (!class_shared_read_value(c, c->args[1].stack, &v))
    return -1;
  lua_pushboolean(c->lua, !binder_dry && shared_table_set(c->self, class_shared_key_of(c), &v, now,
                                                          class_shared_end_of(&c->args[2], now), only_new));
  return 1;
}

static int
class_shared_table_set(struct call *c)
{
  if (!lua_isnil(c->lua, c->args[1].stack))
    return class_shared_put(c, false);
  lua_pushboolean(c->lua, !binder_dry && shared_table_remove(c->self, class_shared_key_of(c), clock_mono_us()));
  return 1;
}

static int
class_shared_table_add(struct call *c)
{
  return class_shared_put(c, true);
}

static int
class_shared_table_increase(struct call *c)
{
  uint64_t now = clock_mono_us();
  double step = c->args[1].number, sum;
  struct shared_value v = {.number = 0};
  if (binder_dry) {
    bool there = shared_table_get(c->self, class_shared_key_of(c), now, &v);
    if (there && v.kind == SHARED_STRING)
      free((void *)(uintptr_t)v.data);
    sum = v.number + step;
  } else if (!shared_table_add(c->self, class_shared_key_of(c), step, now, class_shared_end_of(&c->args[2], now), &sum)) {
    lua_pushnil(c->lua);
    return 1;
  }
  lua_pushnumber(c->lua, sum);
  return 1;
}

static int
class_shared_table_delete(struct call *c)
{
  lua_pushboolean(c->lua, !binder_dry && shared_table_remove(c->self, class_shared_key_of(c), clock_mono_us()));
  return 1;
}

static int
class_shared_table_clear(struct call *c)
{
  if (!binder_dry)
    shared_table_clear(c->self);
  return 0;
}

static int
class_shared_table_count(struct call *c)
{
  return class_shared_push_count(c, (int64_t)shared_table_count(c->self, clock_mono_us()));
}

// Copies first: pushing may fail, and a part of the table is locked while it is visited.
struct copies_of {
  struct text bytes;
  struct copy {
    size_t key, key_size;
    struct shared_value value; // data: behind the key
  } * items;
  size_t count;
};

static void
class_shared_copy_one(struct shared_key key, const struct shared_value *v, void *arg)
{
  struct copies_of *all = arg;
  if ((all->count & (all->count - 1)) == 0)
    all->items = memory_resize(all->items, all->count == 0 ? 1 : 2 * all->count, sizeof *all->items);
  all->items[all->count++] = (struct copy){.key = all->bytes.size, .key_size = key.size, .value = *v};
  text_add(&all->bytes, key.data, key.size);
  text_add(&all->bytes, v->data, v->size);
}

static int
class_shared_table_copy(struct call *c)
{
  struct copies_of all = {.items = NULL};
  text_init(&all.bytes);
  shared_table_each(c->self, clock_mono_us(), class_shared_copy_one, &all);
  // Into the call's memory, which is given back whatever happens.
  char *bytes = call_alloc(c, all.bytes.size + 1);
  struct copy *items = call_alloc(c, (all.count + 1) * sizeof *items);
  memcpy(bytes, all.bytes.data, all.bytes.size);
  if (all.count > 0)
    memcpy(items, all.items, all.count * sizeof *items);
  text_fini(&all.bytes);
  free(all.items);
  lua_newtable(c->lua);
  for (size_t i = 0; i < all.count; i++) {
    items[i].value.data = bytes + items[i].key + items[i].key_size;
    lua_pushlstring(c->lua, bytes + items[i].key, items[i].key_size);
    class_shared_push_value(c->lua, &items[i].value);
    lua_rawset(c->lua, -3);
  }
  return 1;
}

#define KEY {.name = "key", .type = PARAM_STRING, .help = "any bytes; a number counts as its text"}
#define SECONDS                                                                                                        \
  {.name = "seconds", .type = PARAM_FLOAT, .any = true, .optional = true, .unit = "s",                                 \
   .help = "how long it stays: for ever when not given; 0 or less: it is gone at once"}

static const struct lua_function table_methods[] = {
    {.name = "get", .help = "The value of a key; nil: none", .params = PARAMS(KEY), .returns = "string|number|boolean|nil",
     .flags = FUNCTION_ANY_THREAD | FUNCTION_NO_EFFECT, .call = class_shared_table_get},
    {.name = "set", .help = "Give a key a value; nil deletes it. False: it is too large",
     .params = PARAMS(KEY, {.name = "value", .type = PARAM_ANY, .help = "string, number, boolean or nil"}, SECONDS),
     .returns = "boolean", .flags = FUNCTION_ANY_THREAD, .call = class_shared_table_set},
    {.name = "add", .help = "Give a key a value unless it has one. False: it has",
     .params = PARAMS(KEY, {.name = "value", .type = PARAM_ANY, .help = "string, number or boolean"}, SECONDS),
     .returns = "boolean", .flags = FUNCTION_ANY_THREAD, .call = class_shared_table_add},
    {.name = "incr", .help = "Add to a number in one step, 0 if there is none; returns what it is then. nil: it is no number",
     .params = PARAMS(KEY, {.name = "step", .type = PARAM_FLOAT, .any = true, .optional = true, .fallback = "1",
                            .help = "may be negative"},
                      {.name = "seconds", .type = PARAM_FLOAT, .any = true, .optional = true, .unit = "s",
                       .help = "how long a new one stays: for ever when not given; 0 or less: it is gone at once"}),
     .returns = "number|nil", .flags = FUNCTION_ANY_THREAD, .call = class_shared_table_increase},
    {.name = "delete", .help = "Forget a key. False: there was none", .params = PARAMS(KEY), .returns = "boolean",
     .flags = FUNCTION_ANY_THREAD, .call = class_shared_table_delete},
    {.name = "clear", .help = "Forget all keys", .flags = FUNCTION_ANY_THREAD, .call = class_shared_table_clear},
    {.name = "count", .help = "How many keys there are; looks at all of them", .returns = "integer",
     .flags = FUNCTION_ANY_THREAD | FUNCTION_NO_EFFECT, .call = class_shared_table_count},
    {.name = "toTable", .help = "A Lua table of all keys and values as they are now", .returns = "table<string, any>",
     .flags = FUNCTION_ANY_THREAD | FUNCTION_NO_EFFECT, .call = class_shared_table_copy},
    {.name = NULL}};

const struct lua_class class_shared_table = {.name = "SharedTable",
                                             .help = "Keys and values that functions on all threads may change at once",
                                             .object = &shared_table_class,
                                             .methods = table_methods};

enum { ENTRIES_MOST = 1 << 26 };

static int
class_shared_new_table(struct call *c)
{
  int64_t entries = c->args[0].integer;
  if (entries < 1 || entries > ENTRIES_MOST)
    return call_fault(c, FAULT_CAUGHT, "newSharedTable(): the table holds 1 to %d entries, not %lld", ENTRIES_MOST, (long long)entries);
  binder_push_object(c->lua, call_own(c, shared_table_new((size_t)entries)));
  return 1;
}

const struct lua_function functions_shared[] = {
    {.name = "newSharedCounter",
     .help = "A counter that functions on all threads may change at once, without the shared lock",
     .params = PARAMS({.name = "value", .type = PARAM_INT, .any = true, .optional = true, .fallback = "0",
                       .help = "to begin with"}),
     .returns = "SharedCounter",
     .call = class_shared_new_counter},
    {.name = "newSharedTable",
     .help = "A table that functions on all threads may change at once, without the shared lock; full, it forgets what was not "
             "used for the longest time",
     .params = PARAMS({.name = "maxEntries", .type = PARAM_INT, .own = true, .optional = true, .fallback = "65536",
                       .unit = "entries", .help = "how many keys it holds"}),
     .returns = "SharedTable",
     .call = class_shared_new_table},
    {.name = NULL}};

// ---- QPSLimiter: a token bucket in the hands of scripts; its copies on other threads are the same bucket ----

struct limiter {
  struct object object;
  struct token_bucket bucket;
};

static void
class_shared_free(struct object *o)
{
  free(o);
}

static const struct object_class limiter_class = {.name = "QPSLimiter", .free = class_shared_free};

static int
class_shared_check(struct call *c)
{
  struct token_bucket *b = &((struct limiter *)c->self)->bucket;
  lua_pushboolean(c->lua, binder_dry ? token_bucket_peek(b, clock_mono_us()) : token_bucket_take(b, clock_mono_us()));
  return 1;
}

static const struct lua_function limiter_methods[] = {
    {.name = "check",
     .help = "Take a token; false when there is none",
     .returns = "boolean",
     .flags = FUNCTION_ANY_THREAD,
     .call = class_shared_check},
    {.name = NULL}};

const struct lua_class class_limiter = {.name = "QPSLimiter",
                                        .help = "A limit on how often something may happen",
                                        .object = &limiter_class,
                                        .methods = limiter_methods};

static double
class_shared_at_least_zero(int64_t n)
{
  return n > 0 ? (double)n : 0;
}

static int
class_shared_new_limiter(struct call *c)
{
  struct limiter *l = memory_new(sizeof *l);
  object_init(&l->object, &limiter_class);
  token_bucket_init(&l->bucket, class_shared_at_least_zero(c->args[0].integer),
                    class_shared_at_least_zero(c->args[1].integer));
  binder_push_object(c->lua, call_own(c, l));
  return 1;
}

const struct lua_function functions_limiter[] = {
    {.name = "newQPSLimiter",
     .help = "A limit for scripts: check() says whether one more is allowed",
     .params = PARAMS({.name = "rate", .type = PARAM_INT, .least = 1, .most = UINT32_MAX, .outside = OUTSIDE_KEPT,
                       .why = "nothing is allowed once the burst is used up", .unit = "q/s", .help = "how many per second"},
                      {.name = "burst", .type = PARAM_INT, .least = 1, .most = UINT32_MAX, .outside = OUTSIDE_KEPT,
                       .why = "nothing is ever allowed", .help = "how many at once"}),
     .returns = "QPSLimiter",
     .call = class_shared_new_limiter},
    {.name = NULL}};

// ---- TimedIPSetRule: a set of client addresses, each for some time; rules see what is added later ----

static int
class_shared_add(struct call *c)
{
  const struct address *address = c->args[0].object;
  int64_t seconds = c->args[1].integer;
  if (address_is_set(address) && seconds > 0 && !binder_dry)
    timed_ip_set_add(c->self, address, seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX, clock_mono_us());
  return 0;
}

static int
class_shared_clear(struct call *c)
{
  timed_ip_set_clear(c->self);
  return 0;
}

static int
class_shared_cleanup(struct call *c)
{
  timed_ip_set_cleanup(c->self, clock_mono_us());
  return 0;
}

static int
class_shared_slice(struct call *c)
{
  binder_push_object(c->lua, call_own(c, timed_ip_set_slice(c->self)));
  return 1;
}

static const struct lua_function set_methods[] = {
    {.name = "add",
     .help = "Add an address; a longer stay that it has already is kept",
     .params = PARAMS({.name = "addr", .type = PARAM_ADDRESS_OBJECT},
                      {.name = "seconds", .type = PARAM_INT, .least = 1, .most = UINT32_MAX, .outside = OUTSIDE_KEPT,
                       .why = "it is gone at once", .unit = "s", .help = "how long it stays"}),
     .flags = FUNCTION_ANY_THREAD,
     .call = class_shared_add},
    {.name = "clear", .help = "Remove all addresses", .call = class_shared_clear},
    {.name = "cleanup", .help = "Remove the addresses whose time is over", .call = class_shared_cleanup},
    {.name = "slice",
     .help = "A selector for rules: the client is in the set",
     .returns = "DNSRule",
     .call = class_shared_slice},
    {.name = NULL}};

const struct lua_class class_timed_ip_set = {.name = "TimedIPSetRule",
                                             .help = "A set of addresses that expire",
                                             .object = &timed_ip_set_class,
                                             .methods = set_methods};
