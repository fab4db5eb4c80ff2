// SPDX-License-Identifier: BSD-2-Clause
// The shared Lua state of a configuration: its file, console commands, maintenance(), LuaRule/LuaAction and policies.
//
// The lock of the configuration guards it. Leaving the outermost hold publishes the configuration if it changed and is live.
#ifndef LUA_SCRIPTS_CONTROL_STATE_H
#define LUA_SCRIPTS_CONTROL_STATE_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/text.h"
#include "lua/binder/script_value.h"

#include <lua.h>
#include <stdint.h>

struct configuration;
struct query;

void scripts_open(void); // from now on configurations have a Lua state. Main thread, before the first one
// Each returns the state.
lua_State *control_lock(void); // of the configuration that the thread holds, else of the live one
lua_State *control_lock_of(struct configuration *);
struct ffi_state *control_ffi(void); // of the state: lock held
uint64_t script_budget_ms(const struct query *); // setScriptBudget(); NULL: of a command or maintenance()
void control_unlock(void);      // outermost: publishes
struct text *control_output(void); // what show...() functions append to; emptied before each command

// Runs the configuration file. False: fault has the message; `detail` the second line of address errors, or "".
bool control_load_file(const char *path, struct fault *, struct text *detail);
// Logs what load_file said, in the shapes of cli.md section 2 and errors.md section 1.
void control_report_fault(const struct fault *, const struct text *detail);
// Evaluates a console command as cli.md section 6; appends the answer. True when it succeeded. *effect: not free of side effects.
bool control_execute(const char *command, size_t size, struct text *answer, bool *effect);
void control_maintenance(void); // maintenance() and the callbacks, once a second
void control_exit_callbacks(void);
const char *lua_version_text(void); // "LuaJIT 2.1.0-beta3"

#endif
