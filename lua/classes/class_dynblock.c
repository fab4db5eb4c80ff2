// SPDX-License-Identifier: BSD-2-Clause
// DynBlock: what getDynamicBlocks() tells of a block: reason, end, hits, action.
//
// A counted handle of the block itself (guard/dynblock): hits go on to count while the script looks at them. Blocks are
// immutable but for that; a longer block for the same key is another object with the same hits. Times are monotonic inside
// and shown as the system's. Any holder.
#include "dnsproxy/base/clock.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"

#include <time.h>

static int
class_dynblock_get_action(struct call *c)
{
  const struct dynblock *b = c->self;
  lua_pushinteger(c->lua, b->action == DYNBLOCK_NO_ACTION ? config()->dynblocks.default_action : b->action);
  return 1;
}

static int
class_dynblock_get_blocks(struct call *c)
{
  lua_pushnumber(c->lua, (double)atomic_load_explicit(&((const struct dynblock *)c->self)->hits->count, memory_order_relaxed));
  return 1;
}

static int
class_dynblock_get_bpf(struct call *c)
{
  lua_pushboolean(c->lua, false);
  return 1;
}

static int
class_dynblock_get_domain(struct call *c)
{
  struct name *name = binder_push_value(c->lua, &class_name);
  *name = ((const struct dynblock *)c->self)->key.suffix;
  return 1;
}

static int
class_dynblock_get_reason(struct call *c)
{
  lua_pushstring(c->lua, ((const struct dynblock *)c->self)->reason);
  return 1;
}

static int
class_dynblock_get_until(struct call *c)
{
  enum { US = 1000000 };
  uint64_t us = ((const struct dynblock *)c->self)->until_us - clock_mono_us() + clock_wall_us();
  struct timespec *t = binder_push_value(c->lua, &class_timespec);
  *t = (struct timespec){.tv_sec = (time_t)(us / US), .tv_nsec = (long)(us % US) * 1000};
  return 1;
}

static int
class_dynblock_get_warning(struct call *c)
{
  lua_pushboolean(c->lua, ((const struct dynblock *)c->self)->warning);
  return 1;
}

const struct lua_class class_dynblock = {
    .name = "DynBlock",
    .help = "A dynamic block",
    .object = &dynblock_class,
    .attributes = (const struct lua_attribute[]){
        {.name = "action",
         .type = PARAM_INT,
         .help = "DNSAction: its own, or the default",
         .get = class_dynblock_get_action},
        {.name = "blocks", .type = PARAM_INT, .help = "Queries that it affected", .get = class_dynblock_get_blocks},
        {.name = "bpf", .type = PARAM_BOOL, .help = "Enforced by the kernel: never", .get = class_dynblock_get_bpf},
        {.name = "domain", .words = "DNSName", .help = "The suffix", .get = class_dynblock_get_domain},
        {.name = "reason", .type = PARAM_STRING, .help = "Why", .get = class_dynblock_get_reason},
        {.name = "until", .words = "timespec", .help = "When it ends, wall clock", .get = class_dynblock_get_until},
        {.name = "warning", .type = PARAM_BOOL, .help = "Seen, but nothing happens", .get = class_dynblock_get_warning},
        {.name = NULL}}};
