// SPDX-License-Identifier: BSD-2-Clause
// Logging: lines from scripts, where lines go, what form they have. And the identity of this server.
//
// infolog(), warnlog(), errlog(), vinfolog() are lines like those of the process; setVerbose(), setStructuredLogging() and
// the like set what base/log does. A file for verbose lines is opened where it is named. Lines may come from copies on
// workers: those functions are for any state.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/classes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
bind_log_text(struct call *c, enum log_priority priority)
{
  if (!binder_dry)
    log_event(&(struct log_event){.priority = priority, .message = c->args[0].string.data, .subsystem = "lua"});
  return 0;
}

static int
bind_log_err_log(struct call *c)
{
  return bind_log_text(c, LOG_PRIO_ERROR);
}

static int
bind_log_warn_log(struct call *c)
{
  return bind_log_text(c, LOG_PRIO_WARNING);
}

static int
bind_log_info_log(struct call *c)
{
  return bind_log_text(c, LOG_PRIO_INFO);
}

static int
bind_log_verbose_log(struct call *c)
{
  if (!binder_dry)
    log_verbose("lua", "%s", c->args[0].string.data);
  return 0;
}

static void
bind_log_verbose_back(void *room)
{
  log_settings()->verbose = *(bool *)room;
}

static int
bind_log_set_verbose(struct call *c)
{
  bool *was = undo_record(sizeof *was, bind_log_verbose_back, NULL);
  if (was != NULL)
    *was = log_settings()->verbose;
  log_settings()->verbose = c->args[0].boolean;
  config()->changed = true; // its observer is in snapshots
  return 0;
}

static int
bind_log_get_verbose(struct call *c)
{
  lua_pushboolean(c->lua, log_settings()->verbose);
  return 1;
}

static int
bind_log_set_destination(struct call *c)
{
  if (config()->phase == PHASE_LOADING && !log_verbose_destination(c->args[0].string.data))
    return call_fault(c, FAULT_CAUGHT, "Unable to open file '%s' for logging: %s", c->args[0].string.data,
                      strerror(errno));
  return 0;
}

static const char *
bind_log_identity(void)
{
  struct configuration *c = config();
  if (c->server_id[0] == '\0' && gethostname(c->server_id, sizeof c->server_id - 1) != 0)
    return "";
  return c->server_id;
}

enum { BACKEND, TIME_FORMAT, LEVEL_PREFIX, INSTANCE_FROM_ID, INSTANCE };

static const struct param structured_options[] = {
    [BACKEND] = {.name = "backend", .type = PARAM_STRING, .optional = true, .help = "default, json or systemd-journal"},
    [TIME_FORMAT] = {.name = "timeFormat", .type = PARAM_STRING, .optional = true, .help = "numeric or ISO8601"},
    [LEVEL_PREFIX] = {.name = "levelPrefix", .type = PARAM_STRING, .optional = true, .help = "accepted, ignored"},
    [INSTANCE_FROM_ID] = {.name = "setInstanceFromServerID",
                          .type = PARAM_BOOL,
                          .optional = true,
                          .help = "instance is the server's id"},
    [INSTANCE] = {.name = "instance", .type = PARAM_STRING, .optional = true, .help = "value of the field instance"},
    {.type = PARAM_END}};

// Lines of all threads read the instance: it stays as it is once they run.
static void
bind_log_follow_id(void)
{
  struct log_settings *log = log_settings();
  if (config()->instance_is_server_id && config()->phase != PHASE_RUNNING)
    snprintf(log->instance, sizeof log->instance, "%s", bind_log_identity());
}

static void
bind_log_put_time_format(const char *word)
{
  log_settings()->iso8601 = strcmp(word, "ISO8601") == 0;
  if (strcmp(word, "ISO8601") != 0 && strcmp(word, "numeric") != 0)
    log_warning("setStructuredLogging", "The time format '%s' is not known", word);
}

static void
bind_log_put_structured(const struct value *v)
{
  struct log_settings *log = log_settings();
  if (v[BACKEND].given && !log_backend_from_text(v[BACKEND].string.data, &log->backend))
    log_warning("setStructuredLogging", "The backend '%s' is not known", v[BACKEND].string.data);
  if (v[TIME_FORMAT].given)
    bind_log_put_time_format(v[TIME_FORMAT].string.data);
  if (v[INSTANCE_FROM_ID].given)
    config()->instance_is_server_id = v[INSTANCE_FROM_ID].boolean;
  bind_log_follow_id();
  if (v[INSTANCE].given)
    snprintf(log->instance, sizeof log->instance, "%s", v[INSTANCE].string.data);
}

static int
bind_log_set_structured(struct call *c)
{
  if (config()->phase == PHASE_RUNNING)
    return call_fault(c, FAULT_CAUGHT, "Structured logging is an immutable setting at run time");
  log_settings()->structured = c->args[0].boolean;
  if (c->args[1].given)
    bind_log_put_structured(c->args[1].options);
  return 0;
}

static int
bind_log_set_facility(struct call *c)
{
  static const struct param number_row = {.name = "facility", .type = PARAM_INT, .own = true};
  struct value v;
  int facility;
  if (lua_isnumber(c->lua, 1)) {
    if (!call_read(c, 1, &number_row, &v))
      return -1;
    log_settings()->facility = (int)v.integer;
  } else if (!lua_isstring(c->lua, 1)) {
    return call_wrong_type(c, 1, "integer or string");
  } else if (log_facility_from_text(lua_tostring(c->lua, 1), &facility)) {
    log_settings()->facility = facility;
  }
  return 0;
}

static int
bind_log_set_server_id(struct call *c)
{
  struct configuration *here = config();
  undo_bytes(here->server_id, sizeof here->server_id);
  snprintf(here->server_id, sizeof here->server_id, "%s", c->args[0].string.data);
  bind_log_follow_id();
  return 0;
}

static int
bind_log_get_server_id(struct call *c)
{
  lua_pushstring(c->lua, bind_log_identity());
  return 1;
}

#define TEXT PARAMS({.name = "text", .type = PARAM_STRING})

const struct lua_function functions_log[] = {
    {.name = "errlog",
     .help = "Log a text at level error",
     .params = TEXT,
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_log_err_log},
    {.name = "warnlog",
     .help = "Log a text at level warning",
     .params = TEXT,
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_log_warn_log},
    {.name = "infolog",
     .help = "Log a text at level info",
     .params = TEXT,
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_log_info_log},
    {.name = "vinfolog",
     .help = "Log a text when verbose",
     .params = TEXT,
     .flags = FUNCTION_ANY_THREAD,
     .call = bind_log_verbose_log},
    {.name = "setVerbose",
     .help = "Verbose logging",
     .params = PARAMS({.name = "verbose", .type = PARAM_BOOL}),
     .call = bind_log_set_verbose},
    {.name = "getVerbose",
     .help = "Is logging verbose",
     .returns = "boolean",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_log_get_verbose},
    {.name = "setVerboseLogDestination",
     .help = "Verbose lines go to this file",
     .params = PARAMS({.name = "path", .type = PARAM_STRING}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_log_set_destination},
    {.name = "setStructuredLogging",
     .help = "Log lines as keys and values",
     .params = PARAMS({.name = "enable", .type = PARAM_BOOL},
                      {.name = "options", .type = PARAM_OPTIONS, .optional = true, .options = structured_options}),
     .call = bind_log_set_structured},
    {.name = "setSyslogFacility",
     .help = "Facility of syslog lines, by name or number",
     .params = PARAMS({.name = "facility", .type = PARAM_ANY}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = bind_log_set_facility},
    {.name = "setServerID",
     .help = "Identity of this server",
     .params = PARAMS({.name = "id", .type = PARAM_STRING}),
     .call = bind_log_set_server_id},
    {.name = "getServerID",
     .help = "Identity of this server",
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_log_get_server_id},
    {.name = NULL}};
