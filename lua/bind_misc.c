// SPDX-License-Identifier: BSD-2-Clause
// Functions of no family: files of configuration, callbacks, what other forms of configuration would need.
#include "dnsproxy/base/log.h"
#include "dnsproxy/base/memory.h"
#include "lua/callbacks.h"
#include "lua/classes.h"
#include "lua/load.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- includeDirectory ----

static int
is_configuration(const struct dirent *e)
{
  const char *ending = strrchr(e->d_name, '.');
  return e->d_name[0] != '.' && ending != NULL && strcmp(ending, ".conf") == 0;
}

static int
include_directory(struct call *c)
{
  const char *directory = c->args[0].string.data;
  struct dirent **entries;
  int count = scandir(directory, &entries, is_configuration, alphasort);
  if (count < 0) {
    log_error("config", "The directory '%s' cannot be included: %s", directory, strerror(errno));
    return 0;
  }
  bool good = true;
  struct text detail;
  text_init(&detail);
  for (int i = 0; i < count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
    good = good && load_chunk(c->lua, path, &c->fault, &detail);
    free(entries[i]);
  }
  free(entries);
  if (!good && detail.size > 0)
    fault_set(&c->fault, FAULT_ADDRESS, "%s", detail.data);
  text_fini(&detail);
  return good ? 0 : -1;
}

// ---- callbacks ----

static int
add_maintenance(struct call *c)
{
  callbacks_add(CALLBACK_MAINTENANCE, c->args[0].object);
  return 0;
}

static int
add_exit(struct call *c)
{
  callbacks_add(CALLBACK_EXIT, c->args[0].object);
  return 0;
}

static int
do_nothing(struct call *c)
{
  (void)c;
  return 0;
}

#define CALLBACK PARAMS({.name = "callback", .type = PARAM_FUNCTION})

const struct lua_function functions_misc[] = {
    {.name = "includeDirectory",
     .help = "Run every *.conf file of a directory, in alphabetical order",
     .params = PARAMS({.name = "directory", .type = PARAM_STRING}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = include_directory},
    {.name = "addMaintenanceCallback",
     .help = "Call a function once a second, like maintenance()",
     .params = CALLBACK,
     .call = add_maintenance},
    {.name = "addExitCallback", .help = "Call a function when the process ends", .params = CALLBACK, .call = add_exit},
    {.name = "enableLuaConfiguration",
     .help = "Make the functions of the configuration available; they always are",
     .flags = FUNCTION_CONFIG_ONLY,
     .call = do_nothing},
    {.name = "refreshRuntimeConfiguration",
     .help = "Look at the newest configuration; every query does",
     .flags = FUNCTION_NO_EFFECT,
     .call = do_nothing},
    {.name = NULL},
};
