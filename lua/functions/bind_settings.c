// SPDX-License-Identifier: BSD-2-Clause
// Setters of plain settings, made from settings.def, and the few that take more than one argument.
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
#define SETTING(field, type, param, setter, fallback, min, max, unit, runtime, help) ROW_##field,
#include "dnsproxy/core/settings.def"
#undef SETTING
  ROWS
};

static const struct place places[ROWS] = {
#define SETTING(field, type, param, setter, fallback, min, max, unit, runtime, help)                                   \
  {offsetof(struct settings, field), sizeof(type)},
#include "dnsproxy/core/settings.def"
#undef SETTING
};

#define END {.type = PARAM_END}

static const struct param rows[ROWS][2] = {
#define SETTING(field, ctype, param, setter, byDefault, least, most, measure, runtime, words)                          \
  {{.name = #field, .type = param, .min = least, .max = most, .unit = measure, .help = words}, END},
#include "dnsproxy/core/settings.def"
#undef SETTING
};

static bool
bind_settings_factor_good(struct call *c)
{
  double factor = c->args[0].number;
  if (factor == 0 || factor >= 1)
    return true;
  binder_refuse(c->function->name, "%s takes 0 or a number of at least 1, not %g", c->function->name, factor);
  return false;
}

// Numbers that the dialect takes and that mean nothing, or the opposite of what they say: refused, and told.
static const struct {
  const char *setter;
  int64_t least, most;
  const char *why;
} sensible[] = {
    {"setECSSourcePrefixV4", 0, 32, "more bits than an address has give all of it away"},
    {"setECSSourcePrefixV6", 0, 128, "more bits than an address has give all of it away"},
    {"setUDPTimeout", 1, UINT8_MAX, "no answer comes in no time"},
    {"setMaxUDPOutstanding", 1, UINT16_MAX + 1, "no query could be sent"},
    {"setCacheCleaningDelay", 1, UINT32_MAX, "there is no interval of nothing"},
    {"setTCPDownstreamCleanupInterval", 1, UINT32_MAX, "there is no interval of nothing"},
    {"setTCPConnectionRateInterval", 1, UINT32_MAX, "there is no rate over nothing"},
    {"setConsoleOutputMaxMsgSize", 256, UINT32_MAX, "no command could be answered"},
    {"setScriptBudget", 1, UINT32_MAX, "no function could be called"},
    {"setProxyProtocolMaximumPayloadSize", 16, UINT16_MAX, "no header is that short"},
};

static bool
bind_settings_means_something(const struct call *c)
{
  for (size_t i = 0; i < sizeof sensible / sizeof *sensible; i++)
    if (strcmp(sensible[i].setter, c->function->name) == 0 &&
        (c->args[0].integer < sensible[i].least || c->args[0].integer > sensible[i].most)) {
      binder_refuse(c->function->name, "%s(%lld) is ignored: it takes %lld to %lld, and %s", c->function->name,
                    (long long)c->args[0].integer, (long long)sensible[i].least, (long long)sensible[i].most, sensible[i].why);
      return false;
    }
  return true;
}

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
  if (c->function->params[0].type == PARAM_FLOAT && !bind_settings_factor_good(c))
    return 0;
  if (c->function->params[0].type == PARAM_INT && !bind_settings_means_something(c))
    return 0;
  undo_bytes(&config()->settings, sizeof config()->settings);
  bind_settings_store(c, c->function->data);
  health_log_failures(config()->settings.verbose_health_checks);
  config()->changed = true;
  return 0;
}

static const struct lua_function settings[] = {
#define SETTING(field, type, param, setter, fallback, min, max, unit, runtime, words)                                       \
  {.name = setter,                                                                                                          \
   .help = words,                                                                                                           \
   .params = rows[ROW_##field],                                                                                             \
   .flags = (runtime) ? 0 : FUNCTION_CONFIG_ONLY,                                                                           \
   .call = bind_settings_set_setting,                                                                                       \
   .data = &places[ROW_##field]},
#include "dnsproxy/core/settings.def"
#undef SETTING
    {.name = "setWHashedPertubation",
     .help = "Old spelling of setWHashedPerturbation",
     .params = rows[ROW_hash_perturbation],
     .flags = FUNCTION_CONFIG_ONLY | FUNCTION_HIDDEN,
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
  int64_t wanted = c->args[0].integer;
  int64_t size = wanted < PAYLOAD_MIN ? PAYLOAD_MIN : wanted > PAYLOAD_MAX ? PAYLOAD_MAX : wanted;
  if (size != wanted) {
    text_printf(binder_output(), "%s() takes %d to %d bytes: %lld it is", c->function->name, PAYLOAD_MIN, PAYLOAD_MAX,
                (long long)size);
    log_warning(c->function->name, "%s() takes %d to %d bytes: %lld it is", c->function->name, PAYLOAD_MIN, PAYLOAD_MAX,
                (long long)size);
  }
  undo_bytes(&config()->settings, sizeof config()->settings);
  config()->settings.self_answer_payload = (uint16_t)size;
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
     .params = (const struct param[]){{.name = "size", .type = PARAM_INT, .unit = "bytes"}, END},
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
