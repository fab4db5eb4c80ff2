// SPDX-License-Identifier: BSD-2-Clause
// Server: a backend in the hands of a script: name, weight, order, state, figures; setUp(), setDown(), setAuto(), addPool(),
// rmPool().
//
// A counted handle of the backend, which lives on when it was removed: then it belongs to no pool. What may be changed is
// state and no option; each change leaves a record by which a failed command takes it back. Forcing one up whose way is not
// built sends nothing: it fails closed.
//
// Figures are sums over workers as they stand. Lua lock for edits; policies read from copies on workers.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/backends/health.h"
#include "lua/binder/classes.h"

#include <stdio.h>
#include <stdlib.h>

// ---- what a script changed of it, for a transaction that is taken back (base/undo.h) ----

struct server_edit {
  struct backend *backend;
  char *name;
  int32_t order, weight;
  uint8_t forced, mode;
  bool up;
  double qps;
  struct health_params params;
};

static void
class_server_edit_back(void *room)
{
  const struct server_edit *e = room;
  struct backend *b = e->backend;
  backend_set_name(b, e->name);
  atomic_store(&b->order, e->order);
  if (atomic_load(&b->weight) != e->weight && backend_set_weight(b, e->weight))
    pool_draft_reweighed(&config()->pools, b);
  backend_set_qps(b, (int64_t)e->qps);
  backend_set_health_params(b, &e->params);
  if (atomic_load(&b->forced) != e->forced || atomic_load(&b->mode) != e->mode) {
    backend_set_mode(b, e->mode, &e->up);
    if (e->forced != FORCED_NONE)
      backend_force(b, e->forced);
  } else if (atomic_load(&b->up) != e->up) {
    backend_set_up_status(b, e->up);
  }
}

static void
class_server_edit_gone(void *room)
{
  struct server_edit *e = room;
  free(e->name);
  object_unref(&e->backend);
}

static struct backend *
class_server_edit(struct call *c)
{
  struct backend *b = c->self;
  struct server_edit *e = undo_record(sizeof *e, class_server_edit_back, class_server_edit_gone);
  if (e == NULL)
    return b;
  const struct backend_limit *limit = atomic_load(&b->qps);
  *e = (struct server_edit){.backend = object_ref(b),
                            .name = memory_string(backend_name(b)),
                            .order = atomic_load(&b->order),
                            .weight = atomic_load(&b->weight),
                            .forced = atomic_load(&b->forced),
                            .mode = atomic_load(&b->mode),
                            .up = atomic_load(&b->up),
                            .qps = limit != NULL && limit->limited ? limit->bucket.rate : 0,
                            .params = health_params(b)};
  return b;
}

static int
class_server_add_pool(struct call *c)
{
  pool_entry_add(pool_draft_get(&config()->pools, c->args[0].string.data), c->self);
  return 0;
}

static int
class_server_rm_pool(struct call *c)
{
  pool_entry_remove(pool_draft_get(&config()->pools, c->args[0].string.data), c->self);
  return 0;
}

static int
class_server_get_latency(struct call *c)
{
  const struct backend *b = c->self;
  lua_pushnumber(c->lua, backend_latency_us(b, b->options.protocol->stream));
  return 1;
}

static int
class_server_get_name(struct call *c)
{
  lua_pushstring(c->lua, backend_name(c->self));
  return 1;
}

static int
class_server_get_full_name(struct call *c)
{
  lua_pushstring(c->lua, backend_full_name(c->self));
  return 1;
}

static int
class_server_get_id(struct call *c)
{
  char text[UUID_TEXT_SIZE];
  lua_pushstring(c->lua, uuid_text(&((const struct backend *)c->self)->options.id, text));
  return 1;
}

static int
class_server_get_drops(struct call *c)
{
  lua_pushnumber(c->lua, (double)backend_drops(c->self));
  return 1;
}

static int
class_server_get_queries(struct call *c)
{
  lua_pushnumber(c->lua, (double)backend_queries(c->self));
  return 1;
}

static int
class_server_get_outstanding(struct call *c)
{
  lua_pushnumber(c->lua, (double)backend_outstanding(c->self));
  return 1;
}

static int
class_server_get_mode(struct call *c)
{
  const struct backend *b = c->self;
  lua_pushstring(c->lua, atomic_load(&b->mode) == HEALTH_LAZY ? "lazy" : "active");
  return 1;
}

static int
class_server_is_up(struct call *c)
{
  lua_pushboolean(c->lua, backend_is_up(c->self));
  return 1;
}

static int
class_server_set_mode(struct call *c, enum health_mode mode)
{
  backend_set_mode(class_server_edit(c), mode, c->args[0].given ? &c->args[0].boolean : NULL);
  return 0;
}

static int
class_server_set_auto(struct call *c)
{
  return class_server_set_mode(c, atomic_load(&((const struct backend *)c->self)->mode));
}

static int
class_server_set_active(struct call *c)
{
  return class_server_set_mode(c, HEALTH_ACTIVE);
}

static int
class_server_set_lazy(struct call *c)
{
  return class_server_set_mode(c, HEALTH_LAZY);
}

static int
class_server_set_down(struct call *c)
{
  backend_force(class_server_edit(c), FORCED_DOWN);
  backend_reset_latency(c->self);
  return 0;
}

static int
class_server_set_up(struct call *c)
{
  backend_force(class_server_edit(c), FORCED_UP);
  return 0;
}

static int
class_server_set_qps(struct call *c)
{
  backend_set_qps(class_server_edit(c), c->args[0].integer);
  return 0;
}

static int
class_server_set_check_params(struct call *c)
{
  if (!c->args[0].given)
    return 0;
  const struct value *v = c->args[0].options;
  struct health_params params = {.timeout_ms = (uint32_t)v[0].integer,
                                 .interval_s = (uint32_t)v[1].integer,
                                 .max_failures = (uint32_t)v[2].integer,
                                 .rise = (uint32_t)v[3].integer};
  backend_set_health_params(class_server_edit(c), &params);
  return 0;
}

static int
class_server_set_validator(struct call *c)
{
  struct backend *b = c->self;
  if (config()->phase == PHASE_RUNNING) {
    binder_refuse(c->function->name, "setHealthCheckResponseValidator cannot be used at runtime!");
    return 0;
  }
  struct script *old = b->options.check.validator;
  b->options.check.validator = object_ref(c->args[0].object);
  object_unref(&old);
  return 0;
}

// ---- attributes ----

static int
class_server_set_name(struct call *c, const struct value *v)
{
  backend_set_name(class_server_edit(c), v->string.data);
  return 0;
}

static int
class_server_get_status(struct call *c)
{
  lua_pushboolean(c->lua, atomic_load(&((const struct backend *)c->self)->up));
  return 1;
}

static int
class_server_set_status(struct call *c, const struct value *v)
{
  backend_set_up_status(class_server_edit(c), v->boolean);
  return 0;
}

static int
class_server_get_order(struct call *c)
{
  lua_pushinteger(c->lua, ((const struct backend *)c->self)->order);
  return 1;
}

static int
class_server_set_order(struct call *c, const struct value *v)
{
  class_server_edit(c)->order = (int32_t)v->integer;
  return 0;
}

static int
class_server_get_weight(struct call *c)
{
  lua_pushinteger(c->lua, ((const struct backend *)c->self)->weight);
  return 1;
}

static int
class_server_set_weight(struct call *c, const struct value *v)
{
  if (backend_set_weight(class_server_edit(c), v->integer))
    pool_draft_reweighed(&config()->pools, c->self);
  else
    log_error("server", "The weight of %s stays: %lld is not 1 to %d", backend_full_name(c->self),
              (long long)v->integer, INT32_MAX);
  return 0;
}

static const struct param check_options[] = {
    {.name = "checkTimeout", .type = PARAM_INT, .zero = true, .least = 1, .most = UINT16_MAX,
     .why = "no answer comes in no time", .optional = true, .unit = "ms"},
    {.name = "checkInterval", .type = PARAM_INT, .zero = true, .least = 1, .most = UINT32_MAX, .optional = true, .unit = "s"},
    {.name = "maxCheckFailures", .type = PARAM_INT, .zero = true, .least = 1, .most = UINT8_MAX, .optional = true},
    {.name = "rise", .type = PARAM_INT, .zero = true, .least = 1, .most = UINT8_MAX, .optional = true},
    {.type = PARAM_END}};

#define POOL_PARAMS PARAMS({.name = "pool", .type = PARAM_STRING})
#define STATUS_PARAMS PARAMS({.name = "status", .type = PARAM_BOOL, .optional = true})

static const struct lua_function methods[] = {
    {.name = "addPool", .help = "Put it into a pool", .params = POOL_PARAMS, .call = class_server_add_pool},
    {.name = "rmPool", .help = "Take it out of a pool", .params = POOL_PARAMS, .call = class_server_rm_pool},
    {.name = "getLatency",
     .help = "Smoothed latency in microseconds",
     .returns = "number",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_server_get_latency},
    {.name = "getName", .help = "Its name", .returns = "string", .flags = FUNCTION_NO_EFFECT, .call = class_server_get_name},
    {.name = "getNameWithAddr",
     .help = "Name and address",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_server_get_full_name},
    {.name = "getID", .help = "Its UUID", .returns = "string", .flags = FUNCTION_NO_EFFECT, .call = class_server_get_id},
    {.name = "getDrops",
     .help = "Queries that timed out or gave way",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_server_get_drops},
    {.name = "getQueries",
     .help = "Queries sent",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_server_get_queries},
    {.name = "getHealthCheckMode",
     .help = "active or lazy",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_server_get_mode},
    {.name = "getOutstanding",
     .help = "Queries in flight",
     .returns = "integer",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_server_get_outstanding},
    {.name = "isUp",
     .help = "Forced state, else health",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = class_server_is_up},
    {.name = "setAuto", .help = "Back to health checks", .params = STATUS_PARAMS, .call = class_server_set_auto},
    {.name = "setActiveAuto", .help = "Active health checks", .params = STATUS_PARAMS, .call = class_server_set_active},
    {.name = "setLazyAuto", .help = "Lazy health checks", .params = STATUS_PARAMS, .call = class_server_set_lazy},
    {.name = "setDown", .help = "Force it down", .call = class_server_set_down},
    {.name = "setUp", .help = "Force it up", .call = class_server_set_up},
    {.name = "setQPS",
     .help = "Limit that firstAvailable looks at",
     .params = PARAMS({.name = "limit", .type = PARAM_INT, .most = UINT32_MAX, .safe = "0", .unit = "q/s"}),
     .call = class_server_set_qps},
    {.name = "setHealthCheckParams",
     .help = "Change parameters of its health checks",
     .params = PARAMS({.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = check_options}),
     .call = class_server_set_check_params},
    {.name = "setHealthCheckResponseValidator",
     .help = "One more check of health-check answers",
     .params = PARAMS({.name = "validator", .type = PARAM_FUNCTION}),
     .call = class_server_set_validator},
    {.name = NULL}};

static const struct lua_attribute attributes[] = {
    {.name = "name", .type = PARAM_STRING, .help = "Name", .get = class_server_get_name, .set = class_server_set_name},
    {.name = "upStatus",
     .type = PARAM_BOOL,
     .help = "Health, forced states aside",
     .get = class_server_get_status,
     .set = class_server_set_status},
    {.name = "order",
     .type = PARAM_INT, .least = INT32_MIN, .most = INT32_MAX,
     .help = "Place in pools; those that exist keep theirs",
     .get = class_server_get_order,
     .set = class_server_set_order},
    {.name = "weight", .type = PARAM_INT, .own = true,
     .help = "Weight", .get = class_server_get_weight, .set = class_server_set_weight},
    {.name = NULL}};

const struct lua_class class_server = {
    .name = "Server", .help = "A backend", .object = &backend_class, .methods = methods, .attributes = attributes};
