// SPDX-License-Identifier: BSD-2-Clause
// EDNS options as scripts see them. Lua lock held.
#ifndef LUA_SCRIPTS_EDNS_VIEW_H
#define LUA_SCRIPTS_EDNS_VIEW_H

#include "dnsproxy/wire/message.h"

#include <lua.h>

// Pushes a table of EDNSOptionView by option code: copies of the values in the message.
void edns_views_push(lua_State *, const uint8_t *message, const struct edns *);

#endif
