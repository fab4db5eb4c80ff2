// SPDX-License-Identifier: BSD-2-Clause
// timespec: a moment, as the system's clocks tell it.
#include "lua/binder/classes.h"

#include <time.h>

static int
class_timespec_get_seconds(struct call *c)
{
  lua_pushnumber(c->lua, (double)((const struct timespec *)c->self)->tv_sec);
  return 1;
}

static int
class_timespec_get_nanoseconds(struct call *c)
{
  lua_pushnumber(c->lua, (double)((const struct timespec *)c->self)->tv_nsec);
  return 1;
}

static const struct lua_attribute attributes[] = {
    {.name = "tv_sec", .type = PARAM_INT, .help = "Seconds", .get = class_timespec_get_seconds},
    {.name = "tv_nsec", .type = PARAM_INT, .help = "Nanoseconds behind them", .get = class_timespec_get_nanoseconds},
    {.name = NULL}};

const struct lua_class class_timespec = {
    .name = "timespec", .help = "A moment", .size = sizeof(struct timespec), .attributes = attributes};
