// SPDX-License-Identifier: BSD-2-Clause
// Functions of no family: other files of configuration, includeDirectory().
//
// A directory is read in the order of names; hidden files and what is no regular file are passed over and told. Each file is
// its own chunk, and a failure says which (binder/load). Lua lock, while the configuration loads and afterwards.
#include "dnsproxy/base/log.h"
#include "lua/binder/classes.h"
#include "lua/binder/load.h"
#include "lua/scripts/scripts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- includeDirectory ----

static int
bind_misc_is_configuration(const struct dirent *e)
{
  const char *ending = strrchr(e->d_name, '.');
  return e->d_name[0] != '.' && ending != NULL && strcmp(ending, ".conf") == 0;
}

// A folder whose files are being run, on the stack of the C function that does: a file in it may name it again.
struct included {
  const struct included *outer;
  dev_t device;
  ino_t inode;
};

static bool
bind_misc_include_again(const struct included *folder)
{
  for (const struct included *f = control_scripts()->including; f != NULL; f = f->outer)
    if (f->device == folder->device && f->inode == folder->inode)
      return true;
  return false;
}

// Says why an entry is passed over; opening a pipe would wait for who writes into it.
static bool
bind_misc_include_can_be_read(const char *path)
{
  struct stat status;
  const char *why = NULL;
  if (stat(path, &status) != 0 || access(path, R_OK) != 0)
    why = strerror(errno);
  else if (!S_ISREG(status.st_mode))
    why = S_ISDIR(status.st_mode) ? "it is a directory" : "it is no file";
  if (why != NULL)
    log_warning("config", "'%s' is passed over by includeDirectory(): %s", path, why);
  return why == NULL;
}

static bool
bind_misc_include_entries(struct call *c, const char *directory, struct text *detail)
{
  struct dirent **entries;
  int count = scandir(directory, &entries, bind_misc_is_configuration, alphasort);
  if (count < 0) {
    log_error("config", "The directory '%s' cannot be included: %s", directory, strerror(errno));
    return true;
  }
  bool good = true;
  for (int i = 0; i < count; i++) {
    struct text path;
    text_init(&path);
    text_printf(&path, "%s/%s", directory, entries[i]->d_name);
    if (good && bind_misc_include_can_be_read(path.data))
      good = load_included(c->lua, path.data, &c->fault, detail);
    text_fini(&path);
    free(entries[i]);
  }
  free(entries);
  return good;
}

static int
bind_misc_include_directory(struct call *c)
{
  const char *directory = c->args[0].string.data;
  struct included folder = {.outer = control_scripts()->including};
  struct stat status;
  if (stat(directory, &status) == 0) {
    folder.device = status.st_dev;
    folder.inode = status.st_ino;
    if (bind_misc_include_again(&folder)) {
      log_warning("config", "'%s' is being included already: a file of it that includes it is not followed", directory);
      return 0;
    }
  }
  struct text detail;
  text_init(&detail);
  control_scripts()->including = &folder;
  bool good = bind_misc_include_entries(c, directory, &detail);
  control_scripts()->including = folder.outer;
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
     .call = bind_misc_include_directory},
    {.name = NULL},
};
