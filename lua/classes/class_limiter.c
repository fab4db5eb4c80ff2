// SPDX-License-Identifier: BSD-2-Clause
// QPSLimiter: a token bucket in the hands of scripts; its copies on other threads are the same bucket.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/token_bucket.h"
#include "lua/binder/classes.h"

#include <stdlib.h>

struct limiter {
  struct object object;
  struct token_bucket bucket;
};

static void
class_limiter_free(struct object *o)
{
  free(o);
}

static const struct object_class limiter_class = {.name = "QPSLimiter", .free = class_limiter_free};

static int
class_limiter_check(struct call *c)
{
  struct token_bucket *b = &((struct limiter *)c->self)->bucket;
  lua_pushboolean(c->lua, binder_dry ? token_bucket_peek(b, clock_mono_us()) : token_bucket_take(b, clock_mono_us()));
  return 1;
}

static const struct lua_function methods[] = {
    {.name = "check",
     .help = "Take a token; false when there is none",
     .returns = "boolean",
     .flags = FUNCTION_ANY_THREAD,
     .call = class_limiter_check},
    {.name = NULL}};

const struct lua_class class_limiter = {.name = "QPSLimiter",
                                        .help = "A limit on how often something may happen",
                                        .object = &limiter_class,
                                        .methods = methods};

static double
class_limiter_at_least_zero(int64_t n)
{
  return n > 0 ? (double)n : 0;
}

static int
class_limiter_new_limiter(struct call *c)
{
  struct limiter *l = memory_new(sizeof *l);
  object_init(&l->object, &limiter_class);
  token_bucket_init(&l->bucket, class_limiter_at_least_zero(c->args[0].integer),
                    class_limiter_at_least_zero(c->args[1].integer));
  binder_push_object(c->lua, call_own(c, l));
  return 1;
}

const struct lua_function functions_limiter[] = {
    {.name = "newQPSLimiter",
     .help = "A limit for scripts: check() says whether one more is allowed",
     .params = PARAMS({.name = "rate", .type = PARAM_INT, .unit = "q/s", .help = "how many per second"},
                      {.name = "burst", .type = PARAM_INT, .help = "how many at once"}),
     .returns = "QPSLimiter",
     .call = class_limiter_new_limiter},
    {.name = NULL}};
