// SPDX-License-Identifier: BSD-2-Clause
// Where lower folders and run/ meet scripts: health checks that ask Lua, callbacks that Lua wants to hear of.
#ifndef LUA_FRONT_HOOKS_H
#define LUA_FRONT_HOOKS_H

#include "dnsproxy/backends/health.h"

// prepare(): a backend's checkFunction; validate(): its validator; changed(): addServerStateChangeCallback(). Scripts run on the
// control thread, and what they said is brought back to the keeper: both are given as functions that run another function
// on that thread. Before they are given everything is done at once, on the caller's thread.
const struct health_hooks *lua_health_hooks(void);
typedef void (*lua_post_fn)(void (*run)(void *arg), void *arg);
void lua_hooks_set_post(lua_post_fn control, lua_post_fn keeper);
// Answers what is still waiting, with health stopped and both threads ended. Afterwards as before set_post.
void lua_hooks_close(void);

#endif
