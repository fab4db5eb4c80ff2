// SPDX-License-Identifier: BSD-2-Clause
// Setters of plain settings, made from settings.def, and the few that take more than one argument.
//
//   settings.def: SETTING(field, type, "setX", default, bounds, ...) --> setX(value): checked by its row --> settings
//
// One C function serves all rows: it writes the member at the row's offset, after leaving a record for the transaction. What
// would mean its opposite (a time of zero, more bits than an address has) is refused or told. Settings that are fixed once
// workers run say so. Lua lock.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "dnsproxy/backends/health.h"
#include "lua/binder/classes.h"

#include <string.h>

// Where a setting lives and how wide it is.
struct place {
  size_t offset, size;
};

enum {
#define SETTING(field, type, param, setter, fallback, bounds, unit, runtime, help) ROW_##field,
#include "dnsproxy/core/settings.def"
#undef SETTING
  ROWS
};

static const struct place places[ROWS] = {
#define SETTING(field, type, param, setter, fallback, bounds, unit, runtime, help)                                   \
  {offsetof(struct settings, field), sizeof(type)},
#include "dnsproxy/core/settings.def"
#undef SETTING
};

#define END {.type = PARAM_END}

#define NO_BOUNDS .max = 0
#define UP_TO(largest) .max = largest
#define SENSE(largest, low, high, reason) .max = largest, .least = low, .most = high, .why = reason
#define FACTOR .zero = true, .least = 1, .most = INT64_MAX
static const struct param rows[ROWS][2] = {
#define SETTING(field, ctype, param, setter, byDefault, bounds, measure, runtime, words)                          \
  {{.name = #field, .type = param, bounds, .unit = measure, .help = words}, END},
#include "dnsproxy/core/settings.def"
#undef SETTING
};

static void
bind_settings_store(const struct call *c, const struct place *place)
{
  void *field = (char *)&config()->settings + place->offset;
  const struct value *v = &c->args[0];
  uint32_t wide = (uint32_t)v->integer;
  uint8_t narrow = (uint8_t)v->integer;
  if (c->function->params[0].type == PARAM_BOOL)
    memcpy(field, &v->boolean, sizeof v->boolean);
  else if (c->function->params[0].type == PARAM_FLOAT)
    memcpy(field, &v->number, sizeof v->number);
  else
    memcpy(field, place->size == 1 ? (void *)&narrow : (void *)&wide, place->size);
}

static int
bind_settings_set_setting(struct call *c)
{
  undo_bytes(&config()->settings, sizeof config()->settings);
  bind_settings_store(c, c->function->data);
  health_log_failures(config()->settings.verbose_health_checks);
  config()->changed = true;
  return 0;
}

static const struct lua_function settings[] = {
#define SETTING(field, type, param, setter, fallback, bounds, unit, runtime, words)                                       \
  {.name = setter,                                                                                                          \
   .help = words,                                                                                                           \
   .params = rows[ROW_##field],                                                                                             \
   .flags = FUNCTION_SETTING | ((runtime) ? 0 : FUNCTION_CONFIG_ONLY),                                                                           \
   .call = bind_settings_set_setting,                                                                                       \
   .data = &places[ROW_##field]},
#include "dnsproxy/core/settings.def"
#undef SETTING
    {.name = "setWHashedPertubation",
     .help = "Old spelling of setWHashedPerturbation",
     .params = rows[ROW_hash_perturbation],
     .flags = FUNCTION_SETTING | FUNCTION_CONFIG_ONLY | FUNCTION_HIDDEN,
     .call = bind_settings_set_setting,
     .data = &places[ROW_hash_perturbation]},
    {.name = NULL},
};

const struct lua_function *
settings_functions(void)
{
  return settings;
}

// ---- setters of their own ----

enum { PAYLOAD_MIN = 512, PAYLOAD_MAX = 1500 };

static int
bind_settings_set_payload_size(struct call *c)
{
  undo_bytes(&config()->settings, sizeof config()->settings);
  config()->settings.self_answer_payload = (uint16_t)c->args[0].integer;
  config()->changed = true;
  return 0;
}

static int
bind_settings_set_buffer_sizes(struct call *c)
{
  config()->settings.udp_recv_buffer = (int)c->args[0].integer;
  config()->settings.udp_send_buffer = (int)c->args[1].integer;
  config()->changed = true;
  return 0;
}

static int
bind_settings_set_workers(struct call *c)
{
  config()->workers = (unsigned)c->args[0].integer;
  return 0;
}

static int
bind_settings_add_capabilities(struct call *c)
{
  const struct value *v = &c->args[0];
  config()->capabilities =
      memory_resize(config()->capabilities, config()->capability_count + v->list.count, sizeof *config()->capabilities);
  for (size_t i = 0; i < v->list.count; i++)
    config()->capabilities[config()->capability_count++] = memory_string(v->list.strings[i].data);
  return 0;
}

const struct lua_function functions_settings[] = {
    {.name = "setPayloadSizeOnSelfGeneratedAnswers",
     .help = "UDP size advertised in the OPT records of self-made answers, 512 to 1500",
     .params = (const struct param[]){{.name = "size", .type = PARAM_INT, .least = PAYLOAD_MIN, .most = PAYLOAD_MAX,
                                       .unit = "bytes"}, END},
     .call = bind_settings_set_payload_size},
    {.name = "setUDPSocketBufferSizes",
     .help = "SO_RCVBUF and SO_SNDBUF of listening sockets; 0 tries the system's maximum",
     .params = (const struct param[]){{.name = "receive", .type = PARAM_INT, .max = INT32_MAX, .unit = "bytes"},
                                      {.name = "send", .type = PARAM_INT, .max = INT32_MAX, .unit = "bytes"},
                                      END},
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_settings_set_buffer_sizes},
    {.name = "setWorkers",
     .help = "Number of worker threads; 0 is one per CPU that the process may use",
     .params = (const struct param[]){{.name = "count", .type = PARAM_INT, .max = WORKERS_MAX}, END},
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_settings_set_workers},
    {.name = "addCapabilitiesToRetain",
     .help = "Linux capabilities that are kept after start-up",
     .params = (const struct param[]){{.name = "capabilities", .type = PARAM_STRINGS}, END},
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_settings_add_capabilities},
    {.name = NULL},
};
