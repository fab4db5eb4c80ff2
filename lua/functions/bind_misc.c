// SPDX-License-Identifier: BSD-2-Clause
// Functions of no family: other files of configuration.
#include "dnsproxy/base/log.h"
#include "lua/binder/classes.h"
#include "lua/binder/load.h"

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
    good = good && load_included(c->lua, path, &c->fault, &detail);
    free(entries[i]);
  }
  free(entries);
  if (!good && detail.size > 0)
    fault_set(&c->fault, FAULT_ADDRESS, "%s", detail.data);
  text_fini(&detail);
  return good ? 0 : -1;
}

const struct lua_function functions_misc[] = {
    {.name = "includeDirectory",
     .help = "Run every *.conf file of a directory, in alphabetical order",
     .params = PARAMS({.name = "directory", .type = PARAM_STRING}),
     .flags = FUNCTION_CONFIG_ONLY,
     .call = include_directory},
    {.name = NULL},
};
