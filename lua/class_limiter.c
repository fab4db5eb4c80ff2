// SPDX-License-Identifier: BSD-2-Clause
// QPSLimiter: a token bucket in the hands of a script.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/base/token_bucket.h"
#include "lua/classes.h"

static int
check(struct call *c)
{
  lua_pushboolean(c->lua, token_bucket_take(c->self, clock_mono_us()));
  return 1;
}

static const struct lua_function methods[] = {
    {.name = "check",
     .help = "Take a token; false when there is none",
     .returns = "boolean",
     .call = check},
    {.name = NULL}};

const struct lua_class class_limiter = {.name = "QPSLimiter",
                                        .help = "A limit on how often something may happen",
                                        .size = sizeof(struct token_bucket),
                                        .methods = methods};
