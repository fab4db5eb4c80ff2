// SPDX-License-Identifier: BSD-2-Clause
// What scripts have of one configuration: the shared Lua state in which its file ran and its commands run, the functions of
// users that C keeps, callbacks, the history of commands, and what is known about copying functions to workers.
//
// One per configuration, and as many Lua states beside each other: nothing in lua/ that a script can change is anywhere
// else, but for what belongs to the process as a whole (custom metrics, shared counters and tables, the names of built-in
// policies). Made with its configuration and closed with it. Each piece is its module's: callbacks.c, history.c, copies.c,
// policy_builtin.c, script.c; the rest is control_state.c's. Guarded by the configuration's lock, the Lua lock, except
// where a piece says otherwise.
#ifndef LUA_SCRIPTS_SCRIPTS_H
#define LUA_SCRIPTS_SCRIPTS_H

#include "dnsproxy/config/configuration.h"
#include "lua/scripts/callbacks.h"
#include "lua/scripts/copies.h"
#include "lua/scripts/history.h"
#include "lua/scripts/policy_builtin.h"
#include "lua/scripts/script.h"
#include "lua/scripts/script_host.h"

struct included;
struct async_scope; // lua/classes/class_async.c

struct scripts {
  struct configuration *configuration; // that it is part of
  struct script_host host;
  struct ffi_state *ffi;
  struct text output;       // what show...() functions append to
  struct text load_message; // the whole of it: tracebacks are longer than a fault
  struct text load_path;    // the main file
  const char *loading;      // the file that runs, included ones too
  const struct included *including; // the folder whose files run: lua/functions/bind_misc.c, on its stack; NULL: none
  struct script_list *list; // one reference
  struct callbacks callbacks;
  struct history history;
  struct copies_source copies;
  struct builtin_policies policies;
  struct async_scope *spare_scopes;
};

struct scripts *control_scripts(void); // of the configuration that the calling thread holds

#endif
