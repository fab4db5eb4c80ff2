// SPDX-License-Identifier: BSD-2-Clause
// TimedIPSetRule: a set of client addresses, each for some time; rules see what is added later.
#include "dnsproxy/base/clock.h"
#include "lua/binder/classes.h"
#include "rules/select/timed_ip_set.h"

static int
class_timed_ip_set_add(struct call *c)
{
  const struct address *address = c->args[0].object;
  int64_t seconds = c->args[1].integer;
  if (address_is_set(address) && seconds > 0 && !binder_dry)
    timed_ip_set_add(c->self, address, seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX, clock_mono_us());
  return 0;
}

static int
class_timed_ip_set_clear(struct call *c)
{
  timed_ip_set_clear(c->self);
  return 0;
}

static int
class_timed_ip_set_cleanup(struct call *c)
{
  timed_ip_set_cleanup(c->self, clock_mono_us());
  return 0;
}

static int
class_timed_ip_set_slice(struct call *c)
{
  binder_push_object(c->lua, call_own(c, timed_ip_set_slice(c->self)));
  return 1;
}

static const struct lua_function methods[] = {
    {.name = "add",
     .help = "Add an address; a longer stay that it has already is kept",
     .params = PARAMS({.name = "addr", .type = PARAM_ADDRESS_OBJECT},
                      {.name = "seconds", .type = PARAM_INT, .unit = "s", .help = "how long it stays"}),
     .flags = FUNCTION_ANY_THREAD,
     .call = class_timed_ip_set_add},
    {.name = "clear", .help = "Remove all addresses", .call = class_timed_ip_set_clear},
    {.name = "cleanup", .help = "Remove the addresses whose time is over", .call = class_timed_ip_set_cleanup},
    {.name = "slice",
     .help = "A selector for rules: the client is in the set",
     .returns = "DNSRule",
     .call = class_timed_ip_set_slice},
    {.name = NULL}};

const struct lua_class class_timed_ip_set = {.name = "TimedIPSetRule",
                                             .help = "A set of addresses that expire",
                                             .object = &timed_ip_set_class,
                                             .methods = methods};
