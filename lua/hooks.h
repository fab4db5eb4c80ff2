// SPDX-License-Identifier: BSD-2-Clause
// Where lower folders and run/ meet scripts: health checks that ask Lua, callbacks that Lua wants to hear of.
#ifndef LUA_HOOKS_H
#define LUA_HOOKS_H

#include "dnsproxy/pool/health.h"

// prepare(): a backend's checkFunction; changed(): addServerStateChangeCallback(). Work that needs the Lua lock is posted with
// `post`, which runs a function on the control thread (given once at start; before that, and without scripts, done at once).
const struct health_hooks *lua_health_hooks(void);
void lua_hooks_set_post(void (*post)(void (*run)(void *arg), void *arg));

#endif
